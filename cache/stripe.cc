#include "cache/stripe.h"

#include <algorithm>
#include <bit>
#include <cassert>
#include <cstring>
#include <new>

// Every word that two threads may touch at once is an atomic, so the sanitizer needs no fence to
// see that nothing races; it warns that it does not model the ones that order them.
#ifdef __SANITIZE_THREAD__
#pragma GCC diagnostic ignored "-Wtsan"
#endif

namespace zonesweep::cache {
namespace {

constexpr auto kRelaxed = std::memory_order_relaxed;
constexpr uint32_t kBucketBits = 30;  // of the hash; above them the tag, at the top the stripe
constexpr uint32_t kTagMask = 0xfffff;
constexpr uint8_t kPromoteUses = 2;  // measured: docs/benchmarks.md

// Never 0, so that no empty slot has it.
uint32_t tag_of(uint64_t hash) { return static_cast<uint32_t>(hash >> kBucketBits & kTagMask) | 1; }

uint32_t words_of_value(uint32_t bytes) { return (bytes + 7) / 8; }

void add_one(std::atomic<uint64_t>& counter) {  // by the holder of the claim only
  counter.store(counter.load(kRelaxed) + 1, kRelaxed);
}

void subtract_one(std::atomic<uint64_t>& counter) {
  counter.store(counter.load(kRelaxed) - 1, kRelaxed);
}

// The slots of `bucket` that carry `tag`, as bits. No branch depends on a slot: where a key lies in
// its bucket is as good as random, and a wrong guess would cost more than all seven looks.
uint32_t slots_with(const Bucket& bucket, uint32_t tag) {
  uint32_t mask = 0;
#pragma GCC unroll 7
  for (uint32_t i = 0; i < limits::kSlotsPerBucket; ++i)
    mask |= static_cast<uint32_t>(Slot{bucket.slots[i].load(kRelaxed)}.tag() == tag) << i;
  return mask;
}

// Stores without a branch, elsewhere once the count is full: whether it is, is hard to foresee, and
// a line that many read must not become dirty.
void count_use(std::atomic<uint8_t>& uses) {
  thread_local std::atomic<uint8_t> nowhere;
  const uint8_t seen = uses.load(kRelaxed);
  std::atomic<uint8_t>* const target = seen < limits::kUsesMax ? &uses : &nowhere;
  target->store(static_cast<uint8_t>(seen + 1), kRelaxed);
}

void copy_word(const Word& from, std::byte* to, uint32_t at) {
  const uint64_t word = from.load(kRelaxed);
  std::memcpy(to + at * sizeof(word), &word, sizeof(word));
}

void store_bytes(Word* to, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const size_t n = std::min<size_t>(bytes.size(), sizeof(uint64_t));
    uint64_t word = 0;
    std::memcpy(&word, bytes.data(), n);
    (to++)->store(word, kRelaxed);
    bytes = bytes.subspan(n);
  }
}

}  // namespace

