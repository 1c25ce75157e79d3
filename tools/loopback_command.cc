#include "tools/loopback_command.h"

#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <optional>
#include <string_view>

#include "tools/loopback/expect.h"
#include "tools/loopback/registration_expect.h"
#include "tools/loopback/registration_files.h"
#include "tools/say.h"

namespace zonesweep::tools {
namespace {

constexpr int kExitUsage = 2;
constexpr int kExitEnvironment = 3;

// A share is given in percent.
CLI::Option* add_percent(CLI::App& command, const std::string& name, double& share,
                         const std::string& text) {
  const auto store = [&share](const double& percent) { share = percent / 100; };
  return command.add_option_function<double>(name, store, text)
      ->check(CLI::Range(0.0, 100.0))
      ->type_name("PERCENT");
}

void add_milliseconds(CLI::App& command, const std::string& name, loopback::Milliseconds& value,
                      const std::string& text) {
  const auto store = [&value](const std::string& given) {
    std::string_view digits = given;
    int64_t unit = 1;
    if (digits.ends_with("ms")) {
      digits.remove_suffix(2);
    } else if (digits.ends_with('s')) {
      digits.remove_suffix(1);
      unit = 1'000;
    }
    int64_t number = 0;
    const auto [end, error] = std::from_chars(digits.begin(), digits.end(), number);
    if (error != std::errc{} || end != digits.end() || number < 0) {
      throw CLI::ValidationError("a duration looks like 50ms or 2s");
    }
    value = loopback::Milliseconds{number * unit};
  };
  command.add_option_function<std::string>(name, store, text)->type_name("TIME");
}

void add_world(CLI::App& command, loopback::WorldOptions& world) {
  const std::string group = "World";
  command
      .add_option("--seed", world.seed,
                  "Seed of the names' data and of chance; 0 is the documented world")
      ->group(group);
  const auto exists = [&world](const std::string& text) {
    world.complete = text == "all";
    if (world.complete) return;
    double percent = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), percent);
    if (error != std::errc{} || end != text.data() + text.size() || percent < 0 || percent > 100) {
      throw CLI::ValidationError("--exists takes a percentage from 0 to 100, or `all`");
    }
    world.exists_percent = percent;
  };
  command
      .add_option_function<std::string>(
          "--exists", exists,
          "Share of names that exist; `all`: every name, with every type and no alias")
      ->type_name("PERCENT|all")
      ->group(group);
}

void add_impairments(CLI::App& command, loopback::Impairments& impairments) {
  const std::string group = "Impairments of every query";
  const auto percent = [&](const std::string& name, double& share, const std::string& text) {
    add_percent(command, name, share, text)->group(group);
  };
  percent("--loss", impairments.loss, "Queries that get lost, and as many of the answers (UDP)");
  percent("--dup", impairments.duplicate, "Answers that come twice (UDP)");
  percent("--reorder", impairments.reorder, "Answers held back by 20 ms");
  percent("--badid", impairments.bad_id, "Answers under a wrong id, and no right one (UDP)");
  percent("--servfail", impairments.servfail, "Queries answered SERVFAIL");
  add_milliseconds(command, "--delay", impairments.delay, "Before every answer");
  add_milliseconds(command, "--jitter", impairments.jitter,
                   "Added to the delay, at random from 0 to this");
  for (CLI::Option* option : {command.get_option("--delay"), command.get_option("--jitter")})
    option->group(group);
  command
      .add_option("--max-qps", impairments.queries_per_second,
                  "Above so many queries a second: silence")
      ->check(CLI::NonNegativeNumber)
      ->group(group);
  command
      .add_option("--refuse-above", impairments.refuse_above,
                  "Above so many queries a second: REFUSED")
      ->check(CLI::NonNegativeNumber)
      ->group(group);
  const auto counted = [&impairments](const std::string& word) {
    impairments.counted =
        word == "window" ? loopback::RateLimit::Mode::window : loopback::RateLimit::Mode::smooth;
  };
  command
      .add_option_function<std::string>("--rate-mode", counted,
                                        "smooth: a token bucket of 50 ms; window: anew each second")
      ->check(CLI::IsMember({"smooth", "window"}))
      ->group(group);
}

