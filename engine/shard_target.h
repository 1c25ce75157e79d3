// engine/shard_target.h - where frames go: the shards of a folder, or standard output.
//
// Threads:    the writer.
// Errors:     OutputError; after one no further call is made.
#pragma once

#include <atomic>

#include "engine/frame.h"
#include "engine/input_marks.h"
#include "engine/output_error.h"

namespace zonesweep::engine {

struct OutputCounters {  // written by the writer, read by any thread
  std::atomic<uint64_t> rows{0};
  std::atomic<uint64_t> bytes{0};
  std::atomic<uint64_t> chunks{0};
};

struct CommittedChunk {
  uint64_t chunk = 0;
  uint64_t first_seq = 0;
  uint64_t rows = 0;
  InputMark input;  // of the whole chunk
};

class ShardTarget {
 public:
  virtual ~ShardTarget() = default;
  // Appends the frame to its chunk; the last of `input` vouches for the names of its rows.
  [[nodiscard]] virtual Outcome write(const Frame& frame, uint64_t first_seq,
                                      const InputMarks& input) = 0;
  // All its rows were written. A folder looks once more that none is there twice.
  [[nodiscard]] virtual Outcome commit(const CommittedChunk& chunk) = 0;
  // Brings to the disk what was written before `since`; sync_due() is when that is wanted next.
  [[nodiscard]] virtual Outcome sync(Instant since) = 0;
  [[nodiscard]] virtual Instant oldest_unsynced() const = 0;  // Instant::max(): nothing
};

}  // namespace zonesweep::engine
