#include "tools/loopback/expect.h"

#include <fmt/format.h>

#include <array>

#include "protocols/dns/message.h"
#include "protocols/dns/query.h"
#include "protocols/dns/rdata.h"
#include "tools/loopback/dns_responder.h"

namespace zonesweep::loopback {
namespace {

constexpr std::string_view kSections[] = {"answer", "authority"};

std::string print(const dns::Message& message) {
  const auto summary = message.validate();
  if (!summary) return "malformed\n";
  std::string out = fmt::format("{}\n", summary->rcode);
  for (const dns::Record& record : message.records()) {
    if (record.section == dns::Section::additional) continue;
    out += kSections[static_cast<size_t>(record.section)];
    out += '\t';
    dns::append_name_text_at(message.bytes(), record.owner, out, dns::FinalDot::dropped);
    out += fmt::format("\t{}\t", record.ttl());
    dns::append_type_text(record.type, out);
    out += '\t';
    dns::append_rdata_text(message, record, out);
    out += '\n';
  }
  return out;
}

}  // namespace

std::expected<std::string, std::string> expected_answer(const World& world, std::string_view name,
                                                        std::string_view type) {
  const auto question = dns::Name::from_text(name);
  if (!question)
    return std::unexpected(
        fmt::format("'{}' is no name: {}", name, dns::name_of(question.error())));
  const auto number = dns::type_from_text(type);
  if (!number) return std::unexpected(fmt::format("'{}' is no type", type));
  dns::Query query;
  query.name = *question;
  query.type = *number;
  std::array<std::byte, dns::limits::kQueryBytes> bytes;
  const size_t size = dns::write_query(query, bytes);
  DnsResponder responder{world, {}, 0};
  const Plan& plan = responder.respond(std::span(bytes).first(size), Transport::tcp, {});
  if (plan.count == 0) return "silence\n";
  const auto message = dns::Message::parse(plan.list[0].bytes.subspan(2));
  if (!message) return "malformed\n";
  return print(*message);
}

}  // namespace zonesweep::loopback
