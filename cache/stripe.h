// cache/stripe.h - one slice of the table: an index of one-word slots over a log of segments.
//
// Threads:    read() from any thread at any time. All other members only between try_claim() and
// release(). Invariants: (1) the bytes of a segment do not change between two changes of its
// version, but for
//                 appending; a slot names the version that it was made for. A reader copies, then
//                 looks whether the version is still the one that its slot named;
//             (2) no slot names a segment that is free, and each key has at most one slot;
//             (3) every word that a reader may load is an atomic: a reader that loses the race
//             reads
//                 old or mixed words, finds that out, and has done no harm: sizes from such words
//                 are checked against the segment before use;
//             (4) outside of reclaim() at least kReserve segments are free.
// Ownership:  a Stripe is a view; the Table owns the memory.
// Units:      words of 64 bits; time in steps of kExpiryStep since Table::Options::start.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>

#include "cache/ghost.h"
#include "cache/key.h"

namespace zonesweep::cache {

using Instant = std::chrono::time_point<std::chrono::steady_clock, std::chrono::nanoseconds>;

namespace limits {
inline constexpr size_t kStripeBytesMax = size_t{9} << 19;  // 4.5 MiB: what 255 segments need
inline constexpr size_t kStripeBytesMin = size_t{1} << 19;  // so that small tables have a few, too
inline constexpr size_t kStripesWanted =
    16;  // writers of as many lanes rarely meet; each has a log to append to
inline constexpr uint32_t kSegmentWords = 2'048;  // 16 KiB: the unit of eviction
inline constexpr uint32_t kSegmentsPerStripe =
    255;                                        // eight bits of a slot, and one value for "none"
inline constexpr uint32_t kSlotsPerBucket = 7;  // with their use counts one line of 64 bytes
inline constexpr uint32_t kLogBytesPerBucket = 448;  // entries of 90 bytes fill 5 of 7 slots
inline constexpr uint32_t kLogBytesPerGhost =
    64;                                       // history: twice as many as a full log has entries
inline constexpr uint32_t kSmallPercent = 5;  // of the segments: the probation of new entries
inline constexpr uint32_t kReadTries = 3;
inline constexpr uint32_t kWordsAtOnce = 16;    // most answers are no longer than 128 bytes
inline constexpr uint32_t kReclaimsPerPut = 4;  // then the new value is not stored: bounded work
// Over the whole log, without a free segment to show for it; then what is oldest goes, used or not.
inline constexpr uint32_t kFruitlessRounds = 2;
inline constexpr uint32_t kReclaimAhead = 12;       // entries whose places are fetched in advance
inline constexpr uint32_t kReserve = 1;             // what survives one segment fits into one
inline constexpr uint8_t kUsesMax = 3;              // two bits, as S3-FIFO has it
inline constexpr uint32_t kValueBytesMax = 12'288;  // with the longest key less than a segment
inline constexpr auto kExpiryStep = std::chrono::milliseconds{100};  // 32 bits of them are 13 years
}  // namespace limits
static_assert(limits::kValueBytesMax / 8 + Key::kWordsMax + 1 <= limits::kSegmentWords);

// Where things are. Each kind lies together for all stripes, and the log by rounds: the first
// segment of every stripe, then the second ... so memory that is not needed yet is not touched,
// even in huge pages.
struct Geometry {
  uint32_t stripes = 0;
  uint32_t stripe_shift = 0;  // hash >> stripe_shift is the stripe, where there is more than one
  uint32_t segments = 0;      // this and the next four: of one stripe
  uint32_t small_segments = 0;
  uint32_t buckets = 0;  // a multiple of four: so many neighbours help each other out
  uint32_t ghost_sets = 0;
  size_t states_at = 0;  // offsets from the beginning of the table's memory
  size_t versions_at = 0;
  size_t buckets_at = 0;
  size_t ghosts_at = 0;
  size_t segments_at = 0;

  [[nodiscard]] static Geometry of(size_t table_bytes) noexcept;
};

using Word = std::atomic<uint64_t>;
static_assert(sizeof(Word) == 8 && Word::is_always_lock_free);

// A slot, in one word; 0 is an empty one (a version is never 0).
struct Slot {
  uint64_t bits = 0;

