#include "engine/https_client.h"

#include <algorithm>

#include "engine/https_client_state.h"
#include "protocols/http/url.h"

namespace zonesweep::engine {
namespace {

using OriginId = HttpsClient::OriginId;

// When the transport was full: it does not tell when it no longer is.
constexpr auto kTransportRetry = std::chrono::milliseconds{20};

}  // namespace

std::string_view name_of(HttpsStage stage) noexcept {
  switch (stage) {
    case HttpsStage::connect: return "connect";
    case HttpsStage::handshake: return "TLS handshake";
    case HttpsStage::first_byte: return "first byte";
    case HttpsStage::idle: return "idle";
    case HttpsStage::total: return "total";
  }
  return "total";
}

// -- Origins

OriginId HttpsClient::State::open_origin(std::string_view host, uint16_t port,
                                         std::vector<io::Endpoint> addresses,
                                         uint32_t connections) {
  HttpsOrigin& origin = origins_.emplace_back();
  origin.host = host;
  origin.port = port;
  http::append_authority({.host = origin.host, .port = port, .target = {}}, origin.authority);
  origin.addresses = std::move(addresses);
  origin.connections_max = std::max(connections, 1U);
  return static_cast<OriginId>(origins_.size() - 1);
}

void HttpsClient::State::set_addresses(OriginId id, std::vector<io::Endpoint> addresses) {
  HttpsOrigin& origin = origins_[id];
  origin.addresses = std::move(addresses);
  origin.next_address = origin.failures = 0;
}

void HttpsClient::State::close_origin(OriginId id) {
  for (uint32_t slot = 0; slot < requests_.size(); ++slot) {
    if (requests_[slot].state != HttpsRequest::State::free && requests_[slot].origin == id)
      release(slot);
  }
  for (const uint32_t link : origins_[id].links) links_[link]->close();
}

void HttpsClient::State::close_all() {
  for (OriginId id = 0; id < origins_.size(); ++id) close_origin(id);
}

// -- Turns

bool HttpsClient::State::on_event(const io::Event& event) {
  const bool of_stream = event.kind == io::EventKind::stream_opened ||
                         event.kind == io::EventKind::stream_data ||
                         event.kind == io::EventKind::stream_closed;
  if (!of_stream || (event.token & kOwnerTag) == 0) return false;
  const uint32_t index = event.token & ~kOwnerTag;
  if (index >= links_.size() || links_[index]->stream() != event.stream) return true;
  links_[index]->on_event(event);
  touch(*links_[index]);
  return true;
}

// Flushing a link may end requests, and so bring new ones.
void HttpsClient::State::flush() {
  for (size_t i = 0; i < to_flush_.size(); ++i) {
    HttpsLink& link = *links_[to_flush_[i]];
    link.queued = false;
    if (!link.flush()) stuck_.push_back(link.index());
  }
  to_flush_.clear();
  for (const uint32_t link : stuck_) touch(*links_[link]);
  stuck_.clear();
}

Instant HttpsClient::State::wake_at(Instant limit) const {
  const bool again_soon = !starved_.empty() || !to_flush_.empty();
  if (again_soon) limit = std::min(limit, transport_.now() + kTransportRetry);
  return timers_.next(limit);
}

void HttpsClient::State::expire(Instant now) {
  due_.clear();
  timers_.expire(now, due_);
  for (const uint32_t timer : due_) {
    if (timer < options_.requests_max) {
      expire_request(timer, now);
    } else {
      expire_link(*links_[timer - options_.requests_max], now);
    }
  }
  feed_starved();
}

// -- The interface

HttpsClient::HttpsClient(io::Transport& transport, io::TlsContext& tls, Client& client,
                         HttpsOptions options)
    : state_(std::make_unique<State>(transport, tls, client, std::move(options))) {}
HttpsClient::~HttpsClient() = default;

HttpsClient::OriginId HttpsClient::open_origin(std::string_view host, uint16_t port,
                                               std::vector<io::Endpoint> addresses,
                                               uint32_t connections) {
  return state_->open_origin(host, port, std::move(addresses), connections);
}
void HttpsClient::set_addresses(OriginId origin, std::vector<io::Endpoint> addresses) {
  state_->set_addresses(origin, std::move(addresses));
}
void HttpsClient::close_origin(OriginId origin) { state_->close_origin(origin); }
void HttpsClient::close_all() { state_->close_all(); }
uint32_t HttpsClient::room(OriginId origin) const { return state_->room(origin); }
uint32_t HttpsClient::waiting(OriginId origin) const { return state_->waiting(origin); }
bool HttpsClient::ask(OriginId origin, uint64_t token, std::string_view target,
                      std::string_view if_none_match) {
  return state_->ask(origin, token, target, if_none_match);
}
void HttpsClient::cancel(uint64_t token) { state_->cancel(token); }
bool HttpsClient::on_event(const io::Event& event) { return state_->on_event(event); }
void HttpsClient::expire(Instant now) { state_->expire(now); }
Instant HttpsClient::wake_at(Instant limit) const { return state_->wake_at(limit); }
void HttpsClient::flush() { state_->flush(); }
uint32_t HttpsClient::in_flight() const noexcept { return state_->in_flight(); }
uint32_t HttpsClient::connections() const noexcept { return state_->connections(); }

}  // namespace zonesweep::engine
