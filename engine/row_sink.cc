#include "engine/row_sink.h"

#include <algorithm>
#include <cassert>

namespace zonesweep::engine {
namespace {

constexpr size_t kSpareBlocks = 2;

}  // namespace

RowSink::Impl::Active& RowSink::Impl::active_for(uint64_t chunk, Table table) {
  const auto is_it = [&](const Active& each) { return each.chunk == chunk && each.table == table; };
  if (last < active.size() && is_it(active[last])) return active[last];
  const auto found = std::ranges::find_if(active, is_it);
  last = static_cast<size_t>(found - active.begin());
  if (found != active.end()) return *found;
  if (spare.empty()) spare.push_back(std::make_unique<Block>());
  active.push_back({chunk, table, 0, std::move(spare.back())});
  spare.pop_back();
  if (active.size() <= limits::kWideBlocks) {
    active.back().block->text.reserve(limits::kBlockBytes + limits::kRowRoomBytes);
  }
  return active.back();
}

void RowSink::Impl::add_row(uint64_t chunk, Table table, uint64_t key, RowStatus status) {
  Active& at = active_for(chunk, table);
  at.block->add_row(table, key, status, now);
  text_bytes += at.block->text.size() - at.counted;
  at.counted = at.block->text.size();
  if (at.counted >= limits::kBlockBytes) {
    cut(last);
  } else if (text_bytes >= limits::kLaneBytes) {
    cut_biggest();
  }
}

void RowSink::Impl::cut(size_t index) {
  Active at = std::move(active[index]);
  active.erase(active.begin() + static_cast<ptrdiff_t>(index));
  text_bytes -= at.counted;
  if (at.block->rows != 0) {
    Frame frame = queue.spare_frame();
    frame.chunk = at.chunk;
    frame.table = at.table;
    encoder.encode(*at.block, frame);
    queue.push(std::move(frame));
  }
  if (spare.size() < kSpareBlocks) spare.push_back(std::move(at.block));
}

void RowSink::Impl::cut_biggest() {
  cut(static_cast<size_t>(std::ranges::max_element(active, {}, &Active::counted) - active.begin()));
}

RowBlock& RowSink::Impl::row_block() {
  if (!ordered) {
    ordered = std::make_unique<RowBlock>();
    ordered->text.reserve(limits::kOrderedBlockBytes + limits::kOrderedRoomBytes);
    ordered_counted = 0;
  }
  if (ordered->empty()) ordered->opened = now;
  return *ordered;
}

void RowSink::Impl::add_ordered_row(Table table, uint64_t seq, uint32_t question,
                                    RowStatus status) {
  RowBlock& block = row_block();
  assert(block.text.size() > ordered_counted && block.text.back() == '\n');
  const size_t size = block.text.size() - ordered_counted;
  block.rows.push_back({.seq = seq,
                        .offset = static_cast<uint32_t>(ordered_counted),
                        .size = static_cast<uint32_t>(size),
                        .status = status,
                        .table = table,
                        .question = static_cast<uint8_t>(question)});
  ordered_counted = block.text.size();
  if (ordered_counted >= limits::kOrderedBlockBytes) cut_ordered();
}

void RowSink::Impl::cut_ordered() {
  if (ordered && !ordered->empty()) queue.push(std::move(ordered));
}

RowSink::RowSink(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
RowSink::~RowSink() = default;

std::string& RowSink::buffer(uint64_t chunk, Table table) {
  if (impl_->options.ordered) return impl_->row_block().text;
  return impl_->active_for(chunk, table).block->text;
}

void RowSink::row_done(uint64_t chunk, Table table, uint64_t seq, uint32_t question,
                       RowStatus status) {
  const SinkOptions& options = impl_->options;
  assert(question < options.questions && seq / options.rows_per_shard == chunk);
  if (options.ordered) return impl_->add_ordered_row(table, seq, question, status);
  const uint64_t index = seq - chunk * options.rows_per_shard;
  impl_->add_row(chunk, table, index * options.questions + question, status);
}

void RowSink::name_done(uint64_t, uint64_t seq) {
  if (!impl_->options.ordered) return;
  RowBlock& block = impl_->row_block();
  block.names_done.push_back(seq);
  if (block.names_done.size() >= limits::kOrderedBlockNames) impl_->cut_ordered();
}

bool RowSink::full() const noexcept { return impl_->queue.full(); }

void RowSink::chunk_idle(uint64_t chunk) {
  impl_->cut_ordered();
  for (size_t i = impl_->active.size(); i-- > 0;) {
    if (impl_->active[i].chunk == chunk) impl_->cut(i);
  }
}

void RowSink::tick(Instant now) {
  impl_->now = now;
  const Instant oldest = now - impl_->options.block_age;
  if (impl_->ordered && !impl_->ordered->empty() && impl_->ordered->opened <= oldest) {
    impl_->cut_ordered();
  }
  for (size_t i = 0; i < impl_->active.size();) {
    const Block& block = *impl_->active[i].block;
    if (block.rows != 0 && block.opened > oldest) break;  // as are those behind it
    if (block.rows == 0) {
      ++i;
    } else {
      impl_->cut(i);
    }
  }
}

void RowSink::flush() {
  impl_->cut_ordered();
  while (!impl_->active.empty()) impl_->cut(impl_->active.size() - 1);
}

}  // namespace zonesweep::engine
