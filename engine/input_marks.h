// engine/input_marks.h - what the input of a chunk was, at places that are not too far apart: a
// resume compares at each of them, so that it need not hold a whole chunk of names back until its
// beginning has proved to be the same.
//
// Threads:    value types.
// Invariants: marks are in the order of `names`; of those that were added, two in a row that were
//             kept (but for the last) are about kInputStepNames apart.
// Units:      names from the beginning of the chunk.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace zonesweep::engine {

namespace limits {
inline constexpr uint64_t kInputStepNames = 32 * 1024;  // some 2 MiB of names are held back at most
}  // namespace limits

struct InputMark {  // the first `names` names of a chunk have this running XXH3-64
  uint64_t names = 0;
  uint64_t hash = 0;
  friend bool operator==(const InputMark&, const InputMark&) = default;
};

class InputMarks {
 public:
  void add(const InputMark& mark) {
    const size_t count = marks_.size();
    if (count > 0 && mark.names <= marks_.back().names) return;
    const bool near = count >= 2 && mark.names - marks_[count - 2].names < limits::kInputStepNames;
    if (near) marks_.pop_back();
    marks_.push_back(mark);
  }
  void add(const InputMarks& later) {
    for (const InputMark& mark : later.marks_) add(mark);
  }
  [[nodiscard]] InputMark last() const noexcept {
    return marks_.empty() ? InputMark{} : marks_.back();
  }
  // Those beyond the first `names` names; lent until the next add().
  [[nodiscard]] std::span<const InputMark> beyond(uint64_t names) const noexcept {
    size_t from = marks_.size();
    while (from > 0 && marks_[from - 1].names > names) --from;
    return std::span(marks_).subspan(from);
  }

 private:
  std::vector<InputMark> marks_;
};

}  // namespace zonesweep::engine
