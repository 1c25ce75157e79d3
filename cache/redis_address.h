// cache/redis_address.h - where a Redis server is and who we are to it: redis:// and rediss:// URLs.
//
//   redis://[user:password@]host[:port][/db]      rediss:// is the same over TLS
//
// User and password may be percent-encoded; an IPv6 address stands in brackets.
//
// Threads:    pure functions.
// Invariants: shown() never holds the password, nor does a reason.
// Errors:     a reason, for people.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

namespace zonesweep::cache {

namespace limits {
inline constexpr uint16_t kRedisPort = 6379;
inline constexpr uint32_t kRedisDatabaseMax = 65'535;  // a server has 16 by default
inline constexpr size_t kRedisSecretBytes = 1'024;     // user or password, decoded
}  // namespace limits

struct RedisAddress {
  bool tls = false;
  std::string user;  // empty: the default user
  std::string password;
  std::string host;  // a name, or a literal without brackets
  uint16_t port = limits::kRedisPort;
  uint32_t database = 0;

  [[nodiscard]] static std::expected<RedisAddress, std::string> parse(std::string_view url);
  [[nodiscard]] std::string shown() const;
};

}  // namespace zonesweep::cache
