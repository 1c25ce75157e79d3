// engine/registration_lane.h - names in, registration rows out: RDAP and WHOIS under the limits of
// their servers.
//
// One lane holds all backends of a run, so that each limit has one owner; what the servers allow is
// far below what a lane can do. A name is parked with its backend at once, and the input goes on:
// docs/design/registration.md.
//
// Threads:    run() and turn() belong to one thread; statistics(), memory() and the stop level may
//             be used from any.
// Invariants: (1) every name that was taken ends in exactly one row, unless the run is abandoned,
//             and then a resume asks it again; (2) no backend sees more than its limits, whatever
//             its names, redirects and referrals; (3) nothing connects to an address that the
//             fence refuses; (4) a row's data is of the name that was asked, and of an answer to it;
//             (5) a backend that waits holds up no other, and holds no lookup slot.
// Ownership:  transport, queue, writer, parking and registries outlive the lane.
// Errors:     failure(): the transport or the parking ended it.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <expected>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/dns_lane.h"
#include "engine/fence.h"
#include "engine/host_lookup.h"
#include "engine/https_client.h"
#include "engine/limiter.h"
#include "engine/name_queue.h"
#include "engine/parked_name.h"
#include "engine/parking.h"
#include "engine/registration_answers.h"
#include "engine/registration_memory.h"
#include "engine/registration_reader.h"
#include "engine/registration_statistics.h"
#include "engine/registration_writer.h"
#include "engine/registries.h"
#include "engine/text_hash.h"
#include "engine/whois_client.h"
#include "io/timers.h"
#include "io/transport.h"
#include "protocols/http/url.h"

