// Many threads on one table. ZONESWEEP_LONG=1 makes it five minutes instead of a few seconds; the
// sanitizer builds run the very same.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <map>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "cache/table.h"

namespace zonesweep::cache {
namespace {

using namespace std::chrono_literals;

std::chrono::seconds seconds_of_test() {
  return std::getenv("ZONESWEEP_LONG") != nullptr ? 150s : 3s;
}

uint32_t threads_of_test() { return 3 * std::max(2U, std::thread::hardware_concurrency()); }

Key key_of(const Table& table, uint64_t number) {
  const std::string name =
      std::to_string(number);  // binary would have letters in it, and lose their case
  Key key;
  EXPECT_TRUE(key.assign({.type = 1, .name = std::as_bytes(std::span(name))}, table.seed()));
  return key;
}

// A value that says of itself whether it is whole: key, version, length, then words that follow
// from them.
using Buffer = std::array<uint64_t, limits::kValueBytesMax / 8>;

size_t make_value(Buffer& buffer, uint64_t key, uint64_t version, size_t words) {
  buffer[0] = key;
  buffer[1] = version;
  buffer[2] = words;
  uint64_t state = key * 0x9e3779b97f4a7c15 + version;
  for (size_t i = 3; i < words; ++i) buffer[i] = state = state * 6364136223846793005 + 1;
  return words * 8;
}

bool is_whole(const Buffer& buffer, uint64_t key, size_t bytes) {
  if (bytes < 24 || buffer[0] != key || buffer[2] * 8 != bytes) return false;
  uint64_t state = key * 0x9e3779b97f4a7c15 + buffer[1];
  for (size_t i = 3; i < buffer[2]; ++i)
    if (buffer[i] != (state = state * 6364136223846793005 + 1)) return false;
  return true;
}

TEST(TableStress, no_value_is_ever_torn_or_of_another_key) {
  const auto table = std::move(*Table::create({.bytes = 2 << 20, .seed = 3}));
  std::atomic<bool> stop{false};
  std::atomic<uint64_t> torn{0};
  std::atomic<uint64_t> hits{0};
  const auto work = [&](uint32_t thread) {
    std::mt19937_64 random(thread);
    Buffer buffer;
    Counters counters;
    for (uint64_t i = 0; !stop.load(std::memory_order_relaxed); ++i) {
      const uint64_t number = random() % (random() % 2 == 0 ? 50 : 20'000);
      const Key key = key_of(*table, number);
      const Instant now = Instant{} + std::chrono::microseconds(i);
      if (random() % 3 == 0) {
        const size_t words = 3 + random() % (random() % 50 == 0 ? 1'500 : 40);
        const size_t bytes = make_value(buffer, number, random(), words);
        table->put(key, std::as_bytes(std::span(buffer)).first(bytes), now + 1h, now, counters);
      } else {
        Hit hit;
        const auto out = std::as_writable_bytes(std::span(buffer));
        if (table->get(key, now, out, hit, counters) && !is_whole(buffer, number, hit.size)) ++torn;
      }
    }
    hits += counters.hits;
  };
  std::vector<std::thread> threads;
  for (uint32_t i = 0; i < threads_of_test(); ++i) threads.emplace_back(work, i);
  std::this_thread::sleep_for(seconds_of_test());
  stop = true;
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(torn, 0U);
  EXPECT_GT(hits, 1'000U);
  EXPECT_GT(table->counters().evicted, 0U);
}

// Linearizability of each key, as a register that may forget: time stamps come from one counter. A
// get that returned version v must not have begun after a put that replaced v had ended, nor have
// ended before the put of v began. A put that gave up had no effect.
struct Operation {
  uint64_t begin = 0;
  uint64_t end = 0;
  uint64_t version = 0;
};

struct History {  // of one thread
  std::map<uint64_t, std::vector<Operation>> puts;
  std::map<uint64_t, std::vector<Operation>> gets;
};

void run_history(Table& table, uint32_t thread, std::atomic<uint64_t>& clock,
                 const std::atomic<bool>& stop, History& history) {
  constexpr uint64_t kKeys = 8;
  constexpr size_t kOperationsMax = 60'000;
  std::mt19937_64 random(thread);
  Buffer buffer;
  Counters counters;
  uint64_t version = uint64_t{thread} << 40;
  for (size_t i = 0; i < kOperationsMax && !stop; ++i) {
    const uint64_t number = random() % kKeys;
    const Key key = key_of(table, number);
    Operation operation{.begin = clock.fetch_add(1)};
    if (random() % 4 == 0) {
      operation.version = ++version;
      const size_t bytes = make_value(buffer, number, version, 3 + random() % 100);
      const PutResult result = table.put(key, std::as_bytes(std::span(buffer)).first(bytes),
                                         Instant{} + 1h, Instant{}, counters);
      operation.end = clock.fetch_add(1);
      if (result == PutResult::stored) history.puts[number].push_back(operation);
    } else {
      Hit hit;
      const bool found =
          table.get(key, Instant{}, std::as_writable_bytes(std::span(buffer)), hit, counters);
      operation.end = clock.fetch_add(1);
      if (!found) continue;
      EXPECT_TRUE(is_whole(buffer, number, hit.size));
      operation.version = buffer[1];
      history.gets[number].push_back(operation);
    }
    if (random() % 64 == 0) std::this_thread::yield();
  }
}

// For each get of version v there must be no put w with v.end < w.begin and w.end < get.begin: then
// w had replaced v for good. Puts sorted by their end and the greatest begin so far answer that in
// log n.
void check_key(std::vector<Operation> puts, const std::vector<Operation>& gets) {
  std::map<uint64_t, Operation> put_of;
  for (const Operation& put : puts) put_of[put.version] = put;
  std::ranges::sort(puts, {}, &Operation::end);
  std::vector<uint64_t> latest_begin;
  for (const Operation& put : puts)
    latest_begin.push_back(std::max(latest_begin.empty() ? 0 : latest_begin.back(), put.begin));
  for (const Operation& get : gets) {
    ASSERT_TRUE(put_of.contains(get.version)) << "a value that nobody stored";
    const Operation& put = put_of[get.version];
    EXPECT_LT(put.begin, get.end) << "a value before it was put";
    const auto ended =
        std::ranges::lower_bound(puts, get.begin, {}, &Operation::end) - puts.begin();
    if (ended == 0) continue;
    EXPECT_LE(latest_begin[ended - 1], put.end) << "a value after it was replaced";
  }
}

TEST(TableStress, each_key_is_a_linearizable_register_that_may_forget) {
  const auto deadline = std::chrono::steady_clock::now() + seconds_of_test();
  size_t checked = 0;
  for (uint32_t round = 0; round == 0 || std::chrono::steady_clock::now() < deadline; ++round) {
    const auto table = std::move(*Table::create({.bytes = 1 << 20, .seed = round}));
    std::atomic<uint64_t> clock{1};
    std::atomic<bool> stop{false};
    std::vector<History> histories(threads_of_test());
    std::vector<std::thread> threads;
    for (uint32_t i = 0; i < histories.size(); ++i)
      threads.emplace_back([&, i] { run_history(*table, i + 1, clock, stop, histories[i]); });
    for (std::thread& thread : threads) thread.join();
    std::map<uint64_t, History> by_key;
    for (uint64_t key = 0; key < 8; ++key) {
      std::vector<Operation> puts;
      std::vector<Operation> gets;
      for (History& history : histories) {
        puts.insert(puts.end(), history.puts[key].begin(), history.puts[key].end());
        gets.insert(gets.end(), history.gets[key].begin(), history.gets[key].end());
      }
      checked += gets.size();
      check_key(puts, gets);
    }
    if (testing::Test::HasFailure()) break;
  }
  EXPECT_GT(checked, 10'000U);
}

size_t resident_bytes() {
  std::ifstream file("/proc/self/statm");
  size_t total = 0;
  size_t resident = 0;
  file >> total >> resident;
  return resident * 4'096;
}

class TableMemory : public testing::TestWithParam<std::pair<size_t, size_t>> {
};  // shortest, longest

TEST_P(TableMemory, is_the_size_that_was_asked_for_whatever_is_put_in) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "a sanitizer's own memory is not ours to bound";
#endif
  constexpr size_t kBytes = size_t{64} << 20;
  const size_t before = resident_bytes();
  const auto table = std::move(*Table::create({.bytes = kBytes, .seed = 3}));
  EXPECT_LE(table->bytes(), kBytes);
  EXPECT_GE(table->bytes(), kBytes * 95 / 100);
  const auto [shortest, longest] = GetParam();
  static Buffer buffer;
  Counters counters;
  for (uint64_t i = 0, bytes = 0; bytes < 3 * kBytes; ++i) {
    const size_t size = shortest + i % (longest - shortest + 1);
    bytes += size + 40;
    table->put(key_of(*table, i), std::as_bytes(std::span(buffer)).first(size), Instant{} + 1h,
               Instant{}, counters);
  }
  const size_t grown = resident_bytes() - before;
  EXPECT_LE(grown, kBytes * 105 / 100);
  EXPECT_GE(grown, kBytes * 90 / 100);
}

INSTANTIATE_TEST_SUITE_P(Sizes, TableMemory,
                         testing::Values(std::pair{0, 0}, std::pair{1, 100}, std::pair{100, 100},
                                         std::pair{500, 4'000}, std::pair{12'288, 12'288}));

}  // namespace
}  // namespace zonesweep::cache
