// engine/limiter.h - how often one backend may be asked, and when it is left alone.
//
// A rate with even spacing, a bound on exchanges at once, and the quota that a registry publishes.
// Throttling halves the rate and quarantines the backend; afterwards one question at a time probes
// it. A backend that gives nothing for longer than `patience` has its names given up.
//
// Threads:    one lane.
// Invariants: (1) no second sees more than Limits::rate exchanges begin, no span more than the
//             quota, whatever happens; (2) each begin() is followed by exactly one of answered(),
//             throttled(), failed(), left(); (3) in quarantine nothing begins, after it one.
// Units:      rate in exchanges a second.
// Source:     docs/design/registration.md.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <vector>

#include "io/transport.h"

namespace zonesweep::engine {

using io::Duration;
using io::Instant;

namespace limits {
inline constexpr auto kPauseAfterTrouble = std::chrono::seconds{5};  // the first; then doubled
inline constexpr auto kPauseMost = std::chrono::minutes{10};
inline constexpr uint32_t kFailuresInRow = 5;  // exchanges without an answer, then a pause
inline constexpr uint32_t kProbesFailed = 3;   // pauses in a row that ended in silence: given up
inline constexpr double kSlowest = 1.0 / 64;   // of the rate, after repeated throttling
inline constexpr double kRecovery = 1.0 / 64;  // of the rate, with each answer
// Arrivals jitter: even spacing with this margin keeps a server's own count in any second below the
// limit, as long as none is more than 50 ms late.
inline constexpr double kSpacingMargin = 1.05;
inline constexpr double kBurstOfRate = 0.01;  // of a second's exchanges may begin at once
// A turn that comes late catches up by so much; the margin above covers it.
inline constexpr auto kSpacingSlack = std::chrono::milliseconds{5};
inline constexpr uint32_t kQuotaMax = 10'000;
inline constexpr auto kPauseForRoom = std::chrono::milliseconds{500};  // a port, a file, memory
}  // namespace limits

struct Limits {
  double rate = 1;         // 0: unlimited
  uint32_t exchanges = 2;  // at once
  uint32_t quota = 0;      // in any quota_span; 0: none
  Duration quota_span{};
};

class Limiter {
 public:
  enum class Trouble : uint8_t { none, throttled, silent, quota };

  Limiter(const Limits& limits, Duration patience);

  // When the next exchange may begin: in the past means at once, Instant::max() when one
  // has ended. Of a backend whose names are given up: when it will be probed again.
  [[nodiscard]] Instant ready_at() const noexcept;
  void begin(Instant now);

  void answered() noexcept;  // something that only a working server says
  // `retry_after`: what the server asked for; zero if it did not.
  void throttled(Instant now, Duration retry_after) noexcept;
  void failed(Instant now) noexcept;  // silence, refusal, reset
  void left() noexcept;               // cancelled: says nothing about the backend
  void postpone(Instant until) noexcept { next_ = std::max(next_, until); }

  // Names that wait need not wait any longer: nothing will be asked before ready_at(), which is too
  // far away.
  [[nodiscard]] bool given_up(Instant now) const noexcept {
    return trouble(now) == Trouble::quota || (gave_up_ && now < quarantine_until_);
  }
  // What the quarantine, or the given-up backend, is due to.
  [[nodiscard]] Trouble trouble(Instant now) const noexcept {
    return quota_ready() - now > patience_ ? Trouble::quota : trouble_;
  }
  [[nodiscard]] bool quarantined(Instant now) const noexcept { return now < quarantine_until_; }
  // The next exchange shows whether the backend works again.
  [[nodiscard]] bool probing() const noexcept { return probing_; }
  [[nodiscard]] Instant quarantine_until() const noexcept { return quarantine_until_; }
  [[nodiscard]] uint32_t running() const noexcept { return running_; }
  [[nodiscard]] const Limits& limits() const noexcept { return limits_; }
  // The used part of the quota, oldest first: kept over a resume.
  void append_quota_use(std::vector<Instant>& out) const;

  // What an earlier run has learnt.
  void restore(Instant quarantine_until, Trouble trouble);
  void restore_quota_use(Instant begun);

 private:
  [[nodiscard]] Duration interval() const noexcept;
  [[nodiscard]] Duration burst() const noexcept;
  [[nodiscard]] Instant quota_ready() const noexcept;
  void pause(Instant now, Duration least, Trouble why) noexcept;

  Limits limits_;
  Duration patience_;
  double factor_ = 1;  // of the rate
  Instant next_{};     // theoretical arrival time of the next exchange
  uint32_t running_ = 0;
  bool probing_ = false;  // after a quarantine, until an answer
  bool gave_up_ = false;
  Trouble trouble_ = Trouble::none;
  uint32_t failures_ = 0;  // in a row
  uint32_t probes_ = 0;    // in a row, that ended in silence
  Duration pause_ = limits::kPauseAfterTrouble;
  Instant quarantine_until_{};
  Instant troubled_since_ = Instant::max();  // without an answer since
  std::vector<Instant> quota_;               // a ring of the last begin()s
  size_t quota_at_ = 0;
};

}  // namespace zonesweep::engine
