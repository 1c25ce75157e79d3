// engine/backend_facts.h - which hosts are one backend, and how often its operator may be asked.
//
// Threads:    pure functions over a compiled-in table (engine/data/limits.tsv).
// Units:      see engine/limiter.h.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "engine/limiter.h"
#include "engine/registration_record.h"
#include "protocols/psl/suffix_list.h"

namespace zonesweep::engine {

struct BackendFacts {
  std::string id;  // "whois verisign-grs.com": the same for all hosts of the operator
  std::optional<double> rate;
  std::optional<uint32_t> exchanges;
  uint32_t quota = 0;
  Duration quota_span{};
};

// `host`: lower case, or an address: that is its own operator.
[[nodiscard]] BackendFacts backend_facts(RegistrationSource source, std::string_view host,
                                         const psl::SuffixList& suffixes);

}  // namespace zonesweep::engine
