// engine/cached_answer.h - a DNS answer as the cache keeps it, and back.
//
// The question is not stored: the key has it. Neither are records that do not belong to the question
// (FAULTS D28, T7). What is left gives the very row that the network gave, but for `cached`, TTLs, `ts`
// and `rtt_us`.
//
// Threads:    pure functions.
// Invariants: decode() takes any bytes (a file or a server may have kept them) and gives a message
//             that was validated against the question, or nothing.
// Ownership:  a decoded record borrows value, name and the buffer.
// Units:      stored_s in seconds since the Unix epoch.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "cache/stripe.h"
#include "engine/record.h"

namespace zonesweep::engine {

using CachedBytes = std::array<std::byte, cache::limits::kValueBytesMax>;

// Appends nothing and returns 0 if the answer cannot be kept: too long, or with foreign records in the
// middle. record.summary must be set if there is a message.
[[nodiscard]] size_t encode_answer(const DnsRecord& record, uint32_t stored_s, CachedBytes& out);

// How long the answer may be kept, in seconds; 0: not at all.
struct Keep {
  uint32_t seconds = 0;
  bool failure = false;  // only in memory
};
[[nodiscard]] Keep keep_of(const DnsRecord& record);

// Whether a kept answer may outlive the run: one that is no failure.
[[nodiscard]] bool may_be_stored(std::span<const std::byte> value);
[[nodiscard]] int64_t stored_s_of(std::span<const std::byte> value);

struct DecodedAnswer {
  std::array<std::byte, cache::limits::kValueBytesMax + 512> message;
  dns::Summary summary;
};

// Fills status, rcode, message, summary, server, transport, tries, error, cached and cached_age_s. False
// if the bytes are no answer to `record.name` and `record.type`, which are set.
[[nodiscard]] bool decode_answer(std::span<const std::byte> value, uint32_t now_s,
                                 DecodedAnswer& buffer, DnsRecord& record);

}  // namespace zonesweep::engine
