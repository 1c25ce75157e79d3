// engine/registration_answers.h - the cache as the registration lane uses it: what a server said of a
// domain, and who it was.
//
// Threads:    one lane.
// Invariants: only plain answers enter (OK, NOT_FOUND), whole and as they came; what comes out is read again
//             as if it had just come, and counts only if it says the same of the very domain.
// Ownership:  the AnswerCache outlives this. What find() gives lives until the next call of the reader or
//             of this.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/lane_cache.h"
#include "engine/registration_reader.h"
#include "engine/registries.h"

namespace zonesweep::engine {

namespace limits {
// No server says how long its answer is good for. A name that is free may be gone in a moment.
inline constexpr uint32_t kRegisteredKept = 86'400;  // seconds
inline constexpr uint32_t kNotRegisteredKept = 3'600;
}  // namespace limits

class RegistrationAnswers {
 public:
  explicit RegistrationAnswers(AnswerCache& shared) : cache_(shared) {}

  // Whom a domain's question goes to first, and in which order others follow, makes the answer.
  struct Question {
    RegistrationSource first = RegistrationSource::none;
    std::string_view host;
    uint16_t port = 0;
    RegistrationProbe probe = RegistrationProbe::registration;
    std::string_view domain;
  };
  struct Known {
    Reading reading;
    RegistrationSource source = RegistrationSource::none;
    std::string_view server;
    uint32_t tries = 0;
  };
  // `again`: it was looked for in vain before; no new miss is counted.
  [[nodiscard]] std::optional<Known> find(const Question& question, io::Instant now, bool again,
                                          RegistrationReader& reader);
  void keep(const Question& question, const Known& known, io::Instant now, int64_t wall_us);
  void flush(io::Instant now) { cache_.flush(now); }

  // The shared tier (engine/redis_tier.h): asks it; RedisTier::kNone: ask the server.
  void share(RedisTier& tier) { cache_.share(tier); }
  [[nodiscard]] uint32_t fetch(const Question& question, uint32_t token);
  // What it brought, if that is an answer; then others find it here.
  [[nodiscard]] std::optional<Known> receive(const Question& question, std::string_view sealed,
                                             io::Instant now, int64_t wall_us,
                                             RegistrationReader& reader);

  [[nodiscard]] cache::Counters counters() const;

 private:
  [[nodiscard]] bool assign(const Question& question);
  [[nodiscard]] static std::optional<Known> read(const LaneCache::Hit& hit,
                                                 const Question& question,
                                                 RegistrationReader& reader);

  LaneCache cache_;
  cache::Key key_;
  std::string server_;  // scratch
  std::vector<std::byte> value_;
  uint64_t hits_ = 0;
};

}  // namespace zonesweep::engine
