// protocols/zone/delegations.h - which owners of NS records are delegated names.
//
// The apex is the owner of the SOA. Until one is seen it is the origin that the user or the first
// $ORIGIN gave; without that, the first NS owner, if the second one lies below it. Under a SOA only
// names below the apex are names; without one every NS owner but the apex is, because nothing says
// where the zone ends.
//
// Threads:    one.
// Invariants: a name is handed out once, as far as Seen reaches (see there): at once when its
//             records stand together, as they do in every sorted zone.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string_view>

#include "protocols/zone/owner.h"
#include "protocols/zone/parser.h"
#include "protocols/zone/seen.h"

namespace zonesweep::zone {

class Delegations {
 public:
  Delegations(uint64_t key, size_t seen_buckets, Counts& counts)
      : key_(key), counts_(counts), seen_(seen_buckets) {}

  void origin(const ZoneName& name);  // the user's, or a $ORIGIN
  void soa(const ZoneName& owner, Output& out);
  void ns(const ZoneName& owner, Output& out);
  // As ns(), for an owner of at most 63 bytes without escapes. `dots` is where they stand, the last
  // byte included when the name is absolute; `origin` is only for a relative one. 64 bytes of
  // `token` may be read. Only when settled().
  void plain_ns(const char* token, unsigned size, uint64_t dots, const ZoneName* origin,
                Output& out);
  [[nodiscard]] bool settled() const noexcept {
    return rule_ != Rule::unknown && rule_ != Rule::held;
  }

  // Hands out what had no room before.
  void resume(Output& out);
  // Makes sure that what is in the block is final.
  void flush(Output& out);
  // The text has ended.
  void finish(Output& out);

 private:
  enum class Rule : uint8_t {
    unknown,  // nothing says what the apex is
    held,     // the first NS owner may be it; it waits for the second
    origin,   // apex_ is an origin: only it is left out
    none,     // there is no apex
    soa,      // apex_ is the owner of the SOA: what is not below it is left out
  };
  static constexpr size_t kBatch = 16;  // names whose buckets are fetched while the next are parsed

  [[nodiscard]] bool is_delegated(std::string_view lower_case);
  void set_apex(const ZoneName& name, Rule rule);
  void append(std::string_view text, std::string_view wire, Output& out);
  void added(uint32_t at, size_t text_size, std::string_view lower_case, Output& out);

  uint64_t key_;
  Counts& counts_;
  Rule rule_ = Rule::unknown;
  std::array<char, 256> apex_{};  // lower case
  size_t apex_size_ = 0;
  std::unique_ptr<ZoneName> held_;
  std::unique_ptr<ZoneName> late_;  // the name behind the held one, when there was no room for both
  Seen seen_;
  std::array<Seen::Key, kBatch> waiting_{};  // hashes of the last names of the block
  size_t waiting_count_ = 0;
};

}  // namespace zonesweep::zone
