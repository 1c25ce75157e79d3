#include "cache/table.h"

#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <random>
#include <string>
#include <unordered_map>

namespace zonesweep::cache {
namespace {

using namespace std::chrono_literals;

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text));
}

class TableTest : public testing::Test {
 protected:
  void open(size_t bytes) {
    auto made = Table::create({.bytes = bytes, .start = start, .seed = 7});
    ASSERT_TRUE(made.has_value());
    table = std::move(*made);
  }

  Key key_of(std::string_view name, uint16_t type = 1, uint32_t options = 0,
             Protocol protocol = Protocol::dns) const {
    Key key;
    EXPECT_TRUE(key.assign({protocol, type, options, bytes_of(name)}, table->seed()));
    return key;
  }

  PutResult put(const Key& key, std::string_view value, std::chrono::nanoseconds ttl = 1h) {
    return table->put(key, bytes_of(value), now + ttl, now, counters);
  }

  // "" is "not there"
  std::string get(const Key& key) {
    Hit hit;
    if (!table->get(key, now, buffer, hit, counters)) return "";
    return {reinterpret_cast<const char*>(buffer.data()), hit.size};
  }

  const Instant start = Instant{} + 1'000h;
  Instant now = start;
  std::unique_ptr<Table> table;
  Counters counters;
  alignas(8) std::array<std::byte, limits::kValueBytesMax> buffer;
};

TEST_F(TableTest, gives_back_what_was_put) {
  open(1 << 20);
  for (size_t size = 1; size < 200; ++size) {
    const std::string name = "name" + std::to_string(size);
    ASSERT_EQ(put(key_of(name), std::string(size, 'x')), PutResult::stored);
    EXPECT_EQ(get(key_of(name)), std::string(size, 'x'));
  }
  EXPECT_EQ(counters.hits, 199U);
  EXPECT_EQ(counters.stored, 199U);
  EXPECT_EQ(table->counters().entries, 199U);
}

TEST_F(TableTest, an_empty_value_and_an_empty_name_are_fine) {
  open(1 << 20);
  ASSERT_EQ(put(key_of(""), ""), PutResult::stored);
  Hit hit;
  EXPECT_TRUE(table->get(key_of(""), now, buffer, hit, counters));
  EXPECT_EQ(hit.size, 0U);
}

TEST_F(TableTest, every_part_of_the_key_tells_answers_apart) {
  open(1 << 20);
  put(key_of("a.example", 1, 0), "base");
  put(key_of("a.example", 2, 0), "type");
  put(key_of("a.example", 1, 1), "options");
  put(key_of("a.example", 1, 0, Protocol::whois), "protocol");
  put(key_of("b.example", 1, 0), "name");
  put(key_of(std::string_view("a.example\0", 10), 1, 0), "zero");
  EXPECT_EQ(get(key_of("a.example", 1, 0)), "base");
  EXPECT_EQ(get(key_of("a.example", 2, 0)), "type");
  EXPECT_EQ(get(key_of("a.example", 1, 1)), "options");
  EXPECT_EQ(get(key_of("a.example", 1, 0, Protocol::whois)), "protocol");
  EXPECT_EQ(get(key_of("b.example", 1, 0)), "name");
  EXPECT_EQ(get(key_of(std::string_view("a.example\0", 10), 1, 0)), "zero");
}

TEST_F(TableTest, names_differ_by_more_than_the_case_of_letters) {
  open(1 << 20);
  put(key_of("\3WwW\7eXaMpLe"), "one");
  EXPECT_EQ(get(key_of("\3www\7example")), "one");
  EXPECT_EQ(get(key_of("\3wWw\7exAmple")), "one");
  EXPECT_EQ(get(key_of("\3ww@\7example")), "");  // '@' and '`' differ by the bit of the case, too
  put(key_of("a@"), "at");
  EXPECT_EQ(get(key_of("a`")), "");
  put(key_of("[\\]^_"), "brackets");
  EXPECT_EQ(get(key_of("{|}~\x7f")), "");
  put(key_of("\xc1\xda"), "bytes above 127 are not letters");
  EXPECT_EQ(get(key_of("\xe1\xfa")), "");
}

