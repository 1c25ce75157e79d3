// engine/answer_cache.h - what the lanes know already: the cache as the engine uses it.
//
// Threads:    AnswerCache is shared by all lanes; LaneAnswers belongs to one.
// Invariants: (1) what find() gives is an answer to that very name and type, asked with the same flags of
//             the same resolvers, and not expired; (2) a question is released only after its answer is in
//             the table, so whoever waited for it finds it there.
// Ownership:  the cache outlives the lanes. What find() puts into a record lives until the next call.
// Errors:     none but at open(): a cache may forget.
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "cache/flights.h"
#include "cache/table.h"
#include "engine/cached_answer.h"
#include "engine/record.h"
#include "io/endpoint.h"
#include "io/transport.h"

namespace zonesweep::engine {

namespace limits {
inline constexpr size_t kCacheBytesDefault = size_t{256} << 20;  // about 2 million short answers
inline constexpr size_t kCacheBytesLeast = size_t{4} << 20;      // by default
inline constexpr size_t kCacheBytesPerAnswer = 160;  // an address or "none", its key, and the index
inline constexpr uint32_t kAnswersHeld =
    512;  // per lane, until the end of the turn; then they are put
inline constexpr size_t kAnswersHeldBytes = 128 * 1024;
inline constexpr uint32_t kPutTries = 64;   // per turn, if another lane writes there: about 1 us
inline constexpr uint32_t kPutTurns = 100;  // then the answer is forgotten
inline constexpr uint32_t kForeseen = 8;    // names ahead whose place in the table is fetched
}  // namespace limits

struct CacheOptions {
  bool on = true;
  std::string file;  // empty: nothing outlives the run
  size_t bytes = 0;  // 0: as the input needs, at most kCacheBytesDefault
};

// What changes answers beside name and type.
struct AskedHow {
  std::vector<io::Endpoint> resolvers;
  bool recursion_desired = true;
  bool checking_disabled = false;
  bool dnssec_ok = false;
};

class AnswerCache {
 public:
  struct Shape {
    uint32_t lanes = 1;
    uint32_t questions_per_lane = 1;
    io::Instant start{};
  };
  // The error is a reason.
  [[nodiscard]] static std::expected<std::unique_ptr<AnswerCache>, std::string> open(
      const CacheOptions& options, const AskedHow& how, const Shape& shape);

  [[nodiscard]] cache::Table& table() { return *table_; }
  [[nodiscard]] const cache::Table& table() const { return *table_; }
  // Null with one lane: its own single flight is enough.
  [[nodiscard]] cache::Flights* flights() { return flights_.get(); }
  [[nodiscard]] uint32_t key_options() const { return key_options_; }

 private:
  std::unique_ptr<cache::Table> table_;
  std::unique_ptr<cache::Flights> flights_;
  uint32_t key_options_ = 0;
};

class LaneAnswers {
 public:
  LaneAnswers(AnswerCache& shared, uint32_t types);

  // `seq` and `number` stand for one question, and for no other, ever: what is foreseen is found faster a
  // few names later.
  void foresee(uint64_t seq, uint32_t number, dns::WireName name, uint16_t type);

  struct Found {
    bool hit = false;
    uint64_t hash = 0;  // of the question, for claim()
  };
  // Fills `record` on a hit; record.name and record.type are set already.
  [[nodiscard]] Found find(uint64_t seq, uint32_t number, io::Instant now, int64_t wall_us,
                           DnsRecord& record);
  // The same for a question that waited for another lane.
  [[nodiscard]] Found find_again(io::Instant now, int64_t wall_us, DnsRecord& record);

  [[nodiscard]] cache::Flights::Claim claim(uint64_t hash);
  // The question is over. Its answer, if one was kept, is put first.
  void release(uint64_t hash);

  // Keeps what the record says, if it may be kept; it is in the table after flush().
  void keep(DnsRecord record, io::Instant now, int64_t wall_us);
  // At the end of what a turn brought.
  void flush(io::Instant now);

  [[nodiscard]] const cache::Counters& counters() const { return counters_; }

 private:
  struct Held {
    cache::Key key;
    uint32_t at = 0;  // in held_bytes_
    uint32_t size = 0;
    uint32_t seconds = 0;
    uint32_t turns = 0;  // that it was put in vain
  };
  struct Foreseen {
    uint64_t seq = UINT64_MAX;
    cache::Key key;
  };
  [[nodiscard]] bool assign(cache::Key& key, dns::WireName name, uint16_t type) const;
  [[nodiscard]] bool get(const cache::Key& key, io::Instant now, int64_t wall_us,
                         DnsRecord& record);
  [[nodiscard]] bool put(const Held& held, io::Instant now);
  [[nodiscard]] Foreseen& place(uint64_t seq, uint32_t number);

  AnswerCache& shared_;
  uint32_t types_;
  std::vector<Foreseen> foreseen_;
  cache::Key key_;
  std::vector<Held> held_;
  uint32_t held_count_ = 0;
  std::vector<std::byte> held_bytes_;
  size_t held_used_ = 0;
  std::vector<uint64_t> releases_;
  cache::Counters counters_;
  std::unique_ptr<CachedBytes> value_;
  std::unique_ptr<DecodedAnswer> decoded_;
};

}  // namespace zonesweep::engine
