// tools/scan_command.h - `zonesweep scan`: names from files through DNS and registration into shards.
//
// Threads: the main thread. Errors: the fixed exit codes, and one line on stderr that says what to
// do.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "engine/scan.h"
#include "tools/progress.h"
#include "tools/registration_options.h"
#include "tools/units.h"

namespace CLI {
class App;
}

namespace zonesweep::tools {

struct ScanCommand {
  engine::ScanOptions scan;
  std::vector<std::string> types{"A"};
  std::vector<std::string> resolvers{"system"};
  std::vector<std::string> probes{"dns"};
  std::string format = "ndjson";
  std::optional<engine::Compression> compression;  // zstd into a folder, none to stdout
  Split split;
  io::Duration redis_timeout = engine::limits::kRedisTimeoutDefault;
  RegistrationChoice registration;
  bool asks_registration = false;
  ProgressMode progress = ProgressMode::automatic;
  std::string command_line;  // for _run.json
};

void add_options(CLI::App& command, ScanCommand& options);

// Returns the exit code.
int run_scan(ScanCommand options);

}  // namespace zonesweep::tools
