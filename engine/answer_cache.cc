#include "engine/answer_cache.h"

#define XXH_INLINE_ALL
#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>
#include <cstring>

#include "engine/message_ids.h"

namespace zonesweep::engine {

// Flags in the low bits, above them the set of resolvers, in whatever order they were given.
uint32_t dns_key_options(const AskedHow& how) {
  std::vector<std::string> texts;
  for (const io::Endpoint& resolver : how.resolvers) texts.push_back(resolver.to_string());
  std::ranges::sort(texts);
  texts.erase(std::ranges::unique(texts).begin(), texts.end());
  std::string all;
  for (const std::string& text : texts) all += text + '\n';
  const auto flags = static_cast<uint32_t>(how.recursion_desired) |
                     static_cast<uint32_t>(how.checking_disabled) << 1 |
                     static_cast<uint32_t>(how.dnssec_ok) << 2;
  return static_cast<uint32_t>(XXH3_64bits(all.data(), all.size())) << 3 | flags;
}

std::expected<std::unique_ptr<AnswerCache>, std::string> AnswerCache::open(
    const CacheOptions& options, const AskedHow& how, const Shape& shape) {
  auto cache = std::make_unique<AnswerCache>();
  auto table = cache::Table::create({.bytes = options.bytes,
                                     .start = shape.start,
                                     .seed = random_u64(),
                                     .huge_pages = cache::HugePages::index});
  if (!table) {
    return std::unexpected(fmt::format("no {} bytes of memory for the cache: {}", options.bytes,
                                       std::strerror(table.error())));
  }
  cache->table_ = std::move(*table);
  cache->flights_ = std::make_unique<cache::Flights>(shape.lanes * shape.questions_per_lane);
  cache->dns_options_ = dns_key_options(how);
  cache->one_lane_ = shape.lanes == 1;
  return cache;
}

}  // namespace zonesweep::engine
