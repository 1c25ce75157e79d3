// What the fuzz targets of the input parsers share: everything that came out of a text, as one string.
#pragma once

#include <algorithm>
#include <cassert>
#include <cstring>
#include <string>
#include <string_view>

#include "protocols/zone/parser.h"

namespace zonesweep::fuzz {

inline void show(const zone::NameBlock& block, std::string& shown) {
  for (const zone::InputName& name : block.names) {
    assert((name.kind == zone::InputName::Kind::illegal) == (name.wire_size == 0));
    const auto wire = block.wire(name);
    size_t at = 0;
    while (at < wire.size() && wire[at] != std::byte{0}) at += static_cast<size_t>(wire[at]) + 1;
    assert(wire.empty() || at + 1 == wire.size());
    shown += std::to_string(name.seq) + ' ' + std::to_string(static_cast<int>(name.kind)) + ' ';
    shown += std::string(zone::name_of(name.reason)) + ' ';
    shown += block.input(name);
    shown += '\0';
    shown.append(reinterpret_cast<const char*>(wire.data()), wire.size());
    shown += '\n';
  }
}

// In pieces of `piece` bytes, at most `names` names at a time.
inline std::string parsed(zone::Parser& parser, std::string_view text, size_t piece, size_t names) {
  zone::TextBuffer buffer;
  zone::NameBlock block;
  uint64_t seq = 0;
  std::string shown;
  while (true) {
    block.clear();
    zone::Output out{block, names, seq};
    const auto step = parser.parse(buffer, out);
    seq = out.seq;
    assert(block.names.size() <= names);
    show(block, shown);
    if (!step)
      return shown + "error " + std::to_string(step.error().line) + ' ' + step.error().message;
    if (*step == zone::Step::ended) break;
    if (*step == zone::Step::block_full) continue;
    const auto room = buffer.room();
    const size_t n = std::min({room.size(), text.size(), piece});
    std::memcpy(room.data(), text.data(), n);
    buffer.commit(n);
    text.remove_prefix(n);
    if (text.empty()) buffer.finish();
  }
  const zone::Counts& counts = parser.counts();
  assert(counts.names == seq);
  return shown + std::to_string(counts.skipped) + ' ' + std::to_string(counts.duplicates) + ' ' +
         std::to_string(counts.out_of_zone);
}

// The first byte says how the rest is cut.
struct Cut {
  size_t piece = 1;
  std::string_view text;

  Cut(const uint8_t* data, size_t size)
      : piece(size == 0 ? 1 : data[0] + size_t{1}),
        text(reinterpret_cast<const char*>(data) + (size == 0 ? 0 : 1), size == 0 ? 0 : size - 1) {}
};

}  // namespace zonesweep::fuzz
