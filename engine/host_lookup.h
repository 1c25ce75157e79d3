// engine/host_lookup.h - the addresses of the hosts that a lane connects to, by the run's
// resolvers.
//
// A and AAAA are asked at once over UDP, with unpredictable ids on random ports; a reply counts for
// the socket, id, name and type that were asked (RFC 5452). A CNAME chain is followed as far as the
// answer holds it. What comes back is checked by nobody here: engine/fence.h decides. The
// transport must have 2 * (kHostSockets * resolvers) sockets to spare.
//
// Threads:    one lane.
// Invariants: (1) every ask() that returned nothing ends in one on_host(), at the latest
//             kHostDeadline after its turn came; (2) callbacks come only from inside on_event() and expire(); (3) a host
//             is asked for once at a time, however many wait.
// Ownership:  the transport and the client outlive it; an answer's addresses are lent until the
//             next call.
// Errors:     HostStatus; failures are kept too, shorter.
#pragma once

#include <absl/container/flat_hash_map.h>

#include <array>
#include <cstdint>
#include <deque>
#include <expected>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/message_ids.h"
#include "engine/verdict.h"
#include "io/timers.h"
#include "io/transport.h"
#include "protocols/dns/name.h"
#include "protocols/dns/stream.h"

namespace zonesweep::engine {

namespace limits {
inline constexpr uint32_t kHosts = 4'096;       // kept or being asked for; the zones have 1,500
inline constexpr uint32_t kHostsAsking = 256;   // at once; more wait their turn
inline constexpr uint32_t kHostAddresses = 16;  // per host; FAULTS 3.4 caps every list
inline constexpr uint32_t kHostResolvers = 8;   // the first ones of the run's
inline constexpr uint32_t kHostTries = 3;       // FAULTS 3.4, per question
inline constexpr auto kHostTryTimeout = std::chrono::seconds{2};
// The other family may take so long once one has addresses (RFC 8305 section 3 says 50 ms, for
// people who wait).
inline constexpr auto kHostOtherFamily = std::chrono::milliseconds{250};
inline constexpr auto kHostTtlLeast = std::chrono::seconds{60};  // also: a name that re-binds
inline constexpr auto kHostTtlMost = std::chrono::hours{1};
inline constexpr auto kHostFailureLeast = std::chrono::seconds{5};  // RFC 9520: 5 s to 5 min
inline constexpr auto kHostFailureMost = std::chrono::minutes{5};
inline constexpr uint32_t kHostTcpStreams = 8;                   // for truncated or forged answers
inline constexpr auto kHostDeadline = std::chrono::seconds{10};  // per host, from its first query
// Before the same resolver is asked the same again after a refusal (RFC 9520 section 3.2); doubled.
inline constexpr auto kHostPause = std::chrono::milliseconds{250};
inline constexpr auto kHostNoRoom = std::chrono::milliseconds{50};  // no id, no stream, no socket
inline constexpr auto kHostIcmpEvery = std::chrono::milliseconds{10};  // per resolver; it is forged
                                                                       // easily
inline constexpr uint32_t kHostSockets = 2;                            // per resolver
inline constexpr uint32_t kHostSendsPerSocket = 512;                   // then a new port
inline constexpr uint32_t kHostIdPlaces = 4'096;  // per socket: at most half full
inline constexpr uint32_t kHostExchanges = 6;     // whose answers a question still takes
}  // namespace limits

enum class HostStatus : uint8_t {
  found,
  no_such_host,  // NXDOMAIN
  no_address,    // the name exists, with neither A nor AAAA
  failed,        // no resolver gave a usable answer
  overload,      // kHosts are being asked for: ask again later
  not_a_host,    // no DNS name, or a literal with a zone
};
[[nodiscard]] std::string_view name_of(HostStatus status) noexcept;

struct HostAnswer {
  HostStatus status = HostStatus::failed;
  std::span<const io::Endpoint> addresses{};  // port 0; IPv4 first
};

class HostLookup {
 public:
  class Client {
   public:
    // Only queues work: neither ask() nor on_event() is called from here.
    virtual void on_host(uint64_t token, const HostAnswer& answer) = 0;

   protected:
    ~Client() = default;
  };

  // `random_seed`: simulations only, see RandomIds.
  [[nodiscard]] static std::expected<std::unique_ptr<HostLookup>, io::Error> create(
      io::Transport& transport, std::span<const io::Endpoint> resolvers, Client& client,
      uint64_t random_seed = 0);

  // The answer where it is known: a literal (brackets are taken off), or kept from before.
  // Otherwise nothing, and on_host(token) follows.
  [[nodiscard]] std::optional<HostAnswer> ask(std::string_view host, uint64_t token);

