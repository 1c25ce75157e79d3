#include "tools/loopback/rdap_responder.h"

#define XXH_INLINE_ALL
#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "protocols/http/gzip.h"
#include "tools/loopback/http_floods.h"

namespace zonesweep::loopback {
namespace {

using enum RegistrationFault;
using http::ServerRequest;
using http::ServerResponse;
using std::chrono::milliseconds;

constexpr size_t kBombPieces = 256;  // of 1 MiB each, inflated
constexpr size_t kHugeBytes = 6 * 1024 * 1024;
constexpr size_t kDeep = 100'000;  // brackets
constexpr uint32_t kManyFields = 400;
constexpr uint32_t kManyInforms = 50;
constexpr uint32_t kLastRequest = 10;   // of a connection
constexpr uint32_t kRefusedStream = 7;  // RFC 9113 section 7
constexpr uint32_t kInternalError = 2;
constexpr size_t kWorthGzip = 256;  // bytes

constexpr std::array<std::string_view, kForbiddenRedirects> kForbidden = {
    "https://127.0.0.1/domain/x",
    "https://169.254.169.254/latest/meta-data/",
    "https://[::1]/domain/x",
    "https://10.1.2.3/domain/x",
    "https://private.all.test/domain/x",  // a name with a private address
    "https://[::ffff:127.0.0.1]/domain/x",
    "https://2130706433/domain/x",
    "https://0177.0.0.1/domain/x",
    "https://localhost/domain/x",
    "https://rdap.reg1.test:22/domain/x",
    "https://user:secret@rdap.reg1.test/domain/x",
    "file:///etc/passwd",
    "gopher://127.0.0.1:70/1",
    "ftp://127.0.0.1/x",
};

ServerResponse rdap(uint16_t status, std::string body) {
  return {status, {{"content-type", "application/rdap+json"}}, std::move(body)};
}

ServerResponse html(uint16_t status, std::string_view text) {
  return {status,
          {{"content-type", "text/html; charset=utf-8"}},
          fmt::format("<!DOCTYPE html><html><body><h1>{}</h1></body></html>\n", text)};
}

ServerResponse error(uint16_t status, std::string_view title) {
  return rdap(status, rdap_error(status, title));
}

ServerResponse redirect(std::string location) {
  return {302, {{"location", std::move(location)}}, ""};
}

std::string etag_of(std::string_view body) {
  return fmt::format("\"{:016x}\"", XXH3_64bits(body.data(), body.size()));
}

RdapPlan says(ServerResponse response) { return {.response = std::move(response)}; }

// "2026-08-01T00:00:00" is a Saturday; a moment long past asks for no wait at all.
constexpr std::string_view kRetryMoment = "Sat, 01 Aug 2026 00:00:00 GMT";

// What terminals, spreadsheets and browsers act on.
constexpr std::string_view kHostileName =
    "=cmd|'/C calc'!A0 \\u001b[31m\\u001b]0;title\\u0007 \\u202e<script>alert(1)</script> `id` "
    "\\u009b31m \\\\ \\\"";

// Retry-After, as no server should have it.
constexpr std::array<std::string_view, kOddRetries> kRetries = {"-5",
                                                                "9000000000000000000",
                                                                "soon",
                                                                "",
                                                                "3600",
                                                                "Fri, 01 Jan 2100 00:00:00 GMT",
                                                                "99999999999999999999999",
                                                                "1.5"};

constexpr std::string_view kTooFast =
    "{\"errorCode\":422,\"title\":\"Your access is too fast\",\"description\":[\"slow down\"]}";
constexpr std::string_view kQuotaNotice =
    "{\"notices\":{\"title\":\"401 Unauthorized\",\"description\":\"Quota exceeded (31/30)\"}}";

void replace_once(std::string& text, std::string_view old, std::string_view with) {
  if (const size_t at = text.find(old); at != std::string::npos) text.replace(at, old.size(), with);
}

// Members of other types than are due.
void twist_types(std::string& body) {
  replace_once(body, "\"status\":[", "\"status\":[17,{},");
  replace_once(body, "\"events\":[", "\"events\":[\"never\",null,");
  replace_once(body, "\"links\":[", "\"links\":[[],");
  replace_once(body, "\"handle\":\"", "\"handle\":[1],\"x\":\"");
}

}  // namespace

std::string_view forbidden_redirect(uint32_t number) {
  return kForbidden[number % kForbidden.size()];
}

RegistrationFaultCall rdap_fault(std::string_view name, const RegistrationZone& zone) {
  const RegistrationFaultCall own = fault_of_name(name);
  if (own.of_rdap()) return own;
  return zone.fault.of_rdap() ? zone.fault : RegistrationFaultCall{};
}

RdapLinks rdap_links(const RegistrationWorld& world, const Holding& holding) {
  const std::string base = world.rdap_at(rdap_host(last_label(holding.domain)));
  return {base + "domain/" + holding.domain,
          world.rdap_at(registrar_rdap_host(holding.registrar)) + "domain/" + holding.domain};
}

RdapResponder::RdapResponder(const RegistrationWorld& world, uint64_t chance_seed,
                             std::string bootstrap)
    : world_(world), chance_(chance_seed), bootstrap_(std::move(bootstrap)) {}

RdapQuestion RdapResponder::read(std::string_view target) {
  constexpr std::string_view kHop = "/hop/";
  constexpr std::string_view kDomain = "/domain/";
  RdapQuestion question;
  std::string_view path = target.substr(0, target.find('?'));
  if (path.starts_with(kHop)) {
    path.remove_prefix(kHop.size());
    const auto [end, problem] = std::from_chars(path.begin(), path.end(), question.hops);
    path.remove_prefix(problem == std::errc{} ? static_cast<size_t>(end - path.begin()) : 0);
  }
  if (!path.starts_with(kDomain)) return question;
  path.remove_prefix(kDomain.size());
  if (path.ends_with('.')) path.remove_suffix(1);
  question.name = path;
  std::ranges::transform(question.name, question.name.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
  });
  return question;
}

