#include "engine/done_set.h"

#include <algorithm>
#include <cstddef>

namespace zonesweep::engine {

bool take_varint(std::string_view& bytes, uint64_t& value) noexcept {
  value = 0;
  for (uint32_t shift = 0; shift < 64 && !bytes.empty(); shift += 7) {
    const auto byte = static_cast<uint8_t>(bytes.front());
    bytes.remove_prefix(1);
    if (shift == 63 && byte > 1) return false;
    value |= uint64_t{byte & 0x7fU} << shift;
    if ((byte & 0x80U) == 0) return true;
  }
  return false;
}

void append_varint(uint64_t value, std::string& out) {
  while (value >= 0x80) {
    out.push_back(static_cast<char>(value | 0x80));
    value >>= 7;
  }
  out.push_back(static_cast<char>(value));
}

void DoneList::add(uint64_t key) {
  const uint64_t difference = key - last_;
  const uint64_t sign = ~(difference >> 63) + 1;  // all ones when the key went down
  append_varint((difference << 1) ^ sign, bytes_);
  last_ = key;
}

void DoneList::clear() noexcept {
  bytes_.clear();
  last_ = 0;
}

bool DoneSet::insert(uint64_t key) {
  const uint64_t word = key / 64;
  if (word >= words_.size()) {
    words_.resize(std::max<size_t>(word + 1, words_.size() + words_.size() / 2));
  }
  const uint64_t bit = uint64_t{1} << (key % 64);
  if ((words_[word] & bit) != 0) return false;
  words_[word] |= bit;
  ++size_;
  return true;
}

uint64_t DoneSet::mask(uint64_t index_in_chunk) const noexcept {
  const uint64_t key = index_in_chunk * questions_;
  const uint64_t word = key / 64;
  const uint32_t shift = key % 64;
  if (word >= words_.size()) return 0;
  uint64_t bits = words_[word] >> shift;
  if (shift != 0 && word + 1 < words_.size()) bits |= words_[word + 1] << (64 - shift);
  return questions_ == 64 ? bits : bits & ((uint64_t{1} << questions_) - 1);
}

}  // namespace zonesweep::engine
