#include "protocols/dns/special_rdata.h"

#include <algorithm>
#include <array>

#include "protocols/dns/octets.h"
#include "protocols/dns/text_out.h"
#include "protocols/dns/types.h"

namespace zonesweep::dns {
namespace {

using Octets = std::span<const std::byte>;
using Size = std::optional<size_t>;

Size whole_if(const Rdata& rdata, bool good) noexcept {
  return good ? Size{rdata.size()} : std::nullopt;
}

// Octets of an uncompressed name at the front; 0 when it is malformed.
size_t plain_name_size(const Rdata& rdata) noexcept {
  const auto extent = check_name(rdata.message.first(rdata.end), rdata.at, Compression::refused);
  return extent ? extent->end - rdata.at : 0;
}

void append_name(const Rdata& rdata, size_t at, std::string& out) {
  append_name_text_at(rdata.message, at, out);
}

size_t block_of(Blanks blanks) noexcept {
  return blanks == Blanks::split ? limits::kTextBlock : limits::kUnsplit;
}

// RFC 3123: family, prefix length, N and length of the address part, of which trailing zeros are
// cut.
struct Prefix {
  uint16_t family;
  uint8_t bits;
  bool negated;
  Octets part;
};

bool is_known(const Prefix& prefix) noexcept { return prefix.family == 1 || prefix.family == 2; }

bool next_prefix(Octets& left, Prefix& prefix) noexcept {
  if (left.size() < 4) return false;
  const size_t size = read_u8(left, 3) & 0x7F;
  prefix = {read_u16(left, 0), read_u8(left, 2), (read_u8(left, 3) & 0x80) != 0, {}};
  if (left.size() - 4 < size) return false;
  prefix.part = left.subspan(4, size);
  left = left.subspan(4 + size);
  if (size != 0 && prefix.part.back() == std::byte{0}) return false;
  const size_t address = prefix.family == 1 ? 4 : 16;
  return !is_known(prefix) || (size <= address && prefix.bits <= 8 * address);
}

bool are_prefixes(Octets left) noexcept {
  Prefix prefix;
  while (!left.empty()) {
    if (!next_prefix(left, prefix)) return false;
  }
  return true;
}

bool are_known_prefixes(Octets left) noexcept {
  Prefix prefix;
  while (next_prefix(left, prefix)) {
    if (!is_known(prefix)) return false;
  }
  return true;
}

void append_prefixes(Octets left, std::string& out) {
  Prefix prefix;
  for (bool first = true; next_prefix(left, prefix); first = false) {
    if (!first) out.push_back(' ');
    if (prefix.negated) out.push_back('!');
    append_number(prefix.family, out);
    out.push_back(':');
    std::array<std::byte, 16> address{};
    std::ranges::copy(prefix.part, address.begin());
    prefix.family == 1 ? append_address4(address, out) : append_address6(address, out);
    out.push_back('/');
    append_number(prefix.bits, out);
  }
}

// RFC 1035 section 3.4.2: a protocol and a bitmap of ports.
bool are_services(Octets rest) noexcept { return !rest.empty() && rest.size() <= 1 + 8'192; }

void append_bits(Octets bitmap, std::string& out, void (*append)(uint32_t, std::string&)) {
  for (size_t bit = 0; bit < 8 * bitmap.size(); ++bit) {
    if ((bitmap[bit / 8] & (std::byte{0x80} >> (bit % 8))) == std::byte{0}) continue;
    out.push_back(' ');
    append(static_cast<uint32_t>(bit), out);
  }
}

void append_services(Octets rest, std::string& out) {
  append_number(read_u8(rest, 0), out);
  append_bits(rest.subspan(1), out, append_number);
}

// RFC 2535 section 5.2: at most 128 types; bit 0 would mean another format.
bool is_old_bitmap(Octets rest) noexcept {
  return !rest.empty() && rest.size() <= 16 && (rest[0] & std::byte{0x80}) == std::byte{0};
}

void append_old_bitmap(Octets rest, std::string& out) {
  std::string types;
  append_bits(rest, types, [](uint32_t type, std::string& to) {
    append_old_type_text(static_cast<uint16_t>(type), to);
  });
  if (!types.empty()) out.append(types, 1);
}

// RFC 2874 section 3: prefix length, address suffix, and the prefix name if there is a prefix.
size_t a6_suffix(uint8_t prefix_bits) noexcept { return 16 - prefix_bits / 8; }

bool is_a6(const Rdata& rdata) noexcept {
  if (rdata.size() == 0) return false;
  const uint8_t bits = read_u8(rdata.message, rdata.at);
  if (bits > 128 || rdata.size() - 1 < a6_suffix(bits)) return false;
  Rdata name = rdata;
  name.at += 1 + a6_suffix(bits);
  if (bits == 0) return name.size() == 0;
  return name.size() != 0 && plain_name_size(name) == name.size();
}

void append_a6(const Rdata& rdata, std::string& out) {
  const uint8_t bits = read_u8(rdata.message, rdata.at);
  append_number(bits, out);
  const size_t size = a6_suffix(bits);
  if (bits != 128) {
    std::array<std::byte, 16> address{};
    std::ranges::copy(rdata.rest().subspan(1, size), address.end() - static_cast<ptrdiff_t>(size));
    if (size != 0) address[16 - size] &= std::byte{0xFF} >> (bits % 8);
    out.push_back(' ');
    append_address6(address, out);
  } else {
    out.push_back(' ');  // dig leaves the place of the address empty
  }
  if (bits == 0) return;
  out.push_back(' ');
  append_name(rdata, rdata.at + 1 + size, out);
}

// A gateway (RFC 4025 section 2.5, RFC 8777 section 4.2.3): none, IPv4, IPv6 or a name.
Size gateway_size(uint8_t gateway_type, const Rdata& rdata) noexcept {
  switch (gateway_type) {
    case 0: return 0;
    case 1: return rdata.size() >= 4 ? Size{4} : std::nullopt;
    case 2: return rdata.size() >= 16 ? Size{16} : std::nullopt;
    case 3: {
      const size_t size = rdata.size() == 0 ? 0 : plain_name_size(rdata);
      return size != 0 ? Size{size} : std::nullopt;
    }
    default: return std::nullopt;
  }
}

void append_gateway(uint8_t gateway_type, const Rdata& rdata, std::string& out) {
  switch (gateway_type) {
    case 0: return out.push_back('.');
    case 1: return append_address4(rdata.rest(), out);
    case 2: return append_address6(rdata.rest(), out);
    default: return append_name(rdata, rdata.at, out);
  }
}

constexpr size_t kIpsecHead = 3;  // precedence, gateway type, algorithm

bool is_ipseckey(Rdata rdata) noexcept {
  if (rdata.size() < kIpsecHead) return false;
  const uint8_t gateway_type = read_u8(rdata.message, rdata.at + 1);
  rdata.at += kIpsecHead;
  return gateway_size(gateway_type, rdata).has_value();
}

void append_ipseckey(Rdata rdata, Blanks blanks, std::string& out) {
  const uint8_t gateway_type = read_u8(rdata.message, rdata.at + 1);
  for (size_t i = 0; i < kIpsecHead; ++i) {
    append_number(read_u8(rdata.message, rdata.at + i), out);
    out.push_back(' ');
  }
  rdata.at += kIpsecHead;
  append_gateway(gateway_type, rdata, out);
  rdata.at += gateway_size(gateway_type, rdata).value_or(0);
  if (rdata.size() == 0) return;
  out.push_back(' ');
  append_base64(rdata.rest(), block_of(blanks), out);
}

constexpr size_t kAmtHead = 2;  // precedence; D bit and relay type

bool is_amtrelay(Rdata rdata) noexcept {
  if (rdata.size() < kAmtHead) return false;
  const uint8_t relay_type = read_u8(rdata.message, rdata.at + 1) & 0x7F;
  rdata.at += kAmtHead;
  if (relay_type > 3) return true;  // unknown: kept as it is
  return gateway_size(relay_type, rdata) == rdata.size();
}

void append_amtrelay(Rdata rdata, std::string& out) {
  const uint8_t kind = read_u8(rdata.message, rdata.at + 1);
  append_number(read_u8(rdata.message, rdata.at), out);
  out.append(kind >> 7 != 0 ? " 1 " : " 0 ");
  append_number(kind & 0x7Fu, out);
  rdata.at += kAmtHead;
  out.push_back(' ');
  append_gateway(kind & 0x7F, rdata, out);
}

constexpr size_t kHipHead = 4;  // lengths of the tag and of the key, algorithm

bool is_hip(Rdata rdata) noexcept {
  if (rdata.size() < kHipHead) return false;
  const size_t tag = read_u8(rdata.message, rdata.at);
  const size_t key = read_u16(rdata.message, rdata.at + 2);
  if (tag == 0 || key == 0 || rdata.size() - kHipHead < tag + key) return false;
  rdata.at += kHipHead + tag + key;
  while (rdata.size() != 0) {
    const size_t size = plain_name_size(rdata);
    if (size == 0) return false;
    rdata.at += size;
  }
  return true;
}

void append_hip(Rdata rdata, std::string& out) {
  const size_t tag = read_u8(rdata.message, rdata.at);
  const size_t key = read_u16(rdata.message, rdata.at + 2);
  append_number(read_u8(rdata.message, rdata.at + 1), out);
  rdata.at += kHipHead;
  out.push_back(' ');
  append_hex(rdata.rest().first(tag), limits::kUnsplit, out);
  out.push_back(' ');
  append_base64(rdata.rest().subspan(tag, key), limits::kUnsplit, out);
  rdata.at += tag + key;
  while (rdata.size() != 0) {
    out.push_back(' ');
    append_name(rdata, rdata.at, out);
    rdata.at += plain_name_size(rdata);
  }
}

bool is_doa(Octets rest) noexcept { return !rest.empty() && rest.size() - 1 >= read_u8(rest, 0); }

void append_doa(Octets rest, std::string& out) {
  const size_t size = read_u8(rest, 0);
  append_quoted(rest.subspan(1, size), out);
  out.push_back(' ');
  const Octets data = rest.subspan(1 + size);
  data.empty() ? out.push_back('-') : append_base64(data, limits::kUnsplit, out);
}

// The ATM Forum's AESA (0) or E.164 (1) behind one octet of format.
bool is_atma(Octets rest) noexcept {
  if (rest.size() < 2) return false;
  return rest[0] != std::byte{1} || std::ranges::all_of(rest.subspan(1), [](std::byte b) {
           return b >= std::byte{'0'} && b <= std::byte{'9'};
         });
}

void append_atma(Octets rest, std::string& out) {
  if (rest[0] == std::byte{0}) {
    return append_hex(rest.subspan(1), limits::kUnsplit, out, HexCase::lower);
  }
  out.push_back('+');
  append_unquoted(rest.subspan(1), out);
}

}  // namespace

void append_old_type_text(uint16_t number, std::string& out) {
  const std::string_view word = type_mnemonic(number);
  word.empty() ? append_number(number, out) : void(out.append(word));
}

bool is_showable(uint16_t type, Octets rdata) noexcept {
  switch (type) {
    case type::kLoc: return rdata[0] == std::byte{0};
    case type::kApl: return are_known_prefixes(rdata);
    case type::kAmtrelay: return (read_u8(rdata, 1) & 0x7F) <= 3;
    case type::kAtma: return read_u8(rdata, 0) <= 1;
    default: return true;
  }
}

Size special_size(Kind kind, const Rdata& rdata) noexcept {
  switch (kind) {
    case Kind::prefixes: return whole_if(rdata, are_prefixes(rdata.rest()));
    case Kind::services: return whole_if(rdata, are_services(rdata.rest()));
    case Kind::old_bitmap: return whole_if(rdata, is_old_bitmap(rdata.rest()));
    case Kind::a6_rest: return whole_if(rdata, is_a6(rdata));
    case Kind::ipsec_rest: return whole_if(rdata, is_ipseckey(rdata));
    case Kind::hip_rest: return whole_if(rdata, is_hip(rdata));
    case Kind::amt_rest: return whole_if(rdata, is_amtrelay(rdata));
    case Kind::atma: return whole_if(rdata, is_atma(rdata.rest()));
    case Kind::doa_rest: return whole_if(rdata, is_doa(rdata.rest()));
    default: return std::nullopt;
  }
}

void append_special(Kind kind, const Rdata& field, Blanks blanks, std::string& out) {
  switch (kind) {
    case Kind::prefixes: return append_prefixes(field.rest(), out);
    case Kind::services: return append_services(field.rest(), out);
    case Kind::old_bitmap: return append_old_bitmap(field.rest(), out);
    case Kind::a6_rest: return append_a6(field, out);
    case Kind::ipsec_rest: return append_ipseckey(field, blanks, out);
    case Kind::hip_rest: return append_hip(field, out);
    case Kind::amt_rest: return append_amtrelay(field, out);
    case Kind::atma: return append_atma(field.rest(), out);
    case Kind::doa_rest: return append_doa(field.rest(), out);
    default: return;
  }
}

}  // namespace zonesweep::dns
