// protocols/dns/error.h - why bytes are not a DNS message.
//
// Closed set of the dns room. Rcodes are answers, never errors of this kind.
#pragma once

#include <cstdint>
#include <string_view>

namespace zonesweep::dns {

enum class Error : uint8_t {
  none,
  truncated,      // a field, a name or an RDATA leaves the message
  bad_pointer,    // a compression pointer that does not go strictly backwards, or into the header
  bad_label,      // a label type other than 00 (length) and 11 (pointer), RFC 6891 section 5
  name_too_long,  // more than 255 octets once expanded
  bad_rdata,      // an RDATA that has not the shape of its type, or a name that leaves it
  too_complex,    // its names take more than limits::kLabelComparisons to compare
  too_many_records,  // more than limits::kMessageRecords
  bad_question,      // QDCOUNT above 1, RFC 9619
  bad_opt,  // a second OPT, or one outside of the additional section, RFC 6891 section 6.1.1
};

[[nodiscard]] std::string_view name_of(Error error) noexcept;

}  // namespace zonesweep::dns
