// protocols/http/http1_server.h - HTTP/1.1 as a server speaks it: one request at a time, those that
// came early wait.
//
// Threads, ownership, errors: protocols/http/server_session.h.
#pragma once

#include <memory>

#include "protocols/http/server_session.h"

namespace zonesweep::http {

class Http1Server final : public ServerSession {
 public:
  explicit Http1Server(ServerListener& listener);
  ~Http1Server() override;

  [[nodiscard]] bool received(std::span<const std::byte> in) override;
  [[nodiscard]] bool append_output(std::string& out) override;
  void respond(uint32_t stream, ServerResponse response) override;
  void inform(uint32_t stream, uint16_t status) override;
  void reset(uint32_t stream, uint32_t error_code) override;
  void last(uint32_t stream) override;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace zonesweep::http
