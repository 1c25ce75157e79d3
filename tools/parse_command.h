// tools/parse_command.h - `zonesweep parse whois|rdap|dns FILE`: recorded answers to rows.
//
// Threads: the main thread. Errors: exit codes 0, 2, 4 and 5; one line on stderr.
#pragma once

#include <cstddef>
#include <string>

namespace CLI {
class App;
}

namespace zonesweep::tools {

struct ParseOptions {
  std::string protocol;  // whois, rdap or dns
  std::string file;      // "-": stdin
  std::string name;      // that was asked; empty: take the answer's word
  std::string server;
  std::string list;       // TSV: file, name, server; rows in that order
  bool raw = false;       // the answer itself goes into the row
  size_t feed_bytes = 0;  // whois: hand the answer over in pieces, as a network does; 0: whole
  int stdout_fd = 1;
};

void add_options(CLI::App& command, ParseOptions& options);

// Returns the exit code.
int run_parse(const ParseOptions& options);

}  // namespace zonesweep::tools
