#include "tools/loopback/dns_lane.h"

#define XXH_INLINE_ALL
#include <unistd.h>
#include <xxhash.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace zonesweep::loopback {
namespace {

constexpr io::FileSlot kUdpFile = 0;
constexpr io::FileSlot kListenerFile = 1;
constexpr uint32_t kOwnFiles = 16;

enum Kind : uint16_t {
  receive,
  send,
  accept,
  stream_receive,
  stream_send,
  stream_shut,
  stream_close,
  stream_cancel
};

constexpr auto kLatest = [](const auto& a, const auto& b) {
  return a.due != b.due ? a.due > b.due : a.order > b.order;
};

Nanoseconds monotonic_now() { return std::chrono::steady_clock::now().time_since_epoch(); }

io::RingOptions ring_options() {
  io::RingOptions options;
  options.submissions = 4'096;
  options.completions = 16'384;
  options.buffers = limits::kLaneBuffers;
  options.buffer_bytes = limits::kLaneBufferBytes;
  options.files = kOwnFiles + limits::kConnections;
  options.accepted_files = limits::kConnections;
  return options;
}

}  // namespace

std::expected<std::unique_ptr<DnsLane>, io::SetupError> DnsLane::open(Options options) {
  auto ring = io::Ring::create(ring_options());
  if (!ring) return std::unexpected(ring.error());
  std::unique_ptr<DnsLane> lane{new DnsLane(options, std::move(*ring))};
  io::Error error = lane->ring_.install(kUdpFile, options.sockets.udp);
  if (error == io::Error::none && options.sockets.listener >= 0) {
    error = lane->ring_.install(kListenerFile, options.sockets.listener);
  }
  if (error != io::Error::none) {
    return std::unexpected(io::SetupError{io::SetupError::Reason::files, 0,
                                          "cannot register the sockets with io_uring"});
  }
  return lane;
}

DnsLane::DnsLane(Options options, io::Ring ring)
    : options_(options),
      ring_(std::move(ring)),
      responder_(*options.world, options.impairments, options.chance_seed),
      batches_(ring_, kUdpFile, Kind::send, options.joined),
      streams_(ring_, {stream_receive, stream_send, stream_shut, stream_close, stream_cancel},
               ring_.options().files - ring_.options().accepted_files,
               ring_.options().accepted_files) {}

DnsLane::~DnsLane() {
  if (options_.sockets.udp >= 0) ::close(options_.sockets.udp);
  if (options_.sockets.listener >= 0) ::close(options_.sockets.listener);
}

int DnsLane::run(const std::atomic<bool>& stop) {
  while (!stop.load(std::memory_order_relaxed) && ring_.failed() == 0) turn();
  if (options_.log != nullptr) options_.log->flush();
  return ring_.failed();
}

void DnsLane::turn() {
  if (!receive_armed_) arm_receive();
  if (!accept_armed_) arm_accept();
  const uint32_t wait_for = std::clamp(datagrams_ / 2, 1U, limits::kGatherMost);
  ring_.wait(wait_for,
             wait_for > 1 ? std::min<Nanoseconds>(limits::kGather, patience()) : patience());
  completions_.clear();
  ring_.reap(completions_);
  now_ = monotonic_now();
  datagrams_ = 0;
  for (const io::Completion& done : completions_) dispatch(done);
  run_due();
  batches_.flush();
  ring_.give_back(used_buffers_);
  used_buffers_.clear();
  if (completions_.empty() && options_.log != nullptr) options_.log->flush();
}

Nanoseconds DnsLane::patience() const {
  if (later_.empty()) return limits::kIdle;
  return std::clamp<Nanoseconds>(later_.front().due - monotonic_now(), Nanoseconds{0},
                                 limits::kIdle);
}

void DnsLane::arm_receive() {
  if (ring_.buffers_free() == 0) return;
  ring_.recvmsg_multishot(kUdpFile, {Kind::receive, 0, 0});
  receive_armed_ = true;
}

void DnsLane::arm_accept() {
  accept_armed_ = true;
  if (options_.sockets.listener >= 0) ring_.accept_multishot(kListenerFile, {Kind::accept, 0, 0});
}

void DnsLane::dispatch(const io::Completion& done) {
  if (done.has_buffer) used_buffers_.push_back(done.buffer);
  switch (done.tag.kind) {
    case Kind::receive: return on_datagrams(done);
    case Kind::send: return batches_.sent(done.tag.slot, done.result);
    case Kind::accept: return on_accept(done);
    case Kind::stream_receive: return on_stream(done);
    case Kind::stream_send: streams_.sent(done, now_); return pump(done.tag.slot);
    case Kind::stream_shut: return streams_.shut(done);
    case Kind::stream_close: return streams_.closed(done);
    default: return;
  }
}

