// engine/lane_cache.h - how a lane asks the cache, whatever the protocol.
//
//   Before a question:   ask(key) says one of
//                          hit        `value` is what keep() was given: write the row, cached
//                          elsewhere  the same is being asked right now, by any lane or by this one: ask()
//                                     again in a later turn, send nothing
//                          ours       send it; nobody else will until release()
//   When it has ended:   keep(), if the answer may be kept, and then, always, release().
//   At the end of every turn: flush(). Only then are answers in the table and questions released.
//
// With a shared tier, what is `ours` is first fetch()ed: other machines may know it. What comes back is
// for received() to judge and, if it is an answer, for keep_received().
//
// Keys. DNS: engine/dns_answers.h. Registration: registration_key() below; the value is opaque here, so a
// lane may keep the fields of its row in any encoding of at most kValueBytes, named by `format`.
//
// Threads:    one lane each.
// Invariants: (1) a value comes back whole, for that very key, and not after its time; (2) a question is
//             released only after its answer is in the table: whoever waited finds it there; (3) what is
//             marked only_in_memory is never written to a file or sent to another machine (RFC 9520).
// Ownership:  the AnswerCache outlives this. A Hit borrows a buffer that the next call overwrites.
// Units:      seconds to live, from cache/ttl.h; stored_s in seconds since the Unix epoch.
// Errors:     none: an answer that finds no room is forgotten, and asked again by the next.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "engine/answer_cache.h"
#include "engine/redis_tier.h"

namespace zonesweep::engine {

namespace limits {
inline constexpr uint32_t kAnswersHeld = 512;  // until the end of the turn; then they are put
inline constexpr size_t kAnswersHeldBytes = 128 * 1024;
inline constexpr uint32_t kPutTries = 64;   // per turn, if another lane writes there: about 1 us
inline constexpr uint32_t kPutTurns = 100;  // then the answer is forgotten
}  // namespace limits

using CachedBytes = std::array<std::byte, cache::limits::kValueBytesMax>;

// In front of each value in the table and in a file.
struct Envelope {
  uint32_t stored_s = 0;
  uint8_t format = 0;  // of what follows, below 128; each protocol numbers its own
  bool only_in_memory = false;

  static constexpr size_t kBytes = 5;
  static constexpr size_t kValueBytes = cache::limits::kValueBytesMax - kBytes;

  void write(std::span<std::byte> out) const;  // kBytes
  [[nodiscard]] static std::optional<Envelope> read(std::span<const std::byte> value);
};

class LaneCache {
 public:
  explicit LaneCache(AnswerCache& shared);

  struct Hit {
    Envelope envelope;
    std::span<const std::byte> value;  // without the envelope
    io::Instant expires;
  };
  // What a question that is `ours` needs for its release.
  struct Ticket {
    uint64_t hash = 0;
    bool tracked = false;
  };
  struct Asked {
    enum class Outcome : uint8_t { hit, elsewhere, ours } outcome = Outcome::ours;
    Hit hit;
    Ticket ticket;
  };
  // `again`: it was `elsewhere` before. Looking again is counted as no new question.
  [[nodiscard]] Asked ask(const cache::Key& key, io::Instant now, bool again = false);

  struct Keep {
    uint32_t seconds = 0;  // 0: not at all
    Envelope envelope;
  };
  void keep(const cache::Key& key, std::span<const std::byte> value, const Keep& how,
            io::Instant now);
  void release(Ticket ticket);
  void flush(io::Instant now);

  // The shared tier, which outlives this. What is kept from now on goes there, too.
  void share(RedisTier& tier) { tier_ = &tier; }
  // RedisTier::kNone: ask upstream. Else as RedisTier::fetch().
  [[nodiscard]] uint32_t fetch(const cache::Key& key, uint32_t token);
  // What the tier brought, if it is an answer to that question and its time is not over.
  [[nodiscard]] static std::optional<Hit> received(const cache::Key& key, std::string_view sealed,
                                                   io::Instant now, uint32_t now_s);
  void keep_received(const cache::Key& key, const Hit& hit, io::Instant now);

  // Nothing is held back: all that was kept is in the table, and all that was released is free.
  [[nodiscard]] bool idle() const { return held_count_ == 0 && releases_.empty(); }

  // The two halves of ask(), for a lane that finds its own questions in flight by itself.
  [[nodiscard]] std::optional<Hit> find(const cache::Key& key, io::Instant now, bool again = false);
  enum class Claim : uint8_t { ours, elsewhere };
  [[nodiscard]] Claim claim(uint64_t hash, Ticket& ticket);

  // What find() or flush() will need is on its way meanwhile.
  void prefetch(const cache::Key& key) const { shared_.table().prefetch(key); }
  // Some work after prefetch().
  void prefetch_entry(const cache::Key& key) const { shared_.table().prefetch_entry(key); }

  [[nodiscard]] AnswerCache& shared() { return shared_; }
  [[nodiscard]] const AnswerCache& shared() const { return shared_; }
  [[nodiscard]] const cache::Counters& counters() const { return counters_; }

 private:
  struct Held {
    cache::Key key;
    uint32_t at = 0;  // in held_bytes_
    uint32_t size = 0;
    uint32_t seconds = 0;
    uint32_t turns = 0;  // that it was put in vain
  };
  [[nodiscard]] bool room_for(size_t size) const;
  void hold(const cache::Key& key, std::span<const std::byte> value, const Keep& how,
            io::Instant now);
  void send(const cache::Key& key, std::span<const std::byte> value, const Keep& how);
  [[nodiscard]] bool put(const Held& held, io::Instant now);

  AnswerCache& shared_;
  std::unique_ptr<CachedBytes> value_;
  std::vector<Held> held_;
  uint32_t held_count_ = 0;
  std::vector<std::byte> held_bytes_;
  size_t held_used_ = 0;
  std::vector<uint64_t> releases_;
  cache::Counters counters_;
  RedisTier* tier_ = nullptr;
  std::vector<std::byte> enveloped_;
  std::string sealed_;
};

// The key of a question to a registration server about a registrable domain: protocol, "server domain".
// `options` is for whatever else changes the answer. False if the two are too long for a key.
[[nodiscard]] bool registration_key(cache::Key& key, const AnswerCache& shared,
                                    cache::Protocol protocol, std::string_view server,
                                    std::string_view domain, uint32_t options = 0);

}  // namespace zonesweep::engine
