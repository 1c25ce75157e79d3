#include "engine/source.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <bit>
#include <cassert>
#include <cstring>
#include <deque>
#include <utility>

#include "engine/input_marks.h"

namespace zonesweep::engine {
namespace {

uint64_t done_of(const NameBatch& batch, size_t at) {
  return batch.done.empty() ? 0 : batch.done[at];
}

// A name of the batch lacks one of the rows that `rows_of` says of its kind.
template <typename RowsOf>
bool lacks(const NameBatch& batch, RowsOf&& rows_of) {
  for (size_t at = 0; at < batch.block.names.size(); ++at) {
    if ((rows_of(batch.block.names[at].kind) & ~done_of(batch, at)) != 0) return true;
  }
  return false;
}

void copy_lacking_registration(const NameBatch& batch, const Probes& probes, NameBlock& to) {
  const NameBlock& from = batch.block;
  to.bytes_read = from.bytes_read;
  for (size_t at = 0; at < from.names.size(); ++at) {
    const InputName& name = from.names[at];
    if ((probes.registration_rows(name.kind) & ~done_of(batch, at)) != 0) to.names.push_back(name);
  }
  if (to.names.empty()) return;
  std::memcpy(to.arena.room(from.arena.size()), from.arena.data(), from.arena.size());
  to.arena.commit(from.arena.size());
}

}  // namespace

// The chunk being read.
struct Source::Chunk {
  enum class Use : uint8_t { ask, check, pass };  // pass: another machine's

  uint64_t number = 0;
  Use use = Use::ask;
  uint64_t names = 0;  // read so far
  uint64_t rows = 0;   // that they need, on disk or not
  Output::ChunkPlan plan;
  XXH3_state_t hash;
  // So far the input is that of the earlier run, if there was one.
  InputMark vouched;
  uint64_t next_mark = UINT64_MAX;  // names; there it is compared again
  // Of a partial chunk, names that are not vouched for yet: another input must not add a single
  // row to it.
  struct Held {
    std::unique_ptr<NameBatch> batch;
    uint64_t end = 0;  // names of the chunk, with the batch
  };
  std::deque<Held> held;

