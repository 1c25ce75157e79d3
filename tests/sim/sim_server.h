// tests/sim/sim_server.h - what stands at one endpoint of the simulated network.
//
// A server is a class with callbacks; sim_servers.h holds the usual ones. Callbacks run inside
// SimTransport::turn(), in simulated time, and answer through the small handles below, which may be
// kept and used later (from SimTransport::at()).
//
// Threads: the one of the transport. Ownership: the transport owns servers; bytes are lent for the
// call.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "io/transport.h"
#include "tools/loopback/chance.h"

namespace zonesweep::sim {

class SimTransport;
class SimServer;

// One direction between us and a server. Probabilities are in [0, 1]. Streams feel only delay and
// jitter: TCP hides the rest.
struct Link {
  io::Duration delay = std::chrono::milliseconds{1};
  io::Duration jitter{0};  // adds a uniform delay in [0, jitter): more jitter than gap reorders
  double loss = 0;
  double duplicate = 0;  // the copy travels on its own and may come first
  double reorder = 0;    // held back by `reorder_by`, so that later ones overtake it
  io::Duration reorder_by = std::chrono::milliseconds{5};
  double corrupt = 0;       // one byte is changed
  double wrong_id = 0;      // the first two bytes are changed
  double empty_before = 0;  // a datagram of no bytes comes first
};

struct Path {
  Link up;    // towards the server
  Link down;  // towards us
};

// The sender of one datagram.
class SimPeer {
 public:
  // Leaves the server `after` from now, then travels the path's `down` link.
  void reply(std::span<const std::byte> bytes, io::Duration after = {}) const;
  // An ICMP error comes back instead: refused, unreachable, denied.
  void refuse(io::Error error = io::Error::refused) const;

  [[nodiscard]] io::SocketId socket() const { return socket_; }
  [[nodiscard]] io::ChannelId channel() const { return channel_; }
  [[nodiscard]] SimTransport& net() const { return *net_; }

 private:
  friend class SimTransport;
  SimTransport* net_ = nullptr;
  io::ChannelId channel_ = 0;
  io::SocketId socket_ = 0;
  uint32_t incarnation_ = 0;
};

// The server's side of one stream. Calls on a dead one do nothing.
class SimConnection {
 public:
  // In order, cut into the server's segments; `after` delays this and so everything behind it.
  void send(std::span<const std::byte> bytes, io::Duration after = {}) const;
  void close(io::Duration after = {}) const;  // orderly, behind all that was sent
  void reset(io::Duration after = {}) const;

  [[nodiscard]] io::StreamId id() const { return id_; }
  [[nodiscard]] SimTransport& net() const { return *net_; }

 private:
  friend class SimTransport;
  SimTransport* net_ = nullptr;
  io::StreamId id_;
};

class SimServer {
 public:
  enum class Welcome : uint8_t {
    open,
    refuse,  // RST to the SYN
    silent,  // the SYN is lost for ever
  };

  struct Counters {
    uint64_t datagrams = 0;  // that arrived here, duplicates included
    uint64_t replies = 0;
    uint64_t streams = 0;  // that were asked for
    uint64_t stream_bytes = 0;
  };

  SimServer() = default;
  SimServer(const SimServer&) = delete;
  SimServer& operator=(const SimServer&) = delete;
  virtual ~SimServer() = default;

  virtual void on_datagram(const SimPeer& from, std::span<const std::byte> query) = 0;
  virtual Welcome on_connect(const SimConnection&) { return Welcome::refuse; }
  virtual void on_bytes(const SimConnection&, std::span<const std::byte>) {}
  virtual void on_end(const SimConnection&) {}  // the client closed

  // Sizes of the pieces in which stream bytes arrive, used in turn; empty: whole. `segment_gap`
  // apart.
  std::vector<size_t> segments;
  io::Duration segment_gap{0};

  Counters counters;
};

}  // namespace zonesweep::sim
