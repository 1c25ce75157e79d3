#include "engine/scan.h"

#include <fmt/format.h>

#include <algorithm>
#include <future>
#include <thread>
#include <utility>

#include "engine/resolver_check.h"
#include "engine/shard_records.h"
#include "io/uring_transport.h"
#include "protocols/dns/types.h"

namespace zonesweep::engine {
namespace {

// A check needs little: a small ring leaves locked memory to the lanes.
io::TransportOptions check_transport(size_t resolvers) {
  io::TransportOptions options;
  options.ring.submissions = 256;
  options.ring.completions = 1'024;
  options.ring.buffers = 256;
  options.sockets = static_cast<uint32_t>(resolvers) + 16;
  options.streams = 16;
  return options;
}

int exit_code_of(OutputError::Kind kind) {
  switch (kind) {
    case OutputError::Kind::usage: return exit_code::kUsage;
    case OutputError::Kind::failed: return exit_code::kOutput;
    case OutputError::Kind::in_use: return exit_code::kInUse;
    case OutputError::Kind::state: return exit_code::kState;
  }
  return exit_code::kOutput;
}

// A cache that holds the whole input and a bit is as good as a larger one, and cheaper to fill.
size_t cache_bytes_for(const std::vector<std::string>& inputs, uint64_t input_bytes, size_t types) {
  constexpr uint64_t kBytesPerName = 12;                    // a short one: example.com
  constexpr uint64_t kBytesPerNameCompressed = 2;           // of a list of such names
  if (input_bytes == 0) return limits::kCacheBytesDefault;  // not known
  const bool compressed = std::ranges::any_of(inputs, [](const std::string& path) {
    return path.ends_with(".gz") || path.ends_with(".zst");
  });
  const uint64_t names = input_bytes / (compressed ? kBytesPerNameCompressed : kBytesPerName) + 1;
  return static_cast<size_t>(std::clamp<uint64_t>(names * types * limits::kCacheBytesPerAnswer,
                                                  limits::kCacheBytesLeast,
                                                  limits::kCacheBytesDefault));
}

ScanError error_of(const OutputError& error) { return {exit_code_of(error.kind), error.message}; }

}  // namespace

struct Scan::Lane {
  std::unique_ptr<io::UringTransport> transport;
  std::unique_ptr<ShardRecords> writer;
  std::unique_ptr<DnsLane> lane;
  std::promise<std::string> started;  // empty: it runs; else why not
  std::jthread thread;                // last: joined before the rest goes
};

Scan::Scan(ScanOptions options) : options_(std::move(options)) {}

Scan::~Scan() {
  if (source_) source_->stop();
  stop_ = StopLevel::abandon;
}

std::expected<std::unique_ptr<Scan>, ScanError> Scan::open(ScanOptions options) {
  std::unique_ptr<Scan> scan(new Scan(std::move(options)));
  auto input = Input::open(scan->options_.inputs, scan->options_.input);
  if (!input) return std::unexpected(ScanError{exit_code::kInput, input.error().text()});
  scan->input_ = std::make_unique<Input>(std::move(*input));
  if (auto& setup = scan->options_.registration) {
    setup->lane.rows_for_cancelled = scan->options_.output.directory == "-";
    auto prepared = RegistrationRun::prepare(*setup, scan->options_.resolvers);
    if (!prepared) return std::unexpected(ScanError{exit_code::kUsage, prepared.error()});
    scan->registration_ = std::move(*prepared);
  }
  if (auto cache = scan->open_cache(); !cache) return std::unexpected(cache.error());
  if (auto alive = scan->check_resolvers(); !alive) return std::unexpected(alive.error());

  OutputOptions& output = scan->options_.output;
  if (!scan->options_.dns) scan->options_.lanes = 0;
  output.lanes = scan->options_.lanes + (scan->registration_ ? 1 : 0);
  output.questions = scan->probes().questions();
  output.registration = scan->registration_ != nullptr;
  output.fingerprint += scan->fingerprint();
  scan->options_.lane.rows_for_cancelled = output.directory == "-";
  auto opened = Output::open(output);
  if (!opened) return std::unexpected(error_of(opened.error()));
  scan->output_ = std::move(*opened);
  scan->start_source();
  if (auto started = scan->start_lanes(); !started) return std::unexpected(started.error());
  if (auto started = scan->start_registration(); !started) return std::unexpected(started.error());
  return scan;
}

Probes Scan::probes() const {
  return {.dns_types = options_.dns ? static_cast<uint32_t>(options_.lane.types.size()) : 0,
          .registration = registration_ != nullptr};
}

// What changes rows; lanes, window, pace and resolvers may differ from one run to its resume.
std::string Scan::fingerprint() const {
  std::string text = options_.dns ? "probe=dns" : "probe=";
  if (registration_) {
    const RegistrationOptions& asked = options_.registration->lane;
    text += fmt::format("{}{}\nregistrar={}\nraw={}", options_.dns ? "," : "", name_of(asked.probe),
                        asked.registrar, asked.raw);
  }
  text += '\n';
  if (!options_.dns) return text;
  std::string types;
  for (const uint16_t type : options_.lane.types) {
    if (!types.empty()) types += ',';
    dns::append_type_text(type, types);
  }
  return text + fmt::format("type={}\ndnssec={}\nrecursion={}\n", types, options_.lane.dnssec_ok,
                            options_.lane.recursion_desired);
}

// Before the dead resolvers are left out: the answers of a set do not change because one is away.
std::expected<void, ScanError> Scan::open_cache() {
  if (!options_.cache.on) return {};
  if (options_.cache.bytes == 0) {
    options_.cache.bytes =
        !options_.cache.file.empty()
            ? limits::kCacheBytesDefault
            : cache_bytes_for(options_.inputs, input_->bytes_total(), options_.lane.types.size());
  }
  auto cache = AnswerCache::open(options_.cache,
                                 {.resolvers = options_.resolvers,
                                  .recursion_desired = options_.lane.recursion_desired,
                                  .checking_disabled = options_.lane.checking_disabled,
                                  .dnssec_ok = options_.lane.dnssec_ok},
                                 {.lanes = options_.lanes,
                                  .questions_per_lane = static_cast<uint32_t>(
                                      options_.lane.window * options_.lane.types.size()),
                                  .start = std::chrono::steady_clock::now()});
  if (!cache) return std::unexpected(ScanError{exit_code::kEnvironment, cache.error()});
  cache_ = std::move(*cache);
  options_.lane.cache = cache_.get();
  if (options_.cache.redis && options_.cache.redis->address.tls) {
    const auto tls = io::TlsContext::client({.ca_file = options_.cache.redis->ca_file});
    if (!tls) {
      return std::unexpected(ScanError{
          exit_code::kUsage, fmt::format("no TLS for --cache-redis with --ca-file {}: {}",
                                         options_.cache.redis->ca_file, io::name_of(tls.error()))});
    }
  }
  options_.lane.redis = options_.cache.redis;
  if (!options_.cache.file.empty())
    cache_file_ = CacheFile::open(options_.cache.file, *cache_, warnings_);
  return {};
}

std::expected<void, ScanError> Scan::check_resolvers() {
  auto transport = io::UringTransport::create(check_transport(options_.resolvers.size()));
  if (!transport)
    return std::unexpected(ScanError{exit_code::kEnvironment, transport.error().message});
  const auto verdicts = engine::check_resolvers(**transport, options_.resolvers, false);
  std::vector<io::Endpoint> alive;
  for (size_t i = 0; i < verdicts.size(); ++i) {
    if (verdicts[i] == Health::alive) {
      alive.push_back(options_.resolvers[i]);
    } else {
      warnings_.push_back(
          fmt::format("resolver {} {}; it is left out", options_.resolvers[i].to_string(),
                      verdicts[i] == Health::refused ? "refuses connections" : "does not answer"));
    }
  }
  if (alive.empty()) {
    warnings_.clear();
    return std::unexpected(ScanError{
        exit_code::kEnvironment,
        fmt::format("no resolver answers ({}): check --resolver and the network",
                    options_.resolvers[0].to_string() + (verdicts.size() > 1 ? ", ..." : ""))});
  }
  options_.resolvers = std::move(alive);
  return {};
}

void Scan::start_source() {
  source_ = std::make_unique<Source>(
      *input_,
      Source::Queues{.dns = options_.dns ? &queue_ : nullptr,
                     .registration = registration_ ? &registration_->queue() : nullptr},
      *output_,
      Source::Options{.names_per_chunk = options_.output.rows_per_shard,
                      .split_index = options_.output.split_index,
                      .split_count = options_.output.split_count,
                      .probes = probes(),
                      .ordered = options_.output.ordered});
  source_thread_ = std::jthread([this] { source_result_ = source_->run(); });
}

std::expected<void, ScanError> Scan::start_lanes() {
  for (uint32_t index = 0; index < options_.lanes; ++index) {
    auto lane = std::make_unique<Lane>();
    auto started = lane->started.get_future();
    lanes_running_++;
    lane->thread = std::jthread([this, &lane = *lane, index] { run_lane(lane, index); });
    const std::string why_not = started.get();
    if (why_not.empty()) {
      for (const std::string& warning : lane->transport->warnings()) warnings_.push_back(warning);
      lanes_.push_back(std::move(lane));
      continue;
    }
    if (index == 0) return std::unexpected(ScanError{exit_code::kEnvironment, why_not});
    warnings_.push_back(fmt::format("{} of {} lanes run: {}", index, options_.lanes, why_not));
    break;
  }
  return {};
}

std::expected<void, ScanError> Scan::start_registration() {
  if (!registration_) return {};
  const OutputOptions& output = options_.output;
  lanes_running_++;
  const std::string why_not =
      registration_->start({.output = output_.get(),
                            .cache = cache_.get(),
                            .redis = options_.cache.redis,
                            .sink = options_.lanes,
                            .question = probes().registration_question(),
                            .directory = output.directory,
                            .layout = {output.compression, output.split_index, output.split_count},
                            .resume = output.resume},
                           options_.resolvers, stop_, [this] {
                             if (!registration_->failure().empty()) lane_failed_ = true;
                             lanes_running_--;
                           });
  if (!why_not.empty()) return std::unexpected(ScanError{exit_code::kEnvironment, why_not});
  for (const std::string& warning : registration_->warnings()) warnings_.push_back(warning);
  return {};
}

// The lane's thread: a ring belongs to the thread that made it.
void Scan::run_lane(Lane& lane, uint32_t index) {
  const auto fail = [&](std::string why) {
    lanes_running_--;
    lane.started.set_value(std::move(why));
  };
  auto transport = io::UringTransport::create({.lanes = options_.lanes});
  if (!transport) return fail(transport.error().message);
  lane.transport = std::move(*transport);
  lane.writer = std::make_unique<ShardRecords>(
      output_->sink(index),
      registration_ && options_.output.directory == "-" ? RowsSay::table : RowsSay::nothing);
  DnsLaneOptions options = options_.lane;
  options.rate /= options_.lanes;
  options.rate_per_server /= options_.lanes;
  auto created = DnsLane::create(*lane.transport, queue_, *lane.writer, options_.resolvers,
                                 std::move(options), stop_);
  if (!created) {
    return fail(fmt::format("no socket for the resolvers: {}", io::name_of(created.error())));
  }
  lane.lane = std::move(*created);
  lane.started.set_value({});
  lane.lane->run();
  if (!lane.lane->failure().empty()) lane_failed_ = true;
  lanes_running_--;
}

ScanProgress Scan::progress() const {
  ScanProgress now;
  for (const auto& lane : lanes_) now.lanes.merge(lane->lane->statistics());
  now.output = output_->progress();
  now.dns = options_.dns;
  now.input_bytes = now.lanes.input_bytes;
  if (registration_) {
    now.registration = registration_->statistics();
    // Names that are parked count as read: the rows of a slow server are far behind the input.
    now.input_bytes = options_.dns ? now.input_bytes : now.registration->input_bytes;
  }
  now.input_bytes_total = input_->bytes_total();
  now.names_read = source_->names_read();
  now.redis = options_.cache.redis.has_value();
  if (cache_) {
    now.cache = cache_->table().counters();
    now.cache_bytes = cache_->table().bytes();
    now.cache_loaded = cache_file_ ? cache_file_->loaded() : 0;
  }
  return now;
}

bool Scan::over() const {
  return lanes_running_ == 0 || lane_failed_ || output_->failed() || output_->closed();
}

void Scan::stop(StopLevel level) {
  if (level <= stop_.load()) return;
  stop_ = level;
  source_->stop();
}

std::expected<void, ScanError> Scan::finish() {
  if (output_->failed() || output_->closed() || lane_failed_) stop(StopLevel::abandon);
  for (const auto& lane : lanes_) lane->thread.join();
  if (registration_) registration_->join();
  source_thread_.join();
  if (cache_file_) {
    const ScanProgress all = progress();
    cache::RunHistory run{
        .rows = all.lanes.rows, .hits = all.lanes.cache_hits, .misses = all.lanes.cache_misses};
    if (all.registration) {
      run.rows += all.registration->rows;
      run.hits += all.registration->cache.hits;
      run.misses += all.registration->cache.misses;
    }
    cache_file_->close(run, late_warnings_);
  }
  note_redis_problems();
  const bool everything = source_->complete() && stop_.load() == StopLevel::run;
  const auto finished = output_->finish(everything, totals_json());
  complete_ = everything && finished.has_value();
  if (!source_result_) {
    const SourceError& error = source_result_.error();
    if (const auto* state = std::get_if<OutputError>(&error))
      return std::unexpected(error_of(*state));
    return std::unexpected(ScanError{exit_code::kInput, std::get<InputError>(error).text()});
  }
  if (!finished) return std::unexpected(error_of(finished.error()));
  std::string_view why = registration_ ? registration_->failure() : std::string_view{};
  for (const auto& lane : lanes_) {
    if (why.empty()) why = lane->lane->failure();
  }
  if (why.empty()) return {};
  return std::unexpected(
      ScanError{exit_code::kOutput,
                fmt::format("{}; what is finished is on disk: go on with --resume", why)});
}

// One line for all lanes: they meet the same servers.
void Scan::note_redis_problems() {
  std::string problem = registration_ ? registration_->redis_problem() : std::string();
  for (const auto& lane : lanes_) {
    if (problem.empty()) problem = lane->lane->redis_problem();
  }
  if (problem.empty()) return;
  late_warnings_.push_back(fmt::format(
      "--cache-redis: {}; it was left alone for a while, and the rows are complete", problem));
}

void Scan::remember() {
  if (registration_) registration_->remember();
}

RedisCounters redis_counters(const ScanProgress& now) {
  RedisCounters all = now.lanes.redis;
  if (now.registration) all.merge(now.registration->redis);
  return all;
}

namespace {

std::string redis_json(const RedisCounters& redis) {
  return fmt::format(
      R"({{"hits":{},"misses":{},"late":{},"damaged":{},"errors":{},"stored":{},"not_stored":{},"offs":{},"up":{}}})",
      redis.hits, redis.misses, redis.late, redis.damaged, redis.errors, redis.stored,
      redis.not_stored, redis.offs, redis.up);
}

}  // namespace

std::string cache_json(const ScanProgress& now) {
  if (now.cache_bytes == 0) return "null";
  const cache::Counters also = now.registration ? now.registration->cache : cache::Counters{};
  return fmt::format(
      R"({{"hits":{},"misses":{},"expired":{},"stored":{},"evicted":{},"gave_up":{},"entries":{},"bytes":{},"loaded":{},"redis":{}}})",
      now.lanes.cache_hits + also.hits, now.lanes.cache_misses + also.misses,
      now.lanes.cache_expired + also.expired, now.lanes.cache_stored + also.stored,
      now.cache.evicted, now.lanes.cache_gave_up, now.cache.entries, now.cache_bytes,
      now.cache_loaded, now.redis ? redis_json(redis_counters(now)) : "null");
}

std::string Scan::totals_json() const {
  const ScanProgress now = progress();
  const Statistics& all = now.lanes;
  return fmt::format(
      R"({{"names":{},"rows":{},"questions":{},"queries":{},"retries":{},"over_tcp":{},"timeouts":{},"late":{},)"
      R"("forged":{},"garbage":{},"coalesced":{},"not_sent":{},"dropped_here":{},"udp_sends":{},"statuses":{},)"
      R"("cache":{},"rtt_us":{{"p50":{},"p90":{},"p99":{}}},"registration":{}}})",
      all.names, all.rows, all.questions, all.sent, all.retries, all.over_tcp, all.timeouts,
      all.late, all.forged, all.garbage, all.coalesced, all.unsent, all.datagrams_dropped,
      all.sends, statuses_json(all), cache_json(now), all.latency.percentile(0.5),
      all.latency.percentile(0.9), all.latency.percentile(0.99),
      now.registration ? engine::totals_json(*now.registration) : "null");
}

}  // namespace zonesweep::engine
