#include "io/timers.h"

#include <algorithm>
#include <bit>
#include <cassert>

namespace zonesweep::io {

// A timer sits at the highest level at which its tick and now differ, in the bucket of its digit
// there. So all of level 0 is due before all of level 1, and so on, and a level's buckets behind
// now are empty. It moves down when time enters its bucket: at most three times in its life.

TimerWheel::TimerWheel(uint32_t slots, Instant start) : links_(slots), start_(start) {
  heads_.fill(kNone);
}

bool TimerWheel::armed(uint32_t slot) const noexcept { return links_[slot].bucket != kNone; }

void TimerWheel::arm(uint32_t slot, Instant when) {
  disarm(slot);
  const Duration since = std::max(when - start_, Duration::zero());
  const bool between_ticks = since % kTick != Duration::zero();
  // Of what is due already, the tick is now: the next expire() finds it even if time stands still.
  links_[slot].tick =
      std::max(static_cast<uint64_t>(since / kTick) + (between_ticks ? 1 : 0), now_tick_);
  insert(slot);
}

void TimerWheel::disarm(uint32_t slot) noexcept {
  if (armed(slot)) remove(slot);
}

void TimerWheel::insert(uint32_t slot) {
  constexpr uint32_t kTopShift = kBits * (kLevels - 1);
  constexpr uint64_t kSpan = uint64_t{kBuckets - 1}
                             << kTopShift;  // what is later waits at the far end
  Link& link = links_[slot];
  const uint64_t tick = std::min(link.tick, now_tick_ + kSpan);
  const uint64_t differing = tick ^ now_tick_;
  const auto bits = static_cast<uint32_t>(std::bit_width(differing));
  const uint32_t level = bits == 0 ? 0 : std::min((bits - 1) / kBits, kLevels - 1);
  const uint32_t digit = (tick >> (kBits * level)) & (kBuckets - 1);
  link.bucket = level * kBuckets + digit;
  link.previous = kNone;
  link.next = heads_[link.bucket];
  if (link.next != kNone) links_[link.next].previous = slot;
  heads_[link.bucket] = slot;
  occupied_[level][digit / 64] |= uint64_t{1} << (digit % 64);
}

void TimerWheel::remove(uint32_t slot) noexcept {
  Link& link = links_[slot];
  if (link.next != kNone) links_[link.next].previous = link.previous;
  if (link.previous != kNone) {
    links_[link.previous].next = link.next;
  } else {
    heads_[link.bucket] = link.next;
    const uint32_t digit = link.bucket % kBuckets;
    if (link.next == kNone)
      occupied_[link.bucket / kBuckets][digit / 64] &= ~(uint64_t{1} << (digit % 64));
  }
  link.bucket = kNone;
}

// The first occupied bucket of a level, from the digit of now on, around.
std::optional<uint32_t> TimerWheel::first_occupied(uint32_t level) const noexcept {
  constexpr uint32_t kWords = kBuckets / 64;
  const auto& words = occupied_[level];
  const uint32_t from = (now_tick_ >> (kBits * level)) & (kBuckets - 1);
  for (uint32_t step = 0; step <= kWords; ++step) {
    const uint32_t index = (from / 64 + step) % kWords;
    uint64_t word = words[index];
    if (step == 0) word &= ~uint64_t{0} << (from % 64);
    if (step == kWords) word &= ~(~uint64_t{0} << (from % 64));
    if (word != 0) return index * 64 + static_cast<uint32_t>(std::countr_zero(word));
  }
  return std::nullopt;
}

// Where the wheel has to look next: a lower bound of the earliest armed tick.
std::optional<uint64_t> TimerWheel::next_tick() const noexcept {
  for (uint32_t level = 0; level < kLevels; ++level) {
    const auto digit = first_occupied(level);
    if (!digit) continue;
    const uint32_t shift = kBits * level;
    const uint64_t block = now_tick_ >> shift;
    const uint64_t ahead = (*digit - block) & (kBuckets - 1);
    return (block + ahead) << shift;
  }
  return std::nullopt;
}

Instant TimerWheel::next(Instant limit) const noexcept {
  const auto tick = next_tick();
  return tick ? std::min(limit, start_ + kTick * static_cast<int64_t>(*tick)) : limit;
}

// Time has entered a bucket of this level: its timers move down, or are due.
void TimerWheel::cascade(uint32_t level, std::vector<uint32_t>& due) {
  const uint32_t digit = (now_tick_ >> (kBits * level)) & (kBuckets - 1);
  uint32_t slot = heads_[level * kBuckets + digit];
  while (slot != kNone) {
    const uint32_t after = links_[slot].next;
    remove(slot);
    if (links_[slot].tick <= now_tick_) {
      due.push_back(slot);
    } else {
      insert(slot);
    }
    slot = after;
  }
}

void TimerWheel::expire(Instant now, std::vector<uint32_t>& due) {
  if (now < start_) return;
  const auto target = static_cast<uint64_t>((now - start_) / kTick);
  for (auto tick = next_tick(); tick && *tick <= target; tick = next_tick()) {
    now_tick_ = std::max(now_tick_, *tick);
    for (uint32_t level = kLevels; level-- > 0;) cascade(level, due);
  }
  now_tick_ = std::max(now_tick_, target);
}

}  // namespace zonesweep::io
