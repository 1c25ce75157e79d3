// engine/record_writer.h - where a lane's records go: shards, or a terminal.
//
// Threads: one lane. One virtual call per row.
#pragma once

#include <cstdint>

#include "engine/record.h"
#include "io/transport.h"

namespace zonesweep::engine {

class RecordWriter {
 public:
  virtual ~RecordWriter() = default;
  // One row; the record is lent for the call.
  virtual void write(uint64_t chunk, uint32_t question, const DnsRecord& record) = 0;
  // All rows of the name were written.
  virtual void name_done(uint64_t /*chunk*/, uint64_t /*seq*/) {}
  // Behind: the lane pulls no new names until this is false again.
  [[nodiscard]] virtual bool full() const { return false; }
  // No more rows of the chunk will come from this lane.
  virtual void chunk_idle(uint64_t /*chunk*/) {}
  virtual void tick(io::Instant /*now*/) {}
  virtual void flush() {}
};

}  // namespace zonesweep::engine
