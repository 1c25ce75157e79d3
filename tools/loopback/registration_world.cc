#include "tools/loopback/registration_world.h"

#define XXH_INLINE_ALL
#include <fmt/format.h>
#include <xxhash.h>

#include <array>
#include <chrono>

namespace zonesweep::loopback {
namespace {

constexpr uint64_t kHoldingSeed = 2;  // on top of the world's; 0 and 1 are DNS
constexpr int64_t kDay = 86'400;      // seconds
constexpr int64_t kFirstDay = 9'131;  // 1995-01-01
constexpr int64_t kLastDay = 20'544;  // 2026-04-01: nothing is younger
constexpr int kFirstExpiry = 2'027;   // the year

// Forms of a registrar's name, with what parsers trip over.
constexpr std::array<std::string_view, 4> kRegistrarForms = {
    "Registrar {}, Inc.", "Names {} GmbH & Co. KG", "Domain Desk {} LLC", "R{} Hosting B.V."};
constexpr std::array<std::string_view, 4> kOrganizations = {
    "Example Works {} Ltd", "Société d'Étude {}", "Müller & Söhne {} GmbH", "Ängström Labs {} AB"};
constexpr std::array<std::string_view, 8> kCountries = {"DE", "FR", "US", "SE",
                                                        "NL", "GB", "CA", "CH"};

// The fields of the hash, from the lowest bit.
class Bits {
 public:
  explicit Bits(uint64_t hash) : rest_(hash) {}
  uint32_t take(unsigned bits) {
    const auto value = static_cast<uint32_t>(rest_ & ((uint64_t{1} << bits) - 1));
    rest_ >>= bits;
    return value;
  }

