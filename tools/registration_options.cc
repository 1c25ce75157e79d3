#include "tools/registration_options.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>

#include "engine/bootstrap_refresh.h"
#include "engine/json_text.h"
#include "protocols/http/url.h"
#include "tools/option_values.h"

namespace zonesweep::tools {
namespace {

using namespace std::chrono_literals;

constexpr size_t kContactBytes = 200;

std::string json_string(std::string_view text) {
  std::string out = "\"";
  engine::append_json_text(text, out);
  return out + '"';
}

void add_limits(CLI::App& command, RegistrationChoice& choice, const std::string& group) {
  auto& lane = choice.setup.lane;
  const CLI::Range rates(0.0, 1e6);
  command
      .add_option("--whois-rate", lane.whois_rate,
                  "questions per second and WHOIS server, where it publishes no limit (default 1; "
                  "0: none)")
      ->check(rates)
      ->group(group);
  command.add_option("--rdap-rate", lane.rdap_rate, "the same for RDAP (default 5; 0: none)")
      ->check(rates)
      ->group(group);
  command
      .add_option("--whois-connections", lane.whois_connections,
                  "at once, to one WHOIS server (default 2)")
      ->check(CLI::Range(uint32_t{1}, engine::limits::kWhoisExchanges))
      ->group(group);
  command
      .add_option("--rdap-connections", lane.rdap_connections,
                  "at once, to one RDAP server (default 1)")
      ->check(CLI::Range(uint32_t{1}, uint32_t{32}))
      ->group(group);
  add_duration(command, "--patience", lane.patience,
               fmt::format("how long names wait for a server that throttles or is silent "
                           "(default {}s)",
                           std::chrono::duration_cast<std::chrono::seconds>(lane.patience).count()))
      ->group(group);
  add_duration(command, "--registration-timeout", choice.timeout,
               "the most that one question to a registry takes (default 20s)")
      ->group(group);
}

void add_tables(CLI::App& command, RegistrationChoice& choice, const std::string& group) {
  auto& files = choice.setup.files;
  command
      .add_option("--rdap-bootstrap", files.bootstrap,
                  "RDAP servers by zone: dns.json of data.iana.org/rdap")
      ->type_name("FILE")
      ->group(group);
  command
      .add_flag(
          "--rdap-refresh", choice.refresh,
          "keep the file of --rdap-bootstrap up to date: ask IANA for a newer one, once a day")
      ->group(group);
  command.add_option("--rdap-refresh-url", choice.setup.refresh_url, "the same from another place")
      ->type_name("URL")
      ->group(group);
  command
      .add_option("--rdap-overrides", files.rdap_overrides,
                  "RDAP servers that IANA does not list: lines URL, tab, zones")
      ->type_name("FILE")
      ->group(group);
  command
      .add_option("--whois-servers", files.whois_servers,
                  "WHOIS servers by zone: lines HOST[:PORT], tab, zones")
      ->type_name("FILE")
      ->group(group);
  command
      .add_option("--iana-server", choice.setup.lane.iana_server,
                  "WHOIS server that knows those of new zones; none: do not ask (default "
                  "whois.iana.org)")
      ->type_name("HOST[:PORT]")
      ->group(group);
  command.add_option("--psl-file", files.suffixes, "public suffix list (default: the system's)")
      ->type_name("FILE")
      ->group(group);
  command
      .add_option("--opt-out", files.opt_out,
                  "domains, one a line: they and names below are not asked about")
      ->type_name("FILE")
      ->group(group);
}

}  // namespace

void add_registration_options(CLI::App& command, RegistrationChoice& choice) {
  const std::string group = "Registration";
  add_limits(command, choice, group);
  add_tables(command, choice, group);
  command
      .add_option("--contact", choice.contact,
                  "e-mail or URL, told to RDAP servers (in User-Agent)")
      ->group(group);
  command
      .add_flag("--registrar", choice.setup.lane.registrar,
                "ask the registrar too, for what the registry does not say")
      ->group(group);
  command.add_flag("--raw", choice.setup.lane.raw, "the answer itself into the row")->group(group);
  command
      .add_option("--ca-file", choice.setup.ca_file,
                  "certificates (PEM) to trust beside the system's")
      ->type_name("FILE")
      ->group(group);
  command
      .add_option("--allow-private", choice.allow_private,
                  "addresses inside that may be connected to; shown in _run.json")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->type_name("CIDR")
      ->group(group);
}

std::string settle(RegistrationChoice& choice) {
  auto& lane = choice.setup.lane;
  const auto printable = [](char c) { return c > ' ' && c < 0x7F && c != '(' && c != ')'; };
  if (choice.contact.size() > kContactBytes || !std::ranges::all_of(choice.contact, printable))
    return "--contact: an e-mail address or URL, without blanks";
  lane.https.user_agent = "zonesweep/" ZONESWEEP_VERSION;
  if (!choice.contact.empty()) lane.https.user_agent += " (" + choice.contact + ")";
  if (choice.timeout < 100ms) return "--registration-timeout: at least 100ms";
  if (lane.patience < 1s) return "--patience: at least 1s";
  auto& setup = choice.setup;
  if (choice.refresh && setup.refresh_url.empty()) setup.refresh_url = engine::kBootstrapUrl;
  if (!setup.refresh_url.empty()) {
    if (setup.files.bootstrap.empty())
      return "--rdap-refresh: name the file to keep with --rdap-bootstrap FILE";
    const auto url = http::parse_url(setup.refresh_url);
    if (!url) return fmt::format("--rdap-refresh: {}", http::name_of(url.error()));
    lane.fence.allow_port(url->port);
  }
  if (lane.iana_server == "none") lane.iana_server.clear();
  if (!lane.iana_server.empty()) {
    const auto iana = whois::server_from_text(lane.iana_server);
    if (!iana) return fmt::format("--iana-server: {}", iana.error());
    lane.fence.allow_port(iana->port);
  }
  for (const std::string& text : choice.allow_private) {
    const auto block = engine::AddressBlock::parse(text);
    if (!block) return fmt::format("--allow-private {}: want an address or CIDR block", text);
    lane.fence.allow(*block);
  }
  lane.whois.total_timeout = lane.https.total_timeout = choice.timeout;
  lane.whois.connect_timeout = lane.https.connect_timeout = lane.whois.first_byte_timeout =
      lane.https.first_byte_timeout = lane.https.handshake_timeout = choice.timeout / 2;
  lane.whois.idle_timeout = lane.https.idle_timeout = choice.timeout / 4;
  return {};
}

std::string configuration_json(const RegistrationChoice& choice) {
  const auto& lane = choice.setup.lane;
  std::string blocks;
  for (const std::string& block : choice.allow_private)
    blocks += (blocks.empty() ? "" : ",") + json_string(block);
  return fmt::format(
      R"({{"probe":"{}","whois_rate":{},"rdap_rate":{},"whois_connections":{},"rdap_connections":{},"patience_s":{},)"
      R"("registrar":{},"user_agent":{},"allow_private":[{}]}})",
      engine::name_of(lane.probe), lane.whois_rate, lane.rdap_rate, lane.whois_connections,
      lane.rdap_connections,
      std::chrono::duration_cast<std::chrono::seconds>(lane.patience).count(), lane.registrar,
      json_string(lane.https.user_agent), blocks);
}

}  // namespace zonesweep::tools
