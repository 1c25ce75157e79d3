#include "protocols/zone/name_block.h"

#include <algorithm>

namespace zonesweep::zone {

std::string_view name_of(Illegal reason) noexcept {
  switch (reason) {
    case Illegal::none: return "none";
    case Illegal::not_a_name: return "not_a_name";
    case Illegal::url: return "url";
    case Illegal::email: return "email";
    case Illegal::empty_label: return "empty_label";
    case Illegal::label_too_long: return "label_too_long";
    case Illegal::name_too_long: return "name_too_long";
    case Illegal::bad_escape: return "bad_escape";
    case Illegal::bad_utf8: return "bad_utf8";
    case Illegal::bad_idna: return "bad_idna";
    case Illegal::line_too_long: return "line_too_long";
    case Illegal::missing_column: return "missing_column";
    case Illegal::bad_quotes: return "bad_quotes";
  }
  return "unknown";
}

void Arena::grow(uint32_t n) {
  const uint32_t capacity = std::max({size_ + n, capacity_ * 2, uint32_t{64 * 1024}});
  auto bytes = std::make_unique_for_overwrite<char[]>(capacity);
  if (size_ != 0) std::memcpy(bytes.get(), bytes_.get(), size_);
  bytes_ = std::move(bytes);
  capacity_ = capacity;
}

}  // namespace zonesweep::zone
