// protocols/dns/query.h - the question that we send.
//
// Threads: pure functions. Ownership: a Query borrows its name and cookie for the call.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "protocols/dns/name.h"

namespace zonesweep::dns {

namespace limits {
inline constexpr size_t kHeaderBytes = 12;
inline constexpr size_t kOptBytes = 11;     // an OPT record without options
inline constexpr size_t kCookieBytes = 40;  // RFC 7873: 8 of the client, at most 32 of the server
inline constexpr uint16_t kUdpPayload =
    1'232;                             // DNS flag day 2020; fits an IPv6 packet of 1,280 octets
inline constexpr size_t kQueryBytes =  // the longest query that write_query() makes
    kHeaderBytes + kNameBytes + 4 + kOptBytes + 4 + kCookieBytes;
}  // namespace limits

struct Query {
  WireName name{};
  uint16_t type = 1;
  uint16_t id = 0;
  bool recursion_desired = true;
  bool checking_disabled = false;
  bool edns = true;
  bool dnssec_ok = false;                      // only with edns
  uint16_t udp_payload = limits::kUdpPayload;  // only with edns
  std::span<const std::byte> cookie{};         // only with edns; 8 or 16 to 40 octets, or empty
};

// Queries of equal query_bytes() can leave in one GSO send.
[[nodiscard]] constexpr size_t query_bytes(const Query& query) noexcept {
  size_t size = limits::kHeaderBytes + query.name.size() + 4;
  if (query.edns) size += limits::kOptBytes + (query.cookie.empty() ? 0 : 4 + query.cookie.size());
  return size;
}

// Writes query_bytes(query) octets and returns that; 0 when `out` is too small.
[[nodiscard]] size_t write_query(const Query& query, std::span<std::byte> out) noexcept;

}  // namespace zonesweep::dns
