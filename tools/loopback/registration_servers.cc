#include "tools/loopback/registration_servers.h"

#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <utility>

#include "tools/loopback/registration_files.h"

namespace zonesweep::loopback {
namespace {

// Thousands of connections at once: as many as the machine allows.
void allow_many_files() {
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) != 0) return;
  files.rlim_cur = files.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &files);
}

}  // namespace

RegistrationServers::RegistrationServers(const World& dns, RegistrationOptions options)
    : options_(std::move(options)),
      world_(dns, options_.ports),
      whois_(options_.whois_per_second, options_.counted),
      rdap_(options_.rdap_per_second, options_.counted) {}

std::expected<RegistrationPorts, std::string> RegistrationServers::start() {
  allow_many_files();
  const auto whois = whois_.listen(options_.ports.whois);
  if (!whois) return std::unexpected(whois.error());
  const auto rdap = rdap_.listen(options_.ports.rdap);
  if (!rdap) return std::unexpected(rdap.error());
  const auto silent = silent_.open();
  if (!silent) return std::unexpected(silent.error());
  options_.ports = {*whois, *rdap, *silent};
  world_ = RegistrationWorld{world_.dns(), options_.ports};
  if (!options_.folder.empty()) {
    if (auto written = write_files(); !written) return std::unexpected(written.error());
  }
  whois_.start(world_);
  rdap_.start(world_, rdap_bootstrap(world_, registration_zones(options_.zones)));
  return options_.ports;
}

std::expected<void, std::string> RegistrationServers::write_files() const {
  ::mkdir(options_.folder.c_str(), 0777);  // where it fails, so does the first file
  const auto zones = registration_zones(options_.zones);
  const std::pair<std::string_view, std::string> files[] = {
      {"whois-servers.tsv", whois_table(world_, zones)},
      {"dns.json", rdap_bootstrap(world_, zones)},
      {"ca.pem", rdap_.authority_pem()},
      {"names.txt", sample_names(zones, options_.names)},
  };
  for (const auto& [name, text] : files) {
    auto written = write_text_file(fmt::format("{}/{}", options_.folder, name), text);
    if (!written) return written;
  }
  return {};
}

void RegistrationServers::stop() {
  whois_.stop();
  rdap_.stop();
}

std::string RegistrationServers::to_json() const {
  return fmt::format("{{\"whois\":{},\"rdap\":{}}}", whois_.counts().to_json(),
                     rdap_.counts().to_json());
}

}  // namespace zonesweep::loopback
