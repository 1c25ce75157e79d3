#include "engine/registration_reader.h"

#include <algorithm>

namespace zonesweep::engine {
namespace {

using Health = Reading::Health;

[[nodiscard]] Reading failure(RegistrationStatus status, std::string_view reason) {
  return {.verdict = {status, reason}, .health = Health::silent, .again = true};
}

[[nodiscard]] Reading throttle(std::string_view reason, Duration retry_after) {
  return {.verdict = {RegistrationStatus::rate_limited, reason},
          .health = Health::throttles,
          .retry_after = retry_after};
}

[[nodiscard]] Reading refusal(RegistrationStatus status, std::string_view reason, bool again) {
  return {.verdict = {status, reason}, .again = again};
}

[[nodiscard]] Reading lost(io::Error error, std::string_view reason) {
  Reading reading = failure(RegistrationStatus::net_error, reason);
  if (!io::is_local(error)) return reading;
  reading.ours = true;
  reading.health = Health::unknown;
  return reading;
}

[[nodiscard]] bool is_blank(std::string_view text) noexcept {
  return text.find_first_not_of(" \t\r\n") == std::string_view::npos;
}

[[nodiscard]] std::string_view reason_of(http::Problem problem) noexcept {
  return http::name_of(problem);
}

// HTTP/2 tells frames from data; in HTTP/1.1 broken framing means that nobody knows what is data.
[[nodiscard]] RegistrationStatus status_of(http::Problem problem, bool http2) noexcept {
  using http::Problem;
  switch (problem) {
    case Problem::body_limit:
    case Problem::inflate_ratio: return RegistrationStatus::too_large;
    case Problem::header_limit: return RegistrationStatus::http_error;
    case Problem::bad_header:
    case Problem::bad_framing:
    case Problem::unexpected:
      return http2 ? RegistrationStatus::http_error : RegistrationStatus::bad_data;
    default: return RegistrationStatus::bad_data;
  }
}

// The connection was to blame, perhaps on account of another request.
[[nodiscard]] bool may_pass(http::Problem problem, bool http2) noexcept {
  return problem == http::Problem::truncated || (http2 && problem == http::Problem::bad_framing);
}

// A limit that is told by a status beside 429 and 503.
[[nodiscard]] bool tells_a_limit(uint16_t status) noexcept {
  return status == 403 || status == 422;
}

// The row's words for a status that is no answer: a closed set.
[[nodiscard]] std::string_view reason_of(uint16_t status) noexcept {
  switch (status) {
    case 400: return "HTTP 400";
    case 401: return "HTTP 401";
    case 404: return "HTTP 404 without RDAP";
    case 405: return "HTTP 405";
    case 406: return "HTTP 406";
    case 410: return "HTTP 410";
    case 500: return "HTTP 500";
    case 501: return "HTTP 501";
    case 502: return "HTTP 502";
    case 504: return "HTTP 504";
    default: break;
  }
  if (status >= 500) return "HTTP 5xx";
  if (status >= 400) return "HTTP 4xx";
  return status >= 300 ? "HTTP 3xx without a place to go" : "HTTP status";
}

}  // namespace

Reading RegistrationReader::read_text(std::string_view text, std::string_view domain,
                                      std::string_view server, bool cut) {
  const whois::Question question{.name = domain, .server = server};
  const whois::Problem problem = whois_.parse(text, question, answer_);
  Reading reading{.verdict = verdict_of(problem, answer_, cut), .answer = &answer_, .raw = text};
  switch (reading.verdict.status) {
    case RegistrationStatus::rate_limited:
      reading.health = Health::throttles;
      reading.retry_after = std::chrono::seconds{answer_.retry_after_s};
      break;
    case RegistrationStatus::empty:  // how many servers refuse who asks too much
      reading.health = Health::silent;
      reading.again = true;
      break;
    case RegistrationStatus::bad_data: reading.again = answer_.outcome == Outcome::error; break;
    case RegistrationStatus::partial: reading.again = cut; break;
    default: break;
  }
  return reading;
}

Reading RegistrationReader::read(const WhoisResult& result, std::string_view domain,
                                 std::string_view server) {
  switch (result.kind) {
    case WhoisResult::Kind::net_error: return lost(result.error, result.reason);
    case WhoisResult::Kind::too_large:
      return refusal(RegistrationStatus::too_large, result.reason, false);
    case WhoisResult::Kind::answer: return read_text(result.answer, domain, server, result.cut);
    case WhoisResult::Kind::timeout: break;
  }
  if (result.answer.empty()) return failure(RegistrationStatus::timeout, result.reason);
  // What came may be the refusal; a plain answer that was cut is kept as a part.
  Reading reading = read_text(result.answer, domain, server, true);
  if (reading.verdict.status == RegistrationStatus::rate_limited) return reading;
  const bool says_nothing = answer_.outcome == Outcome::unknown || is_blank(result.answer);
  if (reading.verdict.status != RegistrationStatus::partial || says_nothing)
    reading.verdict = {RegistrationStatus::timeout, result.reason};
  reading.health = Health::silent;
  reading.again = true;
  return reading;
}

Reading RegistrationReader::read_body(std::string_view body, std::string_view domain) {
  const rdap::Problem problem = rdap_.parse(body, domain, answer_);
  Reading reading{.verdict = verdict_of(problem, answer_), .answer = &answer_, .raw = body};
  if (reading.verdict.status != RegistrationStatus::rate_limited) return reading;
  reading.health = Health::throttles;
  reading.retry_after = std::chrono::seconds{answer_.retry_after_s};
  return reading;
}

// RFC 7480 section 5.3: the server holds no such name; what an HTML page says is another server's
// business.
Reading RegistrationReader::read_404(const http::Response& response, std::string_view domain) {
  if (is_blank(response.body)) {
    answer_.clear();
    answer_.outcome = Outcome::available;
    return {.verdict = {RegistrationStatus::not_found, {}}, .answer = &answer_};
  }
  Reading reading = read_body(response.body, domain);
  const bool negative = reading.verdict.status == RegistrationStatus::not_found;
  const bool throttled = reading.verdict.status == RegistrationStatus::rate_limited;
  if (negative || throttled) return reading;
  reading.verdict = {RegistrationStatus::http_error, reason_of(uint16_t{404})};
  reading.answer = nullptr;
  return reading;
}

Reading RegistrationReader::read_response(const http::Response& response, std::string_view domain,
                                          int64_t now) {
  const uint16_t status = response.status;
  if (status == 200) {
    Reading reading = read_body(response.body, domain);
    // An error object in a 200 says nothing about the name.
    if (reading.verdict.status == RegistrationStatus::not_found)
      reading.verdict = {RegistrationStatus::bad_data, "error object with HTTP 200"};
    return reading;
  }
  if (response.is_redirect() && !response.location.empty()) {
    Reading reading = refusal(RegistrationStatus::redirect_blocked, "redirect", false);
    reading.moved = true;
    reading.raw = response.location;
    return reading;
  }
  if (response.is_throttled() || tells_a_limit(status)) {
    const auto seconds = http::seconds_to_wait(response.retry_after, now);
    return throttle(status == 429   ? "HTTP 429"
                    : status == 503 ? "HTTP 503"
                    : status == 403 ? "HTTP 403"
                    : status == 422 ? "HTTP 422"
                                    : "Retry-After",
                    std::chrono::seconds{seconds});
  }
  if (status == 404) return read_404(response, domain);
  return refusal(RegistrationStatus::http_error, reason_of(status), status >= 500 && status != 501);
}

Reading RegistrationReader::read(const HttpsResult& result, std::string_view domain, int64_t now) {
  using Kind = HttpsResult::Kind;
  switch (result.kind) {
    case Kind::response: return read_response(*result.response, domain, now);
    case Kind::net_error: return lost(result.error, io::name_of(result.error));
    case Kind::timeout: return failure(RegistrationStatus::timeout, name_of(result.stage));
    case Kind::tls_error: {
      Reading reading = failure(RegistrationStatus::tls_error, result.reason);
      reading.again = false;
      return reading;
    }
    case Kind::problem:
      if (result.problem == http::Problem::no_room)
        return lost(io::Error::overload, reason_of(result.problem));
      return refusal(status_of(result.problem, result.http2), reason_of(result.problem),
                     may_pass(result.problem, result.http2));
    case Kind::reset: return refusal(RegistrationStatus::http_error, "RST_STREAM", true);
    case Kind::unprocessed: {
      Reading reading = refusal(RegistrationStatus::http_error, "not processed", true);
      reading.unseen = true;
      return reading;
    }
  }
  return {};
}

Reading RegistrationReader::read_again(RegistrationSource source, std::string_view raw,
                                       std::string_view domain, std::string_view server) {
  return source == RegistrationSource::rdap ? read_body(raw, domain)
                                            : read_text(raw, domain, server, false);
}

std::string_view iana_referral(std::string_view answer) noexcept {
  for (const std::string_view label : {"refer:", "whois:"}) {
    for (std::string_view left = answer; !left.empty();) {
      const size_t end = std::min(left.find('\n'), left.size());
      std::string_view line = left.substr(0, end);
      left.remove_prefix(std::min(end + 1, left.size()));
      if (!line.starts_with(label)) continue;
      line.remove_prefix(std::min(line.find_first_not_of(" \t", label.size()), line.size()));
      while (!line.empty() && (line.back() == '\r' || line.back() == ' ')) line.remove_suffix(1);
      if (!line.empty()) return line;
    }
  }
  return {};
}

}  // namespace zonesweep::engine
