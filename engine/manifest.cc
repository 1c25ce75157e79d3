#include "engine/manifest.h"

#include <fmt/format.h>
#include <xxhash.h>

#include <charconv>
#include <iterator>

namespace zonesweep::engine {
namespace {

constexpr std::string_view kChecksumKey = ",\"line_xxh3\":\"";

// Reads the one spelling that format() writes; the error sticks.
class LineReader {
 public:
  explicit LineReader(std::string_view text) noexcept : text_(text) {}

  [[nodiscard]] bool ok() const noexcept { return ok_; }

  bool accept(std::string_view word) noexcept {
    if (!ok_ || !text_.starts_with(word)) return false;
    text_.remove_prefix(word.size());
    return true;
  }

  void expect(std::string_view word) noexcept { ok_ = accept(word); }

  uint64_t number(int base = 10) noexcept {
    uint64_t value = 0;
    const char* const end = text_.data() + text_.size();
    const auto [at, error] = std::from_chars(text_.data(), end, value, base);
    ok_ = ok_ && error == std::errc{};
    if (ok_) text_.remove_prefix(static_cast<size_t>(at - text_.data()));
    return value;
  }

  // No word or path of ours needs an escape.
  std::string string() {
    expect("\"");
    const size_t end = text_.find('"');
    ok_ = ok_ && end != std::string_view::npos;
    if (!ok_) return {};
    std::string value(text_.substr(0, end));
    text_.remove_prefix(end + 1);
    return value;
  }

 private:
  std::string_view text_;
  bool ok_ = true;
};

void append_file(const ManifestFile& file, std::string& out) {
  fmt::format_to(std::back_inserter(out),
                 R"({{"table":"{}","path":"{}","rows":{},"bytes":{},"xxh3":"{:016x}","statuses":)",
                 name_of(file.table), file.path, file.rows, file.bytes, file.hash);
  append_json(file.statuses, out);
  out += '}';
}

StatusWords parse_statuses(LineReader& in) {
  StatusWords statuses;
  in.expect("{");
  while (in.ok() && !in.accept("}")) {
    if (!statuses.empty()) in.expect(",");
    const std::string word = in.string();
    in.expect(":");
    statuses[word] = in.number();
  }
  return statuses;
}

ManifestFile parse_file(LineReader& in) {
  ManifestFile file;
  in.expect("{\"table\":");
  const std::string table = in.string();
  file.table = table == name_of(Table::dns) ? Table::dns : Table::registration;
  in.expect(",\"path\":");
  file.path = in.string();
  in.expect(",\"rows\":");
  file.rows = in.number();
  in.expect(",\"bytes\":");
  file.bytes = in.number();
  in.expect(",\"xxh3\":\"");
  file.hash = in.number(16);
  in.expect("\",\"statuses\":");
  file.statuses = parse_statuses(in);
  in.expect("}");
  return file;
}

}  // namespace

void append_json(const StatusWords& statuses, std::string& out) {
  out += '{';
  for (const auto& [word, count] : statuses) {
    if (out.back() != '{') out += ',';
    fmt::format_to(std::back_inserter(out), R"("{}":{})", word, count);
  }
  out += '}';
}

std::string format(const ManifestLine& line) {
  std::string out =
      fmt::format(R"({{"chunk":{},"first_seq":{},"names":{},"input_xxh3":"{:016x}","files":[)",
                  line.chunk, line.first_seq, line.names, line.input_hash);
  for (const ManifestFile& file : line.files) {
    if (out.back() == '}') out += ',';
    append_file(file, out);
  }
  out += ']';
  const uint64_t checksum = XXH3_64bits(out.data(), out.size());
  fmt::format_to(std::back_inserter(out), "{}{:016x}\"}}", kChecksumKey, checksum);
  return out;
}

std::optional<ManifestLine> parse_manifest_line(std::string_view text) {
  LineReader in(text);
  ManifestLine line;
  in.expect("{\"chunk\":");
  line.chunk = in.number();
  in.expect(",\"first_seq\":");
  line.first_seq = in.number();
  in.expect(",\"names\":");
  line.names = in.number();
  in.expect(",\"input_xxh3\":\"");
  line.input_hash = in.number(16);
  in.expect("\",\"files\":[");
  while (in.ok() && !in.accept("]")) {
    if (!line.files.empty()) in.expect(",");
    line.files.push_back(parse_file(in));
  }
  if (!in.ok() || format(line) != text) return {};
  return line;
}

}  // namespace zonesweep::engine
