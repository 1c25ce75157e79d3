#include "tools/loopback/registration_hosts.h"

#define XXH_INLINE_ALL
#include <fmt/format.h>
#include <xxhash.h>

#include <charconv>

namespace zonesweep::loopback {
namespace {

constexpr uint32_t kNet = 127U << 24U;
constexpr uint32_t kOrdinary = 64;
constexpr uint32_t kResetting = 96;
constexpr uint32_t kSpeaking = 97;

std::optional<uint32_t> number_of(std::string_view digits) {
  uint32_t number = 0;
  const auto [end, error] = std::from_chars(digits.begin(), digits.end(), number);
  if (digits.empty() || error != std::errc{} || end != digits.end()) return std::nullopt;
  return number;
}

// "<before><label><after>" with nothing but one label between.
std::optional<std::string_view> label_between(std::string_view name, std::string_view before,
                                              std::string_view after) {
  if (name.size() <= before.size() + after.size() || !name.starts_with(before) ||
      !name.ends_with(after)) {
    return std::nullopt;
  }
  name.remove_prefix(before.size());
  name.remove_suffix(after.size());
  if (name.find('.') != std::string_view::npos) return std::nullopt;
  return name;
}

std::optional<RegistrationHost> registrar_host(std::string_view name, std::string_view before,
                                               uint64_t seed) {
  const auto digits = label_between(name, before, ".test");
  if (!digits) return std::nullopt;
  const auto number = number_of(*digits);
  if (!number || *number >= limits::kRegistrars) return std::nullopt;
  return RegistrationHost{true, registration_address(name, seed)};
}

uint32_t second_octet(std::string_view host, uint64_t hash, uint64_t seed) {
  if (const auto label = label_between(host, "whois.nic.", "")) {
    const RegistrationFault fault = zone_of_label(*label, seed).fault.fault;
    if (fault == RegistrationFault::wreset) return kResetting;
    if (fault == RegistrationFault::wfirst) return kSpeaking;
  }
  return kOrdinary + static_cast<uint32_t>(hash >> 16U & 0x1fU);
}

}  // namespace

RegistrationZone zone_of_label(std::string_view label, uint64_t seed) {
  RegistrationZone zone;
  zone.fault = fault_of_zone(label, zone.number);
  if (zone.fault.any()) {
    zone.whois = true;
    zone.rdap = !zone.fault.of_whois();
    return zone;
  }
  const char kind = label.empty() ? '\0' : label.front();
  const auto number =
      kind == 'w' || kind == 'r' || kind == 'b' ? number_of(label.substr(1)) : std::nullopt;
  if (number) {
    zone.number = *number;
    zone.whois = kind != 'r';
    zone.rdap = kind != 'w';
    return zone;
  }
  const uint64_t hash = XXH3_64bits_withSeed(label.data(), label.size(), seed);
  zone.number = static_cast<uint32_t>(hash & 0xffffU);
  const uint64_t which = hash >> 24U & 3U;
  zone.whois = which != 1;
  zone.rdap = which != 0;
  return zone;
}

std::string whois_host(std::string_view zone) { return fmt::format("whois.nic.{}", zone); }
std::string rdap_host(std::string_view zone) { return fmt::format("rdap.nic.{}", zone); }
std::string registrar_whois_host(uint32_t registrar) {
  return fmt::format("whois.reg{}.test", registrar);
}
std::string registrar_rdap_host(uint32_t registrar) {
  return fmt::format("rdap.reg{}.test", registrar);
}

std::optional<RegistrationHost> registration_host(std::string_view name, uint64_t seed) {
  if (name == kRootWhoisHost || name == kRootDataHost) {
    return RegistrationHost{true, registration_address(name, seed)};
  }
  if (const auto label = label_between(name, "whois.nic.", "")) {
    return RegistrationHost{zone_of_label(*label, seed).whois, registration_address(name, seed)};
  }
  if (const auto label = label_between(name, "rdap.nic.", "")) {
    return RegistrationHost{zone_of_label(*label, seed).rdap, registration_address(name, seed)};
  }
  const auto whois = registrar_host(name, "whois.reg", seed);
  return whois ? whois : registrar_host(name, "rdap.reg", seed);
}

uint32_t registration_address(std::string_view host, uint64_t seed) {
  const uint64_t hash = XXH3_64bits_withSeed(host.data(), host.size(), seed);
  return kNet | second_octet(host, hash, seed) << 16U | static_cast<uint32_t>(hash & 0xffffU);
}

bool resets_at_once(uint32_t address) { return (address >> 16U & 0xffU) == kResetting; }
bool speaks_first(uint32_t address) { return (address >> 16U & 0xffU) == kSpeaking; }

std::string dotted(uint32_t address) {
  return fmt::format("{}.{}.{}.{}", address >> 24U, address >> 16U & 0xffU, address >> 8U & 0xffU,
                     address & 0xffU);
}

}  // namespace zonesweep::loopback
