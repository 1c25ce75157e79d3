#include "tests/sim/sim_transport.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

namespace zonesweep::sim {
namespace {

// A simulation starts well after zero, so that "one hour ago" is an instant too.
constexpr io::Instant kStart{std::chrono::hours{1'000}};

constexpr auto kLater = [](const auto& a, const auto& b) {
  return a.when != b.when ? a.when > b.when : a.order > b.order;
};

}  // namespace

SimTransport::SimTransport(uint64_t seed, SimOptions options)
    : options_(options),
      random_(seed),
      now_(kStart),
      suspended_until_(kStart),
      sockets_(options.max_sockets),
      streams_(options.max_streams) {}

SimTransport::~SimTransport() = default;

void SimTransport::place(const io::Endpoint& at, std::unique_ptr<SimServer> server) {
  place_of(at).server = std::move(server);
}

SimTransport::Place& SimTransport::place_of(const io::Endpoint& endpoint) {
  for (const auto& place : places_) {
    if (place->endpoint == endpoint) return *place;
  }
  places_.push_back(std::make_unique<Place>());
  places_.back()->endpoint = endpoint;
  return *places_.back();
}

Path& SimTransport::path(const io::Endpoint& to) { return place_of(to).path; }
SimServer* SimTransport::server(const io::Endpoint& at) { return place_of(at).server.get(); }

void SimTransport::at(io::Instant when, std::move_only_function<void()> action) {
  queue_.push_back({std::max(when, now_), order_++, std::move(action)});
  std::ranges::push_heap(queue_, kLater);
}

void SimTransport::after(io::Duration delay, std::move_only_function<void()> action) {
  at(now_ + delay, std::move(action));
}

SimTransport::Scheduled SimTransport::pop() {
  std::ranges::pop_heap(queue_, kLater);
  Scheduled next = std::move(queue_.back());
  queue_.pop_back();
  return next;
}

void SimTransport::suspend(io::Duration span) { suspended_until_ = now_ + span; }

std::span<const io::Event> SimTransport::turn(io::Instant wake_at, uint32_t wait_for) {
  ++counters_.turns;
  sent_this_turn_ = 0;
  lent_.clear();
  events_.clear();
  events_.swap(failed_);

  const bool wait = wait_for > 0 && events_.size() < wait_for;
  const io::Instant end = wait_for == 0 ? now_ + options_.turn_cost : std::max(wake_at, now_);
  const io::Instant awake = std::max(now_, suspended_until_);
  run_until(std::max(wait || wait_for == 0 ? end : now_, awake), awake, wait_for);
  rotate_sockets();
  return events_;
}

void SimTransport::run_until(io::Instant limit, io::Instant awake, uint32_t wait_for) {
  const auto satisfied = [&] { return wait_for > 0 && events_.size() >= wait_for; };
  while (!queue_.empty() && queue_.front().when <= limit) {
    // What falls on the same instant as the last awaited event is reported with it.
    if (satisfied() && queue_.front().when > std::max(now_, awake)) break;
    Scheduled next = pop();
    now_ = std::max(now_, next.when);
    next.action();
  }
  const bool endless = limit == io::Instant::max();
  check_progress(endless && events_.empty());
  if (satisfied() || endless) limit = awake;
  now_ = std::max(now_, limit);
}

void SimTransport::check_progress(bool stalled) {
  stalled_turns_ = stalled ? stalled_turns_ + 1 : 0;
  if (stalled_turns_ < limits::kStalledTurns) return;
  std::fputs("SimTransport: waiting for ever: nothing is under way and no wake-up was asked for\n",
             stderr);
  std::abort();
}

std::span<const std::byte> SimTransport::lend(std::span<const std::byte> bytes) {
  lent_.emplace_back(bytes.begin(), bytes.end());
  return lent_.back();
}

}  // namespace zonesweep::sim
