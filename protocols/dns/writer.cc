#include "protocols/dns/writer.h"

#include <cassert>
#include <cstring>

namespace zonesweep::dns {
namespace {

constexpr size_t kCountsAt = 4;  // QDCOUNT, ANCOUNT, NSCOUNT, ARCOUNT
constexpr size_t kFixedBytes = 10;
constexpr uint16_t kPointerMark = 0xC000;
constexpr uint16_t kQuestionPointer = kPointerMark | limits::kHeaderBytes;
constexpr uint16_t kNoPointer = 0;
constexpr size_t kPointerReach = 0x3FFF;

uint16_t flags_of(const ReplyHeader& header) noexcept {
  return static_cast<uint16_t>(
      (header.reply ? 0x8000 : 0) | (header.opcode & 0xF) << 11 |
      (header.authoritative ? 0x0400 : 0) | (header.truncated ? 0x0200 : 0) |
      (header.recursion_desired ? 0x0100 : 0) | (header.recursion_available ? 0x0080 : 0) |
      (header.authentic_data ? 0x0020 : 0) | (header.checking_disabled ? 0x0010 : 0) |
      (header.rcode & 0xF));
}

}  // namespace

MessageWriter::MessageWriter(std::span<std::byte> out) noexcept : out_(out) {
  assert(out.size() >= limits::kHeaderBytes);
}

void MessageWriter::header(const ReplyHeader& header) noexcept {
  size_ = 0;
  rcode_ = header.rcode;
  put_u16(header.id);
  put_u16(flags_of(header));
  std::memset(out_.data() + size_, 0, limits::kHeaderBytes - kCountsAt);
  size_ = question_end_ = limits::kHeaderBytes;
}

bool MessageWriter::question(WireName name, uint16_t type, uint16_t klass) noexcept {
  if (!room(name.size() + 4)) return false;
  put(name);
  put_u16(type);
  put_u16(klass);
  question_name_size_ = static_cast<uint16_t>(name.size());
  question_end_ = size_;
  count(kCountsAt);
  return true;
}

bool MessageWriter::reply_to(const Message& query, ReplyHeader reply) noexcept {
  reply.id = query.id();
  reply.opcode = query.opcode();
  reply.recursion_desired = query.recursion_desired();
  reply.checking_disabled = query.checking_disabled();
  header(reply);
  return !query.has_question() ||
         question(query.question_name(), query.question_type(), query.question_class());
}

bool MessageWriter::record(Section section, const NewRecord& record) noexcept {
  uint16_t pointer = kNoPointer;
  const size_t kept = compressed_size(record.owner, pointer);
  const size_t owner_size = kept + (pointer == kNoPointer ? 0 : 2);
  if (!room(owner_size + kFixedBytes + record.rdata.size())) return false;
  put_owner(record.owner, kept, pointer);
  put_u16(record.type);
  put_u16(record.klass);
  put_u32(record.ttl);
  put_u16(static_cast<uint16_t>(record.rdata.size()));
  put(record.rdata);
  count(kCountsAt + 2 + 2 * static_cast<size_t>(section));
  return true;
}

bool MessageWriter::answer_a(uint32_t address, uint32_t ttl) noexcept {
  assert(question_name_size_ != 0);
  if (!room(2 + kFixedBytes + 4)) return false;
  put_u16(kQuestionPointer);
  put_u16(type::kA);
  put_u16(klass::kIn);
  put_u32(ttl);
  put_u16(4);
  put_u32(address);
  count(kCountsAt + 2);
  return true;
}

bool MessageWriter::opt(const Opt& opt) noexcept {
  if (!room(limits::kOptBytes + opt.options.size())) return false;
  out_[size_++] = std::byte{0};
  put_u16(type::kOpt);
  put_u16(opt.udp_payload);
  put_u16(static_cast<uint16_t>((rcode_ >> 4) << 8 | opt.version));
  put_u16(opt.dnssec_ok ? 0x8000 : 0);
  put_u16(static_cast<uint16_t>(opt.options.size()));
  put(opt.options);
  count(kCountsAt + 6);
  return true;
}

void MessageWriter::truncate() noexcept {
  size_ = question_end_;
  known_count_ = 0;
  overflowed_ = false;
  std::memset(out_.data() + kCountsAt + 2, 0, limits::kHeaderBytes - kCountsAt - 2);
  out_[2] |= std::byte{0x02};
}

bool MessageWriter::room(size_t size) noexcept {
  if (out_.size() - size_ >= size) return true;
  overflowed_ = true;
  return false;
}

void MessageWriter::put_u16(uint16_t value) noexcept {
  out_[size_] = static_cast<std::byte>(value >> 8);
  out_[size_ + 1] = static_cast<std::byte>(value & 0xFF);
  size_ += 2;
}

void MessageWriter::put_u32(uint32_t value) noexcept {
  put_u16(static_cast<uint16_t>(value >> 16));
  put_u16(static_cast<uint16_t>(value & 0xFFFF));
}

void MessageWriter::put(std::span<const std::byte> bytes) noexcept {
  if (bytes.empty()) return;
  std::memcpy(out_.data() + size_, bytes.data(), bytes.size());
  size_ += bytes.size();
}

// How many octets of `owner` must be written; `pointer` says what stands for the rest. Looks for
// the longest suffix that ends the question name or an owner before.
size_t MessageWriter::compressed_size(WireName owner, uint16_t& pointer) const noexcept {
  const std::span<const std::byte> written = out_;
  for (size_t skip = 0; owner[skip] != std::byte{0};
       skip += 1 + std::to_integer<size_t>(owner[skip])) {
    const WireName suffix = owner.subspan(skip);
    const auto ends_with = [&](size_t at, size_t size) {
      if (size < suffix.size()) return false;
      const size_t where = at + size - suffix.size();
      // The octets may be equal in the middle of a label; then the labels before do not end there.
      size_t label = at;
      while (label < where) label += 1 + std::to_integer<size_t>(written[label]);
      return label == where && equal_names(written.subspan(where, suffix.size()), suffix);
    };
    if (question_name_size_ != 0 && ends_with(limits::kHeaderBytes, question_name_size_)) {
      pointer = static_cast<uint16_t>(kPointerMark |
                                      (limits::kHeaderBytes + question_name_size_ - suffix.size()));
      return skip;
    }
    for (size_t i = 0; i < known_count_; ++i) {
      if (!ends_with(known_[i].at, known_[i].size)) continue;
      pointer =
          static_cast<uint16_t>(kPointerMark | (known_[i].at + known_[i].size - suffix.size()));
      return skip;
    }
  }
  return owner.size();
}

void MessageWriter::put_owner(WireName owner, size_t size, uint16_t pointer) noexcept {
  if (pointer == kNoPointer && size_ + size <= kPointerReach && known_count_ < known_.size()) {
    known_[known_count_++] = {static_cast<uint16_t>(size_), static_cast<uint16_t>(size)};
  }
  put(owner.first(size));
  if (pointer != kNoPointer) put_u16(pointer);
}

void MessageWriter::count(size_t at) noexcept {
  const unsigned value =
      (std::to_integer<unsigned>(out_[at]) << 8 | std::to_integer<unsigned>(out_[at + 1])) + 1;
  out_[at] = static_cast<std::byte>(value >> 8 & 0xFF);
  out_[at + 1] = static_cast<std::byte>(value & 0xFF);
}

}  // namespace zonesweep::dns
