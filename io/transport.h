// io/transport.h - the seam: everything above it runs over the kernel or over a simulated network.
//
// Two implementations: UringTransport (io/uring_transport.h) and SimTransport
// (tests/sim/sim_transport.h). One virtual call per batch, stream operation or turn.
//
// Threads:    a transport belongs to one lane; every call comes from the thread that created it.
// Invariants: (1) nothing re-enters: no call but turn() delivers events, and events are plain data;
//             (2) now() is constant between two calls of turn(); (3) every stream ends in exactly
//             one stream_closed event, whatever the cause, and its id is dead after that; (4) a
//             datagram either left, or is reported by one send_failed event.
// Ownership:  the bytes of an Event are lent until the next call of turn(). send(), write() copy.
// Errors:     io::Error, in events. What returns bool refuses only for lack of room ("not now").
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <span>
#include <string_view>

#include "io/endpoint.h"
#include "io/error.h"

namespace zonesweep::io {

using Duration = std::chrono::nanoseconds;
using Instant = std::chrono::time_point<std::chrono::steady_clock, Duration>;

// A UDP channel: one server, reached by several connected sockets on random ports that are replaced
// over time. Ids are dense, in the order of open_channel(), and live as long as the transport.
using ChannelId = uint32_t;

// One UDP socket of some channel. Ids are dense and below max_sockets(); an id is reused only after
// its socket was closed, which happens no sooner than `linger` after it last sent.
using SocketId = uint32_t;

struct StreamId {
  uint32_t slot = 0;
  uint32_t generation = 0;
  friend bool operator==(StreamId, StreamId) = default;
};

struct ChannelOptions {
  uint32_t sockets = 4;                        // sends rotate over them from turn to turn
  uint32_t sends_per_socket = 16'384;          // then the socket is replaced by one on a new port
  Duration linger = std::chrono::seconds{10};  // a replaced socket still receives for so long
};

struct Datagram {
  ChannelId channel = 0;
  uint32_t token = 0;                // the caller's; comes back in send_failed
  std::span<const std::byte> bytes;  // copied by send()
};

enum class EventKind : uint8_t {
  datagram,       // handle = channel, socket, bytes; truncated when it was longer than the buffer
  send_failed,    // handle = channel, socket, token, error: this datagram did not leave
  channel_error,  // handle = channel, socket, error: ICMP came back for something that socket sent
  stream_opened,  // stream
  stream_data,    // stream, bytes
  stream_closed,  // stream, error: none after an orderly close by the peer, or by our close()
};

struct Event {
  EventKind kind = EventKind::datagram;
  Error error = Error::none;
  bool truncated = false;
  uint32_t handle = 0;
  SocketId socket = 0;
  uint32_t token = 0;  // of a Datagram, or the `owner` that open_stream() was given
  StreamId stream;
  std::span<const std::byte> bytes;
};

struct TransportCounters {  // since the start; monotonic
  uint64_t datagrams_sent = 0;
  uint64_t datagrams_received = 0;
  uint64_t sends = 0;              // submissions: datagrams_sent / sends is the mean GSO batch
  uint64_t receive_overflows = 0;  // SO_RXQ_OVFL: datagrams that the kernel dropped at our sockets
  uint64_t buffers_exhausted = 0;  // receives that stopped for want of a buffer
  uint64_t completion_overflows = 0;
  uint64_t sockets_opened = 0;
  uint64_t streams_opened = 0;
  uint64_t turns = 0;
};

class Transport {
 public:
  virtual ~Transport() = default;

  [[nodiscard]] virtual Instant now() const = 0;

  [[nodiscard]] virtual std::expected<ChannelId, Error> open_channel(
      const Endpoint& server, const ChannelOptions& options) = 0;
  // The socket by which datagrams of `channel` leave until the next turn(). Message ids are unique
  // per socket, so the caller asks before it chooses an id.
  [[nodiscard]] virtual SocketId sending_socket(ChannelId channel) = 0;
  [[nodiscard]] virtual uint32_t max_sockets() const = 0;

  // Takes all of them; what cannot be sent comes back as send_failed events of a later turn().
  virtual void send(std::span<const Datagram> batch) = 0;

  // Begins a connect. `owner` comes back as Event::token. Fails with overload when all streams are
  // in use.
  [[nodiscard]] virtual std::expected<StreamId, Error> open_stream(const Endpoint& peer,
                                                                   uint32_t owner) = 0;
  // Queues bytes, also before the stream is open. False when the send queue (kStreamSendBytes) is
  // full. Of a stale id the bytes are dropped: its stream_closed has told, or will.
  virtual bool write(StreamId stream, std::span<const std::byte> bytes) = 0;
  // Idempotent; stale ids are ignored. stream_closed follows, and no more data. What was written
  // and has not left yet may never leave.
  virtual void close(StreamId stream) = 0;

  // Submits everything, waits until about `wait_for` completions are there or `wake_at` is reached
  // (at once if wait_for is 0), advances now(), and returns what happened. The events and their
  // bytes are valid until the next call. It may return earlier, with fewer events or none.
  // Replies that were already queued are returned before a late `wake_at` is acted on, so a
  // suspended process finds its answers before its timeouts.
  [[nodiscard]] virtual std::span<const Event> turn(Instant wake_at, uint32_t wait_for) = 0;

  [[nodiscard]] virtual const TransportCounters& counters() const = 0;

  // Empty while the transport works. Otherwise a line that says why it never will again: no more
  // events come, the fate of what is in flight is unknown, and the run must stop (to be resumed).
  [[nodiscard]] virtual std::string_view failure() const { return {}; }
};

namespace limits {
// Queued per stream: two DNS messages of the largest size.
inline constexpr uint32_t kStreamSendBytes = 128 * 1024;
// Receive buffer; longer answers are flagged truncated.
inline constexpr uint32_t kDatagramBytes = 4'096;
}  // namespace limits

}  // namespace zonesweep::io