  void add(std::string_view input) {
    XXH3_64bits_update(&hash, input.data(), input.size());
    XXH3_64bits_update(&hash, "\n", 1);
    names++;
  }
  [[nodiscard]] bool partial() const {
    return use == Use::ask && plan.state == Output::ChunkPlan::State::partial;
  }
  [[nodiscard]] uint64_t digest() const { return XXH3_64bits_digest(&hash); }
};

Source::Source(Input& input, Queues queues, Output& output, const Options& options)
    : input_(input), queues_(queues), output_(output), options_(options) {
  assert((queues.dns != nullptr) == (options.probes.dns_types != 0));
  assert((queues.registration != nullptr) == options.probes.registration);
  assert(options.probes.questions() > 0);
}

Source::~Source() = default;

void Source::stop() {
  stopped_ = true;
  input_.interrupt();
  output_.stop();
  for (NameQueue* const queue : {queues_.dns, queues_.registration}) {
    if (queue != nullptr) queue->stop();
  }
}

std::expected<void, SourceError> Source::run() {
  std::expected<void, SourceError> result;
  while (true) {
    const auto more = read_batch();
    if (!more) {
      result = std::unexpected(more.error());
      break;
    }
    if (*more) continue;
    if (!stopped_) {
      result = end_chunk();
      if (result) result = check_nothing_follows();
      complete_ = result.has_value();
    }
    break;
  }
  for (NameQueue* const queue : {queues_.dns, queues_.registration}) {
    if (queue != nullptr) queue->close();
  }
  return result;
}

// False at the end of the input, or when the run is stopping.
std::expected<bool, SourceError> Source::read_batch() {
  if (stopped_) return false;
  if (chunk_ && chunk_->names == options_.names_per_chunk) {
    if (auto ended = end_chunk(); !ended) return std::unexpected(ended.error());
  }
  auto batch = first_queue().fresh();
  const uint64_t in_chunk = chunk_ ? chunk_->names : 0;
  const auto room = static_cast<size_t>(
      std::min<uint64_t>(limits::kNamesPerBatch, options_.names_per_chunk - in_chunk));
  const auto more = input_.next(batch->block, room);
  if (!batch->block.names.empty()) {
    if (!chunk_ && !begin_chunk()) return false;
    if (auto taken = take(std::move(batch)); !taken) return std::unexpected(taken.error());
  }
  if (!more) return std::unexpected(SourceError{more.error()});
  return *more && !stopped_;
}

void Source::advance_queues(uint64_t chunk) {
  for (NameQueue* const queue : {queues_.dns, queues_.registration}) {
    if (queue != nullptr) queue->advance(chunk);
  }
}

// False when the run is stopping.
bool Source::begin_chunk() {
  chunk_ = std::make_unique<Chunk>();
  Chunk& chunk = *chunk_;
  chunk.number = next_chunk_++;
  XXH3_64bits_reset(&chunk.hash);
  if (chunk.number % options_.split_count != options_.split_index) {
    chunk.use = Chunk::Use::pass;
    return true;
  }
  chunk.plan = output_.plan(chunk.number);
  if (chunk.plan.state == Output::ChunkPlan::State::committed) {
    chunk.use = Chunk::Use::check;
    return true;
  }
  if (chunk.partial()) chunk.next_mark = output_.next_mark(chunk.number, 0);
  advance_queues(chunk.number);
  return output_.begin_chunk(chunk.number, chunk.number * options_.names_per_chunk);
}

std::expected<void, SourceError> Source::take(std::unique_ptr<NameBatch> batch) {
  Chunk& chunk = *chunk_;
  batch->chunk = chunk.number;
  for (const InputName& name : batch->block.names) {
    if (chunk.partial()) batch->done.push_back(output_.done_mask(chunk.number, chunk.names));
    chunk.add(batch->block.input(name));
    chunk.rows += static_cast<uint64_t>(std::popcount(options_.probes.rows(name.kind)));
    if (chunk.names != chunk.next_mark) continue;
    chunk.vouched = {chunk.names, chunk.digest()};
    auto same = output_.check_committed(chunk.number, chunk.names, chunk.vouched.hash);
    if (!same) return std::unexpected(SourceError{same.error()});
    chunk.next_mark = output_.next_mark(chunk.number, chunk.names);
  }
  if (chunk.next_mark == UINT64_MAX) chunk.vouched = {chunk.names, chunk.digest()};
  names_read_.store(names_read_.load(std::memory_order_relaxed) + batch->block.names.size(),
                    std::memory_order_relaxed);
  const auto rows_of = [this](InputName::Kind kind) { return options_.probes.rows(kind); };
  // An ordered run counts on hearing of every name.
  const bool wanted = chunk.use == Chunk::Use::ask && (options_.ordered || lacks(*batch, rows_of));
  if (!wanted) {
    first_queue().recycle(std::move(batch));
  } else {
    chunk.held.push_back({std::move(batch), chunk.names});
  }
  if (!hand_over()) stopped_ = true;
  return {};
}

// What is vouched for, no further. False when the run is stopping.
bool Source::hand_over() {
  auto& held = chunk_->held;
  if (held.empty() || held.front().end > chunk_->vouched.names) return true;
  output_.input_progress(chunk_->number, chunk_->vouched.names, chunk_->vouched.hash);
  const auto dns_rows_of = [this](InputName::Kind kind) { return options_.probes.dns_rows(kind); };
  while (!held.empty() && held.front().end <= chunk_->vouched.names) {
    std::unique_ptr<NameBatch> batch = std::move(held.front().batch);
    held.pop_front();
    if (options_.ordered && !output_.admit(batch->block.names.back().seq)) return false;
    if (queues_.registration != nullptr && !push_registration(*batch)) return false;
    if (!options_.ordered && !lacks(*batch, dns_rows_of)) {
      first_queue().recycle(std::move(batch));
    } else if (!queues_.dns->push(std::move(batch))) {
      return false;
    }
  }
  return true;
}

// False when the run is stopping.
bool Source::push_registration(const NameBatch& batch) {
  auto names = queues_.registration->fresh();
  names->chunk = batch.chunk;
  copy_lacking_registration(batch, options_.probes, names->block);
  if (!names->block.names.empty()) return queues_.registration->push(std::move(names));
  queues_.registration->recycle(std::move(names));
  return true;
}

std::expected<void, SourceError> Source::end_chunk() {
  if (!chunk_) return {};
  const auto chunk = std::exchange(chunk_, nullptr);
  if (chunk->use == Chunk::Use::check || chunk->next_mark != UINT64_MAX) {
    auto same = output_.check_committed(chunk->number, chunk->names, chunk->digest());
    if (!same) return std::unexpected(SourceError{same.error()});
  }
  if (chunk->use != Chunk::Use::ask) return {};
  output_.end_chunk(chunk->number, chunk->names, chunk->rows, chunk->digest());
  advance_queues(chunk->number + 1);
  return {};
}

// Chunks on disk beyond the end of the input: it was longer once.
std::expected<void, SourceError> Source::check_nothing_follows() const {
  for (uint64_t chunk = next_chunk_; chunk < next_chunk_ + options_.split_count; ++chunk) {
    if (chunk % options_.split_count != options_.split_index) continue;
    if (output_.plan(chunk).state == Output::ChunkPlan::State::fresh) continue;
    auto same = output_.check_committed(chunk, 0, 0);
    if (!same) return std::unexpected(SourceError{same.error()});
  }
  return {};
}

}  // namespace zonesweep::engine
