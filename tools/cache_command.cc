#include "tools/cache_command.h"

#include <fcntl.h>
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <array>
#include <filesystem>

#include "cache/file_tier.h"
#include "engine/scan.h"
#include "tools/cache_rows.h"
#include "tools/option_values.h"
#include "tools/say.h"
#include "tools/scan_command.h"

namespace zonesweep::tools {
namespace {

using cache::FileProblem;
using cache::FileStatistics;
using cache::FileTier;
namespace exit_code = engine::exit_code;

int fail(int code, std::string_view message) {
  say(stderr, "zonesweep: {}\n", printable(message));
  return code;
}

int64_t wall_now_s() {
  return std::chrono::duration_cast<std::chrono::seconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

int exit_code_of(const FileProblem& problem) {
  return problem.kind == FileProblem::Kind::locked ? exit_code::kInUse : exit_code::kInput;
}

std::string span_text(int64_t seconds) {
  if (seconds < 60) return fmt::format("{}s", seconds);
  if (seconds < 3'600) return fmt::format("{}m{:02}s", seconds / 60, seconds % 60);
  if (seconds < 86'400) return fmt::format("{}h{:02}m", seconds / 3'600, seconds / 60 % 60);
  return fmt::format("{}d{:02}h", seconds / 86'400, seconds / 3'600 % 24);
}

std::string bytes_text(uint64_t bytes) {
  if (bytes < 1 << 20) return fmt::format("{:.1f} KiB", static_cast<double>(bytes) / 1024);
  return fmt::format("{:.1f} MiB", static_cast<double>(bytes) / (1 << 20));
}

std::string time_text(int64_t unix_s) {
  std::array<char, 32> text{};
  const time_t time = unix_s;
  tm parts{};
  gmtime_r(&time, &parts);
  return {text.data(), std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &parts)};
}

double hit_rate(const cache::RunHistory& run) {
  const auto asked = static_cast<double>(run.hits + run.misses);
  return asked == 0 ? 0 : static_cast<double>(run.hits) / asked;
}

void show(const std::string& file, const FileStatistics& all, int64_t now_s) {
  say(stdout, "file      {}, {}\n", printable(file), bytes_text(all.bytes));
  say(stdout, "entries   {}: {} live, {} expired or replaced, {} damaged\n", all.entries, all.live,
      all.entries - all.live - all.damaged, all.damaged);
  if (all.live > 0) say(stdout, "oldest    {}\n", span_text(now_s - all.oldest_s));
  say(stdout, "ttl left\n");
  for (const auto& [bound, count] : all.ttl_left)
    say(stdout, "  up to {:>6} {:>12}\n", span_text(bound), count);
  if (all.runs.empty()) return;
  say(stdout, "{:<21} {:>7} {:>12} {:>12} {:>12} {:>8} {:>10} {:>10}\n", "runs", "took", "rows",
      "hits", "misses", "hit rate", "loaded", "written");
  for (const auto& run : all.runs) {
    say(stdout, "{:<21} {:>7} {:>12} {:>12} {:>12} {:>7.1f}% {:>10} {:>10}\n",
        time_text(run.started_s), span_text(run.finished_s - run.started_s), run.rows, run.hits,
        run.misses, hit_rate(run) * 100, run.loaded, run.written);
  }
}

void show_json(const FileStatistics& all, int64_t now_s) {
  std::string ttl;
  for (const auto& [bound, count] : all.ttl_left)
    ttl += fmt::format(R"({}{{"up_to_s":{},"entries":{}}})", ttl.empty() ? "" : ",", bound, count);
  std::string runs;
  for (const auto& run : all.runs) {
    runs += fmt::format(
        R"({}{{"started":"{}","finished":"{}","rows":{},"hits":{},"misses":{},"hit_rate":{:.4f},"loaded":{},"written":{}}})",
        runs.empty() ? "" : ",", time_text(run.started_s), time_text(run.finished_s), run.rows,
        run.hits, run.misses, hit_rate(run), run.loaded, run.written);
  }
  say(stdout,
      R"({{"entries":{},"live":{},"damaged":{},"bytes":{},"oldest_s":{},"ttl_left":[{}],"runs":[{}]}})"
      "\n",
      all.entries, all.live, all.damaged, all.bytes, all.live == 0 ? 0 : now_s - all.oldest_s, ttl,
      runs);
}

int stats(FileTier& tier, const CacheCommand& options) {
  const int64_t now_s = wall_now_s();
  const auto all = tier.statistics(now_s);
  if (!all) return fail(exit_code::kInput, options.file + ": " + all.error());
  if (options.json) {
    show_json(*all, now_s);
  } else {
    show(options.file, *all, now_s);
  }
  return exit_code::kOk;
}

int clear(FileTier& tier, const CacheCommand& options) {
  const auto age = std::chrono::duration_cast<std::chrono::seconds>(options.older_than).count();
  std::string suffix = options.suffix;
  while (suffix.starts_with('.')) suffix.erase(0, 1);
  while (suffix.ends_with('.')) suffix.pop_back();
  std::ranges::transform(suffix, suffix.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  });
  const auto removed = tier.clear(suffix, age == 0 ? INT64_MAX : wall_now_s() - age);
  if (!removed) return fail(exit_code::kOutput, options.file + ": " + removed.error());
  say(stdout, "{} entries removed\n", *removed);
  return exit_code::kOk;
}

// Names are asked as a scan asks them, only that nobody wants the rows.
int warm_from_names(const CacheCommand& options, std::vector<std::string> files) {
  ScanCommand scan;
  scan.scan.inputs = std::move(files);
  scan.scan.lanes = 0;
  scan.scan.output.directory = "-";
  scan.scan.output.stdout_fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
  scan.scan.cache.file = options.file;
  scan.types = options.types;
  scan.resolvers = options.resolvers;
  return run_scan(std::move(scan));
}

int warm(const CacheCommand& options) {
  std::string aside;
  std::vector<std::string> names;
  {
    auto tier = FileTier::open(options.file, FileTier::Missing::create, &aside);
    if (!tier) return fail(exit_code_of(tier.error()), tier.error().message);
    if (!aside.empty())
      say(stderr, "zonesweep: {} was no cache file of this version; set aside as {}\n",
          printable(options.file), printable(aside));
    for (const std::string& source : options.sources) {
      if (!std::filesystem::is_directory(source)) {
        names.push_back(source);
        continue;
      }
      const auto taken = take_rows(source, **tier, wall_now_s());
      if (!taken) return fail(exit_code::kInput, taken.error());
      say(stderr, "{}: {} answers of {} rows taken, {} have expired, {} cannot be kept\n",
          printable(source), taken->kept, taken->rows, taken->expired, taken->left_out);
    }
  }
  return names.empty() ? exit_code::kOk : warm_from_names(options, std::move(names));
}

}  // namespace

void add_options(CLI::App& command, CacheCommand& options) {
  using Action = CacheCommand::Action;
  const auto add = [&](const char* name, const char* text, Action action) {
    CLI::App* const each = command.add_subcommand(name, text);
    each->add_option("FILE", options.file, "what --cache-file of a scan names")->required();
    each->callback([&options, action] { options.action = action; });
    return each;
  };
  command.require_subcommand(1);
  add("stats", "Entries, bytes, ages, times to live, and the hit rates of past runs", Action::stats)
      ->add_flag("--json", options.json, "one line of JSON");
  auto* const clear = add("clear", "Removes entries: all, or by name, or by age", Action::clear);
  clear->add_option("--name", options.suffix, "only this name and what is below it: example.com")
      ->type_name("SUFFIX");
  add_duration(*clear, "--older-than", options.older_than, "only what was learnt longer ago");
  auto* const warm = add(
      "warm", "Fills it: asks about lists of names, takes the rows of earlier runs", Action::warm);
  warm->add_option("SOURCE", options.sources, "files with names, or output folders of scans")
      ->required();
  warm->add_option("-t,--type", options.types, "DNS types to ask (default A)")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->type_name("TYPE");
  warm->add_option("-r,--resolver", options.resolvers,
                   "ADDR[:PORT], or a file with one a line; the set that later scans will have")
      ->allow_extra_args(false)
      ->type_name("ADDR");
}

int run_cache(const CacheCommand& options) {
  if (options.action == CacheCommand::Action::warm) return warm(options);
  auto tier = FileTier::open(options.file, FileTier::Missing::fail, nullptr);
  if (!tier) return fail(exit_code_of(tier.error()), tier.error().message);
  return options.action == CacheCommand::Action::stats ? stats(**tier, options)
                                                       : clear(**tier, options);
}

}  // namespace zonesweep::tools
