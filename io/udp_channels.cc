#include "io/udp_channels.h"

#include <linux/sock_diag.h>
#include <unistd.h>

#include <algorithm>
#include <cassert>
#include <cerrno>

namespace zonesweep::io {
namespace {

// The kernel or the path cannot cut a send into segments.
bool is_gso_refusal(int code) {
  return code == EIO || code == EINVAL || code == EOPNOTSUPP || code == EMSGSIZE;
}

}  // namespace

UdpChannels::UdpChannels(TurnState& turn, uint32_t sockets, int receive_bytes, bool use_gso)
    : turn_(turn), receive_bytes_(receive_bytes), use_gso_(use_gso), sockets_(sockets) {
  assert(sockets <= UINT16_MAX);
  for (uint32_t id = sockets; id-- > 0;) free_sockets_.push_back(id);
}

UdpChannels::~UdpChannels() {
  for (const Socket& socket : sockets_) {
    if (socket.fd >= 0) ::close(socket.fd);
  }
}

// -- Channels and their sockets

std::expected<ChannelId, Error> UdpChannels::open(const Endpoint& server,
                                                  const ChannelOptions& options) {
  const auto id = static_cast<ChannelId>(channels_.size());
  Channel& channel = channels_.emplace_back();
  channel.address_bytes = server.to_sockaddr(channel.address);
  channel.options = options;
  channel.gso = use_gso_;
  channel.open_batch.fill(SendBatches::kNone);
  for (uint32_t i = 0; i < std::max(options.sockets, 1U); ++i) {
    const auto socket = open_socket(id);
    if (socket) {
      channel.sockets.push_back(*socket);
    } else if (i == 0) {
      channels_.pop_back();
      return std::unexpected(socket.error());
    } else {
      break;  // fewer will do
    }
  }
  return id;
}

// A plain descriptor stays beside the fixed one: getsockopt() needs it.
std::expected<SocketId, Error> UdpChannels::open_socket(ChannelId id) {
  if (free_sockets_.empty()) return std::unexpected(Error::no_files);
  const Channel& channel = channels_[id];
  const int fd = ::socket(channel.address.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return std::unexpected(error_from_errno(errno));
  set_options(fd);
  const SocketId slot = free_sockets_.back();
  Error error = Error::none;
  // No bind: connect() takes a random free port.
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&channel.address), channel.address_bytes) !=
      0) {
    error = error_from_errno(errno);
  }
  if (error == Error::none) error = turn_.ring.install(slot, fd);
  if (error != Error::none) {
    ::close(fd);
    return std::unexpected(error);
  }
  free_sockets_.pop_back();
  Socket& socket = sockets_[slot];
  const uint32_t generation = socket.generation;
  socket = Socket{};
  socket.generation = generation;
  socket.fd = fd;
  socket.channel = id;
  socket.state = State::open;
  socket.opened = turn_.now;
  unarmed_.push_back(slot);
  ++turn_.counters.sockets_opened;
  return slot;
}

void UdpChannels::set_options(int fd) const {
  const auto set = [fd](int forced, int plain, int value) {
    if (::setsockopt(fd, SOL_SOCKET, forced, &value, sizeof value) != 0) {
      ::setsockopt(fd, SOL_SOCKET, plain, &value, sizeof value);  // as much as rmem_max allows
    }
  };
  set(SO_RCVBUFFORCE, SO_RCVBUF, receive_bytes_);
  set(SO_SNDBUFFORCE, SO_SNDBUF, receive_bytes_);
}

SocketId UdpChannels::sending_socket(ChannelId id) const {
  const Channel& channel = channels_[id];
  return channel.sockets[channel.current];
}

void UdpChannels::rotate() {
  for (const ChannelId id : used_channels_) {
    Channel& channel = channels_[id];
    channel.used = false;
    replace_if_worn(id);
    channel.current = (channel.current + 1) % static_cast<uint32_t>(channel.sockets.size());
  }
  used_channels_.clear();
}

void UdpChannels::replace_if_worn(ChannelId id) {
  Channel& channel = channels_[id];
  const SocketId worn = channel.sockets[channel.current];
  const Socket& socket = sockets_[worn];
  if (socket.sent < channel.options.sends_per_socket &&
      turn_.now - socket.opened < limits::kSocketLifetime) {
    return;
  }
  const auto fresh = open_socket(id);
  if (!fresh) return;  // all ids or descriptors in use: the old one serves on
  channel.sockets[channel.current] = *fresh;
  sockets_[worn].state = State::lingering;
  lingering_.push_back(worn);
}

