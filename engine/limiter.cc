#include "engine/limiter.h"

#include <algorithm>
#include <cassert>

namespace zonesweep::engine {

Limiter::Limiter(const Limits& limits, Duration patience) : limits_(limits), patience_(patience) {
  limits_.exchanges = std::max(limits_.exchanges, 1U);
  limits_.quota = std::min(limits_.quota, limits::kQuotaMax);
}

Duration Limiter::interval() const noexcept {
  if (limits_.rate <= 0) return {};
  const double seconds = limits::kSpacingMargin / (limits_.rate * factor_);
  return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(seconds));
}

// How far ahead of even spacing a batch of exchanges may be.
Duration Limiter::burst() const noexcept {
  const double more = std::max(0.0, limits_.rate * factor_ * limits::kBurstOfRate - 1);
  return std::chrono::duration_cast<Duration>(interval() * more);
}

Instant Limiter::quota_ready() const noexcept {
  if (limits_.quota == 0 || quota_.size() < limits_.quota)
    return Instant{} - std::chrono::hours{24};
  return quota_[quota_at_] + limits_.quota_span;
}

Instant Limiter::ready_at() const noexcept {
  const uint32_t most = probing_ ? 1 : limits_.exchanges;
  if (running_ >= most) return Instant::max();
  return std::max({quarantine_until_, next_ - burst(), quota_ready()});
}

void Limiter::begin(Instant now) {
  running_++;
  gave_up_ = false;
  next_ = std::max(next_, now - limits::kSpacingSlack) + interval();
  if (limits_.quota == 0) return;
  if (quota_.size() < limits_.quota) {
    quota_.push_back(now);
  } else {
    quota_[quota_at_] = now;
    quota_at_ = (quota_at_ + 1) % quota_.size();
  }
}

void Limiter::answered() noexcept {
  assert(running_ > 0);
  running_--;
  probing_ = false;
  gave_up_ = false;
  trouble_ = Trouble::none;
  failures_ = 0;
  probes_ = 0;
  pause_ = limits::kPauseAfterTrouble;
  troubled_since_ = Instant::max();
  factor_ = std::min(1.0, factor_ + limits::kRecovery);
}

void Limiter::throttled(Instant now, Duration retry_after) noexcept {
  assert(running_ > 0);
  running_--;
  // Others that were under way when the first was refused say nothing new.
  if (!quarantined(now)) factor_ = std::max(factor_ / 2, limits::kSlowest);
  pause(now, retry_after, Trouble::throttled);
}

void Limiter::failed(Instant now) noexcept {
  assert(running_ > 0);
  running_--;
  if (troubled_since_ == Instant::max()) troubled_since_ = now;
  if (!probing_ && ++failures_ < limits::kFailuresInRow) return;
  if (probing_ && !quarantined(now)) probes_++;
  pause(now, {}, Trouble::silent);
}

void Limiter::left() noexcept {
  assert(running_ > 0);
  running_--;
}

void Limiter::pause(Instant now, Duration least, Trouble why) noexcept {
  if (troubled_since_ == Instant::max()) troubled_since_ = now;
  const bool already = quarantined(now);
  const Instant until = now + std::max(already ? Duration{} : pause_, least);
  if (!already) pause_ = std::min<Duration>(pause_ * 2, limits::kPauseMost);
  probing_ = true;
  failures_ = 0;
  trouble_ = why;
  quarantine_until_ = std::max(quarantine_until_, until);
  gave_up_ = gave_up_ || probes_ >= limits::kProbesFailed ||
             quarantine_until_ - troubled_since_ > patience_;
}

void Limiter::append_quota_use(std::vector<Instant>& out) const {
  for (size_t i = 0; i < quota_.size(); ++i) out.push_back(quota_[(quota_at_ + i) % quota_.size()]);
}

void Limiter::restore(Instant quarantine_until, Trouble trouble) {
  quarantine_until_ = quarantine_until;
  trouble_ = trouble;
  probing_ = true;
}

void Limiter::restore_quota_use(Instant begun) {
  if (limits_.quota != 0 && quota_.size() < limits_.quota) quota_.push_back(begun);
}

}  // namespace zonesweep::engine
