#include "protocols/zone/seen.h"

#include <gtest/gtest.h>

#include <random>

namespace zonesweep::zone {
namespace {

Seen::Key key_of(uint64_t i) {
  std::mt19937_64 random(i);
  return {random(), random() | 1};
}

TEST(Seen, a_key_is_new_once) {
  Seen seen;
  EXPECT_TRUE(seen.insert(key_of(1)));
  EXPECT_FALSE(seen.insert(key_of(1)));
  EXPECT_TRUE(seen.insert(key_of(2)));
  EXPECT_FALSE(seen.insert(key_of(1)));
}

TEST(Seen, four_newer_keys_push_the_oldest_out_of_a_bucket_and_nothing_else_does) {
  Seen seen;
  const auto in_bucket = [](uint64_t i) { return Seen::Key{limits::kSeenBuckets * i + 5, i + 1}; };
  for (uint64_t i = 0; i < 4; ++i) EXPECT_TRUE(seen.insert(in_bucket(i)));
  for (uint64_t i = 0; i < 4; ++i) EXPECT_FALSE(seen.insert(in_bucket(i)));
  EXPECT_TRUE(seen.insert(in_bucket(4)));
  EXPECT_FALSE(seen.insert(in_bucket(1)));
  EXPECT_TRUE(seen.insert(in_bucket(0)));
}

// The figures that the header promises.
TEST(Seen, repeats_within_20000_keys_are_found_and_within_100000_nearly_all) {
  for (const auto& [distance, missed_max] : {std::pair{20'000, 1}, std::pair{100'000, 100}}) {
    Seen seen;
    int missed = 0;
    for (int i = 0; i < distance; ++i) (void)seen.insert(key_of(static_cast<uint64_t>(i)));
    for (int i = 0; i < distance; ++i) missed += seen.insert(key_of(static_cast<uint64_t>(i)));
    EXPECT_LE(missed, missed_max) << distance;
  }
}

}  // namespace
}  // namespace zonesweep::zone
