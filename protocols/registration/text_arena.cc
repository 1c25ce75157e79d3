#include "protocols/registration/text_arena.h"

#include <algorithm>

namespace zonesweep::registration {
namespace {

constexpr size_t kBlockBytes = 16 * 1024;  // the texts of nearly every answer

}  // namespace

std::span<char> TextArena::room(size_t size) {
  while (block_ < blocks_.size() && blocks_[block_].size - at_ < size) {
    ++block_;
    at_ = 0;
  }
  if (block_ == blocks_.size()) {
    const size_t wanted = std::max(size, kBlockBytes);
    blocks_.push_back({std::make_unique_for_overwrite<char[]>(wanted), wanted});
    at_ = 0;
  }
  char* const begin = blocks_[block_].bytes.get() + at_;
  at_ += size;
  return {begin, size};
}

std::string_view TextArena::store(std::string_view text) {
  const std::span<char> place = room(text.size());
  std::ranges::copy(text, place.begin());
  return {place.data(), place.size()};
}

std::string_view TextArena::store_lower(std::string_view text) {
  const std::span<char> place = room(text.size());
  std::ranges::transform(text, place.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
  });
  return {place.data(), place.size()};
}

void TextArena::clear() noexcept {
  block_ = 0;
  at_ = 0;
}

}  // namespace zonesweep::registration
