// engine/scan.h - a run: input, lanes, output, and how it ends.
//
// Threads:    open(), progress(), stop() and finish() belong to the control thread. Behind them:
//             one source thread, one thread per lane, and the output's writer thread.
// Invariants: (1) the folder is touched only after input, io_uring and resolvers were found good;
//             (2) finish() always leaves what was finished on disk, and says by its exit code what
//             that is.
// Errors:     ScanError: exit code and one line. Fixed exit codes, docs/exit-codes in the README.
#pragma once

#include <atomic>
#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "engine/cache_file.h"
#include "engine/dns_lane.h"
#include "engine/input.h"
#include "engine/output.h"
#include "engine/registration_run.h"
#include "engine/source.h"
#include "engine/statistics.h"

namespace zonesweep::engine {

namespace exit_code {
inline constexpr int kOk = 0, kUsage = 2, kEnvironment = 3, kInput = 4, kOutput = 5, kInUse = 6,
                     kState = 7;
}

namespace limits {
inline constexpr uint32_t kLanesMax = 256;
}

struct ScanOptions {
  std::vector<std::string> inputs;
  InputOptions input;
  OutputOptions output;  // lanes, questions and configuration are filled in by open()
  DnsLaneOptions lane;   // its rates are of the whole run; open() shares them out
  std::vector<io::Endpoint> resolvers;
  uint32_t lanes = 1;  // that ask DNS
  bool dns = true;
  std::optional<RegistrationSetup> registration;
  CacheOptions cache;
};

struct ScanError {
  int exit_code = 0;
  std::string message;
};

struct ScanProgress {
  bool dns = true;  // it is asked
  Statistics lanes;
  std::optional<RegistrationStatistics> registration;  // where it is asked
  Output::Progress output;
  uint64_t input_bytes = 0;        // handed to the lanes, as stored
  uint64_t input_bytes_total = 0;  // 0: not known
  uint64_t names_read = 0;
  cache::TableCounters cache;
  uint64_t cache_bytes = 0;   // 0: there is none
  uint64_t cache_loaded = 0;  // entries that came from the file
  bool redis = false;         // there is a shared tier
};

// Of all lanes.
[[nodiscard]] RedisCounters redis_counters(const ScanProgress& now);
// The cache's part of _run.json and of the progress lines.
[[nodiscard]] std::string cache_json(const ScanProgress& now);

class Scan {
 public:
  [[nodiscard]] static std::expected<std::unique_ptr<Scan>, ScanError> open(ScanOptions options);
  ~Scan();

  [[nodiscard]] const std::vector<std::string>& warnings() const { return warnings_; }
  // After finish().
  [[nodiscard]] const std::vector<std::string>& late_warnings() const { return late_warnings_; }
  [[nodiscard]] ScanProgress progress() const;
  // Rows go to a pipe and nobody reads it any more: an end, but no failure.
  [[nodiscard]] bool reader_gone() const { return output_->closed(); }
  // Every name has its rows, or the run has failed: finish() will not wait long.
  [[nodiscard]] bool over() const;
  void stop(StopLevel level);
  // Joins everything and commits. The error of a stopped run is the caller's: this returns ok for
  // it.
  [[nodiscard]] std::expected<void, ScanError> finish();
  // Now and then: notes on disk what a resume must know beside the rows.
  void remember();
  // After finish(): the whole input was read and every row written.
  [[nodiscard]] bool complete() const { return complete_; }

 private:
  struct Lane;
  explicit Scan(ScanOptions options);

  [[nodiscard]] std::expected<void, ScanError> check_resolvers();
  [[nodiscard]] std::expected<void, ScanError> start_lanes();
  [[nodiscard]] std::expected<void, ScanError> open_cache();
  void start_source();
  [[nodiscard]] std::expected<void, ScanError> start_registration();
  [[nodiscard]] Probes probes() const;
  void note_redis_problems();
  void run_lane(Lane& lane, uint32_t index);
  [[nodiscard]] std::string totals_json() const;
  [[nodiscard]] std::string fingerprint() const;

  ScanOptions options_;
  std::vector<std::string> warnings_;
  std::vector<std::string> late_warnings_;
  std::unique_ptr<Input> input_;
  std::unique_ptr<Output> output_;
  std::unique_ptr<AnswerCache> cache_;
  std::unique_ptr<CacheFile> cache_file_;
  NameQueue queue_;
  std::unique_ptr<RegistrationRun> registration_;
  std::unique_ptr<Source> source_;
  std::atomic<StopLevel> stop_ = StopLevel::run;
  std::atomic<uint32_t> lanes_running_ = 0;
  std::atomic<bool> lane_failed_ = false;
  std::expected<void, SourceError> source_result_;
  std::vector<std::unique_ptr<Lane>> lanes_;
  std::jthread source_thread_;
  bool complete_ = false;
};

}  // namespace zonesweep::engine
