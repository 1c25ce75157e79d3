// protocols/http/server_session.h - the server's side of one HTTP connection, whichever its
// version: bytes in, requests out; responses in, bytes out. For the loopback internet and tests.
//
// Threads:    none; a session belongs to its connection.
// Invariants: each request that the listener heard of is answered once, by respond(), or not at
//             all, by reset() or the end of the connection.
// Ownership:  spans and requests are lent for the call.
// Errors:     false: the connection is over; send what was put out, and close.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace zonesweep::http {

namespace limits {
inline constexpr size_t kRequestBytes = 64 * 1024;  // head and body of one request
}  // namespace limits

struct ServerRequest {
  std::string method;
  std::string target;
  std::string authority;
  std::string accept;
  std::string accept_encoding;
  std::string if_none_match;
  std::string user_agent;
};

struct ServerResponse {
  uint16_t status = 200;
  // In lower case. "content-length" is added where there is neither it nor "transfer-encoding".
  std::vector<std::pair<std::string, std::string>> fields;
  std::string body;
};

class ServerListener {
 public:
  virtual ~ServerListener() = default;
  // May answer at once. `stream` is 0 over HTTP/1.1.
  virtual void on_request(uint32_t stream, const ServerRequest& request) = 0;
};

class ServerSession {
 public:
  virtual ~ServerSession() = default;

  [[nodiscard]] virtual bool received(std::span<const std::byte> in) = 0;
  [[nodiscard]] virtual bool append_output(std::string& out) = 0;

  virtual void respond(uint32_t stream, ServerResponse response) = 0;
  // A response before the response: 1xx.
  virtual void inform(uint32_t stream, uint16_t status) = 0;
  // RST_STREAM; over HTTP/1.1 the connection ends.
  virtual void reset(uint32_t stream, uint32_t error_code) = 0;
  // No request after this one is looked at (GOAWAY); over HTTP/1.1 "Connection: close".
  virtual void last(uint32_t stream) = 0;
};

}  // namespace zonesweep::http
