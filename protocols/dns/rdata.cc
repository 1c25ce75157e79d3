#include "protocols/dns/rdata.h"

#include <array>

#include "protocols/dns/location.h"
#include "protocols/dns/octets.h"
#include "protocols/dns/rdata_shape.h"
#include "protocols/dns/special_rdata.h"
#include "protocols/dns/svcb.h"
#include "protocols/dns/text_out.h"

namespace zonesweep::dns {
namespace {

using Octets = std::span<const std::byte>;

struct NumberWord {
  uint16_t number;
  std::string_view text;
};

// RFC 4398 section 2.1.
constexpr std::array<NumberWord, 10> kCertTypes = {{{1, "PKIX"},
                                                    {2, "SPKI"},
                                                    {3, "PGP"},
                                                    {4, "IPKIX"},
                                                    {5, "ISPKI"},
                                                    {6, "IPGP"},
                                                    {7, "ACPKIX"},
                                                    {8, "IACPKIX"},
                                                    {253, "URI"},
                                                    {254, "OID"}}};

// The DNSSEC algorithm registry.
constexpr std::array<NumberWord, 16> kAlgorithms = {{{1, "RSAMD5"},
                                                     {2, "DH"},
                                                     {3, "DSA"},
                                                     {5, "RSASHA1"},
                                                     {6, "NSEC3DSA"},
                                                     {7, "NSEC3RSASHA1"},
                                                     {8, "RSASHA256"},
                                                     {10, "RSASHA512"},
                                                     {12, "ECCGOST"},
                                                     {13, "ECDSAP256SHA256"},
                                                     {14, "ECDSAP384SHA384"},
                                                     {15, "ED25519"},
                                                     {16, "ED448"},
                                                     {252, "INDIRECT"},
                                                     {253, "PRIVATEDNS"},
                                                     {254, "PRIVATEOID"}}};

// RFC 9859 section 2.1.
constexpr std::array<NumberWord, 1> kSchemes = {{{1, "NOTIFY"}}};

template <size_t N>
void append_number_word(const std::array<NumberWord, N>& words, uint16_t number, std::string& out) {
  for (const NumberWord& word : words) {
    if (word.number == number) {
      out.append(word.text);
      return;
    }
  }
  append_number(number, out);
}

// Days since 1970 to a civil date; the years of a u32 are 1970 to 2106.
struct Date {
  uint32_t year, month, day;
};

Date date_of(uint32_t days) noexcept {
  const uint32_t z = days + 719'468;  // since 0000-03-01
  const uint32_t era = z / 146'097;   // of 400 years
  const uint32_t day_of_era = z % 146'097;
  const uint32_t year_of_era =
      (day_of_era - day_of_era / 1'460 + day_of_era / 36'524 - day_of_era / 146'096) / 365;
  const uint32_t day_of_year =
      day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const uint32_t shifted_month = (5 * day_of_year + 2) / 153;  // from March
  const uint32_t month = shifted_month < 10 ? shifted_month + 3 : shifted_month - 9;
  return {year_of_era + era * 400 + (month <= 2 ? 1 : 0), month,
          day_of_year - (153 * shifted_month + 2) / 5 + 1};
}

void append_digits(uint32_t value, size_t width, std::string& out) {
  const size_t at = out.size();
  out.append(width, '0');
  for (size_t i = width; i-- > 0; value /= 10) out[at + i] = static_cast<char>('0' + value % 10);
}

// RFC 4034 section 3.2: YYYYMMDDHHMMSS.
void append_time(uint32_t seconds, std::string& out) {
  const Date date = date_of(seconds / 86'400);
  append_digits(date.year, 4, out);
  append_digits(date.month, 2, out);
  append_digits(date.day, 2, out);
  append_digits(seconds / 3'600 % 24, 2, out);
  append_digits(seconds / 60 % 60, 2, out);
  append_digits(seconds % 60, 2, out);
}

// Calls `each` with every character-string of `left`.
template <typename Each>
void for_each_text(Octets left, Each each) {
  while (!left.empty()) {
    const size_t size = read_u8(left, 0);
    each(left.subspan(1, size));
    left = left.subspan(1 + size);
  }
}

// Calls `each` with every type of a checked bitmap.
template <typename Each>
void for_each_type(Octets left, Each each) {
  while (!left.empty()) {
    const unsigned window = read_u8(left, 0);
    const size_t size = read_u8(left, 1);
    for (size_t bit = 0; bit < 8 * size; ++bit) {
      const bool set = (left[2 + bit / 8] & (std::byte{0x80} >> (bit % 8))) != std::byte{0};
      if (set) each(static_cast<uint16_t>(window << 8 | bit));
    }
    left = left.subspan(2 + size);
  }
}

void append_blank_if(bool wanted, std::string& out) {
  if (wanted) out.push_back(' ');
}

void append_texts(Octets rest, std::string& out) {
  bool first = true;
  for_each_text(rest, [&](Octets text) {
    append_blank_if(!first, out);
    append_quoted(text, out);
    first = false;
  });
}

void append_types(Octets rest, std::string& out) {
  bool first = true;
  for_each_type(rest, [&](uint16_t type) {
    append_blank_if(!first, out);
    append_type_text(type, out);
    first = false;
  });
}

void append_svc_params(Octets rest, std::string& out) {
  SvcParamCursor cursor{rest};
  SvcParam param;
  for (bool first = true; cursor.next(param); first = false) {
    append_blank_if(!first, out);
    append_svc_param(param, out);
  }
}

void append_eui(Octets octets, std::string& out) {
  for (size_t i = 0; i < octets.size(); ++i) {
    if (i != 0) out.push_back('-');
    append_hex(octets.subspan(i, 1), limits::kUnsplit, out, HexCase::lower);
  }
}

void append_groups(Octets octets, std::string& out) {
  for (size_t i = 0; i < octets.size(); i += 2) {
    if (i != 0) out.push_back(':');
    append_hex_number(read_u16(octets, i), out);
  }
}

void append_nsap(Octets octets, std::string& out) {
  out.append("0x");
  append_hex(octets, limits::kUnsplit, out, HexCase::lower);
}

void append_salt(Octets octets, std::string& out) {
  if (octets.size() == 1) return out.push_back('-');
  append_hex(octets.subspan(1), limits::kUnsplit, out);
}

void append_word_field(Kind kind, Octets octets, std::string& out) {
  switch (kind) {
    case Kind::type_word: return append_type_text(read_u16(octets, 0), out);
    case Kind::old_type: return append_old_type_text(read_u16(octets, 0), out);
    case Kind::scheme: return append_number_word(kSchemes, read_u8(octets, 0), out);
    case Kind::cert_word: return append_number_word(kCertTypes, read_u16(octets, 0), out);
    default: return append_number_word(kAlgorithms, read_u8(octets, 0), out);
  }
}

// RFC 3597 section 5: `\# length hex`.
void append_unknown(Octets rdata, std::string& out) {
  out.append("\\# ");
  append_number(static_cast<uint32_t>(rdata.size()), out);
  append_blank_if(!rdata.empty(), out);
  append_hex(rdata, limits::kTextBlock, out);
}

constexpr bool is_number(Kind kind) noexcept {
  return kind == Kind::u8 || kind == Kind::u16 || kind == Kind::u32;
}

uint32_t number_of(const Rdata& field) noexcept {
  switch (field.size()) {
    case 1: return read_u8(field.message, field.at);
    case 2: return read_u16(field.message, field.at);
    default: return read_u32(field.message, field.at);
  }
}

// Calls `each(field, octets of it)` for every field of a checked RDATA.
template <typename Each>
void for_each_field(const Message& message, const Record& record, const Shape& shape, Each each) {
  Rdata rest{message.bytes(), record.rdata, size_t{record.rdata} + record.rdata_size};
  for (const Field& field : shape.fields) {
    const auto size = field_size(field.kind, rest);
    if (!size) return;  // not validated
    each(field, Rdata{rest.message, rest.at, rest.at + *size});
    rest.at += *size;
  }
}

// The octets of all strings one after the other; TXT data is cut at 255 octets only for transport.
void show_texts(std::string_view key, const Rdata& field, FieldSink& sink, std::string& scratch) {
  for_each_text(field.rest(), [&](Octets text) { append_unquoted(text, scratch); });
  sink.text(key, scratch);
}

void show_types(std::string_view key, const Rdata& field, FieldSink& sink, std::string& scratch) {
  sink.list_begin(key);
  for_each_type(field.rest(), [&](uint16_t type) {
    scratch.clear();
    append_type_text(type, scratch);
    sink.list_item(scratch);
  });
  sink.list_end();
}

void show_params(std::string_view key, const Rdata& field, FieldSink& sink, std::string& scratch) {
  SvcParamCursor cursor{field.rest()};
  SvcParam param;
  sink.list_begin(key);
  while (cursor.next(param)) {
    scratch.clear();
    append_svc_param(param, scratch);
    sink.list_item(scratch);
  }
  sink.list_end();
}

void show_field(const Field& field, const Rdata& octets, FieldSink& sink, std::string& scratch) {
  scratch.clear();
  if (is_number(field.kind)) return sink.number(field.key, number_of(octets));
  switch (field.kind) {
    case Kind::texts: return show_texts(field.key, octets, sink, scratch);
    case Kind::bitmap:
    case Kind::bitmap_any: return show_types(field.key, octets, sink, scratch);
    case Kind::svc_params: return show_params(field.key, octets, sink, scratch);
    case Kind::text: append_unquoted(octets.rest().subspan(1), scratch); break;
    case Kind::long_text: append_unquoted(octets.rest(), scratch); break;
    default: append_field(field.kind, octets, Blanks::none, scratch); break;
  }
  sink.text(field.key, scratch);
}

}  // namespace

void append_field(Kind kind, const Rdata& field, Blanks blanks, std::string& out) {
  const Octets octets = field.rest();
  const size_t block = blanks == Blanks::split ? limits::kTextBlock : limits::kUnsplit;
  switch (kind) {
    case Kind::u8:
    case Kind::u16:
    case Kind::u32: return append_number(number_of(field), out);
    case Kind::time: return append_time(read_u32(octets, 0), out);
    case Kind::type_word:
    case Kind::old_type:
    case Kind::scheme:
    case Kind::cert_word:
    case Kind::algorithm: return append_word_field(kind, octets, out);
    case Kind::address4: return append_address4(octets, out);
    case Kind::address6: return append_address6(octets, out);
    case Kind::name:
    case Kind::plain_name: return append_name_text_at(field.message, field.at, out);
    case Kind::text: return append_quoted(octets.subspan(1), out);
    case Kind::texts: return append_texts(octets, out);
    case Kind::long_text: return append_quoted(octets, out);
    case Kind::tag: return append_unquoted(octets.subspan(1), out);
    case Kind::hex:
    case Kind::hex_any: return append_hex(octets, block, out);
    case Kind::base64:
    case Kind::base64_any: return append_base64(octets, block, out);
    case Kind::nsap: return append_nsap(octets, out);
    case Kind::salt: return append_salt(octets, out);
    case Kind::hash32: return append_base32hex(octets.subspan(1), out);
    case Kind::bitmap:
    case Kind::bitmap_any: return append_types(octets, out);
    case Kind::eui48:
    case Kind::eui64: return append_eui(octets, out);
    case Kind::groups64: return append_groups(octets, out);
    case Kind::location: return append_location(octets, out);
    case Kind::svc_params: return append_svc_params(octets, out);
    default: return append_special(kind, field, blanks, out);
  }
}

void append_rdata_text(const Message& message, const Record& record, std::string& out) {
  if (record.type == type::kA && record.klass == klass::kIn) {
    return append_address4(message.rdata(record), out);
  }
  const Shape* shape = shape_of(record.type, record.klass);
  if (shape == nullptr || !is_showable(record.type, message.rdata(record))) {
    return append_unknown(message.rdata(record), out);
  }
  bool first = true;
  for_each_field(message, record, *shape, [&](const Field& field, const Rdata& octets) {
    const size_t before = out.size();
    append_blank_if(!first, out);
    append_field(field.kind, octets, Blanks::split, out);
    if (!first && out.size() == before + 1) out.resize(before);  // an empty field leaves no blank
    first = false;
  });
}

bool has_typed_fields(uint16_t type) noexcept {
  const Shape* shape = shape_of(type, klass::kIn);
  return shape != nullptr && shape->typed;
}

void visit_fields(const Message& message, const Record& record, FieldSink& sink) {
  const Shape* shape = shape_of(record.type, record.klass);
  if (shape == nullptr || !shape->typed) return;
  thread_local std::string scratch;
  for_each_field(message, record, *shape, [&](const Field& field, const Rdata& octets) {
    show_field(field, octets, sink, scratch);
  });
}

}  // namespace zonesweep::dns