void UdpChannels::sweep() {
  if (turn_.now < next_sweep_) return;
  next_sweep_ = turn_.now + limits::kSweepInterval;
  for (Socket& socket : sockets_) {
    if (socket.state != State::free) count_drops(socket);
  }
  std::erase_if(lingering_, [this](SocketId id) {
    const Socket& socket = sockets_[id];
    if (turn_.now - socket.last_sent < channels_[socket.channel].options.linger) return false;
    retire(id);
    return true;
  });
}

void UdpChannels::retire(SocketId id) {
  Socket& socket = sockets_[id];
  socket.state = State::closing;
  if (socket.receiving) {
    socket.cancelling = true;
    turn_.ring.cancel_file(id, TurnState::tag(Op::udp_cancel, id, socket.generation));
  }
  close_if_idle(id);
}

void UdpChannels::close_if_idle(SocketId id) {
  Socket& socket = sockets_[id];
  assert(socket.state == State::closing);
  if (socket.receiving || socket.cancelling || socket.sends_in_flight > 0) return;
  count_drops(socket);
  turn_.ring.uninstall(id);
  ::close(socket.fd);
  socket.fd = -1;
  socket.state = State::free;
  ++socket.generation;
  std::erase(unarmed_, id);
  free_sockets_.push_back(id);
}

// A connected socket's recv carries no SO_RXQ_OVFL; the same count is in SO_MEMINFO.
void UdpChannels::count_drops(Socket& socket) {
  std::array<uint32_t, SK_MEMINFO_VARS> info{};
  socklen_t bytes = sizeof info;
  if (::getsockopt(socket.fd, SOL_SOCKET, SO_MEMINFO, info.data(), &bytes) != 0) return;
  if (bytes <= SK_MEMINFO_DROPS * sizeof(uint32_t)) return;
  turn_.counters.receive_overflows += info[SK_MEMINFO_DROPS] - socket.dropped;
  socket.dropped = info[SK_MEMINFO_DROPS];
}

// -- Receiving

void UdpChannels::arm_receives() {
  if (unarmed_.empty() || turn_.ring.buffers_free() == 0) return;
  // Whoever comes first may take all buffers: change who that is.
  std::ranges::rotate(unarmed_, unarmed_.begin() + armings_++ % unarmed_.size());
  for (const SocketId id : unarmed_) {
    Socket& socket = sockets_[id];
    if (socket.receiving || (socket.state != State::open && socket.state != State::lingering))
      continue;
    socket.receiving = true;
    turn_.ring.recv_multishot(id, TurnState::tag(Op::udp_receive, id, socket.generation),
                              MSG_TRUNC);
  }
  unarmed_.clear();
}

void UdpChannels::on_receive(const Completion& done) {
  const SocketId id = done.tag.slot;
  Socket& socket = sockets_[id];
  if (socket.generation != done.tag.generation) return turn_.drop(done);
  if (done.result >= 0) {
    ++turn_.counters.datagrams_received;
    Event& event = turn_.events.emplace_back();
    event.kind = EventKind::datagram;
    event.handle = socket.channel;
    event.socket = id;
    event.bytes = turn_.lend(done);
    event.truncated = event.bytes.size() < static_cast<size_t>(done.result);
  } else {
    turn_.drop(done);
    if (done.result == -ENOBUFS) ++turn_.counters.buffers_exhausted;
  }
  if (done.more) return;
  socket.receiving = false;
  if (socket.state == State::closing) return close_if_idle(id);
  unarmed_.push_back(id);
  const bool starved =
      done.result == -ENOBUFS || done.result == -ENOMEM || done.result == -ECANCELED;
  if (done.result >= 0 || starved) return;
  add_event(EventKind::channel_error, socket.channel, id, 0, error_from_errno(-done.result));
}

void UdpChannels::on_cancel(const Completion& done) {
  Socket& socket = sockets_[done.tag.slot];
  if (socket.generation != done.tag.generation) return;
  socket.cancelling = false;
  close_if_idle(done.tag.slot);
}

// -- Sending

bool UdpChannels::send(const Datagram& datagram) {
  Channel& channel = channels_[datagram.channel];
  const size_t length = datagram.bytes.size();
  const SocketId socket = channel.sockets[channel.current];
  if (length > limits::kSendBatchBytes) {
    refuse(datagram, Error::too_large);
    return true;
  }
  const bool joins = length > 0 && length <= limits::kBatchedLengthMax;
  uint16_t index = joins ? channel.open_batch[length] : SendBatches::kNone;
  if (index == SendBatches::kNone) {
    index = batches_.take(datagram.channel, socket, length);
    if (index == SendBatches::kNone) return false;
    if (joins) {
      channel.open_batch[length] = index;
      open_batches_.push_back(index);
    }
  }
  if (!channel.used) {
    channel.used = true;
    used_channels_.push_back(datagram.channel);
  }
  if (batches_.append(index, datagram) || !joins) submit(index);
  return true;
}

