// engine/registration_statistics.h - what the registration lane counts.
//
// Threads: a RegistrationStatistics belongs to the lane; copies are handed out under a lock.
// Units:   counts since the start of the run, but for those that say "now".
#pragma once

#include <array>
#include <cstdint>
#include <mutex>
#include <string>

#include "cache/table.h"
#include "engine/latency.h"
#include "engine/redis_tier.h"
#include "engine/registration_record.h"

namespace zonesweep::engine {

struct RegistrationStatistics {
  uint64_t names = 0;  // taken from the input
  uint64_t rows = 0;   // written
  uint64_t whois = 0;  // exchanges
  uint64_t rdap = 0;
  uint64_t retries = 0;         // of those, the ones after a name's first
  uint64_t throttled = 0;       // answers that said: too much
  uint64_t shared = 0;          // rows by the answer to an equal question
  uint64_t given_up = 0;        // names whose backend was not asked any more
  uint64_t waiting = 0;         // names, now
  uint64_t in_flight = 0;       // exchanges, now
  uint64_t backends = 0;        // that names wait or waited for
  uint64_t quarantined = 0;     // of those, now
  uint64_t input_bytes = 0;     // input position of the last batch taken
  uint64_t parked_on_disk = 0;  // bytes, now
  cache::Counters cache;        // rows that needed no question, and others
  RedisCounters redis;          // of the shared tier
  std::array<uint64_t, kRegistrationStatusCount> statuses{};
  LatencyHistogram latency;
};

// {"OK":12,"NOT_FOUND":1}: the statuses that occurred.
[[nodiscard]] std::string statuses_json(const RegistrationStatistics& statistics);
// Objects, for a progress line and for _run.json.
[[nodiscard]] std::string progress_json(const RegistrationStatistics& statistics);
[[nodiscard]] std::string totals_json(const RegistrationStatistics& statistics);

class SharedRegistrationStatistics {
 public:
  void publish(const RegistrationStatistics& now) {
    const std::lock_guard lock(mutex_);
    copy_ = now;
  }
  [[nodiscard]] RegistrationStatistics read() const {
    const std::lock_guard lock(mutex_);
    return copy_;
  }

 private:
  mutable std::mutex mutex_;
  RegistrationStatistics copy_;
};

}  // namespace zonesweep::engine
