// tools/loopback/registration_faults.h - what goes wrong at a WHOIS or RDAP server, asked for by a
// label.
//
// `f-<kind>[-<number>[-<index>]]` as the first label of a name is a fault of that name, as a
// top-level name one of its servers: there the last number only tells zones apart. Kinds of WHOIS
// begin with w, of RDAP with r. docs/loopback.md describes each.
//
// Threads: pure functions over a constant table.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace zonesweep::loopback {

enum class RegistrationFault : uint8_t {
  none,
  // WHOIS: the connection
  wslow,
  wlate,
  wmute,
  wreset,
  wrst,
  wempty,
  wrefuse,
  wfirst,
  wcut,
  wnoclose,
  wflaky,
  whalf,
  wsilent,
  // WHOIS: too much
  wflood,
  wline,
  wlines,
  wnames,
  // WHOIS: what it says
  wthrottle,
  wban,
  werror,
  wunsupported,
  wreserved,
  wother,
  whttp,
  wsmtp,
  wbytes,
  wnul,
  wutf16,
  wdates,
  // WHOIS: referrals
  wloop,
  wref,
  // RDAP: what it answers
  r400,
  r401,
  r403,
  r404,
  r404html,
  r404empty,
  r422,
  r429,
  r429date,
  r500,
  r503,
  rflaky,
  rretry,
  rnotice,
  rhtml,
  rempty,
  rarray,
  robject,
  rclass,
  rother,
  rhalf,
  rtail,
  rdup,
  rdeep,
  rhuge,
  rtypes,
  rbytes,
  // RDAP: redirects
  rredirect,
  rloop,
  rhttp,
  rprivate,
  // RDAP: heads and encodings
  rbomb,
  rlayers,
  rbrotli,
  rgzip,
  rcut,
  rfields,
  rinform,
  rraw,
  // RDAP: the connection
  rslow,
  rlate,
  rmute,
  rrst,
  rrefused,
  rgoaway,
  rclose,
  rcontinuation,
  rsettings,
  rping,
  rframes,
  rframe,
  // RDAP: TLS, of zones only
  rreset,
  rrefuse,
  rsilent,
  rstreams,
  rslowtls,
  rhandshake,
  rgarbage,
  rexpired,
  rnotyet,
  rname,
  rself,
  rold,
  rh1,
  rh2,
  rnoalpn,
};

struct RegistrationFaultCall {
  RegistrationFault fault = RegistrationFault::none;
  uint32_t number = 0;
  bool numbered = false;

  [[nodiscard]] uint32_t number_or(uint32_t otherwise) const {
    return numbered ? number : otherwise;
  }
  [[nodiscard]] bool any() const { return fault != RegistrationFault::none; }
  [[nodiscard]] bool of_rdap() const { return fault > RegistrationFault::wref; }
  [[nodiscard]] bool of_whois() const { return any() && fault <= RegistrationFault::wref; }
};

// What happens before a name is known.
[[nodiscard]] bool only_of_zones(RegistrationFault fault);
// Of the first label of `name`, which has another behind it.
[[nodiscard]] RegistrationFaultCall fault_of_name(std::string_view name);
// Of a top-level name; `index` gets its last number.
[[nodiscard]] RegistrationFaultCall fault_of_zone(std::string_view label, uint32_t& index);

// Every kind, as it is written.
[[nodiscard]] std::vector<std::string_view> registration_fault_words();
[[nodiscard]] std::string_view word_of(RegistrationFault fault);

}  // namespace zonesweep::loopback
