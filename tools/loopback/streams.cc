#include "tools/loopback/streams.h"

#include <sys/socket.h>

#include <cerrno>
#include <utility>

namespace zonesweep::loopback {

using State = Streams::Connection::State;

Streams::Streams(io::Ring& ring, StreamTags tags, io::FileSlot first_slot, uint32_t count)
    : ring_(ring), tags_(tags), first_slot_(first_slot), connections_(count) {}

io::OpTag Streams::tag(uint16_t kind, uint32_t index) const {
  return {kind, static_cast<uint16_t>(index), connections_[index].generation};
}

uint32_t Streams::accepted(io::FileSlot file) {
  const uint32_t index = file - first_slot_;
  Connection& connection = connections_[index];
  const uint32_t generation = connection.generation + 1;
  connection = Connection{};
  connection.state = State::open;
  connection.generation = generation;
  ++open_;
  receive(index);
  return index;
}

void Streams::receive(uint32_t index) {
  connections_[index].receiving = true;
  ring_.recv_multishot(first_slot_ + index, tag(tags_.receive, index), 0);
}

Streams::Connection* Streams::received(const io::Completion& done) {
  const uint32_t index = done.tag.slot;
  Connection& connection = connections_[index];
  if (!done.more) connection.receiving = false;
  const bool data = done.result > 0 && done.has_buffer;
  const bool starved = done.result == -ENOBUFS;
  if (connection.state == State::closing) {
    close_if_idle(index);
    return nullptr;
  }
  if (!data && !starved) {  // the peer's end, or a failure
    if (done.result == 0 && connection.state == State::open) {
      end(index);
    } else {
      terminate(index);
    }
    return nullptr;
  }
  if (!connection.receiving) receive(index);
  if (!data || connection.state != State::open) return nullptr;
  const auto bytes = ring_.buffer(done.buffer, static_cast<size_t>(done.result));
  connection.inbox.insert(connection.inbox.end(), bytes.begin(), bytes.end());
  return &connection;
}

void Streams::send(uint32_t index, std::span<const std::byte> bytes, Nanoseconds due,
                   bool separate) {
  Connection& connection = connections_[index];
  if (connection.state != State::open) return;
  const bool joins = !separate && !connection.pieces.empty() && !connection.pieces.back().whole &&
                     due <= connection.pieces.back().due;
  if (!joins) connection.pieces.push_back({{}, due, separate});
  auto& piece = connection.pieces.back().bytes;
  piece.insert(piece.end(), bytes.begin(), bytes.end());
}

void Streams::pump(uint32_t index, Nanoseconds now) {
  Connection& connection = connections_[index];
  const bool able = connection.state == State::open || connection.state == State::ending;
  if (!able || connection.sending || connection.shutting) return;
  if (connection.pieces.empty()) {
    if (!connection.end_when_sent) return;
    connection.end_when_sent = false;
    connection.shutting = true;
    ring_.shutdown(first_slot_ + index, tag(tags_.shutdown, index), SHUT_WR);
    return;
  }
  if (connection.pieces.front().due > now) return;
  connection.in_flight = std::move(connection.pieces.front().bytes);
  connection.in_flight_sent = 0;
  connection.pieces.pop_front();
  start_send(index);
}

void Streams::start_send(uint32_t index) {
  Connection& connection = connections_[index];
  connection.sending = true;
  const auto rest = std::span(connection.in_flight).subspan(connection.in_flight_sent);
  ring_.send(first_slot_ + index, tag(tags_.send, index), rest, MSG_NOSIGNAL);
}

void Streams::sent(const io::Completion& done, Nanoseconds now) {
  const uint32_t index = done.tag.slot;
  Connection& connection = connections_[index];
  connection.sending = false;
  if (connection.state == State::closing) {
    close_if_idle(index);
    return;
  }
  if (done.result < 0) {
    terminate(index);
    return;
  }
  connection.in_flight_sent += static_cast<size_t>(done.result);
  if (connection.in_flight_sent < connection.in_flight.size()) {
    start_send(index);
  } else {
    pump(index, now);
  }
}

void Streams::end(uint32_t index) {
  Connection& connection = connections_[index];
  if (connection.state != State::open) return;
  connection.state = State::ending;
  connection.end_when_sent = true;
}

// Our half is shut. Where the peer's is, too, the connection is over; else its end is awaited.
void Streams::shut(const io::Completion& done) {
  Connection& connection = connections_[done.tag.slot];
  connection.shutting = false;
  if (connection.state == State::closing) {
    close_if_idle(done.tag.slot);
  } else if (!connection.receiving || done.result < 0) {
    terminate(done.tag.slot);
  }
}

void Streams::reset(uint32_t index) { terminate(index); }

void Streams::terminate(uint32_t index) {
  Connection& connection = connections_[index];
  if (connection.state == State::closing || connection.state == State::free) return;
  connection.state = State::closing;
  connection.pieces.clear();
  if (connection.receiving || connection.sending) {
    ring_.cancel_file(first_slot_ + index, tag(tags_.cancel, index));
  }
  close_if_idle(index);
}

void Streams::close_if_idle(uint32_t index) {
  const Connection& connection = connections_[index];
  if (connection.receiving || connection.sending || connection.shutting) return;
  ring_.close(first_slot_ + index, tag(tags_.close, index));
}

void Streams::closed(const io::Completion& done) {
  Connection& connection = connections_[done.tag.slot];
  if (connection.state != State::closing) return;
  connection.state = State::free;
  --open_;
}

bool Streams::waiting(uint32_t index, Nanoseconds& due) const {
  const Connection& connection = connections_[index];
  const bool able = connection.state == State::open || connection.state == State::ending;
  if (!able || connection.sending || connection.pieces.empty()) return false;
  due = connection.pieces.front().due;
  return true;
}

}  // namespace zonesweep::loopback