Geometry Geometry::of(size_t table_bytes) noexcept {
  constexpr uint32_t kStripesMax = 16'384;
  constexpr size_t kSegmentBytes = limits::kSegmentWords * sizeof(Word);
  constexpr uint32_t kBucketsPer64 = 64 * kSegmentBytes / limits::kLogBytesPerBucket;
  constexpr uint32_t kGhostSetsPer64 =
      64 * kSegmentBytes / limits::kLogBytesPerGhost / limits::kGhostsPerSet;
  constexpr size_t kBytesPer64 = 64 * (kSegmentBytes + sizeof(Word)) +
                                 kBucketsPer64 * sizeof(Bucket) +
                                 kGhostSetsPer64 * sizeof(GhostSet);
  constexpr size_t
      kRounding =  // each part begins on a pair of lines, and read_slot() may look past the end
      size_t{5} * 128 + limits::kWordsAtOnce * sizeof(Word);

  Geometry g;
  const size_t least =
      std::bit_ceil((table_bytes + limits::kStripeBytesMax - 1) / limits::kStripeBytesMax);
  const size_t wanted =
      std::min(limits::kStripesWanted, std::bit_floor(table_bytes / limits::kStripeBytesMin));
  g.stripes = static_cast<uint32_t>(std::min<size_t>(std::max(least, wanted), kStripesMax));
  g.stripe_shift = 64 - static_cast<uint32_t>(std::countr_zero(g.stripes));
  const size_t room = (table_bytes - kRounding) / g.stripes - sizeof(StripeState);
  g.segments =
      static_cast<uint32_t>(std::min<size_t>(room * 64 / kBytesPer64, limits::kSegmentsPerStripe));
  g.small_segments = std::max(2U, g.segments * limits::kSmallPercent / 100);
  g.buckets = (g.segments * kBucketsPer64 / 64) & ~3U;
  g.ghost_sets = g.segments * kGhostSetsPer64 / 64;
  const auto after = [&](size_t at, size_t bytes_of_stripe) {
    return (at + g.stripes * bytes_of_stripe + 127) & ~size_t{127};
  };
  g.versions_at = after(g.states_at, sizeof(StripeState));
  g.buckets_at = after(g.versions_at, g.segments * sizeof(Word));
  g.ghosts_at = after(g.buckets_at, g.buckets * sizeof(Bucket));
  g.segments_at = after(g.ghosts_at, g.ghost_sets * sizeof(GhostSet));
  assert(after(g.segments_at, g.segments * kSegmentBytes) <= table_bytes);
  return g;
}

// The memory is zeroed, and zero bits are what the atomics of an empty stripe hold: nothing but the
// state and the versions is written, so that untouched pages stay untouched.
void Stripe::initialise() noexcept {
  new (&state()) StripeState;
  for (uint32_t i = 0; i < geometry_->segments; ++i) {
    version(i).store(1, kRelaxed);
    state().free.push(static_cast<uint8_t>(i));
  }
}

StripeState& Stripe::state() const noexcept {
  return reinterpret_cast<StripeState*>(table_ + geometry_->states_at)[index_];
}

uint32_t Stripe::bucket_of(uint64_t hash) const noexcept {
  constexpr uint64_t kMask = (uint64_t{1} << kBucketBits) - 1;
  return static_cast<uint32_t>((hash & kMask) * geometry_->buckets >> kBucketBits);
}

Bucket& Stripe::bucket(uint32_t index) const noexcept {
  return reinterpret_cast<Bucket*>(table_ +
                                   geometry_->buckets_at)[index_ * geometry_->buckets + index];
}

Word& Stripe::version(uint32_t segment) const noexcept {
  return reinterpret_cast<Word*>(table_ +
                                 geometry_->versions_at)[index_ * geometry_->segments + segment];
}

Word* Stripe::words(uint32_t segment) const noexcept {
  const size_t round = size_t{segment} * geometry_->stripes + index_;
  return reinterpret_cast<Word*>(table_ + geometry_->segments_at) + round * limits::kSegmentWords;
}

Ghost Stripe::ghost() const noexcept {
  auto* sets = reinterpret_cast<GhostSet*>(table_ + geometry_->ghosts_at);
  return Ghost({sets + size_t{index_} * geometry_->ghost_sets, geometry_->ghost_sets});
}

// ---- reading

void Stripe::prefetch(uint64_t hash) const noexcept {
  __builtin_prefetch(&bucket(bucket_of(hash)));
}

void Stripe::prefetch_write(uint64_t hash) const noexcept {
  __builtin_prefetch(&bucket(bucket_of(hash)), 1);
  __builtin_prefetch(&state(), 1);
}

[[gnu::always_inline]] inline bool Stripe::same_key(Slot slot, const Key& key) const noexcept {
  const Word* stored = words(slot.segment()) + slot.at() + 1;
  uint64_t difference = 0;
  for (const uint64_t word : key.words()) difference |= (stored++)->load(kRelaxed) ^ word;
  return difference == 0;
}

