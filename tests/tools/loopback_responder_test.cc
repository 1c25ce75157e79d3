// The world's messages are written by tools/loopback/wire.h and read here by protocols/dns: neither
// can agree with itself.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <string>
#include <vector>

#include "protocols/dns/message.h"
#include "protocols/dns/query.h"
#include "protocols/dns/rdata.h"
#include "tools/loopback/dns_responder.h"
#include "tools/loopback/expect.h"

namespace zonesweep::loopback {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
constexpr uint16_t kId = 4'711;

std::vector<std::byte> query_for(std::string_view name, uint16_t type, bool edns) {
  dns::Query query;
  const dns::Name wire = *dns::Name::from_text(name);
  query.name = wire;
  query.type = type;
  query.id = kId;
  query.edns = edns;
  std::vector<std::byte> bytes(dns::limits::kQueryBytes);
  bytes.resize(dns::write_query(query, bytes));
  return bytes;
}

struct Reply {
  std::vector<std::byte> bytes;
  int64_t delay_ms = 0;

  [[nodiscard]] uint16_t u16(size_t at) const {
    return static_cast<uint16_t>(std::to_integer<unsigned>(bytes[at]) << 8U |
                                 std::to_integer<unsigned>(bytes[at + 1]));
  }
  [[nodiscard]] bool truncated() const { return (u16(2) & 0x0200U) != 0; }
  // "TYPE data" of the answer section, or one word that says what is wrong.
  [[nodiscard]] std::vector<std::string> answers() const {
    const auto message = dns::Message::parse(bytes);
    if (!message || !message->validate()) return {"malformed"};
    std::vector<std::string> all;
    for (const dns::Record& record : message->records()) {
      if (record.section != dns::Section::answer) continue;
      std::string line;
      dns::append_type_text(record.type, line);
      line += ' ';
      dns::append_rdata_text(*message, record, line);
      all.push_back(line);
    }
    return all;
  }
  [[nodiscard]] dns::Summary summary() const { return *dns::Message::parse(bytes)->validate(); }
};

class LoopbackResponder : public testing::Test {
 protected:
  std::vector<Reply> ask(std::string_view name, uint16_t type = type::kA,
                         Transport transport = Transport::udp, bool edns = true) {
    query = query_for(name, type, edns);
    return ask_bytes(query, transport);
  }
  std::vector<Reply> ask_bytes(std::span<const std::byte> bytes, Transport transport) {
    plan = &responder.respond(bytes, transport, now);
    std::vector<Reply> replies;
    for (const Plan::Message& message : plan->messages()) {
      replies.push_back({{message.bytes.begin(), message.bytes.end()}, message.delay.count()});
    }
    return replies;
  }
  // The one message of a TCP answer, without its length, which must be right.
  Reply ask_tcp(std::string_view name, uint16_t type = type::kA) {
    auto replies = ask(name, type, Transport::tcp);
    EXPECT_EQ(replies.size(), 1U) << name;
    if (replies.empty()) return {};
    EXPECT_EQ(replies[0].u16(0), replies[0].bytes.size() - 2) << name;
    replies[0].bytes.erase(replies[0].bytes.begin(), replies[0].bytes.begin() + 2);
    return replies[0];
  }
  Reply one(std::string_view name, uint16_t type = type::kA) {
    auto replies = ask(name, type);
    EXPECT_EQ(replies.size(), 1U) << name;
    return replies.empty() ? Reply{} : replies[0];
  }
  std::string good_address(std::string_view name) const {
    const uint32_t address = World::address(world.look_up(name));
    std::string text = "A 10";
    for (const unsigned shift : {16U, 8U, 0U})
      text += "." + std::to_string(address >> shift & 0xffU);
    return text;
  }

