// tools/registration_options.h - the options of everything that asks WHOIS and RDAP.
//
// Threads: start-up. Errors: as CLI11 reports them, exit code 2.
#pragma once

#include <string>
#include <vector>

#include "engine/registration_run.h"

namespace CLI {
class App;
}

namespace zonesweep::tools {

struct RegistrationChoice {
  engine::RegistrationSetup setup;
  std::string contact;
  bool refresh = false;                             // the bootstrap file, from IANA
  io::Duration timeout = std::chrono::seconds{20};  // FAULTS 3.4, of one exchange
  std::vector<std::string> allow_private;           // as given, for _run.json
};

void add_registration_options(CLI::App& command, RegistrationChoice& choice);

// What the options mean together. Not empty: what is wrong.
[[nodiscard]] std::string settle(RegistrationChoice& choice);

// An object, for _run.json.
[[nodiscard]] std::string configuration_json(const RegistrationChoice& choice);

}  // namespace zonesweep::tools
