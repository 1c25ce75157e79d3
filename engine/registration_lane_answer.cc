#include <algorithm>
#include <cassert>
#include <utility>

#include "engine/registration_lane.h"

namespace zonesweep::engine {
namespace {

[[nodiscard]] bool of_registrar(RegistrationStep step) noexcept {
  return step == RegistrationStep::registrar_rdap || step == RegistrationStep::registrar_whois;
}

[[nodiscard]] uint32_t microseconds(Duration span) noexcept {
  const auto us = std::chrono::duration_cast<std::chrono::microseconds>(span).count();
  return static_cast<uint32_t>(std::clamp<int64_t>(us, 0, UINT32_MAX));
}

// The registrar's data where the registry has none, never over it.
void fill_in(Registration& of_registry, const Registration& of_registrar) {
  const auto fill = [](std::string_view& field, std::string_view with) {
    if (field.empty()) field = with;
  };
  fill(of_registry.registrar, of_registrar.registrar);
  fill(of_registry.registrar_iana_id, of_registrar.registrar_iana_id);
  fill(of_registry.registrant_org, of_registrar.registrant_org);
  fill(of_registry.registrant_country, of_registrar.registrant_country);
  fill(of_registry.abuse_email, of_registrar.abuse_email);
  fill(of_registry.abuse_phone, of_registrar.abuse_phone);
}

}  // namespace

void RegistrationLane::on_whois_end(uint64_t token, const WhoisResult& result) {
  const uint32_t slot = slot_of(token);
  const Lookup& lookup = lookups_[slot];
  if (lookup.name.step == RegistrationStep::iana) {
    ended(slot, read_zone(slot, result), result.rtt);
  } else {
    const Server& server = servers_[lookup.server];
    ended(slot, reader_.read(result, lookup.domain, server.host), result.rtt);
  }
}

void RegistrationLane::on_http_end(uint64_t token, const HttpsResult& result) {
  const uint32_t slot = slot_of(token);
  const Lookup& lookup = lookups_[slot];
  ended(slot, reader_.read(result, lookup.domain, wall_us_ / 1'000'000), result.rtt);
}

// One exchange is over: for the lookup that asked, and for those that joined it.
void RegistrationLane::ended(uint32_t slot, const Reading& reading, Duration rtt) {
  const uint32_t backend = lookups_[slot].backend;
  tell_limiter(backend, reading);
  if (!lookups_[slot].question.empty()) asking_.erase(lookups_[slot].question);
  if (reading.answer != nullptr) counts_.latency.record(microseconds(rtt));
  rtt_ = rtt;
  for (uint32_t next = lookups_[slot].follower; next != kNone; next = lookups_[next].follower) {
    counts_.shared++;
    lookups_[next].url = lookups_[slot].url;
  }
  for (uint32_t next = slot; next != kNone;) {
    const uint32_t at = std::exchange(next, lookups_[next].follower);
    Lookup& lookup = lookups_[at];
    if (!reading.ours) {
      lookup.name.tries = static_cast<uint8_t>(std::min(lookup.name.tries + 1, 255));
      lookup.name.step_tries = static_cast<uint8_t>(std::min(lookup.name.step_tries + 1, 255));
    }
    decide(at, reading);
  }
  rtt_ = {};
  touch(backend);
}

void RegistrationLane::tell_limiter(uint32_t backend, const Reading& reading) {
  Limiter& limiter = backends_[backend].limiter;
  switch (reading.health) {
    case Reading::Health::works: return limiter.answered();
    case Reading::Health::silent:
      backends_[backend].silence = reading.verdict.status;
      return limiter.failed(now_);
    case Reading::Health::unknown:
      if (reading.ours) limiter.postpone(now_ + limits::kPauseForRoom);
      return limiter.left();
    case Reading::Health::throttles:
      counts_.throttled++;
      return limiter.throttled(now_, reading.retry_after);
  }
}

void RegistrationLane::decide(uint32_t slot, const Reading& reading) {
  Lookup& lookup = lookups_[slot];
  if (reading.moved && redirect(slot, reading)) return;
  const RegistrationStatus status = reading.verdict.status;
  if (lookup.name.step == RegistrationStep::iana && status == RegistrationStatus::ok)
    return zone_known(slot);
  if (status == RegistrationStatus::ok || status == RegistrationStatus::not_found) {
    if (status == RegistrationStatus::ok && ask_registrar(slot, reading)) return;
    return write_row(slot, reading);
  }
  const bool throttled = reading.health == Reading::Health::throttles;
  if ((throttled || reading.unseen) && lookup.name.throttles < limits::kThrottlesMost) {
    lookup.name.throttles++;
    lookup.name.step_tries--;  // neither the limit nor a goodbye is the name's fault
  } else if (!reading.ours && (!reading.again || lookup.name.step_tries >= options_.tries)) {
    return step_failed(slot, reading);
  }
  lookup.name.failure = status;
  lookup.name.reason = reading.verdict.error;
  park_ahead(lookup.name, lookup.backend);
  release(slot);
}

// The next step, or the row.
void RegistrationLane::step_failed(uint32_t slot, const Reading& reading) {
  Lookup& lookup = lookups_[slot];
  ParkedName next = lookup.name;
  next.step_tries = 0;
  next.throttles = 0;
  next.target = {};
  next.failure = reading.verdict.status;
  next.reason = reading.verdict.error;
  const bool from_rdap = lookup.name.step == RegistrationStep::rdap;
  // The server that the table names is gone, or has no data of the zone: IANA may know better.
  const bool lost = lookup.name.step == RegistrationStep::whois && lookup.name.target.empty() &&
                    reading.verdict.status == RegistrationStatus::net_error &&
                    reading.verdict.error == name_of(HostStatus::no_such_host);
  RegistrationVerdict none;
  uint32_t server = kNone;
  if (from_rdap && options_.probe == RegistrationProbe::registration) {
    next.step = RegistrationStep::whois;
    server = server_of(next, none);
  }
  if (server == kNone && (lost || (from_rdap && options_.probe != RegistrationProbe::rdap)) &&
      ask_iana(next)) {
    next.step = RegistrationStep::iana;
    server = iana();
  }
  if (server == kNone) return write_row(slot, reading);
  park(next, servers_[server].backend);
  release(slot);
}

// --- IANA

// Which WHOIS server a zone has is asked once; the other names of the zone wait for it in line.
Reading RegistrationLane::read_zone(uint32_t slot, const WhoisResult& result) {
  const Lookup& lookup = lookups_[slot];
  const std::string_view zone = whois::zone_of(lookup.domain);
  Reading reading = reader_.read(result, zone, servers_[lookup.server].host);
  if (result.kind != WhoisResult::Kind::answer || result.cut ||
      reading.health != Reading::Health::works)
    return reading;
  uint32_t found = kNone;
  if (const std::string_view host = iana_referral(result.answer); !host.empty()) {
    if (const auto server = whois::server_from_text(host))
      found = server_of_peer(Source::whois, server->host, server->port);
  }
  if (zones_.size() < limits::kRoutes) zones_.insert_or_assign(std::string{zone}, found);
  return {.verdict = {RegistrationStatus::ok, {}}};
}

void RegistrationLane::zone_known(uint32_t slot) {
  Lookup& lookup = lookups_[slot];
  const auto zone = zones_.find(whois::zone_of(lookup.domain));
  if (zone == zones_.end() || zone->second == kNone) {
    // What RDAP said before is the better reason.
    const bool failed_before = lookup.name.failure != RegistrationStatus::ok;
    const auto verdict =
        failed_before ? RegistrationVerdict{lookup.name.failure, lookup.name.reason}
                      : RegistrationVerdict{RegistrationStatus::no_server, "no server is known"};
    return write_row(slot, {.verdict = verdict});
  }
  ParkedName next = lookup.name;
  next.step = RegistrationStep::whois;
  next.step_tries = 0;
  const Server& server = servers_[zone->second];
  scratch_target_ = server.host;
  if (server.host.find(':') != std::string::npos) scratch_target_ = '[' + server.host + ']';
  scratch_target_ += ':' + std::to_string(server.port);
  next.target = scratch_target_;
  park(next, server.backend);
  release(slot);
}

// --- redirects

// False: the row is due, and `reading` says why.
bool RegistrationLane::redirect(uint32_t slot, const Reading& reading) {
  Lookup& lookup = lookups_[slot];
  const auto blocked = [&](std::string_view why) {
    step_failed(slot, {.verdict = {RegistrationStatus::redirect_blocked, why}});
    return true;
  };
  if (lookup.name.redirects >= http::limits::kRedirects) return blocked("too many redirects");
  const auto from = http::parse_url(lookup.url);
  if (!from) return blocked("redirect");
  const auto to = http::resolve(*from, reading.raw);
  if (!to) return blocked(http::name_of(to.error()));
  if (*to == *from) return blocked("redirect to itself");
  const uint32_t server = server_of_peer(Source::rdap, to->host, to->port);
  if (server == kNone) return blocked("too many servers");
  ParkedName next = lookup.name;
  next.redirects++;
  next.step_tries = 0;
  scratch_target_ = "https://";
  http::append_authority(*to, scratch_target_);
  scratch_target_ += to->target;
  next.target = scratch_target_;
  park_ahead(next, servers_[server].backend);
  release(slot);
  return true;
}

// --- the registrar

bool RegistrationLane::ask_registrar(uint32_t slot, const Reading& reading) {
  Lookup& lookup = lookups_[slot];
  if (!options_.registrar || of_registrar(lookup.name.step) || reading.answer == nullptr ||
      reading.answer->referral.empty() || reading.raw.size() > limits::kRegistryAnswerBytes)
    return false;
  ParkedName next = lookup.name;
  const bool is_url = reading.answer->referral.find("://") != std::string_view::npos;
  next.step = is_url ? RegistrationStep::registrar_rdap : RegistrationStep::registrar_whois;
  next.target = reading.answer->referral;
  next.step_tries = 0;
  next.throttles = 0;
  next.registry_source = servers_[lookup.server].source;
  const std::string shown{shown_server(lookup)};
  next.registry_server = shown;
  next.registry_answer = reading.raw;
  RegistrationVerdict verdict;
  const uint32_t server = server_of(next, verdict);
  if (server == kNone || server == lookup.server) return false;
  park(next, servers_[server].backend);
  release(slot);
  return true;
}

// --- rows

std::string_view RegistrationLane::shown_server(const Lookup& lookup) {
  const Server& server = servers_[lookup.server];
  if (server.source == Source::whois) return server.host;
  if (lookup.name.target.empty()) return route_of(registries_.plan(lookup.name.name)).base;
  server_text_ = "https://";
  http::append_authority({.host = server.host, .port = server.port, .target = "/"}, server_text_);
  return server_text_ += '/';
}

void RegistrationLane::write_row(uint32_t slot, const Reading& reading) {
  Lookup& lookup = lookups_[slot];
  if (lookup.name.registry_source != Source::none) return write_with_registrar(slot, reading);
  RegistrationRecord record;
  record.status = reading.verdict.status;
  record.error = reading.verdict.error;
  record.answer = reading.answer;
  if (lookup.name.tries > 0 && lookup.server != kNone &&
      lookup.name.step != RegistrationStep::iana) {
    record.source = servers_[lookup.server].source;
    record.server = shown_server(lookup);
  }
  if (reading.answer != nullptr) record.rtt_us = microseconds(rtt_);
  if (options_.raw) record.raw = reading.raw;
  RegistrationAnswers::Question question;
  if (record.source != Source::none && question_of(lookup.name.name, lookup.domain, question)) {
    answers_->keep(question,
                   {.reading = reading,
                    .source = record.source,
                    .server = record.server,
                    .tries = lookup.name.tries},
                   now_, wall_us_);
  }
  finish_row(slot, record);
}

// The registry's row, whatever the registrar said.
void RegistrationLane::write_with_registrar(uint32_t slot, const Reading& reading) {
  const Lookup& lookup = lookups_[slot];
  const Reading registry =
      registry_reader_.read_again(lookup.name.registry_source, lookup.name.registry_answer,
                                  lookup.domain, lookup.name.registry_server);
  Registration merged = *registry.answer;
  const bool good = reading.verdict.status == RegistrationStatus::ok && reading.answer != nullptr;
  if (good) fill_in(merged, *reading.answer);
  RegistrationRecord record;
  record.status = registry.verdict.status;
  record.answer = &merged;
  record.source = lookup.name.registry_source;
  record.server = lookup.name.registry_server;
  record.rtt_us = microseconds(rtt_);
  if (!good) {
    server_text_.assign("registrar: ").append(name_of(reading.verdict.status));
    record.error = server_text_;
  }
  if (options_.raw) record.raw = lookup.name.registry_answer;
  finish_row(slot, record);
}

void RegistrationLane::finish_row(uint32_t slot, RegistrationRecord& record) {
  const Lookup& lookup = lookups_[slot];
  record.seq = lookup.name.seq;
  record.input = lookup.name.input;
  record.name = lookup.name.name;
  record.domain = lookup.domain;
  record.tries = lookup.name.tries;
  record.ts_us = wall_us_;
  writer_.write(lookup.name.chunk, record);
  counts_.rows++;
  counts_.statuses[static_cast<size_t>(record.status)]++;
  release(slot);
}

}  // namespace zonesweep::engine
