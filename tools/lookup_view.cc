#include "tools/lookup_view.h"

#include <fmt/format.h>

#include "protocols/dns/edns.h"
#include "protocols/dns/rdata.h"
#include "protocols/dns/relevance.h"
#include "protocols/dns/types.h"
#include "protocols/registration/date.h"
#include "tools/say.h"
#include "tools/units.h"

namespace zonesweep::tools {
namespace {

using engine::DnsRecord;
using engine::Outcome;
using engine::Registration;
using engine::RegistrationRecord;
using engine::RegistrationStatus;
using engine::Status;

constexpr std::string_view kBold = "1", kDim = "2", kRed = "31", kGreen = "32", kYellow = "33";
constexpr uint32_t kRegistrationQuestion = UINT32_MAX;  // behind all DNS types

std::string_view color_of(Status status) {
  switch (status) {
    case Status::noerror: return kGreen;
    case Status::nodata:
    case Status::nxdomain: return kYellow;
    default: return kRed;
  }
}

std::string_view color_of(RegistrationStatus status) {
  switch (status) {
    case RegistrationStatus::ok: return kGreen;
    case RegistrationStatus::not_found:
    case RegistrationStatus::partial: return kYellow;
    default: return kRed;
  }
}

void add_extended_errors(const dns::Message& message, const dns::Summary& summary, Paint paint,
                         std::string& out) {
  if (!summary.edns.present) return;
  dns::ExtendedErrorCursor errors(message, summary.edns);
  for (dns::ExtendedError error; errors.next(error);) {
    const std::string_view text(reinterpret_cast<const char*>(error.text.data()),
                                error.text.size());
    out += fmt::format(
        "    {}\n",
        paint(kYellow, fmt::format("extended error {} {} {}", error.info_code,
                                   dns::extended_error_name(error.info_code), printable(text))));
  }
}

void add_records(const DnsRecord& record, Paint paint, std::string& out) {
  const auto message = dns::Message::parse(record.message);
  if (!message) return;
  const auto summary = message->validate();
  if (!summary) return;
  for (const dns::Record& found : message->records()) {
    const bool proof = found.section == dns::Section::authority && found.type == dns::type::kSoa;
    if (found.section != dns::Section::answer && !proof) continue;
    std::string owner, type, data;
    dns::append_name_text_at(message->bytes(), found.owner, owner);
    dns::append_type_text(found.type, type);
    dns::append_rdata_text(*message, found, data);
    out += fmt::format("    {:<30} {:>7}  {:<6} {}\n", printable(owner), found.ttl(), type,
                       printable(data));
  }
  add_extended_errors(*message, *summary, paint, out);
}

void add_line(std::string_view label, std::string_view value, std::string& out) {
  if (!value.empty()) out += fmt::format("    {:<14} {}\n", label, printable(value));
}

void add_line(std::string_view label, const registration::Date& date, std::string& out) {
  if (!date.known() || date.before) return;
  std::string text;
  registration::append_iso(date, text);
  add_line(label, text, out);
}

std::string joined(const std::vector<std::string_view>& values) {
  return fmt::format("{}", fmt::join(values, " "));
}

void add_facts(const Registration& answer, std::string& out) {
  std::string registrar{answer.registrar};
  if (!answer.registrar_iana_id.empty())
    registrar += fmt::format(" (IANA {})", answer.registrar_iana_id);
  add_line("registrar", registrar, out);
  add_line("created", answer.created, out);
  add_line("updated", answer.updated, out);
  add_line("expires", answer.expires, out);
  add_line("status", joined(answer.statuses), out);
  add_line("name servers", joined(answer.nameservers), out);
  if (answer.dnssec != registration::Dnssec::unstated) {
    const bool is_signed = answer.dnssec == registration::Dnssec::signed_delegation;
    add_line("DNSSEC", is_signed ? "signed" : "unsigned", out);
  }
  add_line("registrant", answer.registrant_org, out);
  add_line("country", answer.registrant_country, out);
  add_line("abuse", answer.abuse_email, out);
  add_line("abuse phone", answer.abuse_phone, out);
  add_line("referral", answer.referral, out);
}

}  // namespace

std::string Paint::operator()(std::string_view code, std::string_view text) const {
  return on ? fmt::format("\x1b[{}m{}\x1b[0m", code, text) : std::string(text);
}

void LookupView::add(uint32_t question, const DnsRecord& record) {
  std::string& text = texts_[{record.seq, question}];
  if (json_) {
    engine::append_row(record, engine::Table::dns, says_, text);
  } else {
    text = for_people(record);
  }
}

void LookupView::add(const RegistrationRecord& record) {
  std::string& text = texts_[{record.seq, kRegistrationQuestion}];
  if (json_) {
    engine::append_row(record, engine::Table::registration, says_, text);
  } else {
    text = for_people(record);
  }
}

void LookupView::print() const {
  for (const auto& [place, text] : texts_) say(stdout, "{}", text);
}

std::string LookupView::for_people(const DnsRecord& record) const {
  std::string type, status, out;
  dns::append_type_text(record.type, type);
  engine::append_status(record.status, record.rcode, status);
  out = fmt::format("{}  {:<6} {}", paint_(kBold, printable(record.input)), type,
                    paint_(color_of(record.status), status));
  if (record.status == Status::illegal_input) return out + fmt::format("  {}\n", record.error);
  if (!record.server.empty()) {
    std::string how = fmt::format("  {} {} {:.1f} ms", record.server,
                                  engine::name_of(record.transport), record.rtt_us / 1e3);
    if (record.tries > 1) how += fmt::format(", {} tries", record.tries);
    out += paint_(kDim, how);
  }
  if (!record.error.empty()) out += "  " + std::string(record.error);
  out += '\n';
  if (!record.message.empty()) add_records(record, paint_, out);
  return out;
}

std::string LookupView::for_people(const RegistrationRecord& record) const {
  const bool answered = record.answer != nullptr && record.answer->outcome != Outcome::unknown;
  std::string out = fmt::format("{}  {:<6} {}", paint_(kBold, printable(record.input)), "REG",
                                paint_(color_of(record.status), engine::name_of(record.status)));
  if (answered) out += fmt::format("  {}", registration::name_of(record.answer->outcome));
  if (!record.domain.empty() && record.domain != record.input)
    out += fmt::format("  {}", printable(record.domain));
  if (!record.server.empty()) {
    std::string how =
        fmt::format("  {} {}", engine::name_of(record.source), printable(record.server));
    if (record.rtt_us > 0) how += fmt::format(" {:.1f} ms", record.rtt_us / 1e3);
    if (record.tries > 1) how += fmt::format(", {} tries", record.tries);
    out += paint_(kDim, how);
  }
  if (!record.error.empty()) out += fmt::format("  {}", printable(record.error));
  out += '\n';
  if (record.answer != nullptr) add_facts(*record.answer, out);
  if (!record.raw.empty()) out += fmt::format("\n{}\n", printable(record.raw));
  return out;
}

}  // namespace zonesweep::tools
