// tools/loopback/dns_responder.h - a DNS server without sockets: bytes of one query in, a plan out.
//
// Threads:    one per responder; the world may be shared.
// Invariants: what a name is comes from the name alone; what is lost, delayed or repeated comes
//             from the seeded chance, so that a retry may fare better.
// Ownership:  a Plan and its bytes are valid until the next respond().
// Errors:     none: bytes that are no query are counted and get no reply.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <span>
#include <vector>

#include "tools/loopback/answer.h"
#include "tools/loopback/chance.h"
#include "tools/loopback/faults.h"
#include "tools/loopback/question.h"
#include "tools/loopback/rate_limit.h"
#include "tools/loopback/world.h"

namespace zonesweep::loopback {

using Milliseconds = std::chrono::milliseconds;

// What happens to every query, whatever its name. Shares are in [0, 1].
struct Impairments {
  double loss = 0;  // of queries, and again of answers
  double duplicate = 0;
  double reorder = 0;  // answers held back, so that later ones overtake them
  double bad_id = 0;   // answers whose id is wrong; the right one is not sent
  double servfail = 0;
  Milliseconds delay{0};
  Milliseconds jitter{0};
  double queries_per_second = 0;  // above it: silence. 0: no limit
  double refuse_above = 0;        // above it: REFUSED
  RateLimit::Mode counted = RateLimit::Mode::smooth;
};

struct DnsCounters {
  uint64_t queries = 0;
  uint64_t over_tcp = 0;
  uint64_t not_understood = 0;
  uint64_t replies = 0;  // messages sent, whatever their kind
  uint64_t lost_queries = 0;
  uint64_t lost_answers = 0;
  uint64_t duplicates = 0;
  uint64_t bad_ids = 0;
  uint64_t rate_dropped = 0;
  uint64_t rate_refused = 0;
  uint64_t with_fault = 0;
  std::array<uint64_t, 16> rcodes{};

  void add(const DnsCounters& other);
};

struct Plan {
  struct Message {
    std::span<const std::byte> bytes;  // over TCP with whatever length stands before the message
    Milliseconds delay{0};
  };
  static constexpr size_t kMost = 8;

  [[nodiscard]] std::span<const Message> messages() const { return {list.data(), count}; }

  std::array<Message, kMost> list;
  size_t count = 0;
  bool close = false;                 // TCP: after the messages
  bool reset = false;                 // TCP: at once
  uint32_t close_after = UINT32_MAX;  // TCP: when so many were answered on this connection
  uint32_t segment_bytes = 0;         // TCP: cut so; 0: whole
  Milliseconds segment_gap{0};
};

enum class Transport : uint8_t { udp, tcp };

class DnsResponder {
 public:
  DnsResponder(const World& world, const Impairments& impairments, uint64_t chance_seed);

  // `now` counts from any fixed origin; it drives the rate limits alone.
  const Plan& respond(std::span<const std::byte> query, Transport transport,
                      std::chrono::nanoseconds now);

  // Of the last query that was understood: for the log.
  [[nodiscard]] const Question& question() const { return question_; }
  [[nodiscard]] bool understood() const { return understood_; }
  [[nodiscard]] const DnsCounters& counters() const { return counters_; }

 private:
  using Bytes = std::span<std::byte>;

  void answer(std::span<const std::byte> query, Transport transport, std::chrono::nanoseconds now);
  bool lost_on_the_way(Transport transport, std::chrono::nanoseconds now);
  Bytes compose(std::span<const std::byte> query, Transport transport);
  uint16_t early_code() const;
  bool must_cut(const Wire& out, bool udp) const;
  void cut(AnswerWriter& writer, Wire& out) const;
  void lower_question(Bytes reply) const;
  void spoil_udp(Bytes& good);
  bool forge(Bytes& reply, const FaultCall& call);
  void malform(Bytes& reply, const FaultCall& call);
  void stream_faults(Bytes framed);
  void emit_udp(Bytes reply);
  void emit_tcp(Bytes message);
  void emit(std::span<const std::byte> bytes, Milliseconds delay);
  Bytes copy(Bytes source);
  Bytes frame(Bytes message);
  Milliseconds held_back();
  double share(Fault fault, double otherwise) const;

  const World& world_;
  Impairments impairments_;
  bool impaired_;
  Chance chance_;
  RateLimit limit_;
  RateLimit refusal_;
  std::vector<std::byte> arena_;
  size_t used_ = 0;
  Question question_;
  Faults faults_;
  bool understood_ = false;
  bool refuse_ = false;
  Plan plan_;
  DnsCounters counters_;
};

}  // namespace zonesweep::loopback
