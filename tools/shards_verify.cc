#include "tools/shards_verify.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <set>

#include "engine/shard_reader.h"

namespace zonesweep::tools {
namespace {

using engine::ManifestFile;
using engine::ManifestLine;
using engine::StatusWords;
using engine::Table;

// What stands between `before` and the next quote, from `at` on; empty when it is not there. Inside
// a JSON string the quotes of `before` would be escaped, so that it can only be a member of the
// row; it is the row's own because the members that hold others come later.
std::string_view member(std::string_view row, std::string_view before) {
  const size_t at = row.find(before);
  if (at == std::string_view::npos) return {};
  const std::string_view value = row.substr(at + before.size());
  return value.substr(0, value.find('"'));
}

// Reads the rows of one shard and keeps the books that the manifest line claims.
class RowCheck {
 public:
  // `excused`: names that need no row here; empty when each needs one.
  RowCheck(const ManifestLine& line, std::vector<bool> excused)
      : line_(line), named_(std::move(excused)) {
    named_.resize(line.names);
  }

  void add(std::string_view piece) {
    for (size_t end; (end = piece.find('\n')) != std::string_view::npos;
         piece.remove_prefix(end + 1)) {
      if (pending_.empty()) {
        add_row(piece.substr(0, end));
        continue;
      }
      pending_ += piece.substr(0, end);
      add_row(pending_);
      pending_.clear();
    }
    pending_ += piece;
  }

  // The first thing that is wrong with the rows; empty when nothing is.
  std::string outcome(const ManifestFile& file) {
    if (wrong_.empty() && !pending_.empty()) wrong_ = "its last row has no end";
    if (wrong_.empty() && rows_ != file.rows) {
      wrong_ = fmt::format("has {} rows, the manifest says {}", rows_, file.rows);
    }
    if (wrong_.empty() && statuses_ != file.statuses) {
      wrong_ = "its statuses are not those of the manifest";
    }
    if (!wrong_.empty()) return wrong_;
    const auto missing = std::ranges::find(named_, false);
    if (missing == named_.end()) return {};
    return fmt::format("no row of seq {}", line_.first_seq + (missing - named_.begin()));
  }

  // Names with a row of this type.
  [[nodiscard]] std::vector<bool> of_type(std::string_view type) const {
    const auto found = seen_.find(type);
    return found == seen_.end() ? std::vector<bool>() : found->second;
  }

 private:
  void add_row(std::string_view row) {
    ++rows_;
    uint64_t seq = 0;
    constexpr std::string_view kSeq = "{\"seq\":";
    const char* const end = row.data() + row.size();
    if (!row.starts_with(kSeq) ||
        std::from_chars(row.data() + kSeq.size(), end, seq).ec != std::errc{} ||
        row.back() != '}') {
      return note("row {} is none of ours", rows_);
    }
    if (seq < line_.first_seq || seq - line_.first_seq >= line_.names) {
      return note("seq {} is not of this chunk", seq);
    }
    ++count_of(statuses_, member(row, ",\"status\":\""));
    const std::string_view type = member(row, ",\"type\":\"");
    std::vector<bool>& seen = rows_of(type);
    const auto index = static_cast<size_t>(seq - line_.first_seq);
    if (seen[index]) return note("seq {} has more than one row of type '{}'", seq, type);
    seen[index] = true;
    named_[index] = true;
  }

  static uint64_t& count_of(StatusWords& words, std::string_view word) {
    return words[std::string(word)];
  }

  std::vector<bool>& rows_of(std::string_view type) {
    const auto found = seen_.find(type);
    if (found != seen_.end()) return found->second;
    return seen_.emplace(type, std::vector<bool>(line_.names)).first->second;
  }

  template <typename... Values>
  void note(fmt::format_string<Values...> text, Values&&... values) {
    if (wrong_.empty()) wrong_ = fmt::format(text, std::forward<Values>(values)...);
  }

  const ManifestLine& line_;
  std::string pending_;  // a row that goes on in the next piece
  uint64_t rows_ = 0;
  StatusWords statuses_;
  std::map<std::string, std::vector<bool>, std::less<>> seen_;  // by type
  std::vector<bool> named_;
  std::string wrong_;
};

class Verifier {
 public:
  Verifier(const ShardsFolder& folder, bool unfinished)
      : folder_(folder), unfinished_(unfinished) {}

  VerifyReport run() {
    report_.problems = folder_.problems;
    for (const ManifestLine* line : folder_.chunks()) check_chunk(*line);
    check_order();
    for (const Manifest& manifest : folder_.manifests) check_end(manifest);
    if (folder_.manifests.empty() && !unfinished_)
      problem("", "no chunk is committed; go on with --resume");
    check_strangers(Table::dns);
    check_strangers(Table::registration);
    return std::move(report_);
  }

