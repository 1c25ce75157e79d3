#include "protocols/rdap/parser.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace zonesweep::rdap {
namespace {

using registration::Dnssec;
using registration::Outcome;
using registration::Registration;
using testing::ElementsAre;

constexpr std::string_view kDomain =
    R"({"objectClassName":"domain","ldhName":"EXAMPLE.COM.","handle":"1_COM",
 "status":["client transfer prohibited","active"],
 "events":[{"eventAction":"registration","eventDate":"1995-08-14T04:00:00Z"},
           {"eventAction":"expiration","eventDate":"2030-08-13T06:00:00+02:00"},
           {"eventAction":"last changed","eventDate":"2024-08-14T07:01:34.123456Z"}],
 "nameservers":[{"objectClassName":"nameserver","ldhName":"NS1.EXAMPLE.COM","ipAddresses":{"v4":["192.0.2.1"],"v6":["2001:db8::1"]}}],
 "secureDNS":{"delegationSigned":false},
 "entities":[{"objectClassName":"entity","roles":["Registrar"],"handle":"376",
   "publicIds":[{"type":"Registry Identifier","identifier":"X"},{"type":"IANA Registrar ID","identifier":376}],
   "vcardArray":["vcard",[["version",{},"text","4.0"],["fn",{},"text","Registrar, Inc."]]],
   "entities":[{"roles":["abuse"],"vcardArray":["vcard",[["tel",{"type":"voice"},"uri","tel:+1.5555"],["email",{},"text","abuse@r.example"]]]}]},
  {"roles":["registrant"],"vcardArray":["vcard",[["org",{},"text",["Holder GmbH","Unit"]],["adr",{"cc":"DE"},"text",["","","","","","",""]]]]}],
 "links":[{"rel":"self","type":"application/rdap+json","href":"https://r.example/self"},
          {"rel":"related","type":"text/html","href":"https://www.example"},
          {"rel":"related","type":"application/rdap+json","href":"https://r.example/domain/EXAMPLE.COM"}],
 "redacted":[{},{}]})";

struct RdapParser : testing::Test {
  Parser parser;
  Registration out;
  Problem parse(std::string_view body, std::string_view name = "example.com") {
    return parser.parse(body, name, out);
  }
};

std::string iso(const registration::Date& date) {
  std::string text;
  registration::append_iso(date, text);
  return text;
}

TEST_F(RdapParser, reads_a_domain) {
  ASSERT_EQ(parse(kDomain), Problem::none);
  EXPECT_EQ(out.outcome, Outcome::registered);
  EXPECT_EQ(out.domain, "example.com");
  EXPECT_EQ(out.domain_id, "1_COM");
  EXPECT_THAT(out.statuses, ElementsAre("clientTransferProhibited", "ok"));
  EXPECT_EQ(iso(out.created), "1995-08-14T04:00:00Z");
  EXPECT_EQ(iso(out.expires), "2030-08-13T04:00:00Z");
  EXPECT_EQ(iso(out.updated), "2024-08-14T07:01:34Z");
  EXPECT_THAT(out.nameservers, ElementsAre("ns1.example.com"));
  EXPECT_EQ(out.nameserver_addresses.size(), 2U);
  EXPECT_EQ(out.dnssec, Dnssec::unsigned_delegation);
  EXPECT_EQ(out.registrar, "Registrar, Inc.");
  EXPECT_EQ(out.registrar_iana_id, "376");
  EXPECT_EQ(out.abuse_email, "abuse@r.example");
  EXPECT_EQ(out.abuse_phone, "+1.5555");
  EXPECT_EQ(out.registrant_org, "Holder GmbH");
  EXPECT_EQ(out.registrant_country, "DE");
  EXPECT_EQ(out.referral, "https://r.example/domain/EXAMPLE.COM");
  EXPECT_EQ(out.redactions, 2U);
  EXPECT_FALSE(out.truncated);
}

TEST_F(RdapParser, calls_available_only_the_error_404) {
  EXPECT_EQ(parse(R"({"errorCode":404,"title":"Not Found"})"), Problem::none);
  EXPECT_EQ(out.outcome, Outcome::available);
  EXPECT_EQ(parse(R"({"errorCode":"404"})"), Problem::none);
  EXPECT_EQ(out.outcome, Outcome::available);
  EXPECT_EQ(parse(R"({"errorCode":404,"title":"Rate limit exceeded"})"), Problem::none);
  EXPECT_EQ(out.outcome, Outcome::throttled);
  EXPECT_EQ(
      parse(
          R"({"errorCode":422,"description":["Your access is too fast,please try again later."]})"),
      Problem::none);
  EXPECT_EQ(out.outcome, Outcome::throttled);
  EXPECT_EQ(parse(R"({"errorCode":429})"), Problem::none);
  EXPECT_EQ(out.outcome, Outcome::throttled);
  EXPECT_EQ(parse(R"({"errorCode":500})"), Problem::none);
  EXPECT_EQ(out.outcome, Outcome::error);
  EXPECT_EQ(parse(R"({"errorCode":null})"), Problem::none);
  EXPECT_EQ(out.outcome, Outcome::error);
  EXPECT_EQ(
      parse(
          R"json({"notices":{"title":"401 Unauthorized","description":"Quota exceeded (31/30)"}})json"),
      Problem::none);
  EXPECT_EQ(out.outcome, Outcome::throttled);
}

