// Contexts: what is trusted, what is shown, and the tickets that are kept.
#include <openssl/x509v3.h>

#include <algorithm>
#include <ctime>
#include <optional>
#include <utility>

#include "io/tls_inner.h"
#include "io/tls_pem.h"

namespace zonesweep::io {
namespace {

constexpr int kSecurityLevel = 2;  // 112 bits: RSA 2048, SHA-256

int number_of(TlsVersion version) {
  switch (version) {
    case TlsVersion::tls1_1: return TLS1_1_VERSION;
    case TlsVersion::tls1_2: return TLS1_2_VERSION;
    case TlsVersion::tls1_3: return TLS1_3_VERSION;
  }
  return TLS1_3_VERSION;
}

// RFC 7301 section 3.1: each name behind its length.
std::optional<std::vector<unsigned char>> alpn_list(std::span<const std::string> names) {
  std::vector<unsigned char> list;
  for (const std::string& name : names) {
    if (name.empty() || name.size() > 255) return std::nullopt;
    list.push_back(static_cast<unsigned char>(name.size()));
    list.insert(list.end(), name.begin(), name.end());
  }
  return list;
}

}  // namespace

void TlsContext::Inner::keep(const std::string& peer, tls::Ticket ticket) {
  const unsigned char* bytes = nullptr;
  size_t size = 0;
  SSL_SESSION_get0_ticket(ticket.get(), &bytes, &size);
  if (size > limits::kTlsTicketBytes || SSL_SESSION_is_resumable(ticket.get()) == 0) return;
  if (tickets.size() >= limits::kTlsTicketHosts && !tickets.contains(peer)) {
    tickets.erase(
        std::ranges::min_element(tickets, {}, [](const auto& entry) { return entry.second.used; }));
  }
  tickets[peer] = {.ticket = std::move(ticket), .used = ++clock};
}

SSL_SESSION* TlsContext::Inner::ticket_for(const std::string& peer) {
  const auto found = tickets.find(peer);
  if (found == tickets.end()) return nullptr;
  const SSL_SESSION* ticket = found->second.ticket.get();
  if (SSL_SESSION_get_time(ticket) + SSL_SESSION_get_timeout(ticket) <= std::time(nullptr)) {
    tickets.erase(found);
    return nullptr;
  }
  found->second.used = ++clock;
  return found->second.ticket.get();
}

TlsContext::TlsContext(std::unique_ptr<Inner> inner) : inner_(std::move(inner)) {}
TlsContext::~TlsContext() = default;

size_t TlsContext::tickets() const noexcept { return inner_->tickets.size(); }

namespace {

// What clients and servers have in common.
tls::SslContext new_context(const SSL_METHOD* method, TlsVersion newest) {
  tls::SslContext ssl(SSL_CTX_new(method));
  if (!ssl) return nullptr;
  const bool old = newest == TlsVersion::tls1_1;
  SSL_CTX_set_security_level(ssl.get(), old ? 0 : kSecurityLevel);
  SSL_CTX_set_min_proto_version(ssl.get(), old ? TLS1_1_VERSION : TLS1_2_VERSION);
  SSL_CTX_set_max_proto_version(ssl.get(), number_of(newest));
  SSL_CTX_set_options(ssl.get(), SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
  SSL_CTX_set_mode(ssl.get(), SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_max_cert_list(ssl.get(), static_cast<long>(limits::kTlsCertificatesBytes));
  return ssl;
}

std::optional<TlsSetupError> load_authorities(SSL_CTX* ssl,
                                              const TlsContext::ClientOptions& options) {
  if (options.system_store && SSL_CTX_set_default_verify_paths(ssl) != 1) {
    return TlsSetupError::local;
  }
  X509_STORE* store = SSL_CTX_get_cert_store(ssl);
  std::string pem = options.ca_pem;
  if (!options.ca_file.empty()) {
    const auto text = tls::read_file(options.ca_file);
    if (!text) return TlsSetupError::ca_unreadable;
    pem += *text;
  }
  if (pem.empty() && options.ca_file.empty()) return std::nullopt;
  const auto certificates = tls::certificates_of(pem);
  if (certificates.empty()) return TlsSetupError::ca_empty;
  for (const auto& certificate : certificates) X509_STORE_add_cert(store, certificate.get());
  return std::nullopt;
}

void require_verification(SSL_CTX* ssl) {
  SSL_CTX_set_verify(ssl, SSL_VERIFY_PEER, nullptr);
  X509_VERIFY_PARAM* param = SSL_CTX_get0_param(ssl);
  X509_VERIFY_PARAM_set_depth(param, limits::kTlsChainDepth);
  // RFC 9525: names stand in subjectAltName only, and a wildcard is a whole label.
  X509_VERIFY_PARAM_set_hostflags(
      param, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT | X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
}

std::optional<TlsSetupError> use_identity(SSL_CTX* ssl, const TlsContext::ServerOptions& options) {
  const auto chain = tls::certificates_of(options.chain_pem);
  if (chain.empty() || SSL_CTX_use_certificate(ssl, chain.front().get()) != 1) {
    return TlsSetupError::bad_certificate;
  }
  for (const auto& certificate : std::span(chain).subspan(1)) {
    if (SSL_CTX_add1_chain_cert(ssl, certificate.get()) != 1) return TlsSetupError::bad_certificate;
  }
  const auto key = tls::key_of(options.key_pem);
  if (!key || SSL_CTX_use_PrivateKey(ssl, key.get()) != 1) return TlsSetupError::bad_key;
  if (SSL_CTX_check_private_key(ssl) != 1) return TlsSetupError::bad_key;
  return std::nullopt;
}

}  // namespace

std::expected<std::unique_ptr<TlsContext>, TlsSetupError> TlsContext::client(
    const ClientOptions& options) {
  ERR_clear_error();
  auto inner = std::make_unique<Inner>();
  inner->ssl = new_context(TLS_client_method(), options.newest);
  auto alpn = alpn_list(options.alpn);
  if (!alpn) return std::unexpected(TlsSetupError::bad_alpn);
  if (!inner->ssl) return std::unexpected(TlsSetupError::local);
  SSL_CTX* ssl = inner->ssl.get();
  inner->alpn = std::move(*alpn);
  if (!inner->alpn.empty() &&
      SSL_CTX_set_alpn_protos(ssl, inner->alpn.data(),
                              static_cast<unsigned int>(inner->alpn.size())) != 0) {
    return std::unexpected(TlsSetupError::bad_alpn);
  }
  const auto problem = load_authorities(ssl, options);
  ERR_clear_error();
  if (problem) return std::unexpected(*problem);
  require_verification(ssl);
  SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_sess_set_new_cb(ssl, TlsSession::Inner::on_ticket);
  SSL_CTX_set_msg_callback(ssl, TlsSession::Inner::on_message);
  return std::unique_ptr<TlsContext>(new TlsContext(std::move(inner)));
}

std::expected<std::unique_ptr<TlsContext>, TlsSetupError> TlsContext::server(
    const ServerOptions& options) {
  ERR_clear_error();
  auto inner = std::make_unique<Inner>();
  inner->is_server = true;
  inner->ssl = new_context(TLS_server_method(), options.newest);
  auto alpn = alpn_list(options.alpn);
  if (!alpn) return std::unexpected(TlsSetupError::bad_alpn);
  if (!inner->ssl) return std::unexpected(TlsSetupError::local);
  inner->alpn = std::move(*alpn);
  const auto problem = use_identity(inner->ssl.get(), options);
  ERR_clear_error();
  if (problem) return std::unexpected(*problem);
  if (!inner->alpn.empty()) {
    SSL_CTX_set_alpn_select_cb(inner->ssl.get(), TlsSession::Inner::on_alpn, inner.get());
  }
  SSL_CTX_set_msg_callback(inner->ssl.get(), TlsSession::Inner::on_message);
  return std::unique_ptr<TlsContext>(new TlsContext(std::move(inner)));
}

}  // namespace zonesweep::io
