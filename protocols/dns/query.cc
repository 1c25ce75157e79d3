#include "protocols/dns/query.h"

#include <cstring>

namespace zonesweep::dns {
namespace {

std::byte* put_u16(std::byte* to, uint16_t value) noexcept {
  to[0] = static_cast<std::byte>(value >> 8);
  to[1] = static_cast<std::byte>(value & 0xFF);
  return to + 2;
}

// Root owner, type 41, payload size, extended rcode and version 0, DO, options.
std::byte* put_opt(std::byte* to, const Query& query) noexcept {
  *to++ = std::byte{0};
  to = put_u16(to, 41);
  to = put_u16(to, query.udp_payload);
  to = put_u16(to, 0);
  to = put_u16(to, query.dnssec_ok ? 0x8000 : 0);
  if (query.cookie.empty()) return put_u16(to, 0);
  to = put_u16(to, static_cast<uint16_t>(4 + query.cookie.size()));
  to = put_u16(to, 10);  // COOKIE
  to = put_u16(to, static_cast<uint16_t>(query.cookie.size()));
  std::memcpy(to, query.cookie.data(), query.cookie.size());
  return to + query.cookie.size();
}

}  // namespace

size_t write_query(const Query& query, std::span<std::byte> out) noexcept {
  const size_t size = query_bytes(query);
  if (out.size() < size || query.cookie.size() > limits::kCookieBytes) return 0;
  std::byte* to = out.data();
  to = put_u16(to, query.id);
  to = put_u16(to, static_cast<uint16_t>((query.recursion_desired ? 0x0100 : 0) |
                                         (query.checking_disabled ? 0x0010 : 0)));
  to = put_u16(to, 1);
  to = put_u16(to, 0);
  to = put_u16(to, 0);
  to = put_u16(to, query.edns ? 1 : 0);
  std::memcpy(to, query.name.data(), query.name.size());
  to += query.name.size();
  to = put_u16(to, query.type);
  to = put_u16(to, 1);  // IN
  if (query.edns) put_opt(to, query);
  return size;
}

}  // namespace zonesweep::dns
