// engine/shard_records.h - a lane's records as NDJSON rows of its shards.
//
// Threads:    one lane.
// Invariants: on standard output rows of both tables share one stream; there each begins with its
//             table, see docs/formats/output.md. In shards none does.
// Ownership:  the sink belongs to the Output.
#pragma once

#include "engine/ndjson.h"
#include "engine/output.h"
#include "engine/record_writer.h"
#include "engine/registration_record.h"
#include "engine/registration_writer.h"
#include "engine/row_status.h"

namespace zonesweep::engine {

enum class RowsSay : bool { nothing, table };

// Appends the record's row: {"seq":..., or {"table":"dns","seq":...
template <typename Record>
void append_row(const Record& record, Table table, RowsSay say, std::string& out) {
  if (say == RowsSay::nothing) return append_ndjson(record, out);
  out += table == Table::dns ? R"({"table":"dns")" : R"({"table":"registration")";
  const size_t brace = out.size();
  append_ndjson(record, out);
  out[brace] = ',';
}

class ShardRecords final : public RecordWriter {
 public:
  explicit ShardRecords(RowSink& sink, RowsSay say = RowsSay::nothing) : sink_(sink), say_(say) {}

  void write(uint64_t chunk, uint32_t question, const DnsRecord& record) override {
    append_row(record, Table::dns, say_, sink_.buffer(chunk, Table::dns));
    sink_.row_done(chunk, Table::dns, record.seq, question, {record.status, record.rcode});
  }
  void name_done(uint64_t chunk, uint64_t seq) override { sink_.name_done(chunk, seq); }
  [[nodiscard]] bool full() const override { return sink_.full(); }
  void chunk_idle(uint64_t chunk) override { sink_.chunk_idle(chunk); }
  void tick(io::Instant now) override { sink_.tick(now); }
  void flush() override { sink_.flush(); }

 private:
  RowSink& sink_;
  RowsSay say_;
};

// The same for the registration lane. A name has one such row: its last question.
class RegistrationRecords final : public RegistrationWriter {
 public:
  // `question`: so many DNS types are asked beside it.
  RegistrationRecords(RowSink& sink, uint32_t question, RowsSay say = RowsSay::nothing)
      : sink_(sink), question_(question), say_(say) {}

  void write(uint64_t chunk, const RegistrationRecord& record) override {
    append_row(record, Table::registration, say_, sink_.buffer(chunk, Table::registration));
    sink_.row_done(chunk, Table::registration, record.seq, question_, record.status);
    sink_.name_done(chunk, record.seq);
  }
  [[nodiscard]] bool full() const override { return sink_.full(); }
  void chunk_idle(uint64_t chunk) { sink_.chunk_idle(chunk); }
  void tick(io::Instant now) override { sink_.tick(now); }
  void flush() override { sink_.flush(); }

 private:
  RowSink& sink_;
  uint32_t question_;
  RowsSay say_;
};

}  // namespace zonesweep::engine
