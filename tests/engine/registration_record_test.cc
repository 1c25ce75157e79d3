#include "engine/registration_record.h"

#include <gtest/gtest.h>

#include "engine/registration_verdict.h"

namespace zonesweep::engine {
namespace {

using registration::Dnssec;

Registration answer_with(Outcome outcome) {
  Registration answer;
  answer.outcome = outcome;
  return answer;
}

TEST(RegistrationRecord, is_one_line_with_its_members_in_order_and_nothing_empty) {
  Registration answer = answer_with(Outcome::registered);
  answer.domain = "example.com";
  answer.registrar = "Registrar, \"Inc.\"";
  answer.created =
      registration::date_from_text("1995-08-14T04:00:00Z", registration::DateOrder::unknown);
  answer.expires = registration::date_from_text("2030-08-13", registration::DateOrder::unknown);
  answer.statuses = {"clientHold", "ok"};
  answer.nameservers = {"a.example.com"};
  answer.dnssec = Dnssec::unsigned_delegation;
  const RegistrationRecord record{.seq = 7,
                                  .input = "EXAMPLE.com",
                                  .name = "example.com",
                                  .domain = "example.com",
                                  .status = RegistrationStatus::ok,
                                  .source = RegistrationSource::rdap,
                                  .server = "https://rdap.example/",
                                  .answer = &answer,
                                  .tries = 1,
                                  .rtt_us = 812,
                                  .ts_us = 0};
  std::string row;
  append_ndjson(record, row);
  EXPECT_EQ(row,
            "{\"seq\":7,\"input\":\"EXAMPLE.com\",\"name\":\"example.com\",\"domain\":\"example."
            "com\",\"tld\":\"com\","
            "\"status\":\"OK\",\"registered\":true,\"outcome\":\"registered\",\"source\":\"rdap\","
            "\"server\":\"https://rdap.example/\",\"registrar\":\"Registrar, \\\"Inc.\\\"\","
            "\"created\":\"1995-08-14T04:00:00Z\",\"expires\":\"2030-08-13\",\"statuses\":["
            "\"clientHold\",\"ok\"],"
            "\"nameservers\":[\"a.example.com\"],\"dnssec\":false,\"tries\":1,\"rtt_us\":812,"
            "\"cached\":false,"
            "\"ts\":\"1970-01-01T00:00:00.000000Z\"}\n");
}

TEST(RegistrationRecord, says_not_registered_only_with_not_found) {
  for (size_t i = 0; i < registration::kOutcomeCount; ++i) {
    const Registration answer = answer_with(static_cast<Outcome>(i));
    const RegistrationStatus status = status_of(answer);
    const auto registered = registered_of(answer, status);
    EXPECT_EQ(registered == false, status == RegistrationStatus::not_found) << i;
    EXPECT_EQ(status == RegistrationStatus::not_found, answer.outcome == Outcome::available) << i;
    EXPECT_EQ(registered == true, is_registered(answer.outcome)) << i;
  }
}

TEST(RegistrationVerdict, takes_no_cut_answer_for_a_negative_one) {
  const Registration answer = answer_with(Outcome::available);
  EXPECT_EQ(verdict_of(whois::Problem::none, answer, /*cut=*/false).status,
            RegistrationStatus::not_found);
  const auto cut = verdict_of(whois::Problem::none, answer, /*cut=*/true);
  EXPECT_EQ(cut.status, RegistrationStatus::partial);
  EXPECT_EQ(registered_of(answer, cut.status), std::nullopt);
}

TEST(RegistrationVerdict, keeps_a_refusal_that_was_cut) {
  EXPECT_EQ(verdict_of(whois::Problem::none, answer_with(Outcome::throttled), /*cut=*/true).status,
            RegistrationStatus::rate_limited);
}

TEST(RegistrationVerdict, names_what_is_no_answer) {
  const Registration nothing;
  EXPECT_EQ(verdict_of(whois::Problem::not_whois, nothing, false).status,
            RegistrationStatus::bad_data);
  EXPECT_EQ(verdict_of(whois::Problem::line_too_long, nothing, false).status,
            RegistrationStatus::too_large);
  EXPECT_EQ(verdict_of(rdap::Problem::too_large, nothing).status, RegistrationStatus::too_large);
  EXPECT_EQ(verdict_of(rdap::Problem::other_name, nothing).status, RegistrationStatus::bad_data);
}

TEST(RegistrationStatus, has_a_word_for_each) {
  for (size_t i = 0; i < kRegistrationStatusCount; ++i) {
    EXPECT_FALSE(name_of(static_cast<RegistrationStatus>(i)).empty());
  }
}

}  // namespace
}  // namespace zonesweep::engine
