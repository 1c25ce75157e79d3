// cache/harvest.h - what came into a table since the last look, for tiers that write behind.
//
// Threads:    one thread per Harvest; the lanes go on meanwhile. A stripe is claimed for the moment that it
//             takes to read where its logs end; a put() that meets this gives up, like with any other writer.
// Invariants: every entry that is in the table at two collect() calls in a row was handed out by the
//             second at the latest; one that moved within the table may be handed out again.
// Ownership:  the table outlives the harvest; an entry is lent for the call.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "cache/table.h"

namespace zonesweep::cache {

struct Entry {
  Question question;  // its name is lower-cased
  std::span<const std::byte> value;
  Instant expires;
};

class Harvest {
 public:
  explicit Harvest(Table& table);

  // Hands out what is new. False from `take` ends it; the rest comes again.
  void collect(const std::function<bool(const Entry&)>& take);
  // From here on only what comes later is new.
  void skip();

 private:
  struct Mark {  // entries of the version below `words` are known
    uint64_t version = 0;
    uint32_t words = 0;
  };
  [[nodiscard]] bool read_ends(uint32_t stripe);
  bool collect_stripe(uint32_t stripe, const std::function<bool(const Entry&)>& take);

  Table& table_;
  std::vector<Mark> marks_;  // by stripe and segment
  std::vector<Mark> ends_;   // of the stripe at hand
  std::vector<uint64_t> copy_;
};

// The question that key words stand for; the name borrows them.
[[nodiscard]] Question question_of(std::span<const uint64_t> key_words) noexcept;

}  // namespace zonesweep::cache
