// tools/loopback/answer.h - the answer of the world to one question, with the faults of content in
// it.
//
// Threads: one. Ownership: borrows all it is given. Units: whole messages, without a TCP length.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "tools/loopback/faults.h"
#include "tools/loopback/question.h"
#include "tools/loopback/wire.h"
#include "tools/loopback/world.h"

namespace zonesweep::loopback {

namespace rcode {
inline constexpr uint16_t kNoError = 0, kFormErr = 1, kServFail = 2, kNxDomain = 3, kNotImp = 4,
                          kRefused = 5, kBadVers = 16;
}

class AnswerWriter {
 public:
  AnswerWriter(const World& world, const Question& question, std::span<const std::byte> query,
               const Faults& faults, Wire& out)
      : world_(world), question_(question), query_(query), faults_(faults), out_(out) {}

  // The world's answer. Returns the rcode.
  uint16_t write(bool over_tcp);
  // Header, question and OPT only.
  void write_bare(uint16_t code, bool truncated = false);
  // Header and nothing else, for what was not understood.
  void write_header_only(uint16_t code);
  // Bit TC, and nothing behind the question but the OPT.
  void truncate();

 private:
  void begin();
  void finish(uint16_t code);
  uint16_t forced_code() const;
  uint16_t answer();
  uint16_t aliased();
  uint16_t chain(const FaultCall& call);
  uint16_t data(std::string_view owner, const Node& node);
  uint16_t no_data(std::string_view owner, const Node& node);
  uint16_t missing();
  template <typename PutOwner>
  void records(const Node& node, PutOwner put_owner);
  void one_answer(std::string_view owner, uint16_t type, std::string_view name);
  void refer();
  void hostile();
  void hostile_label();
  void poison();
  void many_addresses(const Node& node, uint32_t count);
  void fill_to(size_t bytes);
  void soa(std::string_view owner, const Node& zone);
  void top_level_soa();
  void opt(uint16_t code);
  void opt_options();
  void put_name_of(std::string_view owner);
  void link_owner(uint32_t link);
  size_t record(uint16_t type, uint32_t ttl);  // behind the owner; returns the hole of RDLENGTH
  void end_record(size_t hole) { out_.patch(hole, out_.size() - hole - 2); }
  uint32_t ttl() const;

  const World& world_;
  const Question& question_;
  std::span<const std::byte> query_;
  const Faults& faults_;
  Wire& out_;
  size_t start_ = 0;
  uint16_t answers_ = 0;
  uint16_t authorities_ = 0;
  uint16_t additionals_ = 0;
};

}  // namespace zonesweep::loopback
