#include "engine/registration_run.h"

#include <fmt/format.h>

#include <charconv>
#include <chrono>
#include <filesystem>
#include <future>
#include <thread>
#include <utility>

#include "engine/bootstrap_refresh.h"
#include "engine/shard_records.h"
#include "io/tls.h"
#include "io/uring_transport.h"
#include "protocols/rdap/bootstrap.h"
#include "protocols/whois/servers.h"

namespace zonesweep::engine {
namespace {

// WHOIS needs a stream for each exchange, RDAP one for each connection; names come over few sockets.
io::TransportOptions transport_for(const RegistrationOptions& options) {
  io::TransportOptions transport;
  transport.streams =
      options.whois.exchanges + options.https.connections_max + limits::kRedisNodes + 64;
  transport.sockets = 256;
  return transport;
}

// "2026-07-12"
[[nodiscard]] std::chrono::sys_days day_of(std::string_view text) {
  const auto number = [&](size_t at, size_t size) {
    int value = 0;
    std::from_chars(text.data() + at, text.data() + at + size, value);
    return value;
  };
  return std::chrono::year{number(0, 4)} / number(5, 2) / number(8, 2);
}

}  // namespace

std::vector<std::string> warnings_of_age(const RegistrationSetup& setup,
                                         std::chrono::sys_days today) {
  std::vector<std::string> warnings;
  const auto is_old = [today](std::string_view as_of) {
    return today - day_of(as_of) > kTablesAge;
  };
  if (setup.lane.probe != RegistrationProbe::whois && setup.files.bootstrap.empty() &&
      is_old(rdap::kBootstrapAsOf)) {
    warnings.push_back(
        fmt::format("the built-in table of RDAP servers is of {}: --rdap-bootstrap FILE "
                    "--rdap-refresh keeps a newer one",
                    rdap::kBootstrapAsOf));
  }
  if (setup.lane.probe != RegistrationProbe::rdap && setup.files.whois_servers.empty() &&
      is_old(whois::kServersAsOf)) {
    warnings.push_back(fmt::format(
        "the built-in table of WHOIS servers is of {}: --whois-servers FILE names newer "
        "ones",
        whois::kServersAsOf));
  }
  return warnings;
}

struct RegistrationRun::Lane {
  std::unique_ptr<io::UringTransport> transport;
  std::unique_ptr<Parking> parking;
  std::unique_ptr<RegistrationRecords> writer;
  std::unique_ptr<RegistrationLane> lane;
  std::promise<std::string> started;  // empty: it runs; else why not
  std::jthread thread;                // last: joined before the rest goes
};

std::string refresh_files(RegistrationSetup& setup, std::span<const io::Endpoint> resolvers,
                          io::TlsContext& tls) {
  if (setup.refresh_url.empty()) return {};
  const std::string file = setup.files.bootstrap;
  const Refresh done = refresh_bootstrap({.file = file,
                                          .url = setup.refresh_url,
                                          .resolvers = resolvers,
                                          .fence = setup.lane.fence,
                                          .https = setup.lane.https},
                                         tls);
  if (done.outcome != Refresh::Outcome::stale) return {};
  const bool there = std::filesystem::exists(file);
  if (!there) setup.files.bootstrap.clear();
  return fmt::format("{} was not refreshed from {} ({}); {}", file, setup.refresh_url, done.why,
                     there ? "it serves on as it is" : "the table that is built in serves");
}

RegistrationRun::RegistrationRun(const RegistrationSetup& setup) : setup_(setup) {}

RegistrationRun::~RegistrationRun() = default;

std::expected<std::unique_ptr<RegistrationRun>, std::string> RegistrationRun::prepare(
    const RegistrationSetup& setup, std::span<const io::Endpoint> resolvers) {
  std::unique_ptr<RegistrationRun> run(new RegistrationRun(setup));
  auto tls = io::TlsContext::client({.system_store = true, .ca_file = setup.ca_file});
  if (!tls) {
    return std::unexpected(fmt::format("TLS{}{}: {}",
                                       setup.ca_file.empty() ? "" : " with --ca-file ",
                                       setup.ca_file, io::name_of(tls.error())));
  }
  run->tls_ = std::move(*tls);
  if (std::string why = refresh_files(run->setup_, resolvers, *run->tls_); !why.empty())
    run->warnings_.push_back(std::move(why));
  const auto today = std::chrono::floor<std::chrono::days>(std::chrono::system_clock::now());
  for (std::string& warning : warnings_of_age(run->setup_, today))
    run->warnings_.push_back(std::move(warning));
  auto registries = Registries::load(run->setup_.files);
  if (!registries) return std::unexpected(registries.error());
  run->registries_ = std::make_unique<Registries>(std::move(*registries));
  return run;
}

std::string RegistrationRun::start(const Place& place, std::span<const io::Endpoint> resolvers,
                                   const std::atomic<StopLevel>& stop,
                                   std::function<void()> ended) {
  if (place.directory != "-") backends_file_ = BackendsFile(place.directory, place.layout);
  lane_ = std::make_unique<Lane>();
  auto started = lane_->started.get_future();
  lane_->thread = std::jthread([this, place, resolvers, &stop, ended = std::move(ended)] {
    run(place, resolvers, stop);
    ended();
  });
  std::string why_not = started.get();
  if (why_not.empty()) {
    const auto& more = lane_->transport->warnings();
    warnings_.insert(warnings_.end(), more.begin(), more.end());
  }
  return why_not;
}

// The lane's thread: a ring belongs to the thread that made it.
void RegistrationRun::run(const Place& place, std::span<const io::Endpoint> resolvers,
                          const std::atomic<StopLevel>& stop) {
  const auto fail = [&](std::string why) { lane_->started.set_value(std::move(why)); };
  auto transport = io::UringTransport::create(transport_for(setup_.lane));
  if (!transport) return fail(transport.error().message);
  lane_->transport = std::move(*transport);
  const bool to_stdout = place.directory == "-";
  lane_->parking = std::make_unique<Parking>(
      Parking::Options{.directory = to_stdout ? std::string() : place.directory,
                       .memory_bytes = setup_.parking_bytes});
  lane_->writer = std::make_unique<RegistrationRecords>(
      place.output->sink(place.sink), place.question,
      to_stdout && place.question > 0 ? RowsSay::table : RowsSay::nothing);
  RegistrationOptions options = setup_.lane;
  options.cache = place.cache;
  options.redis = place.redis;
  auto created = RegistrationLane::create(
      *lane_->transport, queue_, *lane_->writer, *lane_->parking, *registries_, *tls_, resolvers,
      std::move(options), stop, place.resume ? backends_file_.read() : std::string());
  if (!created)
    return fail(fmt::format("no socket for the resolvers: {}", io::name_of(created.error())));
  lane_->lane = std::move(*created);
  lane_->started.set_value({});
  lane_->lane->run();
}

void RegistrationRun::join() {
  if (lane_ && lane_->thread.joinable()) lane_->thread.join();
  remember();
}

void RegistrationRun::remember() {
  if (lane_ && lane_->lane) backends_file_.write(lane_->lane->memory());
}

RegistrationStatistics RegistrationRun::statistics() const {
  return lane_ && lane_->lane ? lane_->lane->statistics() : RegistrationStatistics{};
}

std::string RegistrationRun::redis_problem() const {
  return lane_ && lane_->lane ? lane_->lane->redis_problem() : std::string();
}

std::string_view RegistrationRun::failure() const {
  return lane_ && lane_->lane ? lane_->lane->failure() : std::string_view{};
}

}  // namespace zonesweep::engine
