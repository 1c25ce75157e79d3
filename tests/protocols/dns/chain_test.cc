#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "protocols/dns/message.h"
#include "protocols/dns/relevance.h"
#include "tests/protocols/dns/message_bytes.h"

namespace zonesweep::dns {
namespace {

using testing::Bytes;
using testing::kReply;

// A message from lines "owner type rdata"; rdata is a name, or an address that does not matter.
struct Line {
  Section section;
  const char* owner;
  uint16_t type;
  const char* target;
  uint32_t ttl = 60;
};

Bytes soa_rdata() { return Bytes{}.name("ns").name("host").u32(1).u32(2).u32(3).u32(4).u32(900); }

Bytes rdata_of(const Line& line) {
  switch (line.type) {
    case type::kA: return Bytes{}.u32(0x0A010203);
    case type::kAaaa: return Bytes{}.raw(std::string(16, 'a'));
    case type::kMx: return Bytes{}.u16(10).name(line.target);
    case type::kSoa: return soa_rdata();
    case type::kTxt: return Bytes{}.u8(1).raw("x");
    case type::kNsec: return Bytes{}.name(line.target).raw(std::string_view("\0\1\x40", 3));
    default: return Bytes{}.name(line.target);
  }
}

struct Reply {
  Bytes bytes;
  Summary summary;
  std::vector<bool> related;
};

Reply reply_of(std::string_view question, uint16_t question_type, const std::vector<Line>& lines,
               unsigned flags = kReply) {
  std::array<unsigned, 3> counts{};
  for (const Line& line : lines) ++counts[static_cast<size_t>(line.section)];
  Reply reply;
  reply.bytes.header(flags, 1, counts[0], counts[1], counts[2]).question(question, question_type);
  for (const Line& line : lines) {
    reply.bytes.name(line.owner).record(line.type, line.ttl, rdata_of(line));
  }
  const auto message = *Message::parse(reply.bytes.span());
  const auto summary = message.validate();
  EXPECT_TRUE(summary);
  reply.summary = *summary;
  Relevance relevance{message, reply.summary};
  for (const Record& record : message.records()) reply.related.push_back(relevance.related(record));
  return reply;
}

constexpr auto kAnswer = Section::answer;
constexpr auto kAuthority = Section::authority;
constexpr auto kAdditional = Section::additional;

TEST(Chain, is_followed_to_its_end) {
  const Reply reply = reply_of("a", type::kA,
                               {{kAnswer, "a", type::kCname, "b", 50},
                                {kAnswer, "B", type::kCname, "c", 40},
                                {kAnswer, "c", type::kA, "", 30}});
  EXPECT_TRUE(reply.summary.has_answer);
  EXPECT_EQ(reply.summary.chain, Chain::chain);
  EXPECT_EQ(reply.summary.chain_links, 2);
  EXPECT_EQ(reply.summary.answer_ttl, 30u);
  EXPECT_EQ(reply.summary.unrelated, 0);
}

TEST(Chain, may_stand_in_any_order) {
  const Reply reply = reply_of("a", type::kA,
                               {{kAnswer, "c", type::kA, ""},
                                {kAnswer, "b", type::kCname, "c"},
                                {kAnswer, "a", type::kCname, "b"}});
  EXPECT_TRUE(reply.summary.has_answer);
  EXPECT_EQ(reply.summary.unrelated, 0);
}

TEST(Chain, that_ends_without_the_type_has_no_answer) {
  const Reply reply = reply_of("a", type::kA, {{kAnswer, "a", type::kCname, "b"}});
  EXPECT_FALSE(reply.summary.has_answer);
  EXPECT_EQ(reply.summary.chain, Chain::chain);
}

TEST(Chain, is_not_followed_when_the_cname_itself_was_asked_for) {
  for (const uint16_t asked : {type::kCname, type::kAny}) {
    const Reply reply = reply_of("a", asked, {{kAnswer, "a", type::kCname, "b"}});
    EXPECT_TRUE(reply.summary.has_answer);
    EXPECT_EQ(reply.summary.chain_links, 0);
  }
}

TEST(Chain, that_returns_to_a_name_of_its_own_is_a_loop) {
  EXPECT_EQ(reply_of("a", type::kA, {{kAnswer, "a", type::kCname, "A"}}).summary.chain,
            Chain::loop);
  const Reply cross = reply_of(
      "a", type::kA, {{kAnswer, "a", type::kCname, "b"}, {kAnswer, "b", type::kCname, "a"}});
  EXPECT_EQ(cross.summary.chain, Chain::loop);
  EXPECT_FALSE(cross.summary.has_answer);
}

TEST(Chain, of_eleven_links_is_followed_and_of_twelve_is_too_long) {
  for (const size_t links : {11u, 12u, 40u}) {
    std::vector<std::string> names;
    for (size_t i = 0; i <= links; ++i) names.push_back("n" + std::to_string(i));
    std::vector<Line> lines;
    for (size_t i = 0; i < links; ++i) {
      lines.push_back({kAnswer, names[i].c_str(), type::kCname, names[i + 1].c_str()});
    }
    lines.push_back({kAnswer, names[links].c_str(), type::kA, ""});
    const Summary summary = reply_of("n0", type::kA, lines).summary;
    EXPECT_EQ(summary.chain, links == 11 ? Chain::chain : Chain::too_long) << links;
    EXPECT_EQ(summary.has_answer, links == 11) << links;
  }
}

TEST(Chain, prefers_the_answer_to_a_cname_beside_it) {
  const Reply reply =
      reply_of("a", type::kA, {{kAnswer, "a", type::kCname, "b"}, {kAnswer, "a", type::kA, ""}});
  EXPECT_TRUE(reply.summary.has_answer);
}

TEST(Chain, takes_nothing_of_another_class) {
  Bytes bytes = Bytes{}.header(kReply, 1, 1).question("a", type::kCname);
  bytes.name("a").u16(type::kCname).u16(klass::kChaos).u32(1).u16(3).name("b");
  const auto summary = Message::parse(bytes.span())->validate();
  ASSERT_TRUE(summary);
  EXPECT_FALSE(summary->has_answer);
  EXPECT_EQ(summary->unrelated, 1);
}

// Names of 127 labels that differ in their last one, a chain that is written backwards: all that 64
// KiB can cost.
TEST(Chain, whose_names_are_made_to_be_costly_is_refused) {
  std::string question = "q";
  for (int i = 0; i < 126; ++i) question = "a." + question;
  Bytes bytes = Bytes{}.header(kReply, 1, limits::kMessageRecords).question(question, type::kA);
  unsigned other = 0;
  for (unsigned i = 0; i < limits::kMessageRecords; ++i) {
    if (i == 0) other = static_cast<unsigned>(bytes.size());
    i == 0 ? bytes.name(question.substr(0, question.size() - 1) + "x") : bytes.pointer(other);
    bytes.record(type::kCname, 60, Bytes{}.pointer(other));
  }
  EXPECT_EQ(Message::parse(bytes.span())->validate().error(), Error::too_complex);
}

TEST(Chain, of_two_thousand_uncompressed_records_is_not_too_costly) {
  Bytes bytes = Bytes{}.header(kReply, 1, limits::kMessageRecords).question("www.a.test", type::kA);
  bytes.name("www.a.test").record(type::kCname, 60, Bytes{}.name("w.cdn.test"));
  for (unsigned i = 1; i < limits::kMessageRecords; ++i) {
    bytes.name("w.cdn.test").record(type::kA, 60, Bytes{}.u32(i));
  }
  const auto summary = Message::parse(bytes.span())->validate();
  ASSERT_TRUE(summary);
  EXPECT_TRUE(summary->has_answer);
  EXPECT_EQ(summary->unrelated, 0);
}

TEST(Relevance, leaves_out_answers_of_other_names) {
  const Reply reply = reply_of("a", type::kA,
                               {{kAnswer, "a", type::kCname, "b"},
                                {kAnswer, "victim", type::kA, ""},
                                {kAnswer, "b", type::kA, ""}});
  EXPECT_EQ(reply.summary.unrelated, 1);
  EXPECT_EQ(reply.related, (std::vector{true, false, true}));
}

TEST(Relevance, keeps_a_dname_above_the_chain) {
  const Reply reply = reply_of("x.old.test", type::kA,
                               {{kAnswer, "old.test", type::kDname, "new.test"},
                                {kAnswer, "x.old.test", type::kCname, "x.new.test"},
                                {kAnswer, "x.new.test", type::kA, ""},
                                {kAnswer, "other.test", type::kDname, "new.test"}});
  EXPECT_TRUE(reply.summary.has_answer);
  EXPECT_EQ(reply.related, (std::vector{true, true, true, false}));
}

TEST(Relevance, keeps_the_soa_of_the_zone_and_its_denials) {
  const Reply reply = reply_of("x.zone.test", type::kA,
                               {{kAuthority, "zone.test", type::kSoa, ""},
                                {kAuthority, "w.zone.test", type::kNsec, "y.zone.test"},
                                {kAuthority, "victim.test", type::kSoa, ""},
                                {kAuthority, "victim.test", type::kNsec, "z"},
                                {kAuthority, "x.zone.test", type::kNs, "evil"}},
                               0x8183);
  EXPECT_EQ(reply.related, (std::vector{true, true, false, false, true}));
  EXPECT_TRUE(reply.summary.soa_in_authority);
  EXPECT_EQ(reply.summary.negative_ttl, 60u);
}

TEST(Relevance, takes_the_soa_at_the_end_of_the_chain) {
  const Reply reply = reply_of(
      "a.one", type::kA,
      {{kAnswer, "a.one", type::kCname, "b.two"}, {kAuthority, "two", type::kSoa, "", 4000}},
      0x8183);
  EXPECT_TRUE(reply.summary.soa_in_authority);
  EXPECT_EQ(reply.summary.negative_ttl, 900u);  // the minimum field is less than the TTL
  EXPECT_FALSE(
      reply_of("a.one", type::kA, {{kAuthority, "two", type::kSoa, ""}}).summary.soa_in_authority);
}

TEST(Relevance, keeps_addresses_of_what_related_records_lead_to) {
  const Reply reply = reply_of("a", type::kMx,
                               {{kAnswer, "a", type::kMx, "mail"},
                                {kAnswer, "other", type::kMx, "evil"},
                                {kAdditional, "MAIL", type::kA, ""},
                                {kAdditional, "mail", type::kAaaa, ""},
                                {kAdditional, "mail", type::kTxt, ""},
                                {kAdditional, "evil", type::kA, ""}});
  EXPECT_EQ(reply.related, (std::vector{true, false, true, true, false, false}));
}

TEST(Summary, knows_a_referral) {
  const Reply reply =
      reply_of("a.test", type::kA,
               {{kAuthority, "test", type::kNs, "ns"}, {kAdditional, "ns", type::kA, ""}});
  EXPECT_TRUE(reply.summary.referral());
  EXPECT_FALSE(reply.summary.negative_ttl);
  EXPECT_EQ(reply.related, (std::vector{true, true}));
  EXPECT_FALSE(
      reply_of("a", type::kA, {{kAnswer, "a", type::kA, ""}, {kAuthority, "a", type::kNs, "n"}})
          .summary.referral());
}

}  // namespace
}  // namespace zonesweep::dns
