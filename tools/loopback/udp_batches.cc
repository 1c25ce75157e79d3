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
  return slot;
}

void UdpBatches::hand_over(uint16_t slot) {
  Batch& batch = *pool_[slot];
  batch.part = {batch.data.data(), batch.bytes};
  batch.message = {};
  batch.message.msg_name = batch.peer.address.data();
  batch.message.msg_namelen = batch.peer.bytes;
  batch.message.msg_iov = &batch.part;
  batch.message.msg_iovlen = 1;
  if (batch.count > 1) {
    batch.message.msg_control = batch.control.data();
    batch.message.msg_controllen = batch.control.size();
    const auto segment = static_cast<uint16_t>(batch.segment);
    const cmsghdr header{CMSG_LEN(sizeof segment), SOL_UDP, UDP_SEGMENT};
    std::memcpy(batch.control.data(), &header, sizeof header);
    std::memcpy(batch.control.data() + CMSG_LEN(0), &segment, sizeof segment);
  }
  ring_.sendmsg(socket_, {tag_kind_, slot, 0}, &batch.message, 0);
}

void UdpBatches::flush() {
  for (const uint16_t key : used_) {
    if (open_[key] != kNone) hand_over(open_[key]);
    open_[key] = kNone;
  }
  used_.clear();
}

void UdpBatches::sent(uint16_t slot, int32_t result) {
  if (result < 0) failures_ += pool_[slot]->count;
  free_.push_back(slot);
}

}  // namespace zonesweep::loopback
