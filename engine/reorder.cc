#include "engine/reorder.h"

#include <algorithm>
#include <bit>
#include <cassert>

namespace zonesweep::engine {

static_assert(std::has_single_bit(limits::kOrderedNames));

Reorder::Reorder() : slots_(limits::kOrderedNames) {}

void Reorder::begin_chunk(uint64_t chunk, uint64_t first_seq) {
  if (chunks_.empty()) next_seq_ = first_seq;
  chunks_.push_back({chunk, first_seq, {}});
}

void Reorder::end_chunk(uint64_t chunk, uint64_t names) {
  const auto found = std::ranges::find(chunks_, chunk, &Chunk::chunk);
  assert(found != chunks_.end());
  found->names = names;
}

Reorder::Slot* Reorder::slot_of(uint64_t seq) {
  if (seq < next_seq_ || seq - next_seq_ >= slots_.size()) return nullptr;
  return &slots_[seq % slots_.size()];
}

bool Reorder::add(std::unique_ptr<RowBlock> rows) {
  const std::vector<uint64_t> done = std::move(rows->names_done);
  if (!rows->rows.empty()) {
    const uint32_t block = hold(std::move(rows));
    const std::vector<RowBlock::Row>& all = held_[block].rows->rows;
    for (uint32_t i = 0; i < all.size(); ++i) {
      Slot* const slot = slot_of(all[i].seq);
      if (slot == nullptr) return false;
      link(*slot, block, i);
    }
  }
  for (const uint64_t seq : done) {
    Slot* const slot = slot_of(seq);
    if (slot == nullptr) return false;
    slot->done = true;
  }
  return true;
}

uint32_t Reorder::hold(std::unique_ptr<RowBlock> rows) {
  held_bytes_ += rows->memory_bytes();
  const auto live = static_cast<uint32_t>(rows->rows.size());
  if (free_held_.empty()) {
    free_held_.push_back(static_cast<uint32_t>(held_.size()));
    held_.emplace_back();
  }
  const uint32_t at = free_held_.back();
  free_held_.pop_back();
  held_[at] = {std::move(rows), live};
  return at;
}

void Reorder::link(Slot& slot, uint32_t block, uint32_t row) {
  if (free_entries_.empty()) {
    free_entries_.push_back(static_cast<uint32_t>(entries_.size()));
    entries_.emplace_back();
  }
  const uint32_t at = free_entries_.back();
  free_entries_.pop_back();
  entries_[at] = {block, row, slot.head};
  slot.head = at;
}

void Reorder::advance(Target& target) {
  while (!chunks_.empty()) {
    const Chunk& chunk = chunks_.front();
    if (chunk.names && next_seq_ == chunk.first_seq + *chunk.names) {
      target.chunk_left(chunk.chunk);
      chunks_.pop_front();
      if (!chunks_.empty()) next_seq_ = chunks_.front().first_seq;
      continue;
    }
    Slot& slot = slots_[next_seq_ % slots_.size()];
    if (!slot.done) return;
    give_name(chunk, slot, target);
    ++next_seq_;
  }
}

void Reorder::give_name(const Chunk& chunk, Slot& slot, Target& target) {
  of_name_.clear();
  for (uint32_t at = slot.head; at != kNone; at = entries_[at].next) of_name_.push_back(at);
  const auto row_of = [this](uint32_t at) -> const RowBlock::Row& {
    return held_[entries_[at].block].rows->rows[entries_[at].row];
  };
  std::ranges::sort(of_name_, {}, [&](uint32_t at) { return row_of(at).question; });
  for (const uint32_t at : of_name_) {
    const RowBlock::Row& row = row_of(at);
    const std::string_view text = held_[entries_[at].block].rows->text;
    target.row(chunk.chunk, chunk.first_seq, row, text.substr(row.offset, row.size));
    drop_row(at);
  }
  slot = {};
}

void Reorder::drop_row(uint32_t entry) {
  Held& held = held_[entries_[entry].block];
  free_entries_.push_back(entry);
  if (--held.live != 0) return;
  held_bytes_ -= held.rows->memory_bytes();
  held.rows.reset();
  free_held_.push_back(entries_[entry].block);
}

}  // namespace zonesweep::engine
