// engine/pace.h - how fast one lane may ask one server: permits, loss, round-trip times.
//
// A rate (token bucket) and a cap on what is in flight. Sends are counted in epochs, and an epoch
// is judged a little after its end, when the answers to it had time to come:
//   ramp        the rate doubles for as long as epochs come back whole
//   experiment  an epoch lost too much: ask at half the rate for one epoch. If the share of answers
//   rises,
//               the server (or the path to it) has a limit, and the delivered rate tells where it
//               lies. If it does not, the loss has other causes (a bad line, slow names): it
//               becomes the baseline, and giving way would gain nothing
//   steady      just below a known limit, creeping up until losses show, then back to the delivered
//   rate blackout    nothing comes back: the rate decays to a trickle until an answer shows up
// The cap on what is in flight grows beyond its start only while answers do not queue up at the
// server, seen from the fastest answer of an epoch: slow names do not count as a queue.
//
// Threads:    one lane. Never reads a clock.
// Invariants: permits() <= what the rate, the hard cap and the in-flight cap allow; a permit taken
//             by sent() comes back by exactly one of answered(), lost(), refused(), withdrawn(),
//             forgotten().
// Units:      rates in queries per second.
#pragma once

#include <array>
#include <cstdint>

#include "io/transport.h"

namespace zonesweep::engine {

using io::Duration;
using io::Instant;

namespace limits {
inline constexpr double kPaceStart = 1'000;  // queries/s: a home router survives it
inline constexpr double kPaceFloor = 4;      // queries/s: the trickle of a blackout
inline constexpr uint32_t kInFlightStart =
    1'024;  // fills GSO batches; most servers' socket buffers hold it
inline constexpr uint32_t kEpochSendsMin = 32;  // fewer tell nothing about loss
inline constexpr auto kEpochRamp = std::chrono::milliseconds{20};
inline constexpr auto kEpochRampMin = std::chrono::milliseconds{5};
inline constexpr auto kEpochSteady = std::chrono::milliseconds{250};
inline constexpr auto kDeliveredSpan =
    std::chrono::seconds{1};  // rate limiters count by the second
inline constexpr auto kDoubt =
    std::chrono::milliseconds{250};  // a loss is believed no sooner: hosts stall, too
inline constexpr auto kStall =
    std::chrono::milliseconds{50};  // between two turns: we were not running
inline constexpr auto kRetryTimeoutMin =
    std::chrono::milliseconds{400};  // resolvers ask others first
inline constexpr auto kQueueDelayMax =
    std::chrono::milliseconds{200};  // RTT inflation of the fastest answers
}  // namespace limits

// RFC 6298: smoothed round-trip time and its variation.
class RoundTrip {
 public:
  void sample(Duration rtt) noexcept;
  [[nodiscard]] bool known() const noexcept { return smoothed_ns_ > 0; }
  [[nodiscard]] Duration smoothed() const noexcept {
    return Duration{static_cast<int64_t>(smoothed_ns_)};
  }
  // What RFC 6298 calls RTO, without bounds.
  [[nodiscard]] Duration timeout() const noexcept {
    return Duration{static_cast<int64_t>(smoothed_ns_ + 4 * variation_ns_)};
  }

 private:
  double smoothed_ns_ = 0;
  double variation_ns_ = 0;
};

class Pace {
 public:
  enum class Mode : uint8_t { ramp, experiment, steady, blackout };
  using EpochMark = uint32_t;  // which epoch a query was sent in

  struct Options {
    double rate_max = 0;         // hard cap; 0 = none
    uint32_t in_flight_max = 0;  // the lane's window in questions
  };

  Pace(const Options& options, Instant start);

  // Once per turn, before permits(): refills the bucket, judges epochs, adapts.
  void turn(Instant now);

  // How many queries may leave now.
  [[nodiscard]] uint32_t permits() const noexcept;
  // When a permit will be there if none is; Instant::max() if only an answer or a loss can bring
  // one.
  [[nodiscard]] Instant next_permit() const noexcept;

  EpochMark sent() noexcept;  // takes one permit
  void answered(EpochMark mark, Duration rtt) noexcept;
  void lost(EpochMark mark) noexcept;       // its try timed out
  void refused() noexcept;                  // pushed back (REFUSED): no answer, but a sign of life
  void withdrawn(EpochMark mark) noexcept;  // never left this machine
  void forgotten() noexcept;                // concluded by other means (an earlier try's answer)
  // An answer to a query that was counted as lost already: no permit comes back.
  void answered_late(EpochMark mark) noexcept;
  // The server answered something, or said by ICMP that it is gone.
  void alive() noexcept;
  void gone() noexcept;
  // In a blackout a harmless question was answered: the server lives, and the names that were asked
  // are at fault. Their loss becomes the baseline.
  void answers_others() noexcept;
  // Local overload: slow down a little at once.
  void local_overload() noexcept;

