#include "engine/shard_folder.h"

#include <algorithm>

#include "engine/journal.h"
#include "engine/manifest.h"

namespace zonesweep::engine {
namespace {

constexpr std::array<Table, kTables> kAllTables = {Table::dns, Table::registration};

Instant steady_now() { return std::chrono::steady_clock::now(); }

// For steps that yield something: keeps it and leaves the outcome.
template <typename T>
io::FileResult<void> keep(io::FileResult<T> result, T& into) {
  if (!result) return std::unexpected(result.error());
  into = std::move(*result);
  return {};
}

io::FileResult<void> unless_missing(io::FileResult<void> removed) {
  if (!removed && removed.error() == std::errc::no_such_file_or_directory) return {};
  return removed;
}

}  // namespace

ShardFolder::ShardFolder(const io::Folder& root, Options options,
                         std::map<uint64_t, RecoveredChunk> recovered, Totals totals,
                         OutputCounters& counters)
    : root_(root),
      options_(std::move(options)),
      steps_(options_.fault),
      recovered_(std::move(recovered)),
      totals_(std::move(totals)),
      counters_(counters) {}

std::string ShardFolder::path_of(Table table, const std::string& name) const {
  return options_.directory + "/" + std::string(name_of(table)) + "/" + name;
}

// ---------------------------------------------------------------------------------- open shards

Outcome ShardFolder::write(const Frame& frame, uint64_t first_seq, const InputMark& input) {
  const auto table = static_cast<size_t>(frame.table);
  if (const Outcome opened = open_shard(frame.chunk, first_seq, frame.table); !opened)
    return opened;
  Shard& shard = *open_[frame.chunk][table];
  const std::string path = path_of(frame.table, options_.layout.open_part(frame.chunk));
  const Outcome written = steps_.run("write", path, [&] { return shard.data.append(frame.bytes); });
  if (!written) return written;

  JournalRecord record{.offset = shard.bytes,
                       .length = frame.bytes.size(),
                       .hash = frame.hash,
                       .rows = frame.rows,
                       .input_names = input.names,
                       .input_hash = input.hash,
                       .statuses = {},
                       .done = frame.done};
  frame.statuses.add_to(frame.table, record.statuses);
  record_.clear();
  append_record(record, record_);
  const Outcome noted = steps_.run("journal", path, [&] { return shard.journal.append(record_); });
  if (!noted) return noted;

  shard.bytes += frame.bytes.size();
  shard.journal_bytes += record_.size();
  shard.rows += frame.rows;
  shard.hasher.update(frame.bytes);
  for (const auto& [word, count] : record.statuses) shard.statuses[word] += count;
  if (shard.unsynced_since == Instant::max()) shard.unsynced_since = steady_now();
  counters_.rows.fetch_add(frame.rows, std::memory_order_relaxed);
  counters_.bytes.fetch_add(frame.bytes.size(), std::memory_order_relaxed);
  return {};
}

Outcome ShardFolder::open_shard(uint64_t chunk, uint64_t first_seq, Table table) {
  if (const Outcome reopened = reopen_all(chunk); !reopened) return reopened;
  std::optional<Shard>& shard = open_[chunk][static_cast<size_t>(table)];
  if (shard) return {};
  if (const Outcome ready = prepare_folder(table); !ready) return ready;
  return create_shard(chunk, first_seq, table, shard.emplace());
}

// The shards that an earlier run left open in this chunk, of every table.
Outcome ShardFolder::reopen_all(uint64_t chunk) {
  const auto found = recovered_.find(chunk);
  if (found == recovered_.end()) return {};
  for (const Table table : kAllTables) {
    const auto at = static_cast<size_t>(table);
    if (!found->second.shards[at]) continue;
    if (const Outcome ready = prepare_folder(table); !ready) return ready;
    const Outcome reopened =
        reopen_shard(chunk, table, *found->second.shards[at], open_[chunk][at].emplace());
    if (!reopened) return reopened;
  }
  recovered_.erase(found);
  return {};
}

Outcome ShardFolder::reopen_shard(uint64_t chunk, Table table, RecoveredShard& found,
                                  Shard& shard) {
  const io::Folder& folder = folder_of(table);
  const std::string name = options_.layout.open_part(chunk);
  shard.bytes = found.bytes;
  shard.journal_bytes = found.journal_bytes;
  shard.rows = found.rows;
  shard.statuses = std::move(found.statuses);
  shard.hasher = std::move(found.hasher);
  const Outcome opened = steps_.run("open", path_of(table, name), [&] {
    const auto data = keep(folder.open_append(name), shard.data);
    return data ? keep(folder.open_append(options_.layout.journal(chunk)), shard.journal) : data;
  });
  if (!opened) return opened;
  const auto bytes = shard.data.size();
  const auto journal_bytes = shard.journal.size();
  if (bytes && journal_bytes && *bytes == shard.bytes && *journal_bytes == shard.journal_bytes) {
    return {};
  }
  return std::unexpected(damage(path_of(table, name), "changed while this run was going on"));
}

Outcome ShardFolder::prepare_folder(Table table) {
  io::Folder& folder = folders_[static_cast<size_t>(table)];
  if (folder.is_open()) return {};
  if (const Outcome removed = remove_success(); !removed) return removed;
  const std::string name(name_of(table));
  return steps_.run("create", options_.directory + "/" + name, [&] {
    const auto made = keep(root_.make_folder(name), folder);
    return made ? root_.sync() : made;
  });
}

// The folder is complete no longer, once a shard is begun.
Outcome ShardFolder::remove_success() {
  if (success_removed_) return {};
  success_removed_ = true;
  return steps_.run("remove", options_.directory + "/" + options_.layout.success(), [&] {
    const auto removed = unless_missing(root_.remove(options_.layout.success()));
    return removed ? unless_missing(root_.remove(std::string(kSuccessOfAll))) : removed;
  });
}

Outcome ShardFolder::create_shard(uint64_t chunk, uint64_t first_seq, Table table, Shard& shard) {
  const io::Folder& folder = folder_of(table);
  const std::string name = options_.layout.open_part(chunk);
  std::string header;
  append_header({chunk, first_seq, table, options_.questions, options_.layout.compression}, header);
  shard.journal_bytes = header.size();
  return steps_.run("create", path_of(table, name), [&] {
    auto created = keep(folder.create(name), shard.data);
    if (created) created = keep(folder.create(options_.layout.journal(chunk)), shard.journal);
    return created ? shard.journal.append(header) : created;
  });
}

// ----------------------------------------------------------------------------------------- sync

Outcome ShardFolder::sync(Instant since) {
  for (auto& [chunk, shards] : open_) {
    for (const Table table : kAllTables) {
      auto& shard = shards[static_cast<size_t>(table)];
      if (!shard || shard->unsynced_since == Instant::max() || shard->unsynced_since > since) {
        continue;
      }
      if (const Outcome synced = sync_shard(chunk, table, *shard); !synced) return synced;
    }
  }
  return {};
}

Outcome ShardFolder::sync_shard(uint64_t chunk, Table table, Shard& shard) {
  const std::string path = path_of(table, options_.layout.open_part(chunk));
  const Outcome synced = steps_.run("sync", path, [&] {
    const auto data = shard.data.sync_data();
    return data ? shard.journal.sync_data() : data;
  });
  if (!synced) {
    discard(chunk, table);
    return synced;
  }
  shard.unsynced_since = Instant::max();
  if (shard.named) return {};
  shard.named = true;
  return steps_.run("sync folder", path, [&] { return folder_of(table).sync(); });
}

// After a failed sync the page cache may show bytes that no disk has, and a later sync would say
// yes to them: the shard goes, and a resume does its rows again.
void ShardFolder::discard(uint64_t chunk, Table table) {
  const io::Folder& folder = folder_of(table);
  (void)folder.remove(options_.layout.open_part(chunk));
  (void)folder.remove(options_.layout.journal(chunk));
}

Instant ShardFolder::oldest_unsynced() const {
  Instant oldest = Instant::max();
  for (const auto& [chunk, shards] : open_) {
    for (const auto& shard : shards) {
      if (shard) oldest = std::min(oldest, shard->unsynced_since);
    }
  }
  return oldest;
}

// --------------------------------------------------------------------------------------- commit

Outcome ShardFolder::commit(const CommittedChunk& chunk) {
  if (const Outcome reopened = reopen_all(chunk.chunk); !reopened) return reopened;
  Shards& shards = open_[chunk.chunk];
  for (const Table table : kAllTables) {
    auto& shard = shards[static_cast<size_t>(table)];
    if (!shard) continue;
    if (const Outcome synced = sync_shard(chunk.chunk, table, *shard); !synced) return synced;
  }
  Outcome step = rename_shards(chunk.chunk, shards);
  if (step) step = append_manifest(chunk, shards);
  if (step) step = remove_journals(chunk.chunk, shards);
  if (!step) return step;
  open_.erase(chunk.chunk);
  counters_.chunks.fetch_add(1, std::memory_order_relaxed);
  return {};
}

Outcome ShardFolder::rename_shards(uint64_t chunk, const Shards& shards) {
  for (const Table table : kAllTables) {
    if (!shards[static_cast<size_t>(table)]) continue;
    const std::string name = options_.layout.part(chunk);
    const std::string path = path_of(table, name);
    const io::Folder& folder = folder_of(table);
    const Outcome renamed = steps_.run(
        "rename", path, [&] { return folder.rename(options_.layout.open_part(chunk), name); });
    if (!renamed) return renamed;
    const Outcome synced = steps_.run("sync folder", path, [&] { return folder.sync(); });
    if (!synced) return synced;
  }
  return {};
}

Outcome ShardFolder::append_manifest(const CommittedChunk& chunk, const Shards& shards) {
  ManifestLine line{chunk.chunk, chunk.first_seq, chunk.input.names, chunk.input.hash, {}};
  for (const Table table : kAllTables) {
    const auto& shard = shards[static_cast<size_t>(table)];
    if (!shard) continue;
    line.files.push_back({table,
                          std::string(name_of(table)) + "/" + options_.layout.part(chunk.chunk),
                          shard->rows, shard->bytes, shard->hasher.digest(), shard->statuses});
  }
  if (const Outcome opened = make_manifest(); !opened) return opened;
  const std::string path = options_.directory + "/" + options_.layout.manifest();
  const std::string text = format(line) + "\n";
  const Outcome written = steps_.run("manifest", path, [&] {
    const auto appended = manifest_.append(text);
    return appended ? manifest_.sync() : appended;
  });
  if (!written) {
    (void)manifest_.truncate(manifest_bytes_);  // not believed to be on disk: see discard()
    return written;
  }
  manifest_bytes_ += text.size();
  totals_.add(line);
  return {};
}

Outcome ShardFolder::make_manifest() {
  const std::string path = options_.directory + "/" + options_.layout.manifest();
  return steps_.run("open", path, [this] { return open_manifest(); });
}

io::FileResult<void> ShardFolder::open_manifest() {
  if (manifest_.is_open()) return {};
  const std::string name = options_.layout.manifest();
  auto opened = root_.open_append(name);
  if (!opened && opened.error() == std::errc::no_such_file_or_directory) {
    opened = root_.create(name);
  }
  if (!opened) return std::unexpected(opened.error());
  manifest_ = std::move(*opened);
  const auto size = manifest_.size();
  if (!size) return std::unexpected(size.error());
  manifest_bytes_ = *size;
  return root_.sync();
}

Outcome ShardFolder::remove_journals(uint64_t chunk, const Shards& shards) {
  for (const Table table : kAllTables) {
    if (!shards[static_cast<size_t>(table)]) continue;
    const std::string name = options_.layout.journal(chunk);
    const Outcome removed =
        steps_.run("remove", path_of(table, name), [&] { return folder_of(table).remove(name); });
    if (!removed) return removed;
  }
  return {};
}

}  // namespace zonesweep::engine
