#include "tools/loopback/faults.h"

#include <charconv>
#include <optional>
#include <utility>

namespace zonesweep::loopback {
namespace {

constexpr std::pair<std::string_view, Fault> kWords[] = {
    {"loss", Fault::loss},
    {"dup", Fault::dup},
    {"delay", Fault::delay},
    {"late", Fault::late},
    {"mute", Fault::mute},
    {"mute-udp", Fault::mute_udp},
    {"tc", Fault::tc},
    {"tc-keep", Fault::tc_keep},
    {"tc-rst", Fault::tc_rst},
    {"tc-refuse", Fault::tc_refuse},
    {"tc-mute", Fault::tc_mute},
    {"tc-tc", Fault::tc_tc},
    {"badid", Fault::badid},
    {"badq", Fault::badq},
    {"badq-type", Fault::badq_type},
    {"badq-none", Fault::badq_none},
    {"qr0", Fault::qr0},
    {"opcode", Fault::opcode},
    {"empty", Fault::empty},
    {"edns-formerr", Fault::edns_formerr},
    {"edns-notimp", Fault::edns_notimp},
    {"edns-drop", Fault::edns_drop},
    {"edns-badvers", Fault::edns_badvers},
    {"edns-two", Fault::edns_two},
    {"edns-many", Fault::edns_many},
    {"edns-strip", Fault::edns_strip},
    {"ede", Fault::ede},
    {"rcode", Fault::rcode},
    {"servfail", Fault::servfail},
    {"refused", Fault::refused},
    {"formerr", Fault::formerr},
    {"notimp", Fault::notimp},
    {"nxdomain", Fault::nxdomain},
    {"nodata", Fault::nodata},
    {"lame", Fault::lame},
    {"referral", Fault::referral},
    {"cname", Fault::cname},
    {"cname-loop", Fault::cname_loop},
    {"cname-self", Fault::cname_self},
    {"cname-dangling", Fault::cname_dangling},
    {"cname-bare", Fault::cname_bare},
    {"big", Fault::big},
    {"huge", Fault::huge},
    {"tcpclose", Fault::tcpclose},
    {"tcp-slow", Fault::tcp_slow},
    {"tcp-bytes", Fault::tcp_bytes},
    {"tcp-split", Fault::tcp_split},
    {"tcp-zero", Fault::tcp_zero},
    {"tcp-short", Fault::tcp_short},
    {"tcp-twice", Fault::tcp_twice},
    {"garbage", Fault::garbage},
    {"bad-rdlength", Fault::bad_rdlength},
    {"bad-pointer", Fault::bad_pointer},
    {"bad-forward", Fault::bad_forward},
    {"bad-label", Fault::bad_label},
    {"bad-count", Fault::bad_count},
    {"bad-rdata", Fault::bad_rdata},
    {"bad-cut", Fault::bad_cut},
    {"bytes", Fault::bytes},
    {"poison", Fault::poison},
    {"ttl", Fault::ttl},
    {"lower", Fault::lower},
    {"flags", Fault::flags},
};

// Takes "-<digits>" off the end of `text`.
std::optional<uint32_t> take_number(std::string_view& text) {
  const size_t dash = text.rfind('-');
  if (dash == std::string_view::npos) return std::nullopt;
  const std::string_view digits = text.substr(dash + 1);
  uint32_t number = 0;
  const auto [end, error] = std::from_chars(digits.begin(), digits.end(), number);
  if (digits.empty() || error != std::errc{} || end != digits.end()) return std::nullopt;
  text = text.substr(0, dash);
  return number;
}

// `text` is a label without its "f-".
std::optional<FaultCall> read_call(std::string_view text) {
  FaultCall call;
  if (text.ends_with("-then")) {
    call.then = true;
    text.remove_suffix(5);
  }
  if (const auto number = take_number(text)) {
    call.number = *number;
    call.numbered = true;
  }
  for (const auto& [word, fault] : kWords) {
    if (word != text) continue;
    call.fault = fault;
    return call;
  }
  return std::nullopt;
}

}  // namespace

Faults Faults::of(std::string_view name) {
  Faults faults;
  while (faults.count_ < kMost && name.starts_with("f-")) {
    const size_t dot = name.find('.');
    if (dot == std::string_view::npos) break;  // a top-level name is no fault
    const auto call = read_call(name.substr(2, dot - 2));
    if (!call) break;
    faults.calls_[faults.count_++] = *call;
    name.remove_prefix(dot + 1);
  }
  return faults;
}

const FaultCall* Faults::within(Fault first, Fault last) const {
  for (size_t i = 0; i < count_; ++i) {
    if (calls_[i].fault >= first && calls_[i].fault <= last) return &calls_[i];
  }
  return nullptr;
}

}  // namespace zonesweep::loopback
