// tools/loopback/dns_lane.h - one thread, one ring, one responder: DNS over UDP and TCP.
//
// Queries that came joined (UDP_GRO) are answered in one pass, and answers of one length to one
// client leave joined (UDP GSO): that is where the speed is. Under load a turn waits for several
// datagrams, but no longer than limits::kGather.
//
// Threads:    run() belongs to one thread; counters are read after it returned.
// Ownership:  borrows the world, the log and the stop flag.
// Errors:     io::SetupError from open(); a ring that failed ends run() with its errno.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <expected>
#include <memory>
#include <unordered_set>
#include <vector>

#include "io/ring.h"
#include "tools/loopback/dns_responder.h"
#include "tools/loopback/question_log.h"
#include "tools/loopback/streams.h"
#include "tools/loopback/udp_batches.h"

namespace zonesweep::loopback {

namespace limits {
inline constexpr uint32_t kLaneBuffers = 512;  // of 64 KiB of address space each: a joined
inline constexpr uint32_t kLaneBufferBytes =
    66'560;  // payload of 65,507 bytes and its head must fit
inline constexpr uint32_t kConnections = 1'024;
inline constexpr uint32_t kGatherMost = 64;  // datagrams worth waiting for
inline constexpr auto kGather = std::chrono::microseconds{200};
inline constexpr auto kIdle = std::chrono::milliseconds{50};  // a stop is noticed within
inline constexpr size_t kInboxBytes = 128 * 1024;             // two messages; more is no DNS client
}  // namespace limits

struct LaneSockets {  // given to the lane, which closes them
  int udp = -1;
  int listener = -1;  // -1: no TCP
};

class DnsLane {
 public:
  struct Options {
    const World* world = nullptr;
    Impairments impairments;
    uint64_t chance_seed = 0;
    bool count_distinct = false;
    bool joined = true;  // UDP answers of one length to one client leave in one send
    LaneSockets sockets;
    QuestionLog* log = nullptr;
  };

  [[nodiscard]] static std::expected<std::unique_ptr<DnsLane>, io::SetupError> open(
      Options options);
  ~DnsLane();

  // Until `stop`; 0, or the errno of a broken ring.
  int run(const std::atomic<bool>& stop);

  [[nodiscard]] const DnsCounters& counters() const { return responder_.counters(); }
  [[nodiscard]] uint64_t send_failures() const { return batches_.failures(); }
  [[nodiscard]] const std::unordered_set<uint64_t>& distinct() const { return distinct_; }

 private:
  struct Later {  // a UDP reply, or a connection to be pumped
    Nanoseconds due{0};
    uint64_t order = 0;
    bool stream = false;
    uint32_t connection = 0;
    uint32_t generation = 0;
    Peer peer;
    std::vector<std::byte> bytes;
  };

  DnsLane(Options options, io::Ring ring);
  void arm_receive();
  void arm_accept();
  void turn();
  void dispatch(const io::Completion& done);
  void on_datagrams(const io::Completion& done);
  void answer_datagram(const Peer& peer, std::span<const std::byte> query);
  void on_accept(const io::Completion& done);
  void on_stream(const io::Completion& done);
  void answer_stream(uint32_t index, std::span<const std::byte> query);
  void send_plan(uint32_t index, const Plan& plan);
  void pump(uint32_t index);
  void note(bool over_tcp, uint16_t port, size_t messages);
  void later(Later entry);
  void run_due();
  [[nodiscard]] Nanoseconds patience() const;

  Options options_;
  io::Ring ring_;
  DnsResponder responder_;
  UdpBatches batches_;
  Streams streams_;
  Nanoseconds now_{0};
  bool receive_armed_ = false;
  bool accept_armed_ = false;
  uint32_t datagrams_ = 0;  // of the last turn: receive completions, each of one or more
  uint64_t order_ = 0;
  std::vector<io::Completion> completions_;
  std::vector<uint16_t> used_buffers_;
  std::vector<Later> later_;  // a heap
  std::unordered_set<uint64_t> distinct_;
};

}  // namespace zonesweep::loopback
