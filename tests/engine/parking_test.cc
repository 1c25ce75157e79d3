#include "engine/parking.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <ctime>
#include <deque>
#include <filesystem>
#include <random>
#include <vector>

#include "tests/support/output_run.h"

namespace zonesweep::engine::test {
namespace {

using ::testing::HasSubstr;

Parking::Options within(const TemporaryFolder& folder, uint64_t memory_bytes) {
  Parking::Options options;
  options.memory_bytes = memory_bytes;
  options.directory = folder.path();
  return options;
}

std::string name_of_item(uint64_t number) { return fmt::format("{:08}-some-name.example", number); }

// Parking beside queues that are surely right.
class Model {
 public:
  explicit Model(Parking::Options options) : parking_(std::move(options)) {}

  void push(uint32_t queue, std::string item) {
    const auto pushed = parking_.push(queue, item);
    ASSERT_TRUE(pushed) << pushed.error();
    queues_[queue].push_back(std::move(item));
  }
  void pop(uint32_t queue) {
    const auto item = parking_.pop(queue);
    ASSERT_TRUE(item) << item.error();
    ASSERT_EQ(*item, queues_[queue].front());
    queues_[queue].pop_front();
  }
  void check(uint64_t memory_bytes) {
    uint64_t items = 0;
    for (const auto& [queue, model] : queues_) {
      ASSERT_EQ(parking_.size(queue), model.size());
      items += model.size();
    }
    ASSERT_EQ(parking_.items(), items);
    ASSERT_LE(parking_.memory_bytes(), memory_bytes);
  }
  void pop_all() {
    for (auto& [queue, model] : queues_) {
      while (!model.empty() && !::testing::Test::HasFatalFailure()) pop(queue);
    }
  }
  [[nodiscard]] bool empty(uint32_t queue) { return queues_[queue].empty(); }
  [[nodiscard]] Parking& parking() { return parking_; }

