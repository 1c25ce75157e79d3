#include "engine/answer_cache.h"

#define XXH_INLINE_ALL
#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>
#include <cassert>
#include <cstring>

#include "engine/message_ids.h"

namespace zonesweep::engine {
namespace {

constexpr int64_t kUsPerSecond = 1'000'000;
constexpr uint32_t kPutAhead = 6;

uint32_t seconds_of(int64_t wall_us) { return static_cast<uint32_t>(wall_us / kUsPerSecond); }

// Flags in the low bits, above them the set of resolvers, in whatever order they were given.
uint32_t key_options_of(const AskedHow& how) {
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

}  // namespace

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
  if (shape.lanes > 1)
    cache->flights_ = std::make_unique<cache::Flights>(shape.lanes * shape.questions_per_lane);
  cache->key_options_ = key_options_of(how);
  return cache;
}

LaneAnswers::LaneAnswers(AnswerCache& shared, uint32_t types)
    : shared_(shared),
      types_(types),
      foreseen_(size_t{2} * limits::kForeseen * types),
      held_(limits::kAnswersHeld),
      held_bytes_(limits::kAnswersHeldBytes),
      value_(std::make_unique<CachedBytes>()),
      decoded_(std::make_unique<DecodedAnswer>()) {}

bool LaneAnswers::assign(cache::Key& key, dns::WireName name, uint16_t type) const {
  return key.assign({.protocol = cache::Protocol::dns,
                     .type = type,
                     .options = shared_.key_options(),
                     .name = name},
                    shared_.table().seed());
}

LaneAnswers::Foreseen& LaneAnswers::place(uint64_t seq, uint32_t number) {
  return foreseen_[seq % (2 * limits::kForeseen) * types_ + number];
}

void LaneAnswers::foresee(uint64_t seq, uint32_t number, dns::WireName name, uint16_t type) {
  Foreseen& foreseen = place(seq, number);
  foreseen.seq = seq;
  if (!assign(foreseen.key, name, type)) foreseen.seq = UINT64_MAX;
  shared_.table().prefetch(foreseen.key);
}

LaneAnswers::Found LaneAnswers::find(uint64_t seq, uint32_t number, io::Instant now,
                                     int64_t wall_us, DnsRecord& record) {
  Foreseen& foreseen = place(seq, number);
  if (foreseen.seq != seq) {
    foreseen.seq = UINT64_MAX;
    if (!assign(foreseen.key, record.name, record.type)) return {};
  }
  return {.hit = get(foreseen.key, now, wall_us, record), .hash = foreseen.key.hash()};
}

LaneAnswers::Found LaneAnswers::find_again(io::Instant now, int64_t wall_us, DnsRecord& record) {
  if (!assign(key_, record.name, record.type)) return {};
  const cache::Counters before = counters_;  // looking again is no new question
  const bool hit = get(key_, now, wall_us, record);
  counters_ = before;
  return {.hit = hit, .hash = key_.hash()};
}

bool LaneAnswers::get(const cache::Key& key, io::Instant now, int64_t wall_us, DnsRecord& record) {
  cache::Hit hit;
  return shared_.table().get(key, now, *value_, hit, counters_) &&
         decode_answer(std::span(*value_).first(hit.size), seconds_of(wall_us), *decoded_, record);
}

cache::Flights::Claim LaneAnswers::claim(uint64_t hash) {
  return shared_.flights() == nullptr ? cache::Flights::Claim::untracked
                                      : shared_.flights()->claim(hash);
}

void LaneAnswers::release(uint64_t hash) { releases_.push_back(hash); }

void LaneAnswers::keep(DnsRecord record, io::Instant now, int64_t wall_us) {
  if (record.summary == nullptr && !record.message.empty()) {
    const auto message = dns::Message::parse(record.message);
    const auto summary = message ? message->validate() : std::unexpected(message.error());
    if (!summary) return;
    decoded_->summary = *summary;
    record.summary = &decoded_->summary;
  }
  const Keep keep = keep_of(record);
  if (keep.seconds == 0) return;
  const size_t size = encode_answer(record, seconds_of(wall_us), *value_);
  if (size == 0) return;
  if (held_count_ == held_.size() || held_bytes_.size() - held_used_ < size) flush(now);
  if (held_count_ == held_.size() || held_bytes_.size() - held_used_ < size) return;
  Held& held = held_[held_count_];
  if (!assign(held.key, record.name, record.type)) return;
  shared_.table().prefetch_write(held.key);
  held.at = static_cast<uint32_t>(held_used_);
  held.size = static_cast<uint32_t>(size);
  held.seconds = keep.seconds;
  held.turns = 0;
  std::memcpy(held_bytes_.data() + held_used_, value_->data(), size);
  held_used_ += size;
  held_count_++;
}

bool LaneAnswers::put(const Held& held, io::Instant now) {
  const auto value = std::span(held_bytes_).subspan(held.at, held.size);
  const auto expires = now + std::chrono::seconds{held.seconds};
  for (uint32_t tries = 0; tries < limits::kPutTries; ++tries) {
    if (shared_.table().put(held.key, value, expires, now, counters_) != cache::PutResult::gave_up)
      return true;
  }
  return false;
}

void LaneAnswers::flush(io::Instant now) {
  uint32_t left = 0;
  size_t left_bytes = 0;
  for (uint32_t i = 0; i < held_count_; ++i) {
    Held& held = held_[i];
    // When it was kept, it may have been one too many at once for the processor to fetch.
    if (i + kPutAhead < held_count_) shared_.table().prefetch_write(held_[i + kPutAhead].key);
    if (put(held, now) || ++held.turns == limits::kPutTurns) continue;
    std::memmove(held_bytes_.data() + left_bytes, held_bytes_.data() + held.at, held.size);
    held.at = static_cast<uint32_t>(left_bytes);
    left_bytes += held.size;
    if (left != i) held_[left] = held;
    left++;
  }
  held_count_ = left;
  held_used_ = left_bytes;
  if (left > 0) return;  // who waits for one of these waits on
  for (const uint64_t hash : releases_) shared_.flights()->release(hash);
  releases_.clear();
}

}  // namespace zonesweep::engine
