#include "engine/registration_record.h"

#include <array>

#include "engine/json_text.h"
#include "protocols/registration/date.h"

namespace zonesweep::engine {
namespace {

using registration::Date;
using registration::Dnssec;

constexpr std::array<std::string_view, kRegistrationStatusCount> kStatusWords = {
    "OK",        "NOT_FOUND", "RATE_LIMITED", "PARTIAL",          "TIMEOUT",
    "NET_ERROR", "TLS_ERROR", "HTTP_ERROR",   "REDIRECT_BLOCKED", "TOO_LARGE",
    "BAD_DATA",  "EMPTY",     "NO_SERVER",    "ILLEGAL_INPUT",    "CANCELLED"};

// Literals carry their comma, colon and quotes; a member without a value is left out.
void text_member(std::string_view literal, std::string_view value, std::string& out) {
  if (value.empty()) return;
  out.append(literal);
  append_json_text(value, out);
  out.push_back('"');
}

void date_member(std::string_view literal, const Date& date, std::string& out) {
  if (!date.known() || date.before) return;
  out.append(literal);
  registration::append_iso(date, out);
  out.push_back('"');
}

void list_member(std::string_view literal, const std::vector<std::string_view>& values,
                 std::string& out) {
  if (values.empty()) return;
  out.append(literal);
  for (size_t i = 0; i < values.size(); ++i) {
    out.append(i == 0 ? "[\"" : ",\"");
    append_json_text(values[i], out);
    out.push_back('"');
  }
  out.push_back(']');
}

void append_identity(const RegistrationRecord& record, std::string& out) {
  out.append("{\"seq\":");
  append_json_number(record.seq, out);
  out.append(",\"input\":\"");
  append_json_text(record.input, out);
  out.push_back('"');
  text_member(",\"name\":\"", record.name, out);
  const std::string_view answered =
      record.answer == nullptr ? std::string_view{} : record.answer->domain;
  const std::string_view domain = answered.empty() ? record.domain : answered;
  text_member(",\"domain\":\"", domain, out);
  text_member(",\"tld\":\"", domain.substr(domain.rfind('.') + 1), out);
  text_member(",\"status\":\"", name_of(record.status), out);
}

void append_verdict(const RegistrationRecord& record, std::string& out) {
  if (record.answer == nullptr) return;
  const auto registered = registered_of(*record.answer, record.status);
  if (registered) out.append(*registered ? ",\"registered\":true" : ",\"registered\":false");
  text_member(",\"outcome\":\"", registration::name_of(record.answer->outcome), out);
}

void append_facts(const Registration& answer, std::string& out) {
  text_member(",\"registrar\":\"", answer.registrar, out);
  text_member(",\"registrar_iana_id\":\"", answer.registrar_iana_id, out);
  date_member(",\"created\":\"", answer.created, out);
  date_member(",\"updated\":\"", answer.updated, out);
  date_member(",\"expires\":\"", answer.expires, out);
  list_member(",\"statuses\":", answer.statuses, out);
  list_member(",\"nameservers\":", answer.nameservers, out);
  if (answer.dnssec != Dnssec::unstated) {
    out.append(answer.dnssec == Dnssec::signed_delegation ? ",\"dnssec\":true"
                                                          : ",\"dnssec\":false");
  }
  text_member(",\"registrant_org\":\"", answer.registrant_org, out);
  text_member(",\"registrant_country\":\"", answer.registrant_country, out);
  text_member(",\"abuse_email\":\"", answer.abuse_email, out);
  text_member(",\"abuse_phone\":\"", answer.abuse_phone, out);
  text_member(",\"referral\":\"", answer.referral, out);
}

void append_provenance(const RegistrationRecord& record, std::string& out) {
  out.append(",\"tries\":");
  append_json_number(record.tries, out);
  if (record.rtt_us != 0) {
    out.append(",\"rtt_us\":");
    append_json_number(record.rtt_us, out);
  }
  out.append(record.cached ? ",\"cached\":true,\"ts\":" : ",\"cached\":false,\"ts\":");
  append_json_time(record.ts_us, out);
  text_member(",\"error\":\"", record.error, out);
  text_member(",\"raw\":\"", record.raw, out);
  out.append("}\n");
}

}  // namespace

std::string_view name_of(RegistrationStatus status) noexcept {
  return kStatusWords[static_cast<size_t>(status)];
}

std::string_view name_of(RegistrationSource source) noexcept {
  switch (source) {
    case RegistrationSource::none: return "";
    case RegistrationSource::rdap: return "rdap";
    case RegistrationSource::whois: return "whois";
  }
  return "";
}

RegistrationStatus status_of(const Registration& answer) noexcept {
  if (is_registered(answer.outcome)) {
    return answer.truncated ? RegistrationStatus::partial : RegistrationStatus::ok;
  }
  switch (answer.outcome) {
    case Outcome::available: return RegistrationStatus::not_found;
    case Outcome::throttled:
    case Outcome::refused: return RegistrationStatus::rate_limited;
    case Outcome::unsupported_tld: return RegistrationStatus::no_server;
    case Outcome::empty: return RegistrationStatus::empty;
    case Outcome::incomplete: return RegistrationStatus::partial;
    case Outcome::error:
    case Outcome::unknown: return RegistrationStatus::bad_data;
    default:
      return RegistrationStatus::ok;  // reserved, unavailable, invalid: the server's last word
  }
}

std::optional<bool> registered_of(const Registration& answer, RegistrationStatus status) noexcept {
  if (status == RegistrationStatus::not_found) return false;
  if (is_registered(answer.outcome)) return true;
  // Reserved names that a registry holds itself have data like any other.
  if (status == RegistrationStatus::partial && answer.outcome == Outcome::available)
    return std::nullopt;
  const bool held = answer.outcome == Outcome::reserved &&
                    (!answer.nameservers.empty() || answer.created.known());
  return held ? std::optional{true} : std::nullopt;
}

void append_ndjson(const RegistrationRecord& record, std::string& out) {
  append_identity(record, out);
  append_verdict(record, out);
  text_member(",\"source\":\"", name_of(record.source), out);
  text_member(",\"server\":\"", record.server, out);
  if (record.answer != nullptr) append_facts(*record.answer, out);
  append_provenance(record, out);
}

}  // namespace zonesweep::engine