  [[nodiscard]] static Slot of(uint32_t tag, uint64_t version, uint32_t segment,
                               uint32_t at) noexcept {
    return {uint64_t{tag} << 44 | (version & kVersionMask) << 19 | uint64_t{segment} << 11 | at};
  }
  [[nodiscard]] uint32_t tag() const noexcept { return static_cast<uint32_t>(bits >> 44); }
  [[nodiscard]] uint64_t version() const noexcept { return bits >> 19 & kVersionMask; }
  [[nodiscard]] uint32_t segment() const noexcept { return bits >> 11 & 0xff; }
  [[nodiscard]] uint32_t at() const noexcept { return bits & 0x7ff; }
  [[nodiscard]] bool empty() const noexcept { return bits == 0; }

  static constexpr uint64_t kVersionMask = (uint64_t{1} << 25) - 1;
};

struct alignas(64) Bucket {
  std::array<Word, limits::kSlotsPerBucket> slots;
  // Counted without read-modify-write: an increment may get lost, a lane never stalls for one.
  std::array<std::atomic<uint8_t>, limits::kSlotsPerBucket> uses;
  // A key of this bucket was put into a neighbour, once. Until then nobody needs to look there.
  std::atomic<bool> spilled;
};
static_assert(sizeof(Bucket) == 64);

// The first word of an entry; the key's words and the value's follow.
struct EntryHead {
  uint64_t bits = 0;

  [[nodiscard]] static EntryHead of(uint32_t expires, uint32_t value_bytes,
                                    uint32_t bucket) noexcept {
    return {uint64_t{expires} << 32 | uint64_t{value_bytes} << 18 | bucket};
  }
  [[nodiscard]] uint32_t expires() const noexcept { return static_cast<uint32_t>(bits >> 32); }
  [[nodiscard]] uint32_t value_bytes() const noexcept { return bits >> 18 & 0x3fff; }
  [[nodiscard]] uint32_t bucket() const noexcept { return bits & 0x3ffff; }
};
static_assert(limits::kValueBytesMax < (1U << 14));

enum class ReadOutcome : uint8_t { hit, miss, expired, gave_up };

struct ReadResult {  // two registers
  uint64_t outcome = static_cast<uint64_t>(ReadOutcome::miss);
  EntryHead head;

  ReadResult() = default;
  ReadResult(ReadOutcome what, EntryHead of) : outcome(static_cast<uint64_t>(what)), head(of) {}
  [[nodiscard]] bool is(ReadOutcome what) const noexcept {
    return outcome == static_cast<uint64_t>(what);
  }
};

// A first-in-first-out list of segments; `ids` is a ring of 256, so positions wrap by themselves.
struct SegmentQueue {
  std::array<uint8_t, 256> ids;
  uint8_t first = 0;
  uint32_t count = 0;

  void push(uint8_t id) noexcept { ids[static_cast<uint8_t>(first + count++)] = id; }
  uint8_t pop() noexcept {
    --count;
    return ids[first++];
  }
};

// The youngest segment of a queue: new entries are appended there.
struct Tail {
  uint64_t version = 0;
  uint16_t used_words = limits::kSegmentWords;  // full: also when there is none
  uint8_t segment = 0;
};

// What the writer of a stripe knows. A put() into a segment with room touches the first line only.
struct StripeState {
  alignas(64) std::atomic<uint32_t> claimed{0};
  bool has_ghosts = false;
  // Written by the holder of the claim, read by anyone.
  std::atomic<uint64_t> entries{0};
  // Only for the holder of the claim, as is all of the rest but for the counters.
  Tail small_tail;
  Tail main_tail;

  alignas(64) std::atomic<uint64_t> evicted{0};
  std::atomic<uint64_t> expired{0};
  std::atomic<uint64_t> displaced{0};
  SegmentQueue small;  // new entries
  SegmentQueue main;   // those that were used while they were new, or soon after
  SegmentQueue free;
  std::array<uint16_t, 256> used_words{};  // of segments that are no tail any more
  std::array<bool, 256> in_main{};
  uint32_t fruitless = 0;  // segments reclaimed since one was gained
};

class Stripe {
 public:
  Stripe(std::byte* table, const Geometry& geometry, uint32_t index) noexcept
      : table_(table), geometry_(&geometry), index_(index) {}

