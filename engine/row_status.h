// engine/row_status.h - how a row ended, in the words of its table.
//
// Threads:    value type.
// Invariants: `code` is a Status in the table `dns` and a RegistrationStatus in `registration`.
#pragma once

#include <cstdint>
#include <string>

#include "engine/output.h"

namespace zonesweep::engine {

enum class RegistrationStatus : uint8_t;  // engine/registration_record.h

struct RowStatus {
  constexpr RowStatus() = default;
  // NOLINTNEXTLINE(google-explicit-constructor): a row's status is one of the two
  constexpr RowStatus(Status status, uint16_t row_rcode = 0)
      : code(static_cast<uint8_t>(status)), rcode(row_rcode) {}
  // NOLINTNEXTLINE(google-explicit-constructor)
  constexpr RowStatus(RegistrationStatus status) : code(static_cast<uint8_t>(status)) {}

  uint8_t code = 0;
  uint16_t rcode = 0;  // of the table `dns`: RCODE<n>
};

// The word that stands in the row and in the counts of the manifest.
void append_status(Table table, RowStatus status, std::string& out);

}  // namespace zonesweep::engine
