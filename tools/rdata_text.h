// tools/rdata_text.h - RDATA from its presentation form, for the types that rows mostly hold.
//
// Threads: pure. Errors: nothing, for text that is malformed or of a type that is not known here: no
// guess is ever made.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace zonesweep::tools {

// The octets, names in it not compressed. RFC 3597 form (\# 4 0a000001) is taken for every type.
[[nodiscard]] std::optional<std::string> rdata_from_text(uint16_t type, std::string_view text);

}  // namespace zonesweep::tools
