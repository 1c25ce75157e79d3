#include <algorithm>
#include <cassert>
#include <utility>

#include "engine/registration_lane.h"

namespace zonesweep::engine {
namespace {

[[nodiscard]] bool over_rdap(RegistrationStep step) noexcept {
  return step == RegistrationStep::rdap || step == RegistrationStep::registrar_rdap;
}

[[nodiscard]] RegistrationVerdict verdict_of(Limiter::Trouble trouble,
                                             RegistrationStatus silence) noexcept {
  switch (trouble) {
    case Limiter::Trouble::quota:
      return {RegistrationStatus::rate_limited, "the server's published quota is used up"};
    case Limiter::Trouble::silent: return {silence, "the server has stopped answering: not asked"};
    default: return {RegistrationStatus::rate_limited, "the server keeps throttling: not asked"};
  }
}

[[nodiscard]] RegistrationVerdict verdict_of(HostStatus status) noexcept {
  // Only the words of a peer lead to such a place.
  if (status == HostStatus::not_a_host)
    return {RegistrationStatus::redirect_blocked, name_of(status)};
  return {RegistrationStatus::net_error, name_of(status)};
}

// The resolvers' trouble, or ours; it says nothing about the host.
[[nodiscard]] bool is_passing(HostStatus status) noexcept {
  return status == HostStatus::failed || status == HostStatus::overload;
}

[[nodiscard]] bool met_silence(std::string_view parked) {
  const RegistrationStatus failure = decode(parked).failure;
  return failure == RegistrationStatus::timeout || failure == RegistrationStatus::net_error;
}

}  // namespace

// --- which backend is next

void RegistrationLane::serve_all() {
  if (stop_.load(std::memory_order_relaxed) != StopLevel::run) return;
  full_ = redis_ && redis_->settling();  // what others know may be known in a moment
  // Each that is listed now gets its turn; what it lists again comes with the next.
  for (size_t left = ready_.size(); left > 0 && !full_ && failure_.empty(); --left) {
    const uint32_t backend = ready_.front();
    ready_.pop_front();
    backends_[backend].listed = false;
    serve(backend);
  }
}

void RegistrationLane::serve(uint32_t index) {
  Backend& backend = backends_[index];
  for (uint32_t given_up = 0; waiting(index) > 0 && failure_.empty();) {
    if (free_.empty() || writer_.full()) {
      full_ = true;
      return touch(index);
    }
    if (backend.limiter.given_up(now_)) {
      if (given_up++ == limits::kGiveUpsPerTurn) return touch(index);
      give_up(pop(index));
      continue;
    }
    const Instant ready = backend.limiter.ready_at();
    if (ready > now_) {
      // Instant::max(): the end of one of its exchanges lists it again.
      if (ready != Instant::max()) timers_.arm(index, ready);
      return;
    }
    if (backend.resolving >= backend.limiter.limits().exchanges) return;
    switch (begin(pop(index))) {
      case Begun::yes: break;
      case Begun::later:
        // Parking has listed it, but there is nothing to be done before that end. Where others were
        // listed behind it, it comes up once in vain.
        if (!ready_.empty() && ready_.back() == index) {
          ready_.pop_back();
          backend.listed = false;
        }
        return;
      case Begun::no_room: full_ = true; return touch(index);
    }
  }
}

// The next name of the backend, in a lookup.
uint32_t RegistrationLane::pop(uint32_t index) {
  const uint32_t slot = free_.back();
  free_.pop_back();
  Lookup& lookup = lookups_[slot];
  take_next(index, lookup.bytes);
  waiting_--;
  lookup.used = true;
  lookup.generation++;
  lookup.backend = index;
  lookup.server = kNone;
  lookup.follower = kNone;
  lookup.question.clear();
  lookup.url.clear();
  lookup.name = decode(lookup.bytes);
  lookup.domain = registries_.plan(lookup.name.name).domain;
  return slot;
}

// Those that were asked before go first. But a probe is not of a name that met silence: the name may
// be the trouble, and the server well.
void RegistrationLane::take_next(uint32_t index, std::string& bytes) {
  auto& again = backends_[index].again;
  auto chosen = again.begin();
  if (backends_[index].limiter.probing()) {
    chosen = std::ranges::find_if_not(again, met_silence);
    if (chosen == again.end() && parking_.size(index) == 0) chosen = again.begin();
  }
  if (chosen != again.end()) {
    bytes = std::move(*chosen);
    again.erase(chosen);
    return;
  }
  const auto parked = parking_.pop(index);
  if (parked) return void(bytes.assign(*parked));
  // The run ends; this name belongs to the resume.
  failure_ = parked.error();
  bytes.clear();
  encode(ParkedName{}, bytes);
}

void RegistrationLane::release(uint32_t slot) {
  Lookup& lookup = lookups_[slot];
  assert(lookup.used);
  lookup.used = false;
  if (lookup.bytes.capacity() > limits::kRegistryAnswerBytes) std::string().swap(lookup.bytes);
  free_.push_back(slot);
}

uint64_t RegistrationLane::token_of(uint32_t slot) const {
  return uint64_t{lookups_[slot].generation} << 32 | slot;
}

uint32_t RegistrationLane::slot_of(uint64_t token) const {
  const auto slot = static_cast<uint32_t>(token);
  assert(lookups_[slot].used && lookups_[slot].generation == token >> 32);
  return slot;
}

// --- what becomes of it

// Anything but yes: the name is parked again.
RegistrationLane::Begun RegistrationLane::begin(uint32_t slot) {
  Lookup& lookup = lookups_[slot];
  if (!failure_.empty()) {
    release(slot);
    return Begun::yes;
  }
  // It may have waited behind a name of the same domain.
  if (answers_ && lookup.name.tries == 0 && write_known(lookup.name, lookup.domain, true)) {
    release(slot);
    return Begun::yes;
  }
  if (redis_ && lookup.name.tries == 0 && !lookup.name.shared_asked && fetch(slot))
    return Begun::yes;
  if (lookup.name.step == RegistrationStep::iana &&
      zones_.contains(whois::zone_of(lookup.domain))) {
    zone_known(slot);
    return Begun::yes;
  }
  RegistrationVerdict verdict;
  lookup.server = server_of(lookup.name, verdict);
  if (lookup.server == kNone) {
    step_failed(slot, {.verdict = verdict});
    return Begun::yes;
  }
  look_up(lookup.server);
  Server& server = servers_[lookup.server];
  switch (server.state) {
    case Server::State::failed: unreachable(slot); return Begun::yes;
    case Server::State::ready: break;
    default:
      server.waiting.push_back(slot);
      backends_[lookup.backend].resolving++;
      return Begun::yes;
  }
  if (server.backend != lookup.backend) {
    // Its address turned out to be another backend's.
    park(lookup.name, server.backend);
    release(slot);
    return Begun::yes;
  }
  return join(slot) ? Begun::yes : ask(slot);
}

// The backend is not asked meanwhile for more than it would be asked for at once.
bool RegistrationLane::fetch(uint32_t slot) {
  Lookup& lookup = lookups_[slot];
  lookup.name.shared_asked = true;
  RegistrationAnswers::Question question;
  if (!question_of(lookup.name.name, lookup.domain, question) ||
      answers_->fetch(question, slot) == RedisTier::kNone)
    return false;
  backends_[lookup.backend].resolving++;
  return true;
}

bool RegistrationLane::on_fetched(uint32_t slot, std::string_view sealed) {
  Lookup& lookup = lookups_[slot];
  const uint32_t index = lookup.backend;
  Backend& backend = backends_[index];
  backend.resolving--;
  touch(index);
  RegistrationAnswers::Question question;
  std::optional<RegistrationAnswers::Known> known;
  if (!sealed.empty() && question_of(lookup.name.name, lookup.domain, question))
    known = answers_->receive(question, sealed, now_, wall_us_, reader_);
  if (known) {
    write_known(lookup.name, lookup.domain, *known);
    release(slot);
    return true;
  }
  // The permit that it was taken out for may be another's by now.
  const bool goes_on = stop_.load(std::memory_order_relaxed) == StopLevel::run;
  if (goes_on && backend.limiter.ready_at() <= now_ && !backend.limiter.given_up(now_)) {
    (void)begin(slot);
  } else {
    park_ahead(lookup.name, index);
    release(slot);
  }
  return false;
}

// Its server has no address. While that may pass, the backend waits, and loses no name.
void RegistrationLane::unreachable(uint32_t slot) {
  const Lookup& lookup = lookups_[slot];
  const Server& server = servers_[lookup.server];
  Reading reading{.verdict = server.failure};
  if (!server.passing) return step_failed(slot, reading);
  reading.health = Reading::Health::silent;
  reading.ours = true;
  backends_[lookup.backend].limiter.begin(now_);
  ended(slot, reading, {});
}

// The same question is under way: its answer will do.
bool RegistrationLane::join(uint32_t slot) {
  Lookup& lookup = lookups_[slot];
  const bool zone = lookup.name.step == RegistrationStep::iana;
  scratch_.assign(std::to_string(lookup.server)).append(1, ' ');
  scratch_.append(zone ? whois::zone_of(lookup.domain) : lookup.domain);
  scratch_.append(1, static_cast<char>('0' + static_cast<int>(lookup.name.step)));
  // A registrar's answer is joined to the registry's own of that name.
  if (lookup.name.registry_source != Source::none) return false;
  if (const auto leader = asking_.find(scratch_); leader != asking_.end()) {
    lookup.follower = std::exchange(lookups_[leader->second].follower, slot);
    return true;
  }
  lookup.question = scratch_;
  return false;
}

RegistrationLane::Begun RegistrationLane::ask(uint32_t slot) {
  Lookup& lookup = lookups_[slot];
  const bool rdap = over_rdap(lookup.name.step);
  // A request that waits for its connection has had its turn at the limit, but the server has not
  // seen it: others behind it would add up to a burst.
  const bool held = rdap && https_.waiting(servers_[lookup.server].origin) > 0;
  if (!held && (rdap ? ask_rdap(slot) : ask_whois(slot))) {
    backends_[lookup.backend].limiter.begin(now_);
    if (!lookup.question.empty()) asking_.emplace(lookup.question, slot);
    if (lookup.name.tries > 0) counts_.retries++;
    return Begun::yes;
  }
  park_ahead(lookup.name, lookup.backend);
  release(slot);
  return held ? Begun::later : Begun::no_room;
}

bool RegistrationLane::ask_whois(uint32_t slot) {
  const Lookup& lookup = lookups_[slot];
  const Server& server = servers_[lookup.server];
  const bool zone = lookup.name.step == RegistrationStep::iana;
  const std::string_view name = zone ? whois::zone_of(lookup.domain) : lookup.domain;
  if (!whois_.ask(token_of(slot), server.addresses, server.host, name)) return false;
  counts_.whois++;
  return true;
}

bool RegistrationLane::ask_rdap(uint32_t slot) {
  Lookup& lookup = lookups_[slot];
  lookup.url = lookup.name.target;
  if (lookup.url.empty()) {
    const Route& route = route_of(registries_.plan(lookup.name.name));
    rdap::append_domain_url(route.base, lookup.domain, lookup.url);
  }
  const auto url = http::parse_url(lookup.url);
  if (!url || !https_.ask(servers_[lookup.server].origin, token_of(slot), url->target))
    return false;
  counts_.rdap++;
  return true;
}

// Nothing will be asked of the backend soon enough.
void RegistrationLane::give_up(uint32_t slot) {
  Lookup& lookup = lookups_[slot];
  if (!failure_.empty()) return release(slot);
  counts_.given_up++;
  RegistrationVerdict unused;
  if (lookup.name.step_tries > 0 || lookup.name.throttles > 0)
    lookup.server = server_of(lookup.name, unused);
  const Backend& backend = backends_[lookup.backend];
  step_failed(slot, {.verdict = verdict_of(backend.limiter.trouble(now_), backend.silence)});
}

// --- addresses

// Asks for the server's addresses unless they are known, or known to be none.
void RegistrationLane::look_up(uint32_t index) {
  Server& server = servers_[index];
  const bool known = server.state == Server::State::ready || server.state == Server::State::failed;
  if (server.state == Server::State::looking_up || (known && now_ < server.until)) return;
  server.state = Server::State::looking_up;
  if (const auto answer = hosts_->ask(server.host, index)) addresses_came(index, *answer);
}

void RegistrationLane::on_host(uint64_t token, const HostAnswer& answer) {
  const auto index = static_cast<uint32_t>(token);
  addresses_came(index, answer);
  // They begin anew, perhaps with another backend.
  for (const uint32_t slot : std::exchange(servers_[index].waiting, {})) {
    const uint32_t backend = lookups_[slot].backend;
    backends_[backend].resolving--;
    park_ahead(lookups_[slot].name, backend);
    release(slot);
  }
}

void RegistrationLane::addresses_came(uint32_t index, const HostAnswer& answer) {
  Server& server = servers_[index];
  server.passing = is_passing(answer.status);
  if (server.passing && !server.addresses.empty()) {  // what was true will do until it is known
    server.state = Server::State::ready;
    server.until = now_ + limits::kNoResolverKept;
    return;
  }
  server.addresses.clear();
  auto fenced = Fenced::passed;
  for (io::Endpoint address : answer.addresses) {
    address.port = server.port;
    const Fenced verdict = fence_.check(address);
    if (verdict == Fenced::passed) {
      server.addresses.push_back(address);
    } else {
      fenced = verdict;
    }
  }
  server.state = server.addresses.empty() ? Server::State::failed : Server::State::ready;
  if (server.state == Server::State::ready) {
    server.until = now_ + limits::kAddressesKept;
    return settle_server(index);
  }
  server.until = now_ + (server.passing ? limits::kNoResolverKept : limits::kNoAddressKept);
  server.failure = fenced == Fenced::passed
                       ? verdict_of(answer.status)
                       : RegistrationVerdict{RegistrationStatus::redirect_blocked, name_of(fenced)};
}

// Hosts with one address are one backend, whatever their names: FAULTS W18.
void RegistrationLane::settle_server(uint32_t index) {
  Server& server = servers_[index];
  for (io::Endpoint address : server.addresses) {
    address.port = 0;
    scratch_.assign(name_of(server.source)).append(1, ' ').append(address.to_string());
    if (const auto owner = addresses_.find(scratch_); owner != addresses_.end()) {
      server.backend = owner->second;
    } else if (addresses_.size() < limits::kAddressesOfServers) {
      addresses_.emplace(scratch_, server.backend);
    }
  }
  if (server.source != Source::rdap) return;
  if (server.origin == kNone) {
    server.origin =
        https_.open_origin(server.host, server.port, server.addresses, options_.rdap_connections);
  } else {
    https_.set_addresses(server.origin, server.addresses);
  }
}

}  // namespace zonesweep::engine
