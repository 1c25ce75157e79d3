#include "protocols/dns/message.h"

#include <algorithm>

#include "protocols/dns/chain.h"
#include "protocols/dns/edns.h"
#include "protocols/dns/octets.h"
#include "protocols/dns/rdata.h"

namespace zonesweep::dns {
namespace {

constexpr uint16_t kQuestionName = limits::kHeaderBytes;  // where the question name stands
constexpr uint16_t kQuestionPointer = 0xC000 | kQuestionName;
constexpr size_t kFixedBytes = 10;  // type, class, TTL, RDLENGTH

// Validates the records of one message and fills its summary.
class Validation {
 public:
  explicit Validation(const Message& message) noexcept
      : message_(message), bytes_(message.bytes()) {}

  std::expected<Summary, Error> run(size_t first_record) noexcept {
    at_ = first_record;
    summary_.rcode = message_.header_rcode();
    summary_.names[0] = message_.has_question() ? kQuestionName : 0;
    if (!section(Section::answer)) return std::unexpected(error_);
    conclude_answers();
    if (!section(Section::authority)) return std::unexpected(error_);
    if (!section(Section::additional)) return std::unexpected(error_);
    if (effort_.used_up()) return std::unexpected(Error::too_complex);
    return summary_;
  }

 private:
  bool fail(Error error) noexcept {
    error_ = error;
    return false;
  }

  bool section(Section section) noexcept {
    const uint16_t count = message_.count(section);
    if (summary_.records + count > limits::kMessageRecords) return fail(Error::too_many_records);
    summary_.records = static_cast<uint16_t>(summary_.records + count);
    Record record{.section = section};
    for (uint16_t i = 0; i < count; ++i) {
      if (!read(record) || !accept(record)) return false;
    }
    return true;
  }

  bool read(Record& record) noexcept {
    record.owner = static_cast<uint16_t>(at_);
    if (!skip_owner() || bytes_.size() - at_ < kFixedBytes) return fail_sticky(Error::truncated);
    record.type = read_u16(bytes_, at_);
    record.klass = read_u16(bytes_, at_ + 2);
    record.ttl_raw = read_u32(bytes_, at_ + 4);
    record.rdata_size = read_u16(bytes_, at_ + 8);
    record.rdata = static_cast<uint16_t>(at_ + kFixedBytes);
    at_ += kFixedBytes;
    if (bytes_.size() - at_ < record.rdata_size) return fail(Error::truncated);
    at_ += record.rdata_size;
    return true;
  }

  bool fail_sticky(Error error) noexcept { return error_ == Error::none ? fail(error) : false; }

  bool skip_owner() noexcept {
    if (bytes_.size() - at_ >= 2 && message_.has_question() &&
        read_u16(bytes_, at_) == kQuestionPointer) {
      at_ += 2;
      return true;
    }
    const auto extent = check_name(bytes_, at_);
    if (!extent) return fail(extent.error());
    at_ = extent->end;
    return true;
  }

  bool accept(const Record& record) noexcept {
    if (record.type == type::kOpt) return opt(record);
    const Error error = check_rdata(bytes_, record);
    if (error != Error::none) return fail(error);
    if (record.section == Section::answer) answer(record);
    if (record.section == Section::authority) authority(record);
    return true;
  }

  // Nearly every answer section holds nothing but records of the asked type at the question name;
  // only the others are worth a second look by follow_chain().
  void answer(const Record& record) noexcept {
    const bool plain = record.type == message_.question_type() && record.klass == klass::kIn &&
                       read_u16(bytes_, record.owner) == kQuestionPointer;
    only_plain_ = only_plain_ && plain;
    answer_ttl_ = std::min(answer_ttl_, record.ttl());
    have_answers_ = true;
  }

  void conclude_answers() noexcept {
    if (!have_answers_) return;
    if (!only_plain_ || !message_.has_question()) return follow_chain(message_, summary_, effort_);
    summary_.has_answer = true;
    summary_.answer_ttl = answer_ttl_;
  }

  void authority(const Record& record) noexcept {
    const bool soa = record.type == type::kSoa && !summary_.soa_in_authority;
    const bool ns = record.type == type::kNs && !summary_.ns_in_authority;
    if ((!soa && !ns) || record.klass != klass::kIn || !message_.has_question()) return;
    if (!at_or_below(bytes_, summary_.names[summary_.chain_links], record.owner, effort_)) return;
    if (ns) summary_.ns_in_authority = true;
    if (!soa) return;
    summary_.soa_in_authority = true;
    const uint32_t minimum = read_u32(bytes_, record.rdata + record.rdata_size - 4u);
    summary_.negative_ttl = std::min(record.ttl(), minimum >> 31 != 0 ? 0 : minimum);
  }

  bool opt(const Record& record) noexcept {
    const bool root_owner = bytes_[record.owner] == std::byte{0};
    if (record.section != Section::additional || summary_.edns.present || !root_owner) {
      return fail(Error::bad_opt);
    }
    Edns& edns = summary_.edns;
    edns.present = true;
    edns.udp_payload = record.klass;
    edns.version = static_cast<uint8_t>(record.ttl_raw >> 16);
    edns.dnssec_ok = (record.ttl_raw & 0x8000) != 0;
    edns.options = record.rdata;
    edns.options_size = record.rdata_size;
    summary_.rcode = static_cast<uint16_t>(summary_.rcode | (record.ttl_raw >> 24) << 4);
    return record.rdata_size == 0 || options(edns);
  }

