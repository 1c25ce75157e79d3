#include "engine/parking.h"

#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>
#include <bit>
#include <cassert>
#include <cstdlib>
#include <cstring>
#include <utility>

namespace zonesweep::engine {
namespace {

// Of a slot: the next one, the bytes of its items, and an XXH3-64 of both and the items.
constexpr uint32_t kHeaderBytes = 4 + 4 + 8;
constexpr uint32_t kFirstBytes = 256;  // of a queue; most of thousands stay short
constexpr uint32_t kGrowth = 4;
constexpr uint64_t kNodeBytes = 64;  // of a segment beside its bytes
// Before a part: its size times two, and one more where the item goes on in the next part; seven
// bits a byte. Of most names that is one byte.
constexpr uint32_t kOneByte = 0x80;
static_assert(limits::kParkedPartBytes * 2 + 1 < kOneByte * kOneByte);
static_assert(limits::kParkedPartBytes + 2 <= limits::kSegmentBytes - kHeaderBytes);

uint32_t prefix_bytes(size_t size) { return size * 2 + 1 < kOneByte ? 1 : 2; }

uint64_t seed_of(uint32_t queue, uint64_t number) { return uint64_t{queue} << 40 ^ number; }

uint64_t checksum(const char* slot, size_t bytes, uint64_t seed) {
  const uint64_t of_header = XXH3_64bits_withSeed(slot, 8, seed);
  return XXH3_64bits_withSeed(slot + kHeaderBytes, bytes, of_header);
}

}  // namespace

Parking::Parking(Options options) : options_(std::move(options)), folder_(options_.directory) {}
Parking::~Parking() = default;

uint64_t Parking::size(uint32_t queue) const noexcept {
  return queue < queues_.size() ? queues_[queue].items : 0;
}

bool Parking::full() const noexcept { return disk_bytes() >= options_.file_bytes; }
uint64_t Parking::disk_bytes() const noexcept { return slots_used_ * limits::kSegmentBytes; }
uint64_t Parking::file_size_bytes() const noexcept { return slots_made_ * limits::kSegmentBytes; }

// --------------------------------------------------------------------------------- in and out

Parking::Result Parking::push(uint32_t queue, std::string_view bytes) {
  if (queue >= queues_.size()) {
    memory_ += (queue + 1 - queues_.size()) * (sizeof(Queue) + sizeof(uint64_t));
    queues_.resize(queue + 1);
    memory_of_.resize(queue + 1);
  }
  ++queues_[queue].items;
  ++items_;
  for (; bytes.size() > limits::kParkedPartBytes; bytes.remove_prefix(limits::kParkedPartBytes)) {
    auto pushed = push_part(queue, bytes.substr(0, limits::kParkedPartBytes), true);
    if (!pushed) return pushed;
  }
  return push_part(queue, bytes, false);
}

Parking::Result Parking::push_part(uint32_t queue, std::string_view part, bool more) {
  const auto size = static_cast<uint32_t>(part.size());
  const auto room = room_for(queue, prefix_bytes(size) + size);
  if (!room) return std::unexpected(room.error());
  Segment& segment = **room;
  char* at = segment.bytes.get() + segment.end;
  const uint32_t prefix = size * 2 + (more ? 1 : 0);
  if (prefix_bytes(size) == 1) {
    *at++ = static_cast<char>(prefix);
  } else {
    *at++ = static_cast<char>(kOneByte | (prefix % kOneByte));
    *at++ = static_cast<char>(prefix / kOneByte);
  }
  std::memcpy(at, part.data(), size);
  segment.end += prefix_bytes(size) + size;
  return keep_bound(0);
}

// The segment at the end of the queue, with room for so many bytes.
std::expected<Parking::Segment*, std::string> Parking::room_for(uint32_t queue, size_t size) {
  Queue& at = queues_[queue];
  if (!at.on_disk && at.memory.empty()) at.memory.push_back(new_segment(queue, kFirstBytes));
  Segment* segment = at.on_disk ? &at.tail : &at.memory.back();
  if (segment->capacity == 0) *segment = new_segment(queue, kFirstBytes);
  if (segment->begin == segment->end) segment->begin = segment->end = kHeaderBytes;
  while (segment->capacity - segment->end < size) {
    if (segment->capacity < limits::kSegmentBytes) {
      grow(queue, *segment);
    } else if (at.on_disk) {
      const Result stored = store_back(queue, *segment);
      if (!stored) return std::unexpected(stored.error());
      segment->begin = segment->end = kHeaderBytes;
    } else {
      segment = &at.memory.emplace_back(new_segment(queue, limits::kSegmentBytes));
    }
  }
  return segment;
}

std::expected<std::string_view, std::string> Parking::pop(uint32_t queue) {
  assert(size(queue) > 0);
  --queues_[queue].items;
  --items_;
  if (!lent_.empty()) std::string().swap(lent_);  // it was large
  auto part = pop_part(queue);
  if (part && !part->more) return part->bytes;
  while (part) {
    lent_ += part->bytes;
    if (!part->more) return lent_;
    part = pop_part(queue);
  }
  return std::unexpected(part.error());
}

std::expected<Parking::Part, std::string> Parking::pop_part(uint32_t queue) {
  Queue& from = queues_[queue];
  while (from.memory.empty() || from.memory.front().begin == from.memory.front().end) {
    if (!from.memory.empty()) {
      release(queue, from.memory.front());
      from.memory.pop_front();
    } else if (auto loaded = load_front(queue); !loaded) {
      return std::unexpected(loaded.error());
    }
  }
  Segment& segment = from.memory.front();
  const char* at = segment.bytes.get() + segment.begin;
  uint32_t prefix = static_cast<uint8_t>(*at++);
  if (prefix >= kOneByte) prefix = prefix % kOneByte + static_cast<uint8_t>(*at++) * kOneByte;
  const uint32_t size = prefix / 2;
  segment.begin += prefix_bytes(size) + size;
  return Part{{at, size}, prefix % 2 != 0};
}

// -------------------------------------------------------------------------------------- memory

Parking::Segment Parking::new_segment(uint32_t queue, uint32_t capacity) {
  memory_ += capacity + kNodeBytes;
  memory_of_[queue] += capacity + kNodeBytes;
  return {std::make_unique_for_overwrite<char[]>(capacity), capacity, kHeaderBytes, kHeaderBytes};
}

void Parking::grow(uint32_t queue, Segment& segment) {
  Segment larger = new_segment(queue, std::min(segment.capacity * kGrowth, limits::kSegmentBytes));
  const uint32_t size = segment.end - segment.begin;
  std::memcpy(larger.bytes.get() + larger.end, segment.bytes.get() + segment.begin, size);
  larger.end += size;
  release(queue, segment);
  segment = std::move(larger);
}

void Parking::release(uint32_t queue, Segment& segment) {
  if (segment.capacity == 0) return;
  memory_ -= segment.capacity + kNodeBytes;
  memory_of_[queue] -= segment.capacity + kNodeBytes;
  segment = {};
}

// Spills from the longest queues, so that a short one is asked of the disk last.
Parking::Result Parking::keep_bound(uint64_t reserve) {
  while (memory_ + reserve > options_.memory_bytes) {
    const auto biggest = std::ranges::max_element(memory_of_);
    if (biggest == memory_of_.end() || *biggest == 0) return {};
    const auto queue = static_cast<uint32_t>(biggest - memory_of_.begin());
    if (const Result spilled = spill(queue); !spilled) return spilled;
  }
  return {};
}

// One segment less in memory: of those in front of the run the last, as it is wanted last.
Parking::Result Parking::spill(uint32_t queue) {
  Queue& from = queues_[queue];
  if (!from.memory.empty() && from.memory.front().begin == from.memory.front().end) {
    release(queue, from.memory.front());
    from.memory.pop_front();
    return {};
  }
  if (from.memory.empty() && from.tail.begin == from.tail.end) {
    release(queue, from.tail);
    return {};
  }
  if (const Result opened = open_file(); !opened) return opened;
  if (!from.on_disk) begin_run(from);
  Segment& segment = from.memory.empty() ? from.tail : from.memory.back();
  const bool behind = from.memory.empty();
  const Result stored = behind ? store_back(queue, segment) : store_front(queue, segment);
  release(queue, segment);
  if (!behind) from.memory.pop_back();
  return stored;
}

// ---------------------------------------------------------------------------------------- disk

void Parking::begin_run(Queue& queue) {
  queue.on_disk = true;
  queue.first_slot = queue.next_slot = take_slot();
  queue.tail = std::move(queue.memory.back());
  queue.memory.pop_back();
}

// All of the run is back in memory; what came behind it follows.
void Parking::end_run(uint32_t queue) {
  Queue& at = queues_[queue];
  at.on_disk = false;
  free_slot(at.next_slot);
  if (at.tail.begin == at.tail.end) {
    release(queue, at.tail);
  } else {
    at.memory.push_back(std::exchange(at.tail, {}));
  }
}

Parking::Result Parking::store_front(uint32_t queue, Segment& segment) {
  Queue& to = queues_[queue];
  const uint32_t slot = take_slot();
  const Result written = write_slot(slot, to.first_slot, seed_of(queue, --to.number), segment);
  to.first_slot = slot;
  ++to.stored;
  return written;
}

Parking::Result Parking::store_back(uint32_t queue, Segment& segment) {
  Queue& to = queues_[queue];
  const uint32_t slot = std::exchange(to.next_slot, take_slot());
  const uint64_t seed = seed_of(queue, to.number + to.stored);
  ++to.stored;
  return write_slot(slot, to.next_slot, seed, segment);
}

Parking::Result Parking::write_slot(uint32_t slot, uint32_t next, uint64_t seed, Segment& segment) {
  char* const bytes = segment.bytes.get();
  const uint32_t size = segment.end - segment.begin;
  if (segment.begin > kHeaderBytes) {
    std::memmove(bytes + kHeaderBytes, bytes + segment.begin, size);
  }
  std::memcpy(bytes, &next, 4);
  std::memcpy(bytes + 4, &size, 4);
  const uint64_t hash = checksum(bytes, size, seed);
  std::memcpy(bytes + 8, &hash, 8);
  if (const std::errc why = injected("write"); why != std::errc{}) {
    return failure("write", why);
  }
  const auto written =
      file_.write_at(uint64_t{slot} * limits::kSegmentBytes, {bytes, kHeaderBytes + size});
  if (!written) return failure("write", written.error());
  return {};
}

Parking::Result Parking::load_front(uint32_t queue) {
  if (const Result kept = keep_bound(limits::kSegmentBytes + kNodeBytes); !kept) return kept;
  Queue& to = queues_[queue];
  assert(to.on_disk && to.stored > 0);
  Segment segment = new_segment(queue, limits::kSegmentBytes);
  char* const bytes = segment.bytes.get();
  if (const std::errc why = injected("read"); why != std::errc{}) {
    return failure("read", why);
  }
  const auto count =
      file_.read_at(uint64_t{to.first_slot} * limits::kSegmentBytes, {bytes, segment.capacity});
  if (!count) return failure("read", count.error());
  uint32_t next = 0;
  uint32_t size = 0;
  uint64_t hash = 0;
  std::memcpy(&next, bytes, 4);
  std::memcpy(&size, bytes + 4, 4);
  std::memcpy(&hash, bytes + 8, 8);
  // Writes that the disk refused only after the fact show here.
  const bool sound = *count >= kHeaderBytes && size <= *count - kHeaderBytes &&
                     checksum(bytes, size, seed_of(queue, to.number)) == hash;
  if (!sound) return failure("read", std::errc::io_error);
  segment.end = kHeaderBytes + size;
  free_slot(to.first_slot);
  to.first_slot = next;
  ++to.number;
  --to.stored;
  to.memory.push_back(std::move(segment));
  if (to.stored == 0) end_run(queue);
  return {};
}

Parking::Result Parking::open_file() {
  if (file_.is_open()) return {};
  std::vector<std::string> folders = {options_.directory};
  if (options_.directory.empty()) {
    const char* const chosen = std::getenv("TMPDIR");
    folders = {chosen == nullptr ? "" : chosen, "/var/tmp", "/tmp"};
    std::erase(folders, "");
  }
  std::errc why = injected("create");
  for (const std::string& folder : folders) {
    folder_ = folder;
    if (why != std::errc{}) break;
    auto made = io::SpoolFile::make(folder);
    if (made) {
      file_ = std::move(*made);
      return {};
    }
    if (&folder == &folders.back()) why = made.error();
  }
  return failure("create", why);
}

std::unexpected<std::string> Parking::failure(std::string_view operation, std::errc why) const {
  return std::unexpected(fmt::format("cannot {} the file of waiting names in {}: {}", operation,
                                     folder_, std::make_error_code(why).message()));
}

std::errc Parking::injected(std::string_view operation) const {
  return options_.fault ? static_cast<std::errc>(options_.fault(operation)) : std::errc{};
}

uint32_t Parking::take_slot() {
  while (slot_hint_ < slots_.size() && slots_[slot_hint_] == UINT64_MAX) ++slot_hint_;
  if (slot_hint_ == slots_.size()) slots_.push_back(0);
  uint64_t& word = slots_[slot_hint_];
  const auto bit = static_cast<uint32_t>(std::countr_one(word));
  word |= uint64_t{1} << bit;
  ++slots_used_;
  const auto slot = static_cast<uint32_t>(slot_hint_ * 64 + bit);
  slots_made_ = std::max<uint64_t>(slots_made_, uint64_t{slot} + 1);
  return slot;
}

void Parking::free_slot(uint32_t slot) {
  slots_[slot / 64] &= ~(uint64_t{1} << (slot % 64));
  slot_hint_ = std::min<uint64_t>(slot_hint_, slot / 64);
  --slots_used_;
}

}  // namespace zonesweep::engine
