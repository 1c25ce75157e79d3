// Decodes messages and prints the data of their records, one a line: the differential tests compare
// it with dig.
//
// Reads lines of hex, one message each. Prints, per message,
// "SECTION<TAB>OWNER<TAB>TTL<TAB>CLASS<TAB>TYPE<TAB>DATA" for every record but OPT, then a line "."
// or "! reason" when the message is refused.
#include <array>
#include <cstddef>
#include <expected>
#include <iostream>
#include <string>
#include <string_view>
#include <vector>

#include "engine/ndjson.h"
#include "protocols/dns/rdata.h"

namespace {

using namespace zonesweep;

std::vector<std::byte> from_hex(const std::string& line) {
  std::vector<std::byte> bytes;
  for (size_t i = 0; i + 1 < line.size(); i += 2) {
    bytes.push_back(static_cast<std::byte>(std::stoi(line.substr(i, 2), nullptr, 16)));
  }
  return bytes;
}

void dump(const dns::Message& message) {
  static constexpr std::array kSections = {"answer", "authority", "additional"};
  for (const dns::Record& record : message.records()) {
    if (record.type == dns::type::kOpt) continue;
    std::string line = kSections[static_cast<size_t>(record.section)];
    line += '\t';
    dns::append_name_text_at(message.bytes(), record.owner, line);
    line += '\t' + std::to_string(record.ttl()) + '\t';
    dns::append_class_text(record.klass, line);
    line += '\t';
    dns::append_type_text(record.type, line);
    line += '\t';
    dns::append_rdata_text(message, record, line);
    std::cout << line << '\n';
  }
}

void print_row(const std::vector<std::byte>& bytes) {
  engine::DnsRecord record{.input = {reinterpret_cast<const char*>(bytes.data()), bytes.size()}};
  record.status = engine::Status::bad_answer;
  const auto message = dns::Message::parse(bytes);
  const auto summary = message ? message->validate() : std::unexpected(message.error());
  if (summary) {
    record.name = message->question_name();
    record.type = message->question_type();
    record.status = engine::status_of(*message, *summary);
    record.message = bytes;
    record.summary = &*summary;
  }
  std::string row;
  engine::append_ndjson(record, row);
  std::cout << row;
}

void decode(const std::string& line) {
  const auto bytes = from_hex(line);
  const auto message = dns::Message::parse(bytes);
  if (!message) {
    std::cout << "! " << dns::name_of(message.error()) << '\n';
    return;
  }
  const auto summary = message->validate();
  if (!summary) {
    std::cout << "! " << dns::name_of(summary.error()) << '\n';
    return;
  }
  dump(*message);
  std::cout << ".\n";
}

}  // namespace

int main(int argc, char** argv) {
  std::ios::sync_with_stdio(false);
  const bool rows = argc > 1 && std::string_view(argv[1]) == "--rows";
  for (std::string line; std::getline(std::cin, line);) {
    rows ? print_row(from_hex(line)) : decode(line);
    std::cout.flush();
  }
}
