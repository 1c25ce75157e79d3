// engine/record.h - what is written for one question: one row of the table `dns`.
//
// Threads:    value types.
// Ownership:  a DnsRecord borrows everything; it lives for the call that encodes it.
// Units:      rtt in microseconds; ts in microseconds since the Unix epoch, UTC.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "protocols/dns/message.h"
#include "protocols/dns/name.h"

namespace zonesweep::engine {

enum class Status : uint8_t {
  noerror,  // there is an answer of the asked type
  nodata,   // the name exists, the type does not
  nxdomain,
  servfail,
  refused,
  formerr,
  notimp,
  rcode,  // any other; written as RCODE<n>
  timeout,
  truncated,  // TC, and TCP did not help; the row keeps what came
  net_error,
  bad_answer,     // malformed, lame, or not an answer to the question
  cname_loop,     // a loop, or a chain above dns::limits::kChainLinks
  illegal_input,  // the input is no domain name; nothing was asked
  cancelled,      // the run ended first
};
inline constexpr size_t kStatusCount = static_cast<size_t>(Status::cancelled) + 1;

// The word of the row; "RCODE" for Status::rcode.
[[nodiscard]] std::string_view name_of(Status status) noexcept;
// The word of the row with its number: "RCODE17".
void append_status(Status status, uint16_t rcode, std::string& out);

// The status that a whole, validated, matching reply stands for. An empty NOERROR that proves
// nothing (a referral; neither SOA nor recursion nor authority) is bad_answer, never nodata.
[[nodiscard]] Status status_of(const dns::Message& reply, const dns::Summary& summary) noexcept;

enum class TransportUsed : uint8_t { none, udp, tcp };
[[nodiscard]] std::string_view name_of(TransportUsed transport) noexcept;

struct DnsRecord {
  uint64_t seq = 0;
  std::string_view input{};  // as it stood in the file: any bytes
  dns::WireName name{};      // empty for illegal input
  uint16_t type = 0;
  Status status = Status::timeout;
  uint16_t rcode = 0;                     // 12 bits; of the message where there is one
  std::span<const std::byte> message{};   // validated; empty when there is none
  const dns::Summary* summary = nullptr;  // of `message`; computed again when null
  std::string_view server{};              // "192.0.2.1:53"; empty when none was asked
  TransportUsed transport = TransportUsed::none;
  uint32_t tries = 0;
  uint32_t rtt_us = 0;
  bool cached = false;
  uint32_t cached_age_s = 0;  // taken off every TTL
  int64_t ts_us = 0;
  std::string_view error{};  // a short reason, ASCII; empty when there is none
};

}  // namespace zonesweep::engine
