#include "engine/registration_lane.h"

#include <algorithm>
#include <cassert>
#include <utility>

#include "engine/registration_memory.h"
#include "engine/wall_clock.h"

namespace zonesweep::engine {
namespace {

constexpr auto kMemoryEvery = std::chrono::seconds{1};

[[nodiscard]] Duration seconds(int64_t n) { return std::chrono::seconds{n}; }

// What is asked again needs a permit again: the client must not do it on its own.
[[nodiscard]] HttpsOptions without_repeats(HttpsOptions options) {
  options.repeats_max = 0;
  return options;
}

}  // namespace

RegistrationLane::RegistrationLane(io::Transport& transport, NameQueue& queue,
                                   RegistrationWriter& writer, Parking& parking,
                                   const Registries& registries, io::TlsContext& tls,
                                   RegistrationOptions options, const std::atomic<StopLevel>& stop)
    : transport_(transport),
      queue_(queue),
      writer_(writer),
      parking_(parking),
      registries_(registries),
      options_(std::move(options)),
      wall_clock_(options_.wall_us != nullptr ? options_.wall_us : wall_clock_us),
      fence_(options_.fence),
      stop_(stop),
      whois_(transport, *this, options_.whois),
      https_(transport, tls, *this, without_repeats(options_.https)),
      lookups_(limits::kLookups),
      timers_(limits::kBackends, transport.now()),
      now_(transport.now()) {
  for (uint32_t slot = limits::kLookups; slot-- > 0;) free_.push_back(slot);
  wall_us_ = wall_clock_();
  if (options_.cache != nullptr && !options_.registrar)
    answers_ = std::make_unique<RegistrationAnswers>(*options_.cache);
}

RegistrationLane::~RegistrationLane() = default;

std::expected<std::unique_ptr<RegistrationLane>, io::Error> RegistrationLane::create(
    io::Transport& transport, NameQueue& queue, RegistrationWriter& writer, Parking& parking,
    const Registries& registries, io::TlsContext& tls, std::span<const io::Endpoint> resolvers,
    RegistrationOptions options, const std::atomic<StopLevel>& stop, std::string_view memory) {
  const uint64_t seed = options.random_seed;
  std::unique_ptr<RegistrationLane> lane(new RegistrationLane(
      transport, queue, writer, parking, registries, tls, std::move(options), stop));
  auto hosts = HostLookup::create(transport, resolvers, *lane, seed);
  if (!hosts) return std::unexpected(hosts.error());
  lane->hosts_ = std::move(*hosts);
  lane->open_redis(resolvers);
  lane->remember(memory);
  lane->publish(true);
  return lane;
}

// Without it the run goes on: the tier may be away for any reason.
void RegistrationLane::open_redis(std::span<const io::Endpoint> resolvers) {
  if (!answers_ || !options_.redis) return;
  auto tier = RedisTier::create(transport_, *options_.redis, resolvers, *this);
  if (!tier) return;
  redis_ = std::move(*tier);
  answers_->share(*redis_);
}

void RegistrationLane::run() {
  while (turn()) {
  }
  const bool abandoned = stop_.load(std::memory_order_relaxed) == StopLevel::abandon;
  if (abandoned) abandon();
  if (redis_ && !abandoned) redis_->say_farewell();
  publish(true);
  writer_.flush();
}

bool RegistrationLane::turn() {
  if (finished()) return false;
  const auto events = transport_.turn(wake_at(), wait_for());
  now_ = transport_.now();
  wall_us_ = wall_clock_();
  for (const io::Event& event : events) dispatch(event);
  expire();
  intake();
  serve_all();
  https_.flush();
  if (redis_) redis_->flush();
  if (answers_) answers_->flush(now_);
  writer_.tick(now_);
  publish(false);
  return true;
}

bool RegistrationLane::finished() const {
  if (!failure().empty()) return true;
  const StopLevel stop = stop_.load(std::memory_order_relaxed);
  if (stop == StopLevel::abandon) return true;
  const bool idle = free_.size() == lookups_.size();
  if (stop == StopLevel::drain) return whois_.in_flight() == 0 && https_.in_flight() == 0;
  return idle && waiting_ == 0 && queue_.drained();
}

void RegistrationLane::dispatch(const io::Event& event) {
  if (redis_ && redis_->on_event(event)) return;
  if (hosts_->on_event(event) || https_.on_event(event)) return;
  whois_.on_event(event);
}

void RegistrationLane::expire() {
  whois_.expire(now_);
  https_.expire(now_);
  hosts_->expire(now_);
  if (redis_) redis_->turn();
  due_.clear();
  timers_.expire(now_, due_);
  for (const uint32_t backend : due_) touch(backend);
}

Instant RegistrationLane::wake_at() const {
  const bool fed = !queue_.drained() && stop_.load(std::memory_order_relaxed) == StopLevel::run;
  // The queue tells nobody that something came; the writer does not say when it caught up.
  Instant wake = now_ + (fed || full_ ? limits::kIdleWait : limits::kPublishEvery);
  if (wait_for() > 1) wake = std::min<Instant>(wake, now_ + limits::kWaitMost);
  if (!ready_.empty() && !full_ && stop_.load(std::memory_order_relaxed) == StopLevel::run)
    return now_;
  wake = std::min({wake, whois_.wake_at(wake), https_.wake_at(wake), hosts_->wake_at()});
  if (redis_) wake = std::min(wake, redis_->wake_at());
  return timers_.next(wake);
}

// With many exchanges under way their completions are handled together.
uint32_t RegistrationLane::wait_for() const {
  return std::clamp((whois_.in_flight() + https_.in_flight()) / 4, 1U, 4 * limits::kWaitBatch);
}

void RegistrationLane::publish(bool now) {
  if (!now && now_ < publish_at_) return;
  publish_at_ = now_ + limits::kPublishEvery;
  counts_.waiting = waiting_;
  if (answers_) counts_.cache = answers_->counters();
  if (redis_) counts_.redis = redis_->counters();
  counts_.in_flight = whois_.in_flight() + https_.in_flight();
  counts_.backends = backends_.size();
  counts_.parked_on_disk = parking_.disk_bytes();
  counts_.quarantined = 0;
  for (const Backend& backend : backends_) {
    counts_.quarantined += backend.limiter.quarantined(now_) ? 1 : 0;
  }
  shared_.publish(counts_);
  if (now || now_ >= memory_at_) publish_memory();
}

// --- what a resume must know

void RegistrationLane::publish_memory() {
  memory_at_ = now_ + kMemoryEvery;
  const auto unix_of = [this](Instant when) {
    return wall_us_ / 1'000'000 +
           std::chrono::duration_cast<std::chrono::seconds>(when - now_).count();
  };
  std::vector<BackendMemory> all;
  std::vector<Instant> quota;
  for (const Backend& backend : backends_) {
    BackendMemory one{.id = backend.id, .trouble = backend.limiter.trouble(now_)};
    if (backend.limiter.quarantined(now_)) one.until = unix_of(backend.limiter.quarantine_until());
    quota.clear();
    backend.limiter.append_quota_use(quota);
    for (const Instant begun : quota) {
      if (begun + backend.limiter.limits().quota_span > now_) one.quota.push_back(unix_of(begun));
    }
    if (one.until != 0 || !one.quota.empty()) all.push_back(std::move(one));
  }
  std::string text = all.empty() ? std::string() : format(all);
  const std::lock_guard lock(memory_mutex_);
  memory_ = std::move(text);
}

std::string RegistrationLane::memory() const {
  const std::lock_guard lock(memory_mutex_);
  return memory_;
}

void RegistrationLane::remember(std::string_view memory) {
  const int64_t now = wall_us_ / 1'000'000;
  for (BackendMemory& past : parse_registration_memory(memory)) {
    past.until = std::min(past.until, now + int64_t{http::limits::kRetryAfterMax});
    remembered_.emplace(std::string{past.id}, std::move(past));
  }
}

// A backend that is new to this run.
void RegistrationLane::recall(Backend& backend) {
  const auto past = remembered_.find(backend.id);
  if (past == remembered_.end()) return;
  const int64_t now = wall_us_ / 1'000'000;
  const BackendMemory& was = past->second;
  for (const int64_t begun : was.quota)
    backend.limiter.restore_quota_use(now_ - seconds(std::max<int64_t>(now - begun, 0)));
  if (was.until > now) backend.limiter.restore(now_ + seconds(was.until - now), was.trouble);
}

// --- the end of a run that does not finish

void RegistrationLane::abandon() {
  https_.close_all();
  whois_.drop_all();
  hosts_->close_all();
  if (options_.rows_for_cancelled) cancel_waiting();
}

// Rows on standard output cannot be resumed: each name gets its last word.
void RegistrationLane::cancel_waiting() {
  const Reading cancelled{.verdict = {RegistrationStatus::cancelled, {}}};
  for (uint32_t slot = 0; slot < lookups_.size(); ++slot) {
    if (lookups_[slot].used) write_row(slot, cancelled);
  }
  for (uint32_t backend = 0; backend < backends_.size(); ++backend) {
    while (failure_.empty() && waiting(backend) > 0) write_row(pop(backend), cancelled);
  }
  while (const auto batch = queue_.take()) {
    for (const InputName& name : batch->block.names)
      write_refusal(*batch, name, RegistrationStatus::cancelled, {});
  }
}

}  // namespace zonesweep::engine
