// tools/loopback/registration_files.h - what a client must be told to find the WHOIS and RDAP
// servers of the loopback: a folder of files.
//
//   whois-servers.tsv  server:port and its zones, as protocols/whois/data/servers.tsv
//   dns.json           base URLs of the zones, as IANA writes them (RFC 9224)
//   ca.pem             whom to trust for them
//   names.txt          a sample of names, ordinary zones only
//
// Threads: pure but for the files. Errors: one line for people.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "tools/loopback/registration_world.h"

namespace zonesweep::loopback {

namespace limits {
inline constexpr uint32_t kFaultZones = 20;  // of each kind of fault
}  // namespace limits

// w0 to w<count-1>, r0.., b0..; then 20 of each fault: f-wslow-0 to f-wslow-19; then, of faults whose
// number chooses what happens, one for each: f-wref-0-0, f-wref-1-0, ...
[[nodiscard]] std::vector<std::string> registration_zones(uint32_t count);

[[nodiscard]] std::string whois_table(const RegistrationWorld& world,
                                      const std::vector<std::string>& zones);
[[nodiscard]] std::string rdap_bootstrap(const RegistrationWorld& world,
                                         const std::vector<std::string>& zones);
// `count` names, zone by zone in turn, so that neighbours ask different servers.
[[nodiscard]] std::string sample_names(const std::vector<std::string>& zones, uint64_t count);

[[nodiscard]] std::expected<void, std::string> write_text_file(const std::string& path,
                                                               std::string_view text);

}  // namespace zonesweep::loopback
