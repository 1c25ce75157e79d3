// engine/dns_lane.h - one lane of a DNS scan: names in, rows out, over one transport.
//
// The life of a lookup (docs/ARCHITECTURE.md) happens here: pull, plan, permit, exchange, conclude,
// write. Each turn handles what came in, then what is due, then fills the window again.
//
// Threads:    run() and turn() belong to one thread; statistics() and the stop level may be used
//             from any.
// Invariants: (1) every question of every name that was pulled ends in exactly one row, unless the
//             run is abandoned, and then a resume asks it again; (2) a reply counts only for the
//             socket, id, name, type and class that were asked; (3) callbacks only queue work:
//             nothing re-enters; (4) no allocation per name in the steady state.
// Ownership:  transport, queue and writer outlive the lane.
// Units:      window counts lookups; tries count per question; timeouts are for one try.
#pragma once

#include <atomic>
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/dns_answers.h"
#include "engine/dns_servers.h"
#include "engine/dns_tcp.h"
#include "engine/message_ids.h"
#include "engine/name_queue.h"
#include "engine/question.h"
#include "engine/record_writer.h"
#include "engine/single_flight.h"
#include "engine/statistics.h"
#include "engine/verdict.h"
#include "io/timers.h"
#include "io/transport.h"

namespace zonesweep::engine {

namespace limits {
inline constexpr uint32_t kWindowDefault =
    10'000;  // lookups per lane: slow names must not stop fast ones
inline constexpr uint32_t kWindowMax = 1'000'000;
inline constexpr uint32_t kTriesDefault = 3;
inline constexpr uint32_t kTriesMax = 100;
inline constexpr auto kTryTimeoutDefault = std::chrono::seconds{2};
inline constexpr auto kDeadlineDefault = std::chrono::seconds{30};
inline constexpr uint32_t kFreeTries =
    5;  // per question: drops by a server's limit are not its fault
inline constexpr auto kOutagePatience =
    std::chrono::seconds{60};  // all resolvers silent: wait for so long
inline constexpr auto kPauseFirst =
    std::chrono::milliseconds{250};  // before the same server is asked again after SERVFAIL
inline constexpr auto kProbeEvery = std::chrono::milliseconds{500};  // a blacked-out server
inline constexpr uint32_t kWaitBatch =
    64;  // completions per turn; fills GSO sends (DESIGN section 5)
inline constexpr auto kWaitMost = std::chrono::microseconds{1'000};  // and no longer than this
inline constexpr auto kWaitLeast = std::chrono::microseconds{50};    // for a permit: no spinning
inline constexpr auto kIdleWait =
    std::chrono::milliseconds{5};  // nothing in flight, the input is slow
inline constexpr auto kChannelErrorEvery =
    std::chrono::milliseconds{10};           // per server; ICMP can be forged
inline constexpr uint32_t kTcpRequeues = 3;  // per question: cut off by the server's close
inline constexpr auto kPublishEvery = std::chrono::milliseconds{100};
inline constexpr uint32_t kHitsPerTurn =
    1'024;  // answers from the cache; then what came in meanwhile gets its turn
inline constexpr size_t kSendArenaBytes =
    256 * 1024;  // a turn's queries, before the transport copies them
}  // namespace limits

// How the run is to end; only ever rises.
enum class StopLevel : int {
  run,
  drain,    // pull nothing new, finish what is in flight
  abandon,  // leave what is in flight: a resume asks it again
};

struct DnsLaneOptions {
  std::vector<uint16_t> types{1};
  uint32_t window = limits::kWindowDefault;
  uint32_t tries = limits::kTriesDefault;
  Duration timeout = limits::kTryTimeoutDefault;
  Duration deadline = limits::kDeadlineDefault;  // per name, from its first query on
  Duration outage_patience =
      limits::kOutagePatience;  // all resolvers silent: tries are free for so long
  double rate = 0;  // queries per second of this lane over all servers; 0 = adaptive only
  double rate_per_server = 0;  // the same for each server
  bool dnssec_ok = false;
  bool recursion_desired = true;
  bool checking_disabled = false;
  bool rows_for_cancelled =
      false;                     // stdout: what an abandoned run still had open gets CANCELLED rows
  uint64_t random_seed = 0;      // simulations only, see RandomIds
  AnswerCache* cache = nullptr;  // shared by all lanes; null: none
  std::optional<RedisOptions> redis;  // the shared tier; only with a cache
  int64_t (*wall_us)() = nullptr;     // microseconds since the Unix epoch; called once per turn
};

class DnsLane final : private DnsTcp::Client, private RedisTier::Client {
 public:
  [[nodiscard]] static std::expected<std::unique_ptr<DnsLane>, io::Error> create(
      io::Transport& transport, NameQueue& queue, RecordWriter& writer,
      std::span<const io::Endpoint> servers, DnsLaneOptions options,
      const std::atomic<StopLevel>& stop);

