// engine/redis_tier.h - the shared tier: answers that other machines may know, in Redis or Redis Cluster.
//
// What the memory does not have is asked of the server that holds the key; the lane waits for so long
// as the limit says and goes on without. Answers of upstream are handed over and forgotten. Whatever
// such a server does costs time up to the limit, never a row: a server that errs three times in a row
// is left alone for a while, 1 s at first and then doubled up to 60 s.
//
// Threads:    one lane; it has connections of its own.
// Invariants: (1) each fetch() that was taken ends in one on_fetched(), unless forget() was called; (2)
//             callbacks come only from inside on_event(), turn() and flush(); (3) with no server up,
//             fetch() and store() cost one branch; (4) what came is handed out as bytes of the server:
//             the client believes what cache::open_redis_value() believes.
// Ownership:  the transport, the resolvers and the client outlive this.
// Errors:     create() says why TLS cannot work; what happens later is in counters() and problem().
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cache/redis_address.h"
#include "cache/redis_value.h"
#include "engine/host_lookup.h"
#include "engine/message_ids.h"
#include "engine/redis_link.h"
#include "io/tls.h"
#include "io/transport.h"

namespace zonesweep::engine {

namespace limits {
inline constexpr auto kRedisTimeoutDefault =
    std::chrono::milliseconds{100};            // a busy server; upstream takes as long
inline constexpr uint32_t kRedisGets = 2'048;  // in flight per lane: 10 ms of what a server answers
// That many in flight are waited for so long; then the names go upstream past a server that is slow.
inline constexpr auto kRedisRoomWait = std::chrono::milliseconds{10};
inline constexpr uint32_t kRedisNodes = 256;  // of a cluster; 1,000 is the most that there are
inline constexpr uint32_t kRedisErrors = 3;   // in a row; then it is off
inline constexpr auto kRedisOffFirst = std::chrono::seconds{1};
inline constexpr auto kRedisOffMost = std::chrono::seconds{60};
inline constexpr auto kRedisAgain = std::chrono::milliseconds{50};  // after a lost connection
inline constexpr auto kRedisSlotsEvery = std::chrono::seconds{1};   // CLUSTER SLOTS, at most
inline constexpr uint32_t kRedisRedirects = 2;                      // per question
// At the start the names wait for the connections, and at the end the lane for the last replies.
inline constexpr auto kRedisStartWait = std::chrono::milliseconds{500};
inline constexpr auto kRedisEndWait = std::chrono::milliseconds{500};
}  // namespace limits

struct RedisOptions {
  cache::RedisAddress address;
  Duration timeout = limits::kRedisTimeoutDefault;  // per question
  std::string ca_file;                              // rediss: beside the system's certificates
  uint64_t random_seed = 0;                         // simulations only, see RandomIds
};

struct RedisCounters {  // monotonic but for `up`
  uint64_t hits = 0;
  uint64_t misses = 0;
  uint64_t late = 0;     // no reply within the limit
  uint64_t damaged = 0;  // what came was no answer to the question
  uint64_t errors = 0;   // of servers and connections
  uint64_t stored = 0;
  uint64_t not_stored = 0;  // refused, or no room
  uint64_t offs = 0;        // times that a server was left alone
  uint64_t up = 0;          // servers, now

  void merge(const RedisCounters& other) noexcept;
};

// When something that fails is tried again.
class RedisBreaker {
 public:
  [[nodiscard]] bool off(Instant now) const { return now < until_; }
  [[nodiscard]] Instant until() const { return until_; }
  // True: it is off from now on. `jitter` is 0 to 65,535.
  bool failed(Instant now, uint16_t jitter);
  void worked() { errors_ = offs_ = 0; }

 private:
  uint32_t errors_ = 0;  // in a row
  uint32_t offs_ = 0;    // in a row
  Instant until_{};
};

class RedisTier final : private RedisLink::Owner, private HostLookup::Client {
 public:
  class Client {
   public:
    // `sealed` is what the server has, empty if it has nothing or did not say. Returns whether that was
    // an answer to the question. Only queues work: fetch() is not called from here.
    virtual bool on_fetched(uint32_t token, std::string_view sealed) = 0;

   protected:
    ~Client() = default;
  };
  static constexpr uint32_t kNone = UINT32_MAX;
  // Set in the `owner` of each of its streams. The lane's other streams must not have it.
  static constexpr uint32_t kOwnerTag = 1U << 30;

  // The error is a reason.
  [[nodiscard]] static std::expected<std::unique_ptr<RedisTier>, std::string> create(
      io::Transport& transport, RedisOptions options, std::span<const io::Endpoint> resolvers,
      Client& client);
  ~RedisTier();

