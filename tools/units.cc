#include "tools/units.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <fstream>

#include "engine/json_text.h"
#include "protocols/dns/types.h"

namespace zonesweep::tools {
namespace {

constexpr size_t kResolverLineBytes = 4'096;
constexpr size_t kResolversMax = 4'096;
constexpr uint16_t kDnsPort = 53;

std::string_view trimmed(std::string_view text) {
  const auto blank = [](char c) { return c == ' ' || c == '\t' || c == '\r'; };
  while (!text.empty() && blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && blank(text.back())) text.remove_suffix(1);
  return text;
}

bool add(std::vector<io::Endpoint>& all, const io::Endpoint& endpoint) {
  if (std::ranges::find(all, endpoint) == all.end()) all.push_back(endpoint);
  return all.size() <= kResolversMax;
}

std::expected<void, std::string> read_resolvers(const std::string& path,
                                                std::vector<io::Endpoint>& all) {
  struct stat status {};
  if (stat(path.c_str(), &status) != 0) {
    return std::unexpected(
        fmt::format("--resolver {}: neither an address nor a file", printable(path)));
  }
  if (!S_ISREG(status.st_mode) && !S_ISFIFO(status.st_mode) && !S_ISCHR(status.st_mode)) {
    return std::unexpected(
        fmt::format("--resolver {}: not a file with one address a line", printable(path)));
  }
  std::ifstream file(path);
  std::string line;
  for (uint64_t number = 1; std::getline(file, line); ++number) {
    const std::string_view text = trimmed(std::string_view(line).substr(0, line.find('#')));
    if (text.empty()) continue;
    const auto endpoint =
        text.size() <= kResolverLineBytes ? io::Endpoint::parse(text, kDnsPort) : std::nullopt;
    if (!endpoint || endpoint->port == 0) {
      return std::unexpected(fmt::format("{}:{}: not an address: {}", printable(path), number,
                                         printable(text.substr(0, 80))));
    }
    if (!add(all, *endpoint))
      return std::unexpected(fmt::format("more than {} resolvers", kResolversMax));
  }
  return {};
}

}  // namespace

std::expected<io::Duration, std::string> parse_duration(std::string_view text) {
  if (text == "0") return io::Duration::zero();
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const std::string_view unit(end, static_cast<size_t>(text.data() + text.size() - end));
  double scale = 0;
  if (unit == "us") scale = 1e3;
  if (unit == "ms") scale = 1e6;
  if (unit == "s") scale = 1e9;
  if (unit == "m") scale = 60e9;
  if (unit == "h") scale = 3600e9;
  constexpr double kMost = 3600e9 * 24 * 365;
  if (error != std::errc{} || scale == 0 || !(value >= 0) || value * scale > kMost) {
    return std::unexpected(fmt::format(
        "'{}' is not a time: write it with its unit, as 500ms, 2s or 5m", printable(text)));
  }
  return io::Duration{static_cast<int64_t>(value * scale)};
}

std::expected<size_t, std::string> parse_size(std::string_view text) {
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const std::string_view unit(end, static_cast<size_t>(text.data() + text.size() - end));
  constexpr std::array<std::pair<std::string_view, uint32_t>, 5> kUnits{
      {{"B", 0}, {"KiB", 10}, {"MiB", 20}, {"GiB", 30}, {"TiB", 40}}};
  const auto known = std::ranges::find(kUnits, unit, &std::pair<std::string_view, uint32_t>::first);
  if (error != std::errc{} || known == kUnits.end() || value > (SIZE_MAX >> known->second))
    return std::unexpected(fmt::format("'{}' is no size: 64MiB, 1GiB, ...", printable(text)));
  return value << known->second;
}

std::expected<Split, std::string> parse_split(std::string_view text) {
  Split split;
  const size_t slash = text.find('/');
  const char* end = text.data() + text.size();
  if (slash != std::string_view::npos) {
    const auto first = std::from_chars(text.data(), text.data() + slash, split.index);
    const auto second = std::from_chars(text.data() + slash + 1, end, split.count);
    const bool whole = first.ptr == text.data() + slash && second.ptr == end;
    if (whole && first.ec == std::errc{} && second.ec == std::errc{} && split.index < split.count)
      return split;
  }
  return std::unexpected(
      fmt::format("--split '{}': write I/N with I from 0 to N-1, as 0/4", printable(text)));
}

std::expected<std::vector<uint16_t>, std::string> parse_types(
    const std::vector<std::string>& texts) {
  std::vector<uint16_t> types;
  for (const std::string& text : texts) {
    for (size_t at = 0; at <= text.size();) {
      const size_t comma = std::min(text.find(',', at), text.size());
      const std::string_view word = trimmed(std::string_view(text).substr(at, comma - at));
      const auto type = dns::type_from_text(word);
      if (!type || !dns::is_question_type(*type)) {
        return std::unexpected(
            fmt::format("unknown type '{}': use names as A, MX, HTTPS, or TYPE65 for any number",
                        printable(word)));
      }
      if (std::ranges::find(types, *type) == types.end()) types.push_back(*type);
      at = comma + 1;
    }
  }
  return types;
}

std::expected<std::vector<io::Endpoint>, std::string> parse_resolvers(
    const std::vector<std::string>& texts) {
  std::vector<io::Endpoint> all;
  for (const std::string& text : texts) {
    if (text == "system") {
      for (const io::Endpoint& endpoint : system_resolvers()) add(all, endpoint);
      continue;
    }
    const auto endpoint = io::Endpoint::parse(text, kDnsPort);
    if (endpoint && endpoint->port != 0) {
      add(all, *endpoint);
    } else if (auto read = read_resolvers(text, all); !read) {
      return std::unexpected(read.error());
    }
  }
  if (all.empty()) return std::unexpected(std::string("--resolver: no address in it"));
  return all;
}

std::vector<io::Endpoint> system_resolvers(const std::string& path) {
  constexpr std::string_view kWord = "nameserver";
  std::vector<io::Endpoint> all;
  std::ifstream file(path);
  std::string line;
  while (std::getline(file, line)) {
    const std::string_view text = trimmed(line);
    if (!text.starts_with(kWord)) continue;
    const auto endpoint = io::Endpoint::parse(trimmed(text.substr(kWord.size())), kDnsPort);
    if (endpoint) add(all, *endpoint);
  }
  if (all.empty()) all.push_back(*io::Endpoint::parse("127.0.0.1", kDnsPort));
  return all;
}

std::string printable(std::string_view text) {
  std::string escaped, out;
  engine::append_json_text(text, escaped);
  // JSON's own escapes are in nobody's way on a terminal.
  for (size_t i = 0; i < escaped.size(); ++i) {
    const bool bare = escaped[i] == '\\' && i + 1 < escaped.size() &&
                      (escaped[i + 1] == '"' || escaped[i + 1] == '\\');
    out += escaped[i += bare ? 1 : 0];
  }
  return out;
}

std::string without_secrets(std::string_view argument) {
  constexpr std::string_view kMark = "://";
  const size_t mark = argument.find(kMark);
  const size_t at = argument.rfind('@');
  const bool redis =
      argument.substr(0, mark).ends_with("redis") || argument.substr(0, mark).ends_with("rediss");
  if (mark == std::string_view::npos || at == std::string_view::npos || at < mark || !redis)
    return std::string(argument);
  const size_t from = mark + kMark.size();
  return std::string(argument.substr(0, from)) + "***" + std::string(argument.substr(at));
}

}  // namespace zonesweep::tools
