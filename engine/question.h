// engine/question.h - the lane's working set: names being looked up and the questions asked for
// them.
//
// Threads:    one lane.
// Invariants: slabs are allocated once and addressed by slot; a slot is free or in use, never
//             moves.
// Ownership:  a Lookup owns copies of its name and input text; a Question belongs to its lookup.
#pragma once

#include <algorithm>
#include <array>
#include <cassert>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "engine/lane_cache.h"
#include "engine/pace.h"
#include "engine/record.h"
#include "io/transport.h"
#include "protocols/dns/name.h"

namespace zonesweep::engine {

inline constexpr uint32_t kNoSlot = UINT32_MAX;

namespace limits {
inline constexpr size_t kLookupInlineBytes = 72;  // input and wire name of nearly all real names
inline constexpr uint32_t kExchangesListening =
    3;  // tries of one question whose late answers still count
}  // namespace limits

// One name.
struct Lookup {
  uint64_t seq = 0;
  uint64_t chunk = 0;
  uint32_t questions_open = 0;
  uint16_t input_size = 0;
  uint8_t wire_size = 0;
  std::array<char, limits::kLookupInlineBytes> small;
  std::unique_ptr<char[]> large;  // when the two do not fit

  void set(std::string_view input, dns::WireName wire) {
    input_size = static_cast<uint16_t>(input.size());
    wire_size = static_cast<uint8_t>(wire.size());
    const size_t size = input.size() + wire.size();
    if (size > small.size()) large = std::make_unique<char[]>(size);
    std::memcpy(bytes(), wire.data(), wire.size());
    std::memcpy(bytes() + wire.size(), input.data(), input.size());
  }
  void clear() { large.reset(); }
  [[nodiscard]] dns::WireName wire() const { return std::as_bytes(std::span(bytes(), wire_size)); }
  [[nodiscard]] std::string_view input() const { return {bytes() + wire_size, input_size}; }

 private:
  [[nodiscard]] char* bytes() { return large ? large.get() : small.data(); }
  [[nodiscard]] const char* bytes() const { return large ? large.get() : small.data(); }
};

// One try at one server. Over UDP it is found by (socket, id), over TCP by (link, id).
struct Exchange {
  uint32_t server = 0;
  uint32_t path = 0;  // SocketId, or the index of the TCP link
  Pace::EpochMark mark = 0;
  uint16_t id = 0;
  bool tcp = false;
  bool edns = false;
  bool counted =
      false;  // holds a permit of its server; only the newest exchange of a running question does
  Instant sent{};
};

// The best answer so far of a question that is tried on: its row, should nothing better come.
struct KeptAnswer {
  std::vector<std::byte> message;
  Status status = Status::servfail;
  uint16_t rcode = 0;
  uint32_t server = 0;
  uint32_t rtt_us = 0;
  TransportUsed transport = TransportUsed::udp;
};

struct Question {
  enum class State : uint8_t {
    free,
    between,    // has just left an exchange, a pause or a queue, and will be in one again or end
    ready,      // in a queue, waiting for a permit
    asked,      // exchanges[0] runs
    waiting,    // another lane asks the same: looks into the cache when that one is done
    fetching,   // the shared tier was asked
    pausing,    // backs off before the next try; the timer wakes it
    following,  // an equal question is being asked: waits for its answer
    spent,  // answered late, while it stood in a queue: the slot is free once it leaves the queue
  };

  uint32_t lookup = kNoSlot;
  uint32_t fetch = kNoSlot;      // while it is fetching
  uint32_t next = kNoSlot;       // link of the queue it waits in, or of the followers of its leader
  uint32_t followers = kNoSlot;  // of a leader
  uint64_t flight = 0;           // hash in SingleFlight
  uint64_t key_hash = 0;         // of the question in the cache
  uint16_t type = 0;
  uint8_t number = 0;  // of the question within its name: bit in done masks
  State state = State::free;
  uint8_t listening = 0;      // exchanges that may still be answered
  uint8_t tries = 0;          // exchanges that left
  uint8_t tries_charged = 0;  // those that count towards --tries
  uint8_t tries_free = 0;     // those that did not
  uint8_t tcp_requeues = 0;   // the server closed the connection before it answered
  bool use_tcp = false;
  bool without_edns = false;
  bool cookie_retried = false;
  bool saw_garbage = false;               // something came that was no answer
  bool probe = false;                     // a sign of life is wanted, no row
  io::Error net_error = io::Error::none;  // of the last try, when the network gave one
  uint32_t last_server = kNoSlot;
  Instant deadline{};  // set by the first send; time spent in a queue does not count
  Instant queued{};    // when it entered a queue for another try
  std::array<Exchange, limits::kExchangesListening> exchanges;  // the newest first
  LaneCache::Ticket ticket;  // while other lanes know that it is being asked
  std::unique_ptr<KeptAnswer> kept;
};

// Slots that are allocated once.
template <typename T>
class Slab {
 public:
  explicit Slab(uint32_t size) : items_(size) {
    free_.reserve(size);
    for (uint32_t i = size; i-- > 0;) free_.push_back(i);
  }
  [[nodiscard]] bool empty() const { return free_.size() == items_.size(); }
  [[nodiscard]] uint32_t room() const { return static_cast<uint32_t>(free_.size()); }
  [[nodiscard]] uint32_t used() const {
    return static_cast<uint32_t>(items_.size() - free_.size());
  }
  [[nodiscard]] uint32_t size() const { return static_cast<uint32_t>(items_.size()); }
  [[nodiscard]] uint32_t take() {
    assert(!free_.empty());
    const uint32_t slot = free_.back();
    free_.pop_back();
    return slot;
  }
  void give_back(uint32_t slot) { free_.push_back(slot); }
  T& operator[](uint32_t slot) { return items_[slot]; }
  const T& operator[](uint32_t slot) const { return items_[slot]; }

 private:
  std::vector<T> items_;
  std::vector<uint32_t> free_;
};

// A first-in, first-out queue of questions, linked through Question::next.
class QuestionQueue {
 public:
  [[nodiscard]] bool empty() const { return head_ == kNoSlot; }
  [[nodiscard]] uint32_t front() const { return head_; }
  [[nodiscard]] uint32_t size() const { return size_; }
  void push(Slab<Question>& slab, uint32_t slot) {
    slab[slot].next = kNoSlot;
    if (empty()) {
      head_ = slot;
    } else {
      slab[tail_].next = slot;
    }
    tail_ = slot;
    size_++;
  }
  uint32_t pop(Slab<Question>& slab) {
    const uint32_t slot = head_;
    head_ = slab[slot].next;
    slab[slot].next = kNoSlot;
    size_--;
    return slot;
  }

 private:
  uint32_t head_ = kNoSlot;
  uint32_t tail_ = kNoSlot;
  uint32_t size_ = 0;
};

}  // namespace zonesweep::engine
