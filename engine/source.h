// engine/source.h - the source thread: names out of the input files, chunk by chunk, into the
// queues of those that ask: DNS lanes and the registration lane.
//
// Threads:    run() is the source thread; stop() and progress() may be called from any.
// Invariants: (1) a chunk is a fixed run of consecutive names, whatever is resumed, split or
//             committed already; (2) a name reaches the queue only after the output has been told
//             its input, so that no row is on disk whose input is not vouched for; (3) committed
//             chunks and other machines' chunks are read and hashed, not asked; (4) back-pressure:
//             it blocks on a full queue and on the output's open chunks; (5) both queues get the
//             same names in the same order, less those whose rows of that table are on disk.
// Ownership:  input, queues and output outlive the source.
// Errors:     SourceError: the input (exit 4), or a resume with another input (OutputError, exit
//             7).
#pragma once

#include <atomic>
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <variant>

#include "engine/input.h"
#include "engine/name_queue.h"
#include "engine/output.h"
#include "engine/probes.h"

namespace zonesweep::engine {

using SourceError = std::variant<InputError, OutputError>;

class Source {
 public:
  struct Options {
    uint64_t names_per_chunk = 1'000'000;
    uint32_t split_index = 0;
    uint32_t split_count = 1;
    Probes probes;
    bool ordered = false;
  };

  struct Queues {  // one for each that is asked; null for the other
    NameQueue* dns = nullptr;
    // Its batches have no done masks: names whose registration row is on disk are left out.
    NameQueue* registration = nullptr;
  };

  Source(Input& input, Queues queues, Output& output, const Options& options);
  ~Source();

  // Reads everything; closes the queues in any case. What stood before an error has been handed out.
  [[nodiscard]] std::expected<void, SourceError> run();
  // Any thread: run() returns soon.
  void stop();
  [[nodiscard]] uint64_t names_read() const noexcept {
    return names_read_.load(std::memory_order_relaxed);
  }
  // The whole input has been read.
  [[nodiscard]] bool complete() const noexcept { return complete_.load(std::memory_order_acquire); }

 private:
  struct Chunk;

  [[nodiscard]] std::expected<bool, SourceError> read_batch();
  [[nodiscard]] std::expected<void, SourceError> take(std::unique_ptr<NameBatch> batch);
  [[nodiscard]] bool begin_chunk();
  [[nodiscard]] std::expected<void, SourceError> end_chunk();
  [[nodiscard]] std::expected<void, SourceError> check_nothing_follows() const;
  [[nodiscard]] bool hand_over();
  [[nodiscard]] bool push_registration(const NameBatch& batch);
  [[nodiscard]] NameQueue& first_queue() const {
    return *(queues_.dns != nullptr ? queues_.dns : queues_.registration);
  }
  void advance_queues(uint64_t chunk);

  Input& input_;
  const Queues queues_;
  Output& output_;
  const Options options_;
  std::unique_ptr<Chunk> chunk_;
  uint64_t next_chunk_ = 0;
  std::atomic<bool> stopped_ = false;
  std::atomic<bool> complete_ = false;
  std::atomic<uint64_t> names_read_ = 0;
};

}  // namespace zonesweep::engine
