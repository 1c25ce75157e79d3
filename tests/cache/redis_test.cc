#include "cache/redis.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "cache/redis_address.h"
#include "cache/redis_value.h"

namespace zonesweep::cache {
namespace {

using Step = RedisReader::Step;
using Kind = RedisReply::Kind;

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text));
}
std::string text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::string shown(const RedisReader& reader) {
  std::string text;
  for (uint32_t i = 0; i < reader.size(); ++i) {
    const RedisReply part = reader.at(i);
    switch (part.kind) {
      case Kind::nil: text += "nil "; break;
      case Kind::text: text += '"' + std::string(part.text) + "\" "; break;
      case Kind::status: text += '+' + std::string(part.text) + ' '; break;
      case Kind::error: text += '-' + std::string(part.text) + ' '; break;
      case Kind::integer: text += std::to_string(part.integer) + ' '; break;
      case Kind::array: text += '*' + std::to_string(part.elements) + ' '; break;
    }
  }
  return text;
}

// All replies in `bytes`, fed in pieces of `piece`; "broken" where it ends so.
std::vector<std::string> replies(std::string_view text, size_t piece) {
  RedisReader reader;
  std::vector<std::string> all;
  while (!text.empty()) {
    auto bytes = bytes_of(text.substr(0, piece));
    text.remove_prefix(bytes.size());
    Step step = Step::reply;
    while ((step = reader.next(bytes)) == Step::reply) all.push_back(shown(reader));
    EXPECT_TRUE(bytes.empty() || step == Step::broken);
    if (step == Step::broken) {
      EXPECT_EQ(reader.next(bytes), Step::broken) << "it is final";
      all.emplace_back("broken");
      break;
    }
  }
  return all;
}

std::vector<std::string> replies(std::string_view text) {
  const auto whole = replies(text, text.size() + 1);
  for (const size_t piece : {1U, 2U, 3U, 7U}) EXPECT_EQ(replies(text, piece), whole) << piece;
  return whole;
}

TEST(Redis, replies_come_in_order_however_the_bytes_are_cut) {
  EXPECT_THAT(
      replies("+OK\r\n$5\r\nab\r\nc\r\n$-1\r\n:-12\r\n-ERR no\r\n$0\r\n\r\n*-1\r\n"),
      testing::ElementsAre("+OK ", "\"ab\r\nc\" ", "nil ", "-12 ", "-ERR no ", "\"\" ", "nil "));
  EXPECT_THAT(replies("*3\r\n:1\r\n*2\r\n$1\r\na\r\n+b\r\n*0\r\n:7\r\n"),
              testing::ElementsAre("*3 1 *2 \"a\" +b *0 ", "7 "));
}

TEST(Redis, what_is_no_resp2_ends_the_connection_for_good) {
  for (const std::string garbage :
       {"HTTP/1.1 400 Bad Request\r\n", "%1\r\n+a\r\n:1\r\n", "_\r\n", "$-2\r\n", "$x\r\n",
        "*2147483648\r\n", "*99999999999999999999\r\n", "*-2\r\n", "$99999999999999999999\r\n",
        ":1x\r\n", "\r\n", "*40000\r\n"}) {
    EXPECT_THAT(replies(":1\r\n" + garbage), testing::ElementsAre("1 ", "broken")) << garbage;
  }
}

