#include "protocols/dns/message.h"

#include <gtest/gtest.h>

#include <vector>

#include "tests/protocols/dns/message_bytes.h"

namespace zonesweep::dns {
namespace {

using testing::Bytes;
using testing::kQuestionAt;
using testing::kReply;

Bytes address() { return Bytes{}.u32(0x0A010203); }

std::expected<Summary, Error> validate(const Bytes& bytes) {
  const auto message = Message::parse(bytes.span());
  if (!message) return std::unexpected(message.error());
  return message->validate();
}

TEST(Message, shows_header_and_question) {
  const Bytes bytes = Bytes{}.header(0x85B3, 1, 0).question("www.Example", type::kMx);
  const auto message = Message::parse(bytes.span());
  ASSERT_TRUE(message);
  EXPECT_EQ(message->id(), 0x1234);
  EXPECT_TRUE(message->is_reply());
  EXPECT_TRUE(message->authoritative());
  EXPECT_FALSE(message->truncated());
  EXPECT_TRUE(message->recursion_desired());
  EXPECT_TRUE(message->recursion_available());
  EXPECT_TRUE(message->authentic_data());
  EXPECT_TRUE(message->checking_disabled());
  EXPECT_FALSE(message->reserved_bit());
  EXPECT_EQ(message->header_rcode(), rcode::kNxDomain);
  EXPECT_EQ(message->opcode(), 0);
  EXPECT_EQ(message->question_type(), type::kMx);
  EXPECT_EQ(message->question_class(), klass::kIn);
  EXPECT_EQ(Name(message->question_name()), *Name::from_text("www.example"));
}

TEST(Message, of_one_question_and_one_answer_is_validated) {
  const Bytes bytes = Bytes{}
                          .header(kReply, 1, 1, 0, 1)
                          .question("www.example", type::kA)
                          .pointer(kQuestionAt)
                          .record(type::kA, 300, address())
                          .name("")
                          .u16(type::kOpt)
                          .u16(1232)
                          .u32(0x00008000)
                          .u16(0);
  const auto summary = validate(bytes);
  ASSERT_TRUE(summary);
  EXPECT_TRUE(summary->has_answer);
  EXPECT_EQ(summary->chain, Chain::none);
  EXPECT_EQ(summary->answer_ttl, 300u);
  EXPECT_EQ(summary->unrelated, 0);
  EXPECT_TRUE(summary->edns.present);
  EXPECT_TRUE(summary->edns.dnssec_ok);
  EXPECT_EQ(summary->edns.udp_payload, 1232);
}

TEST(Message, without_a_question_is_representable) {
  const Bytes bytes = Bytes{}.header(0x8001, 0, 0);
  const auto message = Message::parse(bytes.span());
  ASSERT_TRUE(message);
  EXPECT_FALSE(message->has_question());
  EXPECT_TRUE(message->question_name().empty());
  EXPECT_EQ(message->question_type(), 0);
  EXPECT_EQ(message->validate()->rcode, rcode::kFormErr);
}

TEST(Message, of_less_than_a_header_or_a_cut_question_is_truncated) {
  const Bytes whole = Bytes{}.header(kReply, 1, 0).question("www.example", type::kA);
  for (size_t size = 0; size < whole.size(); ++size) {
    EXPECT_EQ(Message::parse(whole.span().first(size)).error(), Error::truncated) << size;
  }
  EXPECT_TRUE(Message::parse(whole.span()));
}

TEST(Message, with_more_than_one_question_is_refused) {
  Bytes bytes = Bytes{}.header(kReply, 2, 0).question("a", type::kA).question("b", type::kA);
  EXPECT_EQ(Message::parse(bytes.span()).error(), Error::bad_question);
  EXPECT_EQ(Message::parse(Bytes{}.header(kReply, 0xFFFF, 0).span()).error(), Error::bad_question);
}

TEST(Message, with_a_compressed_question_is_refused) {
  const Bytes bytes = Bytes{}.header(kReply, 1, 0).pointer(12).u16(1).u16(1);
  EXPECT_EQ(Message::parse(bytes.span()).error(), Error::bad_pointer);
}

TEST(Message, cut_anywhere_is_refused_and_never_read_behind_its_end) {
  const Bytes whole = Bytes{}
                          .header(kReply, 1, 2, 1, 1)
                          .question("www.example", type::kA)
                          .pointer(kQuestionAt)
                          .record(type::kCname, 60, Bytes{}.name("x.example"))
                          .name("x.example")
                          .record(type::kA, 60, address())
                          .pointer(16)
                          .record(type::kNs, 60, Bytes{}.labels("ns").pointer(16))
                          .name("")
                          .record(type::kOpt, 0, Bytes{}.u16(15).u16(2).u16(3));
  ASSERT_TRUE(validate(whole));
  for (size_t size = 0; size < whole.size(); ++size) {
    const auto cut = std::vector<std::byte>(whole.span().begin(), whole.span().begin() + size);
    const auto message = Message::parse(cut);
    if (!message) continue;
    EXPECT_FALSE(message->validate()) << size;
    size_t records = 0;
    for (const Record& record : message->records()) records += record.rdata_size <= size ? 1 : 0;
    EXPECT_LT(records, 4u);
  }
}

TEST(Message, whose_counts_promise_more_than_there_is_is_refused) {
  const Bytes bytes = Bytes{}
                          .header(kReply, 1, 5)
                          .question("www.example", type::kA)
                          .pointer(kQuestionAt)
                          .record(type::kA, 60, address());
  EXPECT_EQ(validate(bytes).error(), Error::truncated);
}

TEST(Message, ignores_bytes_behind_its_last_record) {
  Bytes bytes = Bytes{}.header(kReply, 1, 0).question("www.example", type::kA).raw("junk");
  EXPECT_TRUE(validate(bytes));
}

TEST(Message, whose_rdlength_lies_is_refused) {
  const auto with_length = [](unsigned length) {
    return Bytes{}
        .header(kReply, 1, 1)
        .question("www.example", type::kA)
        .pointer(kQuestionAt)
        .u16(type::kA)
        .u16(klass::kIn)
        .u32(60)
        .u16(length)
        .u32(0x0A010203)
        .u32(0);
  };
  EXPECT_TRUE(validate(with_length(4)));
  for (const unsigned length : {0u, 3u, 5u, 8u}) {
    EXPECT_EQ(validate(with_length(length)).error(), Error::bad_rdata) << length;
  }
  for (const unsigned length : {9u, 32'768u, 65'535u}) {
    EXPECT_EQ(validate(with_length(length)).error(), Error::truncated) << length;
  }
}

TEST(Message, with_too_many_records_is_refused_before_they_are_read) {
  Bytes bytes = Bytes{}.header(kReply, 1, limits::kMessageRecords + 1).question("a", type::kA);
  EXPECT_EQ(validate(bytes).error(), Error::too_many_records);
  bytes = Bytes{}.header(kReply, 1, 1, limits::kMessageRecords).question("a", type::kA);
  bytes.pointer(kQuestionAt).record(type::kA, 1, address());
  EXPECT_EQ(validate(bytes).error(), Error::too_many_records);
  bytes = Bytes{}.header(kReply, 1, 0xFFFF, 0xFFFF, 0xFFFF).question("a", type::kA);
  EXPECT_EQ(validate(bytes).error(), Error::too_many_records);
}

TEST(Message, iterates_no_further_than_its_bounds_even_when_not_validated) {
  Bytes bytes = Bytes{}.header(kReply, 1, 0xFFFF, 0xFFFF, 0xFFFF).question("a", type::kA);
  for (int i = 0; i < 3'000; ++i) bytes.pointer(kQuestionAt).record(type::kA, 1, address());
  size_t records = 0;
  for (const Record& record : Message::parse(bytes.span())->records()) {
    EXPECT_EQ(record.section, Section::answer);
    ++records;
  }
  EXPECT_EQ(records, limits::kMessageRecords);
}

TEST(Message, tells_the_sections_of_its_records_apart) {
  const Bytes bytes = Bytes{}
                          .header(kReply, 1, 1, 0, 2)
                          .question("a", type::kA)
                          .pointer(kQuestionAt)
                          .record(type::kA, 0x80000000, address())
                          .pointer(kQuestionAt)
                          .record(type::kA, 7, address())
                          .pointer(kQuestionAt)
                          .record(type::kTxt, 7, Bytes{}.u8(0));
  std::vector<Record> records;
  for (const Record& record : Message::parse(bytes.span())->records()) records.push_back(record);
  ASSERT_EQ(records.size(), 3u);
  EXPECT_EQ(records[0].section, Section::answer);
  EXPECT_EQ(records[0].ttl(), 0u);  // RFC 2181 section 8
  EXPECT_EQ(records[1].section, Section::additional);
  EXPECT_EQ(records[2].type, type::kTxt);
}

Bytes with_opt(const Bytes& options, unsigned extended_rcode = 0, unsigned version = 0) {
  return Bytes{}
      .header(kReply, 1, 0, 0, 1)
      .question("a", type::kA)
      .name("")
      .u16(type::kOpt)
      .u16(4096)
      .u8(extended_rcode)
      .u8(version)
      .u16(0)
      .u16(static_cast<unsigned>(options.size()))
      .raw(options.span());
}

TEST(Edns, extends_the_rcode_to_twelve_bits) {
  const auto summary = validate(with_opt({}, 1, 5));
  EXPECT_EQ(summary->rcode, rcode::kBadVers);
  EXPECT_EQ(summary->edns.version, 5);
  EXPECT_EQ(validate(with_opt({}, 0xFF))->rcode, 0xFF0);
}

TEST(Edns, counts_extended_errors_and_finds_the_cookie) {
  const Bytes cookie = Bytes{}.raw("clientidserverid");
  const auto summary = validate(with_opt(Bytes{}
                                             .u16(15)
                                             .u16(2)
                                             .u16(22)
                                             .u16(10)
                                             .u16(16)
                                             .raw(cookie.span())
                                             .u16(15)
                                             .u16(5)
                                             .u16(3)
                                             .raw("old")));
  ASSERT_TRUE(summary);
  EXPECT_EQ(summary->edns.extended_errors, 2);
  EXPECT_EQ(summary->edns.cookie_size, 16);
}

TEST(Edns, takes_a_cookie_of_an_impossible_size_for_none) {
  for (const unsigned size : {0u, 7u, 9u, 15u, 41u}) {
    const Bytes bytes = with_opt(Bytes{}.u16(10).u16(size).raw(std::string(size, 'c')));
    EXPECT_EQ(validate(bytes)->edns.cookie_size, 0) << size;
  }
  for (const unsigned size : {8u, 16u, 40u}) {
    const Bytes bytes = with_opt(Bytes{}.u16(10).u16(size).raw(std::string(size, 'c')));
    EXPECT_EQ(validate(bytes)->edns.cookie_size, size);
  }
}

TEST(Edns, takes_a_thousand_unknown_options) {
  Bytes options;
  for (unsigned i = 0; i < 1'000; ++i) options.u16(60'000 + i).u16(0);
  EXPECT_TRUE(validate(with_opt(options)));
  Bytes errors;
  for (unsigned i = 0; i < 1'000; ++i) errors.u16(15).u16(2).u16(i);
  EXPECT_EQ(validate(with_opt(errors))->edns.extended_errors, 255);
}

TEST(Edns, refuses_options_that_do_not_fill_the_rdata) {
  EXPECT_EQ(validate(with_opt(Bytes{}.u16(15).u16(3).u16(0))).error(), Error::bad_opt);
  EXPECT_EQ(validate(with_opt(Bytes{}.u16(15))).error(), Error::bad_opt);
  EXPECT_EQ(validate(with_opt(Bytes{}.u16(60'000).u16(0xFFFF).raw("x"))).error(), Error::bad_opt);
}

TEST(Edns, refuses_a_second_opt_and_one_in_another_section_or_with_an_owner) {
  const auto opt = [](Bytes bytes) { return bytes.name("").record(type::kOpt, 0, {}); };
  EXPECT_EQ(validate(opt(opt(Bytes{}.header(kReply, 1, 0, 0, 2).question("a", 1)))).error(),
            Error::bad_opt);
  EXPECT_EQ(validate(opt(Bytes{}.header(kReply, 1, 1).question("a", 1))).error(), Error::bad_opt);
  EXPECT_EQ(validate(opt(Bytes{}.header(kReply, 1, 0, 1).question("a", 1))).error(),
            Error::bad_opt);
  EXPECT_EQ(
      validate(
          Bytes{}.header(kReply, 1, 0, 0, 1).question("a", 1).name("a").record(type::kOpt, 0, {}))
          .error(),
      Error::bad_opt);
}

Match match(const Bytes& reply, std::string_view name, uint16_t type = type::kA) {
  const Name asked = *Name::from_text(name);
  return match_reply({asked, type, 0x1234}, *Message::parse(reply.span()));
}

TEST(Match, compares_id_qr_opcode_and_question) {
  const Bytes reply = Bytes{}.header(kReply, 1, 0).question("WWW.example", type::kA);
  EXPECT_EQ(match(reply, "www.EXAMPLE"), Match::match);
  EXPECT_EQ(match(reply, "www.example", type::kAaaa), Match::wrong_question);
  EXPECT_EQ(match(reply, "ww.example"), Match::wrong_question);
  EXPECT_EQ(match(Bytes{}.header(0x0100, 1, 0).question("a", 1), "a"), Match::not_a_reply);
  EXPECT_EQ(match(Bytes{}.header(0xA980, 1, 0).question("a", 1), "a"), Match::wrong_opcode);
  EXPECT_EQ(match(Bytes{}.header(kReply, 1, 0).name("a").u16(1).u16(3), "a"),
            Match::wrong_question);
  Bytes other_id = reply;
  other_id.octets()[1] = std::byte{0x35};
  EXPECT_EQ(match(other_id, "www.example"), Match::wrong_id);
}

TEST(Match, takes_a_missing_question_only_from_a_server_that_could_not_or_would_not_read_it) {
  for (const unsigned code : {1u, 4u, 5u}) {
    EXPECT_EQ(match(Bytes{}.header(0x8000 | code, 0, 0), "a"), Match::match) << code;
  }
  for (const unsigned code : {0u, 2u, 3u, 9u}) {
    EXPECT_EQ(match(Bytes{}.header(0x8000 | code, 0, 0), "a"), Match::no_question) << code;
  }
}

}  // namespace
}  // namespace zonesweep::dns
