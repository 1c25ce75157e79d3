#include "engine/cached_answer.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

#include "engine/ndjson.h"
#include "protocols/dns/types.h"

namespace zonesweep::engine {
namespace {

// Builds replies by hand: the name is "www.example" at offset 12.
class Reply {
 public:
  explicit Reply(uint16_t type = 1, uint8_t rcode = 0) {
    bytes_.resize(12);
    bytes_[2] = std::byte{0x81};
    bytes_[3] = static_cast<std::byte>(0x80 | rcode);
    bytes_[5] = std::byte{1};
    name("\3www\7example");
    u16(type);
    u16(1);
  }
  Reply& record(int section, const std::string& owner, uint16_t type, uint32_t ttl,
                const std::string& rdata, uint16_t klass = 1) {
    bytes_[6 + 2 * section + 1] =
        static_cast<std::byte>(std::to_integer<int>(bytes_[6 + 2 * section + 1]) + 1);
    if (owner == "@")
      u16(0xc00c);
    else
      name(owner);
    u16(type);
    u16(klass);
    u16(static_cast<uint16_t>(ttl >> 16));
    u16(static_cast<uint16_t>(ttl));
    u16(static_cast<uint16_t>(rdata.size()));
    for (const char c : rdata) bytes_.push_back(static_cast<std::byte>(c));
    return *this;
  }
  Reply& soa(uint32_t ttl, uint32_t minimum) {
    std::string rdata = std::string("\2ns\7example\0\5admin\7example\0", 27);
    for (const uint32_t n : {1U, 2U, 3U, 4U, minimum})
      for (int shift = 24; shift >= 0; shift -= 8) rdata += static_cast<char>(n >> shift);
    return record(1, "\7example", 6, ttl, rdata);
  }
  [[nodiscard]] const std::vector<std::byte>& bytes() const { return bytes_; }

