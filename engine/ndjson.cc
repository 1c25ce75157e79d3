#include "engine/ndjson.h"

#include <algorithm>
#include <optional>

#include "engine/json_text.h"
#include "protocols/dns/edns.h"
#include "protocols/dns/rdata.h"
#include "protocols/dns/relevance.h"

namespace zonesweep::engine {
namespace {

// Literals carry their comma, colon and quotes: one append per member.
void append_string_member(std::string_view literal, std::string_view value, std::string& out) {
  out.append(literal);
  append_json_text(value, out);
  out.push_back('"');
}

void append_number_member(std::string_view literal, uint64_t value, std::string& out) {
  out.append(literal);
  append_json_number(value, out);
}

class FieldWriter final : public dns::FieldSink {
 public:
  explicit FieldWriter(std::string& out) noexcept : out_(out) {}

  void number(std::string_view key, uint64_t value) override {
    begin(key);
    append_json_number(value, out_);
  }
  void text(std::string_view key, std::string_view value) override {
    begin(key);
    quote(value);
  }
  void list_begin(std::string_view key) override {
    begin(key);
    out_.push_back('[');
    first_ = true;
  }
  void list_item(std::string_view value) override {
    if (!first_) out_.push_back(',');
    first_ = false;
    quote(value);
  }
  void list_end() override { out_.push_back(']'); }

 private:
  void begin(std::string_view key) { out_.append(",\"").append(key).append("\":"); }
  void quote(std::string_view value) {
    out_.push_back('"');
    const size_t from = out_.size();
    out_.append(value);
    escape_json_tail(out_, from);
    out_.push_back('"');
  }

  std::string& out_;
  bool first_ = true;
};

constexpr std::string_view kSectionWords[] = {",\"answers\":[", ",\"authorities\":[",
                                              ",\"additionals\":["};

class MessageMembers {
 public:
  MessageMembers(const dns::Message& message, const dns::Summary& summary, uint32_t age_s,
                 std::string& out)
      : message_(message), summary_(summary), age_s_(age_s), out_(out) {}

  // False when records had to be left out.
  bool write() {
    append_number_member(",\"rcode\":", summary_.rcode, out_);
    write_flags();
    const bool whole = write_sections();
    if (summary_.edns.extended_errors != 0) write_extended_errors();
    return whole;
  }

 private:
  // QR is not shown: every reply has it.
  void write_flags() {
    bool first = true;
    const auto flag = [&](bool set, std::string_view word) {
      if (!set) return;
      out_.append(first ? ",\"flags\":[\"" : ",\"").append(word).push_back('"');
      first = false;
    };
    flag(message_.authoritative(), "aa");
    flag(message_.truncated(), "tc");
    flag(message_.recursion_desired(), "rd");
    flag(message_.recursion_available(), "ra");
    flag(message_.reserved_bit(), "z");
    flag(message_.authentic_data(), "ad");
    flag(message_.checking_disabled(), "cd");
    if (!first) out_.push_back(']');
  }

  bool write_sections() {
    dns::Relevance relevance{message_, summary_};
    std::optional<dns::Section> open;
    const size_t room_end = out_.size() + limits::kRowRecordBytes;
    bool whole = true;
    for (const dns::Record& record : message_.records()) {
      if (!relevance.related(record)) continue;
      whole = out_.size() < room_end;
      if (!whole) break;
      if (open == record.section) {
        out_.push_back(',');
      } else {
        if (open) out_.push_back(']');
        out_.append(kSectionWords[static_cast<size_t>(record.section)]);
        open = record.section;
      }
      write_record(record);
    }
    if (open) out_.push_back(']');
    return whole;
  }

