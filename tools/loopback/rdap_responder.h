// tools/loopback/rdap_responder.h - what an RDAP server does about a request: the response, and how
// it comes. No sockets.
//
// Threads: one.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "protocols/http/server_session.h"
#include "tools/loopback/chance.h"
#include "tools/loopback/rdap_text.h"
#include "tools/loopback/registration_world.h"

namespace zonesweep::loopback {

struct RdapPlan {
  enum class Act : uint8_t {
    respond,
    silence,
    reset,    // of the stream, with `code`
    close,    // the connection, without a word
    raw,      // bytes of no session, and then silence
    raw_end,  // and then the end, without a word of TLS
    // Raw frames without end; over HTTP/1.1 the connection closes.
    continuation_flood,
    settings_flood,
    ping_flood,
    empty_flood,
    bad_frames,  // those of kind `code`, and then silence
  };
  Act act = Act::respond;
  http::ServerResponse response;
  uint32_t code = 0;
  std::string raw;       // bytes for `raw`
  uint32_t informs = 0;  // 1xx responses before it
  bool last = false;     // GOAWAY behind it
  std::chrono::nanoseconds delay{0};
  std::chrono::nanoseconds byte_gap{0};  // the connection sends a byte each gap; 0: all at once
};

struct RdapQuestion {
  std::string name;   // of /domain/<name>, lower case; else empty
  uint32_t hops = 0;  // of /hop/<hops>/domain/<name>
};

class RdapResponder {
 public:
  // `bootstrap`: what data.iana.test serves as /rdap/dns.json.
  RdapResponder(const RegistrationWorld& world, uint64_t chance_seed, std::string bootstrap);

  [[nodiscard]] static RdapQuestion read(std::string_view target);
  // `host` was dialled; `request_number` counts on the connection, from 1.
  [[nodiscard]] RdapPlan respond(std::string_view host, const http::ServerRequest& request,
                                 uint32_t request_number);
  [[nodiscard]] static RdapPlan too_many();

 private:
  [[nodiscard]] RdapPlan registry(std::string_view name, const http::ServerRequest& request,
                                  uint32_t request_number);
  [[nodiscard]] RdapPlan registrar(std::string_view host, const RdapQuestion& question) const;
  [[nodiscard]] RdapPlan root(const http::ServerRequest& request) const;
  [[nodiscard]] http::ServerResponse answer(std::string_view name) const;
  [[nodiscard]] std::string redirect_of(const RegistrationFaultCall& fault, std::string_view name,
                                        std::string_view target) const;
  void spoil(RdapPlan& plan, const RegistrationFaultCall& fault, std::string_view name,
             uint32_t request_number);
  void refuse(http::ServerResponse& response, const RegistrationFaultCall& fault);
  static void spoil_body(http::ServerResponse& response, const RegistrationFaultCall& fault);
  void spoil_encoding(RdapPlan& plan, const RegistrationFaultCall& fault);
  void spoil_connection(RdapPlan& plan, const RegistrationFaultCall& fault,
                        uint32_t request_number);

  const RegistrationWorld& world_;
  Chance chance_;
  std::string bootstrap_;
  std::string bomb_;  // gzip; made at the first use
};

// The fault of a question about `name` to its registry: the name's, else the zone's.
[[nodiscard]] RegistrationFaultCall rdap_fault(std::string_view name, const RegistrationZone& zone);
[[nodiscard]] RdapLinks rdap_links(const RegistrationWorld& world, const Holding& holding);

// Where redirects of f-rprivate-<N> lead: where no client goes.
[[nodiscard]] std::string_view forbidden_redirect(uint32_t number);
inline constexpr uint32_t kForbiddenRedirects = 14;
inline constexpr uint32_t kOddRetries = 8;  // of f-rretry-<N>

}  // namespace zonesweep::loopback
