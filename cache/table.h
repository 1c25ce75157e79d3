// cache/table.h - the memory tier: a fixed-size table of answers that all lanes share.
//
// Threads:    any lane reads or writes at any time; nobody waits. get() is wait-free: it copies,
// then
//             checks that nothing was overwritten meanwhile, and tries again kReadTries times at
//             most. put() claims its stripe by one atomic exchange and gives up if another lane
//             holds it: a cache may forget, it may not block. Neither allocates, locks or calls the
//             kernel.
// Invariants: (1) get() returns bytes that one put() of the very same key stored, whole, and not
// yet
//                 expired at `now`; (2) after put() returned `stored`, no get() that begins later
//                 returns an older value of the key; (3) memory is fixed at construction: one
//                 mapping of at most Options::bytes holds everything, index, history and locks
//                 included.
// Ownership:  get() copies into the caller's buffer; no pointer into the table escapes. Counters
// belong
//             to the caller, one object per lane.
// Units:      bytes; an Instant is of the lane clock, which the caller reads. An expiry is kept in
// steps
//             of kExpiryStep, rounded down: never served late.
// Errors:     create() says errno. A full table is normal.
//
// How it works: docs/design/cache.md.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <span>

#include "cache/key.h"
#include "cache/stripe.h"

namespace zonesweep::cache {

namespace limits {
inline constexpr size_t kTableBytesMin = size_t{1} << 20;
inline constexpr size_t kTableBytesMax = size_t{1}
                                         << 35;  // 32 GiB: what 16,384 stripes can address
}  // namespace limits

struct Counters {  // of one lane; monotonic
  uint64_t hits = 0;
  uint64_t misses = 0;         // expired and gave_up_reads are misses, too
  uint64_t expired = 0;        // found, but too old
  uint64_t gave_up_reads = 0;  // overwritten while it was read, kReadTries times
  uint64_t stored = 0;
  uint64_t gave_up_writes = 0;  // another lane was writing to the stripe
  uint64_t no_room = 0;         // everything in the stripe was in use
  uint64_t too_large = 0;

  Counters& operator+=(const Counters& other) noexcept;
};

struct TableCounters {  // of the whole table, counted by its writers
  uint64_t entries = 0;
  uint64_t evicted = 0;    // for want of room
  uint64_t expired = 0;    // room taken back from entries that were too old
  uint64_t displaced = 0;  // of the evicted: for want of a place in the index
};

enum class PutResult : uint8_t {
  stored,
  gave_up,  // another lane writes to the stripe: worth another try, later
  no_room,  // all that is there is in use; an older value of the key may be gone or still be served
  too_large,  // above kValueBytesMax
  expired,    // before it came
};

struct Hit {
  uint32_t size = 0;
  Instant expires;
};

// Address translation is a third of the time of a get() of something that is in no processor cache. Huge
// pages are zeroed whole at the first touch: `index` has them where every access is a random one.
enum class HugePages : uint8_t { none, index, all };

class Table {
 public:
  struct Options {
    size_t bytes = size_t{256} << 20;  // clamped to kTableBytesMin .. kTableBytesMax
    Instant start{};                   // no Instant given later is before it
    uint64_t seed = 0;                 // from a random source: nobody can aim at one stripe
    HugePages huge_pages = HugePages::all;
    bool populate = false;  // touch all memory now
  };

  [[nodiscard]] static std::expected<std::unique_ptr<Table>, int> create(const Options& options);
  ~Table();
  Table(const Table&) = delete;
  Table& operator=(const Table&) = delete;

  [[nodiscard]] uint64_t seed() const noexcept { return seed_; }  // for Key::assign()

  // For those who know their questions in advance: what get() waits for is memory, twice.
  // prefetch() brings the index closer, prefetch_entry(), some work later, the entry, and get()
  // then waits for neither.
  void prefetch(const Key& key) const noexcept;
  void prefetch_entry(const Key& key) const noexcept;
  void prefetch_write(const Key& key) const noexcept;  // for put()

  // True: `out` holds the value and `hit` its size. `out` has kValueBytesMax bytes; what is behind
  // the value may be overwritten, too.
  [[nodiscard]] bool get(const Key& key, Instant now,
                         std::span<std::byte, limits::kValueBytesMax> out, Hit& hit,
                         Counters& counters) const noexcept;

  PutResult put(const Key& key, std::span<const std::byte> value, Instant expires, Instant now,
                Counters& counters) noexcept;

  [[nodiscard]] size_t bytes() const noexcept { return mapped_; }
  [[nodiscard]] uint32_t stripe_count() const noexcept { return geometry_.stripes; }
  // For cache/harvest.h.
  [[nodiscard]] std::byte* memory() noexcept { return region_; }
  [[nodiscard]] const Geometry& geometry() const noexcept { return geometry_; }
  [[nodiscard]] Instant instant_of(uint32_t steps) const noexcept {
    return start_ + steps * limits::kExpiryStep;
  }

  [[nodiscard]] TableCounters counters()
      const noexcept;  // adds up all stripes; may be a moment old

 private:
  Table() = default;
  [[nodiscard]] Stripe stripe_of(uint64_t hash) const noexcept;
  [[nodiscard]] uint32_t steps_of(Instant when) const noexcept;

  std::byte* region_ = nullptr;
  size_t mapped_ = 0;
  Geometry geometry_;
  Instant start_{};
  uint64_t seed_ = 0;
};

}  // namespace zonesweep::cache
