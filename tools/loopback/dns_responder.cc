#include "tools/loopback/dns_responder.h"

#include <algorithm>

namespace zonesweep::loopback {
namespace {

constexpr size_t kMessageMost = 65'535;
constexpr size_t kFrameBytes = 2;
constexpr size_t kArenaBytes = 8 * (kMessageMost + kFrameBytes);
constexpr size_t kUdpMost = 65'507;
constexpr Milliseconds kHold{20};       // how long a reordered answer waits
constexpr Milliseconds kSoonAfter{20};  // the good answer behind a forged one
constexpr Milliseconds kLate{5'000};    // past every sensible try timeout
constexpr size_t kGarbageBytes = 40;

void patch16(std::span<std::byte> message, size_t at, uint32_t value) {
  message[at] = static_cast<std::byte>(value >> 8U);
  message[at + 1] = static_cast<std::byte>(value);
}

uint32_t get16(std::span<const std::byte> message, size_t at) {
  return std::to_integer<uint32_t>(message[at]) << 8U | std::to_integer<uint32_t>(message[at + 1]);
}

}  // namespace

void DnsCounters::add(const DnsCounters& other) {
  queries += other.queries;
  over_tcp += other.over_tcp;
  not_understood += other.not_understood;
  replies += other.replies;
  lost_queries += other.lost_queries;
  lost_answers += other.lost_answers;
  duplicates += other.duplicates;
  bad_ids += other.bad_ids;
  rate_dropped += other.rate_dropped;
  rate_refused += other.rate_refused;
  with_fault += other.with_fault;
  for (size_t i = 0; i < rcodes.size(); ++i) rcodes[i] += other.rcodes[i];
}

DnsResponder::DnsResponder(const World& world, const Impairments& impairments, uint64_t chance_seed)
    : world_(world),
      impairments_(impairments),
      impaired_(impairments.loss > 0 || impairments.duplicate > 0 || impairments.reorder > 0 ||
                impairments.bad_id > 0 || impairments.servfail > 0 ||
                impairments.delay.count() > 0 || impairments.jitter.count() > 0 ||
                impairments.queries_per_second > 0 || impairments.refuse_above > 0),
      chance_(chance_seed),
      limit_(impairments.queries_per_second, impairments.counted),
      refusal_(impairments.refuse_above, impairments.counted),
      arena_(kArenaBytes) {}

const Plan& DnsResponder::respond(std::span<const std::byte> query, Transport transport,
                                  std::chrono::nanoseconds now) {
  used_ = 0;
  plan_.count = 0;
  plan_.close = plan_.reset = false;
  plan_.close_after = UINT32_MAX;
  plan_.segment_bytes = 0;
  plan_.segment_gap = Milliseconds{0};
  const auto outcome = question_.read(query);
  understood_ = outcome == Question::Outcome::good;
  if (understood_) {
    ++counters_.queries;
    if (transport == Transport::tcp) ++counters_.over_tcp;
    faults_ = Faults::of(question_.name());
    if (faults_.any()) ++counters_.with_fault;
    if (!lost_on_the_way(transport, now)) answer(query, transport, now);
    return plan_;
  }
  ++counters_.not_understood;
  faults_ = {};
  if (outcome == Question::Outcome::ignored) return plan_;
  Wire out{std::span(arena_).subspan(kFrameBytes, kMessageMost)};
  AnswerWriter writer{world_, question_, query, faults_, out};
  writer.write_header_only(outcome == Question::Outcome::bad_kind ? rcode::kNotImp
                                                                  : rcode::kFormErr);
  used_ = kFrameBytes + out.size();
  emit(transport == Transport::tcp ? frame(out.written()) : out.written(), Milliseconds{0});
  return plan_;
}

double DnsResponder::share(Fault fault, double otherwise) const {
  const auto* call = faults_.find(fault);
  return call != nullptr ? call->number_or(100) / 100.0 : otherwise;
}

// Also counts the query against the limits, in the order in which a server would: what is lost
// never came.
bool DnsResponder::lost_on_the_way(Transport transport, std::chrono::nanoseconds now) {
  refuse_ = false;
  if (!impaired_ && !faults_.any()) return false;
  if (transport == Transport::udp && chance_.with(share(Fault::loss, impairments_.loss))) {
    ++counters_.lost_queries;
    return true;
  }
  if (!limit_.admit(now)) {
    ++counters_.rate_dropped;
    return true;
  }
  refuse_ = !refusal_.admit(now);
  if (refuse_) ++counters_.rate_refused;
  const bool mute = faults_.has(Fault::mute) ||
                    (transport == Transport::udp && faults_.has(Fault::mute_udp)) ||
                    (transport == Transport::tcp && faults_.has(Fault::tc_mute)) ||
                    (question_.edns && faults_.has(Fault::edns_drop));
  return mute;
}

void DnsResponder::answer(std::span<const std::byte> query, Transport transport,
                          std::chrono::nanoseconds) {
  Bytes reply = compose(query, transport);
  if (transport == Transport::udp) {
    if (faults_.any()) {
      spoil_udp(reply);
    } else {
      emit_udp(reply);
    }
    return;
  }
  if (const auto* call = faults_.within(Fault::garbage, Fault::bad_cut)) malform(reply, *call);
  emit_tcp(reply);
}

// A code that is decided before the name is looked at; kNoError: none is.
uint16_t DnsResponder::early_code() const {
  if (refuse_) return rcode::kRefused;
  if (question_.klass != 1) return rcode::kRefused;
  if (!question_.edns) return rcode::kNoError;
  if (question_.edns_version != 0 || faults_.has(Fault::edns_badvers)) return rcode::kBadVers;
  return rcode::kNoError;
}

DnsResponder::Bytes DnsResponder::compose(std::span<const std::byte> query, Transport transport) {
  Wire out{std::span(arena_).subspan(kFrameBytes, kMessageMost)};
  AnswerWriter writer{world_, question_, query, faults_, out};
  const bool udp = transport == Transport::udp;
  uint16_t code = early_code();
  const bool before_edns =
      question_.edns && (faults_.has(Fault::edns_formerr) || faults_.has(Fault::edns_notimp));
  if (before_edns) {
    code = faults_.has(Fault::edns_formerr) ? rcode::kFormErr : rcode::kNotImp;
    writer.write_header_only(code);
  } else if (code != rcode::kNoError) {
    writer.write_bare(code);
  } else if (impairments_.servfail > 0 && chance_.with(impairments_.servfail)) {
    code = rcode::kServFail;
    writer.write_bare(code);
  } else {
    code = writer.write(!udp);
    if (must_cut(out, udp)) cut(writer, out);
  }
  if (faults_.has(Fault::lower)) lower_question(out.written());
  ++counters_.rcodes[code & 0xfU];
  used_ = kFrameBytes + out.size();
  return out.written();
}

bool DnsResponder::must_cut(const Wire& out, bool udp) const {
  if (!out.ok()) return true;
  const size_t room = faults_.has(Fault::big) ? kUdpMost : question_.udp_payload;
  if (udp && out.size() > room) return true;
  if (!faults_.any()) return false;
  const bool tcp_wanted = faults_.within(Fault::tc, Fault::tc_tc) != nullptr ||
                          faults_.within(Fault::tcpclose, Fault::tcp_twice) != nullptr ||
                          faults_.has(Fault::huge);
  return (udp && tcp_wanted) || faults_.has(Fault::tc_tc);
}

void DnsResponder::cut(AnswerWriter& writer, Wire& out) const {
  if (faults_.has(Fault::tc_keep) && out.ok()) {
    out.written()[2] |= std::byte{2};  // TC
  } else {
    writer.truncate();
  }
}

void DnsResponder::lower_question(Bytes reply) const {
  if (reply.size() < question_.end) return;
  for (std::byte& octet : reply.subspan(limits::kHeaderBytes, question_.name_bytes())) {
    if (octet >= std::byte{'A'} && octet <= std::byte{'Z'}) octet |= std::byte{0x20};
  }
}

// What a fault makes of a UDP answer: what goes before it, instead of it, after it.
void DnsResponder::spoil_udp(Bytes& good) {
  if (const auto* call = faults_.within(Fault::garbage, Fault::bad_cut)) malform(good, *call);
  if (faults_.has(Fault::empty)) {
    for (const size_t size : {0U, 1U, 11U})
      emit(good.first(std::min<size_t>(size, good.size())), {});
  }
  const auto* call = faults_.within(Fault::badid, Fault::opcode);
  const bool hit = call != nullptr &&
                   chance_.with(call->fault == Fault::badid ? call->number_or(100) / 100.0 : 1);
  if (!hit) {
    emit_udp(good);
    return;
  }
  Bytes forged = copy(good);
  if (forge(forged, *call)) emit(forged, {});
  ++counters_.bad_ids;
  if (call->then) emit(good, kSoonAfter);
}

bool DnsResponder::forge(Bytes& reply, const FaultCall& call) {
  switch (call.fault) {
    case Fault::badid:
      patch16(reply, 0, get16(reply, 0) ^ (1U + static_cast<uint32_t>(chance_.below(0xffff))));
      return true;
    case Fault::badq:  // another name of the same length
      reply[limits::kHeaderBytes + 1] ^= std::byte{1};
      return true;
    case Fault::badq_type: patch16(reply, question_.end - 4, question_.type ^ 0x20U); return true;
    case Fault::badq_none:
      patch16(reply, 4, 0);
      std::fill(reply.begin() + 6, reply.begin() + 12, std::byte{0});
      reply = reply.first(limits::kHeaderBytes);
      return true;
    case Fault::qr0: reply[2] &= std::byte{0x7f}; return true;
    case Fault::opcode:
      reply[2] |= std::byte{0x28};  // UPDATE
      return true;
    default: return false;
  }
}

// Breaks the first record behind the question; every answer of a name with a fault has one.
void DnsResponder::malform(Bytes& reply, const FaultCall& call) {
  const size_t record = question_.end;
  const size_t rdlength = record + 10;
  if (reply.size() < rdlength + 3) return;
  switch (call.fault) {
    case Fault::garbage:
      reply = reply.first(std::min(reply.size(), limits::kHeaderBytes + kGarbageBytes));
      for (std::byte& byte : reply.subspan(3)) byte = static_cast<std::byte>(chance_.next());
      return;
    case Fault::bad_rdlength: patch16(reply, rdlength, static_cast<uint32_t>(reply.size())); return;
    case Fault::bad_pointer:  // to itself
      patch16(reply, record, 0xc000U | static_cast<uint32_t>(record));
      return;
    case Fault::bad_forward:
      patch16(reply, record, 0xc000U | static_cast<uint32_t>(reply.size() - 1));
      return;
    case Fault::bad_label:  // a label type that does not exist
      reply[record] = std::byte{0x40};
      return;
    case Fault::bad_count: patch16(reply, 6, get16(reply, 6) + 5); return;
    case Fault::bad_rdata: patch16(reply, rdlength, get16(reply, rdlength) - 1); return;
    case Fault::bad_cut: reply = reply.first(record + 7); return;
    default: return;
  }
}

void DnsResponder::emit_udp(Bytes reply) {
  if (!impaired_ && !faults_.any()) {
    emit(reply, Milliseconds{0});
    return;
  }
  if (chance_.with(share(Fault::loss, impairments_.loss))) {
    ++counters_.lost_answers;
    return;
  }
  if (chance_.with(impairments_.bad_id)) {
    ++counters_.bad_ids;
    patch16(reply, 0, get16(reply, 0) ^ (1U + static_cast<uint32_t>(chance_.below(0xffff))));
  }
  if (chance_.with(share(Fault::dup, impairments_.duplicate))) {
    ++counters_.duplicates;
    emit(reply, held_back());
  }
  emit(reply, held_back());
}

Milliseconds DnsResponder::held_back() {
  Milliseconds delay = impairments_.delay;
  if (impairments_.jitter.count() > 0) {
    delay += Milliseconds{static_cast<int64_t>(
        chance_.below(static_cast<uint64_t>(impairments_.jitter.count()) + 1))};
  }
  if (chance_.with(impairments_.reorder)) delay += kHold;
  if (const auto* call = faults_.find(Fault::delay)) delay += Milliseconds{call->number_or(100)};
  if (const auto* call = faults_.find(Fault::late)) {
    delay += Milliseconds{call->number_or(static_cast<uint32_t>(kLate.count()))};
  }
  return delay;
}

void DnsResponder::emit_tcp(Bytes message) {
  Bytes framed = frame(message);
  if (faults_.any()) {
    stream_faults(framed);
  } else {
    emit(framed, held_back());
  }
}

void DnsResponder::stream_faults(Bytes framed) {
  const auto fault = [this](Fault which) { return faults_.find(which); };
  plan_.reset = faults_.has(Fault::tc_rst);
  plan_.close = faults_.has(Fault::tc_refuse);
  if (plan_.reset || plan_.close) return;
  if (const auto* call = fault(Fault::tcpclose)) plan_.close_after = call->number_or(0);
  if (const auto* call = fault(Fault::tcp_slow)) {
    plan_.segment_bytes = 1;
    plan_.segment_gap = Milliseconds{call->number_or(10)};
  }
  if (faults_.has(Fault::tcp_bytes)) plan_.segment_bytes = 1;
  if (faults_.has(Fault::tcp_split)) plan_.segment_bytes = 7;
  if (faults_.has(Fault::tcp_zero)) {
    patch16(framed, 0, 0);
    framed = framed.first(kFrameBytes);
  }
  if (faults_.has(Fault::tcp_short)) {
    patch16(framed, 0, kMessageMost);
    plan_.close = true;
  }
  emit(framed, held_back());
  if (faults_.has(Fault::tcp_twice)) emit(framed, held_back());
}

void DnsResponder::emit(std::span<const std::byte> bytes, Milliseconds delay) {
  if (plan_.count == Plan::kMost) return;
  plan_.list[plan_.count++] = {bytes, delay};
  ++counters_.replies;
}

DnsResponder::Bytes DnsResponder::copy(Bytes source) {
  const Bytes to = std::span(arena_).subspan(used_ + kFrameBytes, source.size());
  std::ranges::copy(source, to.begin());
  used_ += kFrameBytes + source.size();
  return to;
}

// The two bytes before a message are free for its length.
DnsResponder::Bytes DnsResponder::frame(Bytes message) {
  const Bytes framed{message.data() - kFrameBytes, message.size() + kFrameBytes};
  patch16(framed, 0, static_cast<uint32_t>(message.size()));
  return framed;
}

}  // namespace zonesweep::loopback