  void initialise() noexcept;  // of zeroed memory

  void prefetch(uint64_t hash) const noexcept;
  void prefetch_entry(const Key& key) const noexcept;
  void prefetch_write(uint64_t hash) const noexcept;
  [[nodiscard]] ReadResult read(const Key& key, uint32_t now,
                                std::span<std::byte, limits::kValueBytesMax> out) const noexcept;

  [[nodiscard]] bool try_claim() noexcept;
  // False when no room was found within kReclaimsPerPut.
  [[nodiscard]] bool write(const Key& key, std::span<const std::byte> value, uint32_t expires,
                           uint32_t now) noexcept;
  void release() noexcept;

  [[nodiscard]] StripeState& state() const noexcept;

  // For cache/harvest.h. Where the log of a segment ends, under the claim:
  struct End {
    uint64_t version = 0;
    uint32_t words = 0;
  };
  [[nodiscard]] End end_of(uint8_t segment) const noexcept;
  // All slots that are not empty, in no order; the lanes go on meanwhile.
  template <typename Visit>
  void each_slot(Visit visit) const {
    for (uint32_t b = 0; b < geometry_->buckets; ++b) {
      for (const Word& word : bucket(b).slots) {
        const Slot slot{word.load(std::memory_order_acquire)};
        if (!slot.empty() && slot.segment() < geometry_->segments) visit(slot);
      }
    }
  }
  struct Copied {
    uint32_t key_words = 0;
    uint32_t value_bytes = 0;
    uint32_t expires = 0;
  };
  // Key and value of an entry into `out` (kSegmentWords); false if it is gone.
  [[nodiscard]] bool copy(Slot slot, std::span<uint64_t> out, Copied& copied) const noexcept;

 private:
  enum class Check : uint8_t { match, other, stale };
  struct Place {  // of a slot
    uint32_t bucket = 0;
    uint32_t slot = 0;
  };

  [[nodiscard]] uint32_t bucket_of(uint64_t hash) const noexcept;
  [[nodiscard]] Bucket& bucket(uint32_t index) const noexcept;
  [[nodiscard]] Word& version(uint32_t segment) const noexcept;
  [[nodiscard]] Word* words(uint32_t segment) const noexcept;
  [[nodiscard]] Ghost ghost() const noexcept;

  [[nodiscard]] Check read_slot(Slot slot, const Key& key, uint32_t now,
                                std::span<std::byte, limits::kValueBytesMax> out,
                                ReadResult& result) const noexcept;
  [[nodiscard]] ReadResult read_anywhere(
      const Key& key, uint32_t now,
      std::span<std::byte, limits::kValueBytesMax> out) const noexcept;
  [[nodiscard]] bool same_key(Slot slot, const Key& key) const noexcept;
  [[nodiscard]] bool find(const Key& key, Place& place) const noexcept;
  [[nodiscard]] bool find(Slot slot, uint32_t home, Place& place) const noexcept;
  [[nodiscard]] Place place_for(uint32_t home) noexcept;
  [[nodiscard]] bool may_be_next_door(uint32_t home) const noexcept;
  void clear(Place place) noexcept;

  [[nodiscard]] bool make_room(bool in_main, uint32_t size, uint32_t now) noexcept;
  void reclaim(uint32_t now, bool keep_used) noexcept;
  [[nodiscard]] EntryHead head_at(uint8_t segment, uint32_t at) const noexcept;
  [[nodiscard]] uint32_t size_at(uint8_t segment, uint32_t at) const noexcept;
  [[nodiscard]] uint32_t prefetch_reclaim(uint8_t segment, uint32_t at) const noexcept;
  void reclaim_entry(Slot slot, EntryHead head, uint32_t size, bool from_main, uint32_t now,
                     bool keep_used) noexcept;
  void free_segment(uint8_t segment) noexcept;
  [[nodiscard]] Slot append(Tail& tail, uint32_t tag, uint32_t size) noexcept;
  void open_segment(bool in_main) noexcept;
  [[nodiscard]] static bool has_room(const Tail& tail, uint32_t size) noexcept;

  std::byte* table_;
  const Geometry* geometry_;
  uint32_t index_;
};

}  // namespace zonesweep::cache
