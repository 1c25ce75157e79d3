// protocols/registration/epp_status.h - the words for the state of a domain, in one spelling.
//
// Threads:    pure functions.
// Ownership:  results are static text.
#pragma once

#include <string_view>

#include "protocols/registration/registration.h"

namespace zonesweep::registration {

// "client transfer prohibited", "CLIENT_TRANSFER_PROHIBITED", "clientTransferProhibited" and the
// like in the spelling of EPP (RFC 5731, RFC 3915); empty for a text that is no EPP status.
[[nodiscard]] std::string_view epp_status(std::string_view text) noexcept;

// A status of RDAP in the words of EPP (RFC 8056): "active" is ok, "associated" is linked. Empty
// where EPP has no word for it.
[[nodiscard]] std::string_view epp_status_of_rdap(std::string_view text) noexcept;

// The place in the life cycle that EPP statuses tell; registered when they tell none.
[[nodiscard]] Outcome life_cycle_of(std::string_view status) noexcept;

// Whether `text` is this word, whatever its case, blanks, hyphens and underscores.
[[nodiscard]] bool same_letters(std::string_view text, std::string_view folded) noexcept;

}  // namespace zonesweep::registration
