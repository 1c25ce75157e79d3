// tools/loopback/whois_server.h - all WHOIS servers of the loopback: one port, an address each.
//
// Threads:    start(), stop() and counts() from one thread; the service runs in its own.
// Ownership:  borrows the world.
// Errors:     start() returns one line for people.
#pragma once

#include <atomic>
#include <expected>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "tools/loopback/server_counts.h"
#include "tools/loopback/tcp_service.h"
#include "tools/loopback/whois_responder.h"

namespace zonesweep::loopback {

namespace limits {
inline constexpr size_t kWhoisLineBytes = 1'024;
}  // namespace limits

class WhoisServer : private TcpHandler {
 public:
  // `per_second`: of each server, above it the answer is a refusal; 0: no limit.
  WhoisServer(double per_second, RateLimit::Mode mode) : counts_(per_second, mode) {}
  WhoisServer(const WhoisServer&) = delete;
  WhoisServer& operator=(const WhoisServer&) = delete;
  ~WhoisServer() override { stop(); }

  [[nodiscard]] std::expected<uint16_t, std::string> listen(uint16_t port);
  void start(const RegistrationWorld& world);                           // after listen()
  void stop();                                                          // idempotent
  [[nodiscard]] const ServerCounts& counts() const { return counts_; }  // after stop()

 private:
  struct Client {
    std::string line;
    bool asked = false;
    std::string flood;   // sent again when it has left
    std::string parked;  // until the client ends
  };
  void on_open(Id id) override;
  void on_bytes(Id id, std::string_view bytes) override;
  void on_peer_end(Id id) override;
  void on_drained(Id id) override;
  void on_timer(Id) override {}
  void on_gone(Id id) override;
  void answer(Id id);
  void carry_out(Id id, WhoisPlan plan);

  ServerCounts counts_;
  std::unique_ptr<TcpService> service_;
  std::unique_ptr<WhoisResponder> responder_;
  std::vector<Client> clients_;  // by connection
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

}  // namespace zonesweep::loopback
