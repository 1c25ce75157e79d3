// tools/loopback/streams.h - the accepted connections of one lane: bytes in, pieces out, orderly
// ends.
//
// A piece is what leaves in one segment; a later instant may be set for it. The protocol above
// takes what it understood out of the inbox.
//
// Threads:    the lane's.
// Invariants: closing is a join: a file is closed when the kernel holds none of our buffers any
//             more. The listener has SO_LINGER {1, 0}, so a plain close is a reset, and an orderly
//             end is a shutdown first.
// Ownership:  connections live in a slab, addressed by file slot; a generation tells late
//             completions.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <span>
#include <vector>

#include "io/ring.h"

namespace zonesweep::loopback {

using Nanoseconds = std::chrono::nanoseconds;

struct StreamTags {  // OpTag::kind of each operation
  uint16_t receive, send, shutdown, close, cancel;
};

class Streams {
 public:
  struct Connection {
    enum class State : uint8_t { free, open, ending, closing };
    State state = State::free;
    uint32_t generation = 0;
    bool receiving = false;
    bool sending = false;
    bool shutting = false;
    bool end_when_sent = false;
    uint32_t answered = 0;
    std::vector<std::byte> inbox;

    struct Piece {
      std::vector<std::byte> bytes;
      Nanoseconds due{0};
      bool whole = false;  // nothing may join it
    };
    std::deque<Piece> pieces;
    std::vector<std::byte> in_flight;
    size_t in_flight_sent = 0;
  };

  // `first_slot` is the first of the accepted files.
  Streams(io::Ring& ring, StreamTags tags, io::FileSlot first_slot, uint32_t count);

  uint32_t accepted(io::FileSlot file);
  // Appends what came to the inbox and returns the connection, or nullptr when there is nothing to
  // read.
  Connection* received(const io::Completion& done);
  void sent(const io::Completion& done, Nanoseconds now);
  void shut(const io::Completion& done);
  void closed(const io::Completion& done);

  // What is not due yet holds up all behind it. Small sends join, unless `separate` asks for a
  // segment.
  void send(uint32_t index, std::span<const std::byte> bytes, Nanoseconds due,
            bool separate = false);
  void end(uint32_t index);    // orderly, behind all that was sent
  void reset(uint32_t index);  // at once
  void pump(uint32_t index, Nanoseconds now);

  [[nodiscard]] Connection& at(uint32_t index) { return connections_[index]; }
  [[nodiscard]] uint32_t open() const { return open_; }
  // The due instant of the piece that waits, if one does and nothing is in flight.
  [[nodiscard]] bool waiting(uint32_t index, Nanoseconds& due) const;

 private:
  io::OpTag tag(uint16_t kind, uint32_t index) const;
  void receive(uint32_t index);
  void start_send(uint32_t index);
  void terminate(uint32_t index);
  void close_if_idle(uint32_t index);

  io::Ring& ring_;
  StreamTags tags_;
  io::FileSlot first_slot_;
  uint32_t open_ = 0;
  std::vector<Connection> connections_;
};

}  // namespace zonesweep::loopback
