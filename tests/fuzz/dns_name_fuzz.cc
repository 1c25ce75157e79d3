// A name that is taken from text survives the way to text and back, octet by octet.
#include <algorithm>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "protocols/dns/message_name.h"
#include "protocols/dns/name.h"
#include "protocols/dns/types.h"

namespace {

using namespace zonesweep::dns;

void text_to_wire(std::string_view text) {
  const auto name = Name::from_text(text);
  if (!name) return;
  const auto extent = check_name(name->wire(), 0, Compression::refused);
  assert(extent && extent->wire_size == name->wire().size());
  const std::string shown = name->to_text();
  assert(shown.size() <= limits::kNameTextBytes);
  const auto again = Name::from_text(shown);
  assert(again && std::ranges::equal(again->wire(), name->wire()));
  std::string lower;
  append_lower_name_text(*name, lower);
  assert(*Name::from_text(lower) == *name);
}

void wire_to_text(std::span<const std::byte> bytes) {
  for (size_t at = 0; at < bytes.size(); ++at) {
    std::array<std::byte, limits::kNameBytes> wire;
    const auto extent = read_name(bytes, at, wire);
    assert(extent.has_value() == check_name(bytes, at).has_value());
    if (!extent) continue;
    const WireName name{wire.data(), extent->wire_size};
    std::string expanded;
    std::string direct;
    append_name_text(name, expanded);
    append_name_text_at(bytes, at, direct);
    assert(expanded == direct);
    assert(equal_name_at(bytes, at, name));
    Effort effort;
    assert(at_or_below(bytes, at, at, effort));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text{reinterpret_cast<const char*>(data), size};
  text_to_wire(text);
  if (const auto type = type_from_text(text)) {
    std::string shown;
    append_type_text(*type, shown);
    assert(type_from_text(shown) == type);
  }
  wire_to_text(std::as_bytes(std::span(data, std::min<size_t>(size, 512))));
  return 0;
}
