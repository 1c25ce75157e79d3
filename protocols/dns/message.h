// protocols/dns/message.h - a message as a lazy view over lent bytes, and the one pass that
// validates it.
//
// Threads:    value types and pure functions.
// Invariants: parse() has checked the header and the question. validate() has checked everything:
//             after it, records(), append_rdata_text() and the names of all records cannot fail.
//             Without it, records() still never leaves the bytes: it ends at the first record that
//             does not fit, and promises nothing of names.
// Ownership:  Message and Record borrow the bytes of the message.
// Units:      offsets are octets from the start of the message; TTLs are seconds.
// Errors:     dns::Error. Bytes behind the last record are ignored.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <iterator>
#include <optional>
#include <span>

#include "protocols/dns/error.h"
#include "protocols/dns/message_name.h"
#include "protocols/dns/name.h"
#include "protocols/dns/query.h"
#include "protocols/dns/types.h"

namespace zonesweep::dns {

namespace limits {
inline constexpr size_t kMessageBytes = 65'535;  // RFC 1035 section 4.2.2: the 16-bit length
inline constexpr uint32_t kMessageRecords =
    2'000;  // FAULTS 3.4; a zone's largest useful answers have hundreds
inline constexpr uint32_t kChainLinks = 11;  // CNAMEs from the question on; Unbound's bound
}  // namespace limits

enum class Section : uint8_t { answer, authority, additional };

struct Record {
  Section section = Section::answer;
  uint16_t owner = 0;  // offset of the owner name
  uint16_t type = 0;
  uint16_t klass = 0;
  uint32_t ttl_raw = 0;  // as on the wire; of an OPT: extended rcode, version, flags
  uint16_t rdata = 0;    // offset of the RDATA
  uint16_t rdata_size = 0;

  // A TTL with the top bit set is 0, RFC 2181 section 8.
  [[nodiscard]] uint32_t ttl() const noexcept { return ttl_raw >> 31 != 0 ? 0 : ttl_raw; }
};

enum class Chain : uint8_t {
  none,      // the question name has no CNAME, or CNAME was asked for
  chain,     // one or more CNAMEs were followed
  loop,      // a CNAME leads back to a name of the chain
  too_long,  // more than limits::kChainLinks
};

struct Edns {
  bool present = false;
  bool dnssec_ok = false;
  uint8_t version = 0;
  uint8_t extended_errors = 0;  // how many EDE options; read them with protocols/dns/edns.h
  uint16_t udp_payload = 0;
  uint16_t options = 0;       // offset of the OPT RDATA
  uint16_t options_size = 0;  // its size
  uint16_t cookie = 0;        // offset of the COOKIE option data
  uint16_t cookie_size = 0;   // 0 when there is none, or one of an impossible size
};

// What one pass over a message learns.
struct Summary {
  uint16_t rcode = 0;       // 12 bits: header and OPT
  bool has_answer = false;  // a record of the asked type (any, for ANY) at the end of the chain
  Chain chain = Chain::none;
  uint8_t chain_links = 0;  // CNAMEs followed
  uint16_t unrelated = 0;   // answer records whose owner is not on the chain, or of another class
  uint16_t records = 0;     // in all sections, the OPT included
  bool soa_in_authority = false;  // owner at or above the end of the chain
  bool ns_in_authority = false;   // the same, of an NS
  uint32_t answer_ttl = 0;  // the least TTL of the related answer records; 0 if there are none
  std::optional<uint32_t> negative_ttl;  // RFC 2308: min(TTL of the SOA, its minimum field)
  Edns edns;
  // The names of the chain as offsets: [0] is the question name, [chain_links] the end of the
  // chain.
  std::array<uint16_t, limits::kChainLinks + 1> names{};

  // NS but no SOA, and no answer: the server sends us elsewhere (RFC 2308 section 2.2 and its
  // figures).
  [[nodiscard]] bool referral() const noexcept {
    return rcode == 0 && !has_answer && ns_in_authority && !soa_in_authority;
  }
};

class RecordRange;

class Message {
 public:
  // Checks header and question only. QDCOUNT 0 and 1 are taken.
  [[nodiscard]] static std::expected<Message, Error> parse(MessageBytes bytes) noexcept;

