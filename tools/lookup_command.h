// tools/lookup_command.h - `zonesweep lookup`: a few names, for people.
//
// Threads: the main thread. Errors: the fixed exit codes.
#pragma once

#include <string>
#include <vector>

#include "engine/dns_lane.h"
#include "tools/registration_options.h"

namespace CLI {
class App;
}

namespace zonesweep::tools {

struct LookupCommand {
  std::vector<std::string> names;
  std::vector<std::string> probes;  // none given: dns and registration
  std::vector<std::string> types;   // none given: A, AAAA, MX, NS
  std::vector<std::string> resolvers{"system"};
  engine::DnsLaneOptions lane;
  RegistrationChoice registration;
  bool asks_dns = false;
  bool asks_registration = false;
  std::vector<io::Endpoint> lane_resolvers;  // those of `resolvers`
  bool json = false;
  std::string color = "auto";
};

void add_options(CLI::App& command, LookupCommand& options);
int run_lookup(LookupCommand options);

}  // namespace zonesweep::tools
