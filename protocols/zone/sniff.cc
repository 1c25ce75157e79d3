#include "protocols/zone/sniff.h"

#include <algorithm>
#include <array>

#include "protocols/zone/decompress.h"
#include "protocols/zone/idna.h"
#include "protocols/zone/words.h"

namespace zonesweep::zone {
namespace {

constexpr size_t kSampleLines = 10;
constexpr std::string_view kBlanks = " \t\r\f\v";

struct Magic {
  std::string_view bytes;
  std::string_view message;
};
using namespace std::string_view_literals;
constexpr auto kMagics = std::to_array<Magic>({
    {"\xff\xfe"sv, "UTF-16 text; convert it first: iconv -f UTF-16 -t UTF-8"},
    {"\xfe\xff"sv, "UTF-16 text; convert it first: iconv -f UTF-16 -t UTF-8"},
    {"BZh"sv, "bzip2 data; pipe it: bzcat FILE | zonesweep scan -"},
    {"\xfd"
     "7zXZ"sv,
     "xz data; pipe it: xzcat FILE | zonesweep scan -"},
    {"PK\x03\x04"sv, "a zip archive; pipe the file in it: unzip -p FILE | zonesweep scan -"},
    {"7z\xbc\xaf"sv, "a 7-Zip archive; unpack it first"},
    {"PAR1"sv, "a Parquet file; export the column as CSV first"},
    {"\x7f"
     "ELF"sv,
     "a program, not a list of names"},
    {"%PDF"sv, "a PDF document, not a list of names"},
    {"SQLite format 3"sv, "an SQLite database; export the column as CSV first"},
});

// One byte in ten that no text has. A list may hold a stray NUL or Latin-1 letter: those rows are
// illegal, the rest is read.
bool is_binary(std::string_view text) {
  size_t odd = 0;
  const size_t size = text.size();
  while (!text.empty()) {
    const size_t sequence = utf8_sequence(text);
    const auto byte = static_cast<unsigned char>(text[0]);
    const bool control = byte < 0x20 && kBlanks.find(text[0]) == kBlanks.npos && byte != '\n';
    odd += sequence == 0 || control || byte == 0x7f;
    text.remove_prefix(std::max<size_t>(sequence, 1));
  }
  return odd * 10 > size;
}

std::string_view without_mark(std::string_view text) {
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  return text;
}

// Hands out the lines that count: neither blank nor `#`. A last line without its end counts only if
// `whole`.
class Lines {
 public:
  Lines(std::string_view text, bool whole) : text_(without_mark(text)), whole_(whole) {}

  bool next(std::string_view& line) {
    while (!text_.empty()) {
      const size_t end = text_.find('\n');
      if (end == text_.npos && !whole_) return false;
      line = text_.substr(0, end);
      text_.remove_prefix(end == text_.npos ? text_.size() : end + 1);
      const size_t first = line.find_first_not_of(kBlanks);
      if (first != line.npos && line[first] != '#') return true;
    }
    return false;
  }

 private:
  std::string_view text_;
  bool whole_;
};

std::string_view next_token(std::string_view& line) {
  const size_t from = std::min(line.find_first_not_of(kBlanks), line.size());
  const size_t to = std::min(line.find_first_of(kBlanks, from), line.size());
  const std::string_view token = line.substr(from, to - from);
  line.remove_prefix(to);
  return token;
}

bool is_directive(std::string_view line) {
  const std::string_view word = next_token(line);
  return equal_words(word, "$origin") || equal_words(word, "$ttl") ||
         equal_words(word, "$include") || equal_words(word, "$generate");
}

// owner [TTL] [class] type data, the two in the middle in either order.
bool is_record(std::string_view line) {
  if (kBlanks.find(line[0]) == kBlanks.npos) next_token(line);
  std::string_view token = next_token(line);
  for (int i = 0; i < 2 && (time_of(token) || class_word(token) != ClassWord::none); ++i)
    token = next_token(line);
  return type_word(token) != TypeWord::none && !next_token(line).empty();
}

// One of the cells says that it is above names.
bool has_name_header(std::string_view line, char separator) noexcept {
  while (true) {
    const size_t end = std::min(line.find(separator), line.size());
    std::string_view cell = line.substr(0, end);
    const std::string_view word = next_token(cell);
    if (next_token(cell).empty() && is_name_header(word)) return true;
    if (end == line.size()) return false;
    line.remove_prefix(end + 1);
  }
}

}  // namespace

bool is_name_header(std::string_view cell) noexcept {
  constexpr std::array<std::string_view, 5> headers{"domain", "name", "host", "hostname", "fqdn"};
  return std::ranges::any_of(headers, [&](auto header) { return equal_words(cell, header); });
}

char separator_of(std::string_view front, bool whole) noexcept {
  for (const char separator : {',', '\t', ';'}) {
    Lines lines(front, whole);
    std::string_view line;
    if (!lines.next(line) || line.find(separator) == line.npos) continue;
    if (has_name_header(line, separator)) return separator;
    size_t with = 1;
    size_t seen = 1;
    for (; seen < kSampleLines && lines.next(line); ++seen)
      with += line.find(separator) != line.npos;
    if (with * 2 > seen) return separator;
  }
  return 0;
}

bool can_judge(std::string_view front) noexcept {
  std::string_view line;
  return Lines(front, false).next(line);
}

std::expected<Format, std::string_view> format_of(std::string_view front, bool whole) {
  for (const Magic& magic : kMagics) {
    if (front.starts_with(magic.bytes)) return std::unexpected(magic.message);
  }
  constexpr size_t tar_magic_at = 257;
  if (front.size() > tar_magic_at + 5 && front.substr(tar_magic_at, 5) == "ustar") {
    return std::unexpected(
        "a tar archive; pipe the file in it: tar -xOf FILE NAME | zonesweep scan -");
  }
  if (compression_of(front) != Compression::none)
    return std::unexpected("compressed twice; unpack it once first");
  if (is_binary(front)) return std::unexpected("binary data, not a list of names");

  std::string_view line;
  if (!Lines(front, whole).next(line)) return Format::list;
  const char first = line[line.find_first_not_of(kBlanks)];
  if (first == ';' || is_directive(line) || is_record(line)) return Format::zone;
  if (first == '"' || has_name_header(line, ',') || separator_of(front, whole) != 0)
    return Format::csv;
  return Format::list;
}

}  // namespace zonesweep::zone
