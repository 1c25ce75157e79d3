#include "protocols/dns/error.h"

namespace zonesweep::dns {

std::string_view name_of(Error error) noexcept {
  switch (error) {
    case Error::none: return "none";
    case Error::truncated: return "truncated message";
    case Error::bad_pointer: return "bad compression pointer";
    case Error::bad_label: return "bad label type";
    case Error::name_too_long: return "name too long";
    case Error::bad_rdata: return "bad rdata";
    case Error::too_complex: return "names too complex";
    case Error::too_many_records: return "too many records";
    case Error::bad_question: return "bad question section";
    case Error::bad_opt: return "bad OPT record";
  }
  return "unknown";
}

}  // namespace zonesweep::dns