 private:
  uint64_t rest_;
};

std::vector<std::string> statuses(uint32_t draw) {
  switch (draw) {  // of 32
    case 0: return {"redemptionPeriod"};
    case 1: return {"pendingDelete"};
    case 2:
    case 3: return {"clientHold", "clientTransferProhibited"};
    case 4:
    case 5:
    case 6:
    case 7: return {"clientDeleteProhibited", "clientTransferProhibited", "clientUpdateProhibited"};
    case 8:
    case 9: return {"serverTransferProhibited", "serverDeleteProhibited"};
    default:
      return draw % 2 == 0 ? std::vector<std::string>{"clientTransferProhibited"}
                           : std::vector<std::string>{"ok"};
  }
}

// The same day and time in another year; of a 29th of February the 28th.
int64_t in_year(int64_t seconds, int year) {
  using namespace std::chrono;
  const sys_days day{days{seconds / kDay}};
  const year_month_day date{day};
  year_month_day moved{std::chrono::year{year}, date.month(), date.day()};
  if (!moved.ok()) moved = {std::chrono::year{year}, date.month(), std::chrono::day{28}};
  return sys_days{moved}.time_since_epoch().count() * kDay + seconds % kDay;
}

void set_dates(Holding& holding, Bits& bits) {
  holding.created = kFirstDay * kDay + bits.take(14) % (kLastDay - kFirstDay) * kDay +
                    bits.take(10) * int64_t{84};  // a second of the day
  const int64_t days = kLastDay - holding.created / kDay;
  holding.updated = holding.created + bits.take(8) * days / 256 * kDay + 3'600;
  holding.expires = in_year(holding.created, kFirstExpiry + static_cast<int>(bits.take(2)));
}

void set_registrar(Holding& holding, Bits& bits) {
  const uint32_t number = bits.take(10) % limits::kRegistrars;
  holding.registrar = number;
  holding.registrar_name =
      fmt::format(fmt::runtime(kRegistrarForms[number % kRegistrarForms.size()]), number);
  holding.registrar_iana_id = fmt::format("{}", 1'000 + number);
  holding.abuse_email = fmt::format("abuse@reg{}.test", number);
  holding.abuse_phone = fmt::format("+1.555010{:04}", number);
}

void set_registrant(Holding& holding, Bits& bits) {
  const bool withheld = bits.take(1) == 0;
  const uint32_t number = bits.take(6);
  if (withheld) return;
  holding.registrant_org =
      fmt::format(fmt::runtime(kOrganizations[number % kOrganizations.size()]), number);
  holding.registrant_country = kCountries[number % kCountries.size()];
}

// Names that ask to be free, though they are in DNS as all names with a fault are.
bool is_free(std::string_view name) {
  const RegistrationFault fault = fault_of_name(name).fault;
  return fault == RegistrationFault::r404 || fault == RegistrationFault::r404empty;
}

bool is_in_dns(const Node& node) {
  return node.existence == Existence::named || node.existence == Existence::alias;
}

}  // namespace

std::string_view last_label(std::string_view name) {
  const size_t dot = name.rfind('.');
  return dot == std::string_view::npos ? name : name.substr(dot + 1);
}

CivilTime civil_time(int64_t seconds) {
  using namespace std::chrono;
  const sys_days day{days{seconds / kDay}};
  const year_month_day date{day};
  const auto of_day = static_cast<int>(seconds % kDay);
  return {static_cast<int>(date.year()),
          static_cast<int>(static_cast<unsigned>(date.month())),
          static_cast<int>(static_cast<unsigned>(date.day())),
          of_day / 3'600,
          of_day / 60 % 60,
          of_day % 60};
}

std::string iso_day(int64_t seconds) {
  const CivilTime t = civil_time(seconds);
  return fmt::format("{:04}-{:02}-{:02}", t.year, t.month, t.day);
}

std::string iso_time(int64_t seconds) {
  const CivilTime t = civil_time(seconds);
  return fmt::format("{}T{:02}:{:02}:{:02}", iso_day(seconds), t.hour, t.minute, t.second);
}

RegistrationZone RegistrationWorld::zone_of(std::string_view name) const {
  return zone_of_label(last_label(name), world_->seed());
}

Holding RegistrationWorld::look_up(std::string_view name) const {
  const Node node = world_->look_up(name);
  const uint64_t hash =
      XXH3_64bits_withSeed(name.data(), name.size(), world_->seed() + kHoldingSeed);
  Bits bits{hash};
  Holding holding;
  holding.domain = name;
  const bool without_dns = bits.take(3) == 0;
  if (name.find('.') == std::string_view::npos || is_free(name)) return holding;
  if (!is_in_dns(node) && !(node.existence == Existence::missing && without_dns)) return holding;
  holding.registered = true;
  holding.id = fmt::format("D{:08X}-LOOP", hash >> 32U);
  set_dates(holding, bits);
  set_registrar(holding, bits);
  set_registrant(holding, bits);
  holding.signed_delegation = bits.take(2) == 0;
  if (!is_in_dns(node)) {
    holding.statuses = {"inactive"};
    holding.signed_delegation = false;
    return holding;
  }
  holding.statuses = statuses(bits.take(5));
  holding.nameservers = {name_server(node, 0), name_server(node, 1)};
  return holding;
}

// The same world, where the servers with such a fault are.
RegistrationWorld RegistrationWorld::with_fault(RegistrationFault fault) const {
  using enum RegistrationFault;
  RegistrationPorts ports = ports_;
  if (fault == wrefuse) ports.whois = limits::kClosedPort;
  if (fault == wsilent) ports.whois = ports_.silent;
  if (fault == rrefuse) ports.rdap = limits::kClosedPort;
  if (fault == rsilent) ports.rdap = ports_.silent;
  return {*world_, ports};
}

std::string RegistrationWorld::whois_of_zone(std::string_view label) const {
  return with_fault(zone_of(label).fault.fault).whois_at(whois_host(label));
}

std::string RegistrationWorld::rdap_of_zone(std::string_view label) const {
  return with_fault(zone_of(label).fault.fault).rdap_at(rdap_host(label));
}

std::string RegistrationWorld::whois_at(std::string_view host) const {
  return ports_.whois == 43 ? std::string{host} : fmt::format("{}:{}", host, ports_.whois);
}

std::string RegistrationWorld::rdap_at(std::string_view host) const {
  return ports_.rdap == 443 ? fmt::format("https://{}/", host)
                            : fmt::format("https://{}:{}/", host, ports_.rdap);
}

}  // namespace zonesweep::loopback
