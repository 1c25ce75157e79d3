// protocols/registration/registration.h - what a registry says about a domain, whichever protocol
// it spoke.
//
// Threads:    value types.
// Invariants: (1) every text is valid UTF-8 without control characters; (2) hosts and `domain` are
//             lower case without the final dot; (3) outcome `available` only on an explicit
//             negative answer to the question that was asked.
// Ownership:  all views borrow from the parser that filled the value; its next parse ends them.
// Units:      retry_after_s in seconds.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "protocols/registration/date.h"

namespace zonesweep::registration {

// What the answer means. The life-cycle words from `redemption` to `other` are of names that are
// in the registry but not in plain use.
enum class Outcome : uint8_t {
  unknown,  // text that proves nothing
  registered,
  available,
  reserved,
  unavailable,  // not registered and cannot be: prohibited, premium, blocked
  invalid,      // the server refused the name or the query as malformed
  throttled,
  error,
  incomplete,
  empty,
  refused,          // this client may not ask
  unsupported_tld,  // not this server's zone
  redemption,
  pending_delete,
  expired,
  inactive,
  suspended,
  locked,
  not_assigned,
  to_be_released,
  deactivated,
  unconfirmed,
  other,
};
inline constexpr size_t kOutcomeCount = static_cast<size_t>(Outcome::other) + 1;

[[nodiscard]] std::string_view name_of(Outcome outcome) noexcept;
// Outcome::unknown for a word that is none.
[[nodiscard]] Outcome outcome_from_name(std::string_view word) noexcept;

// Registered, whatever its place in the life cycle.
[[nodiscard]] constexpr bool is_registered(Outcome outcome) noexcept {
  return outcome == Outcome::registered || outcome >= Outcome::redemption;
}

enum class Dnssec : uint8_t { unstated, unsigned_delegation, signed_delegation };

struct HostAddress {
  uint32_t host = 0;  // index in nameservers
  std::string_view address;
};

struct Registration {
  Outcome outcome = Outcome::unknown;
  std::string_view domain;  // A-labels where the answer has them, else its U-labels
  std::string_view domain_id;
  std::string_view registrar;
  std::string_view registrar_iana_id;
  std::string_view registrar_id;  // any other handle of the registrar
  std::string_view registrar_url;
  std::string_view referral;  // the registrar's WHOIS server, or its RDAP URL
  Date created;
  Date updated;
  Date expires;                            // of the registry, where it is told apart
  Date registrar_expires;                  // of the registrar
  std::vector<std::string_view> statuses;  // EPP spelling where it is an EPP status
  std::vector<std::string_view> nameservers;
  std::vector<HostAddress> nameserver_addresses;
  Dnssec dnssec = Dnssec::unstated;
  std::string_view registrant_org;
  std::string_view registrant_country;
  std::string_view abuse_email;
  std::string_view abuse_phone;
  uint32_t retry_after_s = 0;  // of a throttled answer that says how long; 0: it does not
  uint32_t redactions = 0;     // RFC 9537
  bool truncated = false;      // the server says that it left something out

  // Empty again, the capacity of its lists kept.
  void clear() noexcept;
};

}  // namespace zonesweep::registration
