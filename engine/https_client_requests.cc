#include <algorithm>

#include "engine/https_client_state.h"

namespace zonesweep::engine {
namespace {

using Kind = HttpsResult::Kind;
using OriginId = HttpsClient::OriginId;

}  // namespace

// -- Taking

uint32_t HttpsClient::State::room(OriginId id) const {
  const HttpsOrigin& origin = origins_[id];
  if (origin.addresses.empty()) return 0;
  uint32_t room = 0;
  uint32_t usable = 0;
  uint32_t up = 0;
  for (const uint32_t index : origin.links) {
    const HttpsLink& link = *links_[index];
    room += link.room();
    if (link.usable()) ++usable;
    if (link.usable() && !link.opening()) ++up;
  }
  const uint32_t not_up = std::max(origin.connections_max, usable) - up;
  // What it speaks is seen on the first connection.
  const uint32_t counted =
      origin.speaks == HttpsOrigin::Speaks::unknown ? 1 - std::min(up, 1U) : not_up;
  room += counted * origin.ahead();
  const uint32_t slots = options_.requests_max - in_flight();
  return std::min(room - std::min(room, origin.waiting), slots);
}

uint32_t HttpsClient::State::new_request() {
  if (free_requests_.empty()) {
    requests_.emplace_back();
    return static_cast<uint32_t>(requests_.size() - 1);
  }
  const uint32_t slot = free_requests_.back();
  free_requests_.pop_back();
  return slot;
}

bool HttpsClient::State::ask(OriginId id, uint64_t token, std::string_view target,
                             std::string_view if_none_match) {
  if (room(id) == 0) return false;
  const uint32_t slot = new_request();
  HttpsRequest& request = requests_[slot];
  request.origin = id;
  request.token = token;
  request.target = target;
  request.if_none_match = if_none_match;
  request.sends = 0;
  request.asked = transport_.now();
  enqueue(slot, /*first=*/false);
  dispatch(id);
  return true;
}

void HttpsClient::State::cancel(uint64_t token) {
  const auto place = std::ranges::find_if(requests_, [token](const HttpsRequest& request) {
    return request.state != HttpsRequest::State::free && request.token == token;
  });
  if (place == requests_.end()) return;
  const OriginId origin = place->origin;
  give_up(static_cast<uint32_t>(place - requests_.begin()));
  dispatch(origin);
}

// The server need not answer any more, and nobody hears it if it does.
void HttpsClient::State::give_up(uint32_t slot) {
  const HttpsRequest& request = requests_[slot];
  HttpsLink* const link =
      request.state == HttpsRequest::State::sent ? links_[request.link].get() : nullptr;
  const uint64_t id = id_of(slot, request.generation);
  release(slot);
  if (link == nullptr) return;
  link->cancel(id);
  touch(*link);
}

std::optional<uint32_t> HttpsClient::State::find(uint64_t id) const noexcept {
  const auto slot = static_cast<uint32_t>(id);
  if (slot >= requests_.size() || requests_[slot].state != HttpsRequest::State::sent ||
      requests_[slot].generation != static_cast<uint32_t>(id >> 32)) {
    return std::nullopt;
  }
  return slot;
}

void HttpsClient::State::release(uint32_t slot) {
  if (requests_[slot].state == HttpsRequest::State::waiting) dequeue(slot);
  requests_[slot].state = HttpsRequest::State::free;
  ++requests_[slot].generation;
  timers_.disarm(slot);
  free_requests_.push_back(slot);
}

// The request is gone before its caller hears of it: the caller may ask the next.
void HttpsClient::State::end(uint32_t slot, HttpsResult result, const HttpsLink* link) {
  const HttpsRequest& request = requests_[slot];
  result.sends = request.sends;
  if (request.sends > 0) result.rtt = transport_.now() - request.sent;
  if (link != nullptr) {
    result.peer = &link->peer();
    result.http2 = link->speaks_http2();
  }
  const uint64_t token = request.token;
  release(slot);
  client_.on_http_end(token, result);
}

// False: it was asked often enough.
bool HttpsClient::State::repeat(uint32_t slot) {
  HttpsRequest& request = requests_[slot];
  if (request.sends > options_.repeats_max) return false;
  ++request.generation;  // what still comes for it belongs to nobody
  enqueue(slot, /*first=*/true);
  return true;
}

void HttpsClient::State::enqueue(uint32_t slot, bool first) {
  HttpsRequest& request = requests_[slot];
  HttpsOrigin& origin = origins_[request.origin];
  request.state = HttpsRequest::State::waiting;
  request.heard = false;
  request.next = first ? origin.head : kNoRequest;
  request.previous = first ? kNoRequest : origin.tail;
  (request.next == kNoRequest ? origin.tail : requests_[request.next].previous) = slot;
  (request.previous == kNoRequest ? origin.head : requests_[request.previous].next) = slot;
  ++origin.waiting;
  timers_.arm(slot, due_of(request));
}

void HttpsClient::State::dequeue(uint32_t slot) {
  const HttpsRequest& request = requests_[slot];
  HttpsOrigin& origin = origins_[request.origin];
  (request.next == kNoRequest ? origin.tail : requests_[request.next].previous) = request.previous;
  (request.previous == kNoRequest ? origin.head : requests_[request.previous].next) = request.next;
  --origin.waiting;
}

// -- Answers

void HttpsClient::State::on_link_progress(HttpsLink&, uint64_t id) {
  const auto slot = find(id);
  if (!slot) return;
  HttpsRequest& request = requests_[*slot];
  request.last_heard = transport_.now();
  // From here on the timer runs late at most: expire_request() looks again.
  if (!std::exchange(request.heard, true)) timers_.arm(*slot, due_of(request));
}

void HttpsClient::State::on_link_answer(HttpsLink& link, const http::Event& event) {
  const auto slot = find(event.token);
  if (!slot) return;
  const bool heard = requests_[*slot].heard;
  HttpsResult result;
  switch (event.kind) {
    case http::EndKind::response:
      result.kind = Kind::response;
      result.response = event.response;
      break;
    case http::EndKind::problem:
      result.kind = Kind::problem;
      result.problem = event.problem;
      break;
    case http::EndKind::reset:
      result.kind = Kind::reset;
      result.reset_code = event.error_code;
      break;
    case http::EndKind::unprocessed:
      if (repeat(*slot)) return;
      result.kind = Kind::unprocessed;
      break;
    case http::EndKind::closed:
      result = link.why();
      // A kept connection may end while the request is on its way: the server has not seen it.
      if (result.kind != Kind::net_error || heard || !link.served()) break;
      if (repeat(*slot)) return;
      result.kind = Kind::unprocessed;
      break;
  }
  result.stage = heard ? HttpsStage::idle : HttpsStage::first_byte;
  end(*slot, result, &link);
}

// -- Deadlines

Instant HttpsClient::State::due_of(const HttpsRequest& request) const noexcept {
  const Instant last = request.asked + options_.total_timeout;
  if (request.state != HttpsRequest::State::sent) return last;
  return std::min(last, request.heard ? request.last_heard + options_.idle_timeout
                                      : request.sent + options_.first_byte_timeout);
}

HttpsStage HttpsClient::State::stage_of(const HttpsRequest& request, Instant now) const noexcept {
  const bool sent = request.state == HttpsRequest::State::sent;
  if (sent && now < request.asked + options_.total_timeout)
    return request.heard ? HttpsStage::idle : HttpsStage::first_byte;
  if (sent) return HttpsStage::total;
  for (const uint32_t index : origins_[request.origin].links) {
    const auto state = links_[index]->state();
    if (state == HttpsLink::State::connecting) return HttpsStage::connect;
    if (state == HttpsLink::State::handshake) return HttpsStage::handshake;
  }
  return HttpsStage::total;
}

void HttpsClient::State::expire_request(uint32_t slot, Instant now) {
  const HttpsRequest& request = requests_[slot];
  if (request.state == HttpsRequest::State::free) return;
  const OriginId origin = request.origin;
  const Instant due = due_of(request);
  if (due > now) return timers_.arm(slot, due);
  const HttpsResult result{.kind = Kind::timeout, .stage = stage_of(request, now)};
  HttpsLink* link = nullptr;
  if (request.state == HttpsRequest::State::sent) {
    link = links_[request.link].get();
    // Silent for as long as that: the connection is dead, or its server is.
    if (link->heard() < request.sent) link->drain();
    if (!link->served() && !link->speaks_http2()) ++origins_[origin].next_address;
    link->cancel(id_of(slot, request.generation));
    touch(*link);
  }
  end(slot, result, link);
  dispatch(origin);
}

}  // namespace zonesweep::engine
