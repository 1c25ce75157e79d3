// tests/sim/sim_transport.h - io::Transport over a simulated network, clock and set of servers.
//
// Everything above the seam runs here without a socket or a sleep. One seed is one run: no wall
// clock, no address, no hash order enters.
//
// Threads:    one.
// Invariants: those of io/transport.h. turn() moves time to the event that completes `wait_for`, or
//             to wake_at; a turn with wait_for 0 costs Options::turn_cost, so that a busy loop
//             ends.
// Ownership:  servers belong to the transport. Event bytes live until the next turn().
// Errors:     a turn that can never end (nothing scheduled, wake_at at infinity) aborts after
//             limits::kStalledTurns: a hang in a test says so instead of hanging.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "io/transport.h"
#include "tests/sim/sim_server.h"

namespace zonesweep::sim {

namespace limits {
inline constexpr uint32_t kStalledTurns = 1'000;
}

struct SimOptions {
  uint32_t max_sockets = 64;
  uint32_t max_streams = 256;
  io::Duration turn_cost = std::chrono::microseconds{1};
  io::Duration connect_timeout = std::chrono::seconds{130};  // Linux: tcp_syn_retries 6
  uint32_t send_room =
      UINT32_MAX;           // datagrams that leave in one turn; the others fail with overload
  double send_failure = 0;  // chance that a datagram fails with overload
};

class SimTransport final : public io::Transport {
 public:
  explicit SimTransport(uint64_t seed, SimOptions options = {});
  ~SimTransport() override;

  // --- the world
  // -------------------------------------------------------------------------------------

  // Where no server was added, datagrams are lost and connects stay silent.
  template <typename Server, typename... Args>
  Server& add_server(const io::Endpoint& at, Args&&... args) {
    auto server = std::make_unique<Server>(std::forward<Args>(args)...);
    Server& added = *server;
    place(at, std::move(server));
    return added;
  }
  [[nodiscard]] Path& path(const io::Endpoint& to);  // may be changed at any time
  SimServer* server(const io::Endpoint& at);
  [[nodiscard]] loopback::Chance& random() { return random_; }

  // Runs `action` inside a later turn(), at that instant.
  void at(io::Instant when, std::move_only_function<void()> action);
  void after(io::Duration delay, std::move_only_function<void()> action);

  // The next `count` datagrams do not leave.
  void fail_sends(uint32_t count, io::Error error = io::Error::overload);
  // The process sleeps (SIGSTOP): the next turn ends no sooner than this, and all that came in
  // meanwhile is there.
  void suspend(io::Duration span);
  // Nothing is travelling and no action is scheduled.
  [[nodiscard]] bool idle() const { return queue_.empty() && failed_.empty(); }
  [[nodiscard]] uint32_t open_streams() const { return open_streams_; }

  // --- io::Transport
  // ---------------------------------------------------------------------------------

  [[nodiscard]] io::Instant now() const override { return now_; }
  [[nodiscard]] std::expected<io::ChannelId, io::Error> open_channel(
      const io::Endpoint& server, const io::ChannelOptions& options) override;
  [[nodiscard]] io::SocketId sending_socket(io::ChannelId channel) override;
  [[nodiscard]] uint32_t max_sockets() const override { return options_.max_sockets; }
  void send(std::span<const io::Datagram> batch) override;
  [[nodiscard]] std::expected<io::StreamId, io::Error> open_stream(const io::Endpoint& peer,
                                                                   uint32_t owner) override;
  bool write(io::StreamId stream, std::span<const std::byte> bytes) override;
  void close(io::StreamId stream) override;
  [[nodiscard]] std::span<const io::Event> turn(io::Instant wake_at, uint32_t wait_for) override;
  [[nodiscard]] const io::TransportCounters& counters() const override { return counters_; }

 private:
  friend class SimPeer;
  friend class SimConnection;
  using Bytes = std::vector<std::byte>;