void add_registration(CLI::App& command, loopback::RegistrationOptions& registration) {
  const std::string group = "Registration";
  command.add_flag("--registration", registration.on, "Serve WHOIS and RDAP, too")->group(group);
  command
      .add_option_function<std::string>(
          "--registration-files",
          [&registration](const std::string& folder) {
            registration.folder = folder;
            registration.on = true;
          },
          "Write what a client must be told into this folder: whois-servers.tsv, dns.json, ca.pem, "
          "names.txt; serve WHOIS and RDAP")
      ->type_name("DIR")
      ->group(group);
  command
      .add_option("--registration-zones", registration.zones,
                  "Zones of each ordinary kind in the files: w0.., r0.., b0..")
      ->check(CLI::Range(1, 10'000))
      ->capture_default_str()
      ->group(group);
  command.add_option("--registration-names", registration.names, "Names in names.txt")
      ->group(group);
  command.add_option("--whois-port", registration.ports.whois, "Port of WHOIS; 0: any free one")
      ->capture_default_str()
      ->group(group);
  command.add_option("--rdap-port", registration.ports.rdap, "Port of RDAP; 0: any free one")
      ->capture_default_str()
      ->group(group);
  command
      .add_option("--rdap-limit", registration.rdap_per_second,
                  "Above so many requests a second to one server: 429")
      ->check(CLI::NonNegativeNumber)
      ->group(group);
  command
      .add_option("--whois-limit", registration.whois_per_second,
                  "Above so many queries a second to one server: a refusal, in words")
      ->check(CLI::NonNegativeNumber)
      ->group(group);
}

std::expected<std::string, std::string> expected_line(const loopback::World& world,
                                                      const LoopbackOptions& options,
                                                      const std::string& name) {
  const std::string type = options.expect.size() > 1 ? options.expect[1] : "A";
  const auto probe = loopback::probe_from_text(type);
  if (!probe) return loopback::expected_answer(world, name, type);
  return loopback::expected_registration({world, options.registration.ports}, name, *probe);
}

int show_expected(const LoopbackOptions& options) {
  const loopback::World world{options.dns.world};
  const auto show = [&](const std::string& name) {
    const auto text = expected_line(world, options, name);
    if (text) {
      say(stdout, "{}", *text);
    } else {
      say(stderr, "zonesweep loopback: {}\n", text.error());
    }
    return text.has_value();
  };
  if (options.expect[0] != "-") return show(options.expect[0]) ? 0 : kExitUsage;
  for (std::string name; std::getline(std::cin, name);) {
    if (!show(name)) return kExitUsage;
  }
  return 0;
}

void announce(int fd, const std::string& line) {
  const ssize_t written = ::write(fd, line.data(), line.size());
  (void)written;  // nobody listens: the server serves all the same
}

int fail(const std::string& reason) {
  say(stderr, "zonesweep loopback: {}\n", reason);
  return kExitEnvironment;
}

// The counters of DNS, and those of registration as one more member.
int report(const LoopbackOptions& options, std::string counters, const std::string& registration) {
  counters.pop_back();
  counters += fmt::format(",\"registration\":{}}}\n", registration);
  if (options.statistics) {
    std::fflush(stdout);
    announce(STDOUT_FILENO, counters);
  }
  if (options.statistics_path.empty()) return 0;
  const auto written = loopback::write_text_file(options.statistics_path, counters);
  return written ? 0 : fail(written.error());
}

int wait_for_signal(const sigset_t& signals) {
  int signal = 0;
  while (sigwait(&signals, &signal) != 0) {
  }
  return signal;
}

}  // namespace

void add_options(CLI::App& command, LoopbackOptions& options) {
  command.add_option("--listen", options.listen, "Address to serve")->capture_default_str();
  command.add_option("--port", options.port, "Port for UDP and TCP; 0: any free one")
      ->capture_default_str();
  command.add_flag("--tcp,!--no-tcp", options.dns.tcp, "DNS over TCP (on)");
  command.add_option("--lanes", options.dns.lanes, "Threads, each with its own ring and socket")
      ->check(CLI::Range(1, 64))
      ->capture_default_str();
  command.add_flag(
      "--plain,!--joined", [&options](int64_t count) { options.dns.joined = count <= 0; },
      "Receive and send each datagram on its own, as a plain server does");
  command.add_option("--log", options.dns.log_path,
                     "File with a line for each question: seconds, U|T, client port, id, type, "
                     "name, messages sent");
  command.add_flag("--stats", options.statistics, "Print counters as JSON at the end");
  command.add_option("--stats-file", options.statistics_path, "Write them to this file")
      ->type_name("FILE");
  command.add_flag("--distinct", options.dns.count_distinct,
                   "Count distinct questions for --stats (takes memory)");
  command.add_option("--ready-fd", options.ready_fd,
                     "Write the line `ready ADDR:PORT` there instead of stdout");
  command
      .add_option("--expect", options.expect,
                  "NAME [TYPE]: print what the world answers, and end. TYPE may be whois, rdap or "
                  "registration; NAME may be `-`: names from stdin")
      ->expected(1, 2)
      ->type_name("NAME [TYPE]");
  add_world(command, options.dns.world);
  add_impairments(command, options.dns.impairments);
  add_registration(command, options.registration);
}

int run_loopback(const LoopbackOptions& options) {
  if (!options.expect.empty()) return show_expected(options);
  const auto address = io::Endpoint::parse(options.listen, options.port);
  if (!address) {
    say(stderr, "zonesweep loopback: --listen {}: not an IP address\n", options.listen);
    return kExitUsage;
  }
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGINT, SIGTERM}) sigaddset(&signals, signal);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);  // before the lanes, which inherit it

  const loopback::World world{options.dns.world};
  std::optional<loopback::RegistrationServers> registration;
  std::string ready_more;
  if (options.registration.on) {
    loopback::RegistrationOptions wanted = options.registration;
    wanted.counted = options.dns.impairments.counted;
    registration.emplace(world, std::move(wanted));
    const auto ports = registration->start();
    if (!ports) return fail(ports.error());
    ready_more = fmt::format(" whois {} rdap {}", ports->whois, ports->rdap);
  }
  loopback::DnsServerOptions dns = options.dns;
  dns.listen = *address;
  loopback::DnsServer server{std::move(dns)};
  const auto bound = server.start();
  if (!bound) return fail(bound.error());
  const int fd = options.ready_fd >= 0 ? options.ready_fd : STDOUT_FILENO;
  announce(fd, fmt::format("ready {}{}\n", bound->to_string(), ready_more));
  wait_for_signal(signals);
  server.stop();
  if (registration) registration->stop();
  return report(options, server.statistics().to_json(),
                registration ? registration->to_json() : "{}");
}

}  // namespace zonesweep::tools
