// engine/verdict.h - what a reply means for the exchange that it belongs to.
//
// Threads:    pure functions.
// Ownership:  the reply is lent; Verdict::summary holds offsets into it.
#pragma once

#include <cstdint>
#include <expected>
#include <span>

#include "engine/record.h"
#include "protocols/dns/message.h"

namespace zonesweep::engine {

enum class Ruling : uint8_t {
  answer,        // final: the row can be written
  elsewhere,     // the server cannot or will not: another may (SERVFAIL, REFUSED, lame, ...)
  truncated,     // ask again over TCP
  without_edns,  // the server does not understand EDNS: ask again without
  bad_cookie,    // RFC 7873 section 5.2.3: ask again with the cookie that came
  forged,   // the socket fits, the question or the cookie does not: ask over TCP (FAULTS D5, D6)
  garbage,  // no DNS, or damaged: keep waiting for the real one (FAULTS H33)
};

struct Verdict {
  Ruling ruling = Ruling::garbage;
  Status status = Status::bad_answer;
  dns::Summary summary;  // valid unless forged or garbage
};

struct Asked {
  dns::WireName name;
  uint16_t type = 0;
  bool tcp = false;
  bool edns = false;
  bool cut = false;  // the datagram was longer than the buffer: as good as TC
  uint64_t client_cookie = 0;
};

[[nodiscard]] Verdict rule(const Asked& asked, const dns::Message& reply) noexcept;

}  // namespace zonesweep::engine
