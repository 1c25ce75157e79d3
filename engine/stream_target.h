// engine/stream_target.h - the target that is standard output: frames one after another.
//
// Threads:    the writer.
// Invariants: frames hold whole lines and are written whole, unless the reader goes away; then the
//             queue is told once and everything after is dropped. A reader that takes nothing holds
//             the writer for kGraceAtEnd at most once the run is ending.
#pragma once

#include <string_view>

#include "engine/output_queue.h"
#include "engine/shard_target.h"
#include "io/stream_out.h"

namespace zonesweep::engine {

namespace limits {
inline constexpr Duration kGraceAtEnd = std::chrono::seconds{5};  // as long as a drain may last
}  // namespace limits

class StreamTarget final : public ShardTarget {
 public:
  StreamTarget(int fd, OutputQueue& queue, OutputCounters& counters);

  [[nodiscard]] Outcome write(const Frame& frame, uint64_t first_seq,
                              const InputMarks& input) override;
  [[nodiscard]] Outcome commit(const CommittedChunk& chunk) override;
  [[nodiscard]] Outcome sync(Instant since) override;
  [[nodiscard]] Instant oldest_unsynced() const override { return Instant::max(); }

 private:
  [[nodiscard]] bool wait_for_reader();
  [[nodiscard]] Outcome write_all(std::string_view bytes);

  io::StreamOut out_;
  OutputQueue& queue_;
  OutputCounters& counters_;
};

}  // namespace zonesweep::engine
