#include "tools/loopback/tls_identities.h"

#include <utility>

namespace zonesweep::loopback {
namespace {

using enum RegistrationFault;

bool is_address(std::string_view host) {
  return host.find_first_not_of("0123456789.") == std::string_view::npos;
}

io::TlsLeafOptions leaf_options(std::string_view host, RegistrationFault fault) {
  using std::chrono::hours;
  io::TlsLeafOptions options;
  (is_address(host) ? options.addresses : options.dns_names) = {std::string{host}};
  if (fault == rname) options.dns_names = {"another.test"};
  if (fault == rexpired) {
    options.not_before = hours{-24 * 60};
    options.not_after = hours{-24};
  }
  if (fault == rnotyet) {
    options.not_before = hours{24};
    options.not_after = hours{24 * 60};
  }
  options.self_signed = fault == rself;
  return options;
}

}  // namespace

std::optional<TlsIdentities> TlsIdentities::create() {
  auto authority = io::TlsAuthority::create();
  if (!authority) return std::nullopt;
  return TlsIdentities{std::move(*authority)};
}

io::TlsContext* TlsIdentities::context_of(std::string_view host, RegistrationFault fault) {
  if (const auto place = contexts_.find(host); place != contexts_.end()) return place->second.get();
  const auto leaf = authority_.issue(leaf_options(host, fault));
  if (!leaf) return nullptr;
  io::TlsContext::ServerOptions options{leaf->chain_pem, leaf->key_pem};
  if (fault == rh1 || fault == rraw) options.alpn = {"http/1.1"};
  if (fault == rh2) options.alpn = {"h2"};
  if (fault == rnoalpn) options.alpn = {};
  if (fault == rold) options.newest = io::TlsVersion::tls1_1;
  auto context = io::TlsContext::server(options);
  if (!context) return nullptr;
  return contexts_.emplace(host, std::move(*context)).first->second.get();
}

}  // namespace zonesweep::loopback
