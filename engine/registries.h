// engine/registries.h - which registrable domain a name is in, and which servers hold its zone.
//
// Threads:    loaded by one thread, then read by any.
// Invariants: a planned domain has only letters, digits and hyphens in its labels, and none begins
//             with a hyphen: it can be put into a query, a path and a log.
// Ownership:  a plan borrows from its argument and from the tables.
// Errors:     a file that is none: one line that names it.
#pragma once

#include <expected>
#include <optional>
#include <string>
#include <string_view>

#include "engine/registration_record.h"
#include "engine/text_hash.h"
#include "protocols/psl/suffix_list.h"
#include "protocols/rdap/bootstrap.h"
#include "protocols/whois/server_table.h"

namespace zonesweep::engine {

namespace limits {
inline constexpr size_t kSuffixFileBytes = 16 * 1024 * 1024;  // the real list has 300 KB
inline constexpr size_t kOptOutFileBytes = 1024 * 1024 * 1024;
}  // namespace limits

enum class RegistrationProbe : uint8_t {
  registration,  // RDAP where the zone has it, else or on failure WHOIS
  rdap,
  whois,
};
[[nodiscard]] std::string_view name_of(RegistrationProbe probe) noexcept;
[[nodiscard]] std::optional<RegistrationProbe> registration_probe_from(
    std::string_view word) noexcept;

struct RegistryFiles {         // empty: what is compiled in
  std::string bootstrap;       // dns.json of IANA (RFC 9224)
  std::string rdap_overrides;  // lines "URL TAB ZONE ZONE ..."
  std::string whois_servers;   // protocols/whois/server_table.h
  std::string suffixes;        // public_suffix_list.dat
  std::string opt_out;         // a domain a line: it and all below are not asked about
};

struct RegistrationPlan {
  std::string_view domain;  // what is asked about; empty where `refusal` says why nothing is
  std::string_view suffix;  // the public suffix: the rest of `domain`
  std::string_view refusal;
  RegistrationStatus status = RegistrationStatus::ok;  // with `refusal`
};

class Registries {
 public:
  [[nodiscard]] static std::expected<Registries, std::string> load(const RegistryFiles& files);

  // `name`: A-labels, lower case, no final dot.
  [[nodiscard]] RegistrationPlan plan(std::string_view name) const;
  [[nodiscard]] rdap::Base rdap_base(std::string_view domain) const {
    return bootstrap_.base_for(domain);
  }
  [[nodiscard]] whois::Server whois_server(std::string_view domain) const {
    return servers_.server_for(domain);
  }
  [[nodiscard]] const psl::SuffixList& suffixes() const noexcept { return suffixes_; }

 private:
  Registries() : suffixes_(psl::SuffixList::builtin()) {}
  [[nodiscard]] bool opted_out(std::string_view name) const;

  psl::SuffixList suffixes_;
  rdap::Bootstrap bootstrap_;
  whois::ServerTable servers_;
  TextSet opt_out_;
};

}  // namespace zonesweep::engine
