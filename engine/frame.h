// engine/frame.h - rows gathered in a block, and the block compressed into a frame.
//
// Threads:    a Block and a FrameEncoder belong to one lane, or to the writer in ordered runs.
// Invariants: a frame holds whole lines and can be read without any other frame: a zstd frame with
//             content size and checksum, a gzip member, or plain text.
// Ownership:  buffers are swapped, not copied, and keep their capacity.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "engine/done_set.h"
#include "engine/output.h"
#include "engine/record.h"
#include "engine/registration_record.h"
#include "engine/row_status.h"

namespace zonesweep::engine {

namespace limits {
inline constexpr size_t kBlockBytes = 1 << 20;  // text of one frame: a torn tail costs one of them
}  // namespace limits

using StatusWords = std::map<std::string, uint64_t>;  // as in the manifest

class StatusCounts {  // of rows of one table
 public:
  void add(Table table, RowStatus status);
  void clear() noexcept;
  void add_to(Table table, StatusWords& words) const;

 private:
  std::array<uint32_t, std::max(kStatusCount, kRegistrationStatusCount)> counts_{};  // by code
  std::vector<std::pair<uint16_t, uint32_t>> rcodes_;  // of Status::rcode, not in counts_
};

struct Block {  // of one table
  std::string text;
  DoneList done;
  StatusCounts statuses;
  uint32_t rows = 0;
  Instant opened{};  // when the first row came

  void add_row(Table table, uint64_t key, RowStatus status, Instant now);
  void clear() noexcept;
};

struct Frame {
  uint64_t chunk = 0;
  Table table = Table::dns;
  uint32_t rows = 0;
  std::string bytes;  // as they go into the file
  uint64_t hash = 0;  // XXH3-64 of `bytes`
  std::string done;   // a DoneList
  StatusCounts statuses;
};

class FrameEncoder {
 public:
  explicit FrameEncoder(Compression compression);
  ~FrameEncoder();
  FrameEncoder(const FrameEncoder&) = delete;
  FrameEncoder& operator=(const FrameEncoder&) = delete;

  // Fills everything of the frame but chunk and table, and clears the block.
  void encode(Block& block, Frame& frame);

 private:
  struct Codec;
  std::unique_ptr<Codec> codec_;
  std::string scratch_;
};

}  // namespace zonesweep::engine
