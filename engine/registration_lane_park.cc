#include <algorithm>
#include <cassert>
#include <utility>

#include "engine/backend_facts.h"
#include "engine/registration_lane.h"
#include "protocols/dns/name.h"

namespace zonesweep::engine {
namespace {

[[nodiscard]] bool is_https(std::string_view target) noexcept {
  return target.starts_with("https://") || target.starts_with("http://");
}

}  // namespace

void RegistrationLane::intake() {
  if (stop_.load(std::memory_order_relaxed) != StopLevel::run) return;
  for (uint32_t n = 0; n < limits::kBatchesPerTurn && !writer_.full() && !parking_.full(); ++n) {
    auto batch = queue_.take();
    if (!batch) return;
    for (const InputName& name : batch->block.names) take(*batch, name);
    counts_.input_bytes = std::max(counts_.input_bytes, batch->block.bytes_read);
    queue_.recycle(std::move(batch));
  }
}

void RegistrationLane::take(const NameBatch& batch, const InputName& input) {
  counts_.names++;
  if (input.kind == InputName::Kind::illegal) {
    return write_refusal(batch, input, RegistrationStatus::illegal_input, name_of(input.reason));
  }
  if (input.kind == InputName::Kind::address)
    return write_refusal(batch, input, RegistrationStatus::illegal_input, "an address");
  name_.clear();
  dns::append_lower_name_text(batch.block.wire(input), name_, dns::FinalDot::dropped);
  const RegistrationPlan plan = registries_.plan(name_);
  if (!plan.refusal.empty()) return write_refusal(batch, input, plan.status, plan.refusal);
  const Route& route = route_of(plan);
  const bool rdap = route.rdap != kNone && options_.probe != RegistrationProbe::whois;
  ParkedName name{.chunk = batch.chunk, .seq = input.seq, .name = name_};
  name.step = rdap ? RegistrationStep::rdap : RegistrationStep::whois;
  name.input = batch.block.input(input);
  RegistrationVerdict verdict;
  if (!rdap && options_.probe == RegistrationProbe::rdap) {
    return write_refusal(batch, input, RegistrationStatus::no_server, "no RDAP server is known");
  }
  uint32_t server = server_of(name, verdict);
  if (server == kNone && ask_iana(name)) {
    name.step = RegistrationStep::iana;
    server = iana();
  }
  if (server == kNone) return write_refusal(batch, input, verdict.status, verdict.error);
  if (write_known(name, plan.domain, false)) return;
  park(name, servers_[server].backend);
}

// False: nothing of the name is kept.
bool RegistrationLane::question_of(std::string_view name, std::string_view domain,
                                   RegistrationAnswers::Question& question) {
  const Route& route = route_of(registries_.plan(name));
  const bool rdap = route.rdap != kNone && options_.probe != RegistrationProbe::whois;
  const uint32_t first = rdap ? route.rdap : route.whois != kNone ? route.whois : iana();
  if (!answers_ || first == kNone) return false;
  const Server& server = servers_[first];
  question = {.first = server.source,
              .host = server.host,
              .port = server.port,
              .probe = options_.probe,
              .domain = domain};
  return true;
}

// The row, if the answer is in the cache.
bool RegistrationLane::write_known(const ParkedName& name, std::string_view domain, bool again) {
  RegistrationAnswers::Question question;
  if (!question_of(name.name, domain, question)) return false;
  const auto known = answers_->find(question, now_, again, reader_);
  if (known) write_known(name, domain, *known);
  return known.has_value();
}

void RegistrationLane::write_known(const ParkedName& name, std::string_view domain,
                                   const RegistrationAnswers::Known& known) {
  RegistrationRecord record{.seq = name.seq,
                            .input = name.input,
                            .name = name.name,
                            .domain = domain,
                            .status = known.reading.verdict.status,
                            .source = known.source,
                            .server = known.server,
                            .answer = known.reading.answer,
                            .tries = known.tries,
                            .cached = true,
                            .ts_us = wall_us_};
  if (options_.raw) record.raw = known.reading.raw;
  writer_.write(name.chunk, record);
  counts_.rows++;
  counts_.statuses[static_cast<size_t>(record.status)]++;
}

void RegistrationLane::write_refusal(const NameBatch& batch, const InputName& input,
                                     RegistrationStatus status, std::string_view reason) {
  RegistrationRecord record{.seq = input.seq, .input = batch.block.input(input)};
  if (input.kind == InputName::Kind::name) {
    name_.clear();
    dns::append_lower_name_text(batch.block.wire(input), name_, dns::FinalDot::dropped);
    record.name = name_;
    const RegistrationPlan plan = registries_.plan(name_);
    record.domain = plan.domain;
  }
  record.status = status;
  record.error = reason;
  record.ts_us = wall_us_;
  writer_.write(batch.chunk, record);
  counts_.rows++;
  counts_.statuses[static_cast<size_t>(status)]++;
}

const RegistrationLane::Route& RegistrationLane::route_of(const RegistrationPlan& plan) {
  if (const auto known = routes_.find(plan.suffix); known != routes_.end()) return known->second;
  if (routes_.size() >= limits::kRoutes) routes_.clear();
  Route route;
  if (const rdap::Base base = registries_.rdap_base(plan.domain); !base.url.empty()) {
    if (const auto url = http::parse_url(base.url)) {
      route.rdap = server_for(Source::rdap, url->host, url->port);
      route.base = base.url;
      fence_.allow_port(url->port);
    }
  }
  if (const whois::Server server = registries_.whois_server(plan.domain); !server.host.empty()) {
    route.whois = server_for(Source::whois, server.host, server.port);
    fence_.allow_port(server.port);
  }
  return routes_.emplace(std::string{plan.suffix}, std::move(route)).first->second;
}

std::string_view RegistrationLane::server_key(Source source, std::string_view host, uint16_t port) {
  scratch_.assign(name_of(source)).append(" ").append(host).append(" ");
  return scratch_.append(std::to_string(port));
}

// Peers can name hosts without end; those must not take the places of the zones' own servers.
uint32_t RegistrationLane::server_of_peer(Source source, std::string_view host, uint16_t port) {
  if (!server_ids_.contains(server_key(source, host, port))) {
    if (servers_of_peers_ >= limits::kServersOfPeers) return kNone;
    servers_of_peers_++;
  }
  return server_for(source, host, port);
}

// kNone: there are too many already.
uint32_t RegistrationLane::server_for(Source source, std::string_view host, uint16_t port) {
  const std::string key{server_key(source, host, port)};
  if (const auto known = server_ids_.find(key); known != server_ids_.end()) return known->second;
  if (servers_.size() >= limits::kServers) return kNone;
  const uint32_t backend = backend_for(source, host);
  if (backend == kNone) return kNone;
  const auto id = static_cast<uint32_t>(servers_.size());
  servers_.push_back(
      {.source = source, .host = std::string{host}, .port = port, .backend = backend});
  server_ids_.emplace(key, id);
  return id;
}

uint32_t RegistrationLane::backend_for(Source source, std::string_view host) {
  const BackendFacts facts = backend_facts(source, host, registries_.suffixes());
  if (const auto known = backend_ids_.find(facts.id); known != backend_ids_.end())
    return known->second;
  if (backends_.size() >= limits::kBackends) return kNone;
  const bool is_rdap = source == Source::rdap;
  Limits limits{.rate = facts.rate.value_or(is_rdap ? options_.rdap_rate : options_.whois_rate),
                .exchanges = facts.exchanges.value_or(is_rdap ? options_.rdap_connections
                                                              : options_.whois_connections),
                .quota = facts.quota,
                .quota_span = facts.quota_span};
  if (is_rdap) limits.exchanges *= limits::kRdapStreams;
  const auto id = static_cast<uint32_t>(backends_.size());
  backends_.push_back({.id = facts.id, .limiter = Limiter(limits, options_.patience)});
  recall(backends_.back());
  backend_ids_.emplace(facts.id, id);
  return id;
}

uint32_t RegistrationLane::iana() {
  if (iana_ == kNone && !options_.iana_server.empty()) {
    if (const auto server = whois::server_from_text(options_.iana_server))
      iana_ = server_for(Source::whois, server->host, server->port);
  }
  return iana_;
}

// Its zone has no WHOIS server that is known, and nobody has asked yet.
bool RegistrationLane::ask_iana(const ParkedName& name) {
  return options_.probe != RegistrationProbe::rdap && !zones_.contains(whois::zone_of(name.name)) &&
         iana() != kNone;
}

uint32_t RegistrationLane::server_of(const ParkedName& name, RegistrationVerdict& verdict) {
  verdict = {RegistrationStatus::no_server, "no server is known"};
  if (name.step == RegistrationStep::iana) return iana();
  if (!name.target.empty()) return server_of_target(name, verdict);
  const RegistrationPlan plan = registries_.plan(name.name);
  assert(plan.refusal.empty());
  const Route& route = route_of(plan);
  if (name.step == RegistrationStep::rdap) return route.rdap;
  if (route.whois != kNone) return route.whois;
  const auto learnt = zones_.find(whois::zone_of(plan.domain));
  return learnt == zones_.end() ? kNone : learnt->second;
}

// What a peer's words lead to; the address is checked when it is known.
uint32_t RegistrationLane::server_of_target(const ParkedName& name, RegistrationVerdict& verdict) {
  verdict = {RegistrationStatus::redirect_blocked, "leads nowhere"};
  if (is_https(name.target)) {
    const auto url = http::parse_url(name.target);
    if (!url) return kNone;
    return server_of_peer(Source::rdap, url->host, url->port);
  }
  const auto server = whois::server_from_text(name.target);
  if (!server) return kNone;
  return server_of_peer(Source::whois, server->host, server->port);
}

uint64_t RegistrationLane::waiting(uint32_t backend) const {
  return backends_[backend].again.size() + parking_.size(backend);
}

void RegistrationLane::park(const ParkedName& name, uint32_t backend) {
  scratch_.clear();
  encode(name, scratch_);
  if (auto parked = parking_.push(backend, scratch_); !parked) {
    failure_ = parked.error();
    return;
  }
  waiting_++;
  touch(backend);
}

// Names that have begun come before those that have not: a chunk must not wait for its last retry.
void RegistrationLane::park_ahead(const ParkedName& name, uint32_t backend) {
  if (backends_[backend].again.size() >= limits::kAgainAhead) return park(name, backend);
  std::string bytes;
  encode(name, bytes);
  backends_[backend].again.push_back(std::move(bytes));
  waiting_++;
  touch(backend);
}

void RegistrationLane::touch(uint32_t backend) {
  if (std::exchange(backends_[backend].listed, true)) return;
  ready_.push_back(backend);
}

}  // namespace zonesweep::engine
