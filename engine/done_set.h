// engine/done_set.h - which rows of a chunk exist, as keys: index_in_chunk * questions + question.
//
// Threads:    one at a time.
// Invariants: a DoneList keeps the order of add(); a DoneSet holds a key once.
// Units:      a DoneList takes one to three bytes a row, a DoneSet one bit for each possible row.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace zonesweep::engine {

// Keys as zigzag varints of the difference to the one before: neighbours are small whatever the
// order in which answers come.
class DoneList {
 public:
  void add(uint64_t key);
  void clear() noexcept;
  [[nodiscard]] std::string& bytes() noexcept { return bytes_; }

 private:
  std::string bytes_;
  uint64_t last_ = 0;
};

// Calls visit(key) for each key until it says false. False when it did or the bytes are malformed.
template <typename Visit>
[[nodiscard]] bool visit_done_list(std::string_view bytes, Visit&& visit);

class DoneSet {
 public:
  explicit DoneSet(uint32_t questions = 1) noexcept : questions_(questions) {}

  [[nodiscard]] bool insert(uint64_t key);  // false: it was there
  [[nodiscard]] uint64_t mask(uint64_t index_in_chunk) const noexcept;
  [[nodiscard]] uint64_t size() const noexcept { return size_; }

 private:
  std::vector<uint64_t> words_;
  uint64_t size_ = 0;
  uint32_t questions_;
};

// --- implementation of the template

// Takes one varint off `bytes`; false at their end or when it is longer than 64 bits.
[[nodiscard]] bool take_varint(std::string_view& bytes, uint64_t& value) noexcept;
void append_varint(uint64_t value, std::string& out);

template <typename Visit>
bool visit_done_list(std::string_view bytes, Visit&& visit) {
  uint64_t key = 0;
  while (!bytes.empty()) {
    uint64_t zigzag = 0;
    if (!take_varint(bytes, zigzag)) return false;
    key += (zigzag >> 1) ^ (~(zigzag & 1) + 1);
    if (!visit(key)) return false;
  }
  return true;
}

}  // namespace zonesweep::engine
