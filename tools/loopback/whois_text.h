// tools/loopback/whois_text.h - a holding as the text of a WHOIS answer, in each format; and what a
// reader can know from it.
//
// Threads: pure functions. Units: text with CRLF; UTF-8 but for WhoisFormat::latin1.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tools/loopback/registration_world.h"

namespace zonesweep::loopback {

// The facts of a row that an answer states. Dates as rows write them; empty: not stated.
struct StatedFacts {
  std::string registrar;
  std::string registrar_iana_id;
  std::string created;
  std::string updated;
  std::string expires;
  std::vector<std::string> statuses;
  std::vector<std::string> nameservers;
  std::optional<bool> dnssec;
  std::string registrant_org;
  std::string registrant_country;
  std::string abuse_email;
  std::string abuse_phone;
  std::string referral;
};

// `referral`: the registrar's server as the registry names it.
[[nodiscard]] std::string whois_answer(const Holding& holding, WhoisFormat format,
                                       std::string_view referral);
[[nodiscard]] StatedFacts stated_by_whois(const Holding& holding, WhoisFormat format,
                                          std::string_view referral);

[[nodiscard]] std::string whois_not_found(std::string_view name, WhoisFormat format);

// Texts of servers that had enough, `which` modulo their count.
[[nodiscard]] std::string whois_throttle(uint32_t which);
inline constexpr uint32_t kWhoisThrottles = 12;

[[nodiscard]] std::string latin1_of(std::string_view utf8);

}  // namespace zonesweep::loopback
