#include "protocols/dns/stream.h"

#include <algorithm>
#include <cstring>

namespace zonesweep::dns {
namespace {

constexpr size_t kPrefix = 2;

size_t prefix_of(const std::byte* bytes) noexcept {
  return std::to_integer<size_t>(bytes[0]) << 8 | std::to_integer<size_t>(bytes[1]);
}

}  // namespace

std::optional<std::span<const std::byte>> StreamReader::next() noexcept {
  if (lent_) {
    lent_ = false;
    held_ = 0;
  }
  if (held_ == 0) {
    if (fed_.size() >= kPrefix && fed_.size() - kPrefix >= prefix_of(fed_.data())) {
      const auto message = fed_.subspan(kPrefix, prefix_of(fed_.data()));
      fed_ = fed_.subspan(kPrefix + message.size());
      return message;
    }
    hold(fed_.size());
    return std::nullopt;
  }
  if (held_ < kPrefix) hold(kPrefix - held_);
  if (held_ < kPrefix) return std::nullopt;
  const size_t whole = kPrefix + prefix_of(buffer_.data());
  hold(whole - held_);
  if (held_ < whole) return std::nullopt;
  lent_ = true;
  return std::span<const std::byte>(buffer_).subspan(kPrefix, whole - kPrefix);
}

// Moves up to `size` octets from the fed bytes to the buffer.
void StreamReader::hold(size_t size) noexcept {
  const size_t taken = std::min(size, fed_.size());
  if (taken != 0) std::memcpy(buffer_.data() + held_, fed_.data(), taken);
  held_ += taken;
  fed_ = fed_.subspan(taken);
}

void StreamReader::reset() noexcept {
  fed_ = {};
  held_ = 0;
  lent_ = false;
}

}  // namespace zonesweep::dns
