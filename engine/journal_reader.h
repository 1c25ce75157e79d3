// engine/journal_reader.h - a journal from its beginning, record by record.
//
// Threads:    one at a time. Blocks.
// Invariants: bytes() counts only what has verified; nothing behind the first unsound record is
//             given.
// Ownership:  the file outlives the reader.
// Errors:     std::errc of the reads; unsound bytes are no error but an end.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "engine/done_set.h"
#include "engine/journal.h"
#include "engine/output_error.h"
#include "io/folder.h"

namespace zonesweep::engine {

class JournalReader {
 public:
  // Reads no further than `bytes_max`.
  explicit JournalReader(const io::File& file, uint64_t bytes_max = UINT64_MAX) noexcept
      : file_(file), bytes_max_(bytes_max) {}

  // Before next(). Nothing: there is none.
  [[nodiscard]] io::FileResult<std::optional<JournalHeader>> header();
  [[nodiscard]] io::FileResult<std::optional<JournalRecord>> next();
  [[nodiscard]] uint64_t bytes() const noexcept { return sound_; }

 private:
  // The next `size` bytes, or fewer at the end.
  [[nodiscard]] io::FileResult<std::string_view> peek(size_t size);
  void take(size_t size);

  const io::File& file_;
  uint64_t bytes_max_;
  uint64_t sound_ = 0;
  uint64_t read_ = 0;   // so much of the file is, or was, in buffer_
  std::string buffer_;  // what follows sound_, from used_ on
  size_t used_ = 0;
};

// Adds the rows that the first `bytes` of the journal of an open shard name. A row that is there
// already is damage: the checksums hold, so it is no accident of the disk.
[[nodiscard]] Outcome add_done(const io::File& journal, uint64_t bytes, uint64_t keys_max,
                               const std::string& path, DoneSet& done);

}  // namespace zonesweep::engine
