// protocols/dns/writer.h - builds messages: the loopback responder's answers and the tests'
// oddities.
//
// Threads:    one object per message.
// Invariants: what is written is always a whole message: a record that does not fit is not begun.
//             Sections are appended in order (answer, authority, additional); OPT goes last.
// Ownership:  borrows `out`.
// Errors:     false, or the sticky overflowed(): no room. truncate() then makes the answer that RFC
//             2181 section 9 asks for.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "protocols/dns/message.h"
#include "protocols/dns/name.h"

namespace zonesweep::dns {

struct ReplyHeader {
  uint16_t id = 0;
  uint16_t rcode = 0;  // the high 8 bits go into the OPT
  uint8_t opcode = 0;
  bool reply = true;
  bool authoritative = false;
  bool truncated = false;
  bool recursion_desired = false;
  bool recursion_available = false;
  bool authentic_data = false;
  bool checking_disabled = false;
};

class MessageWriter {
 public:
  // `out` is the limit: at most what the peer can take, at least a header.
  explicit MessageWriter(std::span<std::byte> out) noexcept;

  // First of all calls.
  void header(const ReplyHeader& header) noexcept;
  // The question, in the case it came in. At most one; before any record.
  bool question(WireName name, uint16_t type, uint16_t klass = klass::kIn) noexcept;
  // header() and question() from a parsed query: id, opcode, RD, CD and the question are echoed.
  bool reply_to(const Message& query, ReplyHeader header) noexcept;

  struct NewRecord {
    WireName owner{};
    uint16_t type = 0;
    uint32_t ttl = 0;
    std::span<const std::byte> rdata{};  // as it shall stand: names in it are not compressed
    uint16_t klass = klass::kIn;
  };
  // Owners are compressed against the question and the owners before them.
  bool record(Section section, const NewRecord& record) noexcept;
  // An A record of the question name: the shortest way to the commonest answer.
  bool answer_a(uint32_t address, uint32_t ttl) noexcept;

  struct Opt {
    uint16_t udp_payload = limits::kUdpPayload;
    bool dnssec_ok = false;
    uint8_t version = 0;
    std::span<const std::byte> options{};  // encoded
  };
  bool opt(const Opt& opt) noexcept;

  [[nodiscard]] bool overflowed() const noexcept { return overflowed_; }
  // Drops all records, sets TC, clears overflowed(). Call opt() again after it.
  void truncate() noexcept;
  // The message so far.
  [[nodiscard]] std::span<const std::byte> written() const noexcept { return out_.first(size_); }

 private:
  struct Known {
    uint16_t at;
    uint16_t size;
  };
  [[nodiscard]] bool room(size_t size) noexcept;
  void put_u16(uint16_t value) noexcept;
  void put_u32(uint32_t value) noexcept;
  void put(std::span<const std::byte> bytes) noexcept;
  [[nodiscard]] size_t compressed_size(WireName owner, uint16_t& pointer) const noexcept;
  void put_owner(WireName owner, size_t size, uint16_t pointer) noexcept;
  void count(size_t at) noexcept;

  std::span<std::byte> out_;
  size_t size_ = 0;
  size_t question_end_ = 0;
  uint16_t question_name_size_ = 0;
  uint16_t rcode_ = 0;
  uint8_t known_count_ = 0;
  bool overflowed_ = false;
  std::array<Known, 8> known_;  // owners that stand uncompressed in the message
};

}  // namespace zonesweep::dns
