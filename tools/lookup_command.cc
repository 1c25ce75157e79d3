#include "tools/lookup_command.h"

#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdlib>

#include "engine/resolver_check.h"
#include "engine/scan.h"
#include "io/tls.h"
#include "io/uring_transport.h"
#include "protocols/zone/name_text.h"
#include "tools/lookup_view.h"
#include "tools/option_values.h"
#include "tools/say.h"

namespace zonesweep::tools {
namespace {

using Failure = std::unexpected<engine::ScanError>;
using Result = std::expected<void, engine::ScanError>;

Failure failure(int code, std::string message) {
  return Failure{engine::ScanError{code, std::move(message)}};
}

std::expected<std::unique_ptr<io::UringTransport>, engine::ScanError> open_transport(
    const LookupCommand& options) {
  io::TransportOptions wanted;
  wanted.ring = {.submissions = 256, .completions = 1'024, .buffers = 256};
  wanted.sockets = static_cast<uint32_t>(options.lane_resolvers.size()) * 4 + 64;
  wanted.streams = 256;
  auto transport = io::UringTransport::create(wanted);
  if (!transport)
    return failure(engine::exit_code::kEnvironment, std::move(transport.error().message));
  return std::move(*transport);
}

Result fill(engine::NameQueue& queue, const std::vector<std::string>& names) {
  auto batch = queue.fresh();
  zone::NameReader reader;
  zone::Counts counts;
  zone::Output out{.block = batch->block, .limit = names.size(), .seq = 0};
  for (const std::string& name : names) {
    if (name.size() > zone::limits::kLineBytes)
      return failure(engine::exit_code::kUsage, "a name is longer than a line may be");
    reader.append(name, out, counts);
  }
  (void)queue.push(std::move(batch));
  queue.close();
  return {};
}

Result ask_dns(LookupCommand& options, LookupView& view) {
  auto transport = open_transport(options);
  if (!transport) return Failure{transport.error()};
  engine::NameQueue queue;
  if (auto filled = fill(queue, options.names); !filled) return filled;
  DnsView writer(view);
  options.lane.outage_patience = {};  // somebody is waiting
  options.lane.window = static_cast<uint32_t>(options.names.size());
  const std::atomic<engine::StopLevel> stop = engine::StopLevel::run;
  auto lane = engine::DnsLane::create(**transport, queue, writer, options.lane_resolvers,
                                      options.lane, stop);
  if (!lane) {
    return failure(engine::exit_code::kEnvironment,
                   fmt::format("no socket for the resolvers: {}", io::name_of(lane.error())));
  }
  (*lane)->run();
  return {};
}

Result ask_registration(LookupCommand& options, LookupView& view) {
  engine::RegistrationSetup& setup = options.registration.setup;
  const auto tls = io::TlsContext::client({.system_store = true, .ca_file = setup.ca_file});
  if (!tls)
    return failure(engine::exit_code::kUsage, fmt::format("--ca-file: {}", name_of(tls.error())));
  if (const std::string why = refresh_files(setup, options.lane_resolvers, **tls); !why.empty())
    say(stderr, "zonesweep: {}\n", printable(why));
  const auto registries = engine::Registries::load(setup.files);
  if (!registries) return failure(engine::exit_code::kUsage, registries.error());
  auto transport = open_transport(options);
  if (!transport) return Failure{transport.error()};
  engine::NameQueue queue;
  if (auto filled = fill(queue, options.names); !filled) return filled;
  RegistrationView writer(view);
  engine::Parking parking;
  const std::atomic<engine::StopLevel> stop = engine::StopLevel::run;
  auto lane = engine::RegistrationLane::create(**transport, queue, writer, parking, *registries,
                                               **tls, options.lane_resolvers, setup.lane, stop);
  if (!lane) {
    return failure(engine::exit_code::kEnvironment,
                   fmt::format("no socket for the resolvers: {}", io::name_of(lane.error())));
  }
  (*lane)->run();
  return {};
}

// Which probes are asked; an empty string: all is well.
std::string settle_probes(LookupCommand& options) {
  if (options.probes.empty()) options.probes = {"dns", "registration"};
  for (const std::string& word : options.probes) {
    if (word == "dns") {
      options.asks_dns = true;
    } else if (const auto probe = engine::registration_probe_from(word)) {
      options.asks_registration = true;
      options.registration.setup.lane.probe = *probe;
    } else {
      return fmt::format("--probe: {} is none of dns, registration, rdap, whois", word);
    }
  }
  return settle(options.registration);
}

// An empty string: all is well.
std::string settle(LookupCommand& options) {
  if (std::string wrong = settle_probes(options); !wrong.empty()) return wrong;
  if (options.types.empty()) options.types = {"A", "AAAA", "MX", "NS"};
  auto types = parse_types(options.types);
  if (!types) return types.error();
  if (types->size() > engine::limits::kQuestionsPerName) return "--type: too many types at once";
  options.lane.types = std::move(*types);
  auto resolvers = parse_resolvers(options.resolvers);
  if (!resolvers) return resolvers.error();
  options.lane_resolvers = std::move(*resolvers);
  return {};
}

int fail(const engine::ScanError& error) {
  say(stderr, "zonesweep: {}\n", printable(error.message));
  return error.exit_code;
}

}  // namespace

void add_options(CLI::App& command, LookupCommand& options) {
  command.add_option("NAME", options.names, "names, or addresses for their PTR")->required();
  command
      .add_option("--probe", options.probes,
                  "what to ask: dns, and one of registration, rdap, whois (default "
                  "dns,registration)")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->type_name("PROBE");
  command.add_option("-t,--type", options.types, "DNS types (default A,AAAA,MX,NS)")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->type_name("TYPE");
  command
      .add_option("-r,--resolver", options.resolvers,
                  "ADDR[:PORT] or a file (default: the system's)")
      ->allow_extra_args(false)
      ->type_name("ADDR");
  command.add_option("--tries", options.lane.tries, "per question")
      ->check(CLI::Range(uint32_t{1}, engine::limits::kTriesMax));
  add_duration(command, "--timeout", options.lane.timeout,
               "the most that one try waits (default 2s)");
  command.add_flag("--dnssec", options.lane.dnssec_ok, "ask for signatures too (DO)");
  command.add_flag("!--no-recursion", options.lane.recursion_desired,
                   "do not ask for recursion (RD off)");
  command.add_flag("--json", options.json, "rows as `scan` writes them");
  command.add_option("--color", options.color, "auto, always or never")
      ->check(CLI::IsMember({"auto", "always", "never"}));
  options.registration.setup.lane.patience = std::chrono::seconds{10};  // somebody is waiting
  add_registration_options(command, options.registration);
}

int run_lookup(LookupCommand options) {
  using namespace engine::exit_code;
  if (const std::string wrong = settle(options); !wrong.empty()) return fail({kUsage, wrong});
  const bool terminal = isatty(STDOUT_FILENO) && std::getenv("NO_COLOR") == nullptr;
  const bool both = options.asks_dns && options.asks_registration;
  LookupView view(options.json, both ? engine::RowsSay::table : engine::RowsSay::nothing,
                  Paint{options.color == "always" || (options.color == "auto" && terminal)});
  if (options.asks_dns) {
    if (const auto asked = ask_dns(options, view); !asked) return fail(asked.error());
  }
  if (options.asks_registration) {
    if (const auto asked = ask_registration(options, view); !asked) return fail(asked.error());
  }
  view.print();
  return kOk;
}

}  // namespace zonesweep::tools