TEST(Redis, nesting_has_an_end) {
  EXPECT_THAT(replies("*1\r\n*1\r\n*1\r\n*1\r\n:1\r\n"), testing::ElementsAre("*1 *1 *1 *1 1 "));
  EXPECT_THAT(replies("*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n:1\r\n"), testing::ElementsAre("broken"));
  std::string deep;
  for (int i = 0; i < 100'000; ++i) deep += "*1\r\n";
  EXPECT_THAT(replies(deep, 4096), testing::ElementsAre("broken"));
}

TEST(Redis, a_reply_without_an_end_is_not_read_for_ever) {
  for (const std::string head : {"+", "$400000\r\n", "*3\r\n$200000\r\n"}) {
    const std::string endless = head + std::string(300'000, 'x');
    EXPECT_THAT(replies(endless, 1'000), testing::ElementsAre("broken")) << head;
  }
  std::string many = "*32768\r\n";
  for (int i = 0; i < 32'768; ++i) many += "*0\r\n";
  EXPECT_THAT(replies(many, 8'192), testing::ElementsAre("broken")) << "one part too many";
}

TEST(Redis, the_largest_value_passes) {
  const std::string value(limits::kRedisValueBytes, 'v');
  const std::string reply = "$" + std::to_string(value.size()) + "\r\n" + value + "\r\n";
  std::string many;
  for (int i = 0; i < 50; ++i) many += reply;
  EXPECT_EQ(replies(many, 1'460).size(), 50U);
  EXPECT_EQ(replies(many, 65'536).size(), 50U);
}

TEST(Redis, errors_have_names) {
  EXPECT_EQ(redis_error("MOVED 3999 127.0.0.1:6381"), RedisError::moved);
  EXPECT_EQ(redis_error("ASK 3999 127.0.0.1:6381"), RedisError::ask);
  EXPECT_EQ(redis_error("TRYAGAIN Multiple keys request"), RedisError::try_again);
  EXPECT_EQ(redis_error("LOADING Redis is loading the dataset in memory"), RedisError::loading);
  EXPECT_EQ(redis_error("READONLY You can't write against a read only replica."),
            RedisError::read_only);
  EXPECT_EQ(redis_error("OOM command not allowed when used memory > 'maxmemory'."),
            RedisError::out_of_memory);
  EXPECT_EQ(redis_error("CLUSTERDOWN Hash slot not served"), RedisError::cluster_down);
  EXPECT_EQ(redis_error("MASTERDOWN Link with MASTER is down"), RedisError::master_down);
  EXPECT_EQ(redis_error("NOAUTH Authentication required."), RedisError::not_allowed);
  EXPECT_EQ(redis_error("WRONGPASS invalid username-password pair"), RedisError::not_allowed);
  EXPECT_EQ(redis_error("ERR unknown command"), RedisError::other);
  EXPECT_EQ(redis_error(""), RedisError::other);
}

TEST(Redis, redirects_name_slot_host_and_port) {
  const auto moved = redis_redirect("MOVED 3999 127.0.0.1:6381");
  ASSERT_TRUE(moved);
  EXPECT_EQ(moved->slot, 3999);
  EXPECT_EQ(moved->host, "127.0.0.1");
  EXPECT_EQ(moved->port, 6381);
  EXPECT_EQ(redis_redirect("ASK 16383 ::1:7000")->host, "::1");
  EXPECT_EQ(redis_redirect("MOVED 0 :7000")->host, "") << "the one that was asked";
  for (const std::string bad : {"MOVED", "MOVED 1", "MOVED 1 a", "MOVED 16384 a:1", "MOVED -1 a:1",
                                "MOVED 1 a:0", "MOVED 1 a:65536", "MOVED 1 a:x", "MOVED x a:1"}) {
    EXPECT_FALSE(redis_redirect(bad)) << bad;
  }
  EXPECT_FALSE(redis_redirect("MOVED 1 " + std::string(300, 'a') + ":1"));
}

std::optional<std::vector<RedisSlotRange>> ranges_of(std::string_view text, RedisReader& reader) {
  auto bytes = bytes_of(text);
  if (reader.next(bytes) != Step::reply) return std::nullopt;
  return redis_slot_ranges(reader);
}

TEST(Redis, slots_are_read_with_replicas_and_metadata_left_out) {
  RedisReader reader;
  const auto ranges = ranges_of(
      "*3\r\n"
      "*4\r\n:0\r\n:5460\r\n"
      "*4\r\n$9\r\n127.0.0.1\r\n:7000\r\n$2\r\nid\r\n*2\r\n$8\r\nhostname\r\n$1\r\nh\r\n"
      "*3\r\n$9\r\n127.0.0.1\r\n:7003\r\n$2\r\nid\r\n"
      "*3\r\n:5461\r\n:10922\r\n*3\r\n$-1\r\n:7001\r\n$2\r\nid\r\n"
      "*3\r\n:10923\r\n:16383\r\n*2\r\n$1\r\n?\r\n:7002\r\n",
      reader);
  ASSERT_TRUE(ranges);
  ASSERT_EQ(ranges->size(), 3U);
  EXPECT_EQ((*ranges)[0].host, "127.0.0.1");
  EXPECT_EQ((*ranges)[0].port, 7000);
  EXPECT_EQ((*ranges)[0].last, 5460);
  EXPECT_EQ((*ranges)[1].host, "");
  EXPECT_EQ((*ranges)[1].port, 7001);
  EXPECT_EQ((*ranges)[2].host, "");
  EXPECT_EQ((*ranges)[2].first, 10923);
}

TEST(Redis, slots_that_make_no_sense_are_none) {
  for (const std::string bad : {"+OK\r\n", "*1\r\n:1\r\n", "*1\r\n*2\r\n:0\r\n:1\r\n",
                                "*1\r\n*3\r\n:0\r\n:16384\r\n*2\r\n$1\r\na\r\n:1\r\n",
                                "*1\r\n*3\r\n:5\r\n:4\r\n*2\r\n$1\r\na\r\n:1\r\n",
                                "*1\r\n*3\r\n:0\r\n:4\r\n*2\r\n:1\r\n:1\r\n",
                                "*1\r\n*3\r\n:0\r\n:4\r\n*2\r\n$1\r\na\r\n:70000\r\n",
                                "*1\r\n*3\r\n:0\r\n:4\r\n*1\r\n$1\r\na\r\n",
                                "*1\r\n*3\r\n:-1\r\n:4\r\n*2\r\n$1\r\na\r\n:1\r\n"}) {
    RedisReader reader;
    EXPECT_FALSE(ranges_of(bad, reader)) << bad;
  }
  RedisReader reader;
  EXPECT_TRUE(ranges_of("*0\r\n", reader)->empty());
}

TEST(Redis, slots_of_keys_are_those_of_the_cluster_specification) {
  EXPECT_EQ(redis_slot("123456789"), 0x31C3);  // CRC-16/XMODEM's check value, below 16,384
  EXPECT_EQ(redis_slot("foo"), 12182);
  EXPECT_EQ(redis_slot(""), 0);
  EXPECT_EQ(redis_slot("{user1000}.following"), redis_slot("user1000"));
  EXPECT_EQ(redis_slot("foo{}{bar}"), redis_slot("foo{}{bar}"));
  EXPECT_EQ(redis_slot("foo{{bar}}zap"), redis_slot("{bar"));
  EXPECT_EQ(redis_slot("foo{bar}{zap}"), redis_slot("bar"));
}

TEST(Redis, commands_are_counted_words) {
  std::string out = "x";
  ASSERT_TRUE(
      append_redis_command({"SET", "k", std::string_view("a\0\r\nb", 5), "PX", "1000"}, out));
  EXPECT_EQ(out,
            std::string(
                "x*5\r\n$3\r\nSET\r\n$1\r\nk\r\n$5\r\na\0\r\nb\r\n$2\r\nPX\r\n$4\r\n1000\r\n", 50));
}

Key key_of(std::string_view name, uint16_t type = 1, uint32_t options = 5, uint64_t seed = 7) {
  Key key;
  EXPECT_TRUE(key.assign({.type = type, .options = options, .name = bytes_of(name)}, seed));
  return key;
}

TEST(RedisValue, the_same_question_has_the_same_key_on_every_machine) {
  const RedisKey key(key_of("\7example\3com"));
  EXPECT_EQ(key.text().substr(0, 4), "zs1:");
  EXPECT_EQ(key.text().size(), 36U);
  EXPECT_EQ(key.text(), RedisKey(key_of("\7EXAMPLE\3com", 1, 5, 99)).text());
  EXPECT_NE(key.text(), RedisKey(key_of("\7example\3com", 2)).text());
  EXPECT_NE(key.text(), RedisKey(key_of("\7example\3com", 1, 6)).text());
  EXPECT_NE(key.text(), RedisKey(key_of("\7example\3con")).text());
}

TEST(RedisValue, only_the_whole_value_of_the_very_question_is_believed) {
  const Key key = key_of("\7example\3com");
  std::string sealed;
  seal_redis_value(key, {.expires_s = 123, .value = bytes_of("the answer")}, sealed);
  const auto opened = open_redis_value(key, sealed);
  ASSERT_TRUE(opened);
  EXPECT_EQ(opened->expires_s, 123U);
  EXPECT_EQ(text_of(opened->value), "the answer");

  EXPECT_FALSE(open_redis_value(key_of("\7example\3net"), sealed));
  EXPECT_FALSE(open_redis_value(key_of("\7example\3com", 28), sealed));
  for (size_t size = 0; size < sealed.size(); ++size)
    EXPECT_FALSE(open_redis_value(key, sealed.substr(0, size))) << size;
  EXPECT_FALSE(open_redis_value(key, sealed + 'x'));
  for (size_t at = 0; at < sealed.size(); ++at) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string changed = sealed;
      changed[at] = static_cast<char>(changed[at] ^ 1 << bit);
      EXPECT_FALSE(open_redis_value(key, changed)) << at << ' ' << bit;
    }
  }
}

TEST(RedisValue, the_format_stays_what_it_is) {
  std::string sealed;
  seal_redis_value(key_of("\1a", 1, 5), {.expires_s = 0x01020304, .value = bytes_of("vv")}, sealed);
  EXPECT_EQ(sealed.substr(0, 34), std::string("zsv1\4\3\2\1\2\0\0\0\2\0\0\0"
                                              "\2\4\1\0\5\0\0\0\1a\0\0\0\0\0\0vv",
                                              34));
  EXPECT_EQ(sealed.size(), 42U);
  EXPECT_EQ(RedisKey(key_of("\1a", 1, 5)).text(), "zs1:c7c196bfa8855402028091222cb46ffb");
}

TEST(RedisValue, the_longest_of_both_fits) {
  const Key key = key_of(std::string(limits::kKeyNameBytes, 'n'));
  const std::string value(limits::kValueBytesMax, 'v');
  std::string sealed;
  seal_redis_value(key, {.value = bytes_of(value)}, sealed);
  EXPECT_LE(sealed.size(), limits::kRedisValueBytes);
  ASSERT_TRUE(open_redis_value(key, sealed));
  EXPECT_EQ(open_redis_value(key, sealed)->value.size(), value.size());
}

TEST(RedisAddress, urls_say_who_where_and_which) {
  const auto plain = RedisAddress::parse("redis://cache.example");
  ASSERT_TRUE(plain);
  EXPECT_EQ(plain->host, "cache.example");
  EXPECT_EQ(plain->port, 6379);
  EXPECT_FALSE(plain->tls);
  const auto full = RedisAddress::parse("rediss://us%65r:p%40s%3as@[2001:db8::1]:7000/3");
  ASSERT_TRUE(full);
  EXPECT_TRUE(full->tls);
  EXPECT_EQ(full->user, "user");
  EXPECT_EQ(full->password, "p@s:s");
  EXPECT_EQ(full->host, "2001:db8::1");
  EXPECT_EQ(full->port, 7000);
  EXPECT_EQ(full->database, 3U);
  EXPECT_EQ(full->shown(), "rediss://[2001:db8::1]:7000/3");
  EXPECT_EQ(RedisAddress::parse("redis://:secret@h/")->password, "secret");
  EXPECT_EQ(RedisAddress::parse("redis://:a@b@h")->password, "a@b");
}

TEST(RedisAddress, what_is_no_url_is_refused_and_secrets_are_not_shown) {
  for (const std::string bad :
       {"", "localhost", "http://h", "redis://", "redis://user@h", "redis://u:@h", "redis://h:0",
        "redis://h:70000", "redis://h:x", "redis://h/x", "redis://h/99999", "redis://[::1",
        "redis://[::1]x", "redis://a b", "redis://u:%zz@h", "redis://u:%4@h", "redis://h:1:2"}) {
    EXPECT_FALSE(RedisAddress::parse(bad)) << bad;
  }
  const auto refused = RedisAddress::parse("redis://me:geheim@h:x");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().find("geheim"), std::string::npos);
  EXPECT_EQ(RedisAddress::parse("redis://me:geheim@h")->shown(), "redis://h:6379");
}

}  // namespace
}  // namespace zonesweep::cache