  // Turns until the queue is drained and every row is written, or the run is stopped; then flushes
  // the writer.
  void run();
  // One turn. False when there is nothing more to do.
  bool turn();

  // After run(): why the transport ended it; empty when nothing was wrong. What was open stays for
  // a resume.
  [[nodiscard]] std::string_view failure() const { return transport_.failure(); }
  // The same: what the shared tier complained of last, if it was ever off.
  [[nodiscard]] std::string redis_problem() const;
  [[nodiscard]] Statistics statistics() const { return shared_.read(); }
  [[nodiscard]] const DnsServers& servers() const { return servers_; }

 private:
  struct ChunkLoad {
    uint64_t chunk;
    uint32_t lookups;
  };
  struct TokenBucket {  // --rate
    double rate = 0;
    double tokens = 1;
    Instant filled{};
    void turn(Instant now);
    [[nodiscard]] bool has() const { return rate == 0 || tokens >= 1; }
    [[nodiscard]] Instant next(Instant now) const;
    void take() {
      if (rate != 0) tokens -= 1;
    }
  };

  DnsLane(io::Transport& transport, NameQueue& queue, RecordWriter& writer, DnsServers servers,
          DnsLaneOptions options, const std::atomic<StopLevel>& stop);

  void open_redis(std::span<const io::Endpoint> resolvers);

  // turn
  [[nodiscard]] bool finished() const;
  [[nodiscard]] Instant wake_at() const;
  [[nodiscard]] uint32_t wait_for() const;
  [[nodiscard]] Duration batch_wait() const;
  void dispatch(const io::Event& event);
  void expire();
  void publish(bool now);
  void abandon();

  // pull (dns_lane_pull.cc)
  bool pull();
  bool next_name();
  void admit(const InputName& name, uint64_t done);
  void write_illegal(const InputName& name, uint64_t done);
  void plan(uint32_t lookup, uint32_t number, uint16_t type);
  void foresee();
  bool known(uint32_t lookup, uint32_t number, uint16_t type, uint64_t& hash);
  void fly(uint32_t slot);
  void ask_upstream(uint32_t slot);
  bool on_fetched(uint32_t slot, std::string_view sealed) override;
  void end_fetch(Question& question);
  void look_again();
  [[nodiscard]] bool known_by_now(uint32_t slot, DnsRecord& record);
  [[nodiscard]] uint32_t questions_of(const InputName& name) const;
  void lookup_ended(uint32_t slot);
  void settle_chunks();
  void load_chunk(uint64_t chunk);
  void unload_chunk(uint64_t chunk);

  // exchange (dns_lane_exchange.cc)
  void launch();
  void launch_probes();
  [[nodiscard]] uint32_t next_question();
  bool start(uint32_t slot, uint32_t server);
  bool start_udp(uint32_t slot, uint32_t server);
  bool start_tcp(uint32_t slot, uint32_t server);
  void begun(uint32_t slot, const Exchange& exchange, Duration wait);
  [[nodiscard]] dns::Query query_for(const Question& question, const DnsServer& server) const;
  [[nodiscard]] bool edns_for(const Question& question, const DnsServer& server) const;
  void post(uint32_t slot, const DnsServer& server, const dns::Query& query);
  void flush_sends();
  void listen(Question& question, const Exchange& exchange);
  void stop_listening(Question& question, uint32_t index);
  void stop_listening_all(Question& question);
  void drop_permit(Exchange& exchange);
  [[nodiscard]] IdTable& ids(io::SocketId socket);
  [[nodiscard]] dns::WireName name_of_question(const Question& question) const;

