#include "io/timers.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>

namespace zonesweep::io {
namespace {

using std::chrono::hours;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;

const Instant kStart{std::chrono::seconds{1'000}};

std::vector<uint32_t> due_at(TimerWheel& wheel, Instant now) {
  std::vector<uint32_t> due;
  wheel.expire(now, due);
  return due;
}

TEST(TimerWheel, fires_at_its_instant_and_not_before) {
  TimerWheel wheel(4, kStart);
  wheel.arm(2, kStart + microseconds{2'500});
  EXPECT_TRUE(due_at(wheel, kStart + microseconds{2'499}).empty());
  EXPECT_TRUE(wheel.armed(2));
  EXPECT_EQ(due_at(wheel, kStart + milliseconds{3}), std::vector<uint32_t>{2});
  EXPECT_FALSE(wheel.armed(2));
}

TEST(TimerWheel, fires_what_is_overdue_even_if_time_stands_still) {
  TimerWheel wheel(2, kStart);
  EXPECT_TRUE(due_at(wheel, kStart + milliseconds{700}).empty());
  wheel.arm(0, kStart + milliseconds{700});
  wheel.arm(1, kStart);
  EXPECT_LE(wheel.next(Instant::max()), kStart + milliseconds{700});
  EXPECT_EQ(due_at(wheel, kStart + milliseconds{700}).size(), 2U);
}

TEST(TimerWheel, forgets_what_was_disarmed) {
  TimerWheel wheel(3, kStart);
  for (uint32_t slot = 0; slot < 3; ++slot) wheel.arm(slot, kStart + milliseconds{5});
  wheel.disarm(1);
  wheel.disarm(1);
  auto due = due_at(wheel, kStart + hours{1});
  std::ranges::sort(due);
  EXPECT_EQ(due, (std::vector<uint32_t>{0, 2}));
}

TEST(TimerWheel, names_the_limit_when_nothing_is_armed) {
  TimerWheel wheel(1, kStart);
  EXPECT_EQ(wheel.next(kStart + milliseconds{9}), kStart + milliseconds{9});
}

TEST(TimerWheel, holds_timers_beyond_its_span) {
  TimerWheel wheel(2, kStart);
  const Instant far = kStart + hours{24 * 120};
  wheel.arm(0, far);
  wheel.arm(1, far + milliseconds{1});
  EXPECT_TRUE(due_at(wheel, far - milliseconds{1}).empty());
  EXPECT_EQ(due_at(wheel, far), std::vector<uint32_t>{0});
  EXPECT_EQ(due_at(wheel, far + milliseconds{1}), std::vector<uint32_t>{1});
}

TEST(TimerWheel, crosses_the_wrap_of_its_top_level) {
  TimerWheel wheel(1, kStart);
  const Instant before_wrap = kStart + milliseconds{(int64_t{1} << 32) - 10};
  EXPECT_TRUE(due_at(wheel, before_wrap).empty());
  wheel.arm(0, before_wrap + milliseconds{15});
  EXPECT_LE(wheel.next(Instant::max()), before_wrap + milliseconds{15});
  EXPECT_TRUE(due_at(wheel, before_wrap + milliseconds{14}).empty());
  EXPECT_EQ(due_at(wheel, before_wrap + milliseconds{15}), std::vector<uint32_t>{0});
}

// The model keeps every timer's tick in a map and looks at all of them.
class Model {
 public:
  explicit Model(Instant start) : start_(start) {}
  void arm(uint32_t slot, Instant when) {
    const Duration since = std::max(when - start_, Duration::zero());
    ticks_[slot] = std::max((since + TimerWheel::kTick - nanoseconds{1}) / TimerWheel::kTick, now_);
  }
  void disarm(uint32_t slot) { ticks_.erase(slot); }
  bool armed(uint32_t slot) const { return ticks_.contains(slot); }
  Instant earliest() const {
    if (ticks_.empty()) return Instant::max();
    int64_t tick = INT64_MAX;
    for (const auto& [slot, at] : ticks_) tick = std::min(tick, at);
    return start_ + TimerWheel::kTick * tick;
  }
  std::multimap<int64_t, uint32_t> expire(Instant now) {
    now_ = std::max(now_, (now - start_) / TimerWheel::kTick);
    std::multimap<int64_t, uint32_t> due;
    for (const auto& [slot, tick] : ticks_) {
      if (tick <= now_) due.emplace(tick, slot);
    }
    for (const auto& [tick, slot] : due) ticks_.erase(slot);
    return due;
  }

 private:
  Instant start_;
  int64_t now_ = 0;
  std::map<uint32_t, int64_t> ticks_;
};

class TimerWheelModel : public testing::TestWithParam<uint64_t> {};

TEST_P(TimerWheelModel, agrees_with_a_naive_list_under_random_operations) {
  constexpr uint32_t kSlots = 40;
  std::mt19937_64 random(GetParam());
  const auto below = [&](uint64_t bound) { return random() % bound; };
  const auto some_time = [&] { return nanoseconds{below(uint64_t{1} << (10 + below(42)))}; };
  TimerWheel wheel(kSlots, kStart);
  Model model(kStart);
  Instant now = kStart;
  for (int step = 0; step < 20'000; ++step) {
    const auto slot = static_cast<uint32_t>(below(kSlots));
    switch (below(4)) {
      case 0:
      case 1: {
        const Instant when = below(10) == 0 ? now - some_time() : now + some_time();
        wheel.arm(slot, when);
        model.arm(slot, when);
        break;
      }
      case 2:
        wheel.disarm(slot);
        model.disarm(slot);
        break;
      default: {
        now = below(3) == 0 ? wheel.next(now + some_time()) : now + some_time() / 8;
        now = std::max(now, kStart);
        const auto due = due_at(wheel, now);
        const auto expected = model.expire(now);
        ASSERT_EQ(due.size(), expected.size()) << "step " << step;
        std::map<uint32_t, int64_t> tick_of;
        for (const auto& [tick, which] : expected) tick_of[which] = tick;
        for (size_t i = 0; i < due.size(); ++i) {
          ASSERT_TRUE(tick_of.contains(due[i])) << "step " << step;
          ASSERT_TRUE(i == 0 || tick_of[due[i - 1]] <= tick_of[due[i]]) << "step " << step;
        }
        break;
      }
    }
    ASSERT_EQ(wheel.armed(slot), model.armed(slot)) << "step " << step;
    ASSERT_LE(wheel.next(Instant::max()), std::max(model.earliest(), now)) << "step " << step;
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, TimerWheelModel, testing::Range<uint64_t>(1, 13));

TEST(TimerWheel, reaches_every_timer_by_sleeping_until_next) {
  TimerWheel wheel(200, kStart);
  std::mt19937_64 random(5);
  for (uint32_t slot = 0; slot < 200; ++slot)
    wheel.arm(slot, kStart + milliseconds{random() % 100'000'000});
  Instant now = kStart;
  size_t fired = 0;
  for (int wakeups = 0; wakeups < 800 && fired < 200;
       ++wakeups) {  // at most one per level and timer
    now = wheel.next(Instant::max());
    fired += due_at(wheel, now).size();
  }
  EXPECT_EQ(fired, 200U);
}

}  // namespace
}  // namespace zonesweep::io
