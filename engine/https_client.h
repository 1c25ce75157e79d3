// engine/https_client.h - GET requests to HTTPS servers over one lane's streams: connect, TLS, and
// HTTP/2 or HTTP/1.1 as ALPN decides.
//
// An origin is one authority with its addresses. Its connections are opened when they are needed,
// kept while they are used, and tried at the next address when connecting fails. A request that a
// server says or shows it has not looked at (GOAWAY, REFUSED_STREAM, a kept connection that ends
// before a byte of the answer) is asked again on another connection.
//
// Threads:    one lane.
// Invariants: (1) each request that ask() took ends in exactly one on_http_end(), unless it was
//             cancelled; (2) on_http_end() comes only from inside on_event(), expire() and flush(),
//             and may call everything but these three; (3) an answer never reaches another request;
//             (4) nothing is sent but by flush().
// Ownership:  streams belong to the transport; a result and what it points to are lent for the
//             call.
// Errors:     HttpsResult.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "io/endpoint.h"
#include "io/transport.h"
#include "protocols/http/response.h"

namespace zonesweep::io {
class TlsContext;
}

namespace zonesweep::engine {

using io::Duration;
using io::Instant;

namespace limits {
inline constexpr uint32_t kHttpsConnections = 256;  // per lane; one origin uses a few at most
inline constexpr uint32_t kHttpsRequests = 4'096;   // per lane, taken and not ended
// Taken for a connection that is not up yet: what it turns out to bear is unknown.
inline constexpr uint32_t kHttpsRequestsAhead = 8;
inline constexpr uint32_t kHttpsRepeats = 2;  // of a request that was not looked at
}  // namespace limits

enum class HttpsStage : uint8_t {
  connect,
  handshake,   // TLS
  first_byte,  // of the answer, from when the request left
  idle,        // between two pieces of the answer
  total,       // from ask() to the end, whatever it waited for
};
[[nodiscard]] std::string_view name_of(HttpsStage stage) noexcept;

struct HttpsOptions {
  std::string user_agent;
  Duration connect_timeout = std::chrono::seconds{10};     // FAULTS 3.4
  Duration handshake_timeout = std::chrono::seconds{10};   // FAULTS 3.4
  Duration first_byte_timeout = std::chrono::seconds{10};  // FAULTS 3.4
  Duration idle_timeout = std::chrono::seconds{5};         // FAULTS 3.4
  Duration total_timeout = std::chrono::seconds{20};       // FAULTS 3.4
  Duration keep_alive = std::chrono::seconds{30};          // of a connection without requests
  uint32_t connections_max = limits::kHttpsConnections;
  uint32_t requests_max = limits::kHttpsRequests;
  uint32_t repeats_max = limits::kHttpsRepeats;  // 0: the caller asks again, if it wants
};

struct HttpsResult {
  enum class Kind : uint8_t {
    response,     // whole, whatever its status
    net_error,    // `error`; `stage` tells whether it ever was connected
    tls_error,    // `reason`: no connection, or one that broke the rules of TLS
    timeout,      // `stage`
    problem,      // `problem`: an answer that cannot be trusted
    reset,        // `reset_code`: RST_STREAM of the server, RFC 9113 section 7
    unprocessed,  // the server did not look at it, and the repeats are used up
  };

  Kind kind = Kind::net_error;
  HttpsStage stage = HttpsStage::connect;
  io::Error error = io::Error::none;
  http::Problem problem = http::Problem::none;
  uint32_t reset_code = 0;
  std::string_view reason{};  // a closed set of short ASCII texts
  const http::Response* response = nullptr;
  const io::Endpoint* peer = nullptr;  // where it was asked last; null: nowhere
  Duration rtt{};                      // since the request left last; 0 if it never did
  uint32_t sends = 0;                  // how often it left
  bool http2 = false;
};

class HttpsClient {
 public:
  class Client {
   public:
    virtual void on_http_end(uint64_t token, const HttpsResult& result) = 0;

   protected:
    ~Client() = default;
  };

  using OriginId = uint32_t;  // dense, in the order of open_origin()
  // Set in the `owner` of each of its streams. The lane's other streams must not have it.
  static constexpr uint32_t kOwnerTag = 1U << 31;

  // `tls`: a client context; it outlives this.
  HttpsClient(io::Transport& transport, io::TlsContext& tls, Client& client, HttpsOptions options);
  ~HttpsClient();
  HttpsClient(const HttpsClient&) = delete;
  HttpsClient& operator=(const HttpsClient&) = delete;

  // `host`: a name in lower case, or an address without brackets; the certificate must be its. At
  // most `connections` at a time. Connects to nothing yet.
  [[nodiscard]] OriginId open_origin(std::string_view host, uint16_t port,
                                     std::vector<io::Endpoint> addresses, uint32_t connections);
  // For connections that are opened from now on.
  void set_addresses(OriginId origin, std::vector<io::Endpoint> addresses);
  // Cancels its requests and closes its connections. A later ask() connects again.
  void close_origin(OriginId origin);
  void close_all();

  // How many more requests it takes now.
  [[nodiscard]] uint32_t room(OriginId origin) const;
  // Requests that it took and could not send yet: they would leave all at once.
  [[nodiscard]] uint32_t waiting(OriginId origin) const;
  // False: there is no room, or the origin has no addresses. `token` comes back with the result; no
  // two requests may have the same. `target`: path and query. `if_none_match`: an ETag, or empty.
  [[nodiscard]] bool ask(OriginId origin, uint64_t token, std::string_view target,
                         std::string_view if_none_match = {});
  // The answer is no longer wanted; no result comes. Unknown tokens are ignored.
  void cancel(uint64_t token);

  // Once per turn: every event, then expire(), then, when all is asked, flush().
  bool on_event(const io::Event& event);  // false: not of a stream of this client
  void expire(Instant now);
  [[nodiscard]] Instant wake_at(Instant limit) const;
  void flush();

  [[nodiscard]] uint32_t in_flight() const noexcept;    // requests
  [[nodiscard]] uint32_t connections() const noexcept;  // open, opening or closing

 private:
  class State;
  std::unique_ptr<State> state_;
};

}  // namespace zonesweep::engine
