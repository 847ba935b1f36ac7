#include "tools/rtp_probe/signal.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <memory>
#include <numbers>

namespace rtp_probe {

namespace {

constexpr double amplitude = 12'000;
constexpr double lowest_hz = 300, highest_hz = 3'400, sweep_seconds = 7.03;  // not a whole number of frames

std::string key(std::span<const std::uint8_t> payload) {
    return {reinterpret_cast<const char*>(payload.data()), payload.size()};
}

}  // namespace

std::uint8_t alaw_encode(std::int16_t sample) {
    const bool negative = sample < 0;
    int magnitude = std::min((negative ? ~static_cast<int>(sample) : static_cast<int>(sample)) >> 4, 0x7FF);
    int code = 0;
    if (magnitude >= 32) {
        int segment = 1;
        for (int m = magnitude >> 6; m != 0; m >>= 1) ++segment;
        code = (segment << 4) | ((magnitude >> segment) & 0x0F);
    } else {
        code = magnitude >> 1;
    }
    return static_cast<std::uint8_t>((negative ? code : code | 0x80) ^ 0x55);
}

std::int16_t alaw_decode(std::uint8_t code) {
    const int bits = code ^ 0x55;
    const int segment = (bits >> 4) & 0x07;
    int magnitude = ((bits & 0x0F) << 4) + 8;
    if (segment != 0) magnitude = (magnitude + 0x100) << (segment - 1);
    return static_cast<std::int16_t>((bits & 0x80) != 0 ? magnitude : -magnitude);
}

Frame silence(std::uint8_t kind) {
    Frame frame;
    frame.fill(kind);
    return frame;
}

bool is_silence(std::span<const std::uint8_t> payload, std::uint8_t kind) {
    return payload.size() == frame_samples &&
           std::all_of(payload.begin(), payload.end(), [&](auto b) { return b == kind; });
}

Frame tone_frame(double hz, std::size_t index) {
    Frame frame;
    for (std::size_t i = 0; i < frame_samples; ++i) {
        const double t = static_cast<double>(index * frame_samples + i) / sample_rate;
        frame[i] = alaw_encode(static_cast<std::int16_t>(amplitude * std::sin(2 * std::numbers::pi * hz * t)));
    }
    return frame;
}

Signal::Signal(std::size_t frames) : frames_(frames) {
    double phase = 0;
    std::uint32_t number = 0;
    for (std::size_t index = 0; index < frames; ++index) {
        for (std::size_t i = 0; i < frame_samples; ++i) {
            const double t = static_cast<double>(number++) / sample_rate;
            const double place = std::abs(std::fmod(t, 2 * sweep_seconds) / sweep_seconds - 1);  // down, then up again
            phase += 2 * std::numbers::pi * (lowest_hz + (highest_hz - lowest_hz) * place) / sample_rate;
            frames_[index][i] = alaw_encode(static_cast<std::int16_t>(amplitude * std::sin(phase)));
        }
        // The frame's number rides on lowest bits, inaudibly: long signals repeat the sweep, but never a frame.
        for (std::size_t bit = 0; bit < 24; ++bit) {
            frames_[index][bit * 6] =
                static_cast<std::uint8_t>((frames_[index][bit * 6] & ~1u) | ((index >> bit) & 1u));
        }
        index_.emplace(key(frames_[index]), index);
    }
}

std::optional<std::size_t> Signal::find(std::span<const std::uint8_t> payload) const {
    const auto found = index_.find(key(payload));
    return found == index_.end() ? std::nullopt : std::optional(found->second);
}

bool write_wav(const std::string& path, const std::vector<std::int16_t>& samples) {
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "wb"), std::fclose);
    if (!file) return false;
    std::string bytes;
    const auto put = [&](std::uint32_t value, int count) {
        for (int i = 0; i < count; ++i) bytes.push_back(static_cast<char>(value >> (8 * i)));
    };
    const auto data_bytes = static_cast<std::uint32_t>(samples.size() * 2);
    bytes += "RIFF";
    put(36 + data_bytes, 4);
    bytes += "WAVEfmt ";
    put(16, 4);
    put(1, 2);  // PCM
    put(1, 2);  // mono
    put(sample_rate, 4);
    put(sample_rate * 2, 4);
    put(2, 2);
    put(16, 2);
    bytes += "data";
    put(data_bytes, 4);
    for (const auto sample : samples) put(static_cast<std::uint16_t>(sample), 2);
    return std::fwrite(bytes.data(), 1, bytes.size(), file.get()) == bytes.size();
}

}  // namespace rtp_probe
