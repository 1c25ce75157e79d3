// tools/loopback/faults.h - the faults that a name asks for: its first labels
// `f-<kind>[-<number>][-then]`.
//
// docs/loopback.md describes each kind. Several labels add up.
//
// Threads: pure functions over a constant table.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace zonesweep::loopback {

enum class Fault : uint8_t {
  // what the network does
  loss,
  dup,
  delay,
  late,
  mute,
  mute_udp,
  // truncation, and what TCP is then worth
  tc,
  tc_keep,
  tc_rst,
  tc_refuse,
  tc_mute,
  tc_tc,
  // answers that are not ours
  badid,
  badq,
  badq_type,
  badq_none,
  qr0,
  opcode,
  empty,
  // EDNS
  edns_formerr,
  edns_notimp,
  edns_drop,
  edns_badvers,
  edns_two,
  edns_many,
  edns_strip,
  ede,
  // outcomes
  rcode,
  servfail,
  refused,
  formerr,
  notimp,
  nxdomain,
  nodata,
  lame,
  referral,
  // aliases
  cname,
  cname_loop,
  cname_self,
  cname_dangling,
  cname_bare,
  // sizes
  big,
  huge,
  // TCP
  tcpclose,
  tcp_slow,
  tcp_bytes,
  tcp_split,
  tcp_zero,
  tcp_short,
  tcp_twice,
  // malformed messages
  garbage,
  bad_rdlength,
  bad_pointer,
  bad_forward,
  bad_label,
  bad_count,
  bad_rdata,
  bad_cut,
  // content
  bytes,
  poison,
  ttl,
  lower,
  flags,
};

struct FaultCall {
  Fault fault = Fault::loss;
  uint32_t number = 0;
  bool numbered = false;
  bool then = false;  // the good answer follows the bad one

  [[nodiscard]] uint32_t number_or(uint32_t otherwise) const {
    return numbered ? number : otherwise;
  }
};

class Faults {
 public:
  static constexpr size_t kMost = 4;  // further labels are ordinary ones

  // `name` as Question::name() gives it. A label of an unknown kind is an ordinary one, since real
  // zones have names like f-1.com: it and all behind it are not read.
  [[nodiscard]] static Faults of(std::string_view name);

  [[nodiscard]] bool any() const { return count_ > 0; }
  [[nodiscard]] const FaultCall* find(Fault fault) const {
    for (size_t i = 0; i < count_; ++i) {
      if (calls_[i].fault == fault) return &calls_[i];
    }
    return nullptr;
  }
  [[nodiscard]] bool has(Fault fault) const { return find(fault) != nullptr; }
  // The first of the calls whose kind lies in the range, ends included.
  [[nodiscard]] const FaultCall* within(Fault first, Fault last) const;

 private:
  std::array<FaultCall, kMost> calls_;
  size_t count_ = 0;
};

}  // namespace zonesweep::loopback
