// Decodes messages and prints the data of their records, one a line: the differential tests compare
// it with dig.
//
// Reads lines of hex, one message each. Prints, per message,
// "SECTION<TAB>OWNER<TAB>TTL<TAB>CLASS<TAB>TYPE<TAB>DATA" for every record but OPT, then a line "."
// or "! reason" when the message is refused.
#include <array>
#include <cstddef>
#include <cstdio>
#include <iostream>
#include <string>
#include <vector>

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

int main() {
  std::ios::sync_with_stdio(false);
  for (std::string line; std::getline(std::cin, line);) {
    decode(line);
    std::cout.flush();
  }
}