  void write_record(const dns::Record& record) {
    out_.append("{\"name\":\"");
    size_t from = out_.size();
    dns::append_name_text_at(message_.bytes(), record.owner, out_);
    escape_json_tail(out_, from);
    out_.append("\",\"type\":\"");
    dns::append_type_text(record.type, out_);
    out_.append("\",\"class\":\"");
    dns::append_class_text(record.klass, out_);
    append_number_member("\",\"ttl\":", record.ttl() - std::min(record.ttl(), age_s_), out_);
    out_.append(",\"data\":\"");
    from = out_.size();
    dns::append_rdata_text(message_, record, out_);
    escape_json_tail(out_, from);
    out_.push_back('"');
    if (dns::has_typed_fields(record.type)) {
      FieldWriter fields{out_};
      dns::visit_fields(message_, record, fields);
    }
    out_.push_back('}');
  }

  void write_extended_errors() {
    out_.append(",\"ede\":[");
    dns::ExtendedErrorCursor cursor{message_, summary_.edns};
    dns::ExtendedError error;
    for (bool first = true; cursor.next(error); first = false) {
      append_number_member(first ? "{\"code\":" : ",{\"code\":", error.info_code, out_);
      const auto words = dns::extended_error_name(error.info_code);
      if (!words.empty()) append_string_member(",\"name\":\"", words, out_);
      const std::string_view text{reinterpret_cast<const char*>(error.text.data()),
                                  error.text.size()};
      if (!text.empty()) append_string_member(",\"text\":\"", text, out_);
      out_.push_back('}');
    }
    out_.push_back(']');
  }

  const dns::Message& message_;
  const dns::Summary& summary_;
  uint32_t age_s_;
  std::string& out_;
};

void append_identity(const DnsRecord& record, std::string& out) {
  append_number_member("{\"seq\":", record.seq, out);
  append_string_member(",\"input\":\"", record.input, out);
  if (!record.name.empty()) {
    out.append(",\"name\":\"");
    const size_t from = out.size();
    dns::append_lower_name_text(record.name, out, dns::FinalDot::dropped);
    escape_json_tail(out, from);
    out.push_back('"');
  }
  if (record.type != 0) {
    out.append(",\"type\":\"");
    dns::append_type_text(record.type, out);
    out.push_back('"');
  }
  out.append(",\"status\":\"");
  append_status(record.status, record.rcode, out);
  out.push_back('"');
}

enum class Shown : uint8_t { nothing, part, all };

Shown append_message(const DnsRecord& record, std::string& out) {
  if (record.message.empty()) return Shown::nothing;
  const auto message = dns::Message::parse(record.message);
  if (!message) return Shown::nothing;
  const auto show = [&](const dns::Summary& summary) {
    const bool whole = MessageMembers{*message, summary, record.cached_age_s, out}.write();
    return whole ? Shown::all : Shown::part;
  };
  if (record.summary != nullptr) return show(*record.summary);
  const auto summary = message->validate();
  return summary ? show(*summary) : Shown::nothing;
}

void append_provenance(const DnsRecord& record, std::string_view error, std::string& out) {
  if (!record.server.empty()) append_string_member(",\"server\":\"", record.server, out);
  if (record.transport != TransportUsed::none) {
    append_string_member(",\"transport\":\"", name_of(record.transport), out);
  }
  append_number_member(",\"tries\":", record.tries, out);
  if (record.rtt_us != 0) append_number_member(",\"rtt_us\":", record.rtt_us, out);
  out.append(record.cached ? ",\"cached\":true,\"ts\":" : ",\"cached\":false,\"ts\":");
  append_json_time(record.ts_us, out);
  if (!error.empty()) append_string_member(",\"error\":\"", error, out);
  out.append("}\n");
}

}  // namespace

void append_ndjson(const DnsRecord& record, std::string& out) {
  append_identity(record, out);
  const Shown shown = append_message(record, out);
  if (shown == Shown::nothing && record.rcode != 0) {
    append_number_member(",\"rcode\":", record.rcode, out);
  }
  const bool cut = shown == Shown::part && record.error.empty();
  append_provenance(record, cut ? "records left out: the answer is too large" : record.error, out);
}

}  // namespace zonesweep::engine
