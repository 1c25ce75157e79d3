// engine/shard_folder.h - the target that is a folder: open shards with their journals, commits and
// the manifest.
//
// Threads:    the writer.
// Invariants: (1) FAULTS T15: frame, journal -> sync file -> rename -> sync folder -> manifest line
//             -> sync. A sync that failed is not asked again. (2) However many shards are open as
//             such, at most kShardsAtHand of them have open files; a file is closed only when it
//             has been synced, so that no error of the disk goes unheard. (3) A shard that has no
//             open files costs some 2 KiB.
// Ownership:  owns every open file of the run but the lock.
#pragma once

#include <array>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "engine/hasher.h"
#include "engine/layout.h"
#include "engine/recovery.h"
#include "engine/shard_target.h"
#include "io/folder.h"

namespace zonesweep::engine {

namespace limits {
// With their journals 64 files, far below any ulimit -n. What is written at one time are the shards
// of a few DNS chunks, and one for each registry that is slow.
inline constexpr size_t kShardsAtHand = 32;
}  // namespace limits

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
                              const InputMarks& input) override;
  [[nodiscard]] Outcome commit(const CommittedChunk& chunk) override;
  [[nodiscard]] Outcome sync(Instant since) override;
  [[nodiscard]] Instant oldest_unsynced() const override;

  // At the end of a complete run: an empty input has a manifest, too.
  [[nodiscard]] Outcome make_manifest();
  [[nodiscard]] const Totals& totals() const noexcept { return totals_; }

 private:
  struct Shard : RecoveredShard {
    bool named = false;  // its folder was synced since it was made
  };
  using Shards = std::array<std::optional<Shard>, kTables>;
  struct ShardId {
    uint64_t chunk = 0;
    Table table = Table::dns;
    friend bool operator==(const ShardId&, const ShardId&) = default;
  };
  struct AtHand {  // the open files of a shard
    ShardId id;
    io::File data;
    io::File journal;
    uint64_t used = 0;
    Instant unsynced_since = Instant::max();
  };

  [[nodiscard]] Outcome take_to_hand(ShardId id, uint64_t first_seq);
  [[nodiscard]] Outcome create_shard(ShardId id, uint64_t first_seq, Shard& shard, AtHand& files);
  [[nodiscard]] Outcome reopen_shard(ShardId id, const Shard& shard, AtHand& files);
  [[nodiscard]] Outcome put_one_away();
  [[nodiscard]] AtHand* at_hand(ShardId id);
  [[nodiscard]] Shard& shard_of(ShardId id);
  [[nodiscard]] Outcome append(AtHand& files, Shard& shard, const Frame& frame,
                               const InputMarks& input);
  [[nodiscard]] Outcome prepare_folder(Table table);
  [[nodiscard]] Outcome remove_success();
  [[nodiscard]] Outcome sync_whole(ShardId id);
  [[nodiscard]] Outcome sync_files(AtHand& files);
  [[nodiscard]] Outcome sync_folders();
  [[nodiscard]] static bool is_dirty(const AtHand& files) {
    return files.unsynced_since != Instant::max();
  }
  [[nodiscard]] Outcome check_rows(const CommittedChunk& chunk);
  void discard(ShardId id);
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
  Totals totals_;
  OutputCounters& counters_;
  std::array<io::Folder, kTables> folders_;
  std::map<uint64_t, Shards> open_;
  std::vector<AtHand> at_hand_;
  uint64_t clock_ = 0;  // of AtHand::used
  io::File manifest_;
  uint64_t manifest_bytes_ = 0;
  bool success_removed_ = false;
  std::string record_;  // scratch
};

}  // namespace zonesweep::engine
