// tools/loopback/rate_limit.h - how a server that protects itself counts queries.
//
// `smooth` is a token bucket that holds kBurst of the rate; `window` forgives everything at the
// start of each second, which is how many real servers count, and what a client's pacing must
// survive.
//
// Threads: one. Units: queries per second of the caller's clock. A rate of 0 admits everything.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace zonesweep::loopback {

class RateLimit {
 public:
  enum class Mode : uint8_t { smooth, window };
  using Nanoseconds = std::chrono::nanoseconds;

  static constexpr Nanoseconds kBurst = std::chrono::milliseconds{50};

  RateLimit() = default;
  RateLimit(double per_second, Mode mode) : per_second_(per_second), mode_(mode) {}

  // `now` counts from any fixed origin and never goes back.
  [[nodiscard]] bool admit(Nanoseconds now) {
    if (per_second_ <= 0) return true;
    return mode_ == Mode::smooth ? admit_smooth(now) : admit_window(now);
  }

 private:
  bool admit_smooth(Nanoseconds now) {
    const double room = std::max(1.0, per_second_ * seconds(kBurst));
    tokens_ = started_ ? std::min(room, tokens_ + per_second_ * seconds(now - last_)) : room;
    started_ = true;
    last_ = now;
    if (tokens_ < 1) return false;
    tokens_ -= 1;
    return true;
  }

  bool admit_window(Nanoseconds now) {
    const auto window = now.count() / Nanoseconds{std::chrono::seconds{1}}.count();
    if (window != window_) used_ = 0;
    window_ = window;
    if (static_cast<double>(used_) + 1 > per_second_) return false;
    ++used_;
    return true;
  }

  static double seconds(Nanoseconds span) { return std::chrono::duration<double>(span).count(); }

  double per_second_ = 0;
  Mode mode_ = Mode::smooth;
  bool started_ = false;
  double tokens_ = 0;
  Nanoseconds last_{0};
  int64_t window_ = -1;
  uint64_t used_ = 0;
};

}  // namespace zonesweep::loopback
