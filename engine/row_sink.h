// engine/row_sink.h - the lane's side of the output: blocks that grow, and are cut into frames.
//
// Threads:    one lane, but for the queue.
// Invariants: a lane holds at most kLaneBytes of text, however many chunks are open.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/frame.h"
#include "engine/output_queue.h"
#include "engine/row_status.h"

namespace zonesweep::engine {

namespace limits {
inline constexpr size_t kLaneBytes = 2 << 20;           // text of all blocks of a lane
inline constexpr size_t kOrderedBlockBytes = 64 << 10;  // ordered runs pass rows on early
inline constexpr size_t kOrderedRoomBytes = 2 << 10;  // the same for those: they are held for long
inline constexpr size_t kOrderedBlockNames = 4096;    // names of a resumed run may lack nothing
inline constexpr size_t kRowRoomBytes = 64
                                        << 10;  // most rows fit behind a block that is nearly full
inline constexpr size_t kWideBlocks = 4;        // have room for a whole block from the start
}  // namespace limits

struct SinkOptions {
  Compression compression = Compression::zstd;
  uint64_t rows_per_shard = 1;
  uint32_t questions = 1;
  bool ordered = false;
  Duration block_age{};  // a block is cut when its first row is so old
};

struct RowSink::Impl {
  Impl(OutputQueue& output_queue, const SinkOptions& sink_options)
      : queue(output_queue), options(sink_options), encoder(sink_options.compression) {}

  struct Active {
    uint64_t chunk = 0;
    Table table = Table::dns;
    size_t counted = 0;  // bytes of the block that are in text_bytes
    std::unique_ptr<Block> block;
  };

  Active& active_for(uint64_t chunk, Table table);
  void add_row(uint64_t chunk, Table table, uint64_t key, RowStatus status);
  void add_ordered_row(Table table, uint64_t seq, uint32_t question, RowStatus status);
  void cut(size_t index);
  void cut_biggest();
  void cut_ordered();
  RowBlock& row_block();

  OutputQueue& queue;
  SinkOptions options;
  FrameEncoder encoder;
  // Those with rows, by age, and the one that was asked for. Some hundred when a registry answers
  // for each of many chunks.
  std::vector<Active> active;
  std::vector<std::unique_ptr<Block>> spare;
  size_t last = 0;        // index of the block that was asked for
  size_t text_bytes = 0;  // of all active blocks
  std::unique_ptr<RowBlock> ordered;
  size_t ordered_counted = 0;  // bytes of its text that have a row
  Instant now{};
};

}  // namespace zonesweep::engine
