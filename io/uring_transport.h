// io/uring_transport.h - the Transport over the kernel: one ring, UDP channels and TCP streams.
//
// Threads:    one lane: create() and every other call on the same thread.
// Ownership:  see io/transport.h. At destruction the kernel is asked to end all that is in flight
//             and is waited for, since it writes into our memory until then.
// Errors:     SetupError at creation; afterwards events, and failure() once the kernel has lost
//             completions, which nothing can mend.
#pragma once

#include <expected>
#include <memory>
#include <string>
#include <vector>

#include "io/ring.h"
#include "io/tcp_streams.h"
#include "io/transport.h"
#include "io/turn_state.h"
#include "io/udp_channels.h"

namespace zonesweep::io {

struct TransportOptions {
  RingOptions ring;               // its `files` follow from the next two
  uint32_t sockets = 1'024;       // UDP, of all channels, those that linger included
  uint32_t streams = 4'096;       // at once
  int receive_bytes = 4'194'304;  // of a UDP socket's SO_RCVBUF and SO_SNDBUF, used only when full
  uint32_t lanes = 1;             // transports that share this process's limits
  bool use_gso = true;
};

namespace limits {
inline constexpr uint32_t kUdpSocketsMin = 4;
inline constexpr uint32_t kStreamsMin = 8;
// A turn that is later than this was suspended: it drains what was received before time moves on.
inline constexpr Duration kTurnLate = std::chrono::milliseconds{20};
inline constexpr uint32_t kDrainRoundsMax = 1'024;
inline constexpr auto kFailedPause = std::chrono::milliseconds{1};  // of a turn that can do nothing
inline constexpr uint32_t kHeldTurnsMax = 256;  // then time moves on, whatever still floods in
}  // namespace limits

class UringTransport final : public Transport {
 public:
  [[nodiscard]] static std::expected<std::unique_ptr<UringTransport>, SetupError> create(
      TransportOptions options);
  ~UringTransport() override;

  [[nodiscard]] Instant now() const override { return state_.now; }
  [[nodiscard]] std::expected<ChannelId, Error> open_channel(
      const Endpoint& server, const ChannelOptions& options) override;
  [[nodiscard]] SocketId sending_socket(ChannelId channel) override;
  [[nodiscard]] uint32_t max_sockets() const override { return udp_.max_sockets(); }
  void send(std::span<const Datagram> batch) override;
  [[nodiscard]] std::expected<StreamId, Error> open_stream(const Endpoint& peer,
                                                           uint32_t owner) override;
  bool write(StreamId stream, std::span<const std::byte> bytes) override;
  void close(StreamId stream) override;
  [[nodiscard]] std::span<const Event> turn(Instant wake_at, uint32_t wait_for) override;
  [[nodiscard]] const TransportCounters& counters() const override { return state_.counters; }
  [[nodiscard]] std::string_view failure() const override { return failure_; }

  // What was granted, and what of it fell short of what was asked for.
  [[nodiscard]] const TransportOptions& options() const noexcept { return options_; }
  [[nodiscard]] const std::vector<std::string>& warnings() const noexcept { return warnings_; }

 private:
  UringTransport(Ring&& ring, const TransportOptions& options);

  void prepare();
  void wait(uint32_t wait_for, Instant wake_at);
  void harvest(Instant wake_at);
  void dispatch(const Completion& done);
  void finish_sends();
  void check_ring();

  TransportOptions options_;
  std::vector<std::string> warnings_;
  TurnState state_;
  UdpChannels udp_;
  TcpStreams tcp_;
  std::vector<Completion> completions_;
  std::vector<Event> given_;  // the last turn's events
  uint32_t held_turns_ = 0;
  std::string failure_;
};

}  // namespace zonesweep::io
