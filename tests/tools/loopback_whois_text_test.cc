#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "protocols/registration/date.h"
#include "protocols/whois/parser.h"
#include "tools/loopback/whois_text.h"

namespace zonesweep::loopback {
namespace {

using registration::Registration;
using whois::Outcome;

const World kDns;
const RegistrationWorld kWorld{kDns, {}};

std::string domain(uint32_t i, uint32_t zone) { return fmt::format("name{}.w{}", i, zone); }

std::string iso(const registration::Date& date) {
  std::string out;
  registration::append_iso(date, out);
  return out;
}

whois::Problem read(whois::Parser& parser, const std::string& answer, const std::string& name,
                    Registration& out) {
  const std::string server = whois_host(last_label(name));
  return parser.parse(answer, {.name = name, .server = server}, out);
}

TEST(WhoisText, the_parser_reads_back_what_each_format_states) {
  whois::Parser parser;
  Registration out;
  for (uint32_t zone = 0; zone < kWhoisFormats; ++zone) {
    for (uint32_t i = 0; i < 200; ++i) {
      const std::string name = domain(i, zone);
      const Holding holding = kWorld.look_up(name);
      if (!holding.registered) continue;
      const auto format = kWorld.zone_of(name).format();
      const std::string referral = registrar_whois_host(holding.registrar) + ":4343";
      const std::string answer = whois_answer(holding, format, referral);
      ASSERT_EQ(read(parser, answer, name, out), whois::Problem::none) << answer;
      const StatedFacts stated = stated_by_whois(holding, format, referral);
      EXPECT_TRUE(is_registered(out.outcome)) << name_of(out.outcome) << '\n' << answer;
      EXPECT_EQ(out.domain, name) << answer;
      EXPECT_EQ(out.registrar, stated.registrar) << answer;
      EXPECT_EQ(out.registrar_iana_id, stated.registrar_iana_id);
      EXPECT_EQ(iso(out.created), stated.created) << answer;
      EXPECT_EQ(iso(out.updated), stated.updated) << answer;
      EXPECT_EQ(iso(out.expires), stated.expires) << answer;
      EXPECT_THAT(out.statuses, testing::ElementsAreArray(stated.statuses)) << answer;
      EXPECT_THAT(out.nameservers, testing::ElementsAreArray(stated.nameservers)) << answer;
      EXPECT_EQ(out.registrant_org, stated.registrant_org) << answer;
      EXPECT_EQ(out.registrant_country, stated.registrant_country) << answer;
      EXPECT_EQ(out.abuse_email, stated.abuse_email);
      EXPECT_EQ(out.abuse_phone, stated.abuse_phone);
      EXPECT_EQ(out.referral, stated.referral);
      const std::optional<bool> dnssec =
          out.dnssec == registration::Dnssec::unstated
              ? std::nullopt
              : std::optional{out.dnssec == registration::Dnssec::signed_delegation};
      EXPECT_EQ(dnssec, stated.dnssec) << answer;
      if (testing::Test::HasFailure()) return;
    }
  }
}

TEST(WhoisText, the_parser_understands_each_negative_answer) {
  whois::Parser parser;
  Registration out;
  for (uint32_t zone = 0; zone < kWhoisFormats; ++zone) {
    const std::string name = domain(1, zone);
    const std::string answer = whois_not_found(name, static_cast<WhoisFormat>(zone));
    EXPECT_EQ(read(parser, answer, name, out), whois::Problem::none);
    EXPECT_EQ(out.outcome, Outcome::available) << answer;
  }
}

TEST(WhoisText, the_parser_understands_each_throttling) {
  whois::Parser parser;
  Registration out;
  for (uint32_t i = 0; i < kWhoisThrottles; ++i) {
    const std::string answer = whois_throttle(i);
    EXPECT_EQ(read(parser, answer, "a.w1", out), whois::Problem::none);
    EXPECT_EQ(out.outcome, Outcome::throttled) << answer;
  }
}

}  // namespace
}  // namespace zonesweep::loopback
