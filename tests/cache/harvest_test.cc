#include "cache/harvest.h"

#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <set>
#include <string>
#include <thread>

namespace zonesweep::cache {
namespace {

using namespace std::chrono_literals;

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text));
}
std::string text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

void put(Table& table, Counters& counters, const std::string& name, const std::string& value) {
  Key key;
  ASSERT_TRUE(key.assign({.type = 7, .options = 9, .name = bytes_of(name)}, table.seed()));
  while (table.put(key, bytes_of(value), Instant{} + 1h, Instant{}, counters) ==
         PutResult::gave_up) {
  }
}

TEST(Harvest, hands_out_what_is_new_and_only_that) {
  const auto table = std::move(*Table::create({.bytes = 4 << 20, .seed = 1}));
  Harvest harvest(*table);
  Counters counters;
  std::map<std::string, std::string> seen;
  const auto collect = [&] {
    size_t count = 0;
    harvest.collect([&](const Entry& entry) {
      EXPECT_EQ(entry.question.type, 7);
      EXPECT_EQ(entry.question.options, 9U);
      EXPECT_EQ(entry.expires, Instant{} + 1h);
      seen[text_of(entry.question.name)] = text_of(entry.value);
      ++count;
      return true;
    });
    return count;
  };
  for (int i = 0; i < 5'000; ++i) put(*table, counters, "n" + std::to_string(i), std::to_string(i));
  EXPECT_EQ(collect(), 5'000U);
  EXPECT_EQ(collect(), 0U);
  for (int i = 0; i < 10; ++i) put(*table, counters, "m" + std::to_string(i), std::to_string(i));
  put(*table, counters, "n17", "changed");
  EXPECT_EQ(collect(), 11U);
  EXPECT_EQ(seen["n17"], "changed");
  EXPECT_EQ(seen.size(), 5'010U);
}

TEST(Harvest, misses_nothing_while_lanes_go_on_writing) {
  const auto table = std::move(*Table::create({.bytes = 32 << 20, .seed = 1}));
  std::atomic<bool> done{false};
  constexpr int kEach = 60'000;
  std::thread one([&] {
    Counters counters;
    for (int i = 0; i < kEach; ++i)
      put(*table, counters, "a" + std::to_string(i), "v" + std::to_string(i));
  });
  std::thread two([&] {
    Counters counters;
    for (int i = 0; i < kEach; ++i)
      put(*table, counters, "b" + std::to_string(i), "v" + std::to_string(i));
    done = true;
  });
  Harvest harvest(*table);
  std::set<std::string> seen;
  const auto take = [&](const Entry& entry) {
    const std::string name = text_of(entry.question.name);
    EXPECT_EQ(text_of(entry.value), "v" + name.substr(1));
    EXPECT_TRUE(seen.insert(name).second) << name << " came twice";
    return true;
  };
  while (!done) harvest.collect(take);
  one.join();
  two.join();
  harvest.collect(take);
  EXPECT_EQ(seen.size(), 2 * kEach);
}

}  // namespace
}  // namespace zonesweep::cache
