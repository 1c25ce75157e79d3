// tools/loopback/http_floods.h - HTTP/2 frames without end and without progress, as bytes.
//
// Threads: pure functions.
#pragma once

#include <cstdint>
#include <string>

#include "tools/loopback/rdap_responder.h"

namespace zonesweep::loopback {

struct HttpFlood {
  std::string begin;  // once
  std::string more;   // again and again
};
[[nodiscard]] HttpFlood http_flood(RdapPlan::Act act, uint32_t stream);

}  // namespace zonesweep::loopback
