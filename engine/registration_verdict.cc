#include "engine/registration_verdict.h"

namespace zonesweep::engine {
namespace {

// Why a row that is neither OK nor NOT_FOUND is none.
[[nodiscard]] std::string_view reason_of(const Registration& answer) noexcept {
  switch (answer.outcome) {
    case Outcome::unknown: return "answer proves nothing";
    case Outcome::refused: return "refused";
    case Outcome::error: return "server error";
    case Outcome::unsupported_tld: return "not the server of this zone";
    default: return {};
  }
}

}  // namespace

RegistrationVerdict verdict_of(whois::Problem problem, const Registration& answer,
                               bool cut) noexcept {
  using whois::Problem;
  switch (problem) {
    case Problem::none: break;
    case Problem::answer_too_long:
    case Problem::line_too_long:
    case Problem::too_many_lines: return {RegistrationStatus::too_large, whois::name_of(problem)};
    default: return {RegistrationStatus::bad_data, whois::name_of(problem)};
  }
  const RegistrationStatus status = status_of(answer);
  // A cut answer may have lost the line that says otherwise, or all that it would have said.
  const bool doubtful = status == RegistrationStatus::ok ||
                        status == RegistrationStatus::not_found ||
                        answer.outcome == Outcome::unknown;
  if (cut && doubtful) return {RegistrationStatus::partial, "connection cut"};
  return {status, reason_of(answer)};
}

RegistrationVerdict verdict_of(rdap::Problem problem, const Registration& answer) noexcept {
  if (problem == rdap::Problem::too_large)
    return {RegistrationStatus::too_large, rdap::name_of(problem)};
  if (problem != rdap::Problem::none) return {RegistrationStatus::bad_data, rdap::name_of(problem)};
  if (answer.outcome == Outcome::error) return {RegistrationStatus::http_error, reason_of(answer)};
  return {status_of(answer), reason_of(answer)};
}

}  // namespace zonesweep::engine
