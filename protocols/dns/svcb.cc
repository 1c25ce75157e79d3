#include "protocols/dns/svcb.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "protocols/dns/octets.h"
#include "protocols/dns/text_out.h"

namespace zonesweep::dns {
namespace {

using Octets = std::span<const std::byte>;

// RFC 9460 section 14.3.2. Later keys, dohpath (7) among them, are written as keyNNNNN: so does
// dig 9.18.
enum Key : uint16_t {
  kMandatory = 0,
  kAlpn = 1,
  kNoDefaultAlpn = 2,
  kPort = 3,
  kAddress4 = 4,
  kEch = 5,
  kAddress6 = 6,
};
constexpr std::array<std::string_view, 7> kWords = {"mandatory", "alpn", "no-default-alpn", "port",
                                                    "ipv4hint",  "ech",  "ipv6hint"};

void append_key(uint16_t key, std::string& out) {
  if (key < kWords.size()) {
    out.append(kWords[key]);
    return;
  }
  out.append("key");
  append_number(key, out);
}

bool is_key_list(Octets value) noexcept {
  if (value.empty() || value.size() % 2 != 0) return false;
  int last = kMandatory;  // which must not name itself
  for (size_t i = 0; i < value.size(); i += 2) {
    const int key = read_u16(value, i);
    if (key <= last) return false;
    last = key;
  }
  return true;
}

bool is_alpn_list(Octets left) noexcept {
  if (left.empty()) return false;
  while (!left.empty()) {
    const size_t size = read_u8(left, 0);
    if (size == 0 || size > left.size() - 1) return false;
    left = left.subspan(1 + size);
  }
  return true;
}

bool is_value(const SvcParam& param) noexcept {
  const size_t size = param.value.size();
  switch (param.key) {
    case kMandatory: return is_key_list(param.value);
    case kAlpn: return is_alpn_list(param.value);
    case kNoDefaultAlpn: return size == 0;
    case kPort: return size == 2;
    case kAddress4: return size != 0 && size % 4 == 0;
    case kAddress6: return size != 0 && size % 16 == 0;
    default: return true;
  }
}

bool holds_key(Octets params, uint16_t key) noexcept {
  SvcParamCursor cursor{params};
  SvcParam param;
  while (cursor.next(param)) {
    if (param.key == key) return true;
    if (param.key > key) break;  // they ascend
  }
  return false;
}

bool has_all(Octets params, Octets mandatory) noexcept {
  for (size_t i = 0; i < mandatory.size(); i += 2) {
    if (!holds_key(params, read_u16(mandatory, i))) return false;
  }
  return true;
}

template <typename Append>
void append_list(Octets value, size_t item_size, std::string& out, Append append) {
  for (size_t i = 0; i < value.size(); i += item_size) {
    if (i != 0) out.push_back(',');
    append(value.subspan(i, item_size));
  }
}

// RFC 9460 appendix A.1: a comma or backslash in a value of a list is escaped, and then once more
// as a character-string.
void append_alpn_octet(std::byte octet, std::string& out) {
  const char c = static_cast<char>(octet);
  if (c == ',' || c == '\\') {
    out.append("\\\\");
    if (c == '\\') out.push_back('\\');
    out.push_back(c);
  } else if (c == '"') {
    out.append("\\\"");
  } else if (c == ' ') {
    out.append("\\032");
  } else {
    append_unquoted({&octet, 1}, out);
  }
}

void append_alpn_list(Octets left, std::string& out) {
  out.push_back('"');
  for (bool first = true; !left.empty(); first = false) {
    if (!first) out.push_back(',');
    const size_t size = read_u8(left, 0);
    for (const std::byte octet : left.subspan(1, size)) append_alpn_octet(octet, out);
    left = left.subspan(1 + size);
  }
  out.push_back('"');
}

void append_value(const SvcParam& param, std::string& out) {
  switch (param.key) {
    case kMandatory:
      return append_list(param.value, 2, out,
                         [&](Octets key) { append_key(read_u16(key, 0), out); });
    case kAlpn: return append_alpn_list(param.value, out);
    case kPort: return append_number(read_u16(param.value, 0), out);
    case kAddress4:
      return append_list(param.value, 4, out, [&](Octets a) { append_address4(a, out); });
    case kAddress6:
      return append_list(param.value, 16, out, [&](Octets a) { append_address6(a, out); });
    case kEch: return append_base64(param.value, limits::kUnsplit, out);
    default: return append_quoted(param.value, out);
  }
}

}  // namespace

bool SvcParamCursor::next(SvcParam& param) noexcept {
  if (left_.size() < 4) return false;
  const size_t size = read_u16(left_, 2);
  if (left_.size() - 4 < size) return false;
  param = {read_u16(left_, 0), left_.subspan(4, size)};
  left_ = left_.subspan(4 + size);
  return true;
}

bool are_svc_params(Octets params) noexcept {
  SvcParamCursor cursor{params};
  SvcParam param;
  int last = -1;
  while (cursor.next(param)) {
    if (param.key <= last || !is_value(param)) return false;
    last = param.key;
    if (param.key == kMandatory && !has_all(params, param.value)) return false;
  }
  return cursor.finished();
}

void append_svc_param(const SvcParam& param, std::string& out) {
  append_key(param.key, out);
  if (param.value.empty()) return;
  out.push_back('=');
  append_value(param, out);
}

}  // namespace zonesweep::dns
