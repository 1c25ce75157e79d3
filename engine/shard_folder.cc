#include "engine/shard_folder.h"

#include <algorithm>

#include "engine/journal.h"
#include "engine/journal_reader.h"
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
      totals_(std::move(totals)),
      counters_(counters) {
  for (auto& [number, chunk] : recovered) {
    for (size_t table = 0; table < kTables; ++table) {
      if (!chunk.shards[table]) continue;
      open_[number][table].emplace(Shard{std::move(*chunk.shards[table])});
    }
  }
}

std::string ShardFolder::path_of(Table table, const std::string& name) const {
  return options_.directory + "/" + std::string(name_of(table)) + "/" + name;
}

// ---------------------------------------------------------------------------------- open shards

ShardFolder::Shard& ShardFolder::shard_of(ShardId id) {
  return *open_.at(id.chunk)[static_cast<size_t>(id.table)];
}

Outcome ShardFolder::write(const Frame& frame, uint64_t first_seq, const InputMarks& input) {
  const ShardId id{frame.chunk, frame.table};
  if (const Outcome taken = take_to_hand(id, first_seq); !taken) return taken;
  const Outcome appended = append(*at_hand(id), shard_of(id), frame, input);
  if (!appended) return appended;
  counters_.rows.fetch_add(frame.rows, std::memory_order_relaxed);
  counters_.bytes.fetch_add(frame.bytes.size(), std::memory_order_relaxed);
  return {};
}

Outcome ShardFolder::append(AtHand& files, Shard& shard, const Frame& frame,
                            const InputMarks& input) {
  const std::string path = path_of(frame.table, options_.layout.open_part(frame.chunk));
  const Outcome written = steps_.run("write", path, [&] { return files.data.append(frame.bytes); });
  if (!written) return written;

  const auto marks = input.beyond(shard.input_names);
  JournalRecord record{.offset = shard.bytes,
                       .length = frame.bytes.size(),
                       .hash = frame.hash,
                       .rows = frame.rows,
                       .input = {marks.begin(), marks.end()},
                       .statuses = {},
                       .done = frame.done};
  frame.statuses.add_to(frame.table, record.statuses);
  record_.clear();
  append_record(record, record_);
  const Outcome noted = steps_.run("journal", path, [&] { return files.journal.append(record_); });
  if (!noted) return noted;

  shard.bytes += frame.bytes.size();
  shard.journal_bytes += record_.size();
  shard.rows += frame.rows;
  shard.input_names = std::max(shard.input_names, input.last().names);
  shard.hasher.update(frame.bytes);
  for (const auto& [word, count] : record.statuses) shard.statuses[word] += count;
  if (files.unsynced_since == Instant::max()) files.unsynced_since = steady_now();
  return {};
}

ShardFolder::AtHand* ShardFolder::at_hand(ShardId id) {
  const auto found = std::ranges::find(at_hand_, id, &AtHand::id);
  if (found == at_hand_.end()) return nullptr;
  found->used = ++clock_;
  return &*found;
}

// Opens the files of the shard; makes it where there is none.
Outcome ShardFolder::take_to_hand(ShardId id, uint64_t first_seq) {
  if (at_hand(id) != nullptr) return {};
  while (at_hand_.size() >= limits::kShardsAtHand) {
    if (const Outcome put = put_one_away(); !put) return put;
  }
  if (const Outcome ready = prepare_folder(id.table); !ready) return ready;
  std::optional<Shard>& shard = open_[id.chunk][static_cast<size_t>(id.table)];
  AtHand files;
  files.id = id;
  files.used = ++clock_;
  const Outcome opened =
      shard ? reopen_shard(id, *shard, files) : create_shard(id, first_seq, shard.emplace(), files);
  if (opened) at_hand_.push_back(std::move(files));
  return opened;
}

// Closes the files that have not been used for longest. When all of them are dirty, all are synced:
// together they cost little more than one, and the next ones then have nothing to wait for.
Outcome ShardFolder::put_one_away() {
  if (std::ranges::all_of(at_hand_, &ShardFolder::is_dirty)) {
    if (const Outcome synced = sync(Instant::max()); !synced) return synced;
  }
  const auto oldest = std::ranges::min_element(
      at_hand_, {}, [&](const AtHand& files) { return std::pair(is_dirty(files), files.used); });
  std::swap(*oldest, at_hand_.back());
  at_hand_.pop_back();
  return {};
}