void Stripe::prefetch_entry(const Key& key) const noexcept {
  const Bucket& home = bucket(bucket_of(key.hash()));
  const uint32_t mask = slots_with(home, tag_of(key.hash()));
  if (mask == 0) return;
  const Slot slot{home.slots[static_cast<uint32_t>(std::countr_zero(mask))].load(kRelaxed)};
  const auto* entry = reinterpret_cast<const std::byte*>(words(slot.segment()) + slot.at());
  // All that read_slot() loads in one go; its last line may be the third or the fourth.
  const size_t bytes = (1 + key.words().size() + limits::kWordsAtOnce) * sizeof(Word);
  for (uint32_t line = 0; line < 3; ++line) __builtin_prefetch(entry + size_t{line} * 64);
  __builtin_prefetch(entry + bytes - 1);
}

// Copies first and asks afterwards: what was read counts only if the segment still has the version
// that the slot named after the last word was loaded.
//
// The entry is most often not in any cache of the processor. All that is loaded from it, for all
// but large values, is loaded at addresses that the slot alone gives, and no branch that is hard to
// foresee waits for it; so the processor goes on to the next get() while this one's lines are on
// their way.
[[gnu::always_inline]] inline Stripe::Check Stripe::read_slot(
    Slot slot, const Key& key, uint32_t now, std::span<std::byte, limits::kValueBytesMax> out,
    ReadResult& result) const noexcept {
  const auto key_words = static_cast<uint32_t>(key.words().size());
  const uint32_t value_at = slot.at() + 1 + key_words;
  if (slot.segment() >= geometry_->segments || value_at > limits::kSegmentWords)
    return Check::other;
  const Word* const segment = words(slot.segment());
  const Word* const value = segment + value_at;
  const EntryHead head{segment[slot.at()].load(kRelaxed)};
  const bool same = same_key(slot, key);
  // The table's memory goes on for as long behind the last segment: an entry may be shorter than
  // this.
#pragma GCC unroll 16
  for (uint32_t i = 0; i < limits::kWordsAtOnce; ++i) copy_word(value[i], out.data(), i);
  const uint32_t value_words = words_of_value(head.value_bytes());
  if (value_words > limits::kWordsAtOnce && value_at + value_words <= limits::kSegmentWords &&
      head.value_bytes() <= limits::kValueBytesMax) {
    for (uint32_t i = limits::kWordsAtOnce; i < value_words; ++i)
      copy_word(value[i], out.data(), i);
  }
  std::atomic_thread_fence(std::memory_order_acquire);
  if ((version(slot.segment()).load(kRelaxed) & Slot::kVersionMask) != slot.version())
    return Check::stale;
  result = {head.expires() > now ? ReadOutcome::hit : ReadOutcome::expired, head};
  return same ? Check::match : Check::other;
}

// Nearly every hit is the first slot of the first bucket that has the tag.
ReadResult Stripe::read(const Key& key, uint32_t now,
                        std::span<std::byte, limits::kValueBytesMax> out) const noexcept {
  Bucket& home = bucket(bucket_of(key.hash()));
  const uint32_t mask = slots_with(home, tag_of(key.hash()));
  if (mask != 0) [[likely]] {
    const auto i = static_cast<uint32_t>(std::countr_zero(mask));
    const Slot slot{home.slots[i].load(std::memory_order_acquire)};
    ReadResult result;
    if (read_slot(slot, key, now, out, result) == Check::match) [[likely]] {
      if (result.is(ReadOutcome::hit)) count_use(home.uses[i]);
      return result;
    }
  }
  // Most misses are plain: no slot has the tag.
  if (mask == 0 && !home.spilled.load(kRelaxed)) return {};
  return read_anywhere(key, now, out);
}

[[gnu::noinline]] ReadResult Stripe::read_anywhere(
    const Key& key, uint32_t now, std::span<std::byte, limits::kValueBytesMax> out) const noexcept {
  const uint32_t home = bucket_of(key.hash());
  ReadResult result;
  for (uint32_t tries = 0; tries < limits::kReadTries; ++tries) {
    bool stale = false;
    for (const uint32_t index : {home, home ^ 1, home ^ 2, home ^ 3}) {
      if (index != home && !may_be_next_door(home)) break;
      Bucket& place = bucket(index);
      for (uint32_t mask = slots_with(place, tag_of(key.hash())); mask != 0; mask &= mask - 1) {
        const auto i = static_cast<uint32_t>(std::countr_zero(mask));
        const Slot slot{place.slots[i].load(std::memory_order_acquire)};
        if (slot.empty()) continue;  // since then
        const Check check = read_slot(slot, key, now, out, result);
        if (check == Check::match) {
          if (result.is(ReadOutcome::hit)) count_use(place.uses[i]);
          return result;
        }
        stale = stale || check == Check::stale;
      }
    }
    if (!stale) return {};
  }
  return {ReadOutcome::gave_up, {}};
}

