#include "io/uring_transport.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <thread>
#include <utility>

namespace zonesweep::io {
namespace {

Instant clock_now() { return std::chrono::steady_clock::now(); }

// UDP sockets hold a descriptor each beside their slot, streams only a slot.
void fit_files(TransportOptions& options, uint32_t limit) {
  const uint32_t lanes = std::max(options.lanes, 1U);
  const uint32_t spare =
      limit > limits::kFilesReserved ? (limit - limits::kFilesReserved) / lanes : 0;
  options.sockets = std::min(options.sockets, std::max(spare / 3, limits::kUdpSocketsMin));
  const uint32_t slots = limit > options.sockets ? limit - options.sockets : 0;
  options.streams = std::min(options.streams, std::max(slots, limits::kStreamsMin));
  options.ring.files = options.sockets + options.streams;
  options.ring.accepted_files = 0;
}

}  // namespace

// -- Life

std::expected<std::unique_ptr<UringTransport>, SetupError> UringTransport::create(
    TransportOptions options) {
  const TransportOptions asked = options;
  const uint32_t limit = raise_file_limit();
  if (limit < limits::kFilesMin + limits::kFilesReserved) {
    return std::unexpected(explain_setup_failure(EMFILE, options.ring));
  }
  fit_files(options, limit);
  auto ring = Ring::create(options.ring);
  if (!ring) return std::unexpected(std::move(ring.error()));
  std::vector<std::string> warnings = ring->warnings();
  if (options.sockets < asked.sockets || options.streams < asked.streams) {
    warnings.push_back("few open files (`ulimit -n`): " + std::to_string(options.sockets) +
                       " UDP sockets and " + std::to_string(options.streams) + " connections");
  }
  options.ring = ring->options();
  std::unique_ptr<UringTransport> made(new UringTransport(std::move(*ring), options));
  made->warnings_ = std::move(warnings);
  return made;
}

UringTransport::UringTransport(Ring&& ring, const TransportOptions& options)
    : options_(options),
      state_(std::move(ring)),
      udp_(state_, options.sockets, options.receive_bytes, options.use_gso),
      tcp_(state_, options.streams, options.sockets) {
  state_.now = clock_now();
}

// The kernel borrows our memory until an operation's completion.
UringTransport::~UringTransport() { state_.ring.stop(); }

// -- Requests

std::expected<ChannelId, Error> UringTransport::open_channel(const Endpoint& server,
                                                             const ChannelOptions& options) {
  return udp_.open(server, options);
}

SocketId UringTransport::sending_socket(ChannelId channel) { return udp_.sending_socket(channel); }

void UringTransport::send(std::span<const Datagram> batch) {
  for (const Datagram& datagram : batch) {
    if (udp_.send(datagram)) continue;
    finish_sends();
    if (!udp_.send(datagram)) udp_.refuse(datagram, Error::overload);
  }
}

// All send batches are with the kernel, or wait to be: hand them over, and take back those that are
// done, which is all of them. What else has completed is for the next turn.
void UringTransport::finish_sends() {
  udp_.submit_sends();
  state_.ring.wait(0, Duration::zero());
  state_.ring.reap(completions_);
  state_.prompt = 0;
  check_ring();
  std::erase_if(completions_, [this](const Completion& done) {
    const auto op = static_cast<Op>(done.tag.kind);
    if (op != Op::udp_send && op != Op::udp_send_one) return false;
    udp_.on_send(done);
    return true;
  });
}

std::expected<StreamId, Error> UringTransport::open_stream(const Endpoint& peer, uint32_t owner) {
  return tcp_.open(peer, owner);
}

bool UringTransport::write(StreamId stream, std::span<const std::byte> bytes) {
  return tcp_.write(stream, bytes);
}

void UringTransport::close(StreamId stream) { tcp_.close(stream); }

// -- The turn

std::span<const Event> UringTransport::turn(Instant wake_at, uint32_t wait_for) {
  ++state_.counters.turns;
  wake_at = std::max(wake_at, state_.now);
  prepare();
  const bool at_once = wait_for == 0 || !state_.events.empty() || !completions_.empty();
  wait(at_once ? 0 : wait_for, wake_at);
  harvest(wake_at);
  if (!failure_.empty()) std::this_thread::sleep_for(limits::kFailedPause);
  given_.clear();
  given_.swap(state_.events);
  return given_;
}

// Sends complete within their submission: they are not what is waited for.
void UringTransport::wait(uint32_t wait_for, Instant wake_at) {
  const uint32_t prompt = std::exchange(state_.prompt, 0);
  const Duration timeout = wait_for == 0 ? Duration::zero() : wake_at - clock_now();
  state_.ring.wait(wait_for == 0 ? 0 : wait_for + prompt, timeout);
  state_.ring.reap(completions_);
  // Nothing but sends had come when the window closed: little is in flight, any answer will do.
  while (wait_for > 0 && completions_.size() <= prompt && state_.ring.failed() == 0) {
    const Duration left = wake_at - clock_now();
    if (left <= Duration::zero()) return;
    const size_t before = completions_.size();
    state_.ring.wait(1, left);
    state_.ring.reap(completions_);
    if (completions_.size() == before) return;  // time is up, or a signal came
  }
}

void UringTransport::prepare() {
  state_.ring.give_back(state_.lent);
  state_.lent.clear();
  udp_.submit_sends();
  udp_.rotate();
  udp_.sweep();
  udp_.arm_receives();
  tcp_.submit_sends();
  tcp_.arm_receives();
}

void UringTransport::harvest(Instant wake_at) {
  const Instant now = clock_now();
  const bool late = now > wake_at && now - wake_at > limits::kTurnLate;
  for (uint32_t round = 0; late && round < limits::kDrainRoundsMax; ++round) {
    const size_t before = completions_.size();
    state_.ring.wait(0, Duration::zero());
    state_.ring.reap(completions_);
    if (completions_.size() == before) break;
  }
  check_ring();
  for (const Completion& done : completions_) dispatch(done);
  completions_.clear();
  // What still waits in the sockets for want of buffers was there before the caller's timeouts.
  if (late && (udp_.starved() || tcp_.starved()) && ++held_turns_ <= limits::kHeldTurnsMax) return;
  held_turns_ = 0;
  state_.now = now;
}

void UringTransport::dispatch(const Completion& done) {
  switch (static_cast<Op>(done.tag.kind)) {
    case Op::udp_receive: return udp_.on_receive(done);
    case Op::udp_send:
    case Op::udp_send_one: return udp_.on_send(done);
    case Op::udp_cancel: return udp_.on_cancel(done);
    case Op::tcp_open: return tcp_.on_open(done);
    case Op::tcp_receive: return tcp_.on_receive(done);
    case Op::tcp_send: return tcp_.on_send(done);
    case Op::tcp_cancel: return tcp_.on_cancel(done);
    case Op::tcp_close: return tcp_.on_close(done);
  }
}

void UringTransport::check_ring() {
  state_.counters.completion_overflows = state_.ring.overflows();
  if (state_.ring.failed() == 0 || !failure_.empty()) return;
  failure_ = std::string("the kernel dropped io_uring completions or refuses to go on: ") +
             std::strerror(state_.ring.failed());
}

}  // namespace zonesweep::io
