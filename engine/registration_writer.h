// engine/registration_writer.h - where the registration lane's records go.
//
// Threads: one lane. One virtual call per row.
#pragma once

#include <cstdint>

#include "engine/registration_record.h"
#include "io/transport.h"

namespace zonesweep::engine {

class RegistrationWriter {
 public:
  virtual ~RegistrationWriter() = default;
  // The name's row; the record is lent for the call.
  virtual void write(uint64_t chunk, const RegistrationRecord& record) = 0;
  // Behind: nothing new is asked until this is false again.
  [[nodiscard]] virtual bool full() const { return false; }
  virtual void tick(io::Instant /*now*/) {}
  virtual void flush() {}
};

}  // namespace zonesweep::engine
