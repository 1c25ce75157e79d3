#include "engine/record.h"

#include <charconv>

namespace zonesweep::engine {
namespace {

// Without an answer of the asked type: what does the reply prove?
Status without_answer(const dns::Message& reply, const dns::Summary& summary) noexcept {
  if (summary.chain == dns::Chain::loop || summary.chain == dns::Chain::too_long) {
    return Status::cname_loop;
  }
  if (summary.soa_in_authority) return Status::nodata;
  if (summary.referral()) return Status::bad_answer;
  const bool vouched = reply.authoritative() || reply.recursion_available();
  return vouched ? Status::nodata : Status::bad_answer;  // RFC 2308 section 2.2, type 3
}

}  // namespace

std::string_view name_of(Status status) noexcept {
  switch (status) {
    case Status::noerror: return "NOERROR";
    case Status::nodata: return "NODATA";
    case Status::nxdomain: return "NXDOMAIN";
    case Status::servfail: return "SERVFAIL";
    case Status::refused: return "REFUSED";
    case Status::formerr: return "FORMERR";
    case Status::notimp: return "NOTIMP";
    case Status::rcode: return "RCODE";
    case Status::timeout: return "TIMEOUT";
    case Status::truncated: return "TRUNCATED";
    case Status::net_error: return "NET_ERROR";
    case Status::bad_answer: return "BAD_ANSWER";
    case Status::cname_loop: return "CNAME_LOOP";
    case Status::illegal_input: return "ILLEGAL_INPUT";
    case Status::cancelled: return "CANCELLED";
  }
  return "CANCELLED";
}

void append_status(Status status, uint16_t rcode, std::string& out) {
  out.append(name_of(status));
  if (status != Status::rcode) return;
  char digits[5];
  const auto [end, error] = std::to_chars(digits, digits + sizeof digits, rcode);
  out.append(digits, end);
}

Status status_of(const dns::Message& reply, const dns::Summary& summary) noexcept {
  switch (summary.rcode) {
    case dns::rcode::kNoError:
      return summary.has_answer ? Status::noerror : without_answer(reply, summary);
    case dns::rcode::kFormErr: return Status::formerr;
    case dns::rcode::kServFail: return Status::servfail;
    case dns::rcode::kNxDomain: return Status::nxdomain;
    case dns::rcode::kNotImp: return Status::notimp;
    case dns::rcode::kRefused: return Status::refused;
    default: return Status::rcode;
  }
}

std::string_view name_of(TransportUsed transport) noexcept {
  switch (transport) {
    case TransportUsed::none: return "";
    case TransportUsed::udp: return "udp";
    case TransportUsed::tcp: return "tcp";
  }
  return "";
}

}  // namespace zonesweep::engine
