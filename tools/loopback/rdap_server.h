// tools/loopback/rdap_server.h - all RDAP servers of the loopback: one port, an address and a
// certificate each; HTTP/2 and HTTP/1.1 over TLS.
//
// Threads:    create(), start(), stop() and counts() from one thread; the service runs in its own.
// Ownership:  borrows the world.
// Errors:     one line for people.
#pragma once

#include <atomic>
#include <expected>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "tools/loopback/rdap_responder.h"
#include "tools/loopback/server_counts.h"
#include "tools/loopback/tcp_service.h"
#include "tools/loopback/tls_identities.h"

namespace zonesweep::loopback {

class RdapServer : private TcpHandler {
 public:
  // `per_second`: of each server, above it the answer is 429; 0: no limit.
  RdapServer(double per_second, RateLimit::Mode mode);
  RdapServer(const RdapServer&) = delete;
  RdapServer& operator=(const RdapServer&) = delete;
  ~RdapServer() override;

  [[nodiscard]] std::expected<uint16_t, std::string> listen(uint16_t port);
  [[nodiscard]] const std::string& authority_pem() const;  // after listen()
  void start(const RegistrationWorld& world, std::string bootstrap);
  void stop();                                                          // idempotent
  [[nodiscard]] const ServerCounts& counts() const { return counts_; }  // after stop()

 private:
  struct Client;
  friend struct Client;

  void on_open(Id id) override;
  void on_bytes(Id id, std::string_view bytes) override;
  void on_peer_end(Id id) override;
  void on_drained(Id id) override;
  void on_timer(Id id) override;
  void on_gone(Id id) override;

  void greet(Client& client);
  void pump(Client& client);
  bool exchange(Client& client);
  void send_out(Client& client);
  void request(Client& client, uint32_t stream, const http::ServerRequest& request);
  void carry_out(Client& client, uint32_t stream, RdapPlan plan);
  void flood(Client& client, RdapPlan::Act act, uint32_t stream);

  ServerCounts counts_;
  std::unique_ptr<TcpService> service_;
  std::optional<TlsIdentities> identities_;
  const RegistrationWorld* world_ = nullptr;
  std::unique_ptr<RdapResponder> responder_;
  std::vector<std::unique_ptr<Client>> clients_;  // by connection
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

}  // namespace zonesweep::loopback
