// protocols/dns/rdata.h - RDATA: its shape, its presentation form, its typed fields.
//
// Every known type is one row of a table (protocols/dns/rdata_shape.h) that drives all three.
//
// Threads: pure functions. Errors: none after Message::validate().
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

#include "protocols/dns/message.h"

namespace zonesweep::dns {

// Appends what dig (9.18, default options) prints for the record's data; RFC 3597 form for unknown
// types.
void append_rdata_text(const Message& message, const Record& record, std::string& out);

// Receives the typed fields of one RDATA in wire order. Keys are lower-case words that outlive the
// call; values live for the call.
class FieldSink {
 public:
  virtual ~FieldSink() = default;
  virtual void number(std::string_view key, uint64_t value) = 0;
  // ASCII: names with the final dot, hex, base64, times, mnemonics; wire bytes escaped as \DDD.
  virtual void text(std::string_view key, std::string_view value) = 0;
  virtual void list_begin(std::string_view key) = 0;
  virtual void list_item(std::string_view value) = 0;
  virtual void list_end() = 0;
};

// True when visit_fields() has anything to say about this type. A, AAAA, NS, CNAME and the like
// have none: their one field is the data.
[[nodiscard]] bool has_typed_fields(uint16_t type) noexcept;
void visit_fields(const Message& message, const Record& record, FieldSink& sink);

// Proves that the RDATA has the shape of its type. validate() calls it for every record.
[[nodiscard]] Error check_rdata(MessageBytes message, const Record& record) noexcept;

}  // namespace zonesweep::dns
