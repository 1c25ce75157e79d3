#include "cache/redis_value.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <bit>
#include <cassert>
#include <cstring>

namespace zonesweep::cache {
namespace {

static_assert(std::endian::native == std::endian::little,
              "values are stored as they are in memory");

constexpr std::string_view kPrefix = "zs1:";
constexpr uint32_t kMagic = 0x3176737a;  // "zsv1": the version is part of it

struct Head {
  uint32_t magic = kMagic;
  uint32_t expires_s = 0;
  uint32_t key_words = 0;
  uint32_t value_bytes = 0;
};
static_assert(sizeof(Head) == 16);
using Checksum = uint64_t;
static_assert(sizeof(Head) + Key::kWordsMax * sizeof(uint64_t) + limits::kValueBytesMax +
                  sizeof(Checksum) <=
              limits::kRedisValueBytes);

Checksum checksum_of(std::string_view bytes) { return XXH3_64bits(bytes.data(), bytes.size()); }

std::string_view text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

template <typename Number>
void append_number(const Number& number, std::string& out) {
  out += text_of(std::as_bytes(std::span(&number, 1)));
}

}  // namespace

RedisKey::RedisKey(const Key& key) noexcept {
  constexpr std::string_view kDigits = "0123456789abcdef";
  const auto words = key.words();
  const XXH128_hash_t hash = XXH3_128bits(words.data(), words.size_bytes());
  char* at = std::ranges::copy(kPrefix, text_.data()).out;
  for (const uint64_t half : {hash.high64, hash.low64})
    for (int shift = 60; shift >= 0; shift -= 4) *at++ = kDigits[half >> shift & 0xF];
}

void seal_redis_value(const Key& key, const RedisValue& value, std::string& out) {
  assert(value.value.size() <= limits::kValueBytesMax);
  out.clear();
  append_number(Head{.expires_s = value.expires_s,
                     .key_words = static_cast<uint32_t>(key.words().size()),
                     .value_bytes = static_cast<uint32_t>(value.value.size())},
                out);
  out += text_of(std::as_bytes(key.words()));
  out += text_of(value.value);
  append_number(checksum_of(out), out);
}

std::optional<RedisValue> open_redis_value(const Key& key, std::string_view sealed) noexcept {
  const auto words = text_of(std::as_bytes(key.words()));
  const size_t around = sizeof(Head) + words.size() + sizeof(Checksum);
  if (sealed.size() < around || sealed.size() > limits::kRedisValueBytes) return std::nullopt;
  Head head;
  std::memcpy(&head, sealed.data(), sizeof(head));
  if (head.magic != kMagic || head.key_words != key.words().size() ||
      head.value_bytes != sealed.size() - around || head.value_bytes > limits::kValueBytesMax ||
      sealed.substr(sizeof(head), words.size()) != words)
    return std::nullopt;
  Checksum checksum = 0;
  const size_t covered = sealed.size() - sizeof(checksum);
  std::memcpy(&checksum, sealed.data() + covered, sizeof(checksum));
  if (checksum != checksum_of(sealed.substr(0, covered))) return std::nullopt;
  const auto value = sealed.substr(sizeof(head) + words.size(), head.value_bytes);
  return RedisValue{.expires_s = head.expires_s, .value = std::as_bytes(std::span(value))};
}

}  // namespace zonesweep::cache
