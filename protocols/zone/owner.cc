#include "protocols/zone/owner.h"

#include <algorithm>
#include <cstring>

#include "protocols/zone/name_text.h"
#include "protocols/zone/words.h"

namespace zonesweep::zone {
namespace {

// The octet at `i`, escape undone; moves `i` behind it.
char octet_at(std::string_view token, size_t& i) {
  if (token[i] != '\\') return token[i++];
  if (!is_digit(token[i + 1])) {
    i += 2;
    return token[i - 1];
  }
  const int value = (token[i + 1] - '0') * 100 + (token[i + 2] - '0') * 10 + (token[i + 3] - '0');
  i += 4;
  return static_cast<char>(value);
}

std::string bad(std::string_view token, std::string_view why) {
  constexpr size_t shown = 80;
  return "'" + std::string(token.substr(0, shown)) + (token.size() > shown ? "..." : "") +
         "' is no name: " + std::string(why);
}

}  // namespace

std::expected<ZoneName, std::string> ZoneName::make(std::string_view token,
                                                    const ZoneName* origin) {
  const auto no_origin = [&] {
    return std::unexpected("'" + std::string(token.substr(0, 80)) +
                           "' is relative and there is no $ORIGIN; give one with --origin");
  };
  ZoneName name;
  if (token == "@")
    return origin != nullptr ? std::expected<ZoneName, std::string>(*origin) : no_origin();
  size_t label = 0;  // where its length goes
  size_t at = 1;
  bool absolute = token == ".";
  for (size_t i = absolute ? 1 : 0; i < token.size();) {
    const bool dot = token[i] == '.';
    const char octet = octet_at(token, i);
    if (dot && at - label == 1) return std::unexpected(bad(token, "an empty label"));
    if (at - label > limits::kLabel + (dot ? 1 : 0))
      return std::unexpected(bad(token, "a label over 63 octets"));
    if (at >= limits::kWireName) return std::unexpected(bad(token, "over 255 octets"));
    if (dot) {
      name.wire_[label] = static_cast<char>(at - label - 1);
      label = at;
    } else {
      name.wire_[at] = octet;
    }
    ++at;
    absolute = dot && i == token.size();
  }
  if (!absolute) {
    if (origin == nullptr) return no_origin();
    name.wire_[label] = static_cast<char>(at - label - 1);
    label = at;
  }
  const std::string_view tail = absolute ? std::string_view("", 1) : origin->wire();
  const std::string_view tail_text = absolute ? "" : origin->text();
  if (label + tail.size() > limits::kWireName)
    return std::unexpected(bad(token, "over 255 octets"));
  std::memcpy(name.wire_.data() + label, tail.data(), tail.size());
  name.wire_size_ = static_cast<uint16_t>(label + tail.size());

  char* to = std::ranges::copy(token, name.text_.data()).out;
  if (!absolute && !origin->is_root()) *to++ = '.';
  to = std::ranges::copy(tail_text, to).out;
  name.text_size_ = static_cast<uint16_t>(to - name.text_.data());
  return name;
}

void lower_wire(std::string_view wire, std::span<char, 256> key) noexcept {
  std::ranges::transform(wire, key.begin(), lower);
}

bool is_below(std::string_view wire, std::string_view apex) noexcept {
  if (wire.size() <= apex.size()) return false;
  const size_t above = wire.size() - apex.size();
  if (wire.substr(above) != apex) return false;
  size_t at = 0;
  while (at < above) at += static_cast<unsigned char>(wire[at]) + size_t{1};
  return at == above;
}

}  // namespace zonesweep::zone
