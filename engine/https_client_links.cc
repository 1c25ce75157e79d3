#include <algorithm>

#include "engine/https_client_state.h"

namespace zonesweep::engine {
namespace {

using Kind = HttpsResult::Kind;
using OriginId = HttpsClient::OriginId;

// After every address failed while another connection of the origin goes on.
constexpr auto kReconnect = std::chrono::seconds{1};

}  // namespace

void HttpsClient::State::dispatch(OriginId id) {
  while (origins_[id].waiting > 0) {
    HttpsLink* const link = link_with_room(origins_[id]);
    if (link == nullptr) break;
    send(origins_[id].head, *link);
  }
  const HttpsOrigin& origin = origins_[id];
  if (origin.waiting == 0 || transport_.now() < origin.not_before) return;
  uint32_t usable = 0;
  uint32_t opening = 0;
  for (const uint32_t link : origin.links) {
    usable += links_[link]->usable() ? 1 : 0;
    opening += links_[link]->opening() ? 1 : 0;
  }
  while (opening * origin.ahead() < origin.waiting && usable < origin.connections_max) {
    if (!open_link(id)) return starve(id);
    ++usable;
    ++opening;
  }
}

HttpsLink* HttpsClient::State::link_with_room(const HttpsOrigin& origin) const noexcept {
  for (const uint32_t link : origin.links) {
    if (links_[link]->room() > 0) return links_[link].get();
  }
  return nullptr;
}

void HttpsClient::State::send(uint32_t slot, HttpsLink& link) {
  dequeue(slot);
  HttpsRequest& request = requests_[slot];
  request.state = HttpsRequest::State::sent;
  request.link = link.index();
  request.sent = transport_.now();
  ++request.sends;
  timers_.arm(slot, due_of(request));
  const bool taken =
      link.send(id_of(slot, request.generation), {.authority = origins_[request.origin].authority,
                                                  .target = request.target,
                                                  .user_agent = options_.user_agent,
                                                  .if_none_match = request.if_none_match});
  if (taken) return touch(link);
  // The session refuses although it has room: it is of no more use.
  link.drain();
  touch(link);
  --request.sends;
  enqueue(slot, /*first=*/true);
}

bool HttpsClient::State::open_link(OriginId id) {
  HttpsLink* const link = free_link();
  if (link == nullptr) {
    drop_idle_link();
    return false;
  }
  HttpsOrigin& origin = origins_[id];
  const io::Endpoint peer = origin.addresses[origin.next_address % origin.addresses.size()];
  if (!link->open({.host = origin.host, .port = origin.port, .peer = peer, .origin = id},
                  plaintext_)) {
    return false;
  }
  std::erase(free_links_, link->index());
  origin.links.push_back(link->index());
  timers_.arm(timer_of(*link), transport_.now() + options_.connect_timeout);
  return true;
}

HttpsLink* HttpsClient::State::free_link() {
  if (!free_links_.empty()) return links_[free_links_.back()].get();
  if (links_.size() >= options_.connections_max) return nullptr;
  const auto index = static_cast<uint32_t>(links_.size());
  links_.push_back(std::make_unique<HttpsLink>(transport_, tls_, bodies_, *this, index));
  free_links_.push_back(index);
  return links_.back().get();
}

// All places are taken: a connection without requests makes room, the longest unused first.
void HttpsClient::State::drop_idle_link() {
  HttpsLink* oldest = nullptr;
  for (const auto& link : links_) {
    if (link->state() == HttpsLink::State::closing) return;  // its place will be free
    if (!link->idle() || (oldest != nullptr && oldest->used() <= link->used())) continue;
    oldest = link.get();
  }
  if (oldest != nullptr) oldest->close();
}

void HttpsClient::State::starve(OriginId id) {
  if (!std::exchange(origins_[id].starved, true)) starved_.push_back(id);
}

void HttpsClient::State::feed_starved() {
  for (size_t left = starved_.size(); left-- > 0;) {
    const OriginId id = starved_.front();
    starved_.erase(starved_.begin());
    origins_[id].starved = false;
    dispatch(id);
  }
}

void HttpsClient::State::on_link_connected(HttpsLink& link) {
  timers_.arm(timer_of(link), transport_.now() + options_.handshake_timeout);
}

void HttpsClient::State::on_link_up(HttpsLink& link) {
  timers_.arm(timer_of(link), transport_.now() + options_.keep_alive);
  origins_[link.origin()].speaks =
      link.speaks_http2() ? HttpsOrigin::Speaks::http2 : HttpsOrigin::Speaks::http1;
  dispatch(link.origin());
}

// A connection counts as made when it brought a byte of an answer: a server that accepts, greets
// and hangs up must not be connected to again and again.
void HttpsClient::State::on_link_lost(HttpsLink& link) {
  const OriginId id = link.origin();
  HttpsOrigin& origin = origins_[id];
  timers_.disarm(timer_of(link));
  if (link.served()) {
    origin.failures = 0;
    return dispatch(id);
  }
  ++origin.next_address;
  if (++origin.failures < origin.addresses.size()) return dispatch(id);
  origin.failures = 0;
  const bool alone =
      std::ranges::none_of(origin.links, [&](uint32_t index) { return links_[index]->usable(); });
  if (alone) return fail_waiting(id, link.why(), link);
  origin.not_before = transport_.now() + kReconnect;
}

void HttpsClient::State::on_link_free(HttpsLink& link) {
  timers_.disarm(timer_of(link));
  std::erase(origins_[link.origin()].links, link.index());
  free_links_.push_back(link.index());
  feed_starved();
}

// Those that wait now; whoever is asked for meanwhile gets a connection of its own.
void HttpsClient::State::fail_waiting(OriginId id, const HttpsResult& why, const HttpsLink& link) {
  doomed_.clear();
  for (uint32_t slot = origins_[id].head; slot != kNoRequest; slot = requests_[slot].next)
    doomed_.push_back(id_of(slot, requests_[slot].generation));
  for (const uint64_t doomed : doomed_) {
    const auto slot = static_cast<uint32_t>(doomed);
    const bool same = requests_[slot].generation == static_cast<uint32_t>(doomed >> 32);
    if (same && requests_[slot].state == HttpsRequest::State::waiting) end(slot, why, &link);
  }
}

void HttpsClient::State::touch(HttpsLink& link) {
  if (!std::exchange(link.queued, true)) to_flush_.push_back(link.index());
}

void HttpsClient::State::expire_link(HttpsLink& link, Instant now) {
  if (link.opening()) {
    const bool connecting = link.state() == HttpsLink::State::connecting;
    return link.fail(
        {.kind = Kind::timeout, .stage = connecting ? HttpsStage::connect : HttpsStage::handshake});
  }
  if (link.state() != HttpsLink::State::up) return;
  const Instant due = link.used() + options_.keep_alive;
  if (link.idle() && due <= now) return link.close();
  timers_.arm(timer_of(link), std::max(due, now + options_.keep_alive / 8));
}

}  // namespace zonesweep::engine
