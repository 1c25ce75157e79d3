// tools/loopback/whois_responder.h - what a WHOIS server does about a question: the text, its pace,
// and how it ends. No sockets.
//
// Threads: one. Units: addresses in host byte order.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "tools/loopback/chance.h"
#include "tools/loopback/registration_world.h"

namespace zonesweep::loopback {

struct WhoisPlan {
  enum class End : uint8_t {
    orderly,
    reset,
    never,       // the client has to
    after_peer,  // nothing leaves before the client's end
    flood,       // the text again and again
  };
  std::string text;
  End end = End::orderly;
  std::chrono::nanoseconds delay{0};
  size_t drip_bytes = 0;  // so many each gap; 0: all at once
  std::chrono::nanoseconds drip_gap{0};
};

struct WhoisQuestion {
  std::string name;  // lower case, without what a server's syntax puts around it
  std::string host;  // the server that was dialled, as far as the name tells; else empty
};

class WhoisResponder {
 public:
  WhoisResponder(const RegistrationWorld& world, uint64_t chance_seed)
      : world_(world), chance_(chance_seed) {}

  // `line`: without its end.
  [[nodiscard]] WhoisQuestion read(uint32_t address, std::string_view line) const;
  [[nodiscard]] WhoisPlan respond(const WhoisQuestion& question);

 private:
  [[nodiscard]] WhoisPlan registry(std::string_view name, const RegistrationZone& zone);
  [[nodiscard]] std::string registrar(std::string_view name, uint32_t number) const;
  [[nodiscard]] std::string root(std::string_view name) const;
  [[nodiscard]] std::string answer(std::string_view name, WhoisFormat format) const;
  const RegistrationWorld& world_;
  Chance chance_;
};

// The fault of a question about `name` to its registry: the name's, else the zone's.
[[nodiscard]] RegistrationFaultCall whois_fault(std::string_view name,
                                                const RegistrationZone& zone);
// Some faults need what only one format states.
[[nodiscard]] WhoisFormat whois_format(const RegistrationZone& zone,
                                       const RegistrationFaultCall& fault);

// The registrar's server, as the registry names it: with some faults another.
[[nodiscard]] std::string whois_referral(const RegistrationWorld& world, const Holding& holding);

// Referrals of f-wref-<N>: where no client goes.
[[nodiscard]] std::string_view forbidden_referral(uint32_t number);
inline constexpr uint32_t kForbiddenReferrals = 12;

}  // namespace zonesweep::loopback
