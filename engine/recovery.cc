#include "engine/recovery.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "engine/journal_reader.h"
#include "engine/output_error.h"

namespace zonesweep::engine {
namespace {

constexpr size_t kReadBytes = 256 * 1024;
constexpr size_t kManifestLineBytes = 64 * 1024;  // ours have some 500

std::string path_of(const RecoveryScope& scope, Table table, const std::string& name) {
  return fmt::format("{}/{}/{}", scope.directory, name_of(table), name);
}

io::FileResult<void> cut_to(io::File& file, uint64_t bytes) {
  const auto size = file.size();
  if (!size) return std::unexpected(size.error());
  if (*size == bytes) return {};
  const auto cut = file.truncate(bytes);
  return cut ? file.sync() : cut;
}

bool is_missing(std::errc error) { return error == std::errc::no_such_file_or_directory; }

// ------------------------------------------------------------------------------------- manifest

class ManifestRecovery {
 public:
  ManifestRecovery(const io::Folder& root, const RecoveryScope& scope, Recovered& out)
      : root_(root),
        scope_(scope),
        out_(out),
        path_(scope.directory + "/" + scope.layout.manifest()) {
    for (uint32_t t = 0; t < kTables; ++t) {
      auto folder = root.open_folder(std::string(name_of(static_cast<Table>(t))));
      if (folder) folders_[t] = std::move(*folder);
    }
  }

  Outcome run() {
    auto file = root_.open_append(scope_.layout.manifest());
    if (!file) {
      if (is_missing(file.error())) return {};
      return std::unexpected(disk_error("open", path_, file.error()));
    }
    const Outcome read = read_lines(*file);
    return read ? cut_tail(*file) : read;
  }

 private:
  Outcome read_lines(const io::File& file) {
    std::string buffer(kReadBytes, '\0');
    std::string pending;
    for (uint64_t at = 0;;) {
      const auto count = file.read_at(at, buffer);
      if (!count) return std::unexpected(disk_error("read", path_, count.error()));
      if (*count == 0) return {};
      at += *count;
      pending.append(buffer, 0, *count);
      if (const Outcome taken = take_lines(pending); !taken) return taken;
    }
  }

  Outcome take_lines(std::string& pending) {
    size_t start = 0;
    for (size_t end; (end = pending.find('\n', start)) != std::string::npos; start = end + 1) {
      const Outcome taken = take_line(std::string_view(pending).substr(start, end - start));
      if (!taken) return taken;
      sound_bytes_ += end + 1 - start;
    }
    pending.erase(0, start);
    if (pending.size() <= kManifestLineBytes) return {};
    return std::unexpected(damage(path_, fmt::format("line {} has no end", line_number_ + 1)));
  }

  Outcome take_line(std::string_view text) {
    ++line_number_;
    const auto line = parse_manifest_line(text);
    if (!line) return bad("is damaged (its checksum or form is wrong)");
    if (!scope_.layout.owns(line->chunk)) return bad("has a chunk of another --split");
    if (line->first_seq != line->chunk * scope_.rows_per_shard) return bad("has a wrong first_seq");
    const InputMark mark{line->names, line->input_hash};
    if (!out_.committed.emplace(line->chunk, mark).second) return bad("repeats a chunk");
    for (const ManifestFile& file : line->files) {
      if (const Outcome checked = check_file(*line, file); !checked) return checked;
      out_.rows += file.rows;
    }
    out_.totals.add(*line);
    return {};
  }

  Outcome check_file(const ManifestLine& line, const ManifestFile& file) const {
    const std::string name = scope_.layout.part(line.chunk);
    if (file.path != fmt::format("{}/{}", name_of(file.table), name))
      return bad("has a wrong path");
    const std::string path = scope_.directory + "/" + file.path;
    const auto part = folders_[static_cast<size_t>(file.table)].open_read(name);
    if (!part) {
      return std::unexpected(damage(
          path,
          fmt::format("committed, but cannot be opened ({}); put it back, or begin a new folder",
                      std::make_error_code(part.error()).message())));
    }
    const auto size = part->size();
    if (size && *size == file.bytes) return {};
    return std::unexpected(damage(path, fmt::format("has {} bytes, the manifest says {}; put the "
                                                    "committed file back, or begin a new folder",
                                                    size.value_or(0), file.bytes)));
  }

  // A last line without its end was being written when the run was killed: its chunk is not
  // committed.
  Outcome cut_tail(io::File& file) const {
    const auto cut = cut_to(file, sound_bytes_);
    if (!cut) return std::unexpected(disk_error("truncate", path_, cut.error()));
    return {};
  }

  [[nodiscard]] Outcome bad(std::string_view why) const {
    return std::unexpected(damage(path_, fmt::format("line {} {}", line_number_, why)));
  }

