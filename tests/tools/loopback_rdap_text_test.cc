#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "protocols/rdap/parser.h"
#include "protocols/registration/date.h"
#include "tools/loopback/rdap_text.h"

namespace zonesweep::loopback {
namespace {

using registration::Registration;

const World kDns;
const RegistrationWorld kWorld{kDns, {}};

std::string iso(const registration::Date& date) {
  std::string out;
  registration::append_iso(date, out);
  return out;
}

TEST(RdapText, the_parser_reads_back_each_style) {
  rdap::Parser parser;
  Registration out;
  for (uint32_t style = 0; style < kRdapStyles; ++style) {
    for (uint32_t i = 0; i < 200; ++i) {
      const std::string name = fmt::format("name{}.r{}", i, style);
      const Holding holding = kWorld.look_up(name);
      if (!holding.registered) continue;
      const RdapLinks links{"https://rdap.nic.r1/domain/" + name, "https://rdap.reg1.test/x"};
      const std::string answer = rdap_answer(holding, style, links);
      ASSERT_EQ(parser.parse(answer, name, out), rdap::Problem::none) << answer;
      EXPECT_FALSE(out.truncated) << answer;
      const StatedFacts stated = stated_by_rdap(holding, links);
      EXPECT_TRUE(is_registered(out.outcome)) << answer;
      EXPECT_EQ(out.domain, name);
      EXPECT_EQ(out.registrar, stated.registrar);
      EXPECT_EQ(out.registrar_iana_id, stated.registrar_iana_id);
      EXPECT_EQ(iso(out.created), stated.created);
      EXPECT_EQ(iso(out.updated), stated.updated);
      EXPECT_EQ(iso(out.expires), stated.expires);
      EXPECT_THAT(out.statuses, testing::ElementsAreArray(stated.statuses)) << answer;
      EXPECT_THAT(out.nameservers, testing::ElementsAreArray(stated.nameservers)) << answer;
      EXPECT_EQ(out.dnssec == registration::Dnssec::signed_delegation, stated.dnssec) << answer;
      EXPECT_NE(out.dnssec, registration::Dnssec::unstated) << answer;
      EXPECT_EQ(out.registrant_org, stated.registrant_org);
      EXPECT_EQ(out.registrant_country, stated.registrant_country);
      EXPECT_EQ(out.abuse_email, stated.abuse_email);
      EXPECT_EQ(out.abuse_phone, stated.abuse_phone);
      EXPECT_EQ(out.referral, stated.referral);
      if (testing::Test::HasFailure()) return;
    }
  }
}

TEST(RdapText, a_missing_name_is_an_error_object) {
  rdap::Parser parser;
  Registration out;
  ASSERT_EQ(parser.parse(rdap_error(404, "Not Found"), "a.r1", out), rdap::Problem::none);
  EXPECT_EQ(out.outcome, registration::Outcome::available);
}

}  // namespace
}  // namespace zonesweep::loopback