namespace zonesweep::engine {

namespace limits {
inline constexpr double kWhoisRate = 1;  // exchanges a second and backend, REGISTRATION 13
inline constexpr double kRdapRate = 5;
inline constexpr uint32_t kWhoisConnections = 2;
inline constexpr uint32_t kRdapConnections = 1;
inline constexpr uint32_t kRdapStreams = 100;      // requests at once and backend
inline constexpr uint32_t kRegistrationTries = 3;  // of one step
inline constexpr uint32_t kThrottlesMost = 20;     // of one name; then the backend is not for it
inline constexpr auto kPatience = std::chrono::minutes{10};  // FAULTS R14
inline constexpr uint32_t kLookups = 8'192;                  // in flight, or waiting for an address
inline constexpr uint32_t kBackends = 32'768;                // a hostile answer may name many
inline constexpr uint32_t kServers = 65'536;
inline constexpr uint32_t kServersOfPeers = 16'384;  // of them: from redirects and referrals
// Of all servers ever: a name that re-binds brings new ones without end.
inline constexpr uint32_t kAddressesOfServers = 262'144;
inline constexpr uint32_t kRoutes = 65'536;   // zones whose servers are kept at hand
inline constexpr uint32_t kAgainAhead = 256;  // names of a backend that are asked before others
inline constexpr uint32_t kGiveUpsPerTurn = 512;
inline constexpr uint32_t kBatchesPerTurn = 4;
inline constexpr size_t kRegistryAnswerBytes = 64 * 1024;  // kept while the registrar is asked
inline constexpr auto kAddressesKept = std::chrono::minutes{10};
inline constexpr auto kNoAddressKept = std::chrono::seconds{30};
inline constexpr auto kNoResolverKept = std::chrono::seconds{5};  // RFC 9520 section 3.2
}  // namespace limits

struct RegistrationOptions {
  RegistrationProbe probe = RegistrationProbe::registration;
  double whois_rate = limits::kWhoisRate;  // where nothing is published; 0: unlimited
  double rdap_rate = limits::kRdapRate;
  uint32_t whois_connections = limits::kWhoisConnections;  // per backend
  uint32_t rdap_connections = limits::kRdapConnections;
  uint32_t tries = limits::kRegistrationTries;
  Duration patience = limits::kPatience;  // with a backend that gives nothing
  bool registrar = false;                 // ask the registrar too, where the registry names it
  bool raw = false;
  std::string iana_server = "whois.iana.org";  // for zones without a server; empty: none
  Fence fence;
  WhoisOptions whois;
  HttpsOptions https;
  bool rows_for_cancelled = false;    // stdout: an abandoned run leaves CANCELLED rows
  AnswerCache* cache = nullptr;       // null: none. Rows with a registrar's data are not kept
  std::optional<RedisOptions> redis;  // the shared tier; only with a cache
  uint64_t random_seed = 0;           // simulations only
  int64_t (*wall_us)() = nullptr;     // microseconds since the Unix epoch; called once per turn
};

class RegistrationLane final : private WhoisClient::Client,
                               private HttpsClient::Client,
                               private HostLookup::Client,
                               private RedisTier::Client {
 public:
  // `memory`: what memory() of an earlier run gave, or empty.
  [[nodiscard]] static std::expected<std::unique_ptr<RegistrationLane>, io::Error> create(
      io::Transport& transport, NameQueue& queue, RegistrationWriter& writer, Parking& parking,
      const Registries& registries, io::TlsContext& tls, std::span<const io::Endpoint> resolvers,
      RegistrationOptions options, const std::atomic<StopLevel>& stop,
      std::string_view memory = {});
  ~RegistrationLane();

  void run();
  // One turn. False when there is nothing more to do.
  bool turn();

  [[nodiscard]] std::string_view failure() const {
    return failure_.empty() ? transport_.failure() : failure_;
  }
  // After run(): what the shared tier complained of.
  [[nodiscard]] std::string redis_problem() const {
    return redis_ ? redis_->complaint() : std::string();
  }
  [[nodiscard]] RegistrationStatistics statistics() const { return shared_.read(); }
  // What a resume must know of the backends: engine/registration_memory.h.
  [[nodiscard]] std::string memory() const;

 private:
  static constexpr uint32_t kNone = UINT32_MAX;
  using Source = RegistrationSource;

  // A host that is asked over one protocol.
  struct Server {
    enum class State : uint8_t { unknown, looking_up, ready, failed };
    Source source = Source::none;
    std::string host;
    uint16_t port = 0;
    State state = State::unknown;
    uint32_t backend = kNone;
    uint32_t origin = kNone;  // of https_
    Instant until{};          // of `ready` and `failed`
    std::vector<io::Endpoint> addresses;
    RegistrationVerdict failure;    // of `failed`
    bool passing = false;           // `failed`, but for no fault of the server
    std::vector<uint32_t> waiting;  // lookups
  };
  // What shares one limit: its queue in the parking has its number.
  struct Backend {
    std::string id;
    Limiter limiter;
    std::deque<std::string> again;  // ahead of the parked
    uint32_t resolving = 0;         // lookups that wait for an address, or for Redis
    bool listed = false;            // in ready_
    RegistrationStatus silence = RegistrationStatus::timeout;  // the last kind of it
  };
  struct Route {  // of a public suffix
    uint32_t rdap = kNone;
    std::string base;
    uint32_t whois = kNone;
  };
  struct Lookup {
    bool used = false;
    uint32_t generation = 0;
    uint32_t backend = kNone;
    uint32_t server = kNone;
    uint32_t follower = kNone;  // the next lookup with the same question
    std::string bytes;
    ParkedName name;          // in `bytes`
    std::string_view domain;  // in `name`
    std::string question;     // key in asking_, where this is the one that asks
    std::string url;          // RDAP: what is asked
  };

  RegistrationLane(io::Transport& transport, NameQueue& queue, RegistrationWriter& writer,
                   Parking& parking, const Registries& registries, io::TlsContext& tls,
                   RegistrationOptions options, const std::atomic<StopLevel>& stop);

  void open_redis(std::span<const io::Endpoint> resolvers);

  // turn (registration_lane.cc)
  [[nodiscard]] bool finished() const;
  [[nodiscard]] Instant wake_at() const;
  [[nodiscard]] uint32_t wait_for() const;
  void dispatch(const io::Event& event);
  void expire();
  void publish(bool now);
  void publish_memory();
  void remember(std::string_view memory);
  void recall(Backend& backend);
  void abandon();
  void cancel_waiting();

  // park (registration_lane_park.cc)
  void intake();
  void take(const NameBatch& batch, const InputName& name);
  void write_refusal(const NameBatch& batch, const InputName& name, RegistrationStatus status,
                     std::string_view reason);
  [[nodiscard]] const Route& route_of(const RegistrationPlan& plan);
  [[nodiscard]] uint32_t server_for(Source source, std::string_view host, uint16_t port);
  [[nodiscard]] uint32_t server_of_peer(Source source, std::string_view host, uint16_t port);
  [[nodiscard]] std::string_view server_key(Source source, std::string_view host, uint16_t port);
  [[nodiscard]] uint32_t backend_for(Source source, std::string_view host);
  [[nodiscard]] uint32_t iana();
  [[nodiscard]] bool ask_iana(const ParkedName& name);
  // Where the step's question goes. kNone: nowhere, and `verdict` says why.
  [[nodiscard]] uint32_t server_of(const ParkedName& name, RegistrationVerdict& verdict);
  [[nodiscard]] uint32_t server_of_target(const ParkedName& name, RegistrationVerdict& verdict);
  [[nodiscard]] bool question_of(std::string_view name, std::string_view domain,
                                 RegistrationAnswers::Question& question);
  [[nodiscard]] bool write_known(const ParkedName& name, std::string_view domain, bool again);
  void write_known(const ParkedName& name, std::string_view domain,
                   const RegistrationAnswers::Known& known);
  void park(const ParkedName& name, uint32_t backend);
  void park_ahead(const ParkedName& name, uint32_t backend);
  void touch(uint32_t backend);
  [[nodiscard]] uint64_t waiting(uint32_t backend) const;

  // ask (registration_lane_ask.cc)
  void serve_all();
  void serve(uint32_t backend);
  [[nodiscard]] uint32_t pop(uint32_t backend);
  void take_next(uint32_t backend, std::string& bytes);
  enum class Begun : uint8_t {
    yes,
    later,    // the end of an exchange with the backend lists it again
    no_room,  // of the lane
  };
  [[nodiscard]] Begun begin(uint32_t slot);
  [[nodiscard]] bool fetch(uint32_t slot);
  bool on_fetched(uint32_t slot, std::string_view sealed) override;
  [[nodiscard]] Begun ask(uint32_t slot);
  [[nodiscard]] bool ask_whois(uint32_t slot);
  [[nodiscard]] bool ask_rdap(uint32_t slot);
  [[nodiscard]] bool join(uint32_t slot);
  void look_up(uint32_t server);
  void on_host(uint64_t token, const HostAnswer& answer) override;
  void addresses_came(uint32_t server, const HostAnswer& answer);
  void settle_server(uint32_t server);
  void give_up(uint32_t slot);
  void unreachable(uint32_t slot);
  void release(uint32_t slot);
  [[nodiscard]] uint64_t token_of(uint32_t slot) const;
  [[nodiscard]] uint32_t slot_of(uint64_t token) const;

  // answer (registration_lane_answer.cc)
  void on_whois_end(uint64_t token, const WhoisResult& result) override;
  void on_http_end(uint64_t token, const HttpsResult& result) override;
  void ended(uint32_t slot, const Reading& reading, Duration rtt);
  void tell_limiter(uint32_t backend, const Reading& reading);
  void decide(uint32_t slot, const Reading& reading);
  void step_failed(uint32_t slot, const Reading& reading);
  [[nodiscard]] Reading read_zone(uint32_t slot, const WhoisResult& result);
  void zone_known(uint32_t slot);
  bool redirect(uint32_t slot, const Reading& reading);
  bool ask_registrar(uint32_t slot, const Reading& reading);
  void write_row(uint32_t slot, const Reading& reading);
  void write_with_registrar(uint32_t slot, const Reading& reading);
  void finish_row(uint32_t slot, RegistrationRecord& record);
  [[nodiscard]] std::string_view shown_server(const Lookup& lookup);

  io::Transport& transport_;
  NameQueue& queue_;
  RegistrationWriter& writer_;
  Parking& parking_;
  const Registries& registries_;
  const RegistrationOptions options_;
  int64_t (*const wall_clock_)();
  Fence fence_;
  const std::atomic<StopLevel>& stop_;
  std::string failure_;

  WhoisClient whois_;
  HttpsClient https_;
  std::unique_ptr<HostLookup> hosts_;

  std::deque<Server> servers_;  // references stay good
  TextMap<uint32_t> server_ids_;
  uint32_t servers_of_peers_ = 0;
  std::deque<Backend> backends_;
  TextMap<uint32_t> backend_ids_;
  TextMap<uint32_t> addresses_;  // "rdap 192.0.2.1" -> backend: who was first behind it
  TextMap<Route> routes_;
  TextMap<uint32_t> zones_;  // what IANA said: top-level domain -> WHOIS server, or kNone
  uint32_t iana_ = kNone;

  std::vector<Lookup> lookups_;
  std::vector<uint32_t> free_;
  TextMap<uint32_t> asking_;
  std::deque<uint32_t> ready_;
  io::TimerWheel timers_;  // of backends
  std::vector<uint32_t> due_;
  bool full_ = false;  // no lookup was free, or no stream

  std::unique_ptr<RegistrationAnswers> answers_;  // null without a cache
  std::unique_ptr<RedisTier> redis_;              // null without a shared tier
  RegistrationReader reader_;
  RegistrationReader registry_reader_;
  std::string name_;  // scratch
  std::string scratch_;
  std::string server_text_;
  std::string scratch_target_;
  Duration rtt_{};  // of the exchange that is concluded
  uint64_t waiting_ = 0;
  Instant now_{};
  int64_t wall_us_ = 0;
  Instant publish_at_{};
  RegistrationStatistics counts_;
  SharedRegistrationStatistics shared_;
  Instant memory_at_{};
  TextMap<BackendMemory> remembered_;  // of an earlier run
  mutable std::mutex memory_mutex_;
  std::string memory_;
};

}  // namespace zonesweep::engine
