// cache/redis.h - what is said to a Redis server and what comes back: RESP2, pure.
//
// Bytes in, replies out. RESP3 is never asked for: hiredis 0.14 cannot read it.
//
// Threads:    a reader belongs to one lane; the rest are pure functions.
// Invariants: (1) replies come in the order of the bytes, and each is whole; (2) `broken` is final: nothing
//             after the first byte that is no RESP2, or above a limit, is believed; (3) what a reader
//             holds is bounded by the limits below, whatever a server announces.
// Ownership:  a reply lives in its reader until the next call.
// Errors:     RedisError for what the server says; its words are never shown but through name_of().
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

struct redisReader;

namespace zonesweep::cache {

namespace limits {
inline constexpr size_t kRedisReplyBytes =
    256 * 1024;  // as sent; a value is below 13 KiB, CLUSTER SLOTS of 1,000 nodes 150 KiB
inline constexpr uint32_t kRedisElements = 32'768;  // of all arrays of one reply
inline constexpr uint32_t kRedisNesting = 4;        // CLUSTER SLOTS: slots, range, node, metadata
inline constexpr uint32_t kRedisSlots = 16'384;     // of every Redis Cluster
inline constexpr size_t kRedisHostBytes = 255;
}  // namespace limits

enum class RedisError : uint8_t {
  none,
  moved,          // the slot lives elsewhere, for good
  ask,            // the slot is on its way elsewhere: ask there, this once
  try_again,      // the slot is on its way, half here and half there
  loading,        // reads its data from disk
  read_only,      // a replica, for writes
  out_of_memory,  // maxmemory, and nothing may be evicted
  cluster_down,
  master_down,
  not_allowed,  // password, user or permission
  busy,         // runs a script
  other,
};
// One word or a few, ours.
[[nodiscard]] std::string_view name_of(RedisError error) noexcept;

struct RedisReply {
  enum class Kind : uint8_t { nil, text, status, integer, error, array };
  Kind kind = Kind::nil;
  uint32_t elements = 0;  // of an array
  int64_t integer = 0;
  std::string_view text;  // of text, status and error
};

class RedisReader {
 public:
  enum class Step : uint8_t { reply, need_bytes, broken };

  RedisReader();
  ~RedisReader();
  RedisReader(const RedisReader&) = delete;
  RedisReader& operator=(const RedisReader&) = delete;

  // Takes from the front of `bytes` what the next whole reply needs; that is in reply() then. Wants
  // bytes only when it has taken all.
  [[nodiscard]] Step next(std::span<const std::byte>& bytes);

  [[nodiscard]] RedisReply reply() const { return at(0); }
  // The reply and, if it is an array, all that is in it: each array is followed by its elements.
  [[nodiscard]] uint32_t size() const { return static_cast<uint32_t>(parts_.size()); }
  [[nodiscard]] RedisReply at(uint32_t index) const;

 private:
  struct Part {
    RedisReply::Kind kind = RedisReply::Kind::nil;
    uint32_t at = 0;
    uint32_t size = 0;  // bytes of text, elements of an array
    int64_t integer = 0;
  };
  struct Hooks;  // what hiredis calls
  struct Free {
    void operator()(redisReader* reader) const;
  };

  [[nodiscard]] bool feed(std::span<const std::byte>& bytes);
  [[nodiscard]] bool too_large() const;

  std::unique_ptr<redisReader, Free> reader_;
  std::vector<Part> parts_;
  std::string texts_;
  bool told_ = true;  // parts_ were handed out
  bool broken_ = false;
};

[[nodiscard]] RedisError redis_error(std::string_view error) noexcept;

// Of MOVED and ASK: "MOVED 3999 127.0.0.1:6381". An empty host is the one that answered.
struct RedisRedirect {
  uint16_t slot = 0;
  uint16_t port = 0;
  std::string_view host;
};
[[nodiscard]] std::optional<RedisRedirect> redis_redirect(std::string_view error) noexcept;

// Of CLUSTER SLOTS, the masters only. Nothing: not an answer to that.
struct RedisSlotRange {
  uint16_t first = 0;
  uint16_t last = 0;
  uint16_t port = 0;
  std::string_view host;  // empty: the one that answered
};
[[nodiscard]] std::optional<std::vector<RedisSlotRange>> redis_slot_ranges(
    const RedisReader& reader);

// CRC-16/XMODEM of the key, or of what stands in its first {}, modulo kRedisSlots.
[[nodiscard]] uint16_t redis_slot(std::string_view key) noexcept;

// Appends one command. False: no memory, and nothing was appended.
[[nodiscard]] bool append_redis_command(std::initializer_list<std::string_view> words,
                                        std::string& out);

}  // namespace zonesweep::cache
