#include "protocols/dns/writer.h"

#include <gtest/gtest.h>

#include <vector>

#include "protocols/dns/query.h"
#include "protocols/dns/rdata.h"

namespace zonesweep::dns {
namespace {

const Name kName = *Name::from_text("www.Example.test");

std::vector<std::string> records_of(std::span<const std::byte> bytes) {
  std::vector<std::string> lines;
  const auto message = Message::parse(bytes);
  EXPECT_TRUE(message);
  EXPECT_TRUE(message->validate());
  for (const Record& record : message->records()) {
    std::string line;
    append_name_text_at(message->bytes(), record.owner, line);
    line += ' ';
    append_type_text(record.type, line);
    line += ' ';
    append_rdata_text(*message, record, line);
    lines.push_back(line);
  }
  return lines;
}

TEST(Query, is_a_message_with_one_question_and_an_opt) {
  std::array<std::byte, limits::kQueryBytes> out;
  const Query query{.name = kName,
                    .type = type::kMx,
                    .id = 0xBEEF,
                    .checking_disabled = true,
                    .dnssec_ok = true,
                    .udp_payload = 1400};
  const size_t size = write_query(query, out);
  EXPECT_EQ(size, query_bytes(query));
  const auto message = Message::parse(std::span(out).first(size));
  ASSERT_TRUE(message);
  EXPECT_EQ(message->id(), 0xBEEF);
  EXPECT_FALSE(message->is_reply());
  EXPECT_TRUE(message->recursion_desired());
  EXPECT_TRUE(message->checking_disabled());
  EXPECT_EQ(message->question_type(), type::kMx);
  EXPECT_TRUE(std::ranges::equal(message->question_name(), kName.wire()));
  const auto summary = message->validate();
  ASSERT_TRUE(summary);
  EXPECT_TRUE(summary->edns.present);
  EXPECT_TRUE(summary->edns.dnssec_ok);
  EXPECT_EQ(summary->edns.udp_payload, 1400);
}

TEST(Query, carries_a_cookie_or_no_opt_at_all) {
  std::array<std::byte, limits::kQueryBytes> out;
  const std::array<std::byte, 24> cookie{};
  const Query with{.name = kName, .cookie = cookie};
  const size_t size = write_query(with, out);
  ASSERT_EQ(size, query_bytes(with));
  EXPECT_EQ(Message::parse(std::span(out).first(size))->validate()->edns.cookie_size, 24);
  const Query without{.name = kName, .edns = false};
  const size_t plain = write_query(without, out);
  EXPECT_EQ(plain, limits::kHeaderBytes + kName.wire().size() + 4);
  EXPECT_FALSE(Message::parse(std::span(out).first(plain))->validate()->edns.present);
}

TEST(Query, that_does_not_fit_is_not_written) {
  std::array<std::byte, 20> out;
  EXPECT_EQ(write_query({.name = kName}, out), 0u);
}

TEST(Writer, compresses_owners_against_the_question_and_each_other) {
  std::array<std::byte, 512> out;
  MessageWriter writer{out};
  writer.header({.id = 1, .recursion_available = true});
  ASSERT_TRUE(writer.question(kName, type::kA));
  const size_t before = writer.written().size();
  const std::array<std::byte, 4> address{std::byte{10}};
  const Name below = *Name::from_text("a.EXAMPLE.test");
  const Name other = *Name::from_text("other");
  EXPECT_TRUE(writer.record(Section::answer, {kName, type::kA, 60, address}));
  EXPECT_EQ(writer.written().size(), before + 16);
  EXPECT_TRUE(writer.record(Section::answer, {below, type::kA, 60, address}));
  EXPECT_EQ(writer.written().size(), before + 16 + 18);
  EXPECT_TRUE(writer.record(Section::authority, {other, type::kA, 60, address}));
  EXPECT_TRUE(writer.record(Section::additional, {other, type::kA, 60, address}));
  EXPECT_EQ(writer.written().size(), before + 16 + 18 + 21 + 16);
  EXPECT_EQ(records_of(writer.written()),
            (std::vector<std::string>{"www.Example.test. A 10.0.0.0", "a.Example.test. A 10.0.0.0",
                                      "other. A 10.0.0.0", "other. A 10.0.0.0"}));
}

TEST(Writer, does_not_take_the_middle_of_a_label_for_a_name) {
  std::array<std::byte, 512> out;
  MessageWriter writer{out};
  writer.header({});
  // The octets of "b" stand at the end of the label, with what looks like its length before them.
  ASSERT_TRUE(writer.question(*Name::from_text("a\\001b"), type::kA));
  const std::array<std::byte, 4> address{};
  EXPECT_TRUE(writer.record(Section::answer, {*Name::from_text("b"), type::kA, 60, address}));
  EXPECT_EQ(records_of(writer.written()), (std::vector<std::string>{"b. A 0.0.0.0"}));
}

TEST(Writer, echoes_a_query) {
  std::array<std::byte, limits::kQueryBytes> query;
  const size_t size = write_query({.name = kName, .id = 77, .checking_disabled = true}, query);
  std::array<std::byte, 512> out;
  MessageWriter writer{out};
  ASSERT_TRUE(writer.reply_to(*Message::parse(std::span(query).first(size)),
                              {.rcode = rcode::kBadVers, .authoritative = true}));
  ASSERT_TRUE(writer.answer_a(0x0A010203, 300));
  ASSERT_TRUE(writer.opt({.version = 0}));
  const auto message = *Message::parse(writer.written());
  EXPECT_EQ(match_reply({kName, type::kA, 77}, message), Match::match);
  EXPECT_TRUE(message.authoritative());
  EXPECT_TRUE(message.recursion_desired());
  EXPECT_TRUE(message.checking_disabled());
  EXPECT_EQ(message.validate()->rcode, rcode::kBadVers);
  EXPECT_EQ(records_of(writer.written())[0], "www.Example.test. A 10.1.2.3");
}

TEST(Writer, truncates_to_the_question) {
  std::array<std::byte, 64> out;
  MessageWriter writer{out};
  writer.header({.recursion_available = true});
  ASSERT_TRUE(writer.question(kName, type::kA));
  EXPECT_TRUE(writer.answer_a(1, 1));
  EXPECT_FALSE(writer.answer_a(2, 1));
  EXPECT_TRUE(writer.overflowed());
  writer.truncate();
  EXPECT_FALSE(writer.overflowed());
  EXPECT_TRUE(writer.opt({}));
  const auto message = *Message::parse(writer.written());
  EXPECT_TRUE(message.truncated());
  EXPECT_TRUE(message.recursion_available());
  EXPECT_EQ(message.count(Section::answer), 0);
  EXPECT_TRUE(message.validate()->edns.present);
}

}  // namespace
}  // namespace zonesweep::dns
