#include "cache/harvest.h"

#include <algorithm>

namespace zonesweep::cache {

Question question_of(std::span<const uint64_t> words) noexcept {
  const uint64_t head = words[0];
  return {.protocol = static_cast<Protocol>(head >> 10 & 0x3f),
          .type = static_cast<uint16_t>(head >> 16),
          .options = static_cast<uint32_t>(head >> 32),
          .name = std::as_bytes(words.subspan(1)).first(head & 0x3ff)};
}

Harvest::Harvest(Table& table)
    : table_(table),
      marks_(size_t{table.geometry().stripes} * table.geometry().segments),
      ends_(table.geometry().segments),
      copy_(limits::kSegmentWords) {}

void Harvest::collect(const std::function<bool(const Entry&)>& take) {
  for (uint32_t stripe = 0; stripe < table_.geometry().stripes; ++stripe)
    if (!collect_stripe(stripe, take)) return;
}

void Harvest::skip() {
  for (uint32_t stripe = 0; stripe < table_.geometry().stripes; ++stripe)
    if (read_ends(stripe)) std::ranges::copy(ends_, marks_.data() + size_t{stripe} * ends_.size());
}

// Where the logs of a stripe end now; false if another writes there.
bool Harvest::read_ends(uint32_t index) {
  Stripe stripe(table_.memory(), table_.geometry(), index);
  if (!stripe.try_claim()) return false;
  for (uint32_t segment = 0; segment < ends_.size(); ++segment) {
    const auto [version, words] = stripe.end_of(static_cast<uint8_t>(segment));
    ends_[segment] = {version, words};
  }
  stripe.release();
  return true;
}

// Reads where the logs end first, then every slot: what a slot names below that end is published, and
// what is above comes next time.
bool Harvest::collect_stripe(uint32_t index, const std::function<bool(const Entry&)>& take) {
  if (!read_ends(index)) return true;  // next time
  const Stripe stripe(table_.memory(), table_.geometry(), index);
  Mark* const marks = marks_.data() + size_t{index} * ends_.size();
  bool wanted = true;
  stripe.each_slot([&](Slot slot) {
    const Mark& end = ends_[slot.segment()];
    const Mark& known = marks[slot.segment()];
    if ((end.version & Slot::kVersionMask) != slot.version() || slot.at() >= end.words) return;
    if (known.version == end.version && slot.at() < known.words) return;
    Stripe::Copied copied;
    if (!wanted || !stripe.copy(slot, copy_, copied)) return;
    const auto words = std::span<const uint64_t>(copy_);
    wanted =
        take({.question = question_of(words.first(copied.key_words)),
              .value = std::as_bytes(words.subspan(copied.key_words)).first(copied.value_bytes),
              .expires = table_.instant_of(copied.expires)});
  });
  if (wanted) std::ranges::copy(ends_, marks);
  return wanted;
}

}  // namespace zonesweep::cache