RdapPlan RdapResponder::too_many() {
  RdapPlan plan = says(error(429, "Too Many Requests"));
  plan.response.fields.emplace_back("retry-after", "1");
  return plan;
}

RdapPlan RdapResponder::respond(std::string_view host, const ServerRequest& request,
                                uint32_t request_number) {
  if (request.method != "GET" && request.method != "HEAD") return says(error(405, "Only GET"));
  if (host.empty()) return says(error(421, "Misdirected Request"));
  if (request.target == "/help") return says(rdap(200, rdap_help()));
  if (host == kRootDataHost) return root(request);
  const RdapQuestion question = read(request.target);
  if (question.name.empty()) return says(error(400, "Only /domain/NAME and /help"));
  if (host == rdap_host(last_label(question.name))) {
    return registry(question.name, request, request_number);
  }
  return registrar(host, question);
}

RdapPlan RdapResponder::root(const ServerRequest& request) const {
  if (request.target != "/rdap/dns.json") return says(html(404, "Not Found"));
  const std::string etag = etag_of(bootstrap_);
  const bool known = request.if_none_match == etag;
  return says(
      {static_cast<uint16_t>(known ? 304 : 200),
       {{"content-type", "application/json"}, {"etag", etag}, {"cache-control", "max-age=86400"}},
       known ? "" : bootstrap_});
}

// Hops lead from the registry by way of the registrar's server; the last gives the registry's data.
RdapPlan RdapResponder::registrar(std::string_view host, const RdapQuestion& question) const {
  Holding holding = world_.look_up(question.name);
  if (question.hops > 0) {
    if (question.hops == 1) return says(answer(question.name));
    return says(redirect(fmt::format("/hop/{}/domain/{}", question.hops - 1, question.name)));
  }
  if (host != registrar_rdap_host(holding.registrar)) {
    return says(error(400, "Not a name of this server"));
  }
  if (!holding.registered) return says(error(404, "Not Found"));
  if (holding.registrant_org.empty()) {
    holding.registrant_org = fmt::format("Holder {}", holding.registrar);
    holding.registrant_country = "US";
  }
  holding.updated += 3'600;
  std::string body =
      rdap_answer(holding, 0, {world_.rdap_at(host) + "domain/" + holding.domain, ""});
  replace_once(body, "\"expiration\"", "\"registrar expiration\"");
  return says(rdap(200, std::move(body)));
}

