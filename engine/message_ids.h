// engine/message_ids.h - unpredictable message ids, and which question each stands for.
//
// RFC 5452 section 9.2: ids come from the kernel's cryptographic source. Per socket a direct array
// is indexed by the low bits of the id: the id is drawn until its place is free, so no hash and no
// chain is needed, and all 16 bits stay unpredictable.
//
// Threads:    one lane.
// Invariants: an id of a socket stands for at most one question.
// Ownership:  slots are the caller's numbers; nothing is owned.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

namespace zonesweep::engine {

namespace limits {
inline constexpr uint32_t kIdDraws = 32;  // at half load, 32 draws fail once in 4 billion
}  // namespace limits

class RandomIds {
 public:
  // A seed other than 0 makes the ids repeatable: for simulations, never for a network.
  explicit RandomIds(uint64_t seed = 0) : seed_(seed) {}
  [[nodiscard]] uint16_t next() {
    if (at_ == ids_.size()) refill();
    return ids_[at_++];
  }

 private:
  void refill();
  uint64_t seed_;
  std::array<uint16_t, 2'048> ids_;
  size_t at_ = 2'048;
};

class IdTable {
 public:
  static constexpr uint32_t kFree = UINT32_MAX;

  explicit IdTable(uint32_t places)  // a power of two, or 0
      : slots_(places, kFree) {}

  // An id for `slot`, or nothing where the table is too full: try another socket, or later.
  [[nodiscard]] std::optional<uint16_t> claim(uint32_t slot, RandomIds& random);
  // The slot that the id may stand for, or kFree. The caller compares the whole id with the one it
  // was given.
  [[nodiscard]] uint32_t find(uint16_t id) const { return slots_[place(id)]; }
  void release(uint16_t id) { slots_[place(id)] = kFree; }
  // The slots that wait, each with its place.
  [[nodiscard]] const std::vector<uint32_t>& slots() const { return slots_; }
  [[nodiscard]] bool empty() const { return slots_.empty(); }  // no places at all

 private:
  [[nodiscard]] size_t place(uint16_t id) const { return id & (slots_.size() - 1); }
  std::vector<uint32_t> slots_;
};

// 8 unpredictable bytes, for client cookies (RFC 7873) and hash seeds.
[[nodiscard]] uint64_t random_u64();

}  // namespace zonesweep::engine
