#include "engine/journal_reader.h"

#include <algorithm>

namespace zonesweep::engine {
namespace {

constexpr size_t kReadBytes = 128 * 1024;

}  // namespace

io::FileResult<std::string_view> JournalReader::peek(size_t size) {
  if (buffer_.size() - used_ < size) {
    buffer_.erase(0, used_);
    used_ = 0;
    const size_t before = buffer_.size();
    const uint64_t wanted = std::max(size - before, kReadBytes);
    const auto room = static_cast<size_t>(std::min(wanted, bytes_max_ - read_));
    buffer_.resize(before + room);
    const auto count = file_.read_at(read_, std::span(buffer_).subspan(before));
    if (!count) return std::unexpected(count.error());
    buffer_.resize(before + *count);
    read_ += *count;
  }
  return std::string_view(buffer_).substr(used_, size);
}

void JournalReader::take(size_t size) {
  used_ += size;
  sound_ += size;
}

io::FileResult<std::optional<JournalHeader>> JournalReader::header() {
  const auto bytes = peek(JournalHeader::kBytes);
  if (!bytes) return std::unexpected(bytes.error());
  const auto header = parse_header(*bytes);
  if (header) take(JournalHeader::kBytes);
  return header;
}

io::FileResult<std::optional<JournalRecord>> JournalReader::next() {
  const auto prefix = peek(JournalRecord::kPrefixBytes);
  if (!prefix) return std::unexpected(prefix.error());
  const auto size = record_size(*prefix);
  if (!size) return std::optional<JournalRecord>();
  const auto bytes = peek(*size);
  if (!bytes) return std::unexpected(bytes.error());
  auto record = parse_record(*bytes);
  if (record) take(*size);
  return record;
}

Outcome add_done(const io::File& journal, uint64_t bytes, uint64_t keys_max,
                 const std::string& path, DoneSet& done) {
  JournalReader reader(journal, bytes);
  auto header = reader.header();
  if (!header) return std::unexpected(disk_error("read", path, header.error()));
  while (reader.bytes() < bytes) {
    const auto record = reader.next();
    if (!record) return std::unexpected(disk_error("read", path, record.error()));
    if (!*record) return std::unexpected(damage(path, "its journal has changed"));
    uint64_t rows = 0;
    const bool sound = visit_done_list((*record)->done, [&](uint64_t key) {
      ++rows;
      return key < keys_max && done.insert(key);
    });
    if (sound && rows == (*record)->rows) continue;
    return std::unexpected(damage(path,
                                  "its journal counts a row twice; remove the open shard and "
                                  "its .frames file to have the chunk done again"));
  }
  return {};
}

}  // namespace zonesweep::engine