  // False where the event is somebody else's.
  bool on_event(const io::Event& event);
  void expire(io::Instant now);
  [[nodiscard]] io::Instant wake_at() const;  // Instant::max() when nothing is due
  void close_all();                           // streams; nothing is answered after it

  [[nodiscard]] uint32_t asking() const { return asking_; }
  [[nodiscard]] uint64_t queries_sent() const { return queries_sent_; }

 private:
  static constexpr uint32_t kNone = UINT32_MAX;
  static constexpr uint32_t kFamilies = 2;  // A, AAAA

  struct Resolver {
    io::Endpoint endpoint;
    io::ChannelId channel = 0;
    io::Instant icmp_heeded{};
  };
  struct Exchange {  // a query that went out over UDP
    io::SocketId socket = 0;
    uint16_t id = 0;
  };
  // One type of one host; its number is 2 * host + family, and so is its timer's.
  struct Question {
    enum class State : uint8_t { idle, asked, pausing, settled };
    State state = State::idle;
    HostStatus status = HostStatus::failed;  // once settled
    bool edns = true;
    bool over_tcp = false;
    bool hurried = false;  // the other family has addresses
    uint8_t tries = 0;
    uint8_t listening = 0;
    uint32_t resolver = 0;
    uint32_t link = kNone;
    uint32_t ttl = 0;
    std::array<Exchange, limits::kHostExchanges> exchanges;  // newest first
    std::vector<io::Endpoint> addresses;
  };
  struct Host {
    enum class Phase : uint8_t { queued, asking, known };
    Phase phase = Phase::queued;
    HostStatus status = HostStatus::failed;
    uint8_t failures = 0;  // in a row
    std::string text;      // lower case, no dot at its end
    dns::Name name;
    io::Instant deadline;  // while asking
    io::Instant expires;   // once known
    uint64_t used = 0;
    std::array<Question, kFamilies> questions;
    std::vector<uint64_t> waiters;
    std::vector<io::Endpoint> addresses;
  };
  struct Link {  // a stream for one question
    bool used = false;
    io::StreamId stream;
    uint32_t slot = kNone;  // kNone: closing
    uint16_t id = 0;
    std::unique_ptr<dns::StreamReader> reader;
  };

  HostLookup(io::Transport& transport, std::vector<Resolver> resolvers, Client& client,
             uint64_t random_seed);

  Question& question(uint32_t slot) { return hosts_[slot / kFamilies].questions[slot % kFamilies]; }
  [[nodiscard]] uint32_t resolver_of(uint32_t channel) const;
  [[nodiscard]] uint32_t place_for(const std::string& text);
  [[nodiscard]] HostAnswer answer_of(const Host& host) const;
  void start(uint32_t index);
  void start_queued();
  void conclude(uint32_t index);
  void keep(Host& host) const;

  void send(uint32_t slot);
  void send_udp(uint32_t slot);
  void send_tcp(uint32_t slot);
  void pause(uint32_t slot, io::Duration span);
  void on_datagram(const io::Event& event);
  void on_stray(const io::Event& event);
  void on_send_failed(const io::Event& event);
  void on_icmp(const io::Event& event);
  void on_stream(Link& link, const io::Event& event);
  void on_reply(uint32_t slot, std::span<const std::byte> bytes, bool tcp, bool cut);
  void on_answer(uint32_t slot, const dns::Message& message, const Verdict& verdict);
  void take_addresses(Question& asked, const dns::Message& message, const dns::Summary& summary,
                      uint16_t type) const;
  void on_timer(uint32_t slot);
  void over_tcp(uint32_t slot);
  void try_failed(uint32_t slot, bool heard);
  void settle(uint32_t slot, HostStatus status, uint32_t ttl);
  void hurry(uint32_t slot);
  void stop_listening(uint32_t slot);
  void leave_link(Question& asked);
  IdTable& ids(io::SocketId socket);

  io::Transport& transport_;
  Client& client_;
  RandomIds random_;
  std::vector<Resolver> resolvers_;
  uint32_t preferred_ = 0;  // the resolver that answered last
  std::vector<IdTable> ids_;
  std::vector<Host> hosts_;
  absl::flat_hash_map<std::string, uint32_t> places_;
  std::deque<uint32_t> queued_;
  std::vector<Link> links_;
  io::TimerWheel timers_;
  std::vector<uint32_t> due_;
  io::Endpoint literal_;
  uint32_t asking_ = 0;
  uint64_t uses_ = 0;
  uint64_t queries_sent_ = 0;
};

}  // namespace zonesweep::engine