ServerResponse RdapResponder::answer(std::string_view name) const {
  const Holding holding = world_.look_up(name);
  if (!holding.registered) return error(404, "Not Found");
  const std::string body =
      rdap_answer(holding, world_.zone_of(name).number, rdap_links(world_, holding));
  ServerResponse response = rdap(200, body);
  response.fields.emplace_back("etag", etag_of(body));
  return response;
}

std::string RdapResponder::redirect_of(const RegistrationFaultCall& fault, std::string_view name,
                                       std::string_view target) const {
  const uint32_t registrar = world_.look_up(name).registrar;
  switch (fault.fault) {
    case rredirect:
      return fmt::format("{}hop/{}/domain/{}", world_.rdap_at(registrar_rdap_host(registrar)),
                         std::max(fault.number_or(1), 1U), name);
    case rloop: return std::string{target};
    case rhttp: return fmt::format("http://{}/domain/{}", rdap_host(last_label(name)), name);
    default: return std::string{forbidden_redirect(fault.number)};
  }
}

RdapPlan RdapResponder::registry(std::string_view name, const ServerRequest& request,
                                 uint32_t request_number) {
  const RegistrationZone zone = world_.zone_of(name);
  const RegistrationFaultCall fault = rdap_fault(name, zone);
  if (fault.fault >= rredirect && fault.fault <= rprivate) {
    return says(redirect(redirect_of(fault, name, request.target)));
  }
  RdapPlan plan = says(answer(name));
  if (fault.any()) {
    spoil(plan, fault, name, request_number);
    return plan;
  }
  auto& [status, fields, body] = plan.response;
  if (!request.if_none_match.empty() &&
      fields.back() == std::pair<std::string, std::string>{"etag", request.if_none_match}) {
    status = 304;
    body.clear();
    return plan;
  }
  const bool packs = zone.number % 2 == 1 && body.size() >= kWorthGzip &&
                     request.accept_encoding.find("gzip") != std::string::npos;
  if (packs) {
    body = http::gzip_of(body);
    fields.emplace_back("content-encoding", "gzip");
  }
  return plan;
}

void RdapResponder::spoil(RdapPlan& plan, const RegistrationFaultCall& fault, std::string_view name,
                          uint32_t request_number) {
  if (fault.fault <= rnotice) return refuse(plan.response, fault);
  if (fault.fault == rother) {
    plan.response = answer(fmt::format("x.{}.all.test", name));
  } else if (fault.fault <= rbytes) {
    spoil_body(plan.response, fault);
  } else if (fault.fault <= rraw) {
    spoil_encoding(plan, fault);
  } else {
    spoil_connection(plan, fault, request_number);
  }
}

void RdapResponder::refuse(ServerResponse& response, const RegistrationFaultCall& fault) {
  const auto retry_after = [&](std::string value) {
    response.fields.emplace_back("retry-after", std::move(value));
  };
  switch (fault.fault) {
    case r400: response = error(400, "Bad Request"); return;
    case r401: response = error(401, "Unauthorized"); return;
    case r403: response = html(403, "Number of allowed queries exceeded"); return;
    case r404html: response = html(404, "Not Found"); return;
    case r404empty:
      if (response.status == 404) response = {404, {}, ""};
      return;
    case r422:
      response = {422, {{"content-type", "application/json"}}, std::string{kTooFast}};
      return;
    case r429:
      response = error(429, "Too Many Requests");
      return retry_after(std::to_string(fault.number_or(1)));
    case r429date:
      response = error(429, "Too Many Requests");
      return retry_after(std::string{kRetryMoment});
    case r500: response = html(500, "Internal Server Error"); return;
    case r503:
      response = html(503, "Service Unavailable");
      return retry_after(std::to_string(fault.number_or(1)));
    case rflaky:
      if (chance_.with(fault.number_or(50) / 100.0)) response = html(503, "Service Unavailable");
      return;
    case rretry:
      response = error(429, "Too Many Requests");
      return retry_after(std::string{kRetries[fault.number % kRetries.size()]});
    case rnotice: response = rdap(200, std::string{kQuotaNotice}); return;
    default: return;
  }
}

