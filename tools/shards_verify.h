// tools/shards_verify.h - manifest against files: everything that a loader relies on.
//
// Threads:    one.
// Units:      reads and inflates every shard once; memory is one bit for each row of a shard.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tools/shards_folder.h"

namespace zonesweep::tools {

struct VerifyReport {
  std::vector<std::string> problems;  // one line each
  uint64_t chunks = 0;
  uint64_t files = 0;
  uint64_t names = 0;
  uint64_t rows = 0;
  uint64_t bytes = 0;
};

// `unfinished`: that the run has not ended is no problem.
[[nodiscard]] VerifyReport verify(const ShardsFolder& folder, bool unfinished);

}  // namespace zonesweep::tools
