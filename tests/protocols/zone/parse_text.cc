#include "tests/protocols/zone/parse_text.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

namespace zonesweep::zone::testing {

std::string wire_text(std::span<const std::byte> wire) {
  std::string text;
  for (size_t at = 0; at < wire.size() && wire[at] != std::byte{0};
       at += static_cast<size_t>(wire[at]) + 1) {
    EXPECT_LE(static_cast<size_t>(wire[at]), 63u);
    for (size_t i = 1; i <= static_cast<size_t>(wire[at]); ++i) {
      const auto c = static_cast<unsigned char>(wire[at + i]);
      if (std::isalnum(c) != 0 || c == '-' || c == '_' || c == '*') {
        text += static_cast<char>(c);
      } else {
        text +=
            '\\' + std::string{char('0' + c / 100), char('0' + c / 10 % 10), char('0' + c % 10)};
      }
    }
    text += '.';
  }
  EXPECT_LE(wire.size(), 255u);
  EXPECT_TRUE(wire.empty() || wire.back() == std::byte{0});
  return text.empty() ? "." : text;
}

namespace {

void add_rows(const NameBlock& block, uint64_t first_seq, Parsed& parsed) {
  for (size_t i = 0; i < block.names.size(); ++i) {
    const InputName& name = block.names[i];
    EXPECT_EQ(name.seq, first_seq + i);
    std::string row(block.input(name));
    EXPECT_EQ(name.kind == InputName::Kind::illegal, name.wire_size == 0);
    if (name.kind == InputName::Kind::illegal) {
      row += " !" + std::string(name_of(name.reason));
    } else {
      row += ' ' + wire_text(block.wire(name));
      if (name.kind == InputName::Kind::address) row += " address";
    }
    parsed.rows.push_back(std::move(row));
  }
}

}  // namespace

Parsed parse(Parser& parser, std::string_view text, const std::function<size_t()>& piece,
             size_t names) {
  Parsed parsed;
  TextBuffer buffer;
  NameBlock block;
  uint64_t seq = 0;
  while (true) {
    block.clear();
    Output out{block, names, seq};
    const auto step = parser.parse(buffer, out);
    EXPECT_LE(block.names.size(), names);
    add_rows(block, seq, parsed);
    seq = out.seq;
    if (!step) {
      parsed.error_line = step.error().line;
      parsed.error = step.error().message;
      break;
    }
    if (*step == Step::ended) break;
    if (*step == Step::block_full) continue;
    const auto room = buffer.room();
    const size_t n = std::min({piece(), text.size(), room.size()});
    std::memcpy(room.data(), text.data(), n);
    buffer.commit(n);
    text.remove_prefix(n);
    if (text.empty()) buffer.finish();
  }
  const Counts& counts = parser.counts();
  EXPECT_EQ(counts.names, parsed.rows.size());
  parsed.skipped = counts.skipped;
  parsed.duplicates = counts.duplicates;
  parsed.out_of_zone = counts.out_of_zone;
  return parsed;
}

Parsed parse(Parser& parser, std::string_view text, size_t piece, size_t names) {
  return parse(
      parser, text, [piece] { return piece; }, names);
}

std::vector<std::string> inputs(const Parsed& parsed) {
  std::vector<std::string> names;
  for (const std::string& row : parsed.rows) names.push_back(row.substr(0, row.find(' ')));
  return names;
}

}  // namespace zonesweep::zone::testing
