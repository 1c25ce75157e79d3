#include "tools/loopback/registration_expect.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "engine/json_text.h"
#include "protocols/registration/epp_status.h"
#include "tools/loopback/rdap_responder.h"
#include "tools/loopback/rdap_text.h"
#include "tools/loopback/whois_responder.h"
#include "tools/loopback/whois_text.h"

namespace zonesweep::loopback {
namespace {

using enum RegistrationFault;

// How a question with a fault may end. `facts`: the data of the name comes with it.
struct Ending {
  std::vector<std::string_view> statuses;
  bool facts = false;
  std::string_view outcome;  // empty: as the name has it, or none
};

Ending ending_of(RegistrationFault fault) {
  switch (fault) {
    case none:
    case wlate:
    case wnoclose:
    case wloop:
    case wref: return {{}, true, ""};
    case wslow: return {{"TIMEOUT", "PARTIAL"}, false, ""};
    case whalf:
    case wsilent:
    case wmute: return {{"TIMEOUT"}, false, ""};
    case wreset:
    case wrefuse: return {{"NET_ERROR"}, false, ""};
    case wrst:
    case wcut: return {{"PARTIAL", "OK", "BAD_DATA", "NET_ERROR"}, false, ""};
    case wflaky: return {{"OK", "NOT_FOUND", "NET_ERROR"}, false, ""};
    case wempty: return {{"EMPTY"}, false, ""};
    case wflood:
    case wline:
    case wlines: return {{"TOO_LARGE"}, false, ""};
    case wthrottle:
    case wfirst: return {{"RATE_LIMITED"}, false, ""};
    case wban: return {{"RATE_LIMITED"}, false, ""};
    case werror: return {{"BAD_DATA"}, false, "error"};
    case wunsupported: return {{"NO_SERVER"}, false, "unsupported_tld"};
    case wreserved: return {{"OK"}, false, "reserved"};
    case wother:
    case whttp:
    case wsmtp: return {{"BAD_DATA"}, false, ""};
    case wnames:
    case wnul: return {{"BAD_DATA", "PARTIAL", "OK"}, false, ""};
    case wutf16:
    case wbytes:
    case wdates: return {{"OK", "PARTIAL", "BAD_DATA"}, false, ""};
    default: return {{}, true, ""};  // of RDAP
  }
}

Ending rdap_ending_of(const RegistrationFaultCall& fault) {
  switch (fault.fault) {
    case r400:
    case r401:
    case r403: return {{"RATE_LIMITED", "HTTP_ERROR", "OK"}, false, ""};
    case r404html:
    case r500: return {{"HTTP_ERROR", "BAD_DATA"}, false, ""};
    case r422:
    case r429:
    case r429date:
    case r503:
    case rretry:
    case rnotice: return {{"RATE_LIMITED"}, false, ""};
    case rflaky: return {{"OK", "NOT_FOUND", "RATE_LIMITED", "HTTP_ERROR"}, false, ""};
    case rhtml:
    case rempty:
    case rarray:
    case robject:
    case rclass:
    case rother:
    case rhalf:
    case rtail:
    case rdup:
    case rdeep: return {{"BAD_DATA"}, false, ""};
    case rtypes: return {{"PARTIAL", "BAD_DATA", "OK"}, false, ""};
    case rbytes: return {{"OK", "PARTIAL"}, false, ""};
    case rhuge:
    case rbomb: return {{"TOO_LARGE", "BAD_DATA", "HTTP_ERROR"}, false, ""};
    case rredirect:
      if (fault.number_or(1) <= 5) return {{}, true, ""};
      return {{"REDIRECT_BLOCKED", "HTTP_ERROR"}, false, ""};
    case rloop: return {{"REDIRECT_BLOCKED", "HTTP_ERROR"}, false, ""};
    case rhttp:
    case rprivate: return {{"REDIRECT_BLOCKED", "NET_ERROR", "HTTP_ERROR"}, false, ""};
    case rlayers:
    case rbrotli:
    case rgzip:
    case rcut:
    case rfields:
    case rraw:
    case rinform: return {{"HTTP_ERROR", "BAD_DATA", "NET_ERROR", "TOO_LARGE"}, false, ""};
    case rslow: return {{"TIMEOUT", "PARTIAL"}, false, ""};
    case rmute:
    case rslowtls:
    case rsilent:
    case rhandshake: return {{"TIMEOUT"}, false, ""};
    case rrst:
    case rcontinuation:
    case rsettings:
    case rping:
    case rframe:
    case rframes: return {{"HTTP_ERROR", "NET_ERROR", "TIMEOUT"}, false, ""};
    case rrefused: return {{"OK", "NOT_FOUND", "HTTP_ERROR", "NET_ERROR"}, false, ""};
    case rrefuse:
    case rreset: return {{"NET_ERROR", "TLS_ERROR"}, false, ""};
    case rgarbage:
    case rexpired:
    case rnotyet:
    case rname:
    case rself:
    case rold: return {{"TLS_ERROR"}, false, ""};
    default: return {{}, true, ""};
  }
}

class Row {
 public:
  void text(std::string_view key, std::string_view value) {
    if (value.empty()) return;
    member(key);
    quote(value);
  }
  void flag(std::string_view key, bool value) {
    member(key);
    out_ += value ? "true" : "false";
  }
  template <typename Texts>
  void list(std::string_view key, const Texts& values) {
    if (values.size() == 0) return;
    member(key);
    char before = '[';
    for (const auto& value : values) {
      out_ += before;
      quote(value);
      before = ',';
    }
    out_ += ']';
  }
  [[nodiscard]] std::string take() { return std::move(out_) + "}"; }

