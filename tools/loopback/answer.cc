#include "tools/loopback/answer.h"

#include <fmt/format.h>

#include <algorithm>

namespace zonesweep::loopback {
namespace {

constexpr uint16_t kQuestionPointer = 0xc000U | limits::kHeaderBytes;
constexpr uint16_t kReplyFlags = 0x8080;  // QR, RA
constexpr uint16_t kFlagsKept = 0x0110;   // RD, CD
constexpr uint16_t kTruncated = 0x0200;
constexpr uint16_t kJunkFlags = 0x0460;  // AA, Z, AD: set by f-flags
constexpr uint16_t kUdpPayload = 1'232;  // what we advertise
constexpr uint32_t kChainMost = 2'000;
constexpr uint32_t kHugeMost = 4'080;  // addresses that fit in 65,535 bytes
constexpr uint32_t kOptionsMany = 250;

// What must never reach a terminal, a formula or a row unescaped: NUL, ESC, quote, backslash, dot,
// line feed, comma, formula signs, bytes that are no UTF-8, and a right-to-left override.
constexpr char kHostileBytes[] = "\0\x1b[31m\"\\.\n\r\t,;=+-@<script>\x80\xff\xe2\x80\xae";
constexpr std::string_view kHostile{kHostileBytes, sizeof kHostileBytes - 1};

}  // namespace

void AnswerWriter::begin() {
  start_ = out_.size();
  answers_ = authorities_ = additionals_ = 0;
  out_.u16(question_.id);
  out_.u16(0);
  out_.u16(1);
  for (int i = 0; i < 3; ++i) out_.u16(0);
  out_.bytes(query_.subspan(limits::kHeaderBytes, question_.end - limits::kHeaderBytes));
}

void AnswerWriter::finish(uint16_t code) {
  if (question_.edns && !faults_.has(Fault::edns_strip)) opt(code);
  uint32_t flags = kReplyFlags | (question_.flags & kFlagsKept) | (code & 0xfU);
  if (faults_.has(Fault::flags)) flags |= kJunkFlags;
  if (faults_.has(Fault::lame) || faults_.has(Fault::referral)) flags &= ~0x80U;  // RA
  out_.patch(start_ + 2, flags);
  out_.patch(start_ + 6, answers_);
  out_.patch(start_ + 8, authorities_);
  out_.patch(start_ + 10, additionals_);
}

void AnswerWriter::write_bare(uint16_t code, bool truncated) {
  begin();
  finish(code);
  if (!truncated) return;
  const auto flags = out_.written().subspan(start_ + 2, 1);
  flags[0] |= std::byte{kTruncated >> 8U};
}

void AnswerWriter::truncate() {
  const auto code = std::to_integer<uint16_t>(out_.written()[start_ + 3] & std::byte{0xf});
  out_.restart(start_);
  write_bare(code, true);
}

void AnswerWriter::write_header_only(uint16_t code) {
  out_.u16(question_.id);
  out_.u16(kReplyFlags | (question_.flags & 0x7900U) | code);
  for (int i = 0; i < 4; ++i) out_.u16(0);
}

uint16_t AnswerWriter::write(bool over_tcp) {
  begin();
  uint16_t code = rcode::kNoError;
  const FaultCall* huge = over_tcp ? faults_.find(Fault::huge) : nullptr;
  if (faults_.any() && forced_code() != rcode::kNoError) {
    code = forced_code();
    if (code == rcode::kNxDomain) top_level_soa();
  } else if (faults_.has(Fault::referral)) {
    refer();
  } else if (faults_.has(Fault::lame)) {
    // Neither data nor a SOA: nothing that a client may believe.
  } else if (huge != nullptr) {
    many_addresses(world_.look_up(question_.name()), huge->number_or(4'000));
  } else {
    code = answer();
  }
  if (faults_.has(Fault::poison)) poison();
  if (const auto* big = faults_.find(Fault::big); big != nullptr && !over_tcp)
    fill_to(big->number_or(6'000));
  finish(code);
  return code;
}

uint16_t AnswerWriter::forced_code() const {
  if (const auto* call = faults_.find(Fault::rcode))
    return static_cast<uint16_t>(call->number & 0xfffU);
  if (faults_.has(Fault::ede)) return rcode::kServFail;
  constexpr std::pair<Fault, uint16_t> kCodes[] = {{Fault::servfail, rcode::kServFail},
                                                   {Fault::refused, rcode::kRefused},
                                                   {Fault::formerr, rcode::kFormErr},
                                                   {Fault::notimp, rcode::kNotImp},
                                                   {Fault::nxdomain, rcode::kNxDomain}};
  for (const auto& [fault, code] : kCodes) {
    if (faults_.has(fault)) return code;
  }
  return rcode::kNoError;
}

uint16_t AnswerWriter::answer() {
  const std::string_view name = question_.name();
  const Node node = world_.look_up(name);
  if (faults_.any()) {
    if (faults_.has(Fault::nodata)) return no_data({}, node);
    if (const auto* call = faults_.within(Fault::cname, Fault::cname_bare)) return chain(*call);
    if (faults_.has(Fault::bytes)) {
      hostile();
      return rcode::kNoError;
    }
  }
  switch (node.existence) {
    case Existence::missing: return missing();
    case Existence::alias: return aliased();
    case Existence::named:
    case Existence::zone:
    case Existence::reverse:
    case Existence::empty: return data({}, node);
  }
  return rcode::kServFail;
}

// Records of the asked type at `owner` ("": the question's name), or the proof that there are none.
uint16_t AnswerWriter::data(std::string_view owner, const Node& node) {
  const std::string_view name = owner.empty() ? question_.name() : owner;
  if (question_.type == type::kAny && node.existence != Existence::empty) {  // RFC 8482
    put_name_of(owner);
    const size_t hole = record(type::kHinfo, ttl());
    out_.string("RFC8482");
    out_.string("");
    end_record(hole);
    ++answers_;
    return rcode::kNoError;
  }
  if (node.existence == Existence::reverse && question_.type == type::kPtr) {
    one_answer(owner, type::kPtr, World::pointer_target(name));
    return rcode::kNoError;
  }
  const bool apex = question_.type == type::kSoa || question_.type == type::kNs;
  const bool there = (node.existence == Existence::named && World::has(node, question_.type)) ||
                     (node.existence == Existence::zone && apex);
  if (!there) return no_data(owner, node);
  records(node, [&] { put_name_of(owner); });
  return rcode::kNoError;
}

// All records of the asked type.
template <typename PutOwner>
void AnswerWriter::records(const Node& node, PutOwner put_owner) {
  for (uint32_t index = 0;; ++index) {
    const size_t before = out_.size();
    put_owner();
    const size_t hole = record(question_.type, ttl());
    if (!write_rdata(out_, node, question_.type, index)) return out_.rewind(before);
    end_record(hole);
    ++answers_;
  }
}

void AnswerWriter::one_answer(std::string_view owner, uint16_t type, std::string_view name) {
  put_name_of(owner);
  const size_t hole = record(type, ttl());
  out_.name(name);
  end_record(hole);
  ++answers_;
}

uint16_t AnswerWriter::no_data(std::string_view owner, const Node& node) {
  const bool own_zone = node.existence == Existence::named || node.existence == Existence::zone;
  if (own_zone) {
    soa(owner, node);
  } else {
    top_level_soa();
  }
  return rcode::kNoError;
}

uint16_t AnswerWriter::missing() {
  top_level_soa();
  return rcode::kNxDomain;
}

uint16_t AnswerWriter::aliased() {
  std::string owner;
  std::string target{question_.name()};
  Node node = world_.look_up(target);
  while (node.existence == Existence::alias) {
    std::string next = world_.alias_target(target, node);
    one_answer(owner, type::kCname, next);
    if (question_.type == type::kCname || question_.type == type::kAny) return rcode::kNoError;
    owner = target = std::move(next);
    node = world_.look_up(target);
  }
  return data(owner, node);
}

// Link i is `c<i>.` before the question's name; link 0 is that name.
void AnswerWriter::link_owner(uint32_t link) {
  if (link > 0) out_.string(fmt::format("c{}", link));
  out_.u16(kQuestionPointer);
}

uint16_t AnswerWriter::chain(const FaultCall& call) {
  constexpr size_t kLongestLink = 6;  // "c2000" and its length
  if (question_.name_bytes() + kLongestLink > limits::kNameBytes) return rcode::kServFail;
  const auto link = [this](uint32_t from, uint32_t to) {
    link_owner(from);
    const size_t hole = record(type::kCname, ttl());
    link_owner(to);
    end_record(hole);
    ++answers_;
  };
  if (call.fault == Fault::cname_self) {
    link(0, 0);
    return rcode::kNoError;
  }
  const bool many = call.fault == Fault::cname;
  const uint32_t links = std::min(many ? call.number_or(3) : 1U, kChainMost);
  for (uint32_t i = 0; i < links; ++i) link(i, i + 1);
  if (call.fault == Fault::cname_loop) link(1, 0);
  if (call.fault == Fault::cname_dangling) return missing();
  if (!many || question_.type == type::kCname) return rcode::kNoError;
  if (links == 0) return data({}, world_.look_up(question_.name()));
  const std::string end = fmt::format("c{}.{}", links, question_.name());
  Node node = world_.look_up(end);
  node.existence = Existence::named;
  node.complete = true;
  if (!World::has(node, question_.type)) return no_data({}, node);
  records(node, [&] { link_owner(links); });
  return rcode::kNoError;
}

void AnswerWriter::refer() {
  put_name_of({});
  const size_t hole = record(type::kNs, ttl());
  out_.name("ns0.dns.test");
  end_record(hole);
  ++authorities_;
}

// TXT: the hostile bytes as text. Other types: an alias to a name of hostile bytes, which has the
// question's own data.
void AnswerWriter::hostile() {
  if (question_.type == type::kTxt) {
    put_name_of({});
    const size_t hole = record(type::kTxt, ttl());
    out_.string(kHostile);
    out_.string("=1+1|cmd");
    end_record(hole);
    ++answers_;
    return;
  }
  put_name_of({});
  const size_t alias = record(type::kCname, ttl());
  hostile_label();
  end_record(alias);
  ++answers_;
  const Node node = world_.look_up(question_.name());
  if (!World::has(node, question_.type)) return;
  hostile_label();
  const size_t hole = record(question_.type, ttl());
  (void)write_rdata(out_, node, question_.type, 0);
  end_record(hole);
  ++answers_;
}

void AnswerWriter::hostile_label() {
  out_.string(kHostile);
  out_.name("bytes.test");
}

void AnswerWriter::poison() {
  const auto address = [this](std::string_view owner) {
    out_.name(owner);
    const size_t hole = record(type::kA, 86'400);
    out_.u32(0x06060606);
    end_record(hole);
  };
  address("victim.test");
  ++answers_;
  out_.name("test");
  const size_t hole = record(type::kNs, 86'400);
  out_.name("evil.test");
  end_record(hole);
  ++authorities_;
  address("evil.test");
  address("victim.test");
  additionals_ = static_cast<uint16_t>(additionals_ + 2);
}

void AnswerWriter::many_addresses(const Node& node, uint32_t count) {
  const bool text = question_.type != type::kA;
  count = std::min(count, kHugeMost);
  for (uint32_t i = 0; i < count; ++i) {
    out_.u16(kQuestionPointer);
    const size_t hole = record(text ? type::kTxt : type::kA, ttl());
    if (text) {
      out_.string(fmt::format("{:03d}", i % 1'000));
    } else {
      out_.u32(10U << 24U | ((World::address(node) + i) & 0xffffffU));
    }
    end_record(hole);
    ++answers_;
  }
}

// One more TXT record makes the message exactly so long, the OPT included.
void AnswerWriter::fill_to(size_t bytes) {
  constexpr size_t kRecordBytes = 12;
  const size_t after = question_.edns ? 11 : 0;
  const size_t used = out_.size() - start_ + kRecordBytes + after;
  if (used >= bytes) return;
  out_.u16(kQuestionPointer);
  const size_t hole = record(type::kTxt, ttl());
  for (size_t left = bytes - used; left > 0;) {
    const std::string text(std::min<size_t>(left, 256) - 1, 'x');
    out_.string(text);
    left -= text.size() + 1;
  }
  end_record(hole);
  ++additionals_;
}

void AnswerWriter::soa(std::string_view owner, const Node& zone) {
  put_name_of(owner);
  const size_t hole = record(type::kSoa, limits::kNegativeTtl);
  write_soa(out_, zone);
  end_record(hole);
  ++authorities_;
}

void AnswerWriter::top_level_soa() {
  const std::string_view name = question_.name();
  const size_t dot = name.rfind('.');
  const std::string_view top = dot == std::string_view::npos ? name : name.substr(dot + 1);
  out_.u16(0xc000U | static_cast<uint32_t>(question_.last_label));
  const size_t hole = record(type::kSoa, limits::kNegativeTtl);
  write_soa(out_, world_.look_up(top));
  end_record(hole);
  ++authorities_;
}

void AnswerWriter::opt(uint16_t code) {
  const int copies = faults_.has(Fault::edns_two) ? 2 : 1;
  for (int i = 0; i < copies; ++i) {
    out_.u8(0);
    out_.u16(type::kOpt);
    out_.u16(kUdpPayload);
    out_.u8(code >> 4U);
    out_.u8(0);  // version
    out_.u16(question_.dnssec_ok ? 0x8000U : 0U);
    const size_t hole = out_.hole();
    if (faults_.any()) opt_options();
    end_record(hole);
    ++additionals_;
  }
}

void AnswerWriter::opt_options() {
  if (const auto* call = faults_.find(Fault::ede)) {
    constexpr std::string_view kText = "said by the loopback internet";
    out_.u16(15);  // RFC 8914
    out_.u16(static_cast<uint32_t>(2 + kText.size()));
    out_.u16(call->number_or(22));
    out_.text(kText);
  }
  if (!faults_.has(Fault::edns_many)) return;
  for (uint32_t i = 0; i < kOptionsMany; ++i) {
    out_.u16(65'001 + i % 500);  // RFC 6891: local use
    out_.u16(0);
  }
}

void AnswerWriter::put_name_of(std::string_view owner) {
  if (owner.empty()) {
    out_.u16(kQuestionPointer);
  } else {
    out_.name(owner);
  }
}

size_t AnswerWriter::record(uint16_t type, uint32_t ttl) {
  out_.u16(type);
  out_.u16(1);
  out_.u32(ttl);
  return out_.hole();
}

uint32_t AnswerWriter::ttl() const {
  if (!faults_.any()) return limits::kTtl;
  const auto* call = faults_.find(Fault::ttl);
  return call != nullptr ? call->number_or(0) : limits::kTtl;
}

}  // namespace zonesweep::loopback
