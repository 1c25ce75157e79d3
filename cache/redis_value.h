// cache/redis_value.h - answers as they lie in a Redis server: key and value.
//
// The format: docs/formats/cache-redis.md.
//
// Threads:    pure functions.
// Invariants: (1) the same question has the same key on every machine; (2) open_redis_value() believes only
//             bytes of this version whose checksum fits and that hold the very question, byte by byte: what
//             came for another key, or was written by anybody else, is nothing.
// Ownership:  an opened value borrows the bytes.
// Units:      expires_s in seconds since the Unix epoch.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "cache/key.h"
#include "cache/stripe.h"

namespace zonesweep::cache {

namespace limits {
inline constexpr size_t kRedisValueBytes =
    kValueBytesMax + kKeyNameBytes + 48;  // value, name, and what is around them
}

class RedisKey {
 public:
  RedisKey() = default;  // of nothing
  explicit RedisKey(const Key& key) noexcept;
  [[nodiscard]] std::string_view text() const noexcept { return {text_.data(), text_.size()}; }

 private:
  static constexpr size_t kPrefixBytes = 4;  // "zs1:"; then 128 bits in hexadecimal
  std::array<char, kPrefixBytes + 32> text_{};
};

struct RedisValue {
  uint32_t expires_s = 0;
  std::span<const std::byte> value;
};
// `out` is replaced. value.value has at most kValueBytesMax bytes.
void seal_redis_value(const Key& key, const RedisValue& value, std::string& out);
[[nodiscard]] std::optional<RedisValue> open_redis_value(const Key& key,
                                                         std::string_view sealed) noexcept;

}  // namespace zonesweep::cache