 private:
  void member(std::string_view key) {
    out_ += out_.empty() ? '{' : ',';
    quote(key);
    out_ += ':';
  }
  void quote(std::string_view value) {
    out_ += '"';
    engine::append_json_text(value, out_);
    out_ += '"';
  }
  std::string out_;
};

void add_facts(const StatedFacts& facts, Row& row) {
  row.text("registrar", facts.registrar);
  row.text("registrar_iana_id", facts.registrar_iana_id);
  row.text("created", facts.created);
  row.text("updated", facts.updated);
  row.text("expires", facts.expires);
  row.list("statuses", facts.statuses);
  row.list("nameservers", facts.nameservers);
  if (facts.dnssec) row.flag("dnssec", *facts.dnssec);
  row.text("registrant_org", facts.registrant_org);
  row.text("registrant_country", facts.registrant_country);
  row.text("abuse_email", facts.abuse_email);
  row.text("abuse_phone", facts.abuse_phone);
  row.text("referral", facts.referral);
}

std::string_view life_cycle(const Holding& holding) {
  for (const auto& status : holding.statuses) {
    const auto outcome = registration::life_cycle_of(status);
    if (outcome != registration::Outcome::registered) return registration::name_of(outcome);
  }
  return "registered";
}

void add_ending(const Ending& ending, Row& row) {
  if (ending.statuses.size() == 1) {
    row.text("status", ending.statuses.front());
  } else {
    row.list("status", ending.statuses);
  }
  row.text("outcome", ending.outcome);
}

// What every whole answer says.
void add_verdict(const Holding& holding, std::string_view source, std::string_view server,
                 Row& row) {
  row.text("status", holding.registered ? "OK" : "NOT_FOUND");
  row.flag("registered", holding.registered);
  row.text("outcome", holding.registered ? life_cycle(holding) : "available");
  row.text("source", source);
  row.text("server", server);
}

void add_whois(const RegistrationWorld& world, const Holding& holding, Row& row) {
  const RegistrationZone zone = world.zone_of(holding.domain);
  const RegistrationFaultCall fault = whois_fault(holding.domain, zone);
  const Ending ending = ending_of(fault.fault);
  if (!ending.facts) return add_ending(ending, row);
  add_verdict(holding, "whois", whois_host(last_label(holding.domain)), row);
  if (!holding.registered) return;
  add_facts(stated_by_whois(holding, whois_format(zone, fault), whois_referral(world, holding)),
            row);
}

void add_rdap(const RegistrationWorld& world, const Holding& holding, Row& row) {
  const Ending ending = rdap_ending_of(rdap_fault(holding.domain, world.zone_of(holding.domain)));
  if (!ending.facts) return add_ending(ending, row);
  const bool moved = rdap_fault(holding.domain, world.zone_of(holding.domain)).fault == rredirect;
  const std::string host =
      moved ? registrar_rdap_host(holding.registrar) : rdap_host(last_label(holding.domain));
  add_verdict(holding, "rdap", world.rdap_at(host), row);
  if (holding.registered) add_facts(stated_by_rdap(holding, rdap_links(world, holding)), row);
}

// RDAP where the zone has it; where that fails, WHOIS.
void add_either(const RegistrationWorld& world, const Holding& holding, Row& row) {
  const RegistrationZone zone = world.zone_of(holding.domain);
  const Ending rdap = rdap_ending_of(rdap_fault(holding.domain, zone));
  if (!zone.rdap) return add_whois(world, holding, row);
  if (rdap.facts || !zone.whois) return add_rdap(world, holding, row);
  if (rdap.statuses.size() == 1) return add_whois(world, holding, row);
  std::vector<std::string_view> either = rdap.statuses;
  for (const std::string_view status : {"OK", "NOT_FOUND"}) {
    if (std::ranges::find(either, status) == either.end()) either.push_back(status);
  }
  row.list("status", either);
}

}  // namespace

std::expected<RegistrationProbe, std::string> probe_from_text(std::string_view text) {
  if (text == "whois") return RegistrationProbe::whois;
  if (text == "rdap") return RegistrationProbe::rdap;
  if (text == "registration") return RegistrationProbe::registration;
  return std::unexpected(fmt::format("'{}' is no probe", text));
}

std::string expected_registration(const RegistrationWorld& world, std::string_view name,
                                  RegistrationProbe probe) {
  const Holding holding = world.look_up(name);
  const RegistrationZone zone = world.zone_of(name);
  Row row;
  row.text("name", name);
  row.text("domain", name);
  row.text("tld", last_label(name));
  const bool served = probe == RegistrationProbe::whois  ? zone.whois
                      : probe == RegistrationProbe::rdap ? zone.rdap
                                                         : true;
  if (!served) {
    row.text("status", "NO_SERVER");
  } else if (probe == RegistrationProbe::whois) {
    add_whois(world, holding, row);
  } else if (probe == RegistrationProbe::rdap) {
    add_rdap(world, holding, row);
  } else {
    add_either(world, holding, row);
  }
  return row.take() + "\n";
}

}  // namespace zonesweep::loopback
