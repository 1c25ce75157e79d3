// The size of each kind of field, and with it the proof that it is well formed.
#include <algorithm>
#include <bit>

#include "protocols/dns/edns.h"
#include "protocols/dns/location.h"
#include "protocols/dns/octets.h"
#include "protocols/dns/rdata.h"
#include "protocols/dns/rdata_shape.h"
#include "protocols/dns/special_rdata.h"
#include "protocols/dns/svcb.h"

namespace zonesweep::dns {
namespace {

using Size = std::optional<size_t>;

Size fixed(const Rdata& rdata, size_t size) noexcept {
  return rdata.size() >= size ? Size{size} : std::nullopt;
}

Size whole_if(const Rdata& rdata, bool good) noexcept {
  return good ? Size{rdata.size()} : std::nullopt;
}

Size counted(const Rdata& rdata) noexcept {
  if (rdata.size() == 0) return std::nullopt;
  return fixed(rdata, 1u + read_u8(rdata.message, rdata.at));
}

// A name must end inside of the RDATA that it began in; its pointers may lead anywhere before.
Size name_size(const Rdata& rdata, Compression compression) noexcept {
  const auto extent = check_name(rdata.message.first(rdata.end), rdata.at, compression);
  return extent ? Size{extent->end - rdata.at} : std::nullopt;
}

Size texts_size(const Rdata& rdata) noexcept {
  Rdata left = rdata;
  do {
    const Size size = counted(left);
    if (!size) return std::nullopt;
    left.at += *size;
  } while (left.size() != 0);
  return rdata.size();
}

bool is_alphanumeric(std::byte b) noexcept {
  const std::byte c = to_lower(b);
  return (c >= std::byte{'a'} && c <= std::byte{'z'}) ||
         (c >= std::byte{'0'} && c <= std::byte{'9'});
}

Size tag_size(const Rdata& rdata) noexcept {
  const Size size = counted(rdata);
  if (!size || *size == 1) return std::nullopt;
  const auto word = rdata.message.subspan(rdata.at + 1, *size - 1);
  return std::ranges::all_of(word, is_alphanumeric) ? size : std::nullopt;
}

// RFC 4034 section 4.1.2: windows ascend, have 1 to 32 octets, and do not end in zeros.
bool is_bitmap(std::span<const std::byte> left) noexcept {
  int last_window = -1;
  while (!left.empty()) {
    if (left.size() < 3) return false;
    const int window = std::to_integer<int>(left[0]);
    const size_t size = std::to_integer<size_t>(left[1]);
    if (window <= last_window || size == 0 || size > 32 || size > left.size() - 2) return false;
    if (left[1 + size] == std::byte{0}) return false;
    last_window = window;
    left = left.subspan(2 + size);
  }
  return true;
}

}  // namespace

Size field_size(Kind kind, const Rdata& rdata) noexcept {
  switch (kind) {
    case Kind::u8:
    case Kind::scheme:
    case Kind::algorithm: return fixed(rdata, 1);
    case Kind::u16:
    case Kind::type_word:
    case Kind::old_type:
    case Kind::cert_word: return fixed(rdata, 2);
    case Kind::u32:
    case Kind::time:
    case Kind::address4: return fixed(rdata, 4);
    case Kind::address6: return fixed(rdata, 16);
    case Kind::eui48: return fixed(rdata, 6);
    case Kind::eui64:
    case Kind::groups64: return fixed(rdata, 8);
    case Kind::name: return name_size(rdata, Compression::allowed);
    case Kind::plain_name: return name_size(rdata, Compression::refused);
    case Kind::text:
    case Kind::salt: return counted(rdata);
    case Kind::hash32: return counted(rdata) > 1u ? counted(rdata) : std::nullopt;
    case Kind::tag: return tag_size(rdata);
    case Kind::texts: return texts_size(rdata);
    case Kind::hex:
    case Kind::base64:
    case Kind::nsap: return whole_if(rdata, rdata.size() != 0);
    case Kind::long_text:
    case Kind::hex_any:
    case Kind::base64_any: return rdata.size();
    case Kind::bitmap: return whole_if(rdata, rdata.size() != 0 && is_bitmap(rdata.rest()));
    case Kind::bitmap_any: return whole_if(rdata, is_bitmap(rdata.rest()));
    case Kind::location: return whole_if(rdata, is_location(rdata.rest()));
    case Kind::svc_params: return whole_if(rdata, are_svc_params(rdata.rest()));
    default: return special_size(kind, rdata);
  }
}

Error check_rdata(MessageBytes message, const Record& record) noexcept {
  if (record.type == type::kA && record.klass == klass::kIn) {
    return record.rdata_size == 4 ? Error::none : Error::bad_rdata;
  }
  const Shape* shape = shape_of(record.type, record.klass);
  if (shape == nullptr) return Error::none;
  Rdata rdata{message, record.rdata, size_t{record.rdata} + record.rdata_size};
  for (const Field& field : shape->fields) {
    const Size size = field_size(field.kind, rdata);
    if (!size) return Error::bad_rdata;
    rdata.at += *size;
  }
  return rdata.size() == 0 ? Error::none : Error::bad_rdata;
}

}  // namespace zonesweep::dns
