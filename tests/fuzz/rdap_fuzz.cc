// An RDAP body of any bytes: no crash, the same reading twice, and "available" only with an error
// code.
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "engine/registration_verdict.h"
#include "protocols/rdap/bootstrap.h"

namespace {

using namespace zonesweep;

std::string row_of(const registration::Registration& answer, rdap::Problem problem) {
  engine::RegistrationRecord record;
  const auto verdict = engine::verdict_of(problem, answer);
  record.status = verdict.status;
  record.error = verdict.error;
  record.answer = &answer;
  std::string row;
  engine::append_ndjson(record, row);
  return row;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static rdap::Parser parser;
  static registration::Registration answer;
  const std::string_view body{reinterpret_cast<const char*>(data), size};
  const auto problem = parser.parse(body, "example.com", answer);
  if (answer.outcome == registration::Outcome::available)
    assert(parser.details().error_code == 404);
  const std::string row = row_of(answer, problem);
  const auto again = parser.parse(body, "example.com", answer);
  assert(again == problem && row_of(answer, again) == row);
  static rdap::Bootstrap bootstrap;  // building one takes longer than all the rest
  (void)bootstrap.load(body);
  return 0;
}
