// engine/reorder.h - rows as lanes finish them in, rows of a shard in input order out.
//
// Threads:    the writer.
// Invariants: (1) rows leave in the order of (seq, question), chunk after chunk; (2) a name leaves
//             when it and all names before it in its chunk are done; (3) at most kOrderedNames
//             names are held: the source is kept from handing out more.
// Ownership:  holds the blocks of the lanes until their last row has left.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "engine/row_block.h"

namespace zonesweep::engine {

class Reorder {
 public:
  class Target {
   public:
    virtual ~Target() = default;
    virtual void row(uint64_t chunk, uint64_t first_seq, const RowBlock::Row& row,
                     std::string_view text) = 0;
    virtual void chunk_left(uint64_t chunk) = 0;  // its last row was given
  };

  Reorder();

  void begin_chunk(uint64_t chunk, uint64_t first_seq);
  void end_chunk(uint64_t chunk, uint64_t names);
  // False: a row is none of those that may be in flight.
  [[nodiscard]] bool add(std::unique_ptr<RowBlock> rows);
  void advance(Target& target);  // gives what is in order

  [[nodiscard]] uint64_t low_water_seq() const noexcept { return next_seq_; }
  [[nodiscard]] uint64_t held_bytes() const noexcept { return held_bytes_; }

 private:
  static constexpr uint32_t kNone = UINT32_MAX;
  struct Chunk {
    uint64_t chunk = 0;
    uint64_t first_seq = 0;
    std::optional<uint64_t> names;
  };
  struct Slot {  // one name
    uint32_t head = kNone;
    bool done = false;
  };
  struct Entry {  // one row
    uint32_t block = 0;
    uint32_t row = 0;
    uint32_t next = kNone;
  };
  struct Held {
    std::unique_ptr<RowBlock> rows;
    uint32_t live = 0;
  };

  [[nodiscard]] Slot* slot_of(uint64_t seq);
  uint32_t hold(std::unique_ptr<RowBlock> rows);
  void link(Slot& slot, uint32_t block, uint32_t row);
  void give_name(const Chunk& chunk, Slot& slot, Target& target);
  void drop_row(uint32_t entry);

  std::deque<Chunk> chunks_;  // open ones, in order
  uint64_t next_seq_ = 0;
  uint64_t held_bytes_ = 0;
  std::vector<Slot> slots_;  // by seq, modulo their number
  std::vector<Entry> entries_;
  std::vector<uint32_t> free_entries_;
  std::vector<Held> held_;
  std::vector<uint32_t> free_held_;
  std::vector<uint32_t> of_name_;  // entries of one name, by question
};

}  // namespace zonesweep::engine
