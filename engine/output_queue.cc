#include "engine/output_queue.h"

#include <utility>

namespace zonesweep::engine {
namespace {

uint64_t bytes_of(const Frame& frame) { return frame.bytes.size() + frame.done.size(); }
uint64_t bytes_of(const RowBlock& rows) {
  return rows.text.size() + rows.rows.size() * sizeof(RowBlock::Row);
}

}  // namespace

bool OutputQueue::full() const noexcept {
  return queued_bytes_.load(std::memory_order_relaxed) >= limits::kQueueBytes || failed() ||
         closed();
}

Frame OutputQueue::spare_frame() {
  const std::lock_guard lock(mutex_);
  if (spares_.empty()) return {};
  Frame frame = std::move(spares_.back());
  spares_.pop_back();
  spare_bytes_ -= frame.bytes.capacity();
  return frame;
}

void OutputQueue::release(const RowBlock& rows) {
  queued_bytes_.fetch_sub(bytes_of(rows), std::memory_order_relaxed);
}

void OutputQueue::recycle(Frame frame) {
  queued_bytes_.fetch_sub(bytes_of(frame), std::memory_order_relaxed);
  frame.bytes.clear();
  frame.done.clear();
  frame.statuses.clear();
  const std::lock_guard lock(mutex_);
  if (spare_bytes_ + frame.bytes.capacity() > limits::kSpareBytes) return;
  spare_bytes_ += frame.bytes.capacity();
  spares_.push_back(std::move(frame));
}

void OutputQueue::push_locked(OutputEvent event, uint64_t bytes) {
  queued_bytes_.fetch_add(bytes, std::memory_order_relaxed);
  events_.push_back(std::move(event));
  writer_wake_.notify_one();
}

void OutputQueue::push(Frame frame) {
  const uint64_t bytes = bytes_of(frame);
  const std::lock_guard lock(mutex_);
  push_locked(std::move(frame), bytes);
}

void OutputQueue::push(std::unique_ptr<RowBlock> rows) {
  const uint64_t bytes = bytes_of(*rows);
  const std::lock_guard lock(mutex_);
  push_locked(std::move(rows), bytes);
}

bool OutputQueue::begin_chunk(const ChunkBegin& begin) {
  std::unique_lock lock(mutex_);
  source_wake_.wait(lock, [this] { return ending_locked() || open_chunks_ < open_chunks_max_; });
  if (ending_locked()) return false;
  ++open_chunks_;
  push_locked(begin, 0);
  return true;
}

void OutputQueue::mark_input(uint64_t chunk, const InputMark& mark) {
  const std::lock_guard lock(mutex_);
  marks_[chunk].add(mark);
}

void OutputQueue::end_chunk(const ChunkEnd& end) {
  const std::lock_guard lock(mutex_);
  marks_[end.chunk].add({end.names, end.input_hash});
  push_locked(end, 0);
}

bool OutputQueue::admit(uint64_t seq) {
  if (!ordered_) return true;
  std::unique_lock lock(mutex_);
  source_wake_.wait(lock, [&] {
    if (ending_locked()) return true;
    const uint64_t low = low_water_seq();
    // The name at low water must pass whatever is held: it is the one that lets the others go.
    return seq <= low || (seq - low < limits::kOrderedNames && held_bytes_ < limits::kOrderedBytes);
  });
  return !ending_locked();
}

void OutputQueue::take(Batch& batch, Instant until) {
  batch.events.clear();
  batch.marks.clear();
  std::unique_lock lock(mutex_);
  writer_wake_.wait_until(lock, until, [this] { return !events_.empty() || finishing_; });
  batch.events.swap(events_);
  batch.marks.swap(marks_);
  batch.finishing = finishing_;
  batch.abandoned = abandoned_;
}

void OutputQueue::chunk_closed() {
  const std::lock_guard lock(mutex_);
  --open_chunks_;
  source_wake_.notify_all();
}

void OutputQueue::set_low_water(uint64_t seq, uint64_t held_bytes) {
  const std::lock_guard lock(mutex_);
  low_water_.store(seq, std::memory_order_release);
  held_bytes_ = held_bytes;
  source_wake_.notify_all();
}

void OutputQueue::fail(OutputError error) {
  const std::lock_guard lock(mutex_);
  if (failed()) return;
  error_ = std::move(error);
  failed_.store(true, std::memory_order_release);
  source_wake_.notify_all();
}

void OutputQueue::close() {
  const std::lock_guard lock(mutex_);
  closed_.store(true, std::memory_order_release);
  source_wake_.notify_all();
}

void OutputQueue::stop() {
  const std::lock_guard lock(mutex_);
  stopping_ = true;
  source_wake_.notify_all();
}

void OutputQueue::finish(bool abandon) {
  const std::lock_guard lock(mutex_);
  stopping_ = true;
  finishing_ = true;
  abandoned_ = abandoned_ || abandon;
  source_wake_.notify_all();
  writer_wake_.notify_one();
}

bool OutputQueue::ending() const {
  const std::lock_guard lock(mutex_);
  return ending_locked();
}

OutputError OutputQueue::error() const {
  const std::lock_guard lock(mutex_);
  return error_;
}

}  // namespace zonesweep::engine
