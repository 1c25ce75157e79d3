#include "engine/limiter.h"

#include <gtest/gtest.h>

#include <deque>
#include <random>

namespace zonesweep::engine {
namespace {

using namespace std::chrono_literals;

constexpr Duration kPatience = 10min;
const Instant kStart = Instant{} + 100h;

// Begins and ends exchanges as fast as the limiter lets for `span`; returns when each began.
std::vector<Instant> run(Limiter& limiter, Instant from, Duration span, Duration takes = 1ms) {
  std::vector<Instant> began;
  std::deque<Instant> ends;
  Instant now = from;
  while (now < from + span) {
    while (!ends.empty() && ends.front() <= now) {
      ends.pop_front();
      limiter.answered();
    }
    while (limiter.ready_at() <= now) {
      limiter.begin(now);
      began.push_back(now);
      ends.push_back(now + takes);
    }
    now += 1ms;
  }
  for (size_t i = 0; i < ends.size(); ++i) limiter.answered();
  return began;
}

size_t most_in_any(const std::vector<Instant>& began, Duration span) {
  size_t most = 0;
  for (size_t first = 0, last = 0; last < began.size(); ++last) {
    while (began[last] - began[first] >= span) first++;
    most = std::max(most, last - first + 1);
  }
  return most;
}

TEST(Limiter, NoSecondSeesMoreThanTheRate) {
  for (const double rate : {1.0, 5.0, 50.0, 100.0, 1000.0, 5000.0}) {
    Limiter limiter({.rate = rate, .exchanges = 10'000}, kPatience);
    const auto began = run(limiter, kStart, 20s);
    EXPECT_LE(most_in_any(began, 1s), static_cast<size_t>(rate)) << rate;
    EXPECT_GE(static_cast<double>(began.size()), 20 * rate * 0.93) << rate;
  }
}

TEST(Limiter, NoMoreExchangesAtOnceThanAllowed) {
  Limiter limiter({.rate = 0, .exchanges = 2}, kPatience);
  limiter.begin(kStart);
  EXPECT_LE(limiter.ready_at(), kStart);
  limiter.begin(kStart);
  EXPECT_EQ(limiter.ready_at(), Instant::max());
  limiter.left();
  EXPECT_LE(limiter.ready_at(), kStart);
}

TEST(Limiter, AQuotaHoldsInEverySpan) {
  Limiter limiter({.rate = 100, .exchanges = 10, .quota = 50, .quota_span = 2s}, kPatience);
  const auto began = run(limiter, kStart, 11s);
  EXPECT_LE(most_in_any(began, 2s), 50U);
  EXPECT_GE(began.size(), 250U);
}

TEST(Limiter, AQuotaBeyondPatienceGivesTheNamesUp) {
  Limiter limiter({.rate = 0, .exchanges = 10, .quota = 3, .quota_span = 24h}, kPatience);
  for (int i = 0; i < 3; ++i) {
    EXPECT_FALSE(limiter.given_up(kStart));
    limiter.begin(kStart);
    limiter.answered();
  }
  EXPECT_TRUE(limiter.given_up(kStart));
  EXPECT_EQ(limiter.trouble(kStart), Limiter::Trouble::quota);
  EXPECT_FALSE(limiter.given_up(kStart + 24h));
}

TEST(Limiter, ThrottlingQuarantinesThenProbesWithOne) {
  Limiter limiter({.rate = 10, .exchanges = 5}, kPatience);
  limiter.begin(kStart);
  limiter.throttled(kStart, 30s);
  EXPECT_EQ(limiter.ready_at(), kStart + 30s);
  EXPECT_FALSE(limiter.given_up(kStart));
  limiter.begin(kStart + 30s);
  EXPECT_EQ(limiter.ready_at(), Instant::max());  // the probe is alone
  limiter.answered();
  EXPECT_LT(limiter.ready_at(), kStart + 31s);
  const auto began = run(limiter, kStart + 40s, 1s);
  EXPECT_LE(began.size(), 7U);  // half the rate, and a little more with each answer
}

TEST(Limiter, TheRateRecoversWithAnswers) {
  Limiter limiter({.rate = 10, .exchanges = 5}, kPatience);
  limiter.begin(kStart);
  limiter.throttled(kStart, 1s);
  (void)run(limiter, kStart + 10s, 20s);
  EXPECT_GE(run(limiter, kStart + 40s, 10s).size(), 95U);
}

TEST(Limiter, SeveralThrottledAtOnceCountOnce) {
  Limiter limiter({.rate = 0, .exchanges = 4}, kPatience);
  for (int i = 0; i < 4; ++i) limiter.begin(kStart);
  for (int i = 0; i < 4; ++i) limiter.throttled(kStart, 0s);
  EXPECT_EQ(limiter.quarantine_until(), kStart + limits::kPauseAfterTrouble);
}

TEST(Limiter, PausesGrowAndThenTheNamesAreGivenUp) {
  Limiter limiter({.rate = 0, .exchanges = 1}, kPatience);
  Instant now = kStart;
  Duration last{};
  while (!limiter.given_up(now)) {
    ASSERT_LE(now - kStart, kPatience);
    limiter.begin(now);
    limiter.throttled(now, 0s);
    const Duration pause = limiter.quarantine_until() - now;
    EXPECT_GT(pause, last);
    last = pause;
    if (!limiter.given_up(now)) now = limiter.ready_at();
  }
  EXPECT_EQ(limiter.trouble(now), Limiter::Trouble::throttled);
  now = limiter.ready_at();
  EXPECT_FALSE(limiter.given_up(now));  // it is probed again
  limiter.begin(now);
  limiter.answered();
  EXPECT_EQ(limiter.trouble(now), Limiter::Trouble::none);
}

TEST(Limiter, ARetryAfterBeyondPatienceGivesUpAtOnce) {
  Limiter limiter({.rate = 0, .exchanges = 1}, kPatience);
  limiter.begin(kStart);
  limiter.throttled(kStart, 24h);
  EXPECT_TRUE(limiter.given_up(kStart));
  EXPECT_EQ(limiter.ready_at(), kStart + 24h);
}

TEST(Limiter, FiveSilencesPauseAndThreeSilentProbesGiveUp) {
  Limiter limiter({.rate = 0, .exchanges = 1}, kPatience);
  Instant now = kStart;
  for (uint32_t i = 0; i < limits::kFailuresInRow; ++i) {
    EXPECT_FALSE(limiter.quarantined(now));
    limiter.begin(now);
    now += 10s;
    limiter.failed(now);
  }
  for (uint32_t i = 0; i < limits::kProbesFailed; ++i) {
    ASSERT_TRUE(limiter.quarantined(now));
    ASSERT_FALSE(limiter.given_up(now));
    now = limiter.ready_at();
    limiter.begin(now);
    now += 10s;
    limiter.failed(now);
  }
  EXPECT_TRUE(limiter.given_up(now));
  EXPECT_EQ(limiter.trouble(now), Limiter::Trouble::silent);
}

TEST(Limiter, OneAnswerAmongFailuresKeepsTheBackendOpen) {
  Limiter limiter({.rate = 0, .exchanges = 1}, kPatience);
  for (int i = 0; i < 100; ++i) {
    limiter.begin(kStart);
    if (i % 4 == 3) {
      limiter.answered();
    } else {
      limiter.failed(kStart);
    }
    ASSERT_FALSE(limiter.quarantined(kStart));
  }
}

TEST(Limiter, ARestoredQuarantineHolds) {
  Limiter limiter({.rate = 5, .exchanges = 2}, kPatience);
  limiter.restore(kStart + 60s, Limiter::Trouble::throttled);
  EXPECT_EQ(limiter.ready_at(), kStart + 60s);
  EXPECT_TRUE(limiter.quarantined(kStart));
}

}  // namespace
}  // namespace zonesweep::engine
