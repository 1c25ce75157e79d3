#include "tools/loopback/registration_expect.h"

#include <fmt/format.h>

#include <initializer_list>
#include <utility>

#include "engine/json_text.h"
#include "protocols/registration/epp_status.h"
#include "tools/loopback/whois_responder.h"
#include "tools/loopback/whois_text.h"

namespace zonesweep::loopback {
namespace {

using enum RegistrationFault;

// How a question with a fault may end. `facts`: the data of the name comes with it.
struct Ending {
  std::initializer_list<std::string_view> statuses;
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
    case wfirst: return {{"RATE_LIMITED"}, false, "throttled"};
    case wban: return {{"RATE_LIMITED"}, false, "refused"};
    case werror: return {{"BAD_DATA"}, false, "error"};
    case wunsupported: return {{"NO_SERVER"}, false, "unsupported_tld"};
    case wreserved: return {{"OK"}, false, "reserved"};
    case wother:
    case whttp:
    case wsmtp: return {{"BAD_DATA"}, false, ""};
    case wnul: return {{"BAD_DATA", "PARTIAL", "OK"}, false, ""};
    case wbytes:
    case wdates: return {{"OK", "PARTIAL"}, false, ""};
  }
  return {};
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

void add_whois(const RegistrationWorld& world, const Holding& holding, Row& row) {
  const RegistrationZone zone = world.zone_of(holding.domain);
  const RegistrationFaultCall fault = whois_fault(holding.domain, zone);
  const Ending ending = ending_of(fault.fault);
  if (!ending.facts) {
    if (ending.statuses.size() == 1) {
      row.text("status", *ending.statuses.begin());
    } else {
      row.list("status", ending.statuses);
    }
    return row.text("outcome", ending.outcome);
  }
  row.text("status", holding.registered ? "OK" : "NOT_FOUND");
  row.flag("registered", holding.registered);
  row.text("outcome", holding.registered ? life_cycle(holding) : "available");
  row.text("source", "whois");
  row.text("server", whois_host(last_label(holding.domain)));
  if (!holding.registered) return;
  add_facts(stated_by_whois(holding, whois_format(zone, fault), whois_referral(world, holding)),
            row);
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
  const bool over_whois = zone.whois && probe != RegistrationProbe::rdap;
  if (over_whois) {
    add_whois(world, holding, row);
  } else {
    row.text("status", "NO_SERVER");
  }
  return row.take() + "\n";
}

}  // namespace zonesweep::loopback