 private:
  void u16(uint16_t n) {
    bytes_.push_back(static_cast<std::byte>(n >> 8));
    bytes_.push_back(static_cast<std::byte>(n));
  }
  void name(const std::string& labels) {
    for (const char c : labels) bytes_.push_back(static_cast<std::byte>(c));
    bytes_.push_back(std::byte{0});
  }
  std::vector<std::byte> bytes_;
};

const std::string kAddress("\x0a\1\2\3", 4);

class CachedAnswerTest : public testing::Test {
 protected:
  DnsRecord record_of(const Reply& reply, uint16_t type = 1) {
    const auto message = dns::Message::parse(reply.bytes());
    EXPECT_TRUE(message);
    const auto summary = message->validate();
    EXPECT_TRUE(summary) << "the test's own message is wrong";
    summary_ = *summary;
    return {.input = "www.example",
            .name = message->question_name(),
            .type = type,
            .status = status_of(*message, *summary),
            .rcode = summary->rcode,
            .message = reply.bytes(),
            .summary = &summary_,
            .server = "192.0.2.1:53",
            .transport = TransportUsed::udp,
            .tries = 2,
            .ts_us = 1'000'000};
  }
  size_t encode(const DnsRecord& record) { return encode_answer(record, value_); }
  bool decode(size_t size, DnsRecord& record, uint32_t now_s = 1'000) {
    return decode_answer({.envelope = {.stored_s = 1'000, .format = kDnsAnswerFormat},
                          .value = std::span<const std::byte>(value_).first(size)},
                         now_s, decoded_, record);
  }
  // The row from the cache equals the row from the network, but for `cached`.
  void expect_same_row(const Reply& reply, uint16_t type = 1) {
    const DnsRecord direct = record_of(reply, type);
    std::string wanted;
    append_ndjson(direct, wanted);
    const size_t size = encode(direct);
    ASSERT_GT(size, 0U);
    EXPECT_LT(size, reply.bytes().size() + 40);
    DnsRecord again{
        .input = direct.input, .name = direct.name, .type = type, .ts_us = direct.ts_us};
    ASSERT_TRUE(decode(size, again));
    std::string row;
    append_ndjson(again, row);
    const auto at = row.find("\"cached\":true");
    ASSERT_NE(at, std::string::npos);
    row.replace(at, 13, "\"cached\":false");
    EXPECT_EQ(row, wanted);
  }

  static LaneCache::Keep how_to_keep(const DnsRecord& record) { return keep_of(record, 1'000); }

  CachedBytes value_;
  DecodedAnswer decoded_;
  dns::Summary summary_;
};

TEST_F(CachedAnswerTest, the_row_from_the_cache_is_the_row_from_the_network) {
  expect_same_row(Reply().record(0, "@", 1, 300, kAddress));
  expect_same_row(Reply().record(0, "@", 1, 300, kAddress).record(0, "@", 1, 300, "\x0a\4\5\6"));
  expect_same_row(Reply(15).record(0, "@", 15, 60, std::string("\0\12\4mail\xc0\x0c", 9)), 15);
  expect_same_row(Reply(1, 3).soa(900, 300));
  expect_same_row(Reply().soa(900, 300));
  expect_same_row(Reply()
                      .record(0, "@", 5, 300, std::string("\3cdn\7example\0", 13))
                      .record(0, "\3cdn\7example", 1, 30, kAddress));
}

TEST_F(CachedAnswerTest, extended_errors_are_shown_from_the_cache_too) {
  expect_same_row(Reply()
                      .record(0, "@", 1, 300, kAddress)
                      .record(2, "", 41, 0, std::string("\0\17\0\4\0\3ok", 8), 1232));
}

TEST_F(CachedAnswerTest, an_opt_that_says_nothing_is_not_kept) {
  const Reply plain = Reply().record(0, "@", 1, 300, kAddress);
  const size_t without = encode(record_of(plain));
  const Reply with = Reply().record(0, "@", 1, 300, kAddress).record(2, "", 41, 0, "", 1232);
  EXPECT_EQ(encode(record_of(with)), without);
}

TEST_F(CachedAnswerTest, foreign_records_never_enter) {
  // Behind all that belongs to the question: cut off.
  const Reply tail =
      Reply().record(0, "@", 1, 300, kAddress).record(2, "\6victim", 1, 300, kAddress);
  const size_t size = encode(record_of(tail));
  ASSERT_GT(size, 0U);
  EXPECT_EQ(std::string_view(reinterpret_cast<const char*>(value_.data()), size).find("victim"),
            std::string_view::npos);
  expect_same_row(tail);
  // In front: the answer is not kept.
  const Reply middle =
      Reply().record(0, "\6victim", 1, 300, kAddress).record(0, "@", 1, 300, kAddress);
  EXPECT_EQ(encode(record_of(middle)), 0U);
}

TEST_F(CachedAnswerTest, times_to_live_shrink_with_age) {
  const Reply reply = Reply().record(0, "@", 1, 300, kAddress);
  const DnsRecord direct = record_of(reply);
  const size_t size = encode(direct);
  DnsRecord again{.name = direct.name, .type = 1};
  ASSERT_TRUE(decode(size, again, 1'100));
  EXPECT_EQ(again.cached_age_s, 100U);
  std::string row;
  append_ndjson(again, row);
  EXPECT_NE(row.find("\"ttl\":200"), std::string::npos) << row;
  ASSERT_TRUE(decode(size, again, 900))
      << "a clock that went back makes no answer younger than new";
  EXPECT_EQ(again.cached_age_s, 0U);
}

TEST_F(CachedAnswerTest, how_long_an_answer_is_kept) {
  EXPECT_EQ(how_to_keep(record_of(Reply().record(0, "@", 1, 300, kAddress))).seconds, 300U);
  EXPECT_EQ(how_to_keep(record_of(Reply().record(0, "@", 1, 0, kAddress))).seconds, 0U);
  EXPECT_EQ(how_to_keep(record_of(Reply().record(0, "@", 1, 0x7fffffff, kAddress))).seconds,
            86'400U);
  EXPECT_EQ(how_to_keep(record_of(Reply().record(0, "@", 1, 0xffffffff, kAddress))).seconds, 0U);
  EXPECT_EQ(how_to_keep(record_of(Reply(1, 3).soa(900, 300))).seconds, 300U);
  EXPECT_EQ(how_to_keep(record_of(Reply(1, 3).soa(100, 300))).seconds, 100U);
  EXPECT_EQ(how_to_keep(record_of(Reply(1, 3).soa(1'000'000, 1'000'000))).seconds, 10'800U);
  EXPECT_EQ(how_to_keep(record_of(Reply(1, 3))).seconds, 0U) << "no SOA, no proof of a time";
  const LaneCache::Keep failure = how_to_keep({.status = Status::servfail});
  EXPECT_EQ(failure.seconds, 5U);
  EXPECT_TRUE(failure.envelope.only_in_memory);
  EXPECT_EQ(how_to_keep({.status = Status::cancelled}).seconds, 0U);
  EXPECT_EQ(how_to_keep({.status = Status::truncated}).seconds, 0U);
}

TEST_F(CachedAnswerTest, bytes_that_are_no_answer_to_the_question_are_refused) {
  const Reply reply = Reply().record(0, "@", 1, 300, kAddress);
  const DnsRecord direct = record_of(reply);
  const size_t size = encode(direct);
  DnsRecord other{.name = direct.name, .type = 15};
  EXPECT_FALSE(decode(size, other)) << "an address is no answer to MX";
  for (size_t cut = 0; cut < size; ++cut) {
    DnsRecord again{.name = direct.name, .type = 1};
    if (decode(cut, again)) {
      EXPECT_EQ(again.message.size(), 0U) << cut;
    }
  }
}

TEST_F(CachedAnswerTest, any_bytes_are_taken_without_harm) {
  const Reply reply = Reply().record(0, "@", 1, 300, kAddress).soa(900, 300);
  const DnsRecord direct = record_of(reply);
  const size_t size = encode(direct);
  const CachedBytes good = value_;
  std::mt19937_64 random(7);
  for (int i = 0; i < 200'000; ++i) {
    value_ = good;
    for (uint64_t flips = 1 + random() % 4; flips > 0; --flips)
      value_[random() % size] = static_cast<std::byte>(random());
    DnsRecord again{.name = direct.name, .type = 1};
    std::string row;
    if (decode(size - random() % 8, again)) append_ndjson(again, row);
  }
}

}  // namespace
}  // namespace zonesweep::engine
