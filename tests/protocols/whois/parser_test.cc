#include "protocols/whois/parser.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>

namespace zonesweep::whois {
namespace {

using registration::Dnssec;
using registration::Registration;
using testing::ElementsAre;

std::string iso(const registration::Date& date) {
  std::string out;
  registration::append_iso(date, out);
  return out;
}

struct WhoisParser : testing::Test {
  Parser parser;
  Registration out;
  std::string text;

  Outcome outcome_of(std::string answer, std::string_view name = "", std::string_view server = "") {
    text = std::move(answer);
    problem = parser.parse(text, {name, server}, out);
    return out.outcome;
  }
  Problem problem = Problem::none;
};

TEST_F(WhoisParser, reads_the_labels_of_icann) {
  EXPECT_EQ(
      outcome_of(
          "   Domain Name: EXAMPLE.COM\r\n   Registry Domain ID: 1_DOMAIN_COM-VRSN\r\n"
          "   Registrar WHOIS Server: whois.registrar.example\r\n"
          "   Updated Date: 2024-08-14T07:01:34Z\r\n   Creation Date: 1995-08-14T04:00:00Z\r\n"
          "   Registry Expiry Date: 2025-08-13T04:00:00Z\r\n"
          "   Registrar Registration Expiration Date: 2026-08-13T04:00:00Z\r\n"
          "   Registrar: Registrar, Inc.\r\n   Registrar IANA ID: 376\r\n"
          "   Registrar Abuse Contact Email: abuse@registrar.example\r\n"
          "   Domain Status: clientDeleteProhibited "
          "https://icann.org/epp#clientDeleteProhibited\r\n"
          "   Name Server: A.IANA-SERVERS.NET\r\n   Name Server: B.IANA-SERVERS.NET\r\n"
          "   DNSSEC: signedDelegation\r\n>>> Last update of whois database: 2024 <<<\r\n",
          "example.com"),
      Outcome::registered);
  EXPECT_EQ(out.domain, "example.com");
  EXPECT_EQ(out.registrar, "Registrar, Inc.");
  EXPECT_EQ(out.registrar_iana_id, "376");
  EXPECT_EQ(out.referral, "whois.registrar.example");
  EXPECT_EQ(iso(out.created), "1995-08-14T04:00:00Z");
  EXPECT_EQ(iso(out.expires), "2025-08-13T04:00:00Z");
  EXPECT_EQ(iso(out.registrar_expires), "2026-08-13T04:00:00Z");
  EXPECT_THAT(out.statuses, ElementsAre("clientDeleteProhibited"));
  EXPECT_THAT(out.nameservers, ElementsAre("a.iana-servers.net", "b.iana-servers.net"));
  EXPECT_EQ(out.dnssec, Dnssec::signed_delegation);
}

TEST_F(WhoisParser, keeps_the_dates_of_contacts_apart_from_those_of_the_domain) {
  EXPECT_EQ(outcome_of(
                "domain:       example.cz\nregistrar:    REG-X\nregistered:   07.10.1996 02:00:00\n"
                "expire:       29.10.2024\n\ncontact:      C-1\nname:         Someone\n"
                "created:      01.01.2020 10:00:00\nchanged:      02.02.2021 10:00:00\n\n"
                "nsset:        NS-1\nnserver:      ns1.example.cz (192.0.2.1, 2001:db8::1)\n"),
            Outcome::registered);
  EXPECT_EQ(iso(out.created), "1996-10-07T02:00:00");
  EXPECT_EQ(iso(out.updated), "");
  EXPECT_EQ(iso(out.expires), "2024-10-29");
  EXPECT_THAT(out.nameservers, ElementsAre("ns1.example.cz"));
  EXPECT_EQ(out.nameserver_addresses.size(), 2U);
}

TEST_F(WhoisParser, reads_blocks_and_stops_where_they_end) {
  EXPECT_EQ(
      outcome_of(
          "    Domain name:\n        example.uk\n\n    Registrar:\n        Registrar Ltd [Tag = "
          "REG]\n"
          "        URL: https://registrar.example\n\n    Relevant dates:\n"
          "        Registered on: before Aug-1996\n        Expiry date:  20-Jul-2027\n\n"
          "    Registration status:\n        Registered until expiry date.\n\n    Name servers:\n"
          "        ns1.example.uk    192.0.2.1  2001:db8::1\n        ns2.example.uk\n\n"
          "    WHOIS lookup made at 13:34:25 12-Jul-2026\n\n--\nwww.terms.example applies\n"),
      Outcome::registered);
  EXPECT_EQ(out.domain, "example.uk");
  EXPECT_TRUE(out.created.before);
  EXPECT_EQ(iso(out.created), "");
  EXPECT_EQ(iso(out.expires), "2027-07-20");
  EXPECT_THAT(out.nameservers, ElementsAre("ns1.example.uk", "ns2.example.uk"));
}

TEST_F(WhoisParser, never_calls_available_what_proves_nothing) {
  for (const char* answer :
       {"WHOIS LIMIT EXCEEDED - SEE WWW.PIR.ORG/WHOIS FOR DETAILS",
        "% Too many requests...\n% No entries found.",
        "You have exceeded your quota of queries.",
        "Number of allowed queries exceeded.",
        "Excessive use",
        "BLACKLISTED: You have exceeded the query limit for your network or IP address and have "
        "been blacklisted.",
        "IP Address Has Reached Rate Limit",
        "The query frequency too fast, please query later",
        "The number of requests per client per time interval is restricted. You have exceeded this "
        "limit.",
        "Maximum Daily connection limit reached. Lookup refused.",
        "Please go away for 13 Seconds",
        "Rate limit exceeded. Try again after: 24h0m0s",
        "request limit exceeded for 192.0.2.1",
        "% Error: 55000000002 Connection refused; access control limit reached.",
        "# Too many connections.",
        "-1: Still in grace period, wait 77 seconds",
        "%ERROR:201: access denied for 192.0.2.1",
        "Your request could not be performed.\nLookup quota exceeded.",
        "Looup quota exceeded.",
        "query_status: 440 Request Denied",
        "% Excessive querying, grace period of 30 seconds",
        "The WHOIS query quota for 192.0.2.1 has been exceeded\nand will be replenished in 50 "
        "seconds",
        "Please slow down",
        "% Query rate limit exceeded. Reduced information.",
        "No more queries allowed: not found out why",
        "Requests of this client are not permitted. Please use https://www.nic.ch/whois/ for "
        "queries.",
        "WHOIS lookup for FREE.ML can temporarily not be answered. Please try again.",
        "Server can't process your request.",
        "TLD is not supported.",
        "",
        "\r\n\r\n",
        "hello",
        "Service unavailable",
        "Sorry, try again later",
        "not found out",
        "Error: database error\nNo match",
        "Domain not found? Try again later."}) {
    EXPECT_NE(outcome_of(answer, "free.example"), Outcome::available) << answer;
    EXPECT_FALSE(is_registered(out.outcome)) << answer;
  }
}

TEST_F(WhoisParser, tells_how_long_to_wait) {
  EXPECT_EQ(outcome_of("Please go away for 13 Seconds"), Outcome::throttled);
  EXPECT_EQ(out.retry_after_s, 13U);
  EXPECT_EQ(outcome_of("Rate limit exceeded. Try again after: 24h0m0s"), Outcome::throttled);
  EXPECT_EQ(out.retry_after_s, 86'400U);
  EXPECT_EQ(outcome_of("The WHOIS query quota for 127.0.0.1 has been exceeded\n and will be "
                       "replenished in 0.141 seconds"),
            Outcome::throttled);
  EXPECT_EQ(out.retry_after_s, 1U);
}

TEST_F(WhoisParser, knows_the_ways_to_say_available) {
  for (const char* answer :
       {"No match for \"FREE.EXAMPLE\".", "NOT FOUND", "Domain not found.", "free.example is free",
        "% No match", "%ERROR:101: no entries found",
        "The queried object does not exist: DOMAIN NOT FOUND", "Domain free.example not found",
        "free.example: no existe", "free.example - No Match",
        ">>> Domain free.example is available for registration", "Status: free",
        "Domain: free.example\nStatus: AVAILABLE",
        "Domain Name: free.example\nDomain Status: No Object Found",
        "% No entries found for the selected source(s).", "This query returned 0 objects.",
        "No_Se_Encontro_El_Objeto/Object_Not_Found", "domain \"free.example\" not found."}) {
    EXPECT_EQ(outcome_of(answer, "free.example"), Outcome::available) << answer;
  }
}

TEST_F(WhoisParser, believes_no_negative_answer_about_another_name) {
  EXPECT_NE(outcome_of("No match for \"OTHER.EXAMPLE\".", "free.example"), Outcome::available);
  EXPECT_NE(outcome_of("Domain other.example not found", "free.example"), Outcome::available);
}

TEST_F(WhoisParser, refuses_an_answer_about_another_domain) {
  EXPECT_EQ(outcome_of("Domain Name: other.example\nRegistrar: R\nName Server: ns1.other.example\n"
                       "Creation Date: 2020-01-01\n",
                       "asked.example"),
            Outcome::unknown);
  EXPECT_EQ(problem, Problem::other_name);
}

TEST_F(WhoisParser, picks_the_record_of_the_asked_name_out_of_several) {
  EXPECT_EQ(
      outcome_of("Domain Name: aexample.bj\nName Server: ns9.wrong.example\nCreated: 2001-01-01\n\n"
                 "Domain Name: example.bj\nName Server: ns1.right.example\nCreated: 2009-03-25\n\n"
                 "Domain Name: examplez.bj\nName Server: ns8.wrong.example\nCreated: 2002-01-01\n",
                 "example.bj"),
      Outcome::registered);
  EXPECT_EQ(out.domain, "example.bj");
  EXPECT_THAT(out.nameservers, ElementsAre("ns1.right.example"));
  EXPECT_EQ(iso(out.created), "2009-03-25");
}

TEST_F(WhoisParser, is_not_led_by_disclaimers) {
  EXPECT_EQ(
      outcome_of(
          "Domain Name: example.com\nName Server: ns1.example.com\nCreation Date: 2020-01-01\n\n"
          "% You must not exceed the limit. Too many requests are blocked.\n% Not found\nNo "
          "match\n"),
      Outcome::registered);
}

TEST_F(WhoisParser, refuses_other_protocols) {
  for (const char* answer :
       {"HTTP/1.1 400 Bad Request\r\n\r\nNot found", "<!DOCTYPE html><html>not found</html>",
        "220 mail.example ESMTP\r\n", "SSH-2.0-OpenSSH_9.2\r\n"}) {
    EXPECT_EQ(outcome_of(answer), Outcome::unknown);
    EXPECT_EQ(problem, Problem::not_whois) << answer;
  }
}

TEST_F(WhoisParser, escapes_control_characters_and_bidi_marks) {
  EXPECT_EQ(
      outcome_of("Domain: example.com\nRegistrar: Evil\x1b]0;pwned\x07 \xE2\x80\xAEgnirts\xC2\x9B"
                 "31m\nCreated: 2020-01-01\n"),
      Outcome::registered);
  EXPECT_EQ(out.registrar, "Evil\\x1b]0;pwned\\x07 \\u{202e}gnirts\\x9b31m");
}

TEST_F(WhoisParser, reads_legacy_charsets) {
  const std::string answer =
      "domain: example.br\nowner: x\nregistrar: Jo\xE3o\ncreated: 2020-01-01\nnserver: "
      "ns1.example.br\n";
  EXPECT_EQ(outcome_of(answer, "example.br", "whois.registro.br"), Outcome::registered);
  EXPECT_EQ(out.registrar, "Jo\xC3\xA3o");
  EXPECT_EQ(outcome_of("\xEF\xBB\xBF"
                       "Domain: example.cn\nCreated: 2020-01-01\nRegistrar: x\n"),
            Outcome::registered);
  EXPECT_EQ(out.domain, "example.cn");
}

TEST_F(WhoisParser, stops_at_its_limits) {
  EXPECT_EQ(outcome_of(std::string(limits::kAnswerBytes + 1, 'a')), Outcome::unknown);
  EXPECT_EQ(problem, Problem::answer_too_long);
  EXPECT_EQ(outcome_of(std::string(limits::kLineBytes + 1, 'a')), Outcome::unknown);
  EXPECT_EQ(problem, Problem::line_too_long);
  EXPECT_EQ(outcome_of(std::string(limits::kLines + 1, '\n')), Outcome::unknown);
  EXPECT_EQ(problem, Problem::too_many_lines);
  EXPECT_EQ(outcome_of(std::string("Domain: a.b\0c", 13)), Outcome::unknown);
  EXPECT_EQ(problem, Problem::binary);
}

TEST_F(WhoisParser, takes_linear_time_for_hostile_text) {
  for (const std::string_view line :
       {std::string_view{"Domain Name: x.example\n"}, std::string_view{"a:\n"},
        std::string_view{"Name Server: ns1.a.b ns2.a.b ns3.a.b\n"},
        std::string_view{"no match for\n"}, std::string_view{"* * * * * limit * * exceeded\n"},
        std::string_view{"x  x\n"}}) {
    std::string answer;
    while (answer.size() + line.size() < limits::kAnswerBytes &&
           answer.size() / line.size() < limits::kLines - 2)
      answer += line;
    const auto start = std::chrono::steady_clock::now();
    (void)outcome_of(answer, "example.com");
    const auto took = std::chrono::steady_clock::now() - start;
    EXPECT_LT(took, std::chrono::seconds{2})
        << line;  // the bound of FAULTS W16 is 20 ms; sanitizers are slow
  }
}

TEST_F(WhoisParser, survives_every_prefix_of_an_answer) {
  const std::string answer =
      "[ banner ]\na. [Domain Name]    EXAMPLE.JP\np. [Name Server]   ns1.example.jp\n[State]   "
      "Connected (2030/03/31)\n"
      "Registrar:\n   Name: X\nNameservers\n\nnserver............: ns1.example.jp [OK]\nRecord "
      "created on 2020-01-15 06:59:05 (UTC+8)\n";
  for (size_t size = 0; size <= answer.size(); ++size) {
    EXPECT_NE(outcome_of(answer.substr(0, size), "example.jp"), Outcome::available);
  }
}

}  // namespace
}  // namespace zonesweep::whois
