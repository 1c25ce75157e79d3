// engine/parked_name.h - a name that waits for its backend, as compact bytes.
//
// Threads:    value types and pure functions.
// Invariants: decode() of what encode() wrote gives the same values.
// Ownership:  the views of a decoded name borrow from the bytes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "engine/registration_record.h"

namespace zonesweep::engine {

// What the name waits for.
enum class RegistrationStep : uint8_t {
  rdap,
  whois,
  iana,            // which WHOIS server its zone has
  registrar_rdap,  // the registrar's own data: the registry has answered
  registrar_whois,
};

struct ParkedName {
  uint64_t chunk = 0;
  uint64_t seq = 0;
  RegistrationStep step = RegistrationStep::rdap;
  uint8_t tries = 0;       // exchanges so far, over all steps
  uint8_t step_tries = 0;  // of this step
  uint8_t throttles = 0;
  uint8_t redirects = 0;
  bool shared_asked = false;                            // the shared tier does not know it
  RegistrationStatus failure = RegistrationStatus::ok;  // of the last try
  std::string_view name;                                // A-labels, lower case
  std::string_view input;
  std::string_view reason;  // of `failure`
  std::string_view target;  // a redirect's or a referral's URL, a registrar's WHOIS server
  // The registry's answer, while the registrar is asked.
  RegistrationSource registry_source = RegistrationSource::none;
  std::string_view registry_server;
  std::string_view registry_answer;
};

void encode(const ParkedName& name, std::string& out);
[[nodiscard]] ParkedName decode(std::string_view bytes);

}  // namespace zonesweep::engine
