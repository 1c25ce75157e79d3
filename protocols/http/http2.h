// protocols/http/http2.h - HTTP/2 over one connection, many requests at a time: bytes in, events
// out.
//
// Threads:    none; a session belongs to its connection.
// Invariants: (1) each request that submit() took ends in exactly one event, unless it was
//             cancelled; (2) a response never reaches another request; (3) a peer that sends frames
//             without end and without progress ends the connection.
// Ownership:  spans passed in are lent for the call; an event is lent for the call of the listener.
// Errors:     EndKind and Problem.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "protocols/http/http1.h"
#include "protocols/http/response.h"

namespace zonesweep::http {

namespace limits {
inline constexpr uint32_t kStreams = 100;     // at a time; what most servers allow
inline constexpr uint32_t kStreamsAhead = 8;  // before the server has said how many it takes
inline constexpr uint32_t kStreamWindowBytes = 1024 * 1024;
inline constexpr uint32_t kConnectionWindowBytes = 8 * 1024 * 1024;
inline constexpr uint32_t kSettingsEntries = 32;  // FAULTS 3.4
inline constexpr uint32_t kAckQueue = 1000;       // FAULTS 3.4
inline constexpr uint32_t kIdleFrames =
    1000;  // PING, SETTINGS, empty DATA ... between two frames with content
inline constexpr int32_t kStreamIdLast = 0x7FFF'FF00;  // a new connection before ids run out
}  // namespace limits

enum class EndKind : uint8_t {
  response,     // whole; whatever its status
  problem,      // Event::problem says what is wrong with it
  unprocessed,  // the server did not look at it (REFUSED_STREAM, GOAWAY): ask again
  reset,        // RST_STREAM; Event::error_code
  closed,       // the connection ended first
};

struct Event {
  uint64_t token = 0;
  EndKind kind = EndKind::closed;
  Problem problem = Problem::none;
  uint32_t error_code = 0;  // RFC 9113 section 7
  const Response* response = nullptr;
};

class Http2Listener {
 public:
  virtual ~Http2Listener() = default;
  // May submit() and cancel().
  virtual void on_end(const Event& event) = 0;
  // The head of its answer began to come, or a piece of the body came. Changes nothing.
  virtual void on_progress(uint64_t token) { (void)token; }
};

class Http2 {
 public:
  // `bodies` outlives it; null: its memory is its own.
  explicit Http2(Http2Listener& listener, BodyRoom* bodies = nullptr);
  ~Http2();
  Http2(const Http2&) = delete;
  Http2& operator=(const Http2&) = delete;

  // How many more requests the connection takes now.
  [[nodiscard]] uint32_t room() const noexcept;
  // False when there is no room. `token` comes back with the event.
  [[nodiscard]] bool submit(uint64_t token, const Request& request);
  // The answer is no longer wanted: the stream is reset, no event comes.
  void cancel(uint64_t token);

  // False: the connection is broken, its requests have had their events; close it.
  [[nodiscard]] bool received(std::span<const std::byte> in);
  // Appends what has to be sent; false as received().
  [[nodiscard]] bool append_output(std::string& out);
  // Ends what is in flight.
  void peer_closed();

  // No new requests (GOAWAY, ids used up, broken): open another connection, close this one when
  // in_flight() is 0.
  [[nodiscard]] bool draining() const noexcept;
  [[nodiscard]] uint32_t in_flight() const noexcept;  // without those that were cancelled

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace zonesweep::http
