// engine/journal.h - the file beside an open shard that says which frames it has and which rows
// they hold. docs/design/resume.md says why it exists and gives the layout.
//
// Threads:    value types.
// Invariants: every record ends in its own XXH3-64, so that a torn or damaged one is never
//             believed.
// Units:      integers are little-endian on disk.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/frame.h"
#include "engine/input_marks.h"

namespace zonesweep::engine {

struct JournalHeader {
  static constexpr size_t kBytes = 64;
  uint64_t chunk = 0;
  uint64_t first_seq = 0;
  Table table = Table::dns;
  uint32_t questions = 1;
  Compression compression = Compression::zstd;
  friend bool operator==(const JournalHeader&, const JournalHeader&) = default;
};

struct JournalRecord {
  static constexpr size_t kPrefixBytes = 8;  // enough for record_size()
  uint64_t offset = 0;                       // of the frame in the shard
  uint64_t length = 0;
  uint64_t hash = 0;  // XXH3-64 of the frame
  uint64_t rows = 0;
  // Read of the chunk's input when the frame was written; before it, places passed since the
  // record before.
  std::vector<InputMark> input;
  StatusWords statuses;
  std::string done;  // a DoneList
};

namespace limits {
inline constexpr uint32_t kJournalRecordBytes = 64 << 20;  // far above what a block's rows need
}  // namespace limits

void append_header(const JournalHeader& header, std::string& out);
[[nodiscard]] std::optional<JournalHeader> parse_header(std::string_view bytes);

void append_record(const JournalRecord& record, std::string& out);
// The size of the record that begins so; nothing if no record does.
[[nodiscard]] std::optional<uint32_t> record_size(std::string_view prefix);
[[nodiscard]] std::optional<JournalRecord> parse_record(std::string_view bytes);  // exactly one

}  // namespace zonesweep::engine
