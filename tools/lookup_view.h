// tools/lookup_view.h - what `zonesweep lookup` shows: answers for people, or the rows of a scan.
//
// Threads:    one.
// Invariants: no byte of a peer reaches the terminal as it is: presentation form, clean text, and
//             what is left is escaped.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "engine/record_writer.h"
#include "engine/registration_writer.h"
#include "engine/shard_records.h"

namespace zonesweep::tools {

struct Paint {
  bool on = false;
  [[nodiscard]] std::string operator()(std::string_view code, std::string_view text) const;
};

// Collects what the lanes say, so that it is shown in the order that was asked for: name by name,
// DNS before registration.
class LookupView {
 public:
  // `says`: whether rows tell their table.
  LookupView(bool json, engine::RowsSay says, Paint paint)
      : json_(json), says_(says), paint_(paint) {}

  void add(uint32_t question, const engine::DnsRecord& record);
  void add(const engine::RegistrationRecord& record);
  void print() const;

 private:
  [[nodiscard]] std::string for_people(const engine::DnsRecord& record) const;
  [[nodiscard]] std::string for_people(const engine::RegistrationRecord& record) const;

  bool json_;
  engine::RowsSay says_;
  Paint paint_;
  std::map<std::pair<uint64_t, uint32_t>, std::string> texts_;  // by name and question
};

// The two ends of it that lanes write to.
class DnsView final : public engine::RecordWriter {
 public:
  explicit DnsView(LookupView& view) : view_(view) {}
  void write(uint64_t, uint32_t question, const engine::DnsRecord& record) override {
    view_.add(question, record);
  }

 private:
  LookupView& view_;
};

class RegistrationView final : public engine::RegistrationWriter {
 public:
  explicit RegistrationView(LookupView& view) : view_(view) {}
  void write(uint64_t, const engine::RegistrationRecord& record) override { view_.add(record); }

 private:
  LookupView& view_;
};

}  // namespace zonesweep::tools