  struct Place {
    io::Endpoint endpoint;
    std::unique_ptr<SimServer> server;  // null: nobody there
    Path path;
  };
  struct Scheduled {
    io::Instant when;
    uint64_t order = 0;  // ties run in the order in which they were scheduled
    std::move_only_function<void()> action;
  };
  struct Socket {
    enum class State : uint8_t { closed, open, lingering };
    State state = State::closed;
    io::ChannelId channel = 0;
    uint32_t incarnation = 0;
    uint32_t sent = 0;
    io::Instant last_sent;
  };
  struct Channel {
    Place* place = nullptr;
    io::ChannelOptions options;
    std::vector<io::SocketId> sockets;
  };
  struct Stream {
    enum class State : uint8_t { free, connecting, open, closing };
    State state = State::free;
    uint32_t generation = 1;
    uint32_t owner = 0;
    Place* place = nullptr;
    Bytes unsent;             // written before the stream was open
    size_t queued_bytes = 0;  // written and not yet at the server
    size_t segment = 0;       // next of the server's segments
    io::Instant up_clear;     // nothing overtakes on a stream: earliest next arrival, each way
    io::Instant down_clear;
  };

  void place(const io::Endpoint& at, std::unique_ptr<SimServer> server);
  Place& place_of(const io::Endpoint& endpoint);

  std::expected<io::SocketId, io::Error> open_socket(io::ChannelId channel);
  void rotate_sockets();
  void replace_worn(Channel& channel, io::ChannelId id);
  void depart(const io::Datagram& datagram);
  void fail(const io::Datagram& datagram, io::Error error);
  void travel(const Link& link, Bytes bytes, io::Duration extra,
              std::function<void(std::span<const std::byte>)> arrive);
  void carry(const Link& link, Bytes bytes, io::Duration extra,
             std::function<void(std::span<const std::byte>)> arrive);
  void mangle(const Link& link, Bytes& bytes);
  void reply(const SimPeer& to, std::span<const std::byte> bytes, io::Duration after);
  void refuse(const SimPeer& to, io::Error error);
  [[nodiscard]] bool gone(const Socket& socket) const;
  [[nodiscard]] bool listening(const SimPeer& peer) const;
  void deliver_datagram(const SimPeer& to, std::span<const std::byte> bytes);

  Stream* find(io::StreamId id);
  SimConnection connection(io::StreamId id);
  io::Duration latency(const Link& link);
  void connect(io::StreamId id);
  void opened(io::StreamId id);
  void carry_up(io::StreamId id, Bytes bytes);
  void arrive_up(io::StreamId id, const Bytes& bytes);
  void send_down(io::StreamId id, std::span<const std::byte> bytes, io::Duration after);
  void end_down(io::StreamId id, io::Error error, io::Duration after);
  void deliver_bytes(io::StreamId id, Bytes bytes);
  void finish(io::StreamId id, io::Error error);

  void run_until(io::Instant limit, io::Instant awake, uint32_t wait_for);
  Scheduled pop();
  void check_progress(bool stalled);
  std::span<const std::byte> lend(std::span<const std::byte> bytes);

  SimOptions options_;
  loopback::Chance random_;
  io::Instant now_;
  io::Instant suspended_until_;
  uint64_t order_ = 0;
  uint32_t stalled_turns_ = 0;
  uint32_t failing_sends_ = 0;
  io::Error failing_error_ = io::Error::overload;
  uint32_t sent_this_turn_ = 0;
  uint32_t open_streams_ = 0;

  std::vector<std::unique_ptr<Place>> places_;
  std::vector<Channel> channels_;
  std::vector<Socket> sockets_;
  std::vector<Stream> streams_;
  std::vector<Scheduled> queue_;  // a heap
  std::vector<io::Event> failed_;
  std::vector<io::Event> events_;
  std::vector<Bytes> lent_;
  io::TransportCounters counters_;
};

}  // namespace zonesweep::sim
