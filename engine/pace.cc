#include "engine/pace.h"

#include <algorithm>
#include <cassert>
#include <cmath>

namespace zonesweep::engine {
namespace {

using namespace std::chrono_literals;

constexpr double kRateMax = 50e6;  // beyond any network: keeps the arithmetic finite
constexpr double kLossMin = 0.05;  // of an epoch; less is noise on real lines
constexpr double kLossOfDeadNames = 0.98;
constexpr auto kBurst = 2ms;  // of the rate: one slow turn's worth
constexpr double kBurstMin = 4;
constexpr double kQueueLow = 512;  // queries waiting at the server: room for more in flight
constexpr double kQueueHigh = 2'048;
constexpr double kGrowthMin = 0.02;
constexpr double kGrowthMax = 0.5;
constexpr double kUncured = 0.7;          // of the loss before a cut: more, and it was no limit
constexpr uint32_t kRampEpochs = 4;       // without a change: the ramp has ended
constexpr double kExperimentSends = 100;  // a share of half is then known to a tenth
constexpr auto kFastestSpan = 10s;

double seconds(Duration d) { return std::chrono::duration<double>(d).count(); }

}  // namespace

void RoundTrip::sample(Duration rtt) noexcept {
  const double r = static_cast<double>(std::max<int64_t>(rtt.count(), 1));
  if (smoothed_ns_ == 0) {
    smoothed_ns_ = r;
    variation_ns_ = r / 2;
    return;
  }
  variation_ns_ += (std::abs(r - smoothed_ns_) - variation_ns_) / 4;
  smoothed_ns_ += (r - smoothed_ns_) / 8;
}

Pace::Pace(const Options& options, Instant start)
    : options_(options),
      now_(start),
      refilled_(start),
      cap_(std::min(limits::kInFlightStart, options.in_flight_max)),
      fastest_since_(start),
      last_answer_(start) {
  assert(options.in_flight_max > 0);
  set_rate(limits::kPaceStart);
  current_ = 0;
  begin_epoch();
}

void Pace::turn(Instant now) {
  // We did not run for a while: what was answered meanwhile is still to be read.
  if (now - now_ > limits::kStall) lenient_until_ = now + limits::kDoubt;
  now_ = now;
  refill();
  if (now_ - epoch(current_).start >= epoch_length()) begin_epoch();
  const Duration wait = grace();
  while (judged_next_ < current_ && now_ >= epoch(judged_next_).end + wait)
    judge(epoch(judged_next_++));
  if (now_ - fastest_since_ >= kFastestSpan) {
    if (fastest_next_ != Duration::max()) fastest_ = fastest_next_;
    fastest_next_ = Duration::max();
    fastest_since_ = now_;
  }
}

void Pace::refill() {
  const double burst = std::max(kBurstMin, rate_ * seconds(kBurst));
  tokens_ = std::min(burst, tokens_ + rate_ * seconds(now_ - refilled_));
  refilled_ = now_;
}

uint32_t Pace::permits() const noexcept {
  if (in_flight_ >= cap_ || tokens_ < 1) return 0;
  return std::min(cap_ - in_flight_, static_cast<uint32_t>(tokens_));
}

Instant Pace::next_permit() const noexcept {
  if (in_flight_ >= cap_) return Instant::max();
  if (tokens_ >= 1) return now_;
  // One nanosecond more, so that the refill of that instant surely yields the token.
  return now_ + Duration{static_cast<int64_t>((1 - tokens_) / rate_ * 1e9) + 1};
}

Pace::EpochMark Pace::sent() noexcept {
  assert(in_flight_ < cap_);
  tokens_ -= 1;
  in_flight_++;
  Epoch& e = epoch(current_);
  e.sent++;
  e.cap_bound |= in_flight_ >= cap_;
  e.rate_bound |= tokens_ < 1;
  return current_;
}

void Pace::answered(EpochMark mark, Duration rtt) noexcept {
  forgotten();
  last_answer_ = now_;
  round_trip_.sample(rtt);
  fastest_ = std::min(fastest_, rtt);
  fastest_next_ = std::min(fastest_next_, rtt);
  if (!remembered(mark)) return;
  Epoch& e = epoch(mark);
  e.answered++;
  e.fastest = std::min(e.fastest, rtt);
  if (mode_ == Mode::blackout && mark >= changed_) alive();
}

void Pace::lost(EpochMark) noexcept { forgotten(); }

void Pace::refused() noexcept {
  forgotten();
  last_answer_ = now_;
}

void Pace::withdrawn(EpochMark mark) noexcept {
  forgotten();
  if (remembered(mark)) epoch(mark).sent--;
}

void Pace::forgotten() noexcept {
  assert(in_flight_ > 0);
  in_flight_--;
}

void Pace::answered_late(EpochMark mark) noexcept {
  last_answer_ = now_;
  if (!remembered(mark)) return;
  epoch(mark).answered++;
  if (mode_ == Mode::blackout && mark >= changed_) alive();
}

void Pace::alive() noexcept {
  last_answer_ = now_;
  if (mode_ != Mode::blackout) return;
  growth_ = kGrowthMin;
  // If what seemed lost came after all, it was a stall, and nothing has been learnt about a limit.
  const Span before = recent(limits::kDeliveredSpan);
  if (before.sent > 0 && 1 - before.answered / before.sent <= loss_threshold(before.sent)) {
    return enter(Mode::ramp, dark_rate_ / 2);
  }
  enter(Mode::steady, std::max(limit_estimate_ * 0.9, limits::kPaceFloor * 2));
}

void Pace::gone() noexcept {
  if (mode_ != Mode::blackout) black_out();
}

void Pace::answers_others() noexcept {
  if (mode_ != Mode::blackout) return;
  baseline_ = kLossOfDeadNames;
  cuts_in_a_row_ = 0;
  enter(Mode::ramp, std::clamp(dark_rate_ / 2, limits::kPaceFloor, limits::kPaceStart));
}

void Pace::local_overload() noexcept {
  tokens_ = std::min(tokens_, 0.0);
  set_rate(rate_ * 0.9);
}

bool Pace::lost_to_limit(EpochMark mark) const noexcept {
  // A steady rate means that the server has a limit: what it drops is hardly ever the name's fault.
  if (mode_ == Mode::steady) return true;
  return mode_ != Mode::blackout && remembered(mark) && epoch(mark).limited;
}

Duration Pace::retry_timeout(uint32_t attempt, Duration timeout) const noexcept {
  // While the server answers nobody, or a limit bites, an early retry is only one more query to
  // lose.
  const bool settled = mode_ == Mode::ramp || (mode_ == Mode::steady && cuts_in_a_row_ == 0);
  if (!settled || !round_trip_.known()) return timeout;
  Duration wait = std::max<Duration>(round_trip_.timeout(), limits::kRetryTimeoutMin);
  for (uint32_t i = 1; i < attempt && wait < timeout; ++i) wait *= 2;
  return std::min(wait, timeout);
}

void Pace::begin_epoch() {
  epoch(current_).end = now_;
  current_++;
  epoch(current_) = Epoch{.mark = current_, .start = now_};
  if (current_ - judged_next_ >= kEpochs) judged_next_ = current_ - kEpochs + 1;
}

void Pace::set_rate(double rate) {
  const double most = options_.rate_max > 0 ? options_.rate_max : kRateMax;
  rate_ = std::clamp(rate, std::min(limits::kPaceFloor, most), most);
}

// Epochs that were sent at another rate say nothing about the new one: a fresh epoch begins.
void Pace::enter(Mode mode, double rate) {
  mode_ = mode;
  set_rate(rate);
  tokens_ = std::min(tokens_, std::max(1.0, rate_ * seconds(kBurst)));
  begin_epoch();
  changed_ = current_;
}

Duration Pace::epoch_length() const noexcept {
  Duration base = limits::kEpochRamp;
  if (mode_ == Mode::steady) {
    base = limits::kEpochSteady;
  } else if (current_ - changed_ < kRampEpochs && round_trip_.known()) {
    // While the rate doubles, a near server is judged sooner: it reaches its full rate sooner.
    base = std::clamp<Duration>(4 * round_trip_.smoothed(), limits::kEpochRampMin, base);
  }
  // Long enough to hold a telling number of queries, but no longer than a second.
  const double sends = mode_ == Mode::experiment ? kExperimentSends : limits::kEpochSendsMin * 1.25;
  const Duration telling{static_cast<int64_t>(sends / rate_ * 1e9)};
  return std::clamp<Duration>(telling, base, 1s);
}

Duration Pace::grace() const noexcept {
  if (!round_trip_.known()) return 1s;
  return std::clamp<Duration>(2 * round_trip_.smoothed() + 1ms, 1ms, 1s);
}

double Pace::loss_threshold(double sends) const noexcept {
  return baseline_ + kLossMin + 1.5 * std::sqrt((baseline_ * (1 - baseline_) + 0.01) / sends);
}

Pace::Span Pace::recent(Duration span) const noexcept {
  Span sum;
  for (EpochMark mark = judged_next_; mark-- > 1 && sum.length < span;) {
    if (!remembered(mark) || mark + kEpochs <= current_) break;
    const Epoch& e = epoch(mark);
    sum.sent += e.sent;
    sum.answered += e.answered;
    sum.length += e.end - e.start;
  }
  return sum;
}

double Pace::delivered_rate() const noexcept {
  const Span span = recent(limits::kDeliveredSpan);
  return span.answered / std::max(seconds(span.length), 1e-3);
}

bool Pace::lossy(const Epoch& judged) const noexcept {
  if (judged.sent < limits::kEpochSendsMin) return judged.answered == 0 && judged.sent > 0;
  const double loss = 1 - std::min(1.0, static_cast<double>(judged.answered) / judged.sent);
  return loss > loss_threshold(judged.sent);
}

void Pace::judge(Epoch& judged) {
  if (judged.sent == 0) return;
  adapt_cap(judged);
  const double loss = 1 - std::min(1.0, static_cast<double>(judged.answered) / judged.sent);
  judged.limited = judged.sent >= limits::kEpochSendsMin && lossy(judged);
  if (judged.mark < changed_) return;
  const bool telling = judged.sent >= limits::kEpochSendsMin || mode_ == Mode::blackout;
  if (judged.answered == 0 && telling && baseline_ < kLossOfDeadNames / 2 + 0.4) return black_out();
  if (judged.sent < limits::kEpochSendsMin) return;
  if (!judged.limited && loss < baseline_) baseline_ += (loss - baseline_) / 8;
  switch (mode_) {
    case Mode::ramp: return judge_ramp(judged, loss);
    case Mode::experiment: return judge_experiment(judged, loss);
    case Mode::steady: return judge_steady();
    case Mode::blackout: return alive();
  }
}

void Pace::judge_ramp(const Epoch& judged, double loss) {
  if (judged.limited) return begin_experiment(judged, loss);
  if (judged.rate_bound) enter(Mode::ramp, rate_ * 2);
}

void Pace::begin_experiment(const Epoch& judged, double loss) {
  const double length = seconds(judged.end - judged.start);
  experiment_mark_ = judged.mark;
  experiment_loss_ = loss;
  experiment_rate_ = judged.sent / length;
  experiment_delivered_ = judged.answered / length;
  enter(Mode::experiment, experiment_rate_ / 2);
}

void Pace::judge_experiment(const Epoch& judged, double loss) {
  if (remembered(experiment_mark_) && !lossy(epoch(experiment_mark_))) {
    return enter(Mode::ramp,
                 experiment_rate_);  // what had seemed lost came after all: the server stalled
  }
  const double before = 1 - experiment_loss_;
  const bool cured = loss <= baseline_ + 0.6 * (experiment_loss_ - baseline_);
  if (cured || 1 - loss >= 1.5 * before) {
    const double delivered = judged.answered / seconds(judged.end - judged.start);
    growth_ = kGrowthMin;
    cuts_in_a_row_ = 1;
    enter(Mode::steady,
          0.9 * std::max(delivered, std::min(experiment_delivered_, delivered_rate())));
    return;
  }
  baseline_ = loss;
  cuts_in_a_row_ = 0;
  enter(Mode::ramp, experiment_rate_);
}

void Pace::judge_steady() {
  // Rate limiters count by the second, so a steady rate is judged by the second too.
  Span span;
  for (EpochMark mark = judged_next_; mark-- > changed_ && span.length < limits::kDeliveredSpan;) {
    const Epoch& e = epoch(mark);
    span.sent += e.sent;
    span.answered += e.answered;
    span.length += e.end - e.start;
  }
  const double loss = 1 - span.answered / std::max(span.sent, 1.0);
  const double rate = span.answered / seconds(span.length);
  if (span.length < limits::kDeliveredSpan) return;
  if (loss > loss_threshold(span.sent)) return cut(loss, span.sent / seconds(span.length), rate);
  cuts_in_a_row_ = 0;
  if (!epoch(judged_next_ - 1).rate_bound) return;
  const double grown = rate_ * (1 + growth_);
  growth_ = std::min(growth_ * 1.5, kGrowthMax);
  enter(Mode::steady, grown);
}

// Too much was lost at a steady rate: below the delivered rate, unless the last cut cured nothing.
void Pace::cut(double loss, double sent, double delivered) {
  growth_ = kGrowthMin;
  if (cuts_in_a_row_ > 0 && loss > kUncured * experiment_loss_) {
    baseline_ = loss;
    cuts_in_a_row_ = 0;
    return enter(Mode::ramp, experiment_rate_);
  }
  if (cuts_in_a_row_++ == 0) {
    experiment_loss_ = loss;
    experiment_rate_ = sent;
  }
  enter(Mode::steady, 0.9 * delivered);
}

void Pace::black_out() {
  if (mode_ != Mode::blackout) {
    limit_estimate_ = delivered_rate();
    dark_rate_ = rate_;
    return enter(Mode::blackout, rate_ / 4);
  }
  enter(Mode::blackout, rate_ / 2);
}

void Pace::adapt_cap(const Epoch& judged) {
  if (judged.fastest == Duration::max()) return;
  const Duration queued = judged.fastest - std::min(judged.fastest, fastest_);
  const double waiting =
      seconds(queued) * judged.answered / std::max(seconds(judged.end - judged.start), 1e-6);
  if (waiting > kQueueHigh) {
    cap_ = std::max(std::min(limits::kInFlightStart, options_.in_flight_max), cap_ / 5 * 4);
  } else if (judged.cap_bound && waiting < kQueueLow) {
    cap_ = std::min(options_.in_flight_max, cap_ + cap_ / 4);
  }
  if (queued > limits::kQueueDelayMax && mode_ != Mode::blackout) set_rate(rate_ * 0.95);
}

}  // namespace zonesweep::engine
