// engine/name_queue.h - the input queue: batches of names from the source thread to the lanes.
//
// Threads:    one source pushes, any lane takes. One lock per batch, never per name.
// Invariants: (1) batches leave in the order in which they came; (2) a batch belongs to one chunk;
//             (3) at most `capacity` batches wait: a full queue stops the source.
// Ownership:  a batch moves; recycle() gives its memory back to the source.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <vector>

#include "engine/names.h"

namespace zonesweep::engine {

namespace limits {
inline constexpr uint32_t kNamesPerBatch = 1'024;  // a lock and a wake-up for so many names
inline constexpr uint32_t kBatchesWaiting = 8;     // per run: the source stays just ahead
}  // namespace limits

struct NameBatch {
  uint64_t chunk = 0;
  NameBlock block;
  // Per name, bit q: the row of question q is on disk already. Empty: none is.
  std::vector<uint64_t> done;
};

class NameQueue {
 public:
  explicit NameQueue(uint32_t capacity = limits::kBatchesWaiting) : capacity_(capacity) {}

  // --- source
  // An empty batch, with the memory of a used one where there is one.
  [[nodiscard]] std::unique_ptr<NameBatch> fresh();
  // Blocks while the queue is full. False when the queue was stopped; the batch is then dropped.
  bool push(std::unique_ptr<NameBatch> batch);
  // All later batches belong to `chunk` or to later ones.
  void advance(uint64_t chunk);
  void close();  // no more batches

  // --- lanes
  [[nodiscard]] std::unique_ptr<NameBatch> take();  // null: nothing waits
  void recycle(std::unique_ptr<NameBatch> batch);
  // Closed and empty: nothing will come any more.
  [[nodiscard]] bool drained() const;
  // No batch of an earlier chunk will come any more. UINT64_MAX when drained.
  [[nodiscard]] uint64_t lowest_chunk() const;

  // --- any thread
  void stop();  // wakes the source; everything that waits is dropped

 private:
  const uint32_t capacity_;
  mutable std::mutex mutex_;
  std::condition_variable room_;
  std::deque<std::unique_ptr<NameBatch>> waiting_;
  std::vector<std::unique_ptr<NameBatch>> used_;
  uint64_t chunk_ = 0;
  bool closed_ = false;
  bool stopped_ = false;
};

}  // namespace zonesweep::engine