bool Stripe::copy(Slot slot, std::span<uint64_t> out, Copied& copied) const noexcept {
  const Word* const entry = words(slot.segment()) + slot.at();
  const uint32_t room = limits::kSegmentWords - slot.at();
  if (room < 2) return false;
  const EntryHead head{entry[0].load(kRelaxed)};
  copied = {.key_words = Key::words_of(entry[1].load(kRelaxed)),
            .value_bytes = head.value_bytes(),
            .expires = head.expires()};
  const uint32_t size = copied.key_words + words_of_value(copied.value_bytes);
  if (1 + size > room) return false;
  for (uint32_t i = 0; i < size; ++i) out[i] = entry[1 + i].load(kRelaxed);
  std::atomic_thread_fence(std::memory_order_acquire);
  return (version(slot.segment()).load(kRelaxed) & Slot::kVersionMask) == slot.version();
}

Stripe::End Stripe::end_of(uint8_t segment) const noexcept {
  const StripeState& s = state();
  const uint64_t now = version(segment).load(kRelaxed);
  for (const Tail* tail : {&s.small_tail, &s.main_tail})
    if (tail->version == now && tail->segment == segment) return {now, tail->used_words};
  return {now, s.used_words[segment]};
}

// ---- writing

bool Stripe::try_claim() noexcept {
  std::atomic<uint32_t>& claimed = state().claimed;
  return claimed.load(kRelaxed) == 0 && claimed.exchange(1, std::memory_order_acquire) == 0;
}

void Stripe::release() noexcept { state().claimed.store(0, std::memory_order_release); }

bool Stripe::write(const Key& key, std::span<const std::byte> value, uint32_t expires,
                   uint32_t now) noexcept {
  StripeState& s = state();
  const uint32_t home = bucket_of(key.hash());
  const uint32_t tag = tag_of(key.hash());
  const auto value_bytes = static_cast<uint32_t>(value.size());
  const auto size = 1 + static_cast<uint32_t>(key.words().size()) + words_of_value(value_bytes);

  Place place;
  const bool known = find(key, place);
  const bool to_main =
      known ? s.in_main[Slot{bucket(place.bucket).slots[place.slot].load(kRelaxed)}.segment()]
            : s.has_ghosts && ghost().take(home, tag);
  if (!make_room(to_main, size, now)) return false;
  // Making room may have moved the old value, or thrown it out.
  if (!known || !find(key, place)) {
    place = place_for(home);
    bucket(place.bucket).uses[place.slot].store(0, kRelaxed);
    add_one(s.entries);
  }
  const Slot slot = append(to_main ? s.main_tail : s.small_tail, tag, size);
  Word* entry = words(slot.segment()) + slot.at();
  (entry++)->store(EntryHead::of(expires, value_bytes, home).bits, kRelaxed);
  for (const uint64_t word : key.words()) (entry++)->store(word, kRelaxed);
  store_bytes(entry, value);
  bucket(place.bucket).slots[place.slot].store(slot.bits, std::memory_order_release);
  return true;
}

bool Stripe::find(const Key& key, Place& place) const noexcept {
  const uint32_t home = bucket_of(key.hash());
  for (const uint32_t index : {home, home ^ 1, home ^ 2, home ^ 3}) {
    if (index != home && !may_be_next_door(home)) break;
    for (uint32_t mask = slots_with(bucket(index), tag_of(key.hash())); mask != 0;
         mask &= mask - 1) {
      const auto i = static_cast<uint32_t>(std::countr_zero(mask));
      const Slot slot{bucket(index).slots[i].load(kRelaxed)};
      if (slot.empty() || slot.at() + 1 + key.words().size() > limits::kSegmentWords) continue;
      if (!same_key(slot, key)) continue;
      place = {index, i};
      return true;
    }
  }
  return false;
}