  // The run has just begun and connections are being made: who waits, misses nothing.
  [[nodiscard]] bool settling() const { return settling_; }
  [[nodiscard]] bool on() const { return counters_.up > 0; }  // some server is up
  // False: who waits a moment with the next fetch(), misses less.
  [[nodiscard]] bool has_room() const {
    return !free_gets_.empty() || !on() || transport_.now() - full_since_ >= limits::kRedisRoomWait;
  }

  // kNone: ask upstream. Else an id for forget(), and on_fetched(token) follows.
  [[nodiscard]] uint32_t fetch(const cache::RedisKey& key, uint32_t token);
  void forget(uint32_t id) { gets_[id].token = kNone; }
  void store(const cache::RedisKey& key, std::string_view sealed, uint32_t seconds);

  bool on_event(const io::Event& event);  // false: somebody else's
  void turn();                            // what is due; after the events of the turn
  void flush();                           // commands leave; at the end of the turn
  [[nodiscard]] Instant wake_at() const;  // Instant::max() when nothing is due

  [[nodiscard]] bool owes_nothing() const;  // no reply is awaited
  void close_all();
  // At the end of the lane, which hears of no event any more: waits for the last replies, and closes.
  void say_farewell();

  [[nodiscard]] const RedisCounters& counters() const { return counters_; }
  // What went wrong last; empty if nothing did. No secret is in it.
  [[nodiscard]] const std::string& problem() const { return problem_; }
  // The same, if some server was left alone for it.
  [[nodiscard]] std::string complaint() const {
    return counters_.offs > 0 ? problem_ : std::string();
  }

 private:
  struct Get {
    cache::RedisKey key;
    uint32_t token = kNone;
    uint32_t redirects = 0;
  };
  struct Node {
    enum class State : uint8_t { idle, looking_up, opening, up, waiting };
    Node(std::string host_, uint16_t port_, io::Transport& transport, io::TlsContext* tls,
         RedisLink::Owner& owner, uint32_t index)
        : host(std::move(host_)), port(port_), link(transport, tls, owner, kOwnerTag | index) {}
    std::string host;
    uint16_t port;
    State state = State::idle;
    bool wanted = true;  // holds slots, or is all that is known
    uint32_t next_address = 0;
    Instant due{};  // of opening: its end; of waiting: the next try
    Instant up_since{};
    Instant late_at{};  // the turn in which something was late last
    RedisLink link;
    RedisBreaker reads;
    RedisBreaker writes;
  };

  RedisTier(io::Transport& transport, RedisOptions options, std::unique_ptr<io::TlsContext> tls,
            std::span<const io::Endpoint> resolvers, Client& client);

  void on_redis_up(RedisLink& link) override;
  void on_redis_slots(RedisLink& link, const cache::RedisReader& reader) override;
  void on_redis_get(RedisLink& link, uint32_t id, const cache::RedisReply& reply) override;
  void on_redis_set(RedisLink& link, const cache::RedisReply& reply) override;
  void on_redis_unanswered(RedisLink& link, uint32_t id) override;
  void on_redis_late(RedisLink& link, uint32_t id) override;
  void on_redis_lost(RedisLink& link) override;
  void on_host(uint64_t token, const HostAnswer& answer) override;

  // questions (redis_tier.cc)
  [[nodiscard]] Node* node_for(std::string_view key);
  void end(uint32_t id, Node& node, std::string_view sealed);
  void end_without(uint32_t id);
  [[nodiscard]] bool redirect(uint32_t id, Node& from, cache::RedisError kind,
                              std::string_view error);
  void erred(Node& node, const RedisFailure& why);
  void note(const Node& node, const RedisFailure& why);

  // servers (redis_tier_nodes.cc)
  [[nodiscard]] Node& node_of(const RedisLink& link) { return *nodes_[link.token() & ~kOwnerTag]; }
  [[nodiscard]] uint32_t index_of(const Node& node) const;
  [[nodiscard]] uint32_t find_or_add(std::string_view host, uint16_t port);
  void open(Node& node);
  void open_at(Node& node, std::span<const io::Endpoint> addresses);
  void refresh_slots();
  void turn(Node& node);
  void failed(Node& node, const RedisFailure& why);
  void rest(Node& node, Instant until);
  void settle();
  [[nodiscard]] HostLookup* hosts();

  io::Transport& transport_;
  const RedisOptions options_;
  std::unique_ptr<io::TlsContext> tls_;
  std::vector<io::Endpoint> resolvers_;
  Client& client_;
  RandomIds random_;
  std::unique_ptr<HostLookup> hosts_;  // made for the first name that is no literal
  std::vector<std::unique_ptr<Node>> nodes_;
  std::vector<uint16_t> slots_;  // node by slot; empty: one server has all
  std::vector<Get> gets_;
  std::vector<uint32_t> free_gets_;
  Instant full_since_{};  // no room for another get
  Instant slots_asked_{};
  bool slots_stale_ = false;
  bool settling_ = true;
  Instant settled_at_;
  RedisCounters counters_;
  std::string problem_;
};

}  // namespace zonesweep::engine
