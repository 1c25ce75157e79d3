// zonesweep: one subcommand per file; this one only chooses.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <string>

#include "engine/scan.h"
#include "tools/cache_command.h"
#include "tools/lookup_command.h"
#include "tools/loopback_command.h"
#include "tools/parse_command.h"
#include "tools/say.h"
#include "tools/scan_command.h"
#include "tools/shards_command.h"

namespace {

using namespace zonesweep;

constexpr std::array<std::string_view, 6> kCommands{"scan",  "lookup", "shards",
                                                    "cache", "parse",  "loopback"};

// How many single-letter edits lie between two words.
size_t distance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = std::exchange(row[0], i);
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, replaced});
    }
  }
  return row[b.size()];
}

int usage(const std::string& message) {
  tools::say(stderr, "zonesweep: {}\n", tools::printable(message));
  return engine::exit_code::kUsage;
}

int unknown_command(std::string_view word) {
  const auto nearest =
      std::ranges::min_element(kCommands, {}, [&](auto c) { return distance(word, c); });
  const bool near = distance(word, *nearest) <= 2;
  return usage(fmt::format("no command '{}'{}; see zonesweep --help", word,
                           near ? fmt::format("; did you mean '{}'?", *nearest) : ""));
}

std::string joined(int argc, char** argv) {
  std::string line;
  for (int i = 0; i < argc; ++i) line += (i > 0 ? " " : "") + tools::without_secrets(argv[i]);
  return line;
}

}  // namespace

int main(int argc, char** argv) {
  tools::hold_standard_descriptors();
  CLI::App app{
      "zonesweep: millions of names through DNS into shards that a warehouse loads as they are"};
  app.set_version_flag("--version", std::string("zonesweep ") + ZONESWEEP_VERSION);
  app.set_config("--config", "", "read options from a file (TOML; a section per command)");
  app.require_subcommand(1);
  app.fallthrough();

  tools::ScanCommand scan;
  tools::LookupCommand lookup;
  tools::ShardsOptions shards;
  tools::CacheCommand cache;
  tools::ParseOptions parse;
  tools::LoopbackOptions loopback;
  auto* scan_command =
      app.add_subcommand("scan", "names from files, asked and written into shards");
  auto* shards_command =
      app.add_subcommand("shards", "list, check or print the shards of a folder");
  auto* cache_command = app.add_subcommand("cache", "what a scan's --cache-file holds");
  auto* lookup_command = app.add_subcommand("lookup", "a few names, for people");
  auto* parse_command =
      app.add_subcommand("parse", "recorded answers of WHOIS, RDAP or DNS to rows");
  auto* loopback_command =
      app.add_subcommand("loopback", "the loopback internet: a DNS world on 127.0.0.1");
  tools::add_options(*scan_command, scan);
  tools::add_options(*lookup_command, lookup);
  tools::add_options(*shards_command, shards);
  tools::add_options(*cache_command, cache);
  tools::add_options(*parse_command, parse);
  tools::add_options(*loopback_command, loopback);

  if (argc > 1 && argv[1][0] != '-' && std::ranges::find(kCommands, argv[1]) == kCommands.end()) {
    return unknown_command(argv[1]);
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& wanted) {
    return app.exit(wanted);  // --help, --version
  } catch (const CLI::ParseError& error) {
    return usage(std::string(error.what()) + "; see --help");
  }
  if (*scan_command) {
    scan.command_line = joined(argc, argv);
    return tools::run_scan(std::move(scan));
  }
  if (*shards_command) return tools::run_shards(shards);
  if (*lookup_command) return tools::run_lookup(std::move(lookup));
  if (*cache_command) return tools::run_cache(cache);
  if (*parse_command) return tools::run_parse(parse);
  return tools::run_loopback(loopback);
}
