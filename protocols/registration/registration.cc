#include "protocols/registration/registration.h"

#include <array>
#include <utility>

namespace zonesweep::registration {
namespace {

constexpr std::array<std::string_view, kOutcomeCount> kOutcomeWords = {
    "unknown",     "registered",      "available",  "reserved",       "unavailable",
    "invalid",     "throttled",       "error",      "incomplete",     "empty",
    "refused",     "unsupported_tld", "redemption", "pending_delete", "expired",
    "inactive",    "suspended",       "locked",     "not_assigned",   "to_be_released",
    "deactivated", "unconfirmed",     "other"};

}  // namespace

std::string_view name_of(Outcome outcome) noexcept {
  return kOutcomeWords[static_cast<size_t>(outcome)];
}

Outcome outcome_from_name(std::string_view word) noexcept {
  for (size_t i = 0; i < kOutcomeCount; ++i) {
    if (kOutcomeWords[i] == word) return static_cast<Outcome>(i);
  }
  return Outcome::unknown;
}

void Registration::clear() noexcept {
  Registration empty;
  empty.statuses = std::move(statuses);
  empty.nameservers = std::move(nameservers);
  empty.nameserver_addresses = std::move(nameserver_addresses);
  empty.statuses.clear();
  empty.nameservers.clear();
  empty.nameserver_addresses.clear();
  *this = std::move(empty);
}

}  // namespace zonesweep::registration
