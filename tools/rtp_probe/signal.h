// The known signal: a sweep from 300 to 3400 Hz in PCMA, 20 ms frames, every frame different from every other, so that
// a received payload names its place in the signal and any changed bit is noticed. Sends nothing.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

namespace rtp_probe {

inline constexpr std::size_t frame_samples = 160;  // 20 ms at 8 kHz
inline constexpr int sample_rate = 8'000;
using Frame = std::array<std::uint8_t, frame_samples>;

std::uint8_t alaw_encode(std::int16_t sample);  // ITU-T G.711
std::int16_t alaw_decode(std::uint8_t code);

// Two kinds of silence in A-law: what a probe sends until it hears the other, and what it sends then.
inline constexpr std::uint8_t calling = 0xD5;
inline constexpr std::uint8_t heard = 0x55;
Frame silence(std::uint8_t kind);
bool is_silence(std::span<const std::uint8_t> payload, std::uint8_t kind);

Frame tone_frame(double hz, std::size_t index);

class Signal {
public:
    explicit Signal(std::size_t frames);

    std::size_t size() const { return frames_.size(); }
    const Frame& operator[](std::size_t index) const { return frames_[index]; }
    // Which frame this payload is; nothing when it is none, not even nearly.
    std::optional<std::size_t> find(std::span<const std::uint8_t> payload) const;

private:
    std::vector<Frame> frames_;
    std::unordered_map<std::string, std::size_t> index_;
};

// Writes 8 kHz mono 16-bit PCM; false when the file cannot be written.
bool write_wav(const std::string& path, const std::vector<std::int16_t>& samples);

}  // namespace rtp_probe
