// engine/cache_file.h - the cache's memory between runs: loaded at start, written behind by a thread of
// its own.
//
// Threads:    open() and close() belong to the control thread; one writer thread in between. The lanes
//             never meet this: what is new is read out of the table.
// Invariants: failures are never written (RFC 9520); what cannot be read or written costs warnings and
//             questions, never a row.
// Ownership:  the cache outlives the file.
// Errors:     warnings: one line each.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "cache/file_tier.h"
#include "cache/harvest.h"
#include "engine/answer_cache.h"

namespace zonesweep::engine {

namespace limits {
inline constexpr auto kCacheFileEvery = std::chrono::seconds{1};  // what is new is written
inline constexpr uint32_t kCacheFileBatch = 20'000;               // entries per transaction
inline constexpr uint32_t kCacheFileSlack =
    2;  // so many times what is of use, then it is rewritten
}  // namespace limits

class CacheFile {
 public:
  // Null when the file cannot be used; `warnings` says why.
  [[nodiscard]] static std::unique_ptr<CacheFile> open(const std::string& path, AnswerCache& cache,
                                                       std::vector<std::string>& warnings);
  ~CacheFile();

  // Writes what is left and the run's line of history, and ends the thread. `run` says rows, hits and
  // misses.
  void close(cache::RunHistory run, std::vector<std::string>& warnings);

  [[nodiscard]] uint64_t loaded() const { return loaded_; }

 private:
  CacheFile(std::unique_ptr<cache::FileTier> tier, AnswerCache& cache);
  [[nodiscard]] bool load();
  [[nodiscard]] bool question_of(const cache::Stored& entry, std::span<std::byte> wire,
                                 cache::Question& question) const;
  void write_behind();
  [[nodiscard]] bool write_new();
  [[nodiscard]] bool append(const cache::Entry& entry);
  [[nodiscard]] int64_t wall_s(io::Instant when) const;
  void end_thread();

  std::unique_ptr<cache::FileTier> tier_;
  AnswerCache& cache_;
  cache::Harvest harvest_;
  io::Instant opened_;
  int64_t opened_s_;
  uint64_t loaded_ = 0;
  uint64_t useful_ = 0;  // rows at the start that were neither expired nor replaced
  uint64_t written_ = 0;
  uint32_t in_batch_ = 0;
  bool sound_ = true;  // of the writer thread, until that has ended
  std::string text_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool ending_ = false;
  std::jthread thread_;
};

}  // namespace zonesweep::engine
