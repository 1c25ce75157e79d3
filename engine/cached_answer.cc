#include "engine/cached_answer.h"

#include <algorithm>
#include <cstring>

#include "cache/ttl.h"
#include "protocols/dns/relevance.h"
#include "protocols/dns/types.h"

namespace zonesweep::engine {
namespace {

constexpr size_t kHeaderBytes = dns::limits::kHeaderBytes;
constexpr size_t kQuestionTail = 4;  // type and class

// Of a stored answer; server and error follow, then the message without id and question.
struct Prefix {
  uint16_t rcode = 0;
  uint8_t status = 0;
  uint8_t transport = 0;
  uint8_t tries = 0;
  uint8_t server_size = 0;
  uint8_t error_size = 0;
  uint8_t unused = 0;
  static constexpr size_t kBytes = 7;  // as stored
};

size_t end_of(const dns::Record& record) { return size_t{record.rdata} + record.rdata_size; }

struct Trimmed {
  size_t end = 0;                    // of the last record that is kept
  std::array<uint16_t, 3> counts{};  // per section
};

// Nearly all answers: records of the answer section only, all related, and perhaps an OPT behind them.
std::optional<Trimmed> trim_plain(const dns::Message& message, const dns::Summary& summary) {
  constexpr size_t kOptHead =
      11;  // root, type, payload size, flags, length: in front of its options
  const auto& edns = summary.edns;
  if (message.count(dns::Section::authority) != 0 || summary.unrelated != 0 ||
      message.count(dns::Section::additional) != 1 || !edns.present || edns.extended_errors != 0 ||
      summary.rcode > 0xF)
    return std::nullopt;
  return Trimmed{.end = edns.options - kOptHead,
                 .counts = {message.count(dns::Section::answer), 0, 0}};
}

// Cuts off what is foreign behind the last related record. A foreign record before that one cannot be
// taken out, as later names may point behind it: such a message is not kept. The OPT stays if it says
// something that a row shows, or is in the way.
std::optional<Trimmed> trim(const dns::Message& message, const dns::Summary& summary) {
  if (const auto plain = trim_plain(message, summary)) return plain;
  dns::Relevance relevance(message, summary);
  Trimmed kept{.end = kHeaderBytes + message.question_name().size() + kQuestionTail};
  std::array<uint16_t, 3> counts{};
  bool foreign = false;
  const bool opt_matters = summary.edns.extended_errors != 0 || summary.rcode > 0xF;
  for (const dns::Record& record : message.records()) {
    const bool related = relevance.related(record);
    const bool opt = record.type == dns::type::kOpt;
    counts[static_cast<size_t>(record.section)]++;
    if (!related && !opt) foreign = true;
    if (!related && !(opt && opt_matters)) continue;
    if (foreign) return std::nullopt;
    kept = {.end = end_of(record), .counts = counts};
  }
  return kept;
}

class Writer {
 public:
  explicit Writer(std::span<std::byte> out) : out_(out) {}
  void put(const void* from, size_t size) {
    if (size > out_.size() - at_) {
      fits_ = false;
      return;
    }
    if (size > 0) std::memcpy(out_.data() + at_, from, size);
    at_ += size;
  }
  [[nodiscard]] size_t size() const { return fits_ ? at_ : 0; }

