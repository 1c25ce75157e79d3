// protocols/dns/relevance.h - which records of a validated message belong to its question.
//
// A resolver may send anything along; only what the question leads to may reach a row or the cache
// (FAULTS D28, T7):
//   answer:     the owner is on the CNAME chain; a DNAME above a name of the chain; class IN.
//   authority:  the owner is at or above a name of the chain (SOA, NS, DS and their signatures);
//   NSEC, NSEC3 and
//               signatures also elsewhere in the zone that such a record, or a signature's signer,
//               names.
//   additional: A, AAAA, SVCB, HTTPS, TLSA and signatures of a name that a related record leads to.
//   Never OPT.
//
// Threads:    one object per thread at a time.
// Ownership:  borrows message and summary. Allocates nothing.
#pragma once

#include <array>
#include <cstdint>

#include "protocols/dns/message.h"

namespace zonesweep::dns {

class Relevance {
 public:
  // `message` is validated and `summary` is what validate() said.
  Relevance(const Message& message, const Summary& summary) noexcept;
  // Records must be shown in the order of the message, each once: targets are learnt on the way.
  [[nodiscard]] bool related(const Record& record) noexcept;

 private:
  [[nodiscard]] bool on_chain(uint16_t owner) noexcept;
  [[nodiscard]] bool above_chain(uint16_t owner) noexcept;
  [[nodiscard]] bool authority_related(const Record& record) noexcept;
  [[nodiscard]] bool additional_related(const Record& record) noexcept;
  void learn(const Record& record) noexcept;

  const Message& message_;
  const Summary& summary_;
  Effort effort_;      // used up: the rest is unrelated
  uint16_t zone_ = 0;  // offset of the name of the zone that the authority section speaks of, or 0
  uint16_t target_count_ = 0;
  std::array<uint16_t, 64>
      targets_;  // offsets of names that related records lead to; more are not needed
};

}  // namespace zonesweep::dns