Outcome ShardFolder::reopen_shard(ShardId id, const Shard& shard, AtHand& files) {
  const io::Folder& folder = folder_of(id.table);
  const std::string name = options_.layout.open_part(id.chunk);
  const std::string path = path_of(id.table, name);
  const Outcome opened = steps_.run("open", path, [&] {
    const auto data = keep(folder.open_append(name), files.data);
    return data ? keep(folder.open_append(options_.layout.journal(id.chunk)), files.journal) : data;
  });
  if (!opened) return opened;
  const auto bytes = files.data.size();
  const auto journal_bytes = files.journal.size();
  if (bytes && journal_bytes && *bytes == shard.bytes && *journal_bytes == shard.journal_bytes) {
    return {};
  }
  return std::unexpected(damage(path, "changed while this run was going on"));
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

Outcome ShardFolder::create_shard(ShardId id, uint64_t first_seq, Shard& shard, AtHand& files) {
  const io::Folder& folder = folder_of(id.table);
  const std::string name = options_.layout.open_part(id.chunk);
  std::string header;
  append_header({id.chunk, first_seq, id.table, options_.questions, options_.layout.compression},
                header);
  shard.journal_bytes = header.size();
  return steps_.run("create", path_of(id.table, name), [&] {
    auto created = keep(folder.create(name), files.data);
    if (created) created = keep(folder.create(options_.layout.journal(id.chunk)), files.journal);
    return created ? files.journal.append(header) : created;
  });
}

// ----------------------------------------------------------------------------------------- sync

Outcome ShardFolder::sync(Instant since) {
  const auto due = [since](const AtHand& files) {
    return files.unsynced_since != Instant::max() && files.unsynced_since <= since;
  };
  for (AtHand& files : at_hand_) {
    if (!due(files)) continue;
    files.data.begin_sync();
    files.journal.begin_sync();
  }
  for (AtHand& files : at_hand_) {
    if (!due(files)) continue;
    if (const Outcome synced = sync_files(files); !synced) return synced;
  }
  return sync_folders();
}

// What has no open files was synced when they were closed, or is of an earlier run: that has not
// reached the disk for certain.
Outcome ShardFolder::sync_whole(ShardId id) {
  if (at_hand(id) == nullptr && shard_of(id).named) return {};
  if (const Outcome taken = take_to_hand(id, 0); !taken) return taken;
  const Outcome synced = sync_files(*at_hand(id));
  return synced ? sync_folders() : synced;
}

Outcome ShardFolder::sync_files(AtHand& files) {
  const std::string path = path_of(files.id.table, options_.layout.open_part(files.id.chunk));
  const Outcome synced = steps_.run("sync", path, [&] {
    const auto data = files.data.sync_data();
    return data ? files.journal.sync_data() : data;
  });
  if (!synced) {
    discard(files.id);
    return synced;
  }
  files.unsynced_since = Instant::max();
  return {};
}

// New files are there for certain when their folder was synced, too: once for all of them. What is
// at hand and not dirty was synced itself since it was opened.
Outcome ShardFolder::sync_folders() {
  for (const Table table : kAllTables) {
    const auto is_new = [&](const AtHand& files) {
      return files.id.table == table && !is_dirty(files) && !shard_of(files.id).named;
    };
    if (std::ranges::none_of(at_hand_, is_new)) continue;
    const Outcome synced =
        steps_.run("sync folder", path_of(table, ""), [&] { return folder_of(table).sync(); });
    if (!synced) return synced;
    for (const AtHand& files : at_hand_) {
      if (is_new(files)) shard_of(files.id).named = true;
    }
  }
  return {};
}

// After a failed sync the page cache may show bytes that no disk has, and a later sync would say
// yes to them: the shard goes, and a resume does its rows again.
void ShardFolder::discard(ShardId id) {
  const io::Folder& folder = folder_of(id.table);
  (void)folder.remove(options_.layout.open_part(id.chunk));
  (void)folder.remove(options_.layout.journal(id.chunk));
}

Instant ShardFolder::oldest_unsynced() const {
  Instant oldest = Instant::max();
  for (const AtHand& files : at_hand_) oldest = std::min(oldest, files.unsynced_since);
  return oldest;
}

// --------------------------------------------------------------------------------------- commit

Outcome ShardFolder::commit(const CommittedChunk& chunk) {
  Shards& shards = open_[chunk.chunk];
  for (const Table table : kAllTables) {
    if (!shards[static_cast<size_t>(table)]) continue;
    if (const Outcome synced = sync_whole({chunk.chunk, table}); !synced) return synced;
  }
  Outcome step = check_rows(chunk);
  std::erase_if(at_hand_, [&](const AtHand& files) { return files.id.chunk == chunk.chunk; });
  if (step) step = rename_shards(chunk.chunk, shards);
  if (step) step = append_manifest(chunk, shards);
  if (step) step = remove_journals(chunk.chunk, shards);
  if (!step) return step;
  open_.erase(chunk.chunk);
  counters_.chunks.fetch_add(1, std::memory_order_relaxed);
  return {};
}

// So many rows as were announced have come; that each is there once is looked up in the journals,
// as the sets of rows of a thousand open chunks would not fit into memory.
Outcome ShardFolder::check_rows(const CommittedChunk& chunk) {
  DoneSet done(options_.questions);
  const std::string name = options_.layout.journal(chunk.chunk);
  for (const Table table : kAllTables) {
    const std::optional<Shard>& shard = open_.at(chunk.chunk)[static_cast<size_t>(table)];
    if (!shard) continue;
    const std::string path = path_of(table, name);
    const auto journal = folder_of(table).open_read(name);
    if (!journal) return std::unexpected(disk_error("open", path, journal.error()));
    const uint64_t keys_max = chunk.input.names * options_.questions;
    const Outcome added = add_done(*journal, shard->journal_bytes, keys_max, path, done);
    if (!added) return added;
  }
  if (done.size() == chunk.rows) return {};
  return std::unexpected(damage(path_of(Table::dns, name), "has lost rows"));
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
