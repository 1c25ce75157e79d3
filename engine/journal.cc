#include "engine/journal.h"

#include <xxhash.h>

#include <cassert>

namespace zonesweep::engine {
namespace {

constexpr std::string_view kMagic = "ZSWFRMS2";  // the last letter is the version of the layout
constexpr uint32_t kRecordMagic = 0x4d52465a;    // "ZFRM"
constexpr size_t kHashBytes = 8;
constexpr size_t kFixedBytes = 8 + 4 * 8 + 3 * 4;  // magic, size, four u64, three lengths
constexpr size_t kMarkBytes = 2 * 8;

template <typename Integer>
void put(Integer value, std::string& out) {
  for (size_t i = 0; i < sizeof(Integer); ++i) {
    out.push_back(static_cast<char>(value >> (8 * i)));
  }
}

template <typename Integer>
Integer take(std::string_view& bytes) {
  assert(bytes.size() >= sizeof(Integer));
  Integer value = 0;
  for (size_t i = 0; i < sizeof(Integer); ++i) {
    value |= Integer{static_cast<uint8_t>(bytes[i])} << (8 * i);
  }
  bytes.remove_prefix(sizeof(Integer));
  return value;
}

void put_hash(size_t start, std::string& out) {
  put<uint64_t>(XXH3_64bits(out.data() + start, out.size() - start), out);
}

bool hash_holds(std::string_view bytes) {
  std::string_view stored = bytes.substr(bytes.size() - kHashBytes);
  return take<uint64_t>(stored) == XXH3_64bits(bytes.data(), bytes.size() - kHashBytes);
}

std::string format_statuses(const StatusWords& statuses) {
  std::string out;
  for (const auto& [word, count] : statuses) {
    append_varint(word.size(), out);
    out += word;
    append_varint(count, out);
  }
  return out;
}

bool parse_statuses(std::string_view bytes, StatusWords& statuses) {
  while (!bytes.empty()) {
    uint64_t size = 0;
    uint64_t count = 0;
    if (!take_varint(bytes, size) || size > bytes.size()) return false;
    const std::string word(bytes.substr(0, size));
    bytes.remove_prefix(size);
    if (!take_varint(bytes, count)) return false;
    statuses[word] += count;
  }
  return true;
}

}  // namespace

void append_header(const JournalHeader& header, std::string& out) {
  const size_t start = out.size();
  out += kMagic;
  put<uint64_t>(header.chunk, out);
  put<uint64_t>(header.first_seq, out);
  put<uint32_t>(static_cast<uint32_t>(header.table), out);
  put<uint32_t>(header.questions, out);
  put<uint32_t>(static_cast<uint32_t>(header.compression), out);
  out.resize(start + JournalHeader::kBytes - kHashBytes);
  put_hash(start, out);
}

std::optional<JournalHeader> parse_header(std::string_view bytes) {
  if (bytes.size() != JournalHeader::kBytes || !bytes.starts_with(kMagic)) return {};
  if (!hash_holds(bytes)) return {};
  bytes.remove_prefix(kMagic.size());
  JournalHeader header;
  header.chunk = take<uint64_t>(bytes);
  header.first_seq = take<uint64_t>(bytes);
  header.table = static_cast<Table>(take<uint32_t>(bytes));
  header.questions = take<uint32_t>(bytes);
  header.compression = static_cast<Compression>(take<uint32_t>(bytes));
  return header;
}

void append_record(const JournalRecord& record, std::string& out) {
  const size_t start = out.size();
  const std::string statuses = format_statuses(record.statuses);
  put<uint32_t>(kRecordMagic, out);
  put<uint32_t>(static_cast<uint32_t>(kFixedBytes + record.input.size() * kMarkBytes +
                                      statuses.size() + record.done.size() + kHashBytes),
                out);
  put<uint64_t>(record.offset, out);
  put<uint64_t>(record.length, out);
  put<uint64_t>(record.hash, out);
  put<uint64_t>(record.rows, out);
  put<uint32_t>(static_cast<uint32_t>(statuses.size()), out);
  put<uint32_t>(static_cast<uint32_t>(record.done.size()), out);
  put<uint32_t>(static_cast<uint32_t>(record.input.size()), out);
  for (const InputMark& mark : record.input) {
    put<uint64_t>(mark.names, out);
    put<uint64_t>(mark.hash, out);
  }
  out += statuses;
  out += record.done;
  put_hash(start, out);
}

std::optional<uint32_t> record_size(std::string_view prefix) {
  if (prefix.size() < JournalRecord::kPrefixBytes) return {};
  if (take<uint32_t>(prefix) != kRecordMagic) return {};
  const auto size = take<uint32_t>(prefix);
  if (size < kFixedBytes + kHashBytes || size > limits::kJournalRecordBytes) return {};
  return size;
}

std::optional<JournalRecord> parse_record(std::string_view bytes) {
  if (record_size(bytes) != bytes.size() || !hash_holds(bytes)) return {};
  bytes.remove_suffix(kHashBytes);
  bytes.remove_prefix(JournalRecord::kPrefixBytes);
  JournalRecord record;
  record.offset = take<uint64_t>(bytes);
  record.length = take<uint64_t>(bytes);
  record.hash = take<uint64_t>(bytes);
  record.rows = take<uint64_t>(bytes);
  const auto statuses_size = take<uint32_t>(bytes);
  const auto done_size = take<uint32_t>(bytes);
  const auto marks = take<uint32_t>(bytes);
  if (uint64_t{statuses_size} + done_size + uint64_t{marks} * kMarkBytes != bytes.size()) return {};
  record.input.resize(marks);
  for (InputMark& mark : record.input) {
    mark.names = take<uint64_t>(bytes);
    mark.hash = take<uint64_t>(bytes);
  }
  if (!parse_statuses(bytes.substr(0, statuses_size), record.statuses)) return {};
  record.done = bytes.substr(statuses_size);
  return record;
}

}  // namespace zonesweep::engine
