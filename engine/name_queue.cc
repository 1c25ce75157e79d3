#include "engine/name_queue.h"

#include <cassert>
#include <utility>

namespace zonesweep::engine {

std::unique_ptr<NameBatch> NameQueue::fresh() {
  {
    const std::lock_guard lock(mutex_);
    if (!used_.empty()) {
      auto batch = std::move(used_.back());
      used_.pop_back();
      return batch;
    }
  }
  return std::make_unique<NameBatch>();
}

bool NameQueue::push(std::unique_ptr<NameBatch> batch) {
  std::unique_lock lock(mutex_);
  room_.wait(lock, [this] { return stopped_ || waiting_.size() < capacity_; });
  if (stopped_) return false;
  assert(batch->chunk >= chunk_ && !closed_);
  chunk_ = batch->chunk;
  waiting_.push_back(std::move(batch));
  return true;
}

void NameQueue::advance(uint64_t chunk) {
  const std::lock_guard lock(mutex_);
  assert(chunk >= chunk_);
  chunk_ = chunk;
}

void NameQueue::close() {
  const std::lock_guard lock(mutex_);
  closed_ = true;
}

std::unique_ptr<NameBatch> NameQueue::take() {
  std::unique_ptr<NameBatch> batch;
  {
    const std::lock_guard lock(mutex_);
    if (waiting_.empty()) return nullptr;
    batch = std::move(waiting_.front());
    waiting_.pop_front();
  }
  room_.notify_one();
  return batch;
}

void NameQueue::recycle(std::unique_ptr<NameBatch> batch) {
  batch->block.clear();
  batch->done.clear();
  const std::lock_guard lock(mutex_);
  if (used_.size() < capacity_) used_.push_back(std::move(batch));
}

bool NameQueue::drained() const {
  const std::lock_guard lock(mutex_);
  return stopped_ || (closed_ && waiting_.empty());
}

uint64_t NameQueue::lowest_chunk() const {
  const std::lock_guard lock(mutex_);
  if (!waiting_.empty()) return waiting_.front()->chunk;
  return closed_ || stopped_ ? UINT64_MAX : chunk_;
}

void NameQueue::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    waiting_.clear();
  }
  room_.notify_all();
}

}  // namespace zonesweep::engine