void RdapResponder::spoil_body(ServerResponse& response, const RegistrationFaultCall& fault) {
  std::string& body = response.body;
  switch (fault.fault) {
    case rhtml: response = html(200, "Welcome"); return;
    case rempty: response = rdap(200, ""); return;
    case rarray: response = rdap(200, "[" + body + "]"); return;
    case robject: response = rdap(200, "{}"); return;
    case rclass:
      replace_once(body, "\"notices\"", "\"remarks\"");
      return replace_once(body, "\":\"domain\"", "\":\"entity\"");
    case rhalf: body.resize(body.size() / 2); return;
    case rtail: body += "{}"; return;
    case rdup: return replace_once(body, "\"ldhName\"", "\"ldhName\":\"victim.test\",\"ldhName\"");
    case rdeep:
      response = rdap(200, "{\"objectClassName\":\"domain\",\"x\":" + std::string(kDeep, '[') +
                               std::string(kDeep, ']') + "}");
      return;
    case rhuge:
      response = rdap(
          200, "{\"objectClassName\":\"domain\",\"x\":\"" + std::string(kHugeBytes, 'x') + "\"}");
      return;
    case rtypes: return twist_types(body);
    case rbytes: {
      constexpr std::string_view kName = "[\"fn\",{},\"text\",\"";
      return replace_once(body, kName, fmt::format("{}{} ", kName, kHostileName));
    }
    default: return;
  }
}

void RdapResponder::spoil_encoding(RdapPlan& plan, const RegistrationFaultCall& fault) {
  ServerResponse& response = plan.response;
  std::string& body = response.body;
  const auto encoded = [&](std::string_view as) {
    response.fields.emplace_back("content-encoding", as);
  };
  switch (fault.fault) {
    case rbomb:
      if (bomb_.empty()) bomb_ = http::gzip_of_blanks(kBombPieces);
      response = rdap(200, bomb_);
      return encoded("gzip");
    case rlayers: body = http::gzip_of(http::gzip_of(body)); return encoded("gzip, gzip");
    case rbrotli: return encoded("br");
    case rgzip:
      body = http::gzip_of(body);
      body.resize(body.size() / 2);
      return encoded("gzip");
    case rcut:
      response.fields.emplace_back("content-length", std::to_string(body.size()));
      body.resize(body.size() / 2);
      plan.last = true;
      return;
    case rfields:
      for (uint32_t i = 0; i < kManyFields; ++i) {
        response.fields.emplace_back(fmt::format("x-{}", i), "x");
      }
      return;
    case rinform: plan.informs = kManyInforms; return;
    case rraw:
      plan.raw = raw_response(fault.number, body);
      plan.act = raw_response_ends(fault.number) ? RdapPlan::Act::raw_end : RdapPlan::Act::raw;
      return;
    default: return;
  }
}

void RdapResponder::spoil_connection(RdapPlan& plan, const RegistrationFaultCall& fault,
                                     uint32_t request_number) {
  using Act = RdapPlan::Act;
  const bool due = request_number >= fault.number_or(kLastRequest);
  switch (fault.fault) {
    case rslow: plan.byte_gap = milliseconds{fault.number_or(1'000)}; return;
    case rlate: plan.delay = milliseconds{fault.number_or(1'000)}; return;
    case rmute: plan.act = Act::silence; return;
    case rrst:
      plan.act = Act::reset;
      plan.code = fault.number_or(kInternalError);
      return;
    case rrefused:
      if (!chance_.with(fault.number_or(50) / 100.0)) return;
      plan.act = Act::reset;
      plan.code = kRefusedStream;
      return;
    case rgoaway: plan.last = due; return;
    case rclose: plan.act = due ? Act::close : Act::respond; return;
    case rcontinuation: plan.act = Act::continuation_flood; return;
    case rsettings: plan.act = Act::settings_flood; return;
    case rping: plan.act = Act::ping_flood; return;
    case rframes: plan.act = Act::empty_flood; return;
    case rframe:
      plan.act = Act::bad_frames;
      plan.code = fault.number;
      return;
    default: return;
  }
}

}  // namespace zonesweep::loopback
