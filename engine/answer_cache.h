// engine/answer_cache.h - the cache that all lanes of a run share, whatever they ask.
//
// A lane uses it through a LaneCache (engine/lane_cache.h); this is what they have in common.
//
// Threads:    made before the lanes, then shared by all of them; everything in it is lock-free.
// Invariants: an answer is found only by the question it answers: protocol, name, type and whatever
//             else changes answers are the key, byte by byte (cache/key.h).
// Ownership:  outlives the lanes.
// Errors:     none but at open(): a cache may forget.
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cache/flights.h"
#include "cache/table.h"
#include "engine/redis_tier.h"
#include "io/endpoint.h"
#include "io/transport.h"

namespace zonesweep::engine {

namespace limits {
inline constexpr size_t kCacheBytesDefault = size_t{512} << 20;  // about 3 million short answers
inline constexpr size_t kCacheBytesLeast = size_t{4} << 20;      // by default
inline constexpr size_t kCacheBytesPerAnswer =
    200;  // an address or "none", its key, the index, and a fifth of it free
}  // namespace limits

struct CacheOptions {
  bool on = true;
  std::string file;                   // empty: nothing outlives the run
  size_t bytes = 0;                   // 0: as the input needs, at most kCacheBytesDefault
  std::optional<RedisOptions> redis;  // the tier that other machines share
};

// What changes DNS answers beside name and type.
struct AskedHow {
  std::vector<io::Endpoint> resolvers;
  bool recursion_desired = true;
  bool checking_disabled = false;
  bool dnssec_ok = false;
};
// The same for any order of the resolvers. Stored in files: the text of endpoints and this rule stay.
[[nodiscard]] uint32_t dns_key_options(const AskedHow& how);

class AnswerCache {
 public:
  struct Shape {
    uint32_t lanes = 1;
    uint32_t questions_per_lane = 1;  // in flight at most, over all protocols
    io::Instant start{};
  };
  // The error is a reason.
  [[nodiscard]] static std::expected<std::unique_ptr<AnswerCache>, std::string> open(
      const CacheOptions& options, const AskedHow& how, const Shape& shape);

  [[nodiscard]] cache::Table& table() { return *table_; }
  [[nodiscard]] const cache::Table& table() const { return *table_; }
  [[nodiscard]] cache::Flights& flights() { return *flights_; }
  // With one lane, a lane that knows its own questions in flight need not look at flights().
  [[nodiscard]] bool one_lane() const { return one_lane_; }
  // Key options of DNS questions: the flags and the set of resolvers.
  [[nodiscard]] uint32_t dns_options() const { return dns_options_; }

 private:
  std::unique_ptr<cache::Table> table_;
  std::unique_ptr<cache::Flights> flights_;
  uint32_t dns_options_ = 0;
  bool one_lane_ = true;
};

}  // namespace zonesweep::engine