  [[nodiscard]] MessageBytes bytes() const noexcept { return bytes_; }
  [[nodiscard]] uint16_t id() const noexcept { return u16(0); }
  [[nodiscard]] uint8_t opcode() const noexcept { return (byte(2) >> 3) & 0xF; }
  [[nodiscard]] bool is_reply() const noexcept { return (byte(2) & 0x80) != 0; }
  [[nodiscard]] bool authoritative() const noexcept { return (byte(2) & 0x04) != 0; }
  [[nodiscard]] bool truncated() const noexcept { return (byte(2) & 0x02) != 0; }
  [[nodiscard]] bool recursion_desired() const noexcept { return (byte(2) & 0x01) != 0; }
  [[nodiscard]] bool recursion_available() const noexcept { return (byte(3) & 0x80) != 0; }
  [[nodiscard]] bool reserved_bit() const noexcept { return (byte(3) & 0x40) != 0; }
  [[nodiscard]] bool authentic_data() const noexcept { return (byte(3) & 0x20) != 0; }
  [[nodiscard]] bool checking_disabled() const noexcept { return (byte(3) & 0x10) != 0; }
  // The low 4 bits; the 12-bit rcode is Summary::rcode.
  [[nodiscard]] uint8_t header_rcode() const noexcept { return byte(3) & 0xF; }
  [[nodiscard]] uint16_t question_count() const noexcept { return u16(4); }
  [[nodiscard]] uint16_t count(Section section) const noexcept {
    return u16(6 + 2 * static_cast<size_t>(section));
  }

  [[nodiscard]] bool has_question() const noexcept { return question_size_ != 0; }
  // Empty without a question. Never compressed: there is nothing before it to point to.
  [[nodiscard]] WireName question_name() const noexcept {
    return bytes_.subspan(limits::kHeaderBytes, question_size_);
  }
  [[nodiscard]] uint16_t question_type() const noexcept {
    return has_question() ? u16(limits::kHeaderBytes + question_size_) : uint16_t{0};
  }
  [[nodiscard]] uint16_t question_class() const noexcept {
    return has_question() ? u16(limits::kHeaderBytes + question_size_ + 2) : uint16_t{0};
  }

  // All records of all sections, in the order of the message.
  [[nodiscard]] RecordRange records() const noexcept;
  [[nodiscard]] std::span<const std::byte> rdata(const Record& record) const noexcept {
    return bytes_.subspan(record.rdata, record.rdata_size);
  }

  // One pass over the whole message, bounded by its size and by the limits above.
  [[nodiscard]] std::expected<Summary, Error> validate() const noexcept;

 private:
  friend class RecordIterator;
  explicit Message(MessageBytes bytes, uint16_t question_size) noexcept
      : bytes_(bytes), question_size_(question_size) {}
  [[nodiscard]] uint8_t byte(size_t at) const noexcept {
    return std::to_integer<uint8_t>(bytes_.data()[at]);
  }
  [[nodiscard]] uint16_t u16(size_t at) const noexcept {
    return static_cast<uint16_t>(byte(at) << 8 | byte(at + 1));
  }
  // Offset of the first record.
  [[nodiscard]] uint16_t records_at() const noexcept {
    return static_cast<uint16_t>(limits::kHeaderBytes + question_size_ + (has_question() ? 4 : 0));
  }

  MessageBytes bytes_;
  uint16_t question_size_ = 0;  // octets of the question name, 0 without a question
};

// Walks the records without allocation; ends behind the last one, at limits::kMessageRecords, or at
// the first record that does not fit.
class RecordIterator {
 public:
  using value_type = Record;
  using difference_type = std::ptrdiff_t;

  explicit RecordIterator(const Message& message) noexcept;
  const Record& operator*() const noexcept { return record_; }
  const Record* operator->() const noexcept { return &record_; }
  RecordIterator& operator++() noexcept {
    step();
    return *this;
  }
  void operator++(int) noexcept { step(); }
  friend bool operator==(const RecordIterator& it, std::default_sentinel_t) noexcept {
    return it.done_;
  }

 private:
  void step() noexcept;

  MessageBytes bytes_;
  Record record_;
  size_t at_;                       // offset of the next record
  std::array<uint16_t, 3> left_{};  // records not yet read, per section
  uint32_t budget_ = limits::kMessageRecords;
  bool done_ = false;
};

class RecordRange {
 public:
  explicit RecordRange(const Message& message) noexcept : message_(message) {}
  [[nodiscard]] RecordIterator begin() const noexcept { return RecordIterator(message_); }
  [[nodiscard]] std::default_sentinel_t end() const noexcept { return {}; }

 private:
  Message message_;  // by value, so that a range outlives the view it came from
};

inline RecordRange Message::records() const noexcept { return RecordRange(*this); }

// What was asked; the socket, and with it the addresses and ports, is the caller's to compare.
struct Question {
  WireName name{};
  uint16_t type = 1;
  uint16_t id = 0;
};

enum class Match : uint8_t {
  match,
  not_a_reply,  // QR is 0
  wrong_id,
  wrong_opcode,    // not a QUERY
  wrong_question,  // another name, type or class
  no_question,     // QDCOUNT 0 with an rcode that does not excuse it
};
[[nodiscard]] std::string_view name_of(Match match) noexcept;

// RFC 5452 section 9. QDCOUNT 0 is taken with FORMERR, NOTIMP and REFUSED only (RFC 9619 and 1035
// section 7.3): a server that could not, or would not, read the question.
[[nodiscard]] Match match_reply(const Question& sent, const Message& reply) noexcept;

}  // namespace zonesweep::dns
