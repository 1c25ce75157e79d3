#include "engine/verdict.h"

#include <cstring>

#include "protocols/dns/edns.h"
#include "protocols/dns/types.h"

namespace zonesweep::engine {
namespace {

constexpr uint16_t kNoError = 0, kFormErr = 1, kNxDomain = 3, kNotImp = 4, kBadVers = 16,
                   kBadCookie = 23;

bool foreign_cookie(const Asked& asked, const dns::Message& reply, const dns::Summary& summary) {
  if (summary.edns.cookie_size < dns::limits::kClientCookieBytes) return false;
  const auto cookie = dns::cookie_of(reply, summary.edns);
  return std::memcmp(cookie.data(), &asked.client_cookie, sizeof(asked.client_cookie)) != 0;
}

// FORMERR or NOTIMP without an OPT (RFC 6891 section 7), or a version we do not speak.
bool refuses_edns(const dns::Summary& summary) {
  if (summary.rcode == kBadVers) return true;
  return (summary.rcode == kFormErr || summary.rcode == kNotImp) && !summary.edns.present;
}

Ruling ruling_of(const Asked& asked, const dns::Summary& summary, Status status) {
  if (asked.edns && refuses_edns(summary)) return Ruling::without_edns;
  if (summary.rcode == kBadCookie) return Ruling::bad_cookie;
  if (summary.rcode == kNxDomain) return Ruling::answer;
  if (summary.rcode == kNoError && status != Status::bad_answer) return Ruling::answer;
  return Ruling::elsewhere;
}

}  // namespace

Verdict rule(const Asked& asked, const dns::Message& reply) noexcept {
  Verdict verdict;
  const dns::Question question{.name = asked.name, .type = asked.type, .id = reply.id()};
  switch (dns::match_reply(question, reply)) {
    case dns::Match::match: break;
    case dns::Match::wrong_question: verdict.ruling = Ruling::forged; return verdict;
    default: return verdict;
  }
  if (asked.cut) {  // validate() would only find the cut
    verdict.ruling = Ruling::truncated;
    verdict.status = Status::truncated;
    return verdict;
  }
  const auto summary = reply.validate();
  if (!summary) {
    // A server that truncates in the middle of a record is within its rights: TC says so.
    if (!asked.tcp && reply.truncated()) {
      verdict.ruling = Ruling::truncated;
      verdict.status = Status::truncated;
    }
    return verdict;
  }
  if (asked.edns && foreign_cookie(asked, reply, *summary)) {
    verdict.ruling = Ruling::forged;
    return verdict;
  }
  verdict.summary = *summary;
  verdict.status = status_of(reply, *summary);
  verdict.ruling = ruling_of(asked, *summary, verdict.status);
  if (reply.truncated() && verdict.ruling != Ruling::without_edns &&
      verdict.ruling != Ruling::bad_cookie) {
    verdict.ruling = asked.tcp ? Ruling::elsewhere : Ruling::truncated;
    verdict.status = Status::truncated;
  }
  return verdict;
}

}  // namespace zonesweep::engine