  const io::Folder& root_;
  const RecoveryScope& scope_;
  Recovered& out_;
  std::string path_;
  std::array<io::Folder, kTables> folders_;
  uint64_t line_number_ = 0;
  uint64_t sound_bytes_ = 0;
};

// --------------------------------------------------------------------------------- an open shard

// Follows the journal record by record and stops at the first one that is not sound.
class ShardRecovery {
 public:
  ShardRecovery(const RecoveryScope& scope, Table table, uint64_t chunk, io::File data,
                io::File journal)
      : scope_(scope),
        table_(table),
        chunk_(chunk),
        data_(std::move(data)),
        journal_(std::move(journal)),
        path_(path_of(scope, table, scope.layout.open_part(chunk))) {}

  // Adds to `chunk`; its shard stays empty when no frame is sound.
  Outcome run(RecoveredChunk& chunk) {
    JournalReader journal(journal_);
    const auto header = read_header(journal);
    if (!header) return std::unexpected(header.error());
    if (!*header) return {};
    RecoveredShard shard;
    for (;;) {
      shard.journal_bytes = journal.bytes();
      const auto added = add_frame(journal, shard, chunk);
      if (!added) return std::unexpected(added.error());
      if (!*added) break;
    }
    if (shard.rows == 0) return {};
    if (const Outcome cut = cut_tails(shard); !cut) return cut;
    chunk.shards[static_cast<size_t>(table_)] = std::move(shard);
    return {};
  }

 private:
  using Found = std::expected<bool, OutputError>;

  Found read_header(JournalReader& journal) const {
    const auto header = journal.header();
    if (!header) return read_failed(header.error());
    if (!*header) return false;
    const JournalHeader expected{chunk_, chunk_ * scope_.rows_per_shard, table_, scope_.questions,
                                 scope_.layout.compression};
    if (**header == expected) return true;
    return std::unexpected(damage(path_, "its journal belongs to another shard"));
  }

  Found add_frame(JournalReader& journal, RecoveredShard& shard, RecoveredChunk& chunk) {
    const auto found = journal.next();
    if (!found) return read_failed(found.error());
    if (!*found || (*found)->offset != shard.bytes) return false;
    const JournalRecord& record = **found;
    const Found sound = read_frame(record);
    if (!sound || !*sound) return sound;
    shard.hasher.update(frame_);
    shard.bytes += record.length;
    shard.rows += record.rows;
    for (const auto& [word, count] : record.statuses) shard.statuses[word] += count;
    chunk.input.insert(chunk.input.end(), record.input.begin(), record.input.end());
    if (!record.input.empty()) shard.input_names = record.input.back().names;
    return true;
  }

  Found read_frame(const JournalRecord& record) {
    const auto size = data_.size();
    if (!size) return read_failed(size.error());
    if (record.offset > *size || record.length > *size - record.offset) return false;
    frame_.resize(record.length);
    const auto count = data_.read_at(record.offset, frame_);
    if (!count) return read_failed(count.error());
    return *count == record.length && XXH3_64bits(frame_.data(), frame_.size()) == record.hash;
  }

  Outcome cut_tails(const RecoveredShard& shard) {
    auto cut = cut_to(data_, shard.bytes);
    if (cut) cut = cut_to(journal_, shard.journal_bytes);
    if (!cut) return std::unexpected(disk_error("truncate", path_, cut.error()));
    return {};
  }

  [[nodiscard]] Found read_failed(std::errc why) const {
    return std::unexpected(disk_error("read", path_, why));
  }

  const RecoveryScope& scope_;
  Table table_;
  uint64_t chunk_;
  io::File data_;
  io::File journal_;
  std::string path_;
  std::string frame_;
};

// ----------------------------------------------------------------------------------- one folder

// The marks of all journals of a chunk, most of which are close together: each frame has one.
void thin_out(std::vector<InputMark>& marks) {
  std::ranges::sort(marks, {}, &InputMark::names);
  InputMarks kept;
  for (const InputMark& mark : marks) kept.add(mark);
  const auto all = kept.beyond(0);
  marks.assign(all.begin(), all.end());
}

struct Leftover {
  bool part = false;
  bool open_part = false;
  bool journal = false;
};

class TableRecovery {
 public:
  TableRecovery(const RecoveryScope& scope, Table table, io::Folder folder, Recovered& out)
      : scope_(scope), table_(table), folder_(std::move(folder)), out_(out) {}

  Outcome run() {
    const auto names = folder_.names();
    if (!names) return std::unexpected(failed("read", "", names.error()));
    std::map<uint64_t, Leftover> leftovers;
    for (const std::string& name : *names) note(name, leftovers);
    for (const auto& [chunk, leftover] : leftovers) {
      const Outcome settled = settle(chunk, leftover);
      if (!settled) return settled;
    }
    if (!changed_) return {};
    const auto synced = folder_.sync();
    if (!synced) return std::unexpected(failed("sync", "", synced.error()));
    return {};
  }

