// cache/file_tier.h - answers in a file that the next run begins with (SQLite).
//
// Threads:    one at a time: at start the one that loads, then the one that writes behind.
// Invariants: (1) an entry counts only if its checksum fits: damage costs the entry, never a wrong row;
//             (2) entries are only appended; of two with the same question the later one holds;
//             (3) one process at a time: the file is locked as long as it is open;
//             (4) nothing here is needed: whoever has no file tier has the same rows.
// Ownership:  a Stored entry is lent for the call.
// Units:      seconds since the Unix epoch.
// Errors:     FileProblem says what became of the file. Functions that return bool: false means that the
//             tier is off from now on, and problem() says why.
//
// The format: docs/formats/cache-file.md.
#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace zonesweep::cache {

struct Stored {
  uint8_t protocol = 0;
  uint16_t type = 0;
  uint32_t options = 0;
  std::string_view name;  // text, lower case
  int64_t stored_s = 0;
  int64_t expires_s = 0;
  std::span<const std::byte> value;
};

struct RunHistory {  // one line per run
  int64_t started_s = 0;
  int64_t finished_s = 0;
  uint64_t rows = 0;
  uint64_t hits = 0;
  uint64_t misses = 0;
  uint64_t loaded = 0;
  uint64_t written = 0;
};

struct FileStatistics {
  uint64_t entries = 0;
  uint64_t live = 0;     // of them: not yet expired, and not replaced
  uint64_t damaged = 0;  // of them: the checksum does not fit
  uint64_t bytes = 0;    // of the file
  int64_t oldest_s = 0;  // when the oldest live entry was stored
  std::vector<std::pair<int64_t, uint64_t>>
      ttl_left;                  // upper bound in seconds, live entries up to there
  std::vector<RunHistory> runs;  // the latest first
};

struct FileProblem {
  enum class Kind : uint8_t {
    set_aside,  // damaged, foreign or of a newer version: renamed, and a new file was or can be begun
    locked,     // another process has it
    unusable,  // cannot be read or written where it is
  };
  Kind kind = Kind::unusable;
  std::string message;
};

class FileTier {
 public:
  enum class Missing : uint8_t { create, fail };

  // Opens, or begins, the file at `path`. What is no file of ours is renamed to PATH.aside-N first and
  // reported in *set_aside.
  [[nodiscard]] static std::expected<std::unique_ptr<FileTier>, FileProblem> open(
      const std::string& path, Missing missing, std::string* set_aside);
  ~FileTier();
  FileTier(const FileTier&) = delete;
  FileTier& operator=(const FileTier&) = delete;

  // All entries that are not expired, in the order they were written. False from `take` ends it.
  [[nodiscard]] bool load(int64_t now_s, const std::function<bool(const Stored&)>& take);

  // A batch: begin(), append() each, commit().
  [[nodiscard]] bool begin();
  [[nodiscard]] bool append(const Stored& entry);
  [[nodiscard]] bool commit();

  [[nodiscard]] bool add_run(const RunHistory& run);
  // In the file, as far as load() and append() have seen: expired, replaced and damaged ones, too.
  [[nodiscard]] uint64_t rows() const { return rows_; }
  // Removes what is expired or replaced. Rewrites the file: for when that is most of it.
  [[nodiscard]] bool tidy(int64_t now_s);

  [[nodiscard]] std::expected<FileStatistics, std::string> statistics(int64_t now_s);
  // Removes entries whose name is `suffix` or ends in "." or " " + suffix (all: ""), stored before `before_s`
  // (INT64_MAX: whenever). Returns how many.
  [[nodiscard]] std::expected<uint64_t, std::string> clear(std::string_view suffix,
                                                           int64_t before_s);

  [[nodiscard]] const std::string& problem() const { return problem_; }

 private:
  struct Database;
  explicit FileTier(std::unique_ptr<Database> database);
  bool fail(std::string_view doing);

  std::unique_ptr<Database> database_;
  std::string problem_;
  uint64_t rows_ = 0;
};

}  // namespace zonesweep::cache
