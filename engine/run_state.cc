#include "engine/run_state.h"

#include <fmt/format.h>
#include <xxhash.h>

#include "engine/layout.h"

namespace zonesweep::engine {
namespace {

constexpr std::string_view kTitle = "zonesweep state 1\n";
constexpr std::string_view kStarted = "started ";
constexpr std::string_view kOption = "option ";
constexpr std::string_view kChecksum = "xxh3 ";

std::string checksum_line(std::string_view text) {
  return fmt::format("{}{:016x}\n", kChecksum, XXH3_64bits(text.data(), text.size()));
}

std::string_view take_line(std::string_view& text) {
  const std::string_view line = text.substr(0, text.find('\n'));
  text.remove_prefix(std::min(text.size(), line.size() + 1));
  return line;
}

void add_option(std::string_view line, std::map<std::string, std::string>& options) {
  const size_t equals = line.find('=');
  if (equals == std::string_view::npos) {
    if (!line.empty()) options[std::string(line)];
    return;
  }
  options[std::string(line.substr(0, equals))] = line.substr(equals + 1);
}

std::string value_or_none(const std::map<std::string, std::string>& options,
                          const std::string& key) {
  const auto found = options.find(key);
  return found == options.end() ? "not given" : "'" + found->second + "'";
}

}  // namespace

std::map<std::string, std::string> options_that_change_rows(const OutputOptions& options) {
  std::map<std::string, std::string> all;
  std::string_view text = options.fingerprint;
  while (!text.empty()) add_option(take_line(text), all);
  all["compress"] = name_of(options.compression);
  all["rows-per-shard"] = std::to_string(options.rows_per_shard);
  all["ordered"] = options.ordered ? "yes" : "no";
  all["split"] = fmt::format("{}/{}", options.split_index, options.split_count);
  all["rows-per-name"] = std::to_string(options.questions);
  return all;
}

std::string format(const RunState& state) {
  std::string out(kTitle);
  out += fmt::format("{}{}\n", kStarted, state.started);
  for (const auto& [key, value] : state.options) {
    out += fmt::format("{}{}={}\n", kOption, key, value);
  }
  return out + checksum_line(out);
}

std::optional<RunState> parse_run_state(std::string_view text) {
  const size_t checksum = text.rfind(kChecksum);
  if (checksum == std::string_view::npos) return {};
  if (checksum_line(text.substr(0, checksum)) != text.substr(checksum)) return {};
  if (!text.starts_with(kTitle)) return {};
  text = text.substr(kTitle.size(), checksum - kTitle.size());
  RunState state;
  while (!text.empty()) {
    const std::string_view line = take_line(text);
    if (line.starts_with(kStarted)) state.started = line.substr(kStarted.size());
    if (line.starts_with(kOption)) add_option(line.substr(kOption.size()), state.options);
  }
  return state;
}

std::optional<std::string> difference(const std::map<std::string, std::string>& stored,
                                      const std::map<std::string, std::string>& given,
                                      std::string_view but) {
  std::map<std::string, std::string> all = stored;
  all.insert(given.begin(), given.end());
  for (const auto& [key, unused] : all) {
    if (key == but) continue;
    const std::string before = value_or_none(stored, key);
    const std::string now = value_or_none(given, key);
    if (before != now) return fmt::format("{} is {} in the folder and {} now", key, before, now);
  }
  return {};
}

}  // namespace zonesweep::engine
