// tools/loopback/rdap_text.h - a holding as an RDAP answer (RFC 9083), and what a reader can know
// from it.
//
// Threads: pure functions. Units: JSON, UTF-8.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "tools/loopback/whois_text.h"

namespace zonesweep::loopback {

// How registries spell the same: `style` modulo 4. 0 as RFC 9083 has it; 1 the name in upper case
// with a final dot; 2 DS records with numbers as strings, and no word on the delegation; 3 roles and
// actions capitalised, one text where a list is due.
inline constexpr uint32_t kRdapStyles = 4;

struct RdapLinks {
  std::string self;     // the URL of the answer
  std::string related;  // that of the registrar's; empty: none
};

[[nodiscard]] std::string rdap_answer(const Holding& holding, uint32_t style,
                                      const RdapLinks& links);
[[nodiscard]] StatedFacts stated_by_rdap(const Holding& holding, const RdapLinks& links);
[[nodiscard]] std::string rdap_error(uint32_t code, std::string_view title);
[[nodiscard]] std::string rdap_help();

}  // namespace zonesweep::loopback