TEST_F(RdapParser, names_what_is_wrong) {
  EXPECT_EQ(parse(""), Problem::not_json);
  EXPECT_EQ(parse("<html>"), Problem::not_json);
  EXPECT_EQ(parse("[]"), Problem::not_an_object);
  EXPECT_EQ(parse("\"text\""), Problem::not_an_object);
  EXPECT_EQ(parse("{}"), Problem::wrong_class);
  EXPECT_EQ(parse(R"({"objectClassName":"nameserver","ldhName":"example.com"})"),
            Problem::wrong_class);
  EXPECT_EQ(parse(R"({"objectClassName":["domain"]})"), Problem::wrong_class);
  EXPECT_EQ(parse(R"({"objectClassName":"domain","ldhName":"other.com"})"), Problem::other_name);
  EXPECT_EQ(parse(R"({"objectClassName":"domain","ldhName":"example.com","ldhName":"other.com"})"),
            Problem::duplicate);
  EXPECT_EQ(parse(R"({"objectClassName":"domain"})"), Problem::other_name);
  EXPECT_EQ(parse("{\"objectClassName\":\"domain\",\"ldhName\":\"example.com\",\"x\":" +
                  std::string(100, '[') + std::string(100, ']') + "}"),
            Problem::too_deep);
  EXPECT_EQ(parse(std::string(limits::kBodyBytes + 1, ' ')), Problem::too_large);
  EXPECT_EQ(parse("\xEF\xBB\xBF{}"), Problem::not_json);
  EXPECT_EQ(parse("{\"a\":\"\xFF\"}"), Problem::not_json);
  EXPECT_EQ(parse(R"({"a":"\ud800"})"), Problem::not_json);
  EXPECT_EQ(parse(R"({"a":1e999})"), Problem::not_json);
  EXPECT_EQ(parse(R"({} {})"), Problem::not_json);
}

TEST_F(RdapParser, refuses_an_answer_cut_at_any_byte) {
  for (size_t size = 0; size < kDomain.size(); ++size) {
    EXPECT_EQ(parse(kDomain.substr(0, size)), Problem::not_json) << size;
  }
}

TEST_F(RdapParser, keeps_the_rest_when_a_member_has_another_type) {
  const std::string head = R"({"objectClassName":"domain","ldhName":"example.com")";
  for (const char* member : {"handle", "status", "events", "nameservers", "entities", "secureDNS",
                             "links", "port43", "redacted", "notices", "remarks", "unicodeName"}) {
    for (const char* value :
         {"null", "true", "1", "-1.5", "\"x\"", "[]", "{}", "[1]", "[[[]]]", "[{}]", "[null]",
          "{\"a\":1}", "[{\"roles\":1,\"vcardArray\":1,\"publicIds\":1,\"entities\":1}]",
          "[{\"roles\":[\"registrar\"],\"vcardArray\":[\"vcard\",[[\"fn\"],[1,2,3,4],[\"tel\",{"
          "\"type\":[1]},\"uri\",{}]]]}]",
          "[{\"eventAction\":\"expiration\",\"eventDate\":{}}]"}) {
      const std::string body = head + ",\"" + member + "\":" + value + "}";
      EXPECT_EQ(parse(body), Problem::none) << body;
      EXPECT_EQ(out.domain, "example.com") << body;
      EXPECT_TRUE(is_registered(out.outcome)) << body;
    }
  }
  EXPECT_EQ(parse(head + R"(,"events":"soon"})"), Problem::none);
  EXPECT_TRUE(out.truncated);
}

TEST_F(RdapParser, takes_keys_and_ds_records_as_signed) {
  EXPECT_EQ(
      parse(
          R"({"objectClassName":"domain","ldhName":"example.com","secureDNS":{"keyData":[{"flags":257}]}})"),
      Problem::none);
  EXPECT_EQ(out.dnssec, Dnssec::signed_delegation);
  EXPECT_EQ(
      parse(
          R"({"objectClassName":"domain","ldhName":"example.com","secureDNS":{"delegationSigned":"false"}})"),
      Problem::none);
  EXPECT_EQ(out.dnssec, Dnssec::unsigned_delegation);
  EXPECT_EQ(parse(R"({"objectClassName":"domain","ldhName":"example.com"})"), Problem::none);
  EXPECT_EQ(out.dnssec, Dnssec::unstated);
}

TEST_F(RdapParser, escapes_control_characters) {
  EXPECT_EQ(
      parse(
          R"({"objectClassName":"domain","ldhName":"example.com","handle":"a\u001b[31m\u202e\nb"})"),
      Problem::none);
  EXPECT_EQ(out.domain_id, "a\\x1b[31m\\u{202e} b");
}

}  // namespace
}  // namespace zonesweep::rdap
