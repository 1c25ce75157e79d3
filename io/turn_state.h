// io/turn_state.h - what the parts of UringTransport share: the ring and the turn's harvest.
//
// Threads:    one lane.
// Invariants: `events` is what the next turn() will return: calls between two turns may add to it,
//             while the caller reads those of the last turn elsewhere.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "io/ring.h"
#include "io/transport.h"

namespace zonesweep::io {

// OpTag::kind. The slot is a socket, a send batch or a stream.
enum class Op : uint16_t {
  udp_receive,
  udp_send,      // a batch as one GSO send
  udp_send_one,  // one datagram of a batch; its index is the tag's generation
  udp_cancel,
  tcp_open,
  tcp_receive,
  tcp_send,
  tcp_cancel,
  tcp_close,
};

struct TurnState {
  explicit TurnState(Ring&& made) : ring(std::move(made)) {}

  Ring ring;
  Instant now;
  std::vector<Event> events;
  std::vector<uint16_t> lent;  // buffers that the events' bytes lie in
  uint32_t prompt = 0;         // operations submitted since the last wait that complete at once
  TransportCounters counters;

  // The bytes of a receive completion, kept until the next turn.
  std::span<const std::byte> lend(const Completion& done) {
    if (!done.has_buffer) return {};
    lent.push_back(done.buffer);
    const size_t size = ring.options().buffer_bytes;
    const size_t bytes = done.result > 0 ? static_cast<size_t>(done.result) : 0;
    return ring.buffer(done.buffer, bytes < size ? bytes : size);
  }
  void drop(const Completion& done) {
    if (done.has_buffer) lent.push_back(done.buffer);
  }
  static OpTag tag(Op op, uint32_t slot, uint32_t generation) {
    return {std::to_underlying(op), static_cast<uint16_t>(slot), generation};
  }
};

}  // namespace zonesweep::io
