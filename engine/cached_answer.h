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
// Units:      now_s in seconds since the Unix epoch.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "engine/lane_cache.h"
#include "engine/record.h"

namespace zonesweep::engine {

inline constexpr uint8_t kDnsAnswerFormat = 1;  // stored in files: changes with the encoding

// Returns 0 if the answer cannot be kept: too long, or with foreign records in the middle.
// record.summary must be set if there is a message.
[[nodiscard]] size_t encode_answer(const DnsRecord& record, CachedBytes& out);

// How long the answer may be kept, and where.
[[nodiscard]] LaneCache::Keep keep_of(const DnsRecord& record, uint32_t now_s);

struct DecodedAnswer {
  std::array<std::byte, cache::limits::kValueBytesMax + 512> message;
  dns::Summary summary;
};

// Fills status, rcode, message, summary, server, transport, tries, error, cached and cached_age_s. False
// if the bytes are no answer to `record.name` and `record.type`, which are set.
[[nodiscard]] bool decode_answer(const LaneCache::Hit& hit, uint32_t now_s, DecodedAnswer& buffer,
                                 DnsRecord& record);

}  // namespace zonesweep::engine
