// io/tcp_streams.h - TCP connections on direct descriptors: connect, send, receive, close.
//
// Closing is a join: ask the kernel to stop, wait until nothing is in flight, close, free. One
// path, whatever the cause; the first reason wins. stream_closed is reported when nothing is in
// flight any more, and the id is dead from then on.
//
// Threads:    one lane.
// Invariants: (1) at most one receive and one send of a stream are in flight; (2) `outgoing` is not
//             touched while a send is in flight; (3) a slot is free again only after the completion
//             of its close.
// Units:      bytes.
#pragma once

#include <netinet/in.h>

#include <cstddef>
#include <cstdint>
#include <expected>
#include <span>
#include <vector>

#include "io/turn_state.h"

namespace zonesweep::io {

namespace limits {
// The least send buffer that Linux gives (SOCK_MIN_SNDBUF is 4,608 with its overhead) holds so much.
inline constexpr size_t kStreamFirstBytes = 1'024;
inline constexpr size_t kStreamBytesKept =
    4'096;  // of a send queue's memory, over reuse of the slot
}  // namespace limits

class TcpStreams {
 public:
  // Streams take `count` slots of the ring's files, from `first_file` on.
  TcpStreams(TurnState& turn, uint32_t count, FileSlot first_file);

  [[nodiscard]] std::expected<StreamId, Error> open(const Endpoint& peer, uint32_t owner);
  bool write(StreamId id, std::span<const std::byte> bytes);
  void close(StreamId id);

  void submit_sends();
  void arm_receives();
  [[nodiscard]] bool starved() const { return !unarmed_.empty(); }

  void on_open(const Completion& done);
  void on_receive(const Completion& done);
  void on_send(const Completion& done);
  void on_cancel(const Completion& done);
  void on_close(const Completion& done);

 private:
  enum class State : uint8_t { free, connecting, open, closing, closed };

  struct Stream {
    uint32_t generation = 0;
    uint32_t owner = 0;
    State state = State::free;
    Error why = Error::none;
    Error send_error = Error::none;  // the receive that ends soon tells no better
    bool opening = false;            // the four of them: in flight
    bool receiving = false;
    bool sending = false;
    bool cancelling = false;
    bool waiting_to_send = false;  // stands in to_send_
    bool has_sent = false;
    socklen_t peer_bytes = 0;
    union {
      sockaddr_in v4;
      sockaddr_in6 v6;
    } peer{};
    std::vector<std::byte> queued;    // written, not yet given to the kernel
    std::vector<std::byte> outgoing;  // with the kernel, from `sent` on
    size_t sent = 0;
  };

  [[nodiscard]] Stream* find(StreamId id);
  [[nodiscard]] Stream* find(const Completion& done);
  [[nodiscard]] uint32_t slot_of(const Stream& stream) const;
  [[nodiscard]] FileSlot file_of(const Stream& stream) const {
    return first_file_ + slot_of(stream);
  }
  [[nodiscard]] OpTag tag(Op op, const Stream& stream) const;
  Event& add_event(EventKind kind, const Stream& stream);

  void want_send(Stream& stream);
  void send_rest(Stream& stream);
  void want_receive(Stream& stream);
  void terminate(Stream& stream, Error why);
  void ask_kernel_to_stop(Stream& stream);
  void close_if_idle(Stream& stream);

  TurnState& turn_;
  FileSlot first_file_;
  std::vector<Stream> streams_;
  std::vector<uint32_t> free_;
  std::vector<StreamId> to_send_;
  std::vector<StreamId> unarmed_;
  uint32_t armings_ = 0;
};

}  // namespace zonesweep::io