  // conclude (dns_lane_reply.cc)
  void on_datagram(const io::Event& event);
  void on_stray(io::SocketId socket, std::span<const std::byte> bytes);
  void on_reply(uint32_t slot, uint32_t index, std::span<const std::byte> bytes, bool cut);
  void on_probe_reply(uint32_t slot, const dns::Message& reply);
  void on_send_failed(const io::Event& event);
  void on_channel_error(const io::Event& event);
  void on_timer(uint32_t slot);
  void on_tcp_message(uint32_t slot, uint32_t link, uint16_t id,
                      std::span<const std::byte> message) override;
  void on_tcp_lost(uint32_t slot, uint32_t link, uint16_t id, io::Error error,
                   bool unserved) override;
  void account_reply(Question& question, uint32_t index, const Verdict& verdict,
                     const dns::Message& reply);
  void enqueue(uint32_t slot);
  void ask_again(uint32_t slot);
  void over_tcp(uint32_t slot);
  void elsewhere(uint32_t slot, uint32_t index, const Verdict& verdict,
                 std::span<const std::byte> bytes);
  void free_link(Question& question, uint32_t index);
  void keep(Question& question, uint32_t index, Status status, uint16_t rcode,
            std::span<const std::byte> bytes);
  bool leave_exchange(uint32_t slot);
  void pause(uint32_t slot);
  void try_failed(uint32_t slot, bool free_of_charge, bool at_once);
  [[nodiscard]] bool patient() const;
  void settle(uint32_t slot, uint32_t index, const Verdict& verdict,
              std::span<const std::byte> bytes);
  void give_up(uint32_t slot);
  void cancel(uint32_t slot);
  [[nodiscard]] Status failure_of(const Question& question) const;
  void conclude(uint32_t slot, DnsRecord record);
  void write_row(const Question& question, DnsRecord& record);
  void write_row(uint32_t lookup, uint32_t number, uint16_t type, DnsRecord& record);
  void retire(uint32_t slot);
  void free_slot(uint32_t slot);
  void retire_probe(uint32_t slot);
  [[nodiscard]] uint32_t rtt_us(const Exchange& exchange) const;

  io::Transport& transport_;
  NameQueue& queue_;
  RecordWriter& writer_;
  const std::atomic<StopLevel>& stop_;
  DnsLaneOptions options_;
  DnsServers servers_;
  RandomIds random_;
  DnsTcp tcp_;
  Slab<Lookup> lookups_;
  Slab<Question> questions_;
  SingleFlight flights_;
  io::TimerWheel timers_;
  std::vector<uint32_t> due_;
  std::vector<IdTable> ids_;  // by socket
  QuestionQueue fresh_;       // never asked
  QuestionQueue again_;       // asked before: they go first
  QuestionQueue held_;        // could not start this turn: no TCP link, no id, no other server
  QuestionQueue waiting_;     // for another lane
  std::unique_ptr<DnsAnswers> answers_;  // null without a cache
  std::unique_ptr<RedisTier> redis_;     // null without a shared tier
  uint32_t hits_of_turn_ = 0;
  TokenBucket rate_;
  std::vector<io::Datagram> outgoing_;
  std::unique_ptr<std::byte[]> arena_;
  size_t arena_used_ = 0;
  std::unique_ptr<NameBatch> batch_;
  size_t batch_at_ = 0;
  std::vector<ChunkLoad> chunks_;
  bool chunk_ran_dry_ = false;
  bool draining_ = false;
  bool starved_ = false;  // questions may be waiting for a permit
  uint32_t asked_ = 0;    // questions with a running exchange
  uint32_t pausing_ = 0;
  uint32_t fetching_ = 0;
  Instant now_;
  int64_t wall_us_ = 0;
  Instant published_{};
  Instant housekept_{};
  Statistics statistics_;
  SharedStatistics shared_;
};

}  // namespace zonesweep::engine