TEST_F(TableTest, lower_case_is_that_of_each_byte) {
  for (uint64_t byte = 0; byte < 256; ++byte) {
    const uint64_t lower = byte >= 'A' && byte <= 'Z' ? byte + 32 : byte;
    for (int shift = 0; shift < 64; shift += 8) {
      const uint64_t others = 0x5a415aff80417f40 & ~(uint64_t{0xff} << shift);
      const uint64_t others_lower = 0x7a617aff80617f40 & ~(uint64_t{0xff} << shift);
      EXPECT_EQ(lower_case(byte << shift | others), lower << shift | others_lower) << byte;
    }
  }
}

TEST_F(TableTest,
       equal_hashes_do_not_make_equal_names) {  // and so no collision hands out a stranger's answer
  open(1 << 20);
  const Key one = key_of("one.example");
  Key two = key_of("two.example");
  two.collide_with(one);
  ASSERT_EQ(two.hash(), one.hash());
  put(one, "first");
  EXPECT_EQ(get(two), "");
  put(two, "second");
  EXPECT_EQ(get(one), "first");
  EXPECT_EQ(get(two), "second");
}

TEST_F(TableTest, a_name_that_is_too_long_is_no_key) {
  Key key;
  EXPECT_TRUE(key.assign({.name = bytes_of(std::string(limits::kKeyNameBytes, 'a'))}, 0));
  EXPECT_FALSE(key.assign({.name = bytes_of(std::string(limits::kKeyNameBytes + 1, 'a'))}, 0));
}

TEST_F(TableTest, values_up_to_the_limit_fit_and_longer_ones_are_refused) {
  open(1 << 20);
  const std::string name(limits::kKeyNameBytes, 'n');
  const std::string longest(limits::kValueBytesMax, 'v');
  EXPECT_EQ(put(key_of(name), longest), PutResult::stored);
  EXPECT_EQ(get(key_of(name)), longest);
  EXPECT_EQ(put(key_of("x"), longest + "v"), PutResult::too_large);
  EXPECT_EQ(counters.too_large, 1U);
}

TEST_F(TableTest, an_entry_is_not_served_at_or_after_its_expiry) {
  open(1 << 20);
  put(key_of("a"), "value", 10s);
  now = start + 9'999ms - limits::kExpiryStep;
  EXPECT_EQ(get(key_of("a")), "value");
  now = start + 10s;
  EXPECT_EQ(get(key_of("a")), "");
  EXPECT_EQ(counters.expired, 1U);
  EXPECT_EQ(put(key_of("b"), "value", 0s), PutResult::expired);
  EXPECT_EQ(put(key_of("b"), "value", -5s), PutResult::expired);
}

TEST_F(TableTest, a_hit_tells_when_it_expires) {
  open(1 << 20);
  now += 1'234ms;
  put(key_of("a"), "value", 300s);
  Hit hit;
  ASSERT_TRUE(table->get(key_of("a"), now, buffer, hit, counters));
  EXPECT_LE(hit.expires, now + 300s);
  EXPECT_GT(hit.expires, now + 300s - limits::kExpiryStep);
}

TEST_F(TableTest, the_newest_value_wins) {
  open(1 << 20);
  for (int i = 0; i < 100'000; ++i) {
    const std::string value = std::to_string(i) + std::string(i % 50, '.');
    ASSERT_EQ(put(key_of("k" + std::to_string(i % 3)), value), PutResult::stored);
    ASSERT_EQ(get(key_of("k" + std::to_string(i % 3))), value);
  }
  EXPECT_EQ(table->counters().entries, 3U);
}

