// tests/sim/sim_dns.h - DNS messages for simulated servers, written by hand.
//
// Deliberately not built on protocols/dns: a codec that errs must not agree with itself in a test.
//
// Units: wire bytes without the two-byte TCP length. Errors: a query too broken to answer gives an
// empty reply; names are text with a trailing dot left out, and are not escaped.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace zonesweep::sim {

using Bytes = std::vector<std::byte>;

struct SimRecord {
  uint16_t type = 1;
  uint32_t ttl = 300;
  Bytes data;
  std::string owner;  // empty: the question's name, by a compression pointer
};

struct SimReply {
  uint8_t rcode = 0;
  bool truncated = false;
  bool edns = false;  // adds an OPT record of 1232 bytes
  std::vector<SimRecord> answers{};
  std::vector<SimRecord> authorities{};
  std::vector<SimRecord> additionals{};
};

struct SimQuestion {
  uint16_t id = 0;
  std::string name;  // as sent, case kept
  uint16_t type = 0;
  bool edns = false;  // the query has an additional record
};

[[nodiscard]] SimQuestion question_of(std::span<const std::byte> query);
[[nodiscard]] Bytes dns_query(uint16_t id, std::string_view name, uint16_t type);
[[nodiscard]] Bytes dns_reply(std::span<const std::byte> query, const SimReply& reply);
[[nodiscard]] Bytes wire_name(std::string_view name);
[[nodiscard]] Bytes with_length(std::span<const std::byte> message);  // as TCP carries it

// An A record that can be told from the name alone: 10.x.y.z by a small hash of the lower-cased
// name.
[[nodiscard]] SimRecord a_record_of(std::string_view name);

}  // namespace zonesweep::sim
