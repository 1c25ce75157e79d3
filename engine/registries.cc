#include "engine/registries.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>

#include "io/small_file.h"
#include "protocols/dns/name.h"
#include "protocols/zone/name_text.h"

namespace zonesweep::engine {
namespace {

using Loaded = std::expected<void, std::string>;

// "a-b" and "xn--p1ai", as every registry takes them (RFC 952, RFC 1123 section 2.1).
[[nodiscard]] bool is_host_label(std::string_view label) noexcept {
  const auto right = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
  };
  return !label.empty() && std::ranges::all_of(label, right) && label.front() != '-' &&
         label.back() != '-';
}

[[nodiscard]] bool is_host_name(std::string_view name) noexcept {
  while (true) {
    const size_t dot = name.find('.');
    if (!is_host_label(name.substr(0, dot))) return false;
    if (dot == std::string_view::npos) return true;
    name.remove_prefix(dot + 1);
  }
}

// The lines of a file that hold something, numbered from 1.
[[nodiscard]] Loaded each_line(std::string_view text,
                               const std::function<std::string(std::string_view)>& take) {
  uint32_t number = 0;
  while (!text.empty()) {
    ++number;
    const size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    while (!line.empty() && (line.back() == '\r' || line.back() == ' ')) line.remove_suffix(1);
    if (line.empty() || line.front() == '#') continue;
    if (std::string wrong = take(line); !wrong.empty())
      return std::unexpected(fmt::format("line {}: {}", number, wrong));
  }
  return {};
}

[[nodiscard]] Loaded load_overrides(std::string_view text, rdap::Bootstrap& bootstrap) {
  return each_line(text, [&](std::string_view line) -> std::string {
    const size_t tab = line.find('\t');
    if (tab == std::string_view::npos) return "want URL, a tab, and its zones";
    std::string_view zones = line.substr(tab + 1);
    while (!zones.empty()) {
      const size_t end = std::min(zones.find(' '), zones.size());
      if (end > 0 && !bootstrap.set(zones.substr(0, end), line.substr(0, tab)))
        return "not a usable https URL that ends in '/'";
      zones.remove_prefix(std::min(end + 1, zones.size()));
    }
    return {};
  });
}

[[nodiscard]] Loaded load_opt_out(std::string_view text, TextSet& out) {
  zone::NameReader names;
  std::array<char, zone::limits::kWireName> wire{};
  return each_line(text, [&](std::string_view line) -> std::string {
    const zone::Verdict verdict = names.read(line, wire);
    if (verdict.kind != zone::InputName::Kind::name) return "no domain name";
    std::string name;
    dns::append_lower_name_text(std::as_bytes(std::span{wire}.first(verdict.wire_size)), name,
                                dns::FinalDot::dropped);
    out.insert(std::move(name));
    return {};
  });
}

// Runs `take` on the file's text; errors get the option and the path in front.
template <typename Take>
[[nodiscard]] Loaded with_file(std::string_view option, const std::string& path, size_t limit,
                               Take take) {
  if (path.empty()) return {};
  const auto text = io::read_small_file(path, limit);
  const Loaded loaded = text ? take(*text) : Loaded(std::unexpected(text.error()));
  if (loaded) return {};
  return std::unexpected(fmt::format("{} {}: {}", option, path, loaded.error()));
}

}  // namespace

std::string_view name_of(RegistrationProbe probe) noexcept {
  switch (probe) {
    case RegistrationProbe::registration: return "registration";
    case RegistrationProbe::rdap: return "rdap";
    case RegistrationProbe::whois: return "whois";
  }
  return {};
}

std::optional<RegistrationProbe> registration_probe_from(std::string_view word) noexcept {
  for (const auto probe :
       {RegistrationProbe::registration, RegistrationProbe::rdap, RegistrationProbe::whois}) {
    if (word == name_of(probe)) return probe;
  }
  return std::nullopt;
}

std::expected<Registries, std::string> Registries::load(const RegistryFiles& files) {
  Registries all;
  Loaded loaded = with_file("--rdap-bootstrap", files.bootstrap, rdap::limits::kBootstrapBytes,
                            [&](const std::string& text) -> Loaded {
                              const auto took = all.bootstrap_.load(text);
                              if (!took)
                                return std::unexpected(std::string{rdap::name_of(took.error())});
                              return {};
                            });
  if (loaded) {
    loaded =
        with_file("--rdap-overrides", files.rdap_overrides, rdap::limits::kBootstrapBytes,
                  [&](const std::string& text) { return load_overrides(text, all.bootstrap_); });
  }
  if (loaded) {
    loaded = with_file("--whois-servers", files.whois_servers, whois::limits::kServerFileBytes,
                       [&](const std::string& text) -> Loaded {
                         const auto took = all.servers_.load(text);
                         if (took) return {};
                         return std::unexpected(
                             fmt::format("line {}: {}", took.error().number, took.error().reason));
                       });
  }
  if (loaded) {
    loaded = with_file("--psl-file", files.suffixes, limits::kSuffixFileBytes,
                       [&](const std::string& text) -> Loaded {
                         auto list = psl::SuffixList::from_text(text);
                         if (!list) return std::unexpected("not a public suffix list");
                         all.suffixes_ = std::move(*list);
                         return {};
                       });
  }
  if (loaded) {
    loaded = with_file("--opt-out", files.opt_out, limits::kOptOutFileBytes,
                       [&](const std::string& text) { return load_opt_out(text, all.opt_out_); });
  }
  if (!loaded) return std::unexpected(loaded.error());
  return all;
}

bool Registries::opted_out(std::string_view name) const {
  if (opt_out_.empty()) return false;
  while (true) {
    if (opt_out_.contains(name)) return true;
    const size_t dot = name.find('.');
    if (dot == std::string_view::npos) return false;
    name.remove_prefix(dot + 1);
  }
}

RegistrationPlan Registries::plan(std::string_view name) const {
  const std::string_view domain = suffixes_.registrable(name);
  if (domain.empty()) {
    return {.refusal = "no registrable domain: a public suffix",
            .status = RegistrationStatus::illegal_input};
  }
  if (!is_host_name(domain))
    return {.refusal = "not a host name", .status = RegistrationStatus::illegal_input};
  if (opted_out(name) || opted_out(domain))
    return {.refusal = "opted out", .status = RegistrationStatus::cancelled};
  return {.domain = domain, .suffix = domain.substr(domain.find('.') + 1)};
}

}  // namespace zonesweep::engine
