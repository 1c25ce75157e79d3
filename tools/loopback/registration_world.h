// tools/loopback/registration_world.h - who holds a name, since when and until when: a pure
// function of name and seed, as the DNS world is.
//
// Any name of two labels or more is a registrable domain of its own; its zone is its last label. A
// name that exists in DNS is registered. Of the others one in eight is, too, without name servers.
//
// Threads: any; nothing changes after construction. Units: dates in seconds since 1970, UTC.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tools/loopback/registration_hosts.h"
#include "tools/loopback/world.h"

namespace zonesweep::loopback {

namespace limits {
inline constexpr uint16_t kClosedPort = 1;  // of servers that refuse
}  // namespace limits

struct RegistrationPorts {
  uint16_t whois = 4343;
  uint16_t rdap = 4443;
  uint16_t silent = 0;  // takes no connection, and does not say so
};

struct Holding {
  bool registered = false;
  std::string domain;  // as it was asked
  std::string id;
  uint32_t registrar = 0;
  std::string registrar_name;
  std::string registrar_iana_id;
  std::string abuse_email;
  std::string abuse_phone;
  int64_t created = 0;
  int64_t updated = 0;
  int64_t expires = 0;
  std::vector<std::string> statuses;  // EPP's words
  std::vector<std::string> nameservers;
  bool signed_delegation = false;
  std::string registrant_org;      // UTF-8; empty: withheld, and the country with it
  std::string registrant_country;  // two letters
};

class RegistrationWorld {
 public:
  RegistrationWorld(const World& world, RegistrationPorts ports) : world_(&world), ports_(ports) {}

  [[nodiscard]] Holding look_up(std::string_view name) const;
  [[nodiscard]] RegistrationZone zone_of(std::string_view name) const;
  [[nodiscard]] uint32_t address_of(std::string_view host) const {
    return registration_address(host, world_->seed());
  }
  [[nodiscard]] const World& dns() const { return *world_; }
  [[nodiscard]] RegistrationPorts ports() const { return ports_; }
  // As a client must be told: servers that refuse or are silent have other ports.
  [[nodiscard]] std::string whois_of_zone(std::string_view label) const;
  [[nodiscard]] std::string rdap_of_zone(std::string_view label) const;
  // "host", or "host:port" where the port is not 43: what a referral says.
  [[nodiscard]] std::string whois_at(std::string_view host) const;
  // "https://host:port/".
  [[nodiscard]] std::string rdap_at(std::string_view host) const;

 private:
  [[nodiscard]] RegistrationWorld with_fault(RegistrationFault fault) const;

  const World* world_;
  RegistrationPorts ports_;
};

// The last label.
[[nodiscard]] std::string_view last_label(std::string_view name);

struct CivilTime {
  int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0;
};
[[nodiscard]] CivilTime civil_time(int64_t seconds);
// "2014-03-27T10:00:00", without a zone.
[[nodiscard]] std::string iso_time(int64_t seconds);
[[nodiscard]] std::string iso_day(int64_t seconds);

}  // namespace zonesweep::loopback
