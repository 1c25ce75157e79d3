// engine/output_writer.h - the one thread that writes: keeps the books of the open chunks and
// drives the target.
//
// Threads:    run() is the writer thread; the constructor runs before it.
// Invariants: a chunk is committed when as many rows have come as the source announced, and the
//             target has found none of them twice.
// Errors:     the first goes to the queue; after it events are taken and dropped, so that nobody
//             waits.
#pragma once

#include <array>
#include <map>
#include <optional>

#include "engine/output_queue.h"
#include "engine/reorder.h"
#include "engine/shard_target.h"

namespace zonesweep::engine {

struct WriterOptions {
  Compression compression = Compression::zstd;
  uint32_t questions = 1;
  bool ordered = false;
  Duration flush_interval{};
};

class OutputWriter final : private Reorder::Target {
 public:
  struct Ledger {       // of an open chunk: small, as there may be a thousand of them
    uint64_t rows = 0;  // that have come, with those of an earlier run
    uint64_t first_seq = 0;
    InputMarks input;  // covers the events being handled
    std::optional<ChunkEnd> end;
  };

  OutputWriter(OutputQueue& queue, ShardTarget& target, const WriterOptions& options,
               std::map<uint64_t, uint64_t> recovered);
  void run();
  [[nodiscard]] const std::map<uint64_t, Ledger>& open_chunks() const { return ledgers_; }

 private:
  [[nodiscard]] Outcome handle(OutputQueue::Batch& batch);
  [[nodiscard]] Outcome end_turn(bool finishing);
  [[nodiscard]] Outcome handle(const ChunkBegin& begin);
  [[nodiscard]] Outcome handle(const ChunkEnd& end);
  [[nodiscard]] Outcome handle(Frame& frame);
  [[nodiscard]] Outcome handle(std::unique_ptr<RowBlock>& rows);
  [[nodiscard]] Outcome write(const Frame& frame);
  [[nodiscard]] Outcome commit_if_complete(uint64_t chunk);
  [[nodiscard]] Outcome advance_order(Instant cut_before);
  [[nodiscard]] Outcome cut_block(uint64_t chunk, Table table);
  [[nodiscard]] Instant wake_at() const;

  void row(uint64_t chunk, uint64_t first_seq, const RowBlock::Row& row,
           std::string_view text) override;
  void chunk_left(uint64_t chunk) override;

  OutputQueue& queue_;
  ShardTarget& target_;
  WriterOptions options_;
  std::map<uint64_t, uint64_t> recovered_;  // rows of chunks that are not begun yet
  std::map<uint64_t, Ledger> ledgers_;

  // Ordered runs only: rows in order, not yet in a frame.
  struct OrderedBlocks {
    std::array<Block, kTables> of_table;
    bool complete = false;  // the chunk's last row is here
  };
  std::optional<Reorder> reorder_;
  std::map<uint64_t, OrderedBlocks> ordered_;
  FrameEncoder encoder_;
  Outcome ordered_outcome_;  // of the cuts made while rows are given
  Instant now_{};
};

}  // namespace zonesweep::engine
