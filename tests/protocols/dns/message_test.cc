#include "protocols/dns/message.h"

#include <gtest/gtest.h>

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

}  // namespace
}  // namespace zonesweep::dns
