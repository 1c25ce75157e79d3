// engine/text_hash.h - tables keyed by text that are searched with a view: Abseil's own hash of
// this system wants its own string_view.
#pragma once

#include <absl/container/flat_hash_map.h>
#include <absl/container/flat_hash_set.h>

#include <functional>
#include <string>
#include <string_view>

namespace zonesweep::engine {

struct TextHash {
  using is_transparent = void;
  size_t operator()(std::string_view text) const noexcept {
    return std::hash<std::string_view>{}(text);
  }
};

using TextSet = absl::flat_hash_set<std::string, TextHash, std::equal_to<>>;
template <typename Value>
using TextMap = absl::flat_hash_map<std::string, Value, TextHash, std::equal_to<>>;

}  // namespace zonesweep::engine
