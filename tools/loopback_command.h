// tools/loopback_command.h - `zonesweep loopback`: the loopback internet as a program.
//
// Threads: the main thread. Errors: exit codes of docs; one line on stderr says what happened.
#pragma once

#include <string>
#include <vector>

#include "tools/loopback/dns_server.h"
#include "tools/loopback/registration_servers.h"

namespace CLI {
class App;
}

namespace zonesweep::tools {

struct LoopbackOptions {
  loopback::DnsServerOptions dns;
  loopback::RegistrationOptions registration;
  std::string listen = "127.0.0.1";
  uint16_t port = 5300;
  bool statistics = false;          // JSON on stdout at the end
  std::string statistics_path;      // and there
  int ready_fd = -1;                // the line `ready ADDR:PORT` goes there instead of stdout
  std::vector<std::string> expect;  // NAME [TYPE]: print what the world says, and end
};

void add_options(CLI::App& command, LoopbackOptions& options);

// Serves until SIGINT or SIGTERM. Returns the exit code.
int run_loopback(const LoopbackOptions& options);

}  // namespace zonesweep::tools
