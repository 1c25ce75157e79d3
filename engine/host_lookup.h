// engine/host_lookup.h - the addresses of the hosts that a lane connects to, by the run's
// resolvers.
//
// A and AAAA are asked at once over UDP, with unpredictable ids on random ports; a reply counts for
// the socket, id, name and type that were asked (RFC 5452). A CNAME chain is followed as far as the
// answer holds it. What comes back is checked by nobody here: engine/fence.h decides.
//
// Threads:    one lane.
// Invariants: (1) every ask() that returned nothing ends in one on_host(), unless cancelled with
//             the lane; (2) callbacks come only from inside on_event() and expire(); (3) a host
//             is asked for once at a time, however many wait.
// Ownership:  the transport and the client outlive it; an answer's addresses are lent until the
//             next call.
// Errors:     HostStatus; failures are kept too, shorter.
#pragma once

#include <cstdint>
#include <deque>
#include <expected>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "engine/message_ids.h"
#include "engine/verdict.h"
#include "io/timers.h"
#include "io/transport.h"
#include "protocols/dns/name.h"

namespace zonesweep::engine {

namespace limits {
inline constexpr uint32_t kHosts = 4'096;       // kept or being asked for; the zones have 1,500
inline constexpr uint32_t kHostsAsking = 256;   // at once; more wait their turn
inline constexpr uint32_t kHostAddresses = 16;  // per host; FAULTS 3.4 caps every list
inline constexpr uint32_t kHostResolvers = 8;   // the first ones of the run's
inline constexpr uint32_t kHostTries = 3;       // FAULTS 3.4, per question
inline constexpr auto kHostTryTimeout = std::chrono::seconds{2};
// The other family may take so long once one has addresses (RFC 8305 section 3 says 50 ms, for
// people who wait).
inline constexpr auto kHostOtherFamily = std::chrono::milliseconds{250};
inline constexpr auto kHostTtlLeast = std::chrono::seconds{60};  // also: a name that re-binds
inline constexpr auto kHostTtlMost = std::chrono::hours{1};
inline constexpr auto kHostFailureLeast = std::chrono::seconds{5};  // RFC 9520: 5 s to 5 min
inline constexpr auto kHostFailureMost = std::chrono::minutes{5};
inline constexpr uint32_t kHostTcpStreams = 8;  // for truncated or forged answers
}  // namespace limits

enum class HostStatus : uint8_t {
  found,
  no_such_host,  // NXDOMAIN
  no_address,    // the name exists, with neither A nor AAAA
  failed,        // no resolver gave a usable answer
  overload,      // kHosts are being asked for: ask again later
  not_a_host,    // no DNS name, or a literal with a zone
};
[[nodiscard]] std::string_view name_of(HostStatus status) noexcept;

struct HostAnswer {
  HostStatus status = HostStatus::failed;
  std::span<const io::Endpoint> addresses{};  // port 0; IPv4 first
};

class HostLookup {
 public:
  class Client {
   public:
    // Only queues work: neither ask() nor on_event() is called from here.
    virtual void on_host(uint64_t token, const HostAnswer& answer) = 0;

   protected:
    ~Client() = default;
  };

  // `random_seed`: simulations only, see RandomIds.
  [[nodiscard]] static std::expected<std::unique_ptr<HostLookup>, io::Error> create(
      io::Transport& transport, std::span<const io::Endpoint> resolvers, Client& client,
      uint64_t random_seed = 0);

  // The answer where it is known: a literal (brackets are taken off), or kept from before.
  // Otherwise nothing, and on_host(token) follows.
  [[nodiscard]] std::optional<HostAnswer> ask(std::string_view host, uint64_t token);

  // False where the event is somebody else's.
  bool on_event(const io::Event& event);
  void expire(io::Instant now);
  [[nodiscard]] io::Instant wake_at() const;  // Instant::max() when nothing is due
  void close_all();                           // streams; nothing is answered after it

  [[nodiscard]] uint32_t asking() const;
  [[nodiscard]] uint64_t queries_sent() const;
};

}  // namespace zonesweep::engine
