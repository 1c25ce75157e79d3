// tools/shards_command.h - `zonesweep shards ls|verify|cat DIR`: what a run has written.
//
// Threads: the main thread. Errors: exit codes 0, 2, 5 and 7 of docs; problems go to stderr, a line
// each.
#pragma once

#include <string>

namespace CLI {
class App;
}

namespace zonesweep::tools {

struct ShardsOptions {
  enum class Action { ls, verify, cat } action = Action::ls;
  std::string directory;
  std::string table;        // cat: only this one
  bool unfinished = false;  // verify: a run that has not ended is no problem
  int stdout_fd = 1;
};

void add_options(CLI::App& command, ShardsOptions& options);

// Returns the exit code.
int run_shards(const ShardsOptions& options);

}  // namespace zonesweep::tools
