// protocols/whois/idna.h - names in the script of their users, as A-labels.
//
// Threads:    any; the ICU object is built once, at first use, and is immutable.
#pragma once

#include <string_view>

#include "protocols/registration/text_arena.h"

namespace zonesweep::whois {

// UTS 46, lower case; empty when the text is no name.
[[nodiscard]] std::string_view to_a_labels(std::string_view name, registration::TextArena& arena);

}  // namespace zonesweep::whois