  // Options that do not fill the RDATA exactly are malformed. A cookie of an impossible size is as
  // good as none (RFC 7873 section 5.3), and so is an EDE without its code.
  bool options(Edns& edns) noexcept {
    OptionCursor cursor{message_, edns};
    Option option;
    size_t seen = 0;
    while (cursor.next(option)) {
      seen += 4 + option.data.size();
      if (option.code == option::kExtendedError && option.data.size() >= 2) {
        edns.extended_errors =
            static_cast<uint8_t>(std::min(edns.extended_errors + 1, int{UINT8_MAX}));
      }
      if (option.code == option::kCookie && edns.cookie_size == 0) cookie(edns, option.data);
    }
    return seen == edns.options_size || fail(Error::bad_opt);
  }

  void cookie(Edns& edns, std::span<const std::byte> data) noexcept {
    const size_t client = limits::kClientCookieBytes;
    const bool whole = data.size() >= client + limits::kServerCookieBytesMin &&
                       data.size() <= client + limits::kServerCookieBytesMax;
    if (data.size() != client && !whole) return;
    edns.cookie = static_cast<uint16_t>(data.data() - bytes_.data());
    edns.cookie_size = static_cast<uint16_t>(data.size());
  }

  const Message& message_;
  MessageBytes bytes_;
  size_t at_ = 0;
  Summary summary_;
  Effort effort_;
  uint32_t answer_ttl_ = UINT32_MAX;
  bool only_plain_ = true;
  bool have_answers_ = false;
  Error error_ = Error::none;
};

// The offset behind the name at `at`, or one behind the message. Follows no pointer: walking the
// records of a message costs no more than its size, whatever its names are.
size_t behind_name(MessageBytes message, size_t at) noexcept {
  while (at < message.size()) {
    const size_t first = std::to_integer<size_t>(message[at]);
    if (first >= 0xC0) return at + 2;
    at += 1 + first;
    if (first == 0) break;
  }
  return at;
}

bool excuses_missing_question(uint8_t code) noexcept {
  return code == rcode::kFormErr || code == rcode::kNotImp || code == rcode::kRefused;
}

}  // namespace

std::expected<Message, Error> Message::parse(MessageBytes bytes) noexcept {
  if (bytes.size() < limits::kHeaderBytes) return std::unexpected(Error::truncated);
  bytes = bytes.first(std::min(bytes.size(), limits::kMessageBytes));
  Message message{bytes, 0};
  if (message.question_count() == 0) return message;
  if (message.question_count() > 1) return std::unexpected(Error::bad_question);
  const auto extent = check_name(bytes, limits::kHeaderBytes, Compression::refused);
  if (!extent) return std::unexpected(extent.error());
  if (bytes.size() - extent->end < 4) return std::unexpected(Error::truncated);
  message.question_size_ = extent->wire_size;
  return message;
}

std::expected<Summary, Error> Message::validate() const noexcept {
  return Validation{*this}.run(records_at());
}

RecordIterator::RecordIterator(const Message& message) noexcept
    : bytes_(message.bytes()), at_(message.records_at()) {
  for (size_t i = 0; i < left_.size(); ++i) left_[i] = message.count(static_cast<Section>(i));
  step();
}

void RecordIterator::step() noexcept {
  size_t section = static_cast<size_t>(record_.section);
  while (section < left_.size() && left_[section] == 0) ++section;
  done_ = true;
  if (section == left_.size() || budget_ == 0) return;
  const size_t fixed = behind_name(bytes_, at_);
  if (bytes_.size() < fixed + kFixedBytes) return;
  const uint16_t size = read_u16(bytes_, fixed + 8);
  if (bytes_.size() - fixed - kFixedBytes < size) return;
  record_ = {.section = static_cast<Section>(section),
             .owner = static_cast<uint16_t>(at_),
             .type = read_u16(bytes_, fixed),
             .klass = read_u16(bytes_, fixed + 2),
             .ttl_raw = read_u32(bytes_, fixed + 4),
             .rdata = static_cast<uint16_t>(fixed + kFixedBytes),
             .rdata_size = size};
  at_ = fixed + kFixedBytes + size;
  --left_[section];
  --budget_;
  done_ = false;
}

std::string_view name_of(Match match) noexcept {
  switch (match) {
    case Match::match: return "match";
    case Match::not_a_reply: return "not a reply";
    case Match::wrong_id: return "wrong id";
    case Match::wrong_opcode: return "wrong opcode";
    case Match::wrong_question: return "wrong question";
    case Match::no_question: return "no question";
  }
  return "unknown";
}

Match match_reply(const Question& sent, const Message& reply) noexcept {
  if (reply.id() != sent.id) return Match::wrong_id;
  if (!reply.is_reply()) return Match::not_a_reply;
  if (reply.opcode() != 0) return Match::wrong_opcode;
  if (!reply.has_question()) {
    return excuses_missing_question(reply.header_rcode()) ? Match::match : Match::no_question;
  }
  const bool same = reply.question_type() == sent.type && reply.question_class() == klass::kIn &&
                    equal_names(reply.question_name(), sent.name);
  return same ? Match::match : Match::wrong_question;
}

}  // namespace zonesweep::dns
