#include "engine/output_writer.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace zonesweep::engine {
namespace {

// Of flush_interval: a row waits at most a quarter in its block and half of it in the page cache.
constexpr int kBlockShare = 4;
constexpr int kSyncShare = 2;

std::unexpected<OutputError> our_bug(uint64_t chunk, std::string_view what) {
  return std::unexpected(OutputError{
      OutputError::Kind::failed,
      fmt::format("chunk {}: {}: a bug of zonesweep, nothing wrong was written; please report it",
                  chunk, what)});
}

Instant steady_now() { return std::chrono::steady_clock::now(); }

}  // namespace

OutputWriter::OutputWriter(OutputQueue& queue, ShardTarget& target, const WriterOptions& options,
                           std::map<uint64_t, uint64_t> recovered)
    : queue_(queue),
      target_(target),
      options_(options),
      recovered_(std::move(recovered)),
      encoder_(options.compression) {
  if (options.ordered) reorder_.emplace();
}

void OutputWriter::run() {
  OutputQueue::Batch batch;
  while (!batch.finishing) {
    queue_.take(batch, queue_.failed() ? Instant::max() : wake_at());
    if (batch.abandoned) return;
    if (queue_.failed()) continue;
    now_ = steady_now();
    Outcome outcome = handle(batch);
    if (outcome) outcome = end_turn(batch.finishing);
    if (!outcome) queue_.fail(outcome.error());
  }
}

Outcome OutputWriter::handle(OutputQueue::Batch& batch) {
  // Of a chunk that these events begin, too.
  for (const auto& [chunk, marks] : batch.marks) ledgers_[chunk].input.add(marks);
  for (OutputEvent& event : batch.events) {
    const Outcome handled = std::visit([this](auto& each) { return handle(each); }, event);
    if (!handled) return handled;
  }
  return {};
}

Outcome OutputWriter::end_turn(bool finishing) {
  if (reorder_) {
    const Duration age = options_.flush_interval / kBlockShare;
    const Outcome advanced = advance_order(finishing ? Instant::max() : now_ - age);
    if (!advanced) return advanced;
    queue_.set_low_water(reorder_->low_water_seq(), reorder_->held_bytes());
  }
  return target_.sync(finishing ? Instant::max() : now_ - options_.flush_interval / kSyncShare);
}

Instant OutputWriter::wake_at() const {
  Instant wake = Instant::max();
  const Instant unsynced = target_.oldest_unsynced();
  if (unsynced != Instant::max()) wake = unsynced + options_.flush_interval / kSyncShare;
  for (const auto& [chunk, blocks] : ordered_) {
    for (const Block& block : blocks.of_table) {
      if (block.rows == 0) continue;
      wake = std::min(wake, block.opened + options_.flush_interval / kBlockShare);
    }
  }
  return wake;
}

Outcome OutputWriter::handle(const ChunkBegin& begin) {
  Ledger& ledger = ledgers_[begin.chunk];
  ledger.first_seq = begin.first_seq;
  const auto found = recovered_.find(begin.chunk);
  if (found != recovered_.end()) {
    ledger.rows = found->second;
    recovered_.erase(found);
  }
  if (reorder_) reorder_->begin_chunk(begin.chunk, begin.first_seq);
  return {};
}

Outcome OutputWriter::handle(const ChunkEnd& end) {
  const auto found = ledgers_.find(end.chunk);
  if (found == ledgers_.end()) return our_bug(end.chunk, "ended but never begun");
  found->second.end = end;
  if (reorder_) reorder_->end_chunk(end.chunk, end.names);
  return commit_if_complete(end.chunk);
}

Outcome OutputWriter::handle(Frame& frame) {
  const Outcome written = write(frame);
  queue_.recycle(std::move(frame));
  return written;
}

Outcome OutputWriter::handle(std::unique_ptr<RowBlock>& rows) {
  queue_.release(*rows);
  if (reorder_->add(std::move(rows))) return {};
  return our_bug(reorder_->low_water_seq(), "a row that was never admitted");
}

Outcome OutputWriter::write(const Frame& frame) {
  const auto found = ledgers_.find(frame.chunk);
  if (found == ledgers_.end()) return our_bug(frame.chunk, "rows of a chunk that is not open");
  Ledger& ledger = found->second;
  ledger.rows += frame.rows;
  const Outcome written = target_.write(frame, ledger.first_seq, ledger.input);
  return written ? commit_if_complete(frame.chunk) : written;
}

Outcome OutputWriter::commit_if_complete(uint64_t chunk) {
  const Ledger& ledger = ledgers_.at(chunk);
  if (!ledger.end || ledger.rows < ledger.end->rows) return {};
  if (ledger.rows > ledger.end->rows) return our_bug(chunk, "more rows than announced");
  if (ledger.end->names != 0) {
    const InputMark input{ledger.end->names, ledger.end->input_hash};
    const Outcome committed = target_.commit({chunk, ledger.first_seq, ledger.rows, input});
    if (!committed) return committed;
  }
  ledgers_.erase(chunk);
  queue_.chunk_closed();
  return {};
}

// ------------------------------------------------------------------------------- ordered runs

Outcome OutputWriter::advance_order(Instant cut_before) {
  ordered_outcome_ = {};
  reorder_->advance(*this);
  for (auto at = ordered_.begin(); ordered_outcome_ && at != ordered_.end();) {
    const auto each = at++;
    for (uint32_t t = 0; ordered_outcome_ && t < kTables; ++t) {
      const Block& block = each->second.of_table[t];
      if (block.rows == 0 || (!each->second.complete && block.opened > cut_before)) continue;
      ordered_outcome_ = cut_block(each->first, static_cast<Table>(t));
    }
    if (each->second.complete) ordered_.erase(each);
  }
  return ordered_outcome_;
}

void OutputWriter::row(uint64_t chunk, uint64_t first_seq, const RowBlock::Row& row,
                       std::string_view text) {
  Block& block = ordered_[chunk].of_table[static_cast<size_t>(row.table)];
  block.text += text;
  const uint64_t key = (row.seq - first_seq) * options_.questions + row.question;
  block.add_row(row.table, key, row.status, now_);
  if (block.text.size() < limits::kBlockBytes || !ordered_outcome_) return;
  ordered_outcome_ = cut_block(chunk, row.table);
}

void OutputWriter::chunk_left(uint64_t chunk) {
  const auto found = ordered_.find(chunk);
  if (found != ordered_.end()) found->second.complete = true;
}

Outcome OutputWriter::cut_block(uint64_t chunk, Table table) {
  Frame frame;
  frame.chunk = chunk;
  frame.table = table;
  encoder_.encode(ordered_[chunk].of_table[static_cast<size_t>(table)], frame);
  return write(frame);
}

}  // namespace zonesweep::engine
