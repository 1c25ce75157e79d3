#include "tools/loopback/registration_files.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <utility>

#include "tools/loopback/http_floods.h"
#include "tools/loopback/rdap_responder.h"
#include "tools/loopback/whois_responder.h"
#include "tools/loopback/whois_text.h"

namespace zonesweep::loopback {
namespace {

using enum RegistrationFault;

// Kinds whose number chooses what happens.
constexpr std::pair<RegistrationFault, uint32_t> kVariants[] = {{wthrottle, kWhoisThrottles},
                                                                {wref, kForbiddenReferrals},
                                                                {wloop, 2},
                                                                {rretry, kOddRetries},
                                                                {rprivate, kForbiddenRedirects},
                                                                {rredirect, 7},
                                                                {rraw, kRawResponses},
                                                                {rframe, kBadFrames},
                                                                {rrst, 14}};

struct FileCloser {
  void operator()(std::FILE* file) const { std::fclose(file); }
};

}  // namespace

std::vector<std::string> registration_zones(uint32_t count) {
  std::vector<std::string> zones;
  for (const char kind : {'w', 'r', 'b'}) {
    for (uint32_t i = 0; i < count; ++i) zones.push_back(fmt::format("{}{}", kind, i));
  }
  for (const std::string_view word : registration_fault_words()) {
    for (uint32_t i = 0; i < limits::kFaultZones; ++i) {
      zones.push_back(fmt::format("f-{}-{}", word, i));
    }
  }
  for (const auto& [fault, variants] : kVariants) {
    for (uint32_t i = 0; i < variants; ++i) {
      zones.push_back(fmt::format("f-{}-{}-0", word_of(fault), i));
    }
  }
  return zones;
}

std::string whois_table(const RegistrationWorld& world, const std::vector<std::string>& zones) {
  std::string out = "# WHOIS servers of the loopback internet: server, zones\n";
  for (const std::string& label : zones) {
    if (!world.zone_of(label).whois) continue;
    out += fmt::format("{}\t{}\n", world.whois_of_zone(label), label);
  }
  return out;
}

std::string rdap_bootstrap(const RegistrationWorld& world, const std::vector<std::string>& zones) {
  std::string services;
  for (const std::string& label : zones) {
    if (!world.zone_of(label).rdap) continue;
    services += fmt::format("{}\n    [[\"{}\"], [\"{}\"]]", services.empty() ? "" : ",", label,
                            world.rdap_of_zone(label));
  }
  return fmt::format(
      "{{\n  \"version\": \"1.0\",\n  \"publication\": \"2026-08-01T00:00:00Z\",\n"
      "  \"description\": \"RDAP servers of the loopback internet\",\n  \"services\": [{}\n  "
      "]\n}}\n",
      services);
}

std::string sample_names(const std::vector<std::string>& zones, uint64_t count) {
  std::vector<std::string_view> ordinary;
  for (const std::string& zone : zones) {
    if (!zone.starts_with("f-")) ordinary.push_back(zone);
  }
  std::string out;
  for (uint64_t i = 0; i < count && !ordinary.empty(); ++i) {
    out += fmt::format("name{}.{}\n", i / ordinary.size(), ordinary[i % ordinary.size()]);
  }
  return out;
}

std::expected<void, std::string> write_text_file(const std::string& path, std::string_view text) {
  const std::unique_ptr<std::FILE, FileCloser> file{std::fopen(path.c_str(), "we")};
  const bool written = file &&
                       std::fwrite(text.data(), 1, text.size(), file.get()) == text.size() &&
                       std::fflush(file.get()) == 0;
  if (!written) return std::unexpected(fmt::format("{}: {}", path, std::strerror(errno)));
  return {};
}

}  // namespace zonesweep::loopback
