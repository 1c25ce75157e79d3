// tools/loopback/http_floods.h - HTTP that no session would send, as bytes: frames without end, wrong
// frames, heads that contradict themselves.
//
// Threads: pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "tools/loopback/rdap_responder.h"

namespace zonesweep::loopback {

struct HttpFlood {
  std::string begin;  // once
  std::string more;   // again and again
};
[[nodiscard]] HttpFlood http_flood(RdapPlan::Act act, uint32_t stream);

// Frames that break RFC 9113, `kind` modulo their count.
[[nodiscard]] std::string bad_frames(uint32_t kind, uint32_t stream);
inline constexpr uint32_t kBadFrames = 11;

// Responses over HTTP/1.1 that break RFC 9112, or whose end nobody vouches for.
[[nodiscard]] std::string raw_response(uint32_t kind, std::string_view body);
[[nodiscard]] bool raw_response_ends(uint32_t kind);  // by the end of the stream
inline constexpr uint32_t kRawResponses = 12;

}  // namespace zonesweep::loopback
