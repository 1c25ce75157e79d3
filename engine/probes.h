// engine/probes.h - which rows a name has: what --probe and -t ask, by the kind of the name.
//
// Threads:    value type.
// Invariants: questions of a name are numbered over both tables: question q is the q-th DNS type,
//             the last one is the registration. A mask has bit q for question q.
#pragma once

#include <bit>
#include <cstdint>

#include "engine/names.h"

namespace zonesweep::engine {

struct Probes {
  uint32_t dns_types = 1;  // 0: DNS is not asked
  bool registration = false;

  [[nodiscard]] uint32_t questions() const noexcept { return dns_types + (registration ? 1 : 0); }
  // The number of the registration question; also where `dns` masks end.
  [[nodiscard]] uint32_t registration_question() const noexcept { return dns_types; }

  // An address has one question, PTR, whatever types are asked.
  [[nodiscard]] uint64_t dns_rows(InputName::Kind kind) const noexcept {
    if (dns_types == 0) return 0;
    if (kind == InputName::Kind::address) return 1;
    return dns_types == 64 ? UINT64_MAX : (uint64_t{1} << dns_types) - 1;
  }
  // Nobody registers an address: beside DNS it has no such row, alone one that says ILLEGAL_INPUT.
  [[nodiscard]] uint64_t registration_rows(InputName::Kind kind) const noexcept {
    if (!registration || (kind == InputName::Kind::address && dns_types != 0)) return 0;
    return uint64_t{1} << registration_question();
  }
  [[nodiscard]] uint64_t rows(InputName::Kind kind) const noexcept {
    return dns_rows(kind) | registration_rows(kind);
  }
};

}  // namespace zonesweep::engine
