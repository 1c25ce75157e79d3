#include "protocols/dns/message_name.h"

#include <cstring>

#include "protocols/dns/escape.h"

namespace zonesweep::dns {
namespace {

constexpr size_t kHeader = 12;  // no name stands in the header

constexpr bool is_pointer(std::byte b) noexcept { return (b & std::byte{0xC0}) == std::byte{0xC0}; }

// Walks the labels of a checked name.
class Labels {
 public:
  Labels(MessageBytes message, size_t at) noexcept : bytes_(message.data()), at_(at) { settle(); }

  [[nodiscard]] size_t at() const noexcept { return at_; }  // never at a pointer
  [[nodiscard]] size_t size() const noexcept { return std::to_integer<size_t>(bytes_[at_]); }
  [[nodiscard]] bool at_root() const noexcept { return size() == 0; }
  [[nodiscard]] std::span<const std::byte> label() const noexcept {
    return {bytes_ + at_ + 1, size()};
  }
  void next() noexcept {
    at_ += 1 + size();
    settle();
  }

 private:
  void settle() noexcept {
    while (is_pointer(bytes_[at_])) {
      at_ = std::to_integer<size_t>(bytes_[at_] & std::byte{0x3F}) << 8 |
            std::to_integer<size_t>(bytes_[at_ + 1]);
    }
  }

  const std::byte* bytes_;
  size_t at_;
};

bool equal_labels(std::span<const std::byte> a, std::span<const std::byte> b) noexcept {
  if (a.size() != b.size()) return false;
  if (std::memcmp(a.data(), b.data(), a.size()) == 0) return true;
  for (size_t i = 0; i < a.size(); ++i) {
    if (to_lower(a[i]) != to_lower(b[i])) return false;
  }
  return true;
}

bool spend(Effort& effort) noexcept {
  if (effort.labels_left == 0) return false;
  --effort.labels_left;
  return true;
}

bool equal_walks(Labels a, Labels b, Effort& effort) noexcept {
  while (a.at() != b.at()) {  // from one offset on, both are the same octets
    if (!spend(effort) || !equal_labels(a.label(), b.label())) return false;
    if (a.at_root()) return true;
    a.next();
    b.next();
  }
  return true;
}

size_t count_labels(Labels name, Effort& effort) noexcept {
  size_t count = 0;
  for (; !name.at_root() && spend(effort); name.next()) ++count;
  return count;
}

}  // namespace

std::expected<NameExtent, Error> check_name(MessageBytes message, size_t at,
                                            Compression compression) noexcept {
  size_t run = at;  // where the current run of labels began: a pointer must go before it
  size_t end = 0;   // behind the first pointer
  size_t size = 0;
  for (;;) {
    if (at >= message.size()) return std::unexpected(Error::truncated);
    const size_t first = std::to_integer<size_t>(message[at]);
    if (first < 0x40) {
      size += 1 + first;
      if (size > limits::kNameBytes) return std::unexpected(Error::name_too_long);
      at += 1 + first;
      if (first != 0) continue;
      if (end == 0) end = at;
      return NameExtent{static_cast<uint16_t>(end), static_cast<uint16_t>(size)};
    }
    if (first < 0xC0) return std::unexpected(Error::bad_label);
    if (compression == Compression::refused) return std::unexpected(Error::bad_pointer);
    if (at + 1 >= message.size()) return std::unexpected(Error::truncated);
    const size_t target = (first & 0x3F) << 8 | std::to_integer<size_t>(message[at + 1]);
    if (target >= run || target < kHeader) return std::unexpected(Error::bad_pointer);
    if (end == 0) end = at + 2;
    run = at = target;
  }
}

std::expected<NameExtent, Error> read_name(MessageBytes message, size_t at,
                                           std::span<std::byte, limits::kNameBytes> out) noexcept {
  const auto extent = check_name(message, at);
  if (!extent) return extent;
  size_t size = 0;
  for (Labels name{message, at}; !name.at_root(); name.next()) {
    std::memcpy(out.data() + size, message.data() + name.at(), 1 + name.size());
    size += 1 + name.size();
  }
  out[size] = std::byte{0};
  return extent;
}

Name name_at(MessageBytes message, size_t at) noexcept {
  std::array<std::byte, limits::kNameBytes> wire;
  const auto extent = read_name(message, at, wire);
  return extent ? Name(WireName{wire.data(), extent->wire_size}) : Name{};
}

void append_name_text_at(MessageBytes message, size_t at, std::string& out, FinalDot dot) {
  Labels name{message, at};
  if (name.at_root()) {
    out.push_back('.');
    return;
  }
  std::array<char, limits::kNameTextBytes + 16> text;
  char* to = text.data();
  for (; !name.at_root(); name.next()) {
    to = escape_label<false>(name.label(), to);
    *to++ = '.';
  }
  if (dot == FinalDot::dropped) --to;
  out.append(text.data(), static_cast<size_t>(to - text.data()));
}

bool equal_names_at(MessageBytes message, size_t a, size_t b, Effort& effort) noexcept {
  return equal_walks(Labels{message, a}, Labels{message, b}, effort);
}

bool equal_name_at(MessageBytes message, size_t at, WireName name) noexcept {
  size_t done = 0;
  for (Labels walk{message, at};; walk.next()) {
    const size_t size = walk.size();
    if (done >= name.size() || std::to_integer<size_t>(name[done]) != size) return false;
    if (size == 0) return true;
    if (!equal_labels(walk.label(), name.subspan(done + 1, size))) return false;
    done += 1 + size;
  }
}

bool at_or_below(MessageBytes message, size_t name, size_t ancestor, Effort& effort) noexcept {
  Labels below{message, name};
  const Labels above{message, ancestor};
  const size_t depth = count_labels(below, effort);
  const size_t wanted = count_labels(above, effort);
  if (depth < wanted || effort.used_up()) return false;
  for (size_t i = wanted; i < depth; ++i) below.next();
  return equal_walks(below, above, effort);
}

}  // namespace zonesweep::dns
