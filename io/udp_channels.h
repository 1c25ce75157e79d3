// io/udp_channels.h - connected UDP sockets on random ports, several per server, replaced over
// time.
//
// Within a turn all datagrams of a channel leave by one of its sockets, so that those of one length
// join into GSO batches; the socket changes from turn to turn. A replaced socket goes on receiving
// for `linger`.
//
// Threads:    one lane.
// Invariants: (1) a socket that is open or lingers has a receive armed, or stands in the list of
//             those to be armed; (2) a SocketId is free again only after its last completion; (3)
//             every datagram given to send() left, or is reported by one send_failed event.
// Units:      `receive_bytes` as SO_RCVBUF takes it.
#pragma once

#include <array>
#include <cstdint>
#include <expected>
#include <span>
#include <vector>

#include "io/send_batches.h"
#include "io/turn_state.h"

namespace zonesweep::io {

namespace limits {
inline constexpr Duration kSocketLifetime = std::chrono::seconds{60};  // then a new random port
inline constexpr Duration kSweepInterval = std::chrono::milliseconds{100};
}  // namespace limits

class UdpChannels {
 public:
  // Sockets take the slots 0 .. sockets - 1 of the ring's files.
  UdpChannels(TurnState& turn, uint32_t sockets, int receive_bytes, bool use_gso);
  ~UdpChannels();
  UdpChannels(const UdpChannels&) = delete;
  UdpChannels& operator=(const UdpChannels&) = delete;

  [[nodiscard]] std::expected<ChannelId, Error> open(const Endpoint& server,
                                                     const ChannelOptions& options);
  [[nodiscard]] SocketId sending_socket(ChannelId channel) const;
  [[nodiscard]] uint32_t max_sockets() const { return static_cast<uint32_t>(sockets_.size()); }

  // False when the send batches are used up: submit, dispatch the send completions, and send the
  // datagram again.
  [[nodiscard]] bool send(const Datagram& datagram);

  void refuse(const Datagram& datagram, Error error);  // it is reported as not sent

  void submit_sends();  // all that was batched
  void arm_receives();  // those that ended, if there are buffers
  void rotate();        // after the turn's submissions
  void sweep();         // close what lingered long enough, count what the kernel dropped
  // True while datagrams wait in sockets for want of buffers.
  [[nodiscard]] bool starved() const { return !unarmed_.empty(); }

  void on_receive(const Completion& done);
  void on_send(const Completion& done);
  void on_cancel(const Completion& done);

 private:
  static constexpr uint32_t kNone = UINT32_MAX;
  enum class State : uint8_t { free, open, lingering, closing };

  struct Socket {
    int fd = -1;
    ChannelId channel = 0;
    uint32_t generation = 0;
    State state = State::free;
    bool receiving = false;
    bool cancelling = false;
    uint32_t sends_in_flight = 0;
    uint32_t sent = 0;     // datagrams, since it was opened
    uint32_t dropped = 0;  // by the kernel, as last read
    Instant opened;
    Instant last_sent;
  };

  struct Channel {
    sockaddr_storage address{};
    socklen_t address_bytes = 0;
    ChannelOptions options;
    std::vector<SocketId> sockets;
    uint32_t current = 0;
    bool used = false;  // in this turn
    bool gso = true;
    std::array<uint16_t, limits::kBatchedLengthMax + 1> open_batch;  // by length
  };

  [[nodiscard]] std::expected<SocketId, Error> open_socket(ChannelId id);
  void set_options(int fd) const;
  void retire(SocketId id);
  void close_if_idle(SocketId id);
  void count_drops(Socket& socket);
  void replace_if_worn(ChannelId id);

  void submit(uint16_t index);
  void submit_whole(uint16_t index);
  void submit_singly(uint16_t index);
  void submit_one(uint16_t index, uint32_t segment);
  void on_batch_failed(uint16_t index, int code);
  void on_segment_failed(uint16_t index, uint32_t segment, int code);
  void fail(const SendBatch& batch, uint32_t segment, Error error);
  void add_event(EventKind kind, ChannelId channel, SocketId socket, uint32_t token, Error error);
  void release(uint16_t index);

  TurnState& turn_;
  int receive_bytes_;
  bool use_gso_;
  std::vector<Channel> channels_;
  std::vector<Socket> sockets_;
  std::vector<SocketId> free_sockets_;
  std::vector<SocketId> lingering_;
  std::vector<SocketId> unarmed_;
  std::vector<ChannelId> used_channels_;
  std::vector<uint16_t> open_batches_;
  SendBatches batches_;
  Instant next_sweep_;
  uint32_t armings_ = 0;  // rotates who comes first
};

}  // namespace zonesweep::io
