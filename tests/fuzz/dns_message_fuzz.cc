// What validates can be shown, and shows the same when it is read again.
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "engine/ndjson.h"
#include "protocols/dns/edns.h"
#include "protocols/dns/rdata.h"
#include "protocols/dns/relevance.h"
#include "protocols/dns/stream.h"

namespace {

using namespace zonesweep;

class CountingSink final : public dns::FieldSink {
 public:
  void number(std::string_view, uint64_t) override {}
  void text(std::string_view, std::string_view value) override { check(value); }
  void list_begin(std::string_view) override { ++depth_; }
  void list_item(std::string_view value) override { check(value); }
  void list_end() override { --depth_; }
  ~CountingSink() override { assert(depth_ == 0); }

 private:
  static void check(std::string_view value) {
    for (const char c : value) assert(c >= 0x20 && c < 0x7F);
  }
  int depth_ = 0;
};

void show(const dns::Message& message, const dns::Summary& summary) {
  size_t seen = 0;
  dns::Relevance relevance{message, summary};
  std::string text;
  for (const dns::Record& record : message.records()) {
    ++seen;
    (void)relevance.related(record);
    text.clear();
    dns::append_name_text_at(message.bytes(), record.owner, text);
    assert(dns::Name::from_text(text));
    dns::append_rdata_text(message, record, text);
    for (const char c : text) assert(c >= 0x20 && c < 0x7F);
    CountingSink sink;
    dns::visit_fields(message, record, sink);
  }
  assert(seen == summary.records);
  dns::ExtendedErrorCursor errors{message, summary.edns};
  dns::ExtendedError error;
  while (errors.next(error)) assert(error.text.size() <= dns::limits::kExtendedErrorText);
}

// Split anywhere, a stream gives the messages that went in.
void stream(std::span<const std::byte> bytes) {
  static dns::StreamReader reader;
  reader.reset();
  const size_t cut = bytes.empty() ? 0 : std::to_integer<size_t>(bytes[0]) % (bytes.size() + 1);
  size_t messages = 0;
  for (const auto part : {bytes.first(cut), bytes.subspan(cut)}) {
    reader.feed(part);
    while (reader.next()) ++messages;
  }
  assert(messages <= bytes.size() / 2);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto bytes = std::as_bytes(std::span(data, size));
  stream(bytes);
  const auto message = dns::Message::parse(bytes);
  if (!message) return 0;
  size_t walked = 0;
  for (const dns::Record& record : message->records()) walked += record.rdata_size;
  assert(walked <= size);
  const auto summary = message->validate();
  if (!summary) return 0;  // rejecting is always allowed
  show(*message, *summary);
  std::string row;
  engine::append_ndjson({.input = {reinterpret_cast<const char*>(data), size},
                         .name = message->question_name(),
                         .type = message->question_type(),
                         .status = engine::status_of(*message, *summary),
                         .message = message->bytes()},
                        row);
  for (const char c : row.substr(0, row.size() - 1)) assert(static_cast<unsigned char>(c) >= 0x20);
  assert(row.back() == '\n');
  return 0;
}
