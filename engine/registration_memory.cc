#include "engine/registration_memory.h"

#include <fmt/format.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <charconv>
#include <iterator>

namespace zonesweep::engine {
namespace {

constexpr std::string_view kHead = "zonesweep backends 1\n";
constexpr size_t kSumDigits = 16;

[[nodiscard]] std::string checksum(std::string_view text) {
  return fmt::format("{:016x}", XXH3_64bits(text.data(), text.size()));
}

[[nodiscard]] std::string_view cut(std::string_view& text, char separator) noexcept {
  const size_t end = std::min(text.find(separator), text.size());
  const std::string_view piece = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return piece;
}

[[nodiscard]] int64_t number(std::string_view text) noexcept {
  int64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

[[nodiscard]] Limiter::Trouble trouble_from(int64_t value) noexcept {
  using Trouble = Limiter::Trouble;
  return value == static_cast<int64_t>(Trouble::throttled) ? Trouble::throttled : Trouble::silent;
}

}  // namespace

// One backend a line: id, until, trouble and the quota's moments, with tabs between.
std::string format(const std::vector<BackendMemory>& backends) {
  std::string text{kHead};
  for (const BackendMemory& backend : backends) {
    fmt::format_to(std::back_inserter(text), "{}\t{}\t{}\t{}\n", backend.id, backend.until,
                   static_cast<int>(backend.trouble), fmt::join(backend.quota, ","));
  }
  return text + checksum(text) + '\n';
}

std::vector<BackendMemory> parse_registration_memory(std::string_view text) {
  if (text.size() < kHead.size() + kSumDigits + 1 || !text.starts_with(kHead)) return {};
  std::string_view body = text.substr(0, text.size() - kSumDigits - 1);
  if (text.substr(body.size(), kSumDigits) != checksum(body)) return {};
  body.remove_prefix(kHead.size());
  std::vector<BackendMemory> backends;
  while (!body.empty()) {
    std::string_view line = cut(body, '\n');
    BackendMemory backend;
    backend.id = cut(line, '\t');
    backend.until = number(cut(line, '\t'));
    backend.trouble = trouble_from(number(cut(line, '\t')));
    while (!line.empty()) backend.quota.push_back(number(cut(line, ',')));
    backends.push_back(std::move(backend));
  }
  return backends;
}

}  // namespace zonesweep::engine
