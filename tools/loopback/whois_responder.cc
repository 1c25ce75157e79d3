#include "tools/loopback/whois_responder.h"

#include <fmt/format.h>

#include <array>

#include "tools/loopback/whois_text.h"

namespace zonesweep::loopback {
namespace {

using enum RegistrationFault;
using std::chrono::milliseconds;

constexpr std::array<std::string_view, kForbiddenReferrals> kForbidden = {
    "127.0.0.1:22",
    "169.254.169.254",
    "[::1]:43",
    "10.1.2.3",
    "private.all.test",  // a name with a private address
    "http://whois.reg1.test/",
    "rwhois://whois.reg1.test:4321/auth-area=.",
    "whois.reg1.test:22",
    "::ffff:127.0.0.1",
    "2130706433",
    "localhost",
    "missing.reg1.invalid",
};

constexpr size_t kFloodBytes = 64 * 1024;
constexpr uint32_t kLongLine = 70'000;
constexpr uint32_t kManyLines = 200'001;
constexpr uint32_t kManyNames = 30'000;

WhoisPlan says(std::string text) { return {.text = std::move(text)}; }

std::string replace_registrar(std::string answer, std::string_view with) {
  constexpr std::string_view kLabel = "\r\nRegistrar: ";
  const size_t at = answer.find(kLabel) + kLabel.size();
  return answer.replace(at, answer.find("\r\n", at) - at, with);
}

// What terminals, spreadsheets and browsers act on.
constexpr std::string_view kHostileBytes =
    "=cmd|'/C calc'!A0 \x1b[31m\x1b]0;title\x07 \xff\xfe\xc3( "
    "\xe2\x80\xae<script>alert(1)</script> "
    "`id` $(id) ~!id \xc2\x9b"
    "31m \x01\x7f\"\\";

constexpr std::string_view kBadDates =
    "Creation Date: 99999-13-45T77:77:77Z\r\n"
    "Updated Date: -1\r\n"
    "Registry Expiry Date: tomorrow, or %s%n\r\n"
    "Creation Date: 0000-00-00\r\n";

std::string many_lines(uint32_t count) {
  std::string out;
  while (count-- > 0) out += "x\r\n";
  return out;
}

std::string other_names(uint32_t count) {
  std::string out;
  for (uint32_t i = 0; i < count; ++i) out += fmt::format("Domain Name: x{}.test\r\n", i);
  return out;
}

// Of ASCII, little-endian, with its mark.
std::string utf16_of(std::string_view text) {
  std::string out = "\xff\xfe";
  for (const char c : text) out.append({c, '\0'});
  return out;
}

std::string nuls(std::string text) {
  for (size_t i = 40; i < text.size(); i += 40) text[i] = '\0';
  return text;
}

}  // namespace

std::string_view forbidden_referral(uint32_t number) {
  return kForbidden[number % kForbidden.size()];
}

RegistrationFaultCall whois_fault(std::string_view name, const RegistrationZone& zone) {
  const RegistrationFaultCall own = fault_of_name(name);
  if (own.of_whois()) return own;
  return zone.fault.of_whois() ? zone.fault : RegistrationFaultCall{};
}

WhoisFormat whois_format(const RegistrationZone& zone, const RegistrationFaultCall& fault) {
  switch (fault.fault) {
    case wbytes:
    case wdates:
    case wloop:
    case wref: return WhoisFormat::labels;
    default: return zone.format();
  }
}

WhoisQuestion WhoisResponder::read(uint32_t address, std::string_view line) const {
  WhoisQuestion question;
  for (const char c : line.substr(line.find_last_of(" =") + 1)) {
    question.name += c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
  }
  std::string& name = question.name;
  if (name.ends_with("/e")) name.resize(name.size() - 2);
  if (name.ends_with('.')) name.pop_back();
  const std::string of_zone = whois_host(last_label(name));
  if (address == world_.address_of(kRootWhoisHost)) {
    question.host = kRootWhoisHost;
  } else if (address == world_.address_of(of_zone)) {
    question.host = of_zone;
  } else {
    const std::string host = registrar_whois_host(world_.look_up(name).registrar);
    if (address == world_.address_of(host)) question.host = host;
  }
  return question;
}

WhoisPlan WhoisResponder::respond(const WhoisQuestion& question) {
  if (question.host == kRootWhoisHost) return says(root(question.name));
  if (question.host == whois_host(last_label(question.name))) {
    return registry(question.name, world_.zone_of(question.name));
  }
  if (question.host.empty()) return says("TLD is not supported.\r\n");
  return says(registrar(question.name, world_.look_up(question.name).registrar));
}

std::string WhoisResponder::root(std::string_view name) const {
  const std::string_view label = last_label(name);
  const RegistrationZone zone = zone_of_label(label, world_.dns().seed());
  const std::string server = world_.whois_at(whois_host(label));
  std::string out = "% The root of the loopback internet\r\n\r\n";
  if (zone.whois) out += fmt::format("refer:        {}\r\n\r\n", server);
  out += fmt::format("domain:       {}\r\n\r\norganisation: Loopback Registry\r\n", label);
  if (zone.whois) out += fmt::format("whois:        {}\r\n", server);
  return out + "status:       ACTIVE\r\ncreated:      1995-01-01\r\nsource:       LOOPBACK\r\n";
}

// The registrar knows the holder, and has dates of its own.
std::string WhoisResponder::registrar(std::string_view name, uint32_t number) const {
  Holding holding = world_.look_up(name);
  if (!holding.registered || holding.registrar != number) {
    return whois_not_found(name, WhoisFormat::latin1);
  }
  const auto fault = whois_fault(name, world_.zone_of(name));
  if (holding.registrant_org.empty()) {
    holding.registrant_org = fmt::format("Holder {}", number);
    holding.registrant_country = "US";
  }
  holding.updated += 3'600;
  const bool back = fault.fault == wloop && fault.number == 1;
  std::string text = whois_answer(holding, WhoisFormat::labels,
                                  world_.whois_at(back ? whois_host(last_label(name))
                                                       : registrar_whois_host(holding.registrar)));
  constexpr std::string_view kRegistry = "Registry Expiry Date";
  text.replace(text.find(kRegistry), kRegistry.size(), "Registrar Registration Expiration Date");
  return text;
}

std::string whois_referral(const RegistrationWorld& world, const Holding& holding) {
  const auto fault = whois_fault(holding.domain, world.zone_of(holding.domain));
  if (fault.fault == wref) return std::string{forbidden_referral(fault.number)};
  const bool self = fault.fault == wloop && fault.number == 0;
  return world.whois_at(self ? whois_host(last_label(holding.domain))
                             : registrar_whois_host(holding.registrar));
}

std::string WhoisResponder::answer(std::string_view name, WhoisFormat format) const {
  const Holding holding = world_.look_up(name);
  if (!holding.registered) return whois_not_found(name, format);
  return whois_answer(holding, format, whois_referral(world_, holding));
}

WhoisPlan WhoisResponder::registry(std::string_view name, const RegistrationZone& zone) {
  const RegistrationFaultCall fault = whois_fault(name, zone);
  const WhoisFormat format = whois_format(zone, fault);
  const auto good = [&] { return answer(name, format); };
  const auto cut = [&](size_t bytes, WhoisPlan::End end) {
    std::string text = good();
    text.resize(std::min(bytes, text.size()));
    return WhoisPlan{.text = std::move(text), .end = end};
  };
  switch (fault.fault) {
    case wslow:
      return {.text = good(), .drip_bytes = 1, .drip_gap = milliseconds{fault.number_or(1'000)}};
    case wlate: return {.text = good(), .delay = milliseconds{fault.number_or(1'000)}};
    case wmute: return {.end = WhoisPlan::End::never};
    case wreset: return {.end = WhoisPlan::End::reset};
    case wrst: return cut(fault.number_or(100), WhoisPlan::End::reset);
    case wempty: return {};
    case wcut: return cut(good().size() * fault.number_or(50) / 100, WhoisPlan::End::orderly);
    case wnoclose: return {.text = good(), .end = WhoisPlan::End::never};
    case wflaky:
      return chance_.with(fault.number_or(50) / 100.0) ? WhoisPlan{.end = WhoisPlan::End::reset}
                                                       : says(good());
    case whalf: return {.text = good(), .end = WhoisPlan::End::after_peer};
    case wflood: return {.text = many_lines(kFloodBytes / 3), .end = WhoisPlan::End::flood};
    case wline: return says(good() + std::string(fault.number_or(kLongLine), 'a') + "\r\n");
    case wlines: return says(many_lines(fault.number_or(kManyLines)));
    case wnames: return says(other_names(fault.number_or(kManyNames)) + good());
    case wthrottle:
    case wfirst: return says(whois_throttle(fault.number_or(zone.number)));
    case wban: return says("Requests of this client are not permitted. Please use RDAP.\r\n");
    case werror: return says("The service is temporarily unavailable. Please try again later.\r\n");
    case wunsupported: return says("TLD is not supported.\r\n");
    case wreserved: return says("This name is reserved by the registry.\r\n");
    case wother: return says(answer(fmt::format("x.{}.all.test", name), format));
    case whttp:
      return says(
          "HTTP/1.1 400 Bad Request\r\nContent-Type: text/html\r\nConnection: close\r\n\r\n"
          "<html><body>Not found</body></html>\r\n");
    case wsmtp: return says("220 mail.test ESMTP\r\n500 unrecognized command\r\n");
    case wbytes: return says(replace_registrar(good(), kHostileBytes));
    case wnul: return says(nuls(good()));
    case wutf16: return says(utf16_of(good()));
    case wdates: return says(std::string{kBadDates} + good());
    default: return says(good());
  }
}

}  // namespace zonesweep::loopback
