// tools/loopback/server_counts.h - what each WHOIS or RDAP server saw: the judge of a client's
// manners.
//
// Threads: one. Units: instants of the caller's clock, which never goes back.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <string_view>
#include <unordered_set>

#include "tools/loopback/rate_limit.h"

namespace zonesweep::loopback {

class ServerCounts {
 public:
  using Nanoseconds = std::chrono::nanoseconds;

  explicit ServerCounts(double limit, RateLimit::Mode mode) : limit_(limit), mode_(mode) {}

  void opened(uint32_t address);
  void closed(uint32_t address);
  // A question about `name`. False when it is one too many.
  bool asked(uint32_t address, std::string_view host, std::string_view name, Nanoseconds now);

  // A member of a JSON object for each server, by host name (else address), in order.
  [[nodiscard]] std::string to_json() const;

 private:
  struct Server {
    std::string host;
    uint64_t connections = 0;
    uint64_t requests = 0;
    uint64_t limited = 0;
    uint32_t open = 0;
    uint32_t open_most = 0;
    uint32_t most_in_a_second = 0;        // any second, not the clock's
    std::deque<Nanoseconds> last_second;  // the instants of its requests
    std::unordered_set<uint64_t> names;
    RateLimit limit;
  };
  Server& at(uint32_t address);

  double limit_;
  RateLimit::Mode mode_;
  std::map<uint32_t, Server> servers_;
};

}  // namespace zonesweep::loopback
