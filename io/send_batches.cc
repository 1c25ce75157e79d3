#include "io/send_batches.h"

#include <netinet/udp.h>

#include <algorithm>
#include <cassert>
#include <cstring>
#include <new>

namespace zonesweep::io {

SendBatches::SendBatches()
    : batches_(limits::kSendBatches),
      bytes_(std::make_unique_for_overwrite<std::byte[]>(size_t{limits::kSendBatches} *
                                                         limits::kSendBatchBytes)) {
  free_.reserve(limits::kSendBatches);
  for (uint32_t i = limits::kSendBatches; i-- > 0;) free_.push_back(static_cast<uint16_t>(i));
}

uint16_t SendBatches::take(ChannelId channel, SocketId socket, size_t length) {
  assert(length <= limits::kSendBatchBytes);
  if (free_.empty()) return kNone;
  const uint16_t index = free_.back();
  free_.pop_back();
  SendBatch& batch = batches_[index];
  batch.channel = channel;
  batch.socket = socket;
  batch.length = static_cast<uint16_t>(length);
  batch.segments = 0;
  batch.outstanding = 0;
  batch.resent = false;
  batch.open = true;
  return index;
}

bool SendBatches::append(uint16_t index, const Datagram& datagram) noexcept {
  SendBatch& batch = batches_[index];
  assert(datagram.bytes.size() == batch.length && batch.segments < limits::kSegmentsPerSend);
  const size_t at = size_t{index} * limits::kSendBatchBytes + size_t{batch.segments} * batch.length;
  if (batch.length != 0) std::memcpy(&bytes_[at], datagram.bytes.data(), batch.length);
  batch.tokens[batch.segments] = datagram.token;
  batch.segment_resent[batch.segments] = false;
  ++batch.segments;
  return batch.segments == limits::kSegmentsPerSend ||
         (batch.segments + size_t{1}) * batch.length > limits::kSendBatchBytes;
}

std::span<const std::byte> SendBatches::segment(uint16_t index, uint32_t which) const noexcept {
  const size_t length = batches_[index].length;
  return {&bytes_[size_t{index} * limits::kSendBatchBytes] + which * length, length};
}

const msghdr* SendBatches::message(uint16_t index) noexcept {
  SendBatch& batch = batches_[index];
  batch.bytes = {&bytes_[size_t{index} * limits::kSendBatchBytes],
                 size_t{batch.segments} * batch.length};
  batch.message = {};
  batch.message.msg_iov = &batch.bytes;
  batch.message.msg_iovlen = 1;
  if (batch.segments < 2) return &batch.message;
  batch.message.msg_control = batch.control.data();
  batch.message.msg_controllen = batch.control.size();
  cmsghdr* const head = CMSG_FIRSTHDR(&batch.message);
  head->cmsg_level = SOL_UDP;
  head->cmsg_type = UDP_SEGMENT;
  head->cmsg_len = CMSG_LEN(sizeof batch.length);
  std::memcpy(CMSG_DATA(head), &batch.length, sizeof batch.length);
  return &batch.message;
}

}  // namespace zonesweep::io