// The place of the slot that names just this entry; `tag` is not known.
bool Stripe::find(Slot slot, uint32_t home, Place& place) const noexcept {
  constexpr uint64_t kLocation = (uint64_t{1} << 44) - 1;
  for (const uint32_t index : {home, home ^ 1, home ^ 2, home ^ 3}) {
    if (index != home && !may_be_next_door(home)) break;
    uint32_t mask = 0;
#pragma GCC unroll 7
    for (uint32_t i = 0; i < limits::kSlotsPerBucket; ++i) {
      const uint64_t other = bucket(index).slots[i].load(kRelaxed) ^ slot.bits;
      mask |= static_cast<uint32_t>((other & kLocation) == 0) << i;
    }
    if (mask == 0) continue;
    place = {index, static_cast<uint32_t>(std::countr_zero(mask))};
    return true;
  }
  return false;
}

// An empty slot near `home`; if there is none, that of the least worthy: on probation, and rarely
// used.
Stripe::Place Stripe::place_for(uint32_t home) noexcept {
  Place best{home, 0};
  uint32_t best_worth = UINT32_MAX;
  for (const uint32_t index : {home, home ^ 1, home ^ 2, home ^ 3}) {
    for (uint32_t i = 0; i < limits::kSlotsPerBucket; ++i) {
      const Slot slot{bucket(index).slots[i].load(kRelaxed)};
      if (slot.empty()) {
        if (index != home) bucket(home).spilled.store(true, kRelaxed);
        return {index, i};
      }
      const uint32_t uses = bucket(index).uses[i].load(kRelaxed);
      const uint32_t worth = uses + (state().in_main[slot.segment()] ? limits::kUsesMax + 1U : 0U);
      if (worth >= best_worth) continue;
      best_worth = worth;
      best = {index, i};
    }
  }
  if (best.bucket != home) bucket(home).spilled.store(true, kRelaxed);
  clear(best);
  add_one(state().evicted);
  add_one(state().displaced);
  return best;
}

bool Stripe::may_be_next_door(uint32_t home) const noexcept {
  return bucket(home).spilled.load(kRelaxed);
}

void Stripe::clear(Place place) noexcept {
  bucket(place.bucket).slots[place.slot].store(0, std::memory_order_release);
  subtract_one(state().entries);
}

// ---- the log

bool Stripe::has_room(const Tail& tail, uint32_t size) noexcept {
  return tail.used_words + size <= limits::kSegmentWords;
}

bool Stripe::make_room(bool in_main, uint32_t size, uint32_t now) noexcept {
  StripeState& s = state();
  const Tail& tail = in_main ? s.main_tail : s.small_tail;
  if (has_room(tail, size)) return true;
  for (uint32_t tries = 0; s.free.count <= limits::kReserve; ++tries) {
    if (tries == limits::kReclaimsPerPut) return false;  // the next put goes on from here
    reclaim(now, s.fruitless++ < limits::kFruitlessRounds * geometry_->segments);
  }
  s.fruitless = 0;
  if (!has_room(tail, size)) open_segment(in_main);  // if survivors have not opened one
  return true;
}

void Stripe::open_segment(bool in_main) noexcept {
  StripeState& s = state();
  Tail& tail = in_main ? s.main_tail : s.small_tail;
  SegmentQueue& queue = in_main ? s.main : s.small;
  if (queue.count > 0) s.used_words[tail.segment] = tail.used_words;
  tail.segment = s.free.pop();
  tail.version = version(tail.segment).load(kRelaxed);
  tail.used_words = 0;
  s.in_main[tail.segment] = in_main;
  queue.push(tail.segment);
}

