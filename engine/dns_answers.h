// engine/dns_answers.h - the cache as a DNS lane uses it: records in, records out.
//
// Threads:    one lane.
// Invariants: what find() gives is an answer to that very name and type, asked with the same flags of the
//             same resolvers, and not expired; only the answer itself is kept (FAULTS T7).
// Ownership:  the AnswerCache outlives this. What find() puts into a record lives until the next call.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "engine/cached_answer.h"
#include "engine/lane_cache.h"
#include "engine/record.h"

namespace zonesweep::engine {

namespace limits {
inline constexpr uint32_t kForeseen = 8;  // names ahead whose place in the table is fetched
}

class DnsAnswers {
 public:
  DnsAnswers(AnswerCache& shared, uint32_t types);

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
  // The same for a question that was looked for before.
  [[nodiscard]] bool find_again(io::Instant now, int64_t wall_us, DnsRecord& record);

  using Claim = LaneCache::Claim;
  [[nodiscard]] Claim claim(uint64_t hash, LaneCache::Ticket& ticket);
  void release(LaneCache::Ticket ticket) { cache_.release(ticket); }

  // Keeps what the record says, if it may be kept; it is in the table after flush().
  void keep(DnsRecord record, io::Instant now, int64_t wall_us);
  void flush(io::Instant now) { cache_.flush(now); }
  [[nodiscard]] bool idle() const { return cache_.idle(); }

  // The shared tier (engine/redis_tier.h).
  void share(RedisTier& tier) { cache_.share(tier); }
  // Asks it for `name` and `type`; RedisTier::kNone: ask upstream.
  [[nodiscard]] uint32_t fetch(dns::WireName name, uint16_t type, uint32_t token);
  // Fills `record`, whose name and type are set, from what it brought; then others find it here.
  [[nodiscard]] bool receive(std::string_view sealed, io::Instant now, int64_t wall_us,
                             DnsRecord& record);

  [[nodiscard]] const cache::Counters& counters() const { return cache_.counters(); }

 private:
  struct Foreseen {
    uint64_t seq = UINT64_MAX;
    cache::Key key;
  };
  [[nodiscard]] bool assign(cache::Key& key, dns::WireName name, uint16_t type) const;
  [[nodiscard]] bool get(const cache::Key& key, io::Instant now, int64_t wall_us, bool again,
                         DnsRecord& record);
  [[nodiscard]] Foreseen& place(uint64_t seq, uint32_t number);

  LaneCache cache_;
  uint32_t types_;
  std::vector<Foreseen> foreseen_;
  cache::Key key_;
  std::unique_ptr<CachedBytes> encoded_;
  std::unique_ptr<DecodedAnswer> decoded_;
};

}  // namespace zonesweep::engine