  // True where others were answered in that epoch but clearly fewer than this server usually
  // answers: the query was dropped by a limit, not by its own fault.
  [[nodiscard]] bool lost_to_limit(EpochMark mark) const noexcept;
  // How long try number `attempt` (from 1) waits before the next one.
  [[nodiscard]] Duration retry_timeout(uint32_t attempt, Duration timeout) const noexcept;

  [[nodiscard]] Mode mode() const noexcept { return mode_; }
  [[nodiscard]] double rate() const noexcept { return rate_; }
  [[nodiscard]] double baseline_loss() const noexcept { return baseline_; }
  [[nodiscard]] uint32_t in_flight() const noexcept { return in_flight_; }
  [[nodiscard]] uint32_t in_flight_cap() const noexcept { return cap_; }
  [[nodiscard]] const RoundTrip& round_trip() const noexcept { return round_trip_; }
  [[nodiscard]] Instant last_answer() const noexcept { return last_answer_; }

 private:
  static constexpr uint32_t kEpochs = 256;  // ring; more than the epochs of one second of ramp

  struct Epoch {
    EpochMark mark = 0;
    Instant start{};
    Instant end{};
    uint32_t sent = 0;
    uint32_t answered = 0;
    Duration fastest = Duration::max();
    bool cap_bound = false;  // the in-flight cap, not the rate, held queries back
    bool rate_bound = false;
    bool limited = false;  // judged: lost more than the baseline explains
  };

  struct Span {  // several epochs together
    double sent = 0;
    double answered = 0;
    Duration length{};
  };

  [[nodiscard]] Epoch& epoch(EpochMark mark) noexcept { return epochs_[mark % kEpochs]; }
  [[nodiscard]] const Epoch& epoch(EpochMark mark) const noexcept {
    return epochs_[mark % kEpochs];
  }
  [[nodiscard]] bool remembered(EpochMark mark) const noexcept { return epoch(mark).mark == mark; }
  void refill();
  void begin_epoch();
  void set_rate(double rate);
  void enter(Mode mode, double rate);
  [[nodiscard]] Duration epoch_length() const noexcept;
  [[nodiscard]] Duration grace() const noexcept;
  [[nodiscard]] double loss_threshold(double sends) const noexcept;
  [[nodiscard]] Span recent(Duration span) const noexcept;
  [[nodiscard]] double delivered_rate() const noexcept;
  [[nodiscard]] bool lossy(const Epoch& judged) const noexcept;
  void judge(Epoch& judged);
  void judge_ramp(const Epoch& judged, double loss);
  void judge_experiment(const Epoch& judged, double loss);
  void judge_steady();
  void begin_experiment(const Epoch& judged, double loss);
  void cut(double loss, double sent, double delivered);
  void black_out();
  void adapt_cap(const Epoch& judged);

  Options options_;
  Mode mode_ = Mode::ramp;
  Instant now_;
  Instant refilled_;
  double rate_ = limits::kPaceStart;
  double tokens_ = 1;
  double baseline_ = 0;        // share of losses that giving way does not cure
  double growth_ = 0.02;       // steady: per judged second
  double limit_estimate_ = 0;  // delivered rate before a blackout
  double dark_rate_ = 0;       // the rate at which a blackout began
  uint32_t cuts_in_a_row_ = 0;
  uint32_t in_flight_ = 0;
  uint32_t cap_;
  std::array<Epoch, kEpochs> epochs_{};
  EpochMark current_ = 1;       // epoch being filled
  EpochMark judged_next_ = 1;   // oldest epoch without a verdict
  EpochMark changed_ = 1;       // first epoch that was sent entirely at the present rate
  double experiment_loss_ = 0;  // before the experiment, or before the first of several cuts
  double experiment_rate_ = 0;
  EpochMark experiment_mark_ = 0;
  double experiment_delivered_ = 0;
  RoundTrip round_trip_;
  Duration fastest_ = Duration::max();       // of the last 10 to 20 s
  Duration fastest_next_ = Duration::max();  // gathered for the next 10 s
  Instant fastest_since_;
  Instant last_answer_;
  Instant lenient_until_{};
};

}  // namespace zonesweep::engine
