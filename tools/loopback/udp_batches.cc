#include "tools/loopback/udp_batches.h"

#include <netinet/udp.h>

#include <cstring>

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif

namespace zonesweep::loopback {

uint16_t Peer::port() const {  // at the same offset for both families
  uint16_t port = 0;
  std::memcpy(&port, address.data() + offsetof(sockaddr_in, sin_port), sizeof port);
  return ntohs(port);
}

void UdpBatches::add(const Peer& peer, std::span<const std::byte> bytes) {
  const size_t key = (size_t{peer.port()} * 31 + bytes.size()) % kOpen;
  uint16_t& at = open_[key];
  const auto fits = [&](const Batch& batch) {
    return batch.segment == bytes.size() && batch.count < limits::kSegments &&
           batch.bytes + bytes.size() <= limits::kBatchBytes && batch.peer == peer;
  };
  if (at == kNone) {
    used_.push_back(static_cast<uint16_t>(key));
  } else if (!fits(*pool_[at])) {
    hand_over(at);
    at = kNone;
  }
  if (at == kNone) {
    at = take();
    pool_[at]->peer = peer;
    pool_[at]->segment = static_cast<uint32_t>(bytes.size());
  }
  Batch& batch = *pool_[at];
  if (!bytes.empty()) std::memcpy(batch.data.data() + batch.bytes, bytes.data(), bytes.size());
  batch.bytes += bytes.size();
  ++batch.count;
  if (bytes.empty()) {  // a segment of nothing cannot be batched
    hand_over(at);
    at = kNone;
  }
}

uint16_t UdpBatches::take() {
  if (free_.empty()) {
    free_.push_back(static_cast<uint16_t>(pool_.size()));
    pool_.push_back(std::make_unique_for_overwrite<Batch>());
  }
  const uint16_t slot = free_.back();
  free_.pop_back();
  pool_[slot]->count = 0;
  pool_[slot]->bytes = 0;
  pool_[slot]->in_flight = 0;
  return slot;
}

void UdpBatches::send(uint16_t slot, uint32_t index, std::span<std::byte> bytes) {
  Batch& batch = *pool_[slot];
  batch.parts[index] = {bytes.data(), bytes.size()};
  msghdr& message = batch.messages[index];
  message = {};
  message.msg_name = batch.peer.address.data();
  message.msg_namelen = batch.peer.bytes;
  message.msg_iov = &batch.parts[index];
  message.msg_iovlen = 1;
  if (bytes.size() > batch.segment) {
    message.msg_control = batch.control.data();
    message.msg_controllen = batch.control.size();
  }
  ++batch.in_flight;
  ring_.sendmsg(socket_, {tag_kind_, slot, 0}, &message, 0);
}

void UdpBatches::hand_over(uint16_t slot) {
  Batch& batch = *pool_[slot];
  const std::span all{batch.data.data(), batch.bytes};
  if (joined_ || batch.count == 1) {
    const auto segment = static_cast<uint16_t>(batch.segment);
    const cmsghdr header{CMSG_LEN(sizeof segment), SOL_UDP, UDP_SEGMENT};
    std::memcpy(batch.control.data(), &header, sizeof header);
    std::memcpy(batch.control.data() + CMSG_LEN(0), &segment, sizeof segment);
    return send(slot, 0, all);
  }
  for (uint32_t i = 0; i < batch.count; ++i) {
    send(slot, i, all.subspan(i * size_t{batch.segment}, batch.segment));
  }
}

void UdpBatches::flush() {
  for (const uint16_t key : used_) {
    if (open_[key] != kNone) hand_over(open_[key]);
    open_[key] = kNone;
  }
  used_.clear();
}

void UdpBatches::sent(uint16_t slot, int32_t result) {
  Batch& batch = *pool_[slot];
  if (result < 0) failures_ += joined_ ? batch.count : 1;
  if (--batch.in_flight == 0) free_.push_back(slot);
}

}  // namespace zonesweep::loopback
