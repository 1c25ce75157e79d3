// protocols/dns/rdata_shape.h - the fields of each type's RDATA, as data.
//
// One row per type says what its RDATA consists of; check_rdata(), append_rdata_text() and
// visit_fields() all follow it. A new type is a new row.
//
// Threads: constant tables. Internal to protocols/dns.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "protocols/dns/message_name.h"

namespace zonesweep::dns {

enum class Kind : uint8_t {
  u8,
  u16,
  u32,
  time,       // u32 seconds since 1970, YYYYMMDDHHMMSS
  type_word,  // u16, mnemonic of a type
  old_type,   // the same, a bare number where there is no mnemonic (SIG)
  cert_word,  // u16, mnemonic of a certificate type, RFC 4398
  scheme,     // u8, mnemonic of a DSYNC scheme
  algorithm,  // u8, mnemonic of a DNSSEC algorithm
  address4,
  address6,
  name,  // compression allowed: the types of RFC 1035, and those that RFC 3597 section 4 names
  plain_name,  // never compressed
  text,        // one character-string, quoted
  texts,       // one or more to the end
  long_text,   // all the rest, quoted, without a length
  tag,         // one character-string of letters and digits, not quoted
  hex,         // all the rest; split for people
  hex_any,     // the same, may be empty
  base64,      // all the rest; split for people
  base64_any,  // the same, may be empty
  nsap,        // all the rest, "0x" and hex
  atma,        // all of an ATMA: hex, or "+" and digits
  salt,        // length and octets, hex, "-" when empty
  hash32,      // length and octets, base32hex
  bitmap,      // all the rest, RFC 4034 section 4.1.2; not empty
  bitmap_any,  // the same, may be empty
  old_bitmap,  // all the rest, RFC 2535 section 5.2
  eui48,
  eui64,
  groups64,    // four groups of up to four hex digits
  location,    // all of a LOC, RFC 1876
  svc_params,  // all the rest of a SVCB, RFC 9460
  prefixes,    // all of an APL, RFC 3123
  services,    // the rest of a WKS behind its address, RFC 1035 section 3.4.2
  a6_rest,     // all of an A6, RFC 2874
  ipsec_rest,  // all of an IPSECKEY, RFC 4025
  hip_rest,    // all of a HIP, RFC 8005
  amt_rest,    // all of an AMTRELAY, RFC 8777
  doa_rest,    // media type and data of a DOA
};

struct Field {
  Kind kind;
  std::string_view key;  // of the typed form; empty when it is not shown there
};

struct Shape {
  std::span<const Field> fields;
  bool typed = false;    // the typed form says more than the text
  bool in_only = false;  // the shape holds for class IN alone
};

// Null: an unknown type, RFC 3597.
[[nodiscard]] const Shape* shape_of(uint16_t type, uint16_t klass) noexcept;

// False for what is well formed but of a version or family that nobody can show; RFC 3597 form
// then. `rdata` spans the whole RDATA.
[[nodiscard]] bool is_showable(uint16_t type, std::span<const std::byte> rdata) noexcept;

// A place in an RDATA; the rest goes from `at` to `end`.
struct Rdata {
  MessageBytes message;
  size_t at = 0;
  size_t end = 0;

  [[nodiscard]] size_t size() const noexcept { return end - at; }
  [[nodiscard]] std::span<const std::byte> rest() const noexcept {
    return message.subspan(at, end - at);
  }
};

// Octets of the field at the front of `rdata`; nullopt when it is malformed.
[[nodiscard]] std::optional<size_t> field_size(Kind kind, const Rdata& rdata) noexcept;

// Whether hex and base64 are split by blanks as dig does, or written in one piece.
enum class Blanks : uint8_t { split, none };

// Appends the presentation form of one checked field; `field` spans exactly its octets.
void append_field(Kind kind, const Rdata& field, Blanks blanks, std::string& out);

}  // namespace zonesweep::dns