  World world;
  Impairments impairments;
  DnsResponder responder{world, impairments, 1};
  std::chrono::nanoseconds now{0};
  std::vector<std::byte> query;
  const Plan* plan = nullptr;
};

TEST_F(LoopbackResponder, an_address_comes_with_id_question_and_edns) {
  const Reply reply = one("Example.COM");
  EXPECT_EQ(reply.u16(0), kId);
  EXPECT_THAT(reply.answers(), ElementsAre("A 10.69.187.115"));
  EXPECT_EQ(reply.u16(2), 0x8180);
  EXPECT_TRUE(reply.summary().edns.present);
  EXPECT_TRUE(std::equal(query.begin() + 12, query.begin() + 29, reply.bytes.begin() + 12));
  EXPECT_FALSE(ask("example.com", type::kA, Transport::udp, false)[0].summary().edns.present);
}

TEST_F(LoopbackResponder, every_type_is_well_formed) {
  EXPECT_THAT(one("name0.example", type::kMx).answers(), ElementsAre("MX 10 mx19630.mail.test."));
  EXPECT_THAT(one("x.all.test", type::kAaaa).answers(), ElementsAre(HasSubstr("AAAA fd00::")));
  EXPECT_THAT(one("x.all.test", type::kTxt).answers(),
              ElementsAre("TXT \"v=spf1 mx -all\"", HasSubstr("TXT \"loopback=")));
  EXPECT_THAT(one("x.all.test", type::kNs).answers(), testing::SizeIs(2));
  EXPECT_THAT(one("x.all.test", type::kSoa).answers(),
              ElementsAre(HasSubstr("hostmaster.dns.test.")));
  EXPECT_THAT(one("x.all.test", type::kCaa).answers(), ElementsAre("CAA 0 issue \"ca.test\""));
  EXPECT_THAT(one("x.all.test", type::kHttps).answers(),
              ElementsAre(HasSubstr("HTTPS 1 . alpn=\"h2\" ipv4hint=10.")));
  EXPECT_THAT(one("4.3.2.10.in-addr.arpa", type::kPtr).answers(),
              ElementsAre("PTR host-10-2-3-4.rev.test."));
  EXPECT_THAT(one("x.all.test", type::kAny).answers(), ElementsAre("HINFO \"RFC8482\" \"\""));
}

TEST_F(LoopbackResponder, a_missing_name_and_a_missing_type_are_proven) {
  const auto missing = one("name1.example").summary();
  EXPECT_EQ(missing.rcode, rcode::kNxDomain);
  EXPECT_TRUE(missing.soa_in_authority);
  const auto no_data = one("name3.example", type::kMx).summary();
  EXPECT_EQ(no_data.rcode, rcode::kNoError);
  EXPECT_FALSE(no_data.has_answer);
  EXPECT_TRUE(no_data.soa_in_authority);
}

TEST_F(LoopbackResponder, an_alias_is_followed_to_its_data) {
  const Reply reply = one("name19.example");
  EXPECT_TRUE(reply.summary().has_answer);
  EXPECT_GE(reply.summary().chain_links, 1);
  EXPECT_EQ(reply.summary().unrelated, 0);
  EXPECT_THAT(one("name19.example", type::kCname).answers(),
              ElementsAre(HasSubstr(".alias.test.")));
}

TEST_F(LoopbackResponder, what_is_no_query_gets_no_answer_or_a_bare_one) {
  EXPECT_THAT(ask_bytes(std::vector<std::byte>(11), Transport::udp), IsEmpty());
  auto reply = one("example.com").bytes;
  EXPECT_THAT(ask_bytes(reply, Transport::udp), IsEmpty());
  auto update = query_for("example.com", 1, false);
  update[2] = std::byte{0x28};
  EXPECT_EQ(ask_bytes(update, Transport::udp)[0].u16(2) & 0xfU, rcode::kNotImp);
  auto cut = query_for("example.com", 1, false);
  cut.pop_back();
  EXPECT_EQ(ask_bytes(cut, Transport::udp)[0].u16(2) & 0xfU, rcode::kFormErr);
}

TEST_F(LoopbackResponder, any_bytes_are_survived) {
  Chance chance{7};
  for (int i = 0; i < 30'000; ++i) {
    auto bytes =
        query_for(i % 2 == 0 ? "f-bytes.f-huge.x.test" : "name19.example", type::kTxt, true);
    for (uint64_t n = chance.below(6); n > 0; --n) {
      bytes[chance.below(bytes.size())] = static_cast<std::byte>(chance.next());
    }
    bytes.resize(chance.below(bytes.size() + 1));
    (void)ask_bytes(bytes, i % 3 == 0 ? Transport::tcp : Transport::udp);
  }
}

TEST_F(LoopbackResponder, truncation_faults_are_good_over_tcp) {
  for (const std::string name : {"f-tc.x.test", "f-tcp-split.x.test", "f-tcp-slow-1.x.test"}) {
    EXPECT_TRUE(one(name).truncated()) << name;
    EXPECT_THAT(one(name).answers(), IsEmpty()) << name;
    EXPECT_THAT(ask_tcp(name).answers(), ElementsAre(good_address(name))) << name;
  }
  EXPECT_THAT(one("f-tc-keep.x.test").answers(), ElementsAre(good_address("f-tc-keep.x.test")));
  EXPECT_TRUE(one("f-tc-keep.x.test").truncated());
  EXPECT_TRUE(ask_tcp("f-tc-tc.x.test").truncated());
  EXPECT_THAT(ask("f-tc-mute.x.test", type::kA, Transport::tcp), IsEmpty());
  (void)ask("f-tc-rst.x.test", type::kA, Transport::tcp);
  EXPECT_TRUE(plan->reset);
  (void)ask("f-tc-refuse.x.test", type::kA, Transport::tcp);
  EXPECT_TRUE(plan->close);
}

TEST_F(LoopbackResponder, answers_that_are_not_ours_do_not_match) {
  EXPECT_NE(one("f-badid.x.test").u16(0), kId);
  EXPECT_EQ(ask_tcp("f-badid.x.test").u16(0), kId);
  for (const std::string fault : {"f-badq.x.test", "f-badq-type.x.test", "f-badq-none.x.test",
                                  "f-qr0.x.test", "f-opcode.x.test"}) {
    const dns::Name asked = *dns::Name::from_text(fault);
    const Reply reply = one(fault);
    const auto message = dns::Message::parse(reply.bytes);
    ASSERT_TRUE(message) << fault;
    EXPECT_NE(dns::match_reply({asked, type::kA, kId}, *message), dns::Match::match) << fault;
    EXPECT_THAT(ask_tcp(fault).answers(), ElementsAre(good_address(fault)));
  }
}

TEST_F(LoopbackResponder, then_brings_the_good_answer_after_the_bad_one) {
  const auto replies = ask("f-qr0-then.x.test");
  ASSERT_EQ(replies.size(), 2U);
  EXPECT_EQ(replies[1].delay_ms, 20);
  EXPECT_THAT(replies[1].answers(), ElementsAre(good_address("f-qr0-then.x.test")));
}

TEST_F(LoopbackResponder, tiny_datagrams_come_before_a_good_one) {
  const auto replies = ask("f-empty.x.test");
  ASSERT_EQ(replies.size(), 4U);
  EXPECT_TRUE(replies[0].bytes.empty());
  EXPECT_EQ(replies[2].bytes.size(), 11U);
  EXPECT_THAT(replies[3].answers(), ElementsAre(good_address("f-empty.x.test")));
}

TEST_F(LoopbackResponder, edns_faults_end_without_edns) {
  EXPECT_EQ(one("f-edns-formerr.x.test").u16(2) & 0xfU, rcode::kFormErr);
  EXPECT_THAT(ask("f-edns-drop.x.test"), IsEmpty());
  EXPECT_EQ(one("f-edns-badvers.x.test").summary().rcode, rcode::kBadVers);
  for (const std::string name :
       {"f-edns-formerr.x.test", "f-edns-drop.x.test", "f-edns-badvers.x.test"}) {
    EXPECT_THAT(ask(name, type::kA, Transport::udp, false)[0].answers(),
                ElementsAre(good_address(name)));
  }
  EXPECT_FALSE(one("f-edns-strip.x.test").summary().edns.present);
}

TEST_F(LoopbackResponder, rcodes_are_exact) {
  EXPECT_EQ(one("f-rcode-23.x.test").summary().rcode, 23);
  EXPECT_EQ(one("f-servfail.x.test").summary().rcode, rcode::kServFail);
  EXPECT_EQ(one("f-refused.x.test").summary().rcode, rcode::kRefused);
  EXPECT_TRUE(one("f-nxdomain.x.test").summary().soa_in_authority);
  EXPECT_EQ(one("f-ede-15.x.test").summary().edns.extended_errors, 1);
  EXPECT_FALSE(one("f-lame.x.test").summary().soa_in_authority);
  EXPECT_TRUE(one("f-referral.x.test").summary().referral());
}

TEST_F(LoopbackResponder, aliases_of_any_length_and_loops) {
  const auto chain = one("f-cname-5.x.test");
  EXPECT_EQ(chain.summary().chain_links, 5);
  EXPECT_TRUE(chain.summary().has_answer);
  EXPECT_EQ(chain.answers().back(), good_address("c5.f-cname-5.x.test"));
  EXPECT_EQ(one("f-cname-loop.x.test").summary().chain, dns::Chain::loop);
  EXPECT_EQ(one("f-cname-self.x.test").summary().chain, dns::Chain::loop);
  EXPECT_EQ(one("f-cname-dangling.x.test").summary().rcode, rcode::kNxDomain);
  EXPECT_EQ(ask_tcp("f-cname-1000.x.test").summary().chain, dns::Chain::too_long);
}

TEST_F(LoopbackResponder, sizes_are_as_asked) {
  EXPECT_EQ(one("f-big-6000.x.test").bytes.size(), 6'000U);
  EXPECT_TRUE(one("f-huge.x.test").truncated());
  EXPECT_GT(ask_tcp("f-huge.x.test").bytes.size(), 64'000U);
  const std::string longest = std::string(60, 'a') + "." + std::string(60, 'b') + "." +
                              std::string(60, 'c') + "." + std::string(48, 'd');
  EXPECT_TRUE(ask_tcp("f-huge-4080." + longest + ".test").truncated());
  EXPECT_EQ(ask_tcp("f-huge-10.x.test").answers().size(), 10U);
}

TEST_F(LoopbackResponder, stream_faults_say_what_to_do_with_the_stream) {
  (void)ask("f-tcpclose-3.x.test", type::kA, Transport::tcp);
  EXPECT_EQ(plan->close_after, 3U);
  (void)ask("f-tcp-slow-7.x.test", type::kA, Transport::tcp);
  EXPECT_EQ(plan->segment_bytes, 1U);
  EXPECT_EQ(plan->segment_gap, Milliseconds{7});
  EXPECT_EQ(ask("f-tcp-zero.x.test", type::kA, Transport::tcp)[0].bytes.size(), 2U);
  EXPECT_EQ(ask("f-tcp-short.x.test", type::kA, Transport::tcp)[0].u16(0), 65'535);
  EXPECT_EQ(ask("f-tcp-twice.x.test", type::kA, Transport::tcp).size(), 2U);
}

TEST_F(LoopbackResponder, malformed_answers_are_malformed) {
  for (const std::string kind :
       {"rdlength", "pointer", "forward", "label", "count", "rdata", "cut"}) {
    const std::string name = "f-bad-" + kind + ".x.test";
    EXPECT_THAT(one(name).answers(), ElementsAre("malformed")) << kind;
    EXPECT_THAT(ask_tcp(name).answers(), ElementsAre("malformed")) << kind;
    EXPECT_EQ(one(name).u16(0), kId);
  }
  EXPECT_EQ(one("f-garbage.x.test").u16(0), kId);
}

TEST_F(LoopbackResponder, content_faults) {
  EXPECT_THAT(one("f-bytes.x.test", type::kTxt).answers(),
              ElementsAre(HasSubstr("\\000\\027[31m")));
  EXPECT_EQ(one("f-poison.x.test").summary().unrelated, 1);
  EXPECT_EQ(one("f-ttl-7.x.test").summary().answer_ttl, 7U);
  EXPECT_EQ(one("F-LOWER.X.test").bytes[13], std::byte{'f'});
  EXPECT_EQ(one("F-TTL.X.test").bytes[13], std::byte{'F'});
  EXPECT_NE(one("f-flags.x.test").u16(2) & 0x0040U, 0U);
}

TEST_F(LoopbackResponder, delays_are_milliseconds) {
  EXPECT_EQ(one("f-delay-50.x.test").delay_ms, 50);
  EXPECT_EQ(one("f-late.x.test").delay_ms, 5'000);
  EXPECT_THAT(ask("f-mute.x.test"), IsEmpty());
  EXPECT_THAT(ask("f-mute.x.test", type::kA, Transport::tcp), IsEmpty());
  EXPECT_THAT(ask("f-mute-udp.x.test"), IsEmpty());
}

size_t replies_of(DnsResponder& responder, std::string_view name, int times) {
  const auto query = query_for(name, type::kA, true);
  size_t replies = 0;
  for (int i = 0; i < times; ++i) {
    replies += responder.respond(query, Transport::udp, Milliseconds{i}).count;
  }
  return replies;
}

TEST_F(LoopbackResponder, loss_hits_queries_and_answers_alike) {
  EXPECT_NEAR(static_cast<double>(replies_of(responder, "f-loss-30.x.test", 20'000)), 9'800, 300);
  DnsResponder lossy{world, {.loss = 0.3}, 1};
  EXPECT_NEAR(static_cast<double>(replies_of(lossy, "x.all.test", 20'000)), 9'800, 300);
  EXPECT_NEAR(static_cast<double>(lossy.counters().lost_queries), 6'000, 250);
  EXPECT_NEAR(static_cast<double>(lossy.counters().lost_answers), 4'200, 250);
}

TEST_F(LoopbackResponder, duplicates_and_wrong_ids_come_in_their_share) {
  DnsResponder doubled{world, {.duplicate = 0.5}, 1};
  EXPECT_NEAR(static_cast<double>(replies_of(doubled, "x.all.test", 10'000)), 15'000, 250);
  DnsResponder forged{world, {.bad_id = 0.02}, 1};
  (void)replies_of(forged, "x.all.test", 10'000);
  EXPECT_NEAR(static_cast<double>(forged.counters().bad_ids), 200, 60);
}

TEST_F(LoopbackResponder, limits_drop_or_refuse_above_the_rate) {
  DnsResponder limited{world, {.queries_per_second = 500}, 1};
  EXPECT_NEAR(static_cast<double>(replies_of(limited, "x.all.test", 10'000)), 5'025, 30);
  DnsResponder refusing{world, {.refuse_above = 500}, 1};
  EXPECT_EQ(replies_of(refusing, "x.all.test", 10'000), 10'000U);
  EXPECT_NEAR(static_cast<double>(refusing.counters().rate_refused), 4'975, 30);
}

TEST(Expected, the_answer_is_printed_line_by_line) {
  EXPECT_EQ(expected_answer(World{}, "Example.com.", "a").value(),
            "0\nanswer\tExample.com\t300\tA\t10.69.187.115\n");
  EXPECT_FALSE(expected_answer(World{}, "a..b", "A").has_value());
  EXPECT_FALSE(expected_answer(World{}, "a.b", "NOPE").has_value());
  EXPECT_EQ(expected_answer(World{}, "f-mute.x.test", "A").value(), "silence\n");
}

}  // namespace
}  // namespace zonesweep::loopback
