// engine/registration_verdict.h - what an answer of a registry means for its row.
//
// Threads:    pure functions.
// Invariants: RegistrationStatus::not_found only for a whole answer with Outcome::available.
#pragma once

#include <string_view>

#include "engine/registration_record.h"
#include "protocols/rdap/parser.h"
#include "protocols/whois/parser.h"

namespace zonesweep::engine {

struct RegistrationVerdict {
  RegistrationStatus status = RegistrationStatus::bad_data;
  std::string_view error;  // static text; empty when there is nothing to say
};

// `cut`: the peer reset the connection, or a deadline ended the answer.
[[nodiscard]] RegistrationVerdict verdict_of(whois::Problem problem, const Registration& answer,
                                             bool cut) noexcept;

// Of a body that came with status 200, or with a 4xx or 5xx and an RDAP error object.
[[nodiscard]] RegistrationVerdict verdict_of(rdap::Problem problem,
                                             const Registration& answer) noexcept;

}  // namespace zonesweep::engine