 private:
  Parking parking_;
  std::map<uint32_t, std::deque<std::string>> queues_;
};

struct Mix {
  uint64_t seed = 0;
  uint32_t queues = 1;
  uint64_t memory = 0;
  uint32_t item_max = 0;
};

class ParkingOrder : public ::testing::TestWithParam<Mix> {};

TEST_P(ParkingOrder, holds_under_any_pushes_and_pops) {
  const Mix& mix = GetParam();
  const TemporaryFolder folder;
  Model model(within(folder, mix.memory));
  std::mt19937_64 random(mix.seed);
  for (int round = 0; round < 60; ++round) {
    const uint64_t pushes_of_ten = random() % 11;  // some rounds fill, some empty
    for (int step = 0; step < 3'000; ++step) {
      const uint64_t at = random() % mix.queues;
      const auto queue = static_cast<uint32_t>(random() % (at + 1));  // low numbers get more
      if (random() % 10 < pushes_of_ten) {
        model.push(queue, std::string(random() % (mix.item_max + 1),
                                      static_cast<char>('a' + random() % 26)));
      } else if (!model.empty(queue)) {
        model.pop(queue);
      }
      if (HasFatalFailure()) return;
    }
    // A name must be somewhere while it is pushed and popped.
    model.check(mix.memory + 2 * limits::kSegmentBytes);
    if (HasFatalFailure()) return;
  }
  model.pop_all();
  model.check(mix.memory + 2 * limits::kSegmentBytes);
  EXPECT_EQ(model.parking().disk_bytes(), 0U);
}

INSTANTIATE_TEST_SUITE_P(Mixes, ParkingOrder,
                         ::testing::Values(Mix{1, 1, 64'000, 60}, Mix{2, 3, 64'000, 60},
                                           Mix{3, 40, 128'000, 60}, Mix{4, 40, 20'000, 300},
                                           Mix{5, 700, 300'000, 60}, Mix{6, 5, 100'000, 4'096},
                                           Mix{9, 3, 100'000, 12'000}, Mix{7, 2, 0, 60},
                                           Mix{8, 20, 1 << 30, 60}));

TEST(Parking, holds_five_million_names_of_one_server_and_lets_the_others_pass) {
  constexpr uint64_t kNames = 5'000'000;
  constexpr uint32_t kOthers = 500;
  const TemporaryFolder folder;
  Parking parking(within(folder, uint64_t{4} << 20));
  uint32_t other_in = 0;
  uint32_t other_out = 0;
  uint64_t most = 0;
  const auto cpu_ns = [] {
    return static_cast<uint64_t>(std::clock()) * (1'000'000'000 / CLOCKS_PER_SEC);
  };
  const uint64_t start = cpu_ns();
  for (uint64_t n = 0; n < kNames; ++n) {
    ASSERT_TRUE(parking.push(0, name_of_item(n)));
    if (n % 5 == 0) {
      ASSERT_TRUE(parking.push(1 + other_in++ % kOthers, "b.example"));
    }
    if (n % 5 == 1) {
      ASSERT_EQ(parking.pop(1 + other_out++ % kOthers), "b.example");
    }
    most = std::max(most, parking.memory_bytes());
  }
  const uint64_t pushed = cpu_ns();
  EXPECT_LE(most, (uint64_t{4} << 20) + 2 * limits::kSegmentBytes);
  const uint64_t text = kNames * name_of_item(0).size();
  RecordProperty("file_bytes_a_name",
                 fmt::format("{:.1f}", static_cast<double>(parking.disk_bytes()) / kNames));
  EXPECT_LT(parking.disk_bytes() + parking.memory_bytes(), text + text / 10);
  for (uint64_t n = 0; n < kNames; ++n) ASSERT_EQ(parking.pop(0), name_of_item(n));
  const uint64_t popped = cpu_ns();
  EXPECT_EQ(parking.disk_bytes(), 0U);
  RecordProperty("push_cpu_ns", fmt::format("{}", (pushed - start) / kNames));
  RecordProperty("pop_cpu_ns", fmt::format("{}", (popped - pushed) / kNames));
}

TEST(Parking, uses_the_places_of_the_file_again) {
  const TemporaryFolder folder;
  Parking parking(within(folder, 64'000));
  for (uint64_t n = 0; n < 50'000; ++n) ASSERT_TRUE(parking.push(0, name_of_item(n)));
  const uint64_t before = parking.file_size_bytes();
  for (uint64_t n = 0; n < 500'000; ++n) {
    ASSERT_EQ(parking.pop(0), name_of_item(n));
    ASSERT_TRUE(parking.push(0, name_of_item(n + 50'000)));
  }
  EXPECT_LE(parking.file_size_bytes(), before + before / 10);
}

TEST(Parking, makes_no_file_while_all_fits_and_leaves_none_behind) {
  const TemporaryFolder folder;
  Parking::Options options = within(folder, 1 << 20);
  options.fault = [](std::string_view) {
    ADD_FAILURE() << "the disk was asked";
    return 0;
  };
  {
    Parking parking(options);
    for (uint64_t n = 0; n < 10'000; ++n) ASSERT_TRUE(parking.push(0, name_of_item(n)));
  }
  options.fault = nullptr;
  Parking parking(options);
  for (uint64_t n = 0; n < 100'000; ++n) ASSERT_TRUE(parking.push(0, name_of_item(n)));
  EXPECT_GT(parking.disk_bytes(), 0U);
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

TEST(Parking, is_full_from_its_limit_on_disk_until_names_have_left) {
  const TemporaryFolder folder;
  Parking::Options options = within(folder, 64'000);
  options.file_bytes = 1 << 20;
  Parking parking(options);
  uint64_t in = 0;
  while (!parking.full()) ASSERT_TRUE(parking.push(0, name_of_item(in++)));
  EXPECT_GT(in, 35'000U);
  for (int n = 0; n < 1'000; ++n) ASSERT_TRUE(parking.push(0, name_of_item(in++)));
  uint64_t out = 0;
  while (parking.full()) ASSERT_EQ(parking.pop(0), name_of_item(out++));
  EXPECT_LT(out, 10'000U);
  while (out < in) ASSERT_EQ(parking.pop(0), name_of_item(out++));
}

TEST(Parking, says_what_the_disk_said_and_what_to_do) {
  for (const std::string_view broken : {"create", "write", "read"}) {
    const TemporaryFolder folder;
    Parking::Options options = within(folder, 64'000);
    options.fault = [&](std::string_view operation) { return operation == broken ? ENOSPC : 0; };
    Parking parking(options);
    Parking::Result outcome;
    for (uint64_t n = 0; outcome && n < 20'000; ++n) outcome = parking.push(0, name_of_item(n));
    for (uint64_t n = 0; outcome && n < 20'000; ++n) {
      const auto item = parking.pop(0);
      if (!item) outcome = std::unexpected(item.error());
    }
    ASSERT_FALSE(outcome);
    EXPECT_THAT(outcome.error(), HasSubstr("cannot " + std::string(broken)));
    EXPECT_THAT(outcome.error(), HasSubstr(folder.path() + ": No space left on device"));
  }
}

TEST(Parking, keeps_items_that_are_far_larger_than_a_segment) {
  const TemporaryFolder folder;
  Parking parking(within(folder, 64'000));
  const auto item = [](uint64_t n) {
    return std::string(n * n * 40'000 + n, static_cast<char>('a' + n));
  };
  for (uint64_t n = 0; n < 10; ++n)
    ASSERT_TRUE(parking.push(static_cast<uint32_t>(n % 2), item(n)));
  EXPECT_LE(parking.memory_bytes(), 64'000U + 2 * limits::kSegmentBytes);
  for (uint64_t n = 0; n < 10; ++n)
    ASSERT_EQ(parking.pop(static_cast<uint32_t>(n % 2)), item(n)) << n;
}

TEST(Parking, beside_standard_output_takes_a_folder_for_temporary_files) {
  ::setenv("TMPDIR", "/no/such/folder", 1);
  Parking parking({.memory_bytes = 64'000});
  for (uint64_t n = 0; n < 20'000; ++n) ASSERT_TRUE(parking.push(0, name_of_item(n)));
  for (uint64_t n = 0; n < 20'000; ++n) ASSERT_EQ(parking.pop(0), name_of_item(n));
  ::unsetenv("TMPDIR");
}

}  // namespace
}  // namespace zonesweep::engine::test
