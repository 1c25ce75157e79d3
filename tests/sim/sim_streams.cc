// The stream half of SimTransport: TCP as a client sees it. Bytes arrive in order, late but never
// lost.
#include <algorithm>

#include "tests/sim/sim_transport.h"

namespace zonesweep::sim {

void SimConnection::send(std::span<const std::byte> bytes, io::Duration after) const {
  net_->send_down(id_, bytes, after);
}
void SimConnection::close(io::Duration after) const { net_->end_down(id_, io::Error::none, after); }
void SimConnection::reset(io::Duration after) const {
  net_->end_down(id_, io::Error::reset, after);
}

SimTransport::Stream* SimTransport::find(io::StreamId id) {
  if (id.slot >= streams_.size()) return nullptr;
  Stream& stream = streams_[id.slot];
  const bool alive = stream.state != Stream::State::free && stream.generation == id.generation;
  return alive ? &stream : nullptr;
}

SimConnection SimTransport::connection(io::StreamId id) {
  SimConnection handle;
  handle.net_ = this;
  handle.id_ = id;
  return handle;
}

std::expected<io::StreamId, io::Error> SimTransport::open_stream(const io::Endpoint& peer,
                                                                 uint32_t owner) {
  const auto unused = std::ranges::find(streams_, Stream::State::free, &Stream::state);
  if (unused == streams_.end()) return std::unexpected(io::Error::overload);
  unused->state = Stream::State::connecting;
  unused->owner = owner;
  unused->place = &place_of(peer);
  unused->unsent.clear();
  unused->queued_bytes = 0;
  unused->segment = 0;
  unused->up_clear = unused->down_clear = now_;
  ++counters_.streams_opened;
  ++open_streams_;
  const io::StreamId id{static_cast<uint32_t>(unused - streams_.begin()), unused->generation};
  after(latency(unused->place->path.up), [this, id] { connect(id); });
  return id;
}

// The SYN is at the server.
void SimTransport::connect(io::StreamId id) {
  Stream* stream = find(id);
  if (stream == nullptr) return;
  SimServer* server = stream->place->server.get();
  auto welcome = SimServer::Welcome::silent;
  const io::Duration back = latency(stream->place->path.down);
  if (server != nullptr) {
    ++server->counters.streams;
    stream->down_clear = now_ + back + io::Duration{1};  // a greeting comes after stream_opened
    welcome = server->on_connect(connection(id));
  }
  switch (welcome) {
    case SimServer::Welcome::open: after(back, [this, id] { opened(id); }); return;
    case SimServer::Welcome::refuse:
      after(back, [this, id] { finish(id, io::Error::refused); });
      return;
    case SimServer::Welcome::silent:
      after(options_.connect_timeout, [this, id] { finish(id, io::Error::timed_out); });
      return;
  }
}

void SimTransport::opened(io::StreamId id) {
  Stream* stream = find(id);
  if (stream == nullptr || stream->state != Stream::State::connecting) return;
  stream->state = Stream::State::open;
  io::Event event;
  event.kind = io::EventKind::stream_opened;
  event.stream = id;
  event.token = stream->owner;
  events_.push_back(event);
  if (!stream->unsent.empty()) carry_up(id, std::exchange(stream->unsent, {}));
}

bool SimTransport::write(io::StreamId id, std::span<const std::byte> bytes) {
  Stream* stream = find(id);
  if (stream == nullptr || stream->state == Stream::State::closing) return true;
  if (stream->queued_bytes + bytes.size() > io::limits::kStreamSendBytes) return false;
  stream->queued_bytes += bytes.size();
  if (stream->state == Stream::State::connecting) {
    stream->unsent.insert(stream->unsent.end(), bytes.begin(), bytes.end());
  } else {
    carry_up(id, {bytes.begin(), bytes.end()});
  }
  return true;
}

void SimTransport::carry_up(io::StreamId id, Bytes bytes) {
  Stream& stream = *find(id);
  stream.up_clear = std::max(stream.up_clear, now_ + latency(stream.place->path.up));
  at(stream.up_clear, [this, id, bytes = std::move(bytes)] { arrive_up(id, bytes); });
}

void SimTransport::arrive_up(io::StreamId id, const Bytes& bytes) {
  Stream* stream = find(id);
  if (stream == nullptr || stream->state != Stream::State::open) return;
  stream->queued_bytes -= bytes.size();
  SimServer* server = stream->place->server.get();
  if (server == nullptr) return;
  server->counters.stream_bytes += bytes.size();
  server->on_bytes(connection(id), bytes);
}

void SimTransport::send_down(io::StreamId id, std::span<const std::byte> bytes,
                             io::Duration after) {
  Stream* stream = find(id);
  if (stream == nullptr) return;
  const SimServer& server = *stream->place->server;
  io::Instant arrival = now_ + after + latency(stream->place->path.down);
  while (!bytes.empty()) {
    size_t size = bytes.size();
    if (!server.segments.empty()) {
      size =
          std::clamp<size_t>(server.segments[stream->segment++ % server.segments.size()], 1, size);
    }
    arrival = std::max(arrival, stream->down_clear);
    at(arrival,
       [this, id, piece = Bytes(bytes.begin(), bytes.begin() + static_cast<ptrdiff_t>(size))] {
         deliver_bytes(id, piece);
       });
    stream->down_clear = arrival;
    arrival += server.segment_gap;
    bytes = bytes.subspan(size);
  }
}

void SimTransport::deliver_bytes(io::StreamId id, Bytes bytes) {
  Stream* stream = find(id);
  if (stream == nullptr || stream->state == Stream::State::closing) return;
  io::Event event;
  event.kind = io::EventKind::stream_data;
  event.stream = id;
  event.token = stream->owner;
  event.bytes = lend(bytes);
  events_.push_back(event);
}

void SimTransport::end_down(io::StreamId id, io::Error error, io::Duration after) {
  Stream* stream = find(id);
  if (stream == nullptr) return;
  const io::Instant arrival = now_ + after + latency(stream->place->path.down);
  stream->down_clear = std::max(stream->down_clear, arrival);
  at(stream->down_clear, [this, id, error] { finish(id, error); });
}

void SimTransport::close(io::StreamId id) {
  Stream* stream = find(id);
  if (stream == nullptr || stream->state == Stream::State::closing) return;
  const bool met = stream->state == Stream::State::open;
  stream->state = Stream::State::closing;
  Place* place = stream->place;
  if (met) {
    const io::Instant arrival = std::max(stream->up_clear, now_ + latency(place->path.up));
    at(arrival, [this, id, place] {
      if (place->server) place->server->on_end(connection(id));
    });
  }
  after({}, [this, id] { finish(id, io::Error::none); });
}

void SimTransport::finish(io::StreamId id, io::Error error) {
  Stream* stream = find(id);
  if (stream == nullptr) return;
  io::Event event;
  event.kind = io::EventKind::stream_closed;
  event.error = stream->state == Stream::State::closing ? io::Error::none : error;
  event.stream = id;
  event.token = stream->owner;
  events_.push_back(event);
  stream->state = Stream::State::free;
  ++stream->generation;
  --open_streams_;
}

}  // namespace zonesweep::sim
