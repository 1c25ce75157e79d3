// The datagram half of SimTransport: sockets, and what the network does to one datagram.
#include <algorithm>
#include <cassert>

#include "tests/sim/sim_transport.h"

namespace zonesweep::sim {

void SimPeer::reply(std::span<const std::byte> bytes, io::Duration after) const {
  net_->reply(*this, bytes, after);
}
void SimPeer::refuse(io::Error error) const { net_->refuse(*this, error); }

std::expected<io::ChannelId, io::Error> SimTransport::open_channel(
    const io::Endpoint& server, const io::ChannelOptions& options) {
  const auto id = static_cast<io::ChannelId>(channels_.size());
  channels_.push_back({&place_of(server), options, {}});
  for (uint32_t i = 0; i < std::max(options.sockets, 1U); ++i) {
    const auto socket = open_socket(id);
    if (!socket && i == 0) {
      channels_.pop_back();
      return std::unexpected(socket.error());
    }
    if (!socket) break;  // fewer than asked for is enough
    channels_.back().sockets.push_back(*socket);
  }
  return id;
}

std::expected<io::SocketId, io::Error> SimTransport::open_socket(io::ChannelId channel) {
  for (io::SocketId id = 0; id < sockets_.size(); ++id) {
    Socket& socket = sockets_[id];
    if (socket.state != Socket::State::closed) continue;
    socket = {Socket::State::open, channel, socket.incarnation + 1, 0, now_};
    ++counters_.sockets_opened;
    return id;
  }
  return std::unexpected(io::Error::no_files);
}

io::SocketId SimTransport::sending_socket(io::ChannelId channel) {
  const auto& sockets = channels_.at(channel).sockets;
  return sockets[counters_.turns % sockets.size()];
}

void SimTransport::rotate_sockets() {
  for (Socket& socket : sockets_) {
    if (gone(socket)) socket.state = Socket::State::closed;
  }
  for (io::ChannelId id = 0; id < channels_.size(); ++id) replace_worn(channels_[id], id);
}

void SimTransport::replace_worn(Channel& channel, io::ChannelId id) {
  for (io::SocketId& used : channel.sockets) {
    if (sockets_[used].sent < channel.options.sends_per_socket) continue;
    const auto fresh = open_socket(id);
    if (!fresh) return;  // all ids linger: the old port serves on
    sockets_[used].state = Socket::State::lingering;
    used = *fresh;
  }
}

void SimTransport::fail_sends(uint32_t count, io::Error error) {
  failing_sends_ = count;
  failing_error_ = error;
}

void SimTransport::send(std::span<const io::Datagram> batch) {
  if (!batch.empty()) ++counters_.sends;
  for (const io::Datagram& datagram : batch) {
    if (failing_sends_ > 0) {
      --failing_sends_;
      fail(datagram, failing_error_);
    } else if (sent_this_turn_ >= options_.send_room || random_.with(options_.send_failure)) {
      fail(datagram, io::Error::overload);
    } else {
      depart(datagram);
    }
  }
}

void SimTransport::fail(const io::Datagram& datagram, io::Error error) {
  io::Event event;
  event.kind = io::EventKind::send_failed;
  event.error = error;
  event.handle = datagram.channel;
  event.socket = sending_socket(datagram.channel);
  event.token = datagram.token;
  failed_.push_back(event);
}

void SimTransport::depart(const io::Datagram& datagram) {
  Channel& channel = channels_.at(datagram.channel);
  SimPeer from;
  from.net_ = this;
  from.channel_ = datagram.channel;
  from.socket_ = sending_socket(datagram.channel);
  Socket& socket = sockets_[from.socket_];
  from.incarnation_ = socket.incarnation;
  ++socket.sent;
  socket.last_sent = now_;
  ++sent_this_turn_;
  ++counters_.datagrams_sent;
  travel(channel.place->path.up, {datagram.bytes.begin(), datagram.bytes.end()}, {},
         [place = channel.place, from](std::span<const std::byte> bytes) {
           if (!place->server) return;
           ++place->server->counters.datagrams;
           place->server->on_datagram(from, bytes);
         });
}

// Loss, duplication and an empty forerunner; then each copy goes its own way.
void SimTransport::travel(const Link& link, Bytes bytes, io::Duration extra,
                          std::function<void(std::span<const std::byte>)> arrive) {
  if (random_.with(link.empty_before)) carry(link, {}, extra, arrive);
  if (random_.with(link.duplicate)) carry(link, bytes, extra, arrive);
  if (random_.with(link.loss)) return;
  carry(link, std::move(bytes), extra, std::move(arrive));
}

void SimTransport::carry(const Link& link, Bytes bytes, io::Duration extra,
                         std::function<void(std::span<const std::byte>)> arrive) {
  mangle(link, bytes);
  io::Duration delay = extra + latency(link);
  if (random_.with(link.reorder)) delay += link.reorder_by;
  after(delay, [bytes = std::move(bytes), arrive = std::move(arrive)] { arrive(bytes); });
}

void SimTransport::mangle(const Link& link, Bytes& bytes) {
  if (bytes.size() >= 2 && random_.with(link.wrong_id)) {
    bytes[random_.below(2)] ^= static_cast<std::byte>(1 + random_.below(255));
  }
  if (!bytes.empty() && random_.with(link.corrupt)) {
    bytes[random_.below(bytes.size())] ^= static_cast<std::byte>(1 + random_.below(255));
  }
}

io::Duration SimTransport::latency(const Link& link) {
  return link.jitter.count() > 0 ? link.delay + random_.up_to(link.jitter) : link.delay;
}

void SimTransport::reply(const SimPeer& to, std::span<const std::byte> bytes, io::Duration after) {
  Place* place = channels_.at(to.channel_).place;
  if (place->server) ++place->server->counters.replies;
  travel(place->path.down, {bytes.begin(), bytes.end()}, after,
         [this, to](std::span<const std::byte> arrived) { deliver_datagram(to, arrived); });
}

bool SimTransport::gone(const Socket& socket) const {
  if (socket.state != Socket::State::lingering) return socket.state == Socket::State::closed;
  return now_ - socket.last_sent >= channels_[socket.channel].options.linger;
}

bool SimTransport::listening(const SimPeer& peer) const {
  const Socket& socket = sockets_[peer.socket_];
  return !gone(socket) && socket.incarnation == peer.incarnation_;
}

void SimTransport::deliver_datagram(const SimPeer& to, std::span<const std::byte> bytes) {
  if (!listening(to)) return;
  ++counters_.datagrams_received;
  io::Event event;
  event.kind = io::EventKind::datagram;
  event.truncated = bytes.size() > io::limits::kDatagramBytes;
  event.handle = to.channel_;
  event.socket = to.socket_;
  event.bytes = lend(bytes.first(std::min<size_t>(bytes.size(), io::limits::kDatagramBytes)));
  events_.push_back(event);
}

void SimTransport::refuse(const SimPeer& to, io::Error error) {
  after(latency(channels_.at(to.channel_).place->path.down), [this, to, error] {
    if (!listening(to)) return;
    io::Event event;
    event.kind = io::EventKind::channel_error;
    event.error = error;
    event.handle = to.channel_;
    event.socket = to.socket_;
    events_.push_back(event);
  });
}

}  // namespace zonesweep::sim
