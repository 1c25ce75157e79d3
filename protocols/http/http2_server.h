// protocols/http/http2_server.h - HTTP/2 as a server speaks it.
//
// Threads, ownership, errors: protocols/http/server_session.h.
#pragma once

#include <memory>

#include "protocols/http/server_session.h"

namespace zonesweep::http {

class Http2Server final : public ServerSession {
 public:
  explicit Http2Server(ServerListener& listener, uint32_t streams_at_once = 100);
  ~Http2Server() override;

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
