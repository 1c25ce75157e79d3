// tools/loopback/tls_identities.h - the certificates of the RDAP servers: one for each host, made
// when it is first asked for, by an authority of this run.
//
// Threads: one at a time. Errors: create() returns nothing where OpenSSL refuses.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "io/tls.h"
#include "io/tls_authority.h"
#include "tools/loopback/registration_faults.h"

namespace zonesweep::loopback {

class TlsIdentities {
 public:
  [[nodiscard]] static std::optional<TlsIdentities> create();

  [[nodiscard]] const std::string& authority_pem() const { return authority_.certificate_pem(); }
  // Null where OpenSSL refuses. `fault`: of the host's zone.
  [[nodiscard]] io::TlsContext* context_of(std::string_view host, RegistrationFault fault);

 private:
  explicit TlsIdentities(io::TlsAuthority authority) : authority_(std::move(authority)) {}

  io::TlsAuthority authority_;
  std::map<std::string, std::unique_ptr<io::TlsContext>, std::less<>> contexts_;
};

}  // namespace zonesweep::loopback
