// engine/shard_folder.h - the target that is a folder: open shards with their journals, commits and
// the manifest.
//
// Threads:    the writer.
// Invariants: FAULTS T15: frame, journal -> sync file -> rename -> sync folder -> manifest line ->
//             sync. A sync that failed is not asked again.
// Ownership:  owns every open file of the run but the lock.
#pragma once

#include <array>
#include <map>
#include <optional>
#include <string>

#include "engine/hasher.h"
#include "engine/layout.h"
#include "engine/shard_target.h"
#include "io/folder.h"

namespace zonesweep::engine {

class ShardFolder final : public ShardTarget {
 public:
  struct Options {
    std::string directory;
    Layout layout;
    uint32_t questions = 1;
    DiskSteps::Fault fault;
  };

  // `root` outlives this. `recovered`: open shards of an earlier run; `totals`: what it committed.
  ShardFolder(const io::Folder& root, Options options, std::map<uint64_t, RecoveredChunk> recovered,
              Totals totals, OutputCounters& counters);

  [[nodiscard]] Outcome write(const Frame& frame, uint64_t first_seq,
                              const InputMark& input) override;
  [[nodiscard]] Outcome commit(const CommittedChunk& chunk) override;
  [[nodiscard]] Outcome sync(Instant since) override;
  [[nodiscard]] Instant oldest_unsynced() const override;

  // At the end of a complete run: an empty input has a manifest, too.
  [[nodiscard]] Outcome make_manifest();
  [[nodiscard]] const Totals& totals() const noexcept { return totals_; }

 private:
  struct Shard {
    io::File data;
    io::File journal;
    uint64_t bytes = 0;
    uint64_t journal_bytes = 0;
    uint64_t rows = 0;
    StatusWords statuses;
    Hasher hasher;
    Instant unsynced_since = Instant::max();
    bool named = false;  // its folder was synced since it was made
  };
  using Shards = std::array<std::optional<Shard>, kTables>;

  [[nodiscard]] Outcome open_shard(uint64_t chunk, uint64_t first_seq, Table table);
  [[nodiscard]] Outcome create_shard(uint64_t chunk, uint64_t first_seq, Table table, Shard& shard);
  [[nodiscard]] Outcome reopen_shard(uint64_t chunk, Table table, RecoveredShard& found,
                                     Shard& shard);
  [[nodiscard]] Outcome reopen_all(uint64_t chunk);
  [[nodiscard]] Outcome prepare_folder(Table table);
  [[nodiscard]] Outcome remove_success();
  [[nodiscard]] Outcome sync_shard(uint64_t chunk, Table table, Shard& shard);
  void discard(uint64_t chunk, Table table);
  [[nodiscard]] Outcome rename_shards(uint64_t chunk, const Shards& shards);
  [[nodiscard]] Outcome append_manifest(const CommittedChunk& chunk, const Shards& shards);
  [[nodiscard]] io::FileResult<void> open_manifest();
  [[nodiscard]] Outcome remove_journals(uint64_t chunk, const Shards& shards);
  [[nodiscard]] std::string path_of(Table table, const std::string& name) const;
  [[nodiscard]] const io::Folder& folder_of(Table table) const {
    return folders_[static_cast<size_t>(table)];
  }

  const io::Folder& root_;
  Options options_;
  DiskSteps steps_;
  std::map<uint64_t, RecoveredChunk> recovered_;
  Totals totals_;
  OutputCounters& counters_;
  std::array<io::Folder, kTables> folders_;
  std::map<uint64_t, Shards> open_;
  io::File manifest_;
  uint64_t manifest_bytes_ = 0;
  bool success_removed_ = false;
  std::string record_;  // scratch
};

}  // namespace zonesweep::engine
