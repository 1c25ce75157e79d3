// engine/bootstrap_refresh.h - a copy of IANA's bootstrap file (RFC 9224) that is kept up to date.
//
// The copy is asked about once a day, with the ETag of last time (beside it, in FILE.etag): mostly
// the answer is that nothing has changed. A copy that cannot be brought up to date serves on.
//
// Threads:    the control thread; it blocks for at most RefreshOptions::https.total_timeout.
// Invariants: the copy is replaced as a whole, and only by a bootstrap file that can be used; the
//             fence holds for the address that is connected to.
// Errors:     a warning; there is always a table, if only the compiled-in one.
#pragma once

#include <span>
#include <string>

#include "engine/fence.h"
#include "engine/https_client.h"
#include "io/endpoint.h"

namespace zonesweep::engine {

namespace limits {
// The max-age that data.iana.org sends with it.
inline constexpr auto kBootstrapAge = std::chrono::hours{24};
}  // namespace limits

inline constexpr std::string_view kBootstrapUrl = "https://data.iana.org/rdap/dns.json";

struct RefreshOptions {
  std::string file;
  std::string url{kBootstrapUrl};
  std::span<const io::Endpoint> resolvers;
  Fence fence;
  HttpsOptions https;
};

struct Refresh {
  enum class Outcome : uint8_t {
    recent,     // asked less than kBootstrapAge ago: nothing was sent
    unchanged,  // the server says that the copy is the newest
    replaced,
    stale,  // `why`: the copy stays as it is, or there is none
  } outcome = Outcome::stale;
  std::string why;
};

[[nodiscard]] Refresh refresh_bootstrap(const RefreshOptions& options, io::TlsContext& tls);

}  // namespace zonesweep::engine
