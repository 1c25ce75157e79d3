#include "engine/lane_cache.h"

#include <algorithm>
#include <cstring>

#include "cache/ttl.h"

namespace zonesweep::engine {
namespace {

constexpr uint32_t kPutAhead = 6;  // entries whose places are fetched in advance
constexpr uint8_t kOnlyInMemory = 0x80;

}  // namespace

void Envelope::write(std::span<std::byte> out) const {
  const auto mark = static_cast<uint8_t>(format | (only_in_memory ? kOnlyInMemory : 0));
  std::memcpy(out.data(), &stored_s, sizeof(stored_s));
  std::memcpy(out.data() + sizeof(stored_s), &mark, sizeof(mark));
}

std::optional<Envelope> Envelope::read(std::span<const std::byte> value) {
  if (value.size() < kBytes) return std::nullopt;
  Envelope envelope;
  uint8_t mark = 0;
  std::memcpy(&envelope.stored_s, value.data(), sizeof(envelope.stored_s));
  std::memcpy(&mark, value.data() + sizeof(envelope.stored_s), sizeof(mark));
  envelope.format = mark & static_cast<uint8_t>(~kOnlyInMemory);
  envelope.only_in_memory = (mark & kOnlyInMemory) != 0;
  return envelope;
}

LaneCache::LaneCache(AnswerCache& shared)
    : shared_(shared),
      value_(std::make_unique<CachedBytes>()),
      held_(limits::kAnswersHeld),
      held_bytes_(limits::kAnswersHeldBytes) {}

std::optional<LaneCache::Hit> LaneCache::find(const cache::Key& key, io::Instant now, bool again) {
  const cache::Counters before = counters_;
  cache::Hit hit;
  const bool found = shared_.table().get(key, now, *value_, hit, counters_);
  if (again) counters_ = before;
  if (!found) return std::nullopt;
  const auto bytes = std::span<const std::byte>(*value_).first(hit.size);
  const auto envelope = Envelope::read(bytes);
  if (!envelope) return std::nullopt;
  return Hit{
      .envelope = *envelope, .value = bytes.subspan(Envelope::kBytes), .expires = hit.expires};
}

LaneCache::Claim LaneCache::claim(uint64_t hash, Ticket& ticket) {
  const auto claim = shared_.flights().claim(hash);
  ticket = {.hash = hash, .tracked = claim == cache::Flights::Claim::mine};
  return claim == cache::Flights::Claim::taken ? Claim::elsewhere : Claim::ours;
}

LaneCache::Asked LaneCache::ask(const cache::Key& key, io::Instant now, bool again) {
  using Outcome = Asked::Outcome;
  Asked asked;
  if (const auto hit = find(key, now, again)) return {.outcome = Outcome::hit, .hit = *hit};
  if (claim(key.hash(), asked.ticket) == Claim::elsewhere) {
    asked.outcome = Outcome::elsewhere;
    return asked;
  }
  // Between the two looks another lane may have put the answer and released the question.
  if (const auto hit = find(key, now, true)) {
    release(asked.ticket);
    return {.outcome = Outcome::hit, .hit = *hit};
  }
  return asked;
}

void LaneCache::release(Ticket ticket) {
  if (ticket.tracked) releases_.push_back(ticket.hash);
}

bool LaneCache::room_for(size_t size) const {
  return held_count_ < held_.size() && held_bytes_.size() - held_used_ >= size;
}

void LaneCache::keep(const cache::Key& key, std::span<const std::byte> value, const Keep& how,
                     io::Instant now) {
  if (how.seconds == 0 || value.size() > Envelope::kValueBytes) return;
  if (tier_ != nullptr && tier_->on() && !how.envelope.only_in_memory) send(key, value, how);
  hold(key, value, how, now);
}

void LaneCache::send(const cache::Key& key, std::span<const std::byte> value, const Keep& how) {
  enveloped_.resize(Envelope::kBytes + value.size());
  how.envelope.write(enveloped_);
  std::ranges::copy(value, enveloped_.begin() + Envelope::kBytes);
  cache::seal_redis_value(
      key, {.expires_s = how.envelope.stored_s + how.seconds, .value = enveloped_}, sealed_);
  tier_->store(cache::RedisKey(key), sealed_, how.seconds);
}

uint32_t LaneCache::fetch(const cache::Key& key, uint32_t token) {
  if (tier_ == nullptr || !tier_->on()) return RedisTier::kNone;
  return tier_->fetch(cache::RedisKey(key), token);
}

// The clock of whoever stored it may be wrong: it lives no longer than it was to live then, nor than
// any answer may.
std::optional<LaneCache::Hit> LaneCache::received(const cache::Key& key, std::string_view sealed,
                                                  io::Instant now, uint32_t now_s) {
  const auto opened = cache::open_redis_value(key, sealed);
  const auto envelope = opened ? Envelope::read(opened->value) : std::nullopt;
  if (!envelope || envelope->only_in_memory || opened->expires_s <= envelope->stored_s ||
      opened->expires_s <= now_s)
    return std::nullopt;
  const uint32_t seconds = std::min(
      {opened->expires_s - now_s, opened->expires_s - envelope->stored_s, cache::limits::kTtlMax});
  return Hit{.envelope = *envelope,
             .value = opened->value.subspan(Envelope::kBytes),
             .expires = now + std::chrono::seconds{seconds}};
}

void LaneCache::keep_received(const cache::Key& key, const Hit& hit, io::Instant now) {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(hit.expires - now).count();
  hold(key, hit.value, {.seconds = static_cast<uint32_t>(seconds), .envelope = hit.envelope}, now);
}

void LaneCache::hold(const cache::Key& key, std::span<const std::byte> value, const Keep& how,
                     io::Instant now) {
  const size_t size = Envelope::kBytes + value.size();
  if (!room_for(size)) flush(now);
  if (!room_for(size)) return;
  shared_.table().prefetch_write(key);
  std::byte* const to = held_bytes_.data() + held_used_;
  how.envelope.write({to, Envelope::kBytes});
  if (!value.empty()) std::memcpy(to + Envelope::kBytes, value.data(), value.size());
  Held& held = held_[held_count_++];
  held.key = key;
  held.at = static_cast<uint32_t>(held_used_);
  held.size = static_cast<uint32_t>(size);
  held.seconds = how.seconds;
  held.turns = 0;
  held_used_ += size;
}

bool LaneCache::put(const Held& held, io::Instant now) {
  const auto value = std::span(held_bytes_).subspan(held.at, held.size);
  const auto expires = now + std::chrono::seconds{held.seconds};
  for (uint32_t tries = 0; tries < limits::kPutTries; ++tries) {
    if (shared_.table().put(held.key, value, expires, now, counters_) != cache::PutResult::gave_up)
      return true;
  }
  return false;
}

void LaneCache::flush(io::Instant now) {
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
  for (const uint64_t hash : releases_) shared_.flights().release(hash);
  releases_.clear();
}

bool registration_key(cache::Key& key, const AnswerCache& shared, cache::Protocol protocol,
                      std::string_view server, std::string_view domain, uint32_t options) {
  std::array<char, cache::limits::kKeyNameBytes> name;
  if (server.size() + 1 + domain.size() > name.size()) return false;
  char* const at = std::ranges::copy(server, name.data()).out;
  *at = ' ';
  std::ranges::copy(domain, at + 1);
  return key.assign(
      {.protocol = protocol,
       .type = 0,
       .options = options,
       .name = std::as_bytes(std::span(name)).first(server.size() + 1 + domain.size())},
      shared.table().seed());
}

}  // namespace zonesweep::engine
