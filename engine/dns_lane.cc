// The turn of a lane: what came in, what is due, what can start.
#include "engine/dns_lane.h"

#include <algorithm>
#include <cassert>

#include "engine/wall_clock.h"

namespace zonesweep::engine {
namespace {

using namespace std::chrono_literals;

// A hard cap must hold in any second: bursts stay small beside it.
constexpr double kRateBurstSeconds = 0.002;
constexpr auto kHousekeepEvery = 250ms;

}  // namespace

void DnsLane::TokenBucket::turn(Instant now) {
  if (rate == 0) return;
  const double burst = std::max(1.0, rate * kRateBurstSeconds);
  tokens = std::min(burst, tokens + rate * std::chrono::duration<double>(now - filled).count());
  filled = now;
}

Instant DnsLane::TokenBucket::next(Instant now) const {
  if (has()) return now;
  return now + Duration{static_cast<int64_t>((1 - tokens) / rate * 1e9) + 1};
}

std::expected<std::unique_ptr<DnsLane>, io::Error> DnsLane::create(
    io::Transport& transport, NameQueue& queue, RecordWriter& writer,
    std::span<const io::Endpoint> servers, DnsLaneOptions options,
    const std::atomic<StopLevel>& stop) {
  assert(!servers.empty() && !options.types.empty() && options.window > 0 && options.tries > 0);
  const auto questions = static_cast<uint32_t>(options.window * options.types.size());
  auto opened = DnsServers::open(
      transport, servers, {.rate_per_server = options.rate_per_server, .in_flight_max = questions});
  if (!opened) return std::unexpected(opened.error());
  if (options.wall_us == nullptr) options.wall_us = wall_clock_us;
  std::unique_ptr<DnsLane> lane(
      new DnsLane(transport, queue, writer, std::move(*opened), std::move(options), stop));
  lane->open_redis(servers);
  return lane;
}

// Without it the run goes on: the tier may be away for any reason.
void DnsLane::open_redis(std::span<const io::Endpoint> resolvers) {
  if (!answers_ || !options_.redis) return;
  auto tier = RedisTier::create(transport_, *options_.redis, resolvers, *this);
  if (!tier) return;
  redis_ = std::move(*tier);
  answers_->share(*redis_);
}

DnsLane::DnsLane(io::Transport& transport, NameQueue& queue, RecordWriter& writer,
                 DnsServers servers, DnsLaneOptions options, const std::atomic<StopLevel>& stop)
    : transport_(transport),
      queue_(queue),
      writer_(writer),
      stop_(stop),
      options_(std::move(options)),
      servers_(std::move(servers)),
      random_(options_.random_seed),
      tcp_(transport, random_, *this, servers_.size()),
      lookups_(options_.window),
      questions_(static_cast<uint32_t>(options_.window * options_.types.size()) + servers_.size()),
      flights_(questions_.size(), random_u64()),
      timers_(questions_.size(), transport.now()),
      rate_{.rate = options_.rate, .filled = transport.now()},
      arena_(std::make_unique_for_overwrite<std::byte[]>(limits::kSendArenaBytes)),
      now_(transport.now()) {
  // A socket's table is created when it first sends: with thousands of servers most never do.
  ids_.assign(transport.max_sockets(), IdTable(0));
  if (options_.cache != nullptr) {
    answers_ =
        std::make_unique<DnsAnswers>(*options_.cache, static_cast<uint32_t>(options_.types.size()));
  }
}

void DnsLane::run() {
  while (turn()) {
  }
  if (draining_) abandon();
  writer_.flush();
  if (redis_ && stop_.load(std::memory_order_relaxed) != StopLevel::abandon) redis_->say_farewell();
  publish(true);
}

bool DnsLane::turn() {
  const auto events = transport_.turn(wake_at(), wait_for());
  now_ = transport_.now();
  wall_us_ = options_.wall_us();
  for (const io::Event& event : events) dispatch(event);
  expire();
  if (redis_) redis_->turn();
  if (!transport_.failure().empty()) return false;
  look_again();
  if (answers_) answers_->flush(now_);
  const StopLevel stop = stop_.load(std::memory_order_relaxed);
  draining_ = stop != StopLevel::run;
  if (stop == StopLevel::abandon) return false;
  servers_.turn(transport_);
  rate_.turn(now_);
  launch();
  if (redis_) redis_->flush();
  settle_chunks();
  writer_.tick(now_);
  publish(false);
  return !finished();
}

bool DnsLane::finished() const {
  if (draining_) return asked_ == 0 && pausing_ == 0 && again_.empty() && held_.empty();
  // Another lane may wait for a question that this one has not let go of yet.
  if (answers_ && !answers_->idle()) return false;
  return lookups_.empty() && (!batch_ || batch_at_ == batch_->block.names.size()) &&
         queue_.drained();
}

uint32_t DnsLane::wait_for() const {
  if (hits_of_turn_ >= limits::kHitsPerTurn) return 0;  // there is more where these came from
  // Many at once fill GSO batches and halve the cost of a query. With little in flight nobody waits
  // for company.
  return std::clamp<uint32_t>(asked_ / 4, 1, limits::kWaitBatch);
}

Instant DnsLane::wake_at() const {
  if (hits_of_turn_ >= limits::kHitsPerTurn) return now_;
  const bool busy = asked_ + pausing_ + fetching_ + waiting_.size() > 0;
  Instant wake = now_ + (busy ? Duration{limits::kWaitMost} : Duration{limits::kIdleWait});
  if (starved_) {
    const Instant permit = std::max(servers_.next_permit(), rate_.next(now_));
    wake = std::min(wake, std::max(permit, now_ + batch_wait()));
  }
  return timers_.next(wake);
}

// Permits that trickle in are worth a wait too: as long as it takes to gather a batch of them.
Duration DnsLane::batch_wait() const {
  const Duration batch{
      static_cast<int64_t>(limits::kWaitBatch / std::max(servers_.rate(), 1.0) * 1e9)};
  const bool busy = asked_ >= limits::kWaitBatch;
  return busy ? std::clamp<Duration>(batch, limits::kWaitLeast, limits::kWaitMost)
              : Duration{limits::kWaitLeast};
}

void DnsLane::dispatch(const io::Event& event) {
  if (redis_ && redis_->on_event(event)) return;
  switch (event.kind) {
    case io::EventKind::datagram: return on_datagram(event);
    case io::EventKind::send_failed: return on_send_failed(event);
    case io::EventKind::channel_error: return on_channel_error(event);
    case io::EventKind::stream_opened:
    case io::EventKind::stream_data:
    case io::EventKind::stream_closed: return tcp_.on_event(event);
  }
}

void DnsLane::expire() {
  due_.clear();
  timers_.expire(now_, due_);
  for (const uint32_t slot : due_) on_timer(slot);
  if (now_ - housekept_ < kHousekeepEvery) return;
  housekept_ = now_;
  tcp_.tick(now_);
}

void DnsLane::publish(bool always) {
  if (!always && now_ - published_ < limits::kPublishEvery) return;
  published_ = now_;
  const io::TransportCounters& counters = transport_.counters();
  statistics_.in_flight = asked_;
  statistics_.datagrams_dropped = counters.receive_overflows;
  statistics_.sends = counters.sends;
  if (answers_) {
    const cache::Counters& cached = answers_->counters();
    statistics_.cache_hits = cached.hits;
    statistics_.cache_misses = cached.misses;
    statistics_.cache_expired = cached.expired;
    statistics_.cache_stored = cached.stored;
    statistics_.cache_gave_up = cached.gave_up_reads + cached.gave_up_writes;
  }
  if (redis_) statistics_.redis = redis_->counters();
  shared_.publish(statistics_);
}

std::string DnsLane::redis_problem() const { return redis_ ? redis_->complaint() : std::string(); }

void DnsLane::abandon() {
  if (!options_.rows_for_cancelled) return;
  for (uint32_t slot = 0; slot < questions_.size(); ++slot) {
    const Question& question = questions_[slot];
    const bool open =
        question.state == Question::State::ready || question.state == Question::State::asked ||
        question.state == Question::State::waiting || question.state == Question::State::pausing ||
        question.state == Question::State::fetching;
    if (open && !question.probe) cancel(slot);
  }
}

}  // namespace zonesweep::engine
