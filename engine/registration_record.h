// engine/registration_record.h - what is written for one name: one row of the table `registration`.
//
// Threads:    value types and pure functions.
// Invariants: `registered` is false only with RegistrationStatus::not_found, and that only with
//             Outcome::available, which a parser gives to explicit negative answers alone.
// Ownership:  a RegistrationRecord borrows everything; it lives for the call that encodes it.
// Units:      rtt in microseconds; ts in microseconds since the Unix epoch, UTC.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "protocols/registration/registration.h"

namespace zonesweep::engine {

using registration::Outcome;
using registration::Registration;

enum class RegistrationStatus : uint8_t {
  ok,  // the server answered; `outcome` says what
  not_found,
  rate_limited,  // throttled or refused
  partial,       // the answer was cut, or the server held something back
  timeout,
  net_error,
  tls_error,
  http_error,
  redirect_blocked,
  too_large,
  bad_data,  // no answer, or one that proves nothing
  empty,
  no_server,
  illegal_input,
  cancelled,
};
inline constexpr size_t kRegistrationStatusCount =
    static_cast<size_t>(RegistrationStatus::cancelled) + 1;
[[nodiscard]] std::string_view name_of(RegistrationStatus status) noexcept;

// The status of a row whose server answered.
[[nodiscard]] RegistrationStatus status_of(const Registration& answer) noexcept;
// true, false, or neither.
[[nodiscard]] std::optional<bool> registered_of(const Registration& answer,
                                                RegistrationStatus status) noexcept;

enum class RegistrationSource : uint8_t { none, rdap, whois };
[[nodiscard]] std::string_view name_of(RegistrationSource source) noexcept;

struct RegistrationRecord {
  uint64_t seq = 0;
  std::string_view input;   // as it stood in the file: any bytes
  std::string_view name;    // A-labels, lower case; empty for illegal input
  std::string_view domain;  // the registrable domain that was asked for
  RegistrationStatus status = RegistrationStatus::timeout;
  RegistrationSource source = RegistrationSource::none;
  std::string_view server;               // host name or base URL; empty when none was asked
  const Registration* answer = nullptr;  // null where no server answered
  uint32_t tries = 0;
  uint32_t rtt_us = 0;
  bool cached = false;
  int64_t ts_us = 0;
  std::string_view error;  // a short reason, ASCII; empty when there is none
  std::string_view raw;    // the answer as it came; only with --raw
};

// Appends one line, the newline included: docs/formats/registration-rows.md. Allocates only when
// `out` has to grow.
void append_ndjson(const RegistrationRecord& record, std::string& out);

}  // namespace zonesweep::engine
