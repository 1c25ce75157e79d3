#include "tools/scan_command.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <csignal>
#include <thread>
#include <utility>

#include "engine/json_text.h"
#include "tools/option_values.h"
#include "tools/say.h"
#include "tools/signals.h"

namespace zonesweep::tools {
namespace {

using namespace std::chrono_literals;
using engine::StopLevel;

constexpr auto kDrainPatience =
    5s;  // after the first signal; then what is in flight is left to a resume
constexpr auto kLookEvery = 50ms;
constexpr auto kLookFirst = 2ms;  // a small scan is over before the first look of kLookEvery

void add_input_options(CLI::App& command, ScanCommand& options) {
  auto& input = options.scan.input;
  const std::string group = "Input";
  command.add_option("INPUT", options.scan.inputs, "files with names; '-' is standard input")
      ->required();
  add_choice<engine::InputFormat>(command, "--input-format,--format-in",
                                  {{"auto", engine::InputFormat::automatic},
                                   {"list", engine::InputFormat::list},
                                   {"csv", engine::InputFormat::csv},
                                   {"zone", engine::InputFormat::zone}},
                                  "auto, list, csv or zone; auto looks at the content",
                                  [&input](auto format) { input.format = format; })
      ->type_name("FORMAT")
      ->group(group);
  command.add_option("--column", input.column, "of a CSV file: its header, or its number from 1")
      ->group(group);
  command.add_option("--origin", input.origin, "of a zone file that names none")->group(group);
  add_parsed(command, "--split", "only chunks with chunk % N == I: N machines share one input",
             [&options](const std::string& text) {
               const auto split = parse_split(text);
               if (!split) return split.error();
               options.split = *split;
               return std::string();
             })
      ->type_name("I/N")
      ->group(group);
}

void add_question_options(CLI::App& command, ScanCommand& options) {
  const std::string group = "Questions";
  command
      .add_option(
          "--probe", options.probes,
          "what to ask: dns, and one of registration (RDAP, else WHOIS), rdap, whois (default dns)")
      ->delimiter(',')
      ->allow_extra_args(false)  // or `-t A names.txt` would take the file for a type
      ->type_name("PROBE")
      ->group(group);
  command.add_option("-t,--type", options.types, "DNS types (default A): A,AAAA,MX,... or TYPE65")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->type_name("TYPE")
      ->group(group);
  command
      .add_option("-r,--resolver", options.resolvers,
                  "ADDR[:PORT], or a file with one a line; may be repeated (default: the system's)")
      ->allow_extra_args(false)
      ->type_name("ADDR")
      ->group(group);
  command.add_flag("--dnssec", options.scan.lane.dnssec_ok, "ask for signatures too (DO)")
      ->group(group);
  command
      .add_flag("!--no-recursion", options.scan.lane.recursion_desired,
                "do not ask for recursion (RD off)")
      ->group(group);
}

void add_pace_options(CLI::App& command, ScanCommand& options) {
  auto& lane = options.scan.lane;
  const std::string group = "Pace";
  const CLI::Range rates(0.0, 1e9);
  command
      .add_option("--rate", lane.rate,
                  "at most so many queries per second in all (0: adaptive only)")
      ->check(rates)
      ->group(group);
  command.add_option("--rate-per-server", lane.rate_per_server, "the same for each resolver")
      ->check(rates)
      ->group(group);
  command
      .add_option("--window", lane.window,
                  fmt::format("lookups in flight per lane (default {})", lane.window))
      ->check(CLI::Range(uint32_t{1}, engine::limits::kWindowMax))
      ->group(group);
  command.add_option("--tries", lane.tries, fmt::format("per question (default {})", lane.tries))
      ->check(CLI::Range(uint32_t{1}, engine::limits::kTriesMax))
      ->group(group);
  add_duration(command, "--timeout", lane.timeout, "the most that one try waits (default 2s)")
      ->group(group);
  add_duration(command, "--deadline", lane.deadline,
               "the most that one name takes (default 30s, or what the tries need)")
      ->group(group);
  command
      .add_option("--lanes", options.scan.lanes,
                  "threads, each with its own ring (default: one per core)")
      ->check(CLI::Range(uint32_t{1}, engine::limits::kLanesMax))
      ->group(group);
}

void add_cache_options(CLI::App& command, ScanCommand& options) {
  auto& cache = options.scan.cache;
  const std::string group = "Cache";
  add_parsed(command, "--cache-size",
             "memory for answers that are known already (default: what the input "
             "needs, at most 512MiB)",
             [&cache](const std::string& text) {
               const auto size = parse_size(text);
               if (!size) return size.error();
               if (*size < cache::limits::kTableBytesMin || *size > cache::limits::kTableBytesMax)
                 return std::string("between 1MiB and 32GiB; --no-cache does without");
               cache.bytes = *size;
               return std::string();
             })
      ->type_name("SIZE")
      ->group(group);
  command
      .add_option("--cache-file", cache.file,
                  "answers that the next run begins with; made if it is not there")
      ->type_name("FILE")
      ->group(group);
  add_parsed(command, "--cache-redis",
             "redis://[user:password@]host[:port][/db] that other machines share; rediss:// is TLS",
             [&cache](const std::string& text) {
               auto address = cache::RedisAddress::parse(text);
               if (!address) return address.error();
               if (!cache.redis) cache.redis.emplace();
               cache.redis->address = std::move(*address);
               return std::string();
             })
      ->type_name("URL")
      ->envname("ZONESWEEP_CACHE_REDIS")
      ->group(group);
  add_duration(command, "--cache-redis-timeout", options.redis_timeout,
               "a name waits so long for it, then is asked upstream (default 100ms)")
      ->group(group);
  command.add_flag("!--no-cache", cache.on, "ask about every name, however often it comes")
      ->group(group);
}

void add_output_options(CLI::App& command, ScanCommand& options) {
  auto& output = options.scan.output;
  const std::string group = "Output";
  command
      .add_option("-o,--output", output.directory,
                  "folder for the shards; '-' writes rows to standard output")
      ->required()
      ->type_name("DIR")
      ->group(group);
  command.add_option("--format", options.format, "ndjson")
      ->check(CLI::IsMember({"ndjson"}))
      ->group(group);
  add_choice<engine::Compression>(
      command, "--compress",
      {{"zstd", engine::Compression::zstd},
       {"gzip", engine::Compression::gzip},
       {"none", engine::Compression::none}},
      "zstd, gzip or none (default: zstd into a folder, none to standard output)",
      [&options](auto compression) { options.compression = compression; })
      ->type_name("KIND")
      ->group(group);
  command
      .add_option("--rows-per-shard", output.rows_per_shard, "names per shard (default 1,000,000)")
      ->check(CLI::Range(uint64_t{1}, engine::limits::kRowsPerShardMax))
      ->group(group);
  add_duration(command, "--flush-interval", output.flush_interval,
               "what is finished is on disk after so long (default 10s)")
      ->group(group);
  command.add_flag("--ordered", output.ordered, "rows of a shard in the order of the input")
      ->group(group);
  command.add_flag("--resume", output.resume, "go on with an interrupted folder")->group(group);
  add_choice<ProgressMode>(command, "--progress",
                           {{"auto", ProgressMode::automatic},
                            {"bar", ProgressMode::bar},
                            {"json", ProgressMode::json},
                            {"none", ProgressMode::none}},
                           "auto, bar, json (a line a second on stderr) or none",
                           [&options](auto mode) { options.progress = mode; })
      ->type_name("MODE")
      ->group(group);
}

std::string settle_probes(ScanCommand& options) {
  auto& lane = options.registration.setup.lane;
  options.scan.dns = false;
  for (const std::string& word : options.probes) {
    const auto probe = engine::registration_probe_from(word);
    if (word == "dns") {
      options.scan.dns = true;
    } else if (!probe) {
      return fmt::format("--probe: {} is none of dns, registration, rdap, whois", word);
    } else if (std::exchange(options.asks_registration, true) && lane.probe != *probe) {
      return "--probe: only one of registration, rdap and whois";
    } else {
      lane.probe = *probe;
    }
  }
  if (std::string wrong = settle(options.registration); !wrong.empty()) return wrong;
  if (options.asks_registration) options.scan.registration = options.registration.setup;
  return {};
}

// What the options mean together. An empty string: all is well.
std::string settle(ScanCommand& options) {
  auto& scan = options.scan;
  if (std::string wrong = settle_probes(options); !wrong.empty()) return wrong;
  auto types = parse_types(options.types);
  if (!types) return types.error();
  if (types->size() > engine::limits::kQuestionsPerName) {
    return fmt::format("--type: at most {} types at once", engine::limits::kQuestionsPerName);
  }
  scan.lane.types = std::move(*types);
  auto resolvers = parse_resolvers(options.resolvers);
  if (!resolvers) return resolvers.error();
  scan.resolvers = std::move(*resolvers);
  if (scan.lane.timeout < 1ms) return "--timeout: at least 1ms";
  // Slow but willing servers get all their tries: the deadline ends only what would never end.
  scan.lane.deadline =
      std::max<io::Duration>(scan.lane.deadline, 2 * scan.lane.tries * scan.lane.timeout);
  const bool to_stdout = scan.output.directory == "-";
  if (!scan.cache.on && (!scan.cache.file.empty() || scan.cache.bytes != 0 || scan.cache.redis))
    return "--no-cache goes with no other option of the cache";
  if (options.redis_timeout < 1ms) return "--cache-redis-timeout: at least 1ms";
  if (scan.cache.redis) {
    scan.cache.redis->timeout = options.redis_timeout;
    scan.cache.redis->ca_file = options.registration.setup.ca_file;
  }
  if (to_stdout && scan.output.resume) return "--resume needs a folder: -o DIR";
  if (scan.output.flush_interval < 100ms) return "--flush-interval: at least 100ms";
  scan.output.compression = options.compression.value_or(to_stdout ? engine::Compression::none
                                                                   : engine::Compression::zstd);
  scan.output.split_index = options.split.index;
  scan.output.split_count = options.split.count;
  scan.output.version = ZONESWEEP_VERSION;
  if (scan.lanes == 0)
    scan.lanes = std::clamp(std::thread::hardware_concurrency(), 1U, engine::limits::kLanesMax);
  return {};
}

std::string json_string(std::string_view text) {
  std::string out = "\"";
  engine::append_json_text(text, out);
  return out + '"';
}

std::string configuration_json(const ScanCommand& options) {
  const auto& scan = options.scan;
  std::string inputs, resolvers, types;
  for (const std::string& input : scan.inputs)
    inputs += (inputs.empty() ? "" : ",") + json_string(input);
  for (const auto& resolver : scan.resolvers)
    resolvers += (resolvers.empty() ? "" : ",") + json_string(resolver.to_string());
  for (const std::string& type : options.types)
    types += (types.empty() ? "" : ",") + json_string(type);
  const auto milliseconds = [](io::Duration d) {
    return std::chrono::duration_cast<std::chrono::milliseconds>(d).count();
  };
  return fmt::format(
      R"({{"inputs":[{}],"types":[{}],"resolvers":[{}],"rate":{},"rate_per_server":{},"window":{},"tries":{},)"
      R"("timeout_ms":{},"deadline_ms":{},"lanes":{},"dnssec":{},"recursion":{},"registration":{},"command":{}}})",
      inputs, types, resolvers, scan.lane.rate, scan.lane.rate_per_server, scan.lane.window,
      scan.lane.tries, milliseconds(scan.lane.timeout), milliseconds(scan.lane.deadline),
      scan.lanes, scan.lane.dnssec_ok, scan.lane.recursion_desired,
      options.asks_registration ? configuration_json(options.registration) : "null",
      json_string(options.command_line));
}

int fail(int code, std::string_view message) {
  say(stderr, "zonesweep: {}\n", printable(message));
  return code;
}

// Waits for the end, or for the signals that bring it nearer. Returns the first signal, or 0.
int watch(engine::Scan& scan, Progress& progress) {
  int first = 0;
  auto drain_until = std::chrono::steady_clock::time_point::max();
  io::Duration look = kLookFirst;
  while (!scan.over()) {
    const int signal = wait_signal(look);
    look = std::min<io::Duration>(look * 2, kLookEvery);
    const auto now = std::chrono::steady_clock::now();
    if (signal != 0) {
      progress.clear();
      if (first == 0) {
        first = signal;
        drain_until = now + kDrainPatience;
        scan.stop(StopLevel::drain);
        say(stderr,
            "zonesweep: stopping: finishing what is in flight (at most 5 s; again to stop "
            "at once)\n");
      } else {
        scan.stop(StopLevel::abandon);
      }
    }
    if (now >= drain_until) scan.stop(StopLevel::abandon);
    progress.show(scan.progress());
    scan.remember();
  }
  return first;
}

}  // namespace

void add_options(CLI::App& command, ScanCommand& options) {
  options.scan.lanes = 0;
  add_input_options(command, options);
  add_question_options(command, options);
  add_pace_options(command, options);
  add_output_options(command, options);
  add_cache_options(command, options);
  add_registration_options(command, options.registration);
}

int run_scan(ScanCommand options) {
  using engine::exit_code::kUsage;
  if (const std::string wrong = settle(options); !wrong.empty()) return fail(kUsage, wrong);
  options.scan.output.configuration_json = configuration_json(options);
  const bool resumable = options.scan.output.directory != "-";
  const std::string folder = options.scan.output.directory;
  block_signals();
  const auto start = std::chrono::steady_clock::now();
  auto scan = engine::Scan::open(std::move(options.scan));
  if (!scan) return fail(scan.error().exit_code, scan.error().message);
  for (const std::string& warning : (*scan)->warnings())
    say(stderr, "zonesweep: {}\n", printable(warning));
  Progress progress(options.progress);
  const int signal = watch(**scan, progress);
  const auto finished = (*scan)->finish();
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  progress.clear();
  for (const std::string& warning : (*scan)->late_warnings())
    say(stderr, "zonesweep: {}\n", printable(warning));
  if (!finished) return fail(finished.error().exit_code, finished.error().message);
  if (signal != 0 && !(*scan)->complete()) {
    say(stderr, "zonesweep: stopped; {}\n",
        resumable ? fmt::format("the same command with --resume goes on in {}", printable(folder))
                  : "standard output cannot be resumed");
    return 128 + signal;
  }
  if ((*scan)->reader_gone()) return engine::exit_code::kOk;  // `| head` has what it wanted
  progress.summary((*scan)->progress(), seconds);
  return engine::exit_code::kOk;
}

}  // namespace zonesweep::tools
