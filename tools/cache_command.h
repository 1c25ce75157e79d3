// tools/cache_command.h - `zonesweep cache stats|clear|warm FILE`: the file that --cache-file keeps.
//
// Threads: the main thread. Errors: 2 usage, 4 no such file, or not one of ours, 5 it cannot be written,
// 6 another process uses it; one line each on stderr.
#pragma once

#include <string>
#include <vector>

#include "io/transport.h"

namespace CLI {
class App;
}

namespace zonesweep::tools {

struct CacheCommand {
  enum class Action { stats, clear, warm } action = Action::stats;
  std::string file;
  bool json = false;                 // stats
  std::string suffix;                // clear: names that end so; empty: all
  io::Duration older_than{};         // clear: 0: of any age
  std::vector<std::string> sources;  // warm: files with names, folders of earlier runs
  std::vector<std::string> types{"A"};
  std::vector<std::string> resolvers{"system"};
};

void add_options(CLI::App& command, CacheCommand& options);
int run_cache(const CacheCommand& options);

}  // namespace zonesweep::tools
