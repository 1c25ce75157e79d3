// protocols/http/http1.h - HTTP/1.1 over one connection, one request at a time: bytes in, step out.
//
// Threads:    none; a session belongs to its connection.
// Invariants: (1) the response belongs to the one request in flight, or there is none; (2) after
//             anything unclear the connection is not used again.
// Ownership:  spans passed in are lent for the call.
// Errors:     Problem (protocols/http/response.h).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "protocols/http/response.h"

namespace zonesweep::http {

struct Request {
  std::string_view authority;  // host or host:port
  std::string_view target;     // path and query
  std::string_view user_agent;
  std::string_view if_none_match;  // an ETag; empty: no condition
};

class Http1 {
 public:
  enum class Step : uint8_t {
    need_bytes,
    done,    // response() is whole
    failed,  // problem() says why; close the connection
  };

  // `bodies` outlives it; null: its memory is its own.
  explicit Http1(BodyRoom* bodies = nullptr);
  ~Http1();
  Http1(const Http1&) = delete;
  Http1& operator=(const Http1&) = delete;

  // Appends the request to `out`. Only when idle() and reusable().
  void start(const Request& request, std::string& out);
  Step received(std::span<const std::byte> in);
  // `clean`: TLS said goodbye (close_notify); without it a body that only the end limits is cut.
  Step peer_closed(bool clean);

  [[nodiscard]] bool idle() const noexcept;
  // The connection may carry another request.
  [[nodiscard]] bool reusable() const noexcept;
  [[nodiscard]] Problem problem() const noexcept;
  [[nodiscard]] const Response& response() const noexcept;
  void forget_body();  // of response(): it was read

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace zonesweep::http
