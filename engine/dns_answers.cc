#include "engine/dns_answers.h"

namespace zonesweep::engine {
namespace {

constexpr int64_t kUsPerSecond = 1'000'000;
constexpr uint64_t kNearer = limits::kForeseen / 2;  // names that the index has had time to come

uint32_t seconds_of(int64_t wall_us) { return static_cast<uint32_t>(wall_us / kUsPerSecond); }

}  // namespace

DnsAnswers::DnsAnswers(AnswerCache& shared, uint32_t types)
    : cache_(shared),
      types_(types),
      foreseen_(size_t{2} * limits::kForeseen * types),
      encoded_(std::make_unique<CachedBytes>()),
      decoded_(std::make_unique<DecodedAnswer>()) {}

bool DnsAnswers::assign(cache::Key& key, dns::WireName name, uint16_t type) const {
  return key.assign({.protocol = cache::Protocol::dns,
                     .type = type,
                     .options = cache_.shared().dns_options(),
                     .name = name},
                    cache_.shared().table().seed());
}

DnsAnswers::Foreseen& DnsAnswers::place(uint64_t seq, uint32_t number) {
  return foreseen_[seq % (2 * limits::kForeseen) * types_ + number];
}

void DnsAnswers::foresee(uint64_t seq, uint32_t number, dns::WireName name, uint16_t type) {
  Foreseen& foreseen = place(seq, number);
  foreseen.seq = seq;
  if (!assign(foreseen.key, name, type)) foreseen.seq = UINT64_MAX;
  cache_.prefetch(foreseen.key);
  if (seq < kNearer) return;
  const Foreseen& nearer = place(seq - kNearer, number);
  if (nearer.seq == seq - kNearer) cache_.prefetch_entry(nearer.key);
}

DnsAnswers::Found DnsAnswers::find(uint64_t seq, uint32_t number, io::Instant now, int64_t wall_us,
                                   DnsRecord& record) {
  Foreseen& foreseen = place(seq, number);
  if (foreseen.seq != seq) {
    foreseen.seq = UINT64_MAX;
    if (!assign(foreseen.key, record.name, record.type)) return {};
  }
  return {.hit = get(foreseen.key, now, wall_us, false, record), .hash = foreseen.key.hash()};
}

bool DnsAnswers::find_again(io::Instant now, int64_t wall_us, DnsRecord& record) {
  return assign(key_, record.name, record.type) && get(key_, now, wall_us, true, record);
}

bool DnsAnswers::get(const cache::Key& key, io::Instant now, int64_t wall_us, bool again,
                     DnsRecord& record) {
  const auto hit = cache_.find(key, now, again);
  return hit && decode_answer(*hit, seconds_of(wall_us), *decoded_, record);
}

DnsAnswers::Claim DnsAnswers::claim(uint64_t hash, LaneCache::Ticket& ticket) {
  return cache_.shared().one_lane() ? Claim::ours : cache_.claim(hash, ticket);
}

void DnsAnswers::keep(DnsRecord record, io::Instant now, int64_t wall_us) {
  if (record.summary == nullptr && !record.message.empty()) {
    const auto message = dns::Message::parse(record.message);
    const auto summary = message ? message->validate() : std::unexpected(message.error());
    if (!summary) return;
    decoded_->summary = *summary;
    record.summary = &decoded_->summary;
  }
  const LaneCache::Keep how = keep_of(record, seconds_of(wall_us));
  if (how.seconds == 0) return;
  const size_t size = encode_answer(record, *encoded_);
  if (size == 0 || !assign(key_, record.name, record.type)) return;
  cache_.keep(key_, std::span(*encoded_).first(size), how, now);
}

uint32_t DnsAnswers::fetch(dns::WireName name, uint16_t type, uint32_t token) {
  return assign(key_, name, type) ? cache_.fetch(key_, token) : RedisTier::kNone;
}

bool DnsAnswers::receive(std::string_view sealed, io::Instant now, int64_t wall_us,
                         DnsRecord& record) {
  const uint32_t now_s = seconds_of(wall_us);
  if (!assign(key_, record.name, record.type)) return false;
  const auto hit = LaneCache::received(key_, sealed, now, now_s);
  if (!hit || !decode_answer(*hit, now_s, *decoded_, record)) return false;
  cache_.keep_received(key_, *hit, now);
  return true;
}

}  // namespace zonesweep::engine