 private:
  std::span<std::byte> out_;
  size_t at_ = 0;
  bool fits_ = true;
};

bool put_message(const DnsRecord& record, Writer& out) {
  const auto message = dns::Message::parse(record.message);
  if (!message || !message->has_question() || record.summary == nullptr) return false;
  const auto kept = trim(*message, *record.summary);
  if (!kept) return false;
  const auto bytes = message->bytes();
  out.put(bytes.data() + 2, 2);  // flags and rcode
  for (const uint16_t count : kept->counts) {
    const std::array<uint8_t, 2> big{static_cast<uint8_t>(count >> 8), static_cast<uint8_t>(count)};
    out.put(big.data(), big.size());
  }
  const size_t records = kHeaderBytes + message->question_name().size() + kQuestionTail;
  out.put(bytes.data() + records, kept->end - records);
  return true;
}

}  // namespace

LaneCache::Keep keep_of(const DnsRecord& record, uint32_t now_s) {
  LaneCache::Keep keep{.seconds = 0, .envelope = {.stored_s = now_s, .format = kDnsAnswerFormat}};
  switch (record.status) {
    case Status::noerror:
      if (record.summary != nullptr) keep.seconds = cache::positive_ttl(record.summary->answer_ttl);
      return keep;
    case Status::nodata:
    case Status::nxdomain: {
      if (record.summary == nullptr) return keep;
      const bool chained = record.summary->chain_links > 0;
      keep.seconds =
          cache::negative_ttl(record.summary->negative_ttl,
                              chained ? std::optional(record.summary->answer_ttl) : std::nullopt);
      return keep;
    }
    case Status::servfail:
    case Status::refused:
    case Status::formerr:
    case Status::notimp:
    case Status::rcode:
    case Status::timeout:
    case Status::bad_answer:
      keep.seconds = cache::failure_ttl(1);
      keep.envelope.only_in_memory = true;
      return keep;
    case Status::truncated:
    case Status::net_error:
    case Status::cname_loop:
    case Status::illegal_input:
    case Status::cancelled: return keep;
  }
  return keep;
}

size_t encode_answer(const DnsRecord& record, CachedBytes& out) {
  if (record.server.size() > UINT8_MAX || record.error.size() > UINT8_MAX) return 0;
  const Prefix prefix{.rcode = record.rcode,
                      .status = static_cast<uint8_t>(record.status),
                      .transport = static_cast<uint8_t>(record.transport),
                      .tries = static_cast<uint8_t>(std::min(record.tries, 255U)),
                      .server_size = static_cast<uint8_t>(record.server.size()),
                      .error_size = static_cast<uint8_t>(record.error.size())};
  Writer writer(std::span<std::byte>(out).first(Envelope::kValueBytes));
  writer.put(&prefix, Prefix::kBytes);
  writer.put(record.server.data(), record.server.size());
  writer.put(record.error.data(), record.error.size());
  if (!record.message.empty() && !put_message(record, writer)) return 0;
  return writer.size();
}

namespace {

// Header, question and the stored records, as the network would have sent them.
std::span<const std::byte> rebuild(std::span<const std::byte> stored, dns::WireName name,
                                   uint16_t type, std::span<std::byte> out) {
  constexpr size_t kStoredHeader = kHeaderBytes - 4;  // without id and QDCOUNT
  const size_t question = name.size() + kQuestionTail;
  if (stored.size() < kStoredHeader || kHeaderBytes + question + stored.size() > out.size())
    return {};
  Writer writer(out);
  constexpr std::array<uint8_t, 2> kId{}, kOne{0, 1};
  const std::array<uint8_t, 4> tail{static_cast<uint8_t>(type >> 8), static_cast<uint8_t>(type), 0,
                                    1};
  writer.put(kId.data(), 2);
  writer.put(stored.data(), 2);
  writer.put(kOne.data(), 2);
  writer.put(stored.data() + 2, 6);
  writer.put(name.data(), name.size());
  writer.put(tail.data(), tail.size());
  writer.put(stored.data() + kStoredHeader, stored.size() - kStoredHeader);
  return out.first(writer.size());
}

}  // namespace

bool decode_answer(const LaneCache::Hit& hit, uint32_t now_s, DecodedAnswer& buffer,
                   DnsRecord& record) {
  const auto value = hit.value;
  Prefix prefix;
  if (hit.envelope.format != kDnsAnswerFormat || value.size() < Prefix::kBytes) return false;
  std::memcpy(static_cast<void*>(&prefix), value.data(), Prefix::kBytes);
  const size_t texts = size_t{prefix.server_size} + prefix.error_size;
  if (prefix.status >= kStatusCount ||
      prefix.transport > static_cast<uint8_t>(TransportUsed::tcp) ||
      value.size() - Prefix::kBytes < texts)
    return false;
  const auto* text = reinterpret_cast<const char*>(value.data()) + Prefix::kBytes;
  const auto stored = value.subspan(Prefix::kBytes + texts);
  if (!stored.empty()) {
    const auto bytes = rebuild(stored, record.name, record.type, buffer.message);
    const auto message = dns::Message::parse(bytes);
    if (bytes.empty() || !message) return false;
    const auto summary = message->validate();
    if (!summary || status_of(*message, *summary) != static_cast<Status>(prefix.status))
      return false;
    buffer.summary = *summary;
    record.message = bytes;
    record.summary = &buffer.summary;
  }
  record.status = static_cast<Status>(prefix.status);
  record.rcode = prefix.rcode;
  record.server = {text, prefix.server_size};
  record.error = {text + prefix.server_size, prefix.error_size};
  record.transport = static_cast<TransportUsed>(prefix.transport);
  record.tries = prefix.tries;
  record.cached = true;
  record.cached_age_s = now_s - std::min(now_s, hit.envelope.stored_s);
  return true;
}

}  // namespace zonesweep::engine
