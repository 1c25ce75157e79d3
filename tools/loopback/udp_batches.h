// tools/loopback/udp_batches.h - answers of one length to one client leave in one GSO send.
//
// Threads:    the lane's.
// Invariants: a batch given to the ring stays put until sent() is told.
// Ownership:  batches are pooled; add() copies.
// Units:      bytes; a segment is one datagram.
#pragma once

#include <netinet/in.h>

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "io/ring.h"

namespace zonesweep::loopback {

namespace limits {
inline constexpr uint32_t kSegments = 64;      // UDP_MAX_SEGMENTS of the kernels we support
inline constexpr size_t kBatchBytes = 65'507;  // the longest UDP payload over IPv4
inline constexpr size_t kPeerBytes = sizeof(sockaddr_in6);
}  // namespace limits

struct Peer {
  std::array<std::byte, limits::kPeerBytes> address{};
  socklen_t bytes = 0;

  [[nodiscard]] uint16_t port() const;
  friend bool operator==(const Peer&, const Peer&) = default;
};

class UdpBatches {
 public:
  // Not `joined`: each answer is a send of its own, as from a plain server.
  UdpBatches(io::Ring& ring, io::FileSlot socket, uint16_t tag_kind, bool joined)
      : ring_(ring), socket_(socket), tag_kind_(tag_kind), joined_(joined) {}

  void add(const Peer& peer, std::span<const std::byte> bytes);
  void flush();  // hands all open batches to the ring
  void sent(uint16_t slot, int32_t result);

  [[nodiscard]] uint64_t failures() const { return failures_; }

 private:
  struct Batch {
    Peer peer;
    uint32_t segment = 0;
    uint32_t count = 0;
    uint32_t in_flight = 0;  // sends that the ring holds
    size_t bytes = 0;
    std::array<msghdr, limits::kSegments> messages;  // the first alone, where they leave joined
    std::array<iovec, limits::kSegments> parts;
    alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(sizeof(uint16_t))> control{};
    std::array<std::byte, limits::kBatchBytes> data;
  };
  static constexpr size_t kOpen = 1'024;  // a power of two
  static constexpr uint16_t kNone = UINT16_MAX;

  uint16_t take();
  void hand_over(uint16_t slot);
  void send(uint16_t slot, uint32_t index, std::span<std::byte> bytes);

  io::Ring& ring_;
  io::FileSlot socket_;
  uint16_t tag_kind_;
  bool joined_;
  std::vector<std::unique_ptr<Batch>> pool_;
  std::vector<uint16_t> free_;
  std::array<uint16_t, kOpen> open_ = [] {
    std::array<uint16_t, kOpen> none;
    none.fill(kNone);
    return none;
  }();
  std::vector<uint16_t> used_;  // places of open_ that are taken
  uint64_t failures_ = 0;
};

}  // namespace zonesweep::loopback
