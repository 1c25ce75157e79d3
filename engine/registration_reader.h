// engine/registration_reader.h - what a registration server said, and what to do about it.
//
// Threads:    one lane.
// Invariants: RegistrationStatus::not_found only for an explicit negative answer of the server that
//             was asked about that very name; a 404 counts only with an RDAP error or no body.
// Ownership:  a Reading borrows from the answer and from the reader, until its next call.
#pragma once

#include <string_view>

#include "engine/https_client.h"
#include "engine/registration_record.h"
#include "engine/registration_verdict.h"
#include "engine/whois_client.h"
#include "protocols/rdap/parser.h"
#include "protocols/whois/parser.h"

namespace zonesweep::engine {

struct Reading {
  // What it says about the backend.
  enum class Health : uint8_t { works, throttles, silent, unknown };

  RegistrationVerdict verdict;
  const Registration* answer = nullptr;  // null: nothing was said
  std::string_view raw;                  // the text or body
  Health health = Health::works;
  Duration retry_after{};  // with `throttles`; zero: it did not say
  bool again = false;      // the same server may answer another time
  bool ours = false;       // this machine failed: not a try
  bool unseen = false;     // the server did not look at it, and says so
  bool moved = false;      // an HTTP redirect: `raw` is its Location
};

class RegistrationReader {
 public:
  // `domain`: A-labels, lower case. `server`: the host that was asked.
  [[nodiscard]] Reading read(const WhoisResult& result, std::string_view domain,
                             std::string_view server);
  // `now`: Unix time.
  [[nodiscard]] Reading read(const HttpsResult& result, std::string_view domain, int64_t now);
  // What a server answered before, and was accepted then.
  [[nodiscard]] Reading read_again(RegistrationSource source, std::string_view raw,
                                   std::string_view domain, std::string_view server);

 private:
  [[nodiscard]] Reading read_text(std::string_view text, std::string_view domain,
                                  std::string_view server, bool cut);
  [[nodiscard]] Reading read_body(std::string_view body, std::string_view domain);
  [[nodiscard]] Reading read_response(const http::Response& response, std::string_view domain,
                                      int64_t now);
  [[nodiscard]] Reading read_404(const http::Response& response, std::string_view domain);

  whois::Parser whois_;
  rdap::Parser rdap_;
  Registration answer_;
};

// The WHOIS server that whois.iana.org names for a zone ("refer:" or "whois:"); empty: none.
[[nodiscard]] std::string_view iana_referral(std::string_view answer) noexcept;

}  // namespace zonesweep::engine
