// tools/cache_rows.h - rows of an earlier run as answers for the cache's file.
//
// Threads:    the main thread.
// Invariants: an answer is taken only if writing it as a row gives back the very row it came from, and
//             its time is not over.
// Errors:     a reason, when the folder is no finished run.
#pragma once

#include <cstdint>
#include <expected>
#include <string>

#include "cache/file_tier.h"

namespace zonesweep::tools {

struct RowsTaken {
  uint64_t rows = 0;
  uint64_t kept = 0;
  uint64_t expired = 0;
  uint64_t left_out = 0;  // failures, answers of TTL 0, types whose text is not read back
};

[[nodiscard]] std::expected<RowsTaken, std::string> take_rows(const std::string& folder,
                                                              cache::FileTier& tier, int64_t now_s);

}  // namespace zonesweep::tools
