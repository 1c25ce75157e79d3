// engine/resolver_check.h - which resolvers answer at all, before a run begins.
//
// Each is asked for the root's name servers, every kCheckEvery, until it answers anything that is
// DNS and fits, or kCheckPatience is over. An answer of any rcode is a sign of life.
//
// Threads: one; uses a transport of its own.
#pragma once

#include <span>
#include <vector>

#include "io/transport.h"

namespace zonesweep::engine {

namespace limits {
inline constexpr auto kCheckEvery = std::chrono::milliseconds{250};
// 16 tries: a resolver behind 50 % loss is missed once in 65,000 starts.
inline constexpr auto kCheckPatience = std::chrono::milliseconds{4'000};
inline constexpr uint32_t kCheckErrors = 3;  // ICMP errors after which nobody is there
}  // namespace limits

enum class Health : uint8_t { alive, silent, refused };

// One verdict per resolver, in order. Ends as soon as all have one; with `any`, as soon as one is
// alive.
[[nodiscard]] std::vector<Health> check_resolvers(io::Transport& transport,
                                                  std::span<const io::Endpoint> resolvers,
                                                  bool any);

}  // namespace zonesweep::engine
