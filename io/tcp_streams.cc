#include "io/tcp_streams.h"

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <cstring>

namespace zonesweep::io {
namespace {

void empty(std::vector<std::byte>& bytes) {
  bytes.clear();
  if (bytes.capacity() > limits::kStreamBytesKept) bytes.shrink_to_fit();
}

}  // namespace

TcpStreams::TcpStreams(TurnState& turn, uint32_t count, FileSlot first_file)
    : turn_(turn), first_file_(first_file), streams_(count) {
  assert(count <= UINT16_MAX);
  for (uint32_t slot = count; slot-- > 0;) free_.push_back(slot);
}

// -- Finding

uint32_t TcpStreams::slot_of(const Stream& stream) const {
  return static_cast<uint32_t>(&stream - streams_.data());
}

TcpStreams::Stream* TcpStreams::find(StreamId id) {
  if (id.slot >= streams_.size()) return nullptr;
  Stream& stream = streams_[id.slot];
  const bool live = stream.generation == id.generation && stream.state != State::free;
  return live ? &stream : nullptr;
}

TcpStreams::Stream* TcpStreams::find(const Completion& done) {
  return find(StreamId{done.tag.slot, done.tag.generation});
}

OpTag TcpStreams::tag(Op op, const Stream& stream) const {
  return TurnState::tag(op, slot_of(stream), stream.generation);
}

Event& TcpStreams::add_event(EventKind kind, const Stream& stream) {
  Event& event = turn_.events.emplace_back();
  event.kind = kind;
  event.stream = {slot_of(stream), stream.generation};
  event.token = stream.owner;
  return event;
}

// -- Opening

std::expected<StreamId, Error> TcpStreams::open(const Endpoint& peer, uint32_t owner) {
  if (free_.empty()) return std::unexpected(Error::overload);
  Stream& stream = streams_[free_.back()];
  free_.pop_back();
  stream.owner = owner;
  stream.state = State::connecting;
  stream.why = Error::none;
  stream.send_error = Error::none;
  stream.opening = true;
  stream.has_sent = false;
  sockaddr_storage address;
  stream.peer_bytes = peer.to_sockaddr(address);
  std::memcpy(&stream.peer, &address, stream.peer_bytes);
  turn_.ring.open_tcp(file_of(stream), tag(Op::tcp_open, stream),
                      reinterpret_cast<const sockaddr*>(&stream.peer), stream.peer_bytes);
  ++turn_.counters.streams_opened;
  return StreamId{slot_of(stream), stream.generation};
}

void TcpStreams::on_open(const Completion& done) {
  Stream* const stream = find(done);
  if (stream == nullptr) return;
  stream->opening = false;
  if (stream->state == State::closing) return close_if_idle(*stream);
  // IPv4 has an address to come from wherever it has a route: all ports to this peer are taken.
  const bool no_port = done.result == -EADDRNOTAVAIL && stream->peer.v4.sin_family == AF_INET;
  if (no_port) return terminate(*stream, Error::overload);
  if (done.result < 0) return terminate(*stream, error_from_errno(-done.result));
  stream->state = State::open;
  add_event(EventKind::stream_opened, *stream);
  want_receive(*stream);
  want_send(*stream);
}

// -- Sending

bool TcpStreams::write(StreamId id, std::span<const std::byte> bytes) {
  Stream* const stream = find(id);
  if (stream == nullptr || stream->state == State::closing) return true;  // stream_closed tells
  const size_t waiting = stream->queued.size() + stream->outgoing.size() - stream->sent;
  if (waiting + bytes.size() > limits::kStreamSendBytes) return false;
  stream->queued.insert(stream->queued.end(), bytes.begin(), bytes.end());
  want_send(*stream);
  return true;
}

// The send itself waits for the turn: what is written until then leaves together.
void TcpStreams::want_send(Stream& stream) {
  if (stream.state != State::open || stream.sending || stream.waiting_to_send) return;
  if (stream.queued.empty() || stream.send_error != Error::none) return;
  stream.waiting_to_send = true;
  to_send_.push_back({slot_of(stream), stream.generation});
}

void TcpStreams::submit_sends() {
  for (const StreamId id : to_send_) {
    Stream* const stream = find(id);
    if (stream == nullptr) continue;
    stream->waiting_to_send = false;
    if (stream->state != State::open) continue;
    assert(!stream->sending);
    stream->outgoing.clear();
    stream->outgoing.swap(stream->queued);
    stream->sent = 0;
    send_rest(*stream);
  }
  to_send_.clear();
}

void TcpStreams::send_rest(Stream& stream) {
  stream.sending = true;
  // Into a buffer that never held anything, a question always fits.
  if (!stream.has_sent && stream.outgoing.size() <= limits::kStreamFirstBytes) ++turn_.prompt;
  stream.has_sent = true;
  turn_.ring.send(file_of(stream), tag(Op::tcp_send, stream),
                  std::span(stream.outgoing).subspan(stream.sent), MSG_NOSIGNAL);
}

// A reset peer may have answered in full before: the receive, which ends soon, decides.
void TcpStreams::on_send(const Completion& done) {
  Stream* const stream = find(done);
  if (stream == nullptr) return;
  stream->sending = false;
  if (stream->state == State::closing) return close_if_idle(*stream);
  if (done.result < 0) {
    stream->send_error = error_from_errno(-done.result);
    if (stream->send_error != Error::reset) terminate(*stream, stream->send_error);
    return;
  }
  stream->sent += static_cast<size_t>(done.result);
  if (stream->sent < stream->outgoing.size()) return send_rest(*stream);
  stream->outgoing.clear();
  stream->sent = 0;
  want_send(*stream);
}

// -- Receiving

void TcpStreams::want_receive(Stream& stream) {
  unarmed_.push_back({slot_of(stream), stream.generation});
}

void TcpStreams::arm_receives() {
  if (unarmed_.empty() || turn_.ring.buffers_free() == 0) return;
  // Whoever comes first may take all buffers: change who that is.
  std::ranges::rotate(unarmed_, unarmed_.begin() + armings_++ % unarmed_.size());
  for (const StreamId id : unarmed_) {
    Stream* const stream = find(id);
    if (stream == nullptr || stream->state != State::open || stream->receiving) continue;
    stream->receiving = true;
    turn_.ring.recv_multishot(file_of(*stream), tag(Op::tcp_receive, *stream), 0);
  }
  unarmed_.clear();
}

void TcpStreams::on_receive(const Completion& done) {
  Stream* const stream = find(done);
  if (stream == nullptr) return turn_.drop(done);
  if (!done.more) stream->receiving = false;
  if (stream->state == State::closing) {
    turn_.drop(done);
    return close_if_idle(*stream);
  }
  if (done.result > 0) {
    add_event(EventKind::stream_data, *stream).bytes = turn_.lend(done);
    if (!done.more) want_receive(*stream);
    return;
  }
  turn_.drop(done);
  if (done.result == -ENOBUFS || done.result == -ENOMEM) {
    ++turn_.counters.buffers_exhausted;
    return want_receive(*stream);
  }
  const Error why = done.result == 0 ? Error::none : error_from_errno(-done.result);
  terminate(*stream, why == Error::none ? stream->send_error : why);
}

// -- Closing

void TcpStreams::close(StreamId id) {
  if (Stream* const stream = find(id); stream != nullptr) terminate(*stream, Error::none);
}

void TcpStreams::terminate(Stream& stream, Error why) {
  if (stream.state == State::closing) return;
  stream.state = State::closing;
  stream.why = why;
  ask_kernel_to_stop(stream);
  close_if_idle(stream);
}

void TcpStreams::ask_kernel_to_stop(Stream& stream) {
  if (stream.cancelling || !(stream.opening || stream.receiving || stream.sending)) return;
  stream.cancelling = true;
  ++turn_.prompt;
  turn_.ring.cancel_file(file_of(stream), tag(Op::tcp_cancel, stream));
}

// A cancel misses what the kernel has not begun yet, as the connect behind a fresh socket: ask
// again.
void TcpStreams::on_cancel(const Completion& done) {
  Stream* const stream = find(done);
  if (stream == nullptr) return;
  stream->cancelling = false;
  ask_kernel_to_stop(*stream);
  close_if_idle(*stream);
}

// From here on the id is dead; the slot is, until the close completes.
void TcpStreams::close_if_idle(Stream& stream) {
  assert(stream.state == State::closing);
  if (stream.opening || stream.receiving || stream.sending || stream.cancelling) return;
  add_event(EventKind::stream_closed, stream).error = stream.why;
  stream.state = State::closed;
  ++stream.generation;
  stream.waiting_to_send = false;
  stream.sent = 0;
  empty(stream.queued);
  empty(stream.outgoing);
  ++turn_.prompt;
  turn_.ring.close(file_of(stream), tag(Op::tcp_close, stream));
}

void TcpStreams::on_close(const Completion& done) {
  Stream* const stream = find(done);
  if (stream == nullptr) return;
  stream->state = State::free;
  free_.push_back(slot_of(*stream));
}

}  // namespace zonesweep::io
