// tools/loopback/registration_expect.h - the row of the table `registration` that a name must get,
// from the world alone.
//
// Threads: pure.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

#include "tools/loopback/registration_world.h"

namespace zonesweep::loopback {

enum class RegistrationProbe : uint8_t { whois, rdap, registration };
[[nodiscard]] std::expected<RegistrationProbe, std::string> probe_from_text(std::string_view text);

// One line of JSON with those members of docs/formats/registration-rows.md that the world decides.
// Where several ends are right (a slow server is cut off sooner or later), `status` is a list and
// the facts are left out.
[[nodiscard]] std::string expected_registration(const RegistrationWorld& world,
                                                std::string_view name, RegistrationProbe probe);

}  // namespace zonesweep::loopback