 private:
  void problem(const std::string& file, std::string_view what) {
    const std::string path = file.empty() ? folder_.directory : folder_.directory + "/" + file;
    report_.problems.push_back(fmt::format("{}: {}", path, what));
  }

  void check_chunk(const ManifestLine& line) {
    ++report_.chunks;
    report_.names += line.names;
    std::vector<bool> addresses;  // asked for PTR; nobody registers them
    for (const ManifestFile& file : line.files) {
      ++report_.files;
      report_.rows += file.rows;
      report_.bytes += file.bytes;
      known_.insert(file.path);
      const std::string wrong = check_file(line, file, addresses);
      if (!wrong.empty()) problem(file.path, wrong);
    }
  }

  std::string check_file(const ManifestLine& line, const ManifestFile& file,
                         std::vector<bool>& addresses) {
    auto opened = open_shard(folder_, line, file);
    if (!opened) return opened.error();
    engine::ShardReader reader(std::move(*opened), compression_of(file));
    RowCheck rows(line, file.table == Table::registration ? addresses : std::vector<bool>());
    for (;;) {
      const auto piece = reader.next();
      if (!piece) return piece.error();
      if (piece->empty()) break;
      rows.add(*piece);
    }
    if (reader.file_bytes() != file.bytes) {
      return fmt::format("has {} bytes, the manifest says {}", reader.file_bytes(), file.bytes);
    }
    if (reader.file_hash() != file.hash) {
      return fmt::format("has xxh3 {:016x}, the manifest says {:016x}", reader.file_hash(),
                         file.hash);
    }
    if (file.table == Table::dns) addresses = rows.of_type("PTR");
    return rows.outcome(file);
  }

  // Chunks are of one size but for the last, and lie one behind the other.
  void check_order() {
    const auto chunks = folder_.chunks();
    if (chunks.empty()) return;
    const ManifestLine& last = *chunks.back();
    const uint64_t size = last.chunk == 0 ? last.names : last.first_seq / last.chunk;
    for (const ManifestLine* line : chunks) {
      const bool whole = line->names == size || (line == &last && line->names <= size);
      if (line->first_seq == line->chunk * size && whole) continue;
      problem("", fmt::format("chunk {} has seq {} to {}, out of step with the others", line->chunk,
                              line->first_seq, line->first_seq + line->names));
    }
    if (unfinished_) return;
    for (const Manifest& manifest : folder_.manifests) check_gaps(manifest);
  }

  void check_gaps(const Manifest& manifest) {
    std::set<uint64_t> present;
    for (const ManifestLine& line : manifest.lines) present.insert(line.chunk);
    uint64_t next = manifest.layout.split_index;
    for (const uint64_t chunk : present) {
      if (chunk != next) return problem(manifest.name, fmt::format("chunk {} is missing", next));
      next += manifest.layout.split_count;
    }
  }

  // What the end of a run leaves: _SUCCESS, and totals that are those of the manifest.
  void check_end(const Manifest& manifest) {
    if (!folder_.root.open_read(manifest.layout.success())) {
      if (!unfinished_) problem("", "the run has not ended (no _SUCCESS); go on with --resume");
      return;
    }
    uint64_t names = 0;
    uint64_t rows = 0;
    for (const ManifestLine& line : manifest.lines) {
      names += line.names;
      for (const ManifestFile& file : line.files) rows += file.rows;
    }
    const std::string totals =
        fmt::format("\"chunks\":{},\"names\":{},\"rows\":{},", manifest.lines.size(), names, rows);
    const auto file = folder_.root.open_read(manifest.layout.run());
    const auto text = file ? io::read_all(*file, 1 << 24)
                           : io::FileResult<std::string>(std::unexpected(file.error()));
    if (!text) return problem(manifest.layout.run(), std::make_error_code(text.error()).message());
    if (text->find(totals) == std::string::npos) {
      problem(manifest.layout.run(), "its totals are not those of the manifest");
    }
  }

  // Files that a loader would take although no manifest names them.
  void check_strangers(Table table) {
    const std::string name(engine::name_of(table));
    const auto below = folder_.root.open_folder(name);
    if (!below) return;
    const auto files = below->names();
    if (!files) return problem(name, std::make_error_code(files.error()).message());
    for (const std::string& file : *files) {
      if (file.starts_with('.') || file.starts_with('_')) continue;
      if (!known_.contains(name + "/" + file)) problem(name + "/" + file, "is in no manifest");
    }
  }

  const ShardsFolder& folder_;
  bool unfinished_;
  VerifyReport report_;
  std::set<std::string> known_;
};

}  // namespace

VerifyReport verify(const ShardsFolder& folder, bool unfinished) {
  return Verifier(folder, unfinished).run();
}

}  // namespace zonesweep::tools
