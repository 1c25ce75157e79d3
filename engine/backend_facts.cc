#include "engine/backend_facts.h"

#include <fmt/format.h>

#include <array>
#include <cassert>
#include <charconv>
#include <string>
#include <vector>

#include "io/endpoint.h"

namespace zonesweep::engine {

namespace data {
extern const std::string_view k_limits_tsv;
}

namespace {

struct Row {
  std::string_view protocol, operators, rate, exchanges, quota, span;
};

// Cuts `text` at the first `separator` and returns what stood before it.
[[nodiscard]] std::string_view cut(std::string_view& text, char separator) noexcept {
  const size_t end = text.find(separator);
  const std::string_view piece = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return piece;
}

[[nodiscard]] const std::vector<Row>& rows() {
  static const std::vector<Row> table = [] {
    std::vector<Row> built;
    for (std::string_view left = data::k_limits_tsv; !left.empty();) {
      std::string_view line = cut(left, '\n');
      if (line.empty() || line.front() == '#') continue;
      Row row;
      for (std::string_view* cell : std::array{&row.protocol, &row.operators, &row.rate,
                                               &row.exchanges, &row.quota, &row.span}) {
        *cell = cut(line, '\t');
        assert(!cell->empty());
      }
      built.push_back(row);
    }
    return built;
  }();
  return table;
}

template <typename Number>
[[nodiscard]] std::optional<Number> number(std::string_view text) noexcept {
  Number value{};
  if (text == "-") return std::nullopt;
  [[maybe_unused]] const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), value);
  assert(error == std::errc{} && end == text.data() + text.size());
  return value;
}

[[nodiscard]] bool is_in(std::string_view host, std::string_view zone) noexcept {
  return host.ends_with(zone) &&
         (host.size() == zone.size() || host[host.size() - zone.size() - 1] == '.');
}

[[nodiscard]] std::string_view operator_of(std::string_view host,
                                           const psl::SuffixList& suffixes) noexcept {
  if (io::Endpoint::parse(host, 1)) return host;
  const std::string_view domain = suffixes.registrable(host, /*private_too=*/true);
  return domain.empty() ? host : domain;
}

}  // namespace

BackendFacts backend_facts(RegistrationSource source, std::string_view host,
                           const psl::SuffixList& suffixes) {
  const std::string_view protocol = name_of(source);
  for (const Row& row : rows()) {
    if (row.protocol != protocol) continue;
    std::string_view operators = row.operators;
    const std::string_view first = operators.substr(0, operators.find(' '));
    while (!operators.empty()) {
      if (!is_in(host, cut(operators, ' '))) continue;
      return {.id = fmt::format("{} {}", protocol, first),
              .rate = number<double>(row.rate),
              .exchanges = number<uint32_t>(row.exchanges),
              .quota = number<uint32_t>(row.quota).value_or(0),
              .quota_span = std::chrono::seconds{number<uint32_t>(row.span).value_or(0)}};
    }
  }
  return {.id = fmt::format("{} {}", protocol, operator_of(host, suffixes))};
}

}  // namespace zonesweep::engine
