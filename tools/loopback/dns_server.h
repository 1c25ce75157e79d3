// tools/loopback/dns_server.h - the DNS part of the loopback internet: sockets, lanes, statistics.
//
// Threads:    start(), stop() and statistics() from one thread; each lane runs in its own.
// Ownership:  owns its lanes and their sockets.
// Errors:     start() returns one line for people.
#pragma once

#include <atomic>
#include <expected>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "io/endpoint.h"
#include "tools/loopback/dns_lane.h"

namespace zonesweep::loopback {

struct DnsServerOptions {
  io::Endpoint listen;  // port 0: any free one
  bool tcp = true;
  uint32_t lanes = 1;
  WorldOptions world;
  Impairments impairments;
  bool count_distinct = false;
  bool joined = true;    // see DnsLane::Options
  std::string log_path;  // empty: no log
};

struct DnsStatistics {
  DnsCounters counters;
  uint64_t send_failures = 0;
  uint64_t distinct_questions = 0;  // 0 unless they are counted
  uint64_t log_bytes_lost = 0;

  [[nodiscard]] std::string to_json() const;
};

class DnsServer {
 public:
  explicit DnsServer(DnsServerOptions options);
  DnsServer(const DnsServer&) = delete;
  DnsServer& operator=(const DnsServer&) = delete;
  ~DnsServer();

  // Binds, and answers from then on. Returns the endpoint with its port.
  [[nodiscard]] std::expected<io::Endpoint, std::string> start();
  void stop();  // idempotent; joins the lanes
  // After stop().
  [[nodiscard]] DnsStatistics statistics() const;

 private:
  struct Lane {
    QuestionLog log;
    std::unique_ptr<DnsLane> lane;
    std::thread thread;
  };

  std::expected<io::Endpoint, std::string> bind_lane(const io::Endpoint& at, LaneSockets& sockets);
  std::expected<void, std::string> start_lane(LaneSockets sockets, uint32_t index);

  DnsServerOptions options_;
  World world_;
  std::atomic<bool> stop_{false};
  std::vector<std::unique_ptr<Lane>> lanes_;
};

}  // namespace zonesweep::loopback