void UdpChannels::submit_sends() {
  for (const uint16_t index : open_batches_) {
    if (batches_[index].open) submit(index);
  }
  open_batches_.clear();
}

void UdpChannels::submit(uint16_t index) {
  SendBatch& batch = batches_[index];
  Channel& channel = channels_[batch.channel];
  batch.open = false;
  if (batch.length <= limits::kBatchedLengthMax)
    channel.open_batch[batch.length] = SendBatches::kNone;
  Socket& socket = sockets_[batch.socket];
  socket.sent += batch.segments;
  socket.last_sent = turn_.now;
  if (channel.gso && batch.segments > 1) {
    submit_whole(index);
  } else {
    submit_singly(index);
  }
}

// MSG_DONTWAIT: a full socket is told at once, so that sends complete within the submission.
void UdpChannels::submit_whole(uint16_t index) {
  SendBatch& batch = batches_[index];
  batch.outstanding = 1;
  ++sockets_[batch.socket].sends_in_flight;
  ++turn_.counters.sends;
  ++turn_.prompt;
  turn_.ring.sendmsg(batch.socket, TurnState::tag(Op::udp_send, index, 0), batches_.message(index),
                     MSG_DONTWAIT);
}

void UdpChannels::submit_singly(uint16_t index) {
  const uint32_t segments = batches_[index].segments;
  for (uint32_t segment = 0; segment < segments; ++segment) submit_one(index, segment);
}

void UdpChannels::submit_one(uint16_t index, uint32_t segment) {
  SendBatch& batch = batches_[index];
  ++batch.outstanding;
  ++sockets_[batch.socket].sends_in_flight;
  ++turn_.counters.sends;
  ++turn_.prompt;
  turn_.ring.send(batch.socket, TurnState::tag(Op::udp_send_one, index, segment),
                  batches_.segment(index, segment), MSG_DONTWAIT);
}

void UdpChannels::on_send(const Completion& done) {
  const uint16_t index = done.tag.slot;
  SendBatch& batch = batches_[index];
  const bool whole = done.tag.kind == std::to_underlying(Op::udp_send);
  --batch.outstanding;
  --sockets_[batch.socket].sends_in_flight;
  if (done.result >= 0) {
    turn_.counters.datagrams_sent += whole ? batch.segments : 1;
  } else if (whole) {
    on_batch_failed(index, -done.result);
  } else {
    on_segment_failed(index, done.tag.generation, -done.result);
  }
  if (batch.outstanding == 0) release(index);
}

void UdpChannels::on_batch_failed(uint16_t index, int code) {
  SendBatch& batch = batches_[index];
  if (is_gso_refusal(code)) {
    channels_[batch.channel].gso = false;
    submit_singly(index);
  } else if (code == ECONNREFUSED && !batch.resent) {
    // The answer to an earlier datagram: it took this send's place, nothing of the batch has left.
    batch.resent = true;
    add_event(EventKind::channel_error, batch.channel, batch.socket, 0, Error::refused);
    submit_whole(index);
  } else {
    const Error error = error_from_errno(code);
    for (uint32_t segment = 0; segment < batch.segments; ++segment) fail(batch, segment, error);
  }
}

void UdpChannels::on_segment_failed(uint16_t index, uint32_t segment, int code) {
  SendBatch& batch = batches_[index];
  if (code == ECONNREFUSED && !batch.segment_resent[segment]) {
    batch.segment_resent[segment] = true;
    add_event(EventKind::channel_error, batch.channel, batch.socket, 0, Error::refused);
    submit_one(index, segment);
  } else {
    fail(batch, segment, error_from_errno(code));
  }
}

void UdpChannels::release(uint16_t index) {
  const SocketId id = batches_[index].socket;
  batches_.give_back(index);
  if (sockets_[id].state == State::closing) close_if_idle(id);
}

void UdpChannels::fail(const SendBatch& batch, uint32_t segment, Error error) {
  add_event(EventKind::send_failed, batch.channel, batch.socket, batch.tokens[segment], error);
}

void UdpChannels::refuse(const Datagram& datagram, Error error) {
  add_event(EventKind::send_failed, datagram.channel, sending_socket(datagram.channel),
            datagram.token, error);
}

void UdpChannels::add_event(EventKind kind, ChannelId channel, SocketId socket, uint32_t token,
                            Error error) {
  Event& event = turn_.events.emplace_back();
  event.kind = kind;
  event.error = error;
  event.handle = channel;
  event.socket = socket;
  event.token = token;
}

}  // namespace zonesweep::io
