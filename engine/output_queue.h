// engine/output_queue.h - what lanes and source hand to the writer thread, and what it tells them
// back.
//
// Threads:    any, as the sections say. One mutex, taken once for each block, chunk and batch of
//             names.
// Invariants: (1) events are taken in the order of their arrival; (2) a push never waits: full()
//             asks the lanes to stop pulling, and only what is in flight then can still come; (3)
//             the input marks that take() has given cover every row of the events it gives.
// Ownership:  buffers go round: a lane's frame comes back to a lane with its capacity, up to
//             kSpareBytes in all.
// Units:      bytes of frames and row blocks.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <variant>
#include <vector>

#include "engine/frame.h"
#include "engine/input_marks.h"
#include "engine/row_block.h"

namespace zonesweep::engine {

namespace limits {
inline constexpr uint64_t kQueueBytes = 4 << 20;  // then full(): some 25 compressed blocks
inline constexpr uint64_t kSpareBytes = 2 << 20;
}  // namespace limits

struct ChunkBegin {
  uint64_t chunk = 0;
  uint64_t first_seq = 0;
};

struct ChunkEnd {
  uint64_t chunk = 0;
  uint64_t names = 0;
  uint64_t rows = 0;
  uint64_t input_hash = 0;
};

using OutputEvent = std::variant<ChunkBegin, ChunkEnd, Frame, std::unique_ptr<RowBlock>>;
using InputUpdates = std::map<uint64_t, InputMarks>;  // by chunk

class OutputQueue {
 public:
  OutputQueue(uint32_t open_chunks_max, bool ordered) noexcept
      : open_chunks_max_(open_chunks_max), ordered_(ordered) {}

  // --- lanes
  [[nodiscard]] bool full() const noexcept;
  [[nodiscard]] Frame spare_frame();
  void push(Frame frame);
  void push(std::unique_ptr<RowBlock> rows);

  // --- source
  [[nodiscard]] bool begin_chunk(const ChunkBegin& begin);
  void mark_input(uint64_t chunk, const InputMark& mark);
  void end_chunk(const ChunkEnd& end);
  [[nodiscard]] bool admit(uint64_t seq);

  // --- writer
  struct Batch {
    std::deque<OutputEvent> events;
    InputUpdates marks;      // new ones since the last batch
    bool finishing = false;  // nothing comes after these events
    bool abandoned = false;
  };
  void take(Batch& batch, Instant until);  // waits for something to do
  void recycle(Frame frame);               // written: its bytes count no more
  void release(const RowBlock& rows);      // same, for rows that went to the reorder buffer
  void chunk_closed();
  void set_low_water(uint64_t seq, uint64_t held_bytes);
  void fail(OutputError error);  // the first one stays
  void close();                  // stdout: the reader went away

  // --- control, any thread
  void stop();
  void finish(bool abandon);
  [[nodiscard]] bool failed() const noexcept { return failed_.load(std::memory_order_acquire); }
  [[nodiscard]] bool closed() const noexcept { return closed_.load(std::memory_order_acquire); }
  [[nodiscard]] bool ending() const;  // stop(), finish(), a failure or a reader that went away
  [[nodiscard]] OutputError error() const;
  [[nodiscard]] uint64_t low_water_seq() const noexcept {
    return low_water_.load(std::memory_order_acquire);
  }

 private:
  [[nodiscard]] bool ending_locked() const noexcept { return stopping_ || failed() || closed(); }
  void push_locked(OutputEvent event, uint64_t bytes);

  const uint32_t open_chunks_max_;
  const bool ordered_;

  mutable std::mutex mutex_;
  std::condition_variable writer_wake_;
  std::condition_variable source_wake_;
  std::deque<OutputEvent> events_;
  InputUpdates marks_;  // since the writer took the last ones
  std::vector<Frame> spares_;
  uint64_t spare_bytes_ = 0;
  uint64_t held_bytes_ = 0;  // by the reorder buffer
  uint32_t open_chunks_ = 0;
  bool stopping_ = false;
  bool finishing_ = false;
  bool abandoned_ = false;
  OutputError error_;

  std::atomic<uint64_t> queued_bytes_{0};
  std::atomic<uint64_t> low_water_{0};
  std::atomic<bool> failed_{false};
  std::atomic<bool> closed_{false};
};

}  // namespace zonesweep::engine
