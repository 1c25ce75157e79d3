// tools/loopback/registration_hosts.h - the WHOIS and RDAP servers of the loopback: which zone has
// which, their names, and the address of each.
//
// An address follows from the host's name alone: 127.B.C.D with C, D and five bits of B from its
// hash. B is 64 to 95; 96 and 97 are of servers that act before they were asked, so that the
// address tells them. All lie in 127.64.0.0/10, and nothing else of the loopback does.
//
// Threads: pure functions. Units: addresses in host byte order; names as in world.h.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "tools/loopback/registration_faults.h"

namespace zonesweep::loopback {

namespace limits {
inline constexpr uint32_t kRegistrars = 200;
}  // namespace limits

// Where an answer's data stands. A WHOIS server has one format for all its answers.
enum class WhoisFormat : uint8_t {
  labels,    // "Creation Date: ..." as ICANN asks of its registries
  rpsl,      // objects with lower-case attributes, after comments with %
  thin,      // little more than the registrar and where its WHOIS server is
  dotted,    // "created............: ..."
  brackets,  // "[Created on]   ..."
  blocks,    // a heading, and its values on the lines below
  latin1,    // labels, in ISO 8859-1
  table,     // two columns
};
inline constexpr uint32_t kWhoisFormats = 8;

struct RegistrationZone {  // of a top-level name
  uint32_t number = 0;     // its digits, else bits of its hash
  bool whois = false;
  bool rdap = false;
  RegistrationFaultCall fault;  // of its server

  [[nodiscard]] WhoisFormat format() const {
    return static_cast<WhoisFormat>(number % kWhoisFormats);
  }
};

// w<N>: WHOIS only; r<N>: RDAP only; b<N>: both; f-w...: WHOIS with a fault; f-r...: RDAP with a
// fault, and good WHOIS. Any other: by its hash.
[[nodiscard]] RegistrationZone zone_of_label(std::string_view label, uint64_t seed);

[[nodiscard]] std::string whois_host(std::string_view zone);         // whois.nic.<zone>
[[nodiscard]] std::string rdap_host(std::string_view zone);          // rdap.nic.<zone>
[[nodiscard]] std::string registrar_whois_host(uint32_t registrar);  // whois.reg<N>.test
[[nodiscard]] std::string registrar_rdap_host(uint32_t registrar);   // rdap.reg<N>.test
inline constexpr std::string_view kRootWhoisHost = "whois.iana.test";
inline constexpr std::string_view kRootDataHost = "data.iana.test";  // HTTPS: the bootstrap file

// Of a host that is one of these servers, else nothing. False where the zone has no such server.
struct RegistrationHost {
  bool exists = false;
  uint32_t address = 0;
};
[[nodiscard]] std::optional<RegistrationHost> registration_host(std::string_view name,
                                                                uint64_t seed);
[[nodiscard]] uint32_t registration_address(std::string_view host, uint64_t seed);

// What the address of a server tells about it.
[[nodiscard]] bool resets_at_once(uint32_t address);
[[nodiscard]] bool speaks_first(uint32_t address);

// "127.64.1.2".
[[nodiscard]] std::string dotted(uint32_t address);

}  // namespace zonesweep::loopback
