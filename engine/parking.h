// engine/parking.h - where names wait for their backend: many first-in, first-out queues of bytes.
//
// Threads:    one.
// Invariants: what was pushed to a queue comes back whole, and in order.
// Ownership:  popped bytes are lent until the next call.
// Errors:     a line that says why the run must end.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <expected>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace zonesweep::engine {

namespace limits {
inline constexpr size_t kParkingBytes = 32 << 20;  // in memory, over all queues
}  // namespace limits

class Parking {
 public:
  struct Options {
    std::string directory;  // where the file lies; empty: a temporary folder
    size_t memory_bytes = limits::kParkingBytes;
  };

  Parking() = default;
  explicit Parking(const Options& /*options*/) {}

  [[nodiscard]] std::expected<void, std::string> push(uint32_t queue, std::string_view bytes) {
    if (queue >= queues_.size()) queues_.resize(queue + 1);
    queues_[queue].emplace_back(bytes);
    return {};
  }
  // Only where size() is not 0.
  [[nodiscard]] std::expected<std::string_view, std::string> pop(uint32_t queue) {
    lent_ = std::move(queues_[queue].front());
    queues_[queue].pop_front();
    return std::string_view{lent_};
  }
  [[nodiscard]] uint64_t size(uint32_t queue) const {
    return queue < queues_.size() ? queues_[queue].size() : 0;
  }
  [[nodiscard]] uint64_t disk_bytes() const { return 0; }

 private:
  std::vector<std::deque<std::string>> queues_;
  std::string lent_;
};

}  // namespace zonesweep::engine
