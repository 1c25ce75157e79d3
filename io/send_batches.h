// io/send_batches.h - datagrams of one length to one socket, side by side, as a GSO send wants
// them.
//
// Threads:    one lane.
// Invariants: a batch that was taken is given back only after its last send has completed: the
//             kernel reads its header and its bytes until then.
// Ownership:  the pool owns all memory; it is touched only where batches are used, the last given
//             back is the first taken.
#pragma once

#include <sys/socket.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "io/transport.h"

namespace zonesweep::io {

namespace limits {
inline constexpr uint32_t kSegmentsPerSend = 64;    // UDP_MAX_SEGMENTS of Linux up to 6.8
inline constexpr uint32_t kSendBatchBytes = 8'192;  // below the 65,507 that a UDP send can hold
inline constexpr uint32_t kSendBatches = 256;       // then a turn's sends are submitted in parts
inline constexpr uint32_t kBatchedLengthMax = 511;  // longer datagrams are rare: they leave alone
}  // namespace limits
static_assert(limits::kSendBatchBytes <= 65'507 &&
              limits::kBatchedLengthMax < limits::kSendBatchBytes);

struct SendBatch {
  ChannelId channel = 0;
  SocketId socket = 0;
  uint16_t length = 0;  // of each segment
  uint16_t segments = 0;
  uint16_t outstanding = 0;  // sends that the kernel has not answered yet
  bool resent = false;       // once is enough
  bool open = false;         // takes more segments
  msghdr message{};
  iovec bytes{};
  alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(sizeof(uint16_t))> control{};
  std::array<uint32_t, limits::kSegmentsPerSend> tokens;
  std::array<bool, limits::kSegmentsPerSend> segment_resent;
};

class SendBatches {
 public:
  static constexpr uint16_t kNone = UINT16_MAX;

  SendBatches();

  // kNone when all are in use.
  [[nodiscard]] uint16_t take(ChannelId channel, SocketId socket, size_t length);
  void give_back(uint16_t index) noexcept { free_.push_back(index); }
  [[nodiscard]] SendBatch& operator[](uint16_t index) noexcept { return batches_[index]; }

  // True when the batch has no room for one more.
  bool append(uint16_t index, const Datagram& datagram) noexcept;
  [[nodiscard]] std::span<const std::byte> segment(uint16_t index, uint32_t which) const noexcept;
  // The whole batch as one message, cut by the kernel into segments.
  [[nodiscard]] const msghdr* message(uint16_t index) noexcept;

 private:
  std::vector<SendBatch> batches_;
  std::vector<uint16_t> free_;
  std::unique_ptr<std::byte[]> bytes_;
};

}  // namespace zonesweep::io
