// engine/recovery.h - what an earlier run left in an output folder, checked and cut back to what is
// sound.
//
// Threads:    the control thread, under the lock of the folder, before anything else reads it.
// Invariants: (1) a row counts if its frame and its journal record both verify, and all before
//             them; (2) nothing under a final name is ever changed or removed; what is wrong there
//             is an error; (3) a final file without a manifest line goes back to being an open one.
// Errors:     OutputError of kind state (damage) or failed (the disk).
#pragma once

#include <array>
#include <expected>
#include <map>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "engine/hasher.h"
#include "engine/input_marks.h"
#include "engine/journal.h"
#include "engine/layout.h"
#include "engine/manifest.h"
#include "io/folder.h"

namespace zonesweep::engine {

struct TableTotals {
  uint64_t files = 0;
  uint64_t rows = 0;
  uint64_t bytes = 0;
  StatusWords statuses;
};

struct Totals {  // of committed chunks
  uint64_t chunks = 0;
  uint64_t names = 0;
  std::array<TableTotals, kTables> tables;

  void add(const ManifestLine& line);
};

struct RecoveredShard {
  uint64_t bytes = 0;
  uint64_t journal_bytes = 0;
  uint64_t rows = 0;
  uint64_t input_names = 0;  // the last mark of its journal
  StatusWords statuses;
  Hasher hasher;  // of the kept bytes
};

// Some 2 KiB, however many rows it has: which ones they are stays in the journals until the source
// comes to the chunk.
struct RecoveredChunk {
  std::vector<InputMark> input;  // by names; the last is as far as the earlier run has read
  std::array<std::optional<RecoveredShard>, kTables> shards;

  [[nodiscard]] uint64_t rows() const noexcept;
};

struct Recovered {
  std::unordered_map<uint64_t, InputMark> committed;  // of the whole chunk
  std::map<uint64_t, RecoveredChunk> partial;
  Totals totals;
  uint64_t rows = 0;  // committed or not
};

struct RecoveryScope {
  std::string directory;  // for messages
  Layout layout;
  uint64_t rows_per_shard = 1;
  uint32_t questions = 1;
};

[[nodiscard]] std::expected<Recovered, OutputError> recover(const io::Folder& root,
                                                            const RecoveryScope& scope);

}  // namespace zonesweep::engine
