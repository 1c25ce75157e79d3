#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tools/loopback/faults.h"
#include "tools/loopback/rate_limit.h"

namespace zonesweep::loopback {
namespace {

using std::chrono::milliseconds;

TEST(Faults, an_ordinary_name_has_none) {
  EXPECT_FALSE(Faults::of("example.com").any());
  EXPECT_FALSE(Faults::of("x.f-tc.com").any());
  EXPECT_FALSE(Faults::of("f-tc").any());
  EXPECT_FALSE(Faults::of("").any());
}

TEST(Faults, a_label_names_kind_and_number) {
  const Faults faults = Faults::of("f-loss-30.7.test");
  ASSERT_TRUE(faults.has(Fault::loss));
  EXPECT_EQ(faults.find(Fault::loss)->number, 30U);
  EXPECT_TRUE(Faults::of("f-loss.7.test").has(Fault::loss));
  EXPECT_FALSE(Faults::of("f-loss.7.test").find(Fault::loss)->numbered);
}

TEST(Faults, kinds_of_several_words_are_told_from_numbers) {
  EXPECT_TRUE(Faults::of("f-tc-rst.x").has(Fault::tc_rst));
  EXPECT_TRUE(Faults::of("f-edns-formerr.x").has(Fault::edns_formerr));
  const Faults slow = Faults::of("f-tcp-slow-1.x");
  ASSERT_TRUE(slow.has(Fault::tcp_slow));
  EXPECT_EQ(slow.find(Fault::tcp_slow)->number, 1U);
}

TEST(Faults, several_labels_add_up) {
  const Faults faults = Faults::of("f-tc.f-delay-50.f-ttl-7.name.test");
  EXPECT_TRUE(faults.has(Fault::tc));
  EXPECT_EQ(faults.find(Fault::delay)->number, 50U);
  EXPECT_EQ(faults.find(Fault::ttl)->number, 7U);
}

TEST(Faults, then_says_that_the_good_answer_follows) {
  EXPECT_TRUE(Faults::of("f-badid-then.x").find(Fault::badid)->then);
  EXPECT_TRUE(Faults::of("f-badid-40-then.x").find(Fault::badid)->then);
  EXPECT_EQ(Faults::of("f-badid-40-then.x").find(Fault::badid)->number, 40U);
}

TEST(Faults, a_label_of_an_unknown_kind_is_an_ordinary_one) {
  EXPECT_FALSE(Faults::of("f-droid.org").any());
  EXPECT_FALSE(Faults::of("f-1.com").any());
  EXPECT_FALSE(Faults::of("f-loss-99999999999.x").any());
  EXPECT_FALSE(Faults::of("f-.x").any());
  EXPECT_FALSE(Faults::of("f-losss.f-tc.x").any());
}

uint32_t admitted(RateLimit limit, uint32_t offered_per_ms, milliseconds span) {
  uint32_t count = 0;
  for (milliseconds now{0}; now < span; ++now) {
    for (uint32_t i = 0; i < offered_per_ms; ++i) count += limit.admit(now) ? 1 : 0;
  }
  return count;
}

TEST(RateLimit, smooth_admits_the_rate_and_a_burst_of_fifty_milliseconds) {
  EXPECT_NEAR(admitted({1'000, RateLimit::Mode::smooth}, 5, milliseconds{10'000}), 10'050, 10);
  EXPECT_EQ(admitted({1'000, RateLimit::Mode::smooth}, 100, milliseconds{1}), 50U);
}

TEST(RateLimit, window_admits_all_of_a_second_at_its_start) {
  EXPECT_EQ(admitted({1'000, RateLimit::Mode::window}, 100, milliseconds{10}), 1'000U);
  EXPECT_EQ(admitted({1'000, RateLimit::Mode::window}, 5, milliseconds{10'000}), 10'000U);
}

TEST(RateLimit, a_rate_of_zero_admits_everything) {
  EXPECT_EQ(admitted({}, 7, milliseconds{100}), 700U);
}

}  // namespace
}  // namespace zonesweep::loopback
