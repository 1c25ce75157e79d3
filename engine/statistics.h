// engine/statistics.h - what a lane counts.
//
// Threads:    a Statistics belongs to its lane; SharedStatistics hands copies to whoever shows
//             them.
// Units:      counts since the start of the run.
#pragma once

#include <array>
#include <cstdint>
#include <mutex>
#include <string>

#include "engine/latency.h"
#include "engine/record.h"
#include "engine/redis_tier.h"

namespace zonesweep::engine {

struct Statistics {
  uint64_t names = 0;       // taken from the input
  uint64_t rows = 0;        // written
  uint64_t questions = 0;   // asked of the network, each once however many tries
  uint64_t sent = 0;        // exchanges that left, over UDP and TCP
  uint64_t retries = 0;     // of those, the ones after the first
  uint64_t over_tcp = 0;    // of those, over TCP
  uint64_t timeouts = 0;    // tries without an answer in time
  uint64_t late = 0;        // replies to nothing that is open: late, doubled or forged
  uint64_t forged = 0;      // right socket, wrong id or question
  uint64_t garbage = 0;     // no DNS message
  uint64_t coalesced = 0;   // questions that shared the exchange of an equal one
  uint64_t cache_hits = 0;  // rows that needed no question
  uint64_t cache_misses = 0;
  uint64_t cache_expired = 0;  // of the misses: known, but too old
  uint64_t cache_stored = 0;
  uint64_t cache_gave_up = 0;  // reads and writes that another lane's write got in the way of
  uint64_t unsent = 0;         // local send failures; no tries
  uint64_t in_flight = 0;      // now
  uint64_t input_bytes = 0;    // input position of the last batch taken
  std::array<uint64_t, kStatusCount> statuses{};
  LatencyHistogram latency;
  RedisCounters redis;
  uint64_t datagrams_dropped = 0;  // by this machine, at our sockets
  uint64_t sends = 0;              // UDP submissions: sent over it is the mean batch

  void merge(const Statistics& other) noexcept {
    names += other.names;
    rows += other.rows;
    questions += other.questions;
    sent += other.sent;
    retries += other.retries;
    over_tcp += other.over_tcp;
    timeouts += other.timeouts;
    late += other.late;
    forged += other.forged;
    garbage += other.garbage;
    coalesced += other.coalesced;
    cache_hits += other.cache_hits;
    cache_misses += other.cache_misses;
    cache_expired += other.cache_expired;
    cache_stored += other.cache_stored;
    cache_gave_up += other.cache_gave_up;
    unsent += other.unsent;
    in_flight += other.in_flight;
    input_bytes = input_bytes > other.input_bytes ? input_bytes : other.input_bytes;
    for (size_t i = 0; i < statuses.size(); ++i) statuses[i] += other.statuses[i];
    latency.merge(other.latency);
    redis.merge(other.redis);
    datagrams_dropped += other.datagrams_dropped;
    sends += other.sends;
  }
};

// {"NOERROR":12,"TIMEOUT":1}: the statuses that occurred.
[[nodiscard]] std::string statuses_json(const Statistics& statistics);

class SharedStatistics {
 public:
  void publish(const Statistics& now) {
    const std::lock_guard lock(mutex_);
    copy_ = now;
  }
  [[nodiscard]] Statistics read() const {
    const std::lock_guard lock(mutex_);
    return copy_;
  }

 private:
  mutable std::mutex mutex_;
  Statistics copy_;
};

}  // namespace zonesweep::engine