// What the table still knows must be what was put last, and not expired: it may forget, not invent.
TEST_F(TableTest, agrees_with_a_map_on_everything_it_remembers) {
  open(1 << 20);
  struct Known {
    std::string value;
    Instant expires;
  };
  std::unordered_map<std::string, Known> model;
  std::mt19937_64 random(42);
  uint64_t remembered = 0;
  for (int i = 0; i < 400'000; ++i) {
    const std::string name = "n" + std::to_string(random() % (random() % 2 == 0 ? 100 : 30'000));
    now += std::chrono::microseconds(random() % 2'000);
    if (random() % 3 == 0) {
      const std::string value(random() % (random() % 100 == 0 ? 9'000 : 300),
                              static_cast<char>('a' + i % 26));
      const auto ttl = std::chrono::seconds(1 + random() % 100);
      if (put(key_of(name), value, ttl) == PutResult::stored) model[name] = {value, now + ttl};
    } else {
      Hit hit;
      if (!table->get(key_of(name), now, buffer, hit, counters)) continue;
      ++remembered;
      ASSERT_TRUE(model.contains(name));
      ASSERT_EQ(std::string_view(reinterpret_cast<const char*>(buffer.data()), hit.size),
                model[name].value);
      ASSERT_LT(now, model[name].expires);
    }
  }
  EXPECT_GT(remembered, 10'000U);
  EXPECT_GT(table->counters().evicted, 0U);
  EXPECT_GT(table->counters().expired, 0U);
}

TEST_F(TableTest, holds_most_of_what_its_size_promises) {
  open(16 << 20);
  const std::string value(100, 'v');
  const uint32_t n =
      16 * 1024 * 1024 / 180;  // 136 in the log; index, history and slack are the rest
  for (uint32_t i = 0; i < n; ++i) put(key_of("host" + std::to_string(i)), value);
  uint32_t found = 0;
  for (uint32_t i = 0; i < n; ++i) found += get(key_of("host" + std::to_string(i))) == value;
  EXPECT_GE(found, n * 99 / 100);
}

TEST_F(TableTest, a_hot_set_survives_a_scan) {
  open(4 << 20);
  const std::string value(100, 'v');
  constexpr int kHot = 5'000;
  const auto use_hot_set = [&] {
    int found = 0;
    for (int i = 0; i < kHot; ++i) {
      const Key key = key_of("hot" + std::to_string(i));
      if (get(key) == value)
        ++found;
      else
        put(key, value);
    }
    return found;
  };
  for (int i = 0; i < 4; ++i) use_hot_set();
  for (int i = 0; i < 500'000; ++i) put(key_of("cold" + std::to_string(i)), value);
  EXPECT_GE(use_hot_set(), kHot * 9 / 10);
}

TEST_F(TableTest, takes_new_entries_even_if_all_old_ones_are_in_use) {
  open(1 << 20);
  const std::string value(100, 'v');
  for (int i = 0; i < 50'000; ++i) {
    put(key_of("n" + std::to_string(i)), value);
    for (int j = 0; j < 3; ++j) get(key_of("n" + std::to_string(i)));
  }
  EXPECT_GT(counters.stored, 45'000U);
  EXPECT_EQ(counters.stored + counters.no_room, 50'000U);
}

TEST_F(TableTest, entries_equal_hits_in_the_end) {  // the counter neither leaks nor drifts
  open(1 << 20);
  std::mt19937_64 random(1);
  for (int i = 0; i < 200'000; ++i)
    put(key_of("n" + std::to_string(random() % 20'000)), std::string(random() % 400, 'x'));
  uint64_t found = 0;
  Hit hit;
  for (int i = 0; i < 20'000; ++i)
    found += table->get(key_of("n" + std::to_string(i)), now, buffer, hit, counters);
  EXPECT_EQ(table->counters().entries, found);
}

}  // namespace
}  // namespace zonesweep::cache
