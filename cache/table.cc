#include "cache/table.h"

#include <sys/mman.h>

#include <algorithm>
#include <bit>
#include <cassert>
#include <cerrno>

namespace zonesweep::cache {
namespace {

constexpr size_t kPageBytes = 4'096;
constexpr size_t kHugePageBytes = size_t{2} << 20;

// A mapping of `bytes` that begins on a huge page.
std::byte* map_aligned(size_t bytes) {
  const size_t wanted = bytes + kHugePageBytes;
  void* raw = mmap(nullptr, wanted, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (raw == MAP_FAILED) return nullptr;
  auto* begin = static_cast<std::byte*>(raw);
  const size_t skip =
      (kHugePageBytes - std::bit_cast<uintptr_t>(raw) % kHugePageBytes) % kHugePageBytes;
  if (skip > 0) munmap(begin, skip);
  munmap(begin + skip + bytes, wanted - skip - bytes);
  return begin + skip;
}

void advise(std::byte* region, size_t bytes, size_t index_bytes, HugePages huge) {
  const size_t aligned = index_bytes / kHugePageBytes * kHugePageBytes;
  const size_t wanted = huge == HugePages::all ? bytes : huge == HugePages::index ? aligned : 0;
  if (wanted > 0) madvise(region, wanted, MADV_HUGEPAGE);
  if (wanted < bytes) madvise(region + wanted, bytes - wanted, MADV_NOHUGEPAGE);
}

}  // namespace

Counters& Counters::operator+=(const Counters& other) noexcept {
  hits += other.hits;
  misses += other.misses;
  expired += other.expired;
  gave_up_reads += other.gave_up_reads;
  stored += other.stored;
  gave_up_writes += other.gave_up_writes;
  no_room += other.no_room;
  too_large += other.too_large;
  return *this;
}

std::expected<std::unique_ptr<Table>, int> Table::create(const Options& options) {
  std::unique_ptr<Table> table(new Table);
  const size_t bytes = std::clamp(options.bytes, limits::kTableBytesMin, limits::kTableBytesMax) /
                       kPageBytes * kPageBytes;
  table->region_ = map_aligned(bytes);
  if (table->region_ == nullptr) return std::unexpected(errno);
  table->mapped_ = bytes;
  table->geometry_ = Geometry::of(bytes);
  table->start_ = options.start;
  table->seed_ = options.seed;
  advise(table->region_, bytes, table->geometry_.segments_at, options.huge_pages);
  if (options.populate) madvise(table->region_, bytes, MADV_POPULATE_WRITE);
  for (uint32_t i = 0; i < table->geometry_.stripes; ++i)
    Stripe(table->region_, table->geometry_, i).initialise();
  return table;
}

Table::~Table() {
  if (region_ != nullptr) munmap(region_, mapped_);
}

Stripe Table::stripe_of(uint64_t hash) const noexcept {
  const uint64_t index = geometry_.stripes == 1 ? 0 : hash >> geometry_.stripe_shift;
  return {region_, geometry_, static_cast<uint32_t>(index)};
}

uint32_t Table::steps_of(Instant when) const noexcept {
  const auto steps = (when - start_) / limits::kExpiryStep;
  return static_cast<uint32_t>(std::clamp<int64_t>(steps, 0, UINT32_MAX));
}

void Table::prefetch(const Key& key) const noexcept { stripe_of(key.hash()).prefetch(key.hash()); }

void Table::prefetch_entry(const Key& key) const noexcept {
  stripe_of(key.hash()).prefetch_entry(key);
}

void Table::prefetch_write(const Key& key) const noexcept {
  stripe_of(key.hash()).prefetch_write(key.hash());
}

bool Table::get(const Key& key, Instant now, std::span<std::byte, limits::kValueBytesMax> out,
                Hit& hit, Counters& counters) const noexcept {
  const ReadResult result = stripe_of(key.hash()).read(key, steps_of(now), out);
  if (result.is(ReadOutcome::hit)) [[likely]] {
    ++counters.hits;
    hit.size = result.head.value_bytes();
    hit.expires = start_ + result.head.expires() * limits::kExpiryStep;
    return true;
  }
  ++counters.misses;
  counters.expired += result.is(ReadOutcome::expired);
  counters.gave_up_reads += result.is(ReadOutcome::gave_up);
  return false;
}

PutResult Table::put(const Key& key, std::span<const std::byte> value, Instant expires, Instant now,
                     Counters& counters) noexcept {
  if (value.size() > limits::kValueBytesMax) {
    ++counters.too_large;
    return PutResult::too_large;
  }
  const uint32_t now_steps = steps_of(now);
  const uint32_t expires_steps = steps_of(expires);
  if (expires_steps <= now_steps) return PutResult::expired;
  Stripe stripe = stripe_of(key.hash());
  if (!stripe.try_claim()) {
    ++counters.gave_up_writes;
    return PutResult::gave_up;
  }
  const bool stored = stripe.write(key, value, expires_steps, now_steps);
  stripe.release();
  ++(stored ? counters.stored : counters.no_room);
  return stored ? PutResult::stored : PutResult::no_room;
}

TableCounters Table::counters() const noexcept {
  TableCounters sum;
  for (uint32_t i = 0; i < geometry_.stripes; ++i) {
    const StripeState& s = Stripe(region_, geometry_, i).state();
    sum.entries += s.entries.load(std::memory_order_relaxed);
    sum.evicted += s.evicted.load(std::memory_order_relaxed);
    sum.expired += s.expired.load(std::memory_order_relaxed);
    sum.displaced += s.displaced.load(std::memory_order_relaxed);
  }
  return sum;
}

}  // namespace zonesweep::cache
