#include "protocols/dns/name.h"

#include <bit>
#include <cstring>
#include <optional>

#include "protocols/dns/escape.h"

namespace zonesweep::dns {
namespace {

constexpr bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

// Builds the wire form label by label; the first fault sticks.
class LabelBuilder {
 public:
  explicit LabelBuilder(std::span<std::byte> out) noexcept : out_(out) {}

  bool add(std::byte b) noexcept {
    if (at_ - label_ > limits::kLabelBytes) return fail(NameError::label_too_long);
    if (at_ >= limits::kNameBytes - 1) return fail(NameError::name_too_long);
    if (at_ >= out_.size()) return fail(NameError::no_room);
    out_[at_++] = b;
    return true;
  }

  // Ends the label and begins the next one.
  bool end_label() noexcept {
    const size_t size = at_ - label_ - 1;
    if (size == 0) return fail(NameError::empty_label);
    if (at_ >= out_.size()) return fail(NameError::no_room);
    out_[label_] = static_cast<std::byte>(size);
    label_ = at_++;
    return true;
  }

  // Only after calls that all succeeded.
  std::expected<size_t, NameError> finish() noexcept {
    if (at_ - label_ > 1 && !end_label()) return std::unexpected(error_);
    if (at_ > limits::kNameBytes) return std::unexpected(NameError::name_too_long);
    out_[label_] = std::byte{0};
    return at_;
  }

  [[nodiscard]] NameError error() const noexcept { return error_; }
  bool fail(NameError error) noexcept {
    error_ = error;
    return false;
  }

 private:
  std::span<std::byte> out_;
  size_t label_ = 0;  // where the length of the current label will stand
  size_t at_ = 1;
  NameError error_ = NameError::empty;
};

// The octet that the escape at `text[at]` (behind the backslash) stands for; moves `at` behind it.
std::optional<std::byte> read_escape(std::string_view text, size_t& at) noexcept {
  if (at >= text.size()) return std::nullopt;
  if (!is_digit(text[at])) return static_cast<std::byte>(text[at++]);
  if (at + 3 > text.size() || !is_digit(text[at + 1]) || !is_digit(text[at + 2])) {
    return std::nullopt;
  }
  const int value = (text[at] - '0') * 100 + (text[at + 1] - '0') * 10 + (text[at + 2] - '0');
  if (value > 255) return std::nullopt;
  at += 3;
  return static_cast<std::byte>(value);
}

std::expected<size_t, NameError> escaped_name_from_text(std::string_view text,
                                                        std::span<std::byte> out) noexcept {
  if (out.empty()) return std::unexpected(NameError::no_room);
  LabelBuilder name{out};
  for (size_t at = 0; at < text.size();) {
    const char c = text[at++];
    bool ok = true;
    if (c == '.') {
      ok = name.end_label();
    } else if (c == '\\') {
      const auto octet = read_escape(text, at);
      ok = octet ? name.add(*octet) : name.fail(NameError::bad_escape);
    } else {
      ok = name.add(static_cast<std::byte>(c));
    }
    if (!ok) return std::unexpected(name.error());
  }
  return name.finish();
}

constexpr uint64_t kOnes = 0x0101010101010101;
constexpr uint64_t kHighBits = 0x8080808080808080;

// Lower case of eight octets at once: sets bit 5 of those between 'A' and 'Z'.
constexpr uint64_t lower8(uint64_t v) noexcept {
  const uint64_t low7 = v & ~kHighBits;
  const uint64_t from_a = low7 + kOnes * (128 - 'A');
  const uint64_t above_z = low7 + kOnes * (128 - 'Z' - 1);
  return v | (((from_a & ~above_z & ~v & kHighBits)) >> 2);
}

uint64_t load8(const std::byte* p) noexcept {
  uint64_t v;
  std::memcpy(&v, p, sizeof v);
  return v;
}

template <bool kLower>
void append_text(WireName name, std::string& out, FinalDot dot) {
  if (name.size() <= 1) {
    out.push_back('.');
    return;
  }
  std::array<char, limits::kNameTextBytes + 16> text;
  char* to = text.data();
  for (size_t at = 0; name[at] != std::byte{0};) {
    const size_t size = std::to_integer<size_t>(name[at]);
    to = escape_label<kLower>(name.subspan(at + 1, size), to);
    *to++ = '.';
    at += 1 + size;
  }
  if (dot == FinalDot::dropped) --to;
  out.append(text.data(), static_cast<size_t>(to - text.data()));
}

}  // namespace

std::string_view name_of(NameError error) noexcept {
  switch (error) {
    case NameError::empty: return "empty name";
    case NameError::empty_label: return "empty label";
    case NameError::label_too_long: return "label too long";
    case NameError::name_too_long: return "name too long";
    case NameError::bad_escape: return "bad escape";
    case NameError::no_room: return "no room for the name";
  }
  return "unknown";
}

// The wire form of a name without escapes is its text, shifted by one, with each dot replaced by
// the length of the label behind it: one copy and one scan.
std::expected<size_t, NameError> name_from_text(std::string_view text,
                                                std::span<std::byte> out) noexcept {
  if (text.empty()) return std::unexpected(NameError::empty);
  if (text == ".") {
    if (out.empty()) return std::unexpected(NameError::no_room);
    out[0] = std::byte{0};
    return 1;
  }
  const size_t length = text.back() == '.' ? text.size() - 1 : text.size();
  if (length + 2 > limits::kNameBytes || length + 2 > out.size()) {
    return escaped_name_from_text(text,
                                  out);  // escapes may still shrink it; and it finds the fault
  }
  std::byte* const wire = out.data();
  size_t label = 0;
  for (size_t i = 0; i < length; ++i) {
    const char c = text[i];
    if (c == '\\') return escaped_name_from_text(text, out);
    wire[i + 1] = static_cast<std::byte>(c);
    if (c == '.') {
      const size_t size = i - label;
      if (size - 1 >= limits::kLabelBytes) return escaped_name_from_text(text, out);
      wire[label] = static_cast<std::byte>(size);
      label = i + 1;
    }
  }
  const size_t size = length - label;
  if (size - 1 >= limits::kLabelBytes) return escaped_name_from_text(text, out);
  wire[label] = static_cast<std::byte>(size);
  wire[length + 1] = std::byte{0};
  return length + 2;
}

void append_name_text(WireName name, std::string& out, FinalDot dot) {
  append_text<false>(name, out, dot);
}

void append_lower_name_text(WireName name, std::string& out, FinalDot dot) {
  append_text<true>(name, out, dot);
}

// The length octets are below 64 and so have no case: the whole wire form compares as one run.
bool equal_names(WireName a, WireName b) noexcept {
  if (a.size() != b.size()) return false;
  size_t i = 0;
  for (; i + 8 <= a.size(); i += 8) {
    const uint64_t x = load8(a.data() + i);
    const uint64_t y = load8(b.data() + i);
    if (x != y && lower8(x) != lower8(y)) return false;
  }
  for (; i < a.size(); ++i) {
    if (to_lower(a[i]) != to_lower(b[i])) return false;
  }
  return true;
}

std::expected<Name, NameError> Name::from_text(std::string_view text) noexcept {
  Name name;
  const auto size = name_from_text(text, name.bytes_);
  if (!size) return std::unexpected(size.error());
  name.size_ = static_cast<uint8_t>(*size);
  return name;
}

std::string Name::to_text(FinalDot dot) const {
  std::string text;
  append_name_text(wire(), text, dot);
  return text;
}

}  // namespace zonesweep::dns