 private:
  void note(const std::string& name, std::map<uint64_t, Leftover>& leftovers) const {
    const auto part = parse_part_name(scope_.layout, name);
    if (!part || !scope_.layout.owns(part->chunk)) return;
    Leftover& leftover = leftovers[part->chunk];
    switch (part->kind) {
      case PartName::Kind::part: leftover.part = true; break;
      case PartName::Kind::open_part: leftover.open_part = true; break;
      case PartName::Kind::journal: leftover.journal = true; break;
    }
  }

  Outcome settle(uint64_t chunk, Leftover leftover) {
    if (out_.committed.contains(chunk)) return remove_open(chunk, leftover);
    if (leftover.part) {
      const Outcome reopened = reopen(chunk, leftover);
      if (!reopened) return reopened;
      leftover.open_part = true;
    }
    if (!leftover.open_part || !leftover.journal) return remove_open(chunk, leftover);
    return recover_shard(chunk, leftover);
  }

  // Renamed, but the manifest line did not come to be: the chunk is not committed.
  Outcome reopen(uint64_t chunk, const Leftover& leftover) {
    const std::string name = scope_.layout.part(chunk);
    if (leftover.open_part || !leftover.journal) {
      return std::unexpected(damage(path_of(scope_, table_, name),
                                    "is not in the manifest; move it away to have its chunk done "
                                    "again, or restore the manifest"));
    }
    const auto renamed = folder_.rename(name, scope_.layout.open_part(chunk));
    if (!renamed) return std::unexpected(failed("rename", name, renamed.error()));
    changed_ = true;
    return {};
  }

  Outcome recover_shard(uint64_t chunk, const Leftover& leftover) {
    auto data = folder_.open_append(scope_.layout.open_part(chunk));
    if (!data) return std::unexpected(failed("open", scope_.layout.open_part(chunk), data.error()));
    auto journal = folder_.open_append(scope_.layout.journal(chunk));
    if (!journal)
      return std::unexpected(failed("open", scope_.layout.journal(chunk), journal.error()));
    RecoveredChunk& recovered = out_.partial[chunk];
    ShardRecovery recovery(scope_, table_, chunk, std::move(*data), std::move(*journal));
    if (const Outcome read = recovery.run(recovered); !read) return read;
    thin_out(recovered.input);
    const auto& shard = recovered.shards[static_cast<size_t>(table_)];
    if (!shard) return remove_open(chunk, leftover);
    out_.rows += shard->rows;
    return {};
  }

  Outcome remove_open(uint64_t chunk, const Leftover& leftover) {
    if (leftover.open_part) {
      if (const Outcome gone = remove(scope_.layout.open_part(chunk)); !gone) return gone;
    }
    return leftover.journal ? remove(scope_.layout.journal(chunk)) : Outcome{};
  }

  Outcome remove(const std::string& name) {
    changed_ = true;
    const auto removed = folder_.remove(name);
    if (!removed) return std::unexpected(failed("remove", name, removed.error()));
    return {};
  }

  [[nodiscard]] OutputError failed(std::string_view operation, const std::string& name,
                                   std::errc why) const {
    return disk_error(operation, path_of(scope_, table_, name), why);
  }

  const RecoveryScope& scope_;
  Table table_;
  io::Folder folder_;
  Recovered& out_;
  bool changed_ = false;
};

}  // namespace

uint64_t RecoveredChunk::rows() const noexcept {
  uint64_t rows = 0;
  for (const auto& shard : shards) rows += shard ? shard->rows : 0;
  return rows;
}

void Totals::add(const ManifestLine& line) {
  ++chunks;
  names += line.names;
  for (const ManifestFile& file : line.files) {
    TableTotals& table = tables[static_cast<size_t>(file.table)];
    ++table.files;
    table.rows += file.rows;
    table.bytes += file.bytes;
    for (const auto& [word, count] : file.statuses) table.statuses[word] += count;
  }
}

std::expected<Recovered, OutputError> recover(const io::Folder& root, const RecoveryScope& scope) {
  Recovered out;
  const Outcome manifest = ManifestRecovery(root, scope, out).run();
  if (!manifest) return std::unexpected(manifest.error());
  for (uint32_t t = 0; t < kTables; ++t) {
    const auto table = static_cast<Table>(t);
    auto folder = root.open_folder(std::string(name_of(table)));
    if (!folder && is_missing(folder.error())) continue;
    if (!folder) {
      return std::unexpected(disk_error("open", path_of(scope, table, ""), folder.error()));
    }
    const Outcome recovered = TableRecovery(scope, table, std::move(*folder), out).run();
    if (!recovered) return std::unexpected(recovered.error());
  }
  std::erase_if(out.partial, [](const auto& entry) { return entry.second.rows() == 0; });
  return out;
}

}  // namespace zonesweep::engine
