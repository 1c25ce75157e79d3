// engine/shard_records.h - a lane's records as NDJSON rows of its shards.
//
// Threads: one lane. Ownership: the sink belongs to the Output.
#pragma once

#include "engine/ndjson.h"
#include "engine/output.h"
#include "engine/record_writer.h"

namespace zonesweep::engine {

class ShardRecords final : public RecordWriter {
 public:
  explicit ShardRecords(RowSink& sink) : sink_(sink) {}

  void write(uint64_t chunk, uint32_t question, const DnsRecord& record) override {
    append_ndjson(record, sink_.buffer(chunk, Table::dns));
    sink_.row_done(chunk, Table::dns, record.seq, question, record.status, record.rcode);
  }
  void name_done(uint64_t chunk, uint64_t seq) override { sink_.name_done(chunk, seq); }
  [[nodiscard]] bool full() const override { return sink_.full(); }
  void chunk_idle(uint64_t chunk) override { sink_.chunk_idle(chunk); }
  void tick(io::Instant now) override { sink_.tick(now); }
  void flush() override { sink_.flush(); }

 private:
  RowSink& sink_;
};

}  // namespace zonesweep::engine