void DnsLane::on_datagrams(const io::Completion& done) {
  if (!done.more) receive_armed_ = false;
  const auto message = ring_.parse_message(done);
  if (!message || message->peer_bytes == 0) return;
  ++datagrams_;
  Peer peer;
  peer.bytes = std::min<socklen_t>(message->peer_bytes, limits::kPeerBytes);
  std::memcpy(peer.address.data(), message->peer, peer.bytes);
  auto rest = message->payload;
  const size_t step = message->segment_bytes != 0 ? message->segment_bytes : rest.size();
  while (!rest.empty()) {
    const auto query = rest.first(std::min(step, rest.size()));
    answer_datagram(peer, query);
    rest = rest.subspan(query.size());
  }
}

void DnsLane::answer_datagram(const Peer& peer, std::span<const std::byte> query) {
  const Plan& plan = responder_.respond(query, Transport::udp, now_);
  note(false, peer.port(), plan.count);
  for (const Plan::Message& message : plan.messages()) {
    if (message.delay.count() == 0) {
      batches_.add(peer, message.bytes);
    } else {
      later({now_ + message.delay,
             0,
             false,
             0,
             0,
             peer,
             {message.bytes.begin(), message.bytes.end()}});
    }
  }
}

void DnsLane::note(bool over_tcp, uint16_t port, size_t messages) {
  if (!responder_.understood()) return;
  const Question& question = responder_.question();
  if (options_.log != nullptr) options_.log->add(now_, over_tcp, port, question, messages);
  if (!options_.count_distinct) return;
  const std::string_view name = question.name();
  distinct_.insert(XXH3_64bits_withSeed(name.data(), name.size(), question.type));
}

void DnsLane::on_accept(const io::Completion& done) {
  if (!done.more) accept_armed_ = done.result == -ENFILE && streams_.open() > 0;
  if (done.result >= 0) streams_.accepted(static_cast<io::FileSlot>(done.result));
}

void DnsLane::on_stream(const io::Completion& done) {
  const uint32_t index = done.tag.slot;
  if (auto* connection = streams_.received(done)) {
    std::span<const std::byte> unread = connection->inbox;
    while (unread.size() >= 2) {
      const size_t size =
          std::to_integer<size_t>(unread[0]) << 8U | std::to_integer<size_t>(unread[1]);
      if (unread.size() - 2 < size) break;
      answer_stream(index, unread.subspan(2, size));
      unread = unread.subspan(2 + size);
    }
    const bool flooded = unread.size() > limits::kInboxBytes;
    connection->inbox.erase(connection->inbox.begin(),
                            connection->inbox.end() - static_cast<ptrdiff_t>(unread.size()));
    if (flooded) streams_.reset(index);
  }
  pump(index);
}

void DnsLane::answer_stream(uint32_t index, std::span<const std::byte> query) {
  auto& connection = streams_.at(index);
  const Plan& plan = responder_.respond(query, Transport::tcp, now_);
  note(true, 0, plan.count);
  if (plan.reset) {
    streams_.reset(index);
  } else if (plan.close_after <= connection.answered) {
    streams_.end(index);
  } else {
    send_plan(index, plan);
    ++connection.answered;
    if (plan.close || plan.close_after <= connection.answered) streams_.end(index);
  }
}

void DnsLane::send_plan(uint32_t index, const Plan& plan) {
  for (const Plan::Message& message : plan.messages()) {
    Nanoseconds due = now_ + message.delay;
    auto rest = message.bytes;
    const size_t step = plan.segment_bytes != 0 ? plan.segment_bytes : rest.size();
    while (!rest.empty()) {
      const auto piece = rest.first(std::min(step, rest.size()));
      streams_.send(index, piece, due, plan.segment_bytes != 0);
      rest = rest.subspan(piece.size());
      due += plan.segment_gap;
    }
  }
}

// Sends what is due; what is not asks for a wake-up.
void DnsLane::pump(uint32_t index) {
  streams_.pump(index, now_);
  Nanoseconds due{0};
  if (!streams_.waiting(index, due)) return;
  later({due, 0, true, index, streams_.at(index).generation, {}, {}});
}

void DnsLane::later(Later entry) {
  entry.order = order_++;
  later_.push_back(std::move(entry));
  std::ranges::push_heap(later_, kLatest);
}

void DnsLane::run_due() {
  while (!later_.empty() && later_.front().due <= now_) {
    std::ranges::pop_heap(later_, kLatest);
    const Later entry = std::move(later_.back());
    later_.pop_back();
    if (!entry.stream) {
      batches_.add(entry.peer, entry.bytes);
    } else if (streams_.at(entry.connection).generation == entry.generation) {
      pump(entry.connection);
    }
  }
}

}  // namespace zonesweep::loopback
