"""Is a tone in a recording, or in G.711? Goertzel's algorithm over samples, without any library for it."""
import math
import struct
import wave


def samples(path):
    with wave.open(str(path)) as recording:
        if recording.getsampwidth() != 2:
            raise ValueError(f'{path}: {8 * recording.getsampwidth()} bits a sample, 16 expected')
        frames = recording.readframes(recording.getnframes())
        values = struct.unpack(f'<{len(frames) // 2}h', frames)
        return values[::recording.getnchannels()], recording.getframerate()


def from_alaw(octets):
    """Samples of A-law (G.711)."""
    def sample(octet):
        octet ^= 0x55
        exponent, mantissa = octet >> 4 & 7, (octet & 15) << 4
        value = mantissa + 8 if exponent == 0 else mantissa + 0x108 << exponent - 1
        return value if octet & 0x80 else -value
    return [sample(octet) for octet in octets]


def power_at(values, rate, hertz):
    """Share of the signal's power that is at this frequency: 1 for a pure tone, near 0 without it."""
    total = sum(v * v for v in values)
    if not total:
        return 0.0
    coefficient = 2 * math.cos(2 * math.pi * hertz / rate)
    before, last = 0.0, 0.0
    for value in values:
        before, last = last, value + coefficient * last - before
    power = last * last + before * before - coefficient * last * before
    return 2 * power / (len(values) * total)


def tone_seconds(path, hertz, share=0.7, window=0.1, loudness=300):
    """For how many seconds of the recording the tone is what one hears."""
    values, rate = samples(path)
    step = int(rate * window)
    heard = 0.0
    for start in range(0, len(values) - step + 1, step):
        part = values[start:start + step]
        loud = math.sqrt(sum(v * v for v in part) / step)
        if loud > loudness and power_at(part, rate, hertz) >= share:
            heard += window
    return heard
