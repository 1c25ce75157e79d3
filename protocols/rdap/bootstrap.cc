#include "protocols/rdap/bootstrap.h"

#include <algorithm>
#include <functional>
#include <unordered_map>
#include <utility>
#include <vector>

#include "protocols/rdap/json.h"

namespace zonesweep::rdap {
namespace data {
extern const std::string_view k_bootstrap_tsv;
}
namespace {

constexpr std::string_view kZoneMark = "{zone}";
constexpr std::string_view kScheme = "https://";

struct TextHash {
  using is_transparent = void;
  size_t operator()(std::string_view text) const noexcept {
    return std::hash<std::string_view>{}(text);
  }
};

[[nodiscard]] char lower_of(char c) noexcept {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}

// Takes what stands before the separator off the front.
[[nodiscard]] std::string_view cut(std::string_view& text, char separator) noexcept {
  const size_t end = std::min(text.find(separator), text.size());
  const std::string_view piece = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return piece;
}

[[nodiscard]] bool is_zone(std::string_view zone) noexcept {
  return !zone.empty() && zone.size() <= 253 && zone.front() != '.' && zone.back() != '.' &&
         std::ranges::all_of(zone, [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
                  c == '_';
         });
}

}  // namespace

struct Bootstrap::Table {
  std::unordered_map<std::string, std::string, TextHash, std::equal_to<>> bases;
};

Bootstrap::~Bootstrap() = default;
Bootstrap::Bootstrap(Bootstrap&&) noexcept = default;
Bootstrap& Bootstrap::operator=(Bootstrap&&) noexcept = default;

Bootstrap::Bootstrap() : table_(std::make_unique<Table>()) {
  for (std::string_view rows = data::k_bootstrap_tsv; !rows.empty();) {
    std::string_view row = cut(rows, '\n');
    if (row.empty() || row.front() == '#') continue;
    const std::string_view pattern = cut(row, '\t');
    while (!row.empty()) {
      const std::string_view zone = cut(row, ' ');
      std::string url{pattern};
      if (const size_t mark = url.find(kZoneMark); mark != std::string::npos) {
        url.replace(mark, kZoneMark.size(), zone);
      }
      (void)set(zone, url);
    }
  }
}

std::string_view name_of(BootstrapError error) noexcept {
  switch (error) {
    case BootstrapError::too_large: return "too_large";
    case BootstrapError::not_json: return "not_json";
    case BootstrapError::not_a_bootstrap: return "not_a_bootstrap";
    case BootstrapError::nothing_usable: return "nothing_usable";
  }
  return "not_json";
}

bool is_usable_base(std::string_view url) noexcept {
  if (!url.starts_with(kScheme) || url.size() > 1024) return false;
  const std::string_view rest = url.substr(kScheme.size());
  const std::string_view host = rest.substr(0, rest.find('/'));
  if (host.empty() || host.find('@') != std::string_view::npos) return false;
  return std::ranges::all_of(rest, [](char c) {
    return c > ' ' && c < 0x7F && c != '?' && c != '#' && c != '\\' && c != '"' && c != '<' &&
           c != '>';
  });
}

bool Bootstrap::set(std::string_view zone, std::string_view url) {
  std::string folded{zone};
  std::ranges::transform(folded, folded.begin(), lower_of);
  if (!is_zone(folded) || !is_usable_base(url)) return false;
  std::string base{url};
  if (base.back() != '/') base += '/';
  table_->bases.insert_or_assign(std::move(folded), std::move(base));
  return true;
}

namespace {

// One service: [[zones...], [URLs...]].
struct Service {
  std::vector<std::string> zones;
  std::string url;  // the first usable one
};

[[nodiscard]] bool read_service(const Value& element, Service& service) {
  Array parts;
  if (element.get_array().get(parts) != simdjson::SUCCESS || parts.size() < 2) return false;
  const Value zones = parts.at(parts.size() - 2).value_unsafe();
  const Value urls = parts.at(parts.size() - 1).value_unsafe();
  if (!zones.is_array() || !urls.is_array()) return false;
  each(zones, [&](const Value& zone) {
    service.zones.emplace_back(text_of(zone));
    return true;
  });
  each(urls, [&](const Value& url) {
    if (service.url.empty() && is_usable_base(text_of(url))) service.url = text_of(url);
    return true;
  });
  return true;
}

}  // namespace

std::expected<BootstrapLoad, BootstrapError> Bootstrap::load(std::string_view json) {
  if (json.size() > limits::kBootstrapBytes) return std::unexpected(BootstrapError::too_large);
  simdjson::dom::parser parser;
  Object root;
  const simdjson::padded_string padded{json};
  if (parser.parse(padded).get_object().get(root) != simdjson::SUCCESS) {
    return std::unexpected(BootstrapError::not_json);
  }
  Value services;
  if (!find(root, "services", services) || !services.is_array()) {
    return std::unexpected(BootstrapError::not_a_bootstrap);
  }
  BootstrapLoad load{.publication = std::string{text_member(root, "publication")}};
  std::vector<Service> read;
  const bool shaped = each(services, [&](const Value& element) {
    Service service;
    if (!read_service(element, service)) return false;
    read.push_back(std::move(service));
    return read.size() <= limits::kBootstrapZones;
  });
  if (!shaped) return std::unexpected(BootstrapError::not_a_bootstrap);
  Table before = *table_;  // a file that fails changes nothing
  for (const Service& service : read) {
    for (const std::string& zone : service.zones) {
      ++(set(zone, service.url) ? load.zones : load.refused);
    }
  }
  if (load.zones != 0 && load.zones <= limits::kBootstrapZones) return load;
  *table_ = std::move(before);
  return std::unexpected(BootstrapError::nothing_usable);
}

Base Bootstrap::base_for(std::string_view name) const noexcept {
  for (std::string_view zone = name;;) {
    if (const auto row = table_->bases.find(zone); row != table_->bases.end())
      return {row->second, zone};
    const size_t dot = zone.find('.');
    if (dot == std::string_view::npos) return {};
    zone.remove_prefix(dot + 1);
  }
}

void append_domain_url(std::string_view base, std::string_view name, std::string& out) {
  out.append(base).append("domain/").append(name);
}

}  // namespace zonesweep::rdap
