// engine/redis_link.h - one connection to a Redis server: stream, TLS, greeting, and replies in order.
//
// A server answers in the order of the commands, and nothing in a reply says what it answers. So the
// connection keeps a queue of what it is owed; whatever does not fit it ends the connection.
//
// Threads:    one lane.
// Invariants: (1) the reply to the n-th command is the n-th reply, or the connection is closed; (2) each
//             get() that was taken ends in one on_redis_get() or on_redis_unanswered(), unless close()
//             was called; (3) the owner is called only from inside on_event(), expire(), flush() and
//             fail(), and may call get(), set() and fail() from there.
// Ownership:  the owner outlives the link; a reply is lent for the call.
// Errors:     why(), once on_redis_lost() was called.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cache/redis.h"
#include "cache/redis_address.h"
#include "io/tls.h"
#include "io/transport.h"

namespace zonesweep::engine {

using io::Duration;
using io::Instant;

namespace limits {
inline constexpr uint32_t kRedisPipeline = 8'192;  // commands of one connection without a reply
inline constexpr size_t kRedisUnsentBytes = 1024 * 1024;  // then the connection takes no more
inline constexpr auto kRedisPatience =
    std::chrono::seconds{2};  // to be connected and greeted; and for any reply
}  // namespace limits

// Why a connection ended.
struct RedisFailure {
  enum class Kind : uint8_t {
    none,
    net_error,
    tls_error,
    server_error,
    no_redis,
    no_answer,
    no_host
  };
  Kind kind = Kind::none;
  io::Error net_error = io::Error::none;
  io::TlsFailure tls_error = io::TlsFailure::none;
  cache::RedisError server_error = cache::RedisError::none;
};
// A few words, ours: "refused", "certificate expired", "is loading its data".
[[nodiscard]] std::string_view text_of(const RedisFailure& failure);

class RedisLink {
 public:
  enum class State : uint8_t { free, connecting, handshake, greeting, up, closing };

  class Owner {
   public:
    // Greeted: commands are welcome. on_redis_slots() came before, if it is a cluster.
    virtual void on_redis_up(RedisLink& link) = 0;
    virtual void on_redis_slots(RedisLink& link, const cache::RedisReader& reader) = 0;
    virtual void on_redis_get(RedisLink& link, uint32_t id, const cache::RedisReply& reply) = 0;
    virtual void on_redis_set(RedisLink& link, const cache::RedisReply& reply) = 0;
    // The connection ended before the reply came.
    virtual void on_redis_unanswered(RedisLink& link, uint32_t id) = 0;
    // No reply within the limit; what comes later is dropped.
    virtual void on_redis_late(RedisLink& link, uint32_t id) = 0;
    virtual void on_redis_lost(RedisLink& link) = 0;

   protected:
    ~Owner() = default;
  };
  struct Target {
    const cache::RedisAddress* who = nullptr;  // user, password, database, TLS
    std::string_view host;                     // for TLS
    io::Endpoint peer;
  };

  // Streams are opened with this `token`. `context` is null where there is no TLS.
  RedisLink(io::Transport& transport, io::TlsContext* context, Owner& owner, uint32_t token)
      : transport_(transport), context_(context), owner_(owner), token_(token) {}

  // False: the transport has no stream left.
  [[nodiscard]] bool open(const Target& target);
  void on_event(const io::Event& event);

  // False: no room, or not up. `id` comes back with the reply.
  [[nodiscard]] bool get(std::string_view key, uint32_t id, bool asking = false);
  [[nodiscard]] bool set(std::string_view key, std::string_view value, uint64_t milliseconds);
  void ask_slots();

  // What a get() waits for longer than `limit` is late; a link that is silent for kRedisPatience fails.
  void expire(Duration limit);
  [[nodiscard]] Instant wake_at(Duration limit) const;
  void flush();  // commands leave for the transport

  // Ends it for a reason: on_redis_unanswered() for what is owed, then on_redis_lost().
  void fail(const RedisFailure& why);
  void close();  // without a word

  [[nodiscard]] State state() const noexcept { return state_; }
  [[nodiscard]] bool owes_nothing() const noexcept { return head_ == tail_; }
  [[nodiscard]] const RedisFailure& why() const noexcept { return why_; }
  [[nodiscard]] uint32_t token() const noexcept { return token_; }

 private:
  enum class Command : uint8_t { greeting, slots, ping, asking, get, set };
  struct Owed {  // a reply
    Instant sent{};
    uint32_t id = 0;
    Command command = Command::get;
    bool late = false;
  };

  [[nodiscard]] bool room() const noexcept;
  [[nodiscard]] Owed& owed(uint32_t at) { return owed_[at % limits::kRedisPipeline]; }
  [[nodiscard]] const Owed& owed(uint32_t at) const { return owed_[at % limits::kRedisPipeline]; }
  bool send(Command command, std::initializer_list<std::string_view> words, uint32_t id = 0);
  void connected();
  void greet();
  void received(std::span<const std::byte> bytes);
  void received_secure(std::span<const std::byte> ciphertext);
  void read(std::span<const std::byte> plaintext);
  void on_reply();
  void on_slots(const cache::RedisReply& reply);
  void release();
  bool write_out();

  io::Transport& transport_;
  io::TlsContext* context_;
  Owner& owner_;
  const uint32_t token_;

  State state_ = State::free;
  io::StreamId stream_;
  const cache::RedisAddress* who_ = nullptr;
  std::string host_;
  uint16_t port_ = 0;
  std::optional<io::TlsSession> tls_;
  std::optional<cache::RedisReader> reader_;
  std::vector<Owed> owed_;  // a ring: head_ to tail_
  uint32_t head_ = 0;
  uint32_t tail_ = 0;
  uint32_t timed_ = 0;  // in front of this all are answered, late, or no get()
  RedisFailure why_;
  std::string commands_;  // not yet encrypted, or sent
  std::string out_;       // not yet with the transport
  size_t out_sent_ = 0;
  std::vector<std::byte> plaintext_;
};

}  // namespace zonesweep::engine
