// A WHOIS answer of any bytes: no crash, clean text only, the same reading twice, and never
// "available" beside data.
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "engine/registration_verdict.h"
#include "protocols/registration/clean_text.h"

namespace {

using namespace zonesweep;

void check_clean(std::string_view text) {
  for (size_t at = 0; at < text.size();) {
    const auto character = registration::character_at(text, at);
    assert(character.size != 0);
    assert(character.code >= 0x20 || character.code == '\t');
    assert(!registration::must_be_escaped(character.code));
    at += character.size;
  }
}

std::string row_of(const registration::Registration& answer, whois::Problem problem) {
  engine::RegistrationRecord record;
  const auto verdict = engine::verdict_of(problem, answer, false);
  record.status = verdict.status;
  record.error = verdict.error;
  record.answer = &answer;
  std::string row;
  engine::append_ndjson(record, row);
  return row;
}

}  // namespace

// The first byte chooses the question.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  static constexpr whois::Question kQuestions[] = {{},
                                                   {"example.com", "whois.verisign-grs.com"},
                                                   {"example.jp", "whois.jprs.jp"},
                                                   {"xn--e1afmkfd.xn--p1ai", ""}};
  static whois::Parser parser;
  static registration::Registration answer;
  const whois::Question& question = kQuestions[data[0] % 4];
  const std::string_view text{reinterpret_cast<const char*>(data) + 1, size - 1};
  const auto problem = parser.parse(text, question, answer);
  for (const std::string_view field : {answer.domain, answer.registrar, answer.referral,
                                       answer.registrant_org, answer.abuse_email}) {
    check_clean(field);
  }
  for (const std::string_view host : answer.nameservers) check_clean(host);
  for (const std::string_view status : answer.statuses) check_clean(status);
  if (answer.outcome == registration::Outcome::available) {
    assert(problem == whois::Problem::none);
    assert(question.name.empty() || answer.domain.empty() || answer.nameservers.empty());
  }
  const std::string row = row_of(answer, problem);
  assert((row.find("\"registered\":false") != std::string::npos) ==
         (answer.outcome == registration::Outcome::available));
  const auto again = parser.parse(text, question, answer);
  assert(again == problem && row_of(answer, again) == row);
  return 0;
}