// S3-FIFO by segments: the oldest of the small queue goes while that has more than its share, else
// the oldest of the main queue. What was used is appended to the main queue, everything else is
// forgotten.
void Stripe::reclaim(uint32_t now, bool keep_used) noexcept {
  StripeState& s = state();
  const bool from_main = s.main.count > 0 && s.small.count <= geometry_->small_segments;
  SegmentQueue& queue = from_main ? s.main : s.small;
  Tail& tail = from_main ? s.main_tail : s.small_tail;
  const uint8_t segment = queue.pop();
  if (queue.count == 0) {  // the tail itself
    s.used_words[segment] = tail.used_words;
    tail.used_words = limits::kSegmentWords;
  }
  const uint64_t of_version = version(segment).load(kRelaxed);
  uint32_t ahead = 0;
  for (uint32_t i = 0; i < limits::kReclaimAhead; ++i) ahead = prefetch_reclaim(segment, ahead);
  for (uint32_t at = 0; at < s.used_words[segment];) {
    ahead = prefetch_reclaim(segment, ahead);
    const EntryHead head = head_at(segment, at);
    const uint32_t size = size_at(segment, at);
    reclaim_entry(Slot::of(0, of_version, segment, at), head, size, from_main, now, keep_used);
    at += size;
  }
  free_segment(segment);
}

EntryHead Stripe::head_at(uint8_t segment, uint32_t at) const noexcept {
  return {words(segment)[at].load(kRelaxed)};
}

uint32_t Stripe::size_at(uint8_t segment, uint32_t at) const noexcept {
  return 1 + Key::words_of(words(segment)[at + 1].load(kRelaxed)) +
         words_of_value(head_at(segment, at).value_bytes());
}

// Brings what reclaim_entry() will need closer; returns where the next entry is.
uint32_t Stripe::prefetch_reclaim(uint8_t segment, uint32_t at) const noexcept {
  if (at >= state().used_words[segment]) return at;
  const uint32_t home = head_at(segment, at).bucket();
  __builtin_prefetch(&bucket(home), 1);
  ghost().prefetch(home);
  return at + size_at(segment, at);
}

void Stripe::reclaim_entry(Slot slot, EntryHead head, uint32_t size, bool from_main, uint32_t now,
                           bool keep_used) noexcept {
  StripeState& s = state();
  Place place;
  if (!find(slot, head.bucket(), place)) return;  // replaced since
  Bucket& where = bucket(place.bucket);
  const uint8_t uses = where.uses[place.slot].load(kRelaxed);
  const uint32_t tag = Slot{where.slots[place.slot].load(kRelaxed)}.tag();
  if (head.expires() <= now) {
    clear(place);
    return add_one(s.expired);
  }
  if (!keep_used || uses < (from_main ? 1 : kPromoteUses)) {
    clear(place);
    if (!from_main) {
      ghost().insert(head.bucket(), tag);
      s.has_ghosts = true;
    }
    return add_one(s.evicted);
  }
  if (!has_room(s.main_tail, size)) open_segment(true);
  const Slot moved = append(s.main_tail, tag, size);
  const Word* from = words(slot.segment()) + slot.at();
  Word* to = words(moved.segment()) + moved.at();
  for (uint32_t i = 0; i < size; ++i) to[i].store(from[i].load(kRelaxed), kRelaxed);
  where.uses[place.slot].store(from_main ? static_cast<uint8_t>(uses - 1) : uint8_t{0}, kRelaxed);
  where.slots[place.slot].store(moved.bits, std::memory_order_release);
}

// From here on readers that hold a slot of the old version find out; only then may words change.
void Stripe::free_segment(uint8_t segment) noexcept {
  uint64_t next = version(segment).load(kRelaxed) + 1;
  if ((next & Slot::kVersionMask) == 0) ++next;
  version(segment).store(next, kRelaxed);
  std::atomic_thread_fence(std::memory_order_release);
  state().used_words[segment] = 0;
  state().free.push(segment);
}

Slot Stripe::append(Tail& tail, uint32_t tag, uint32_t size) noexcept {
  assert(has_room(tail, size));
  const Slot slot = Slot::of(tag, tail.version, tail.segment, tail.used_words);
  tail.used_words = static_cast<uint16_t>(tail.used_words + size);
  // Where the next entry will go, hundreds of puts into other stripes from now.
  const Word* next = words(tail.segment) + tail.used_words;
  for (uint32_t line = 0; line < 3; ++line) __builtin_prefetch(next + line * 8, 1);
  return slot;
}

}  // namespace zonesweep::cache
