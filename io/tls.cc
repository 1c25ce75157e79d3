#include "io/tls.h"

#include <arpa/inet.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <limits>
#include <utility>

#include "io/tls_inner.h"

namespace zonesweep::io {
namespace {

constexpr size_t kHandshakeStep = 4 * 1024;  // fed at once, so that the limit is kept closely
constexpr size_t kRecordBytes = 16 * 1024;   // of a TLS record, at most

bool is_literal(const std::string& host) {
  std::array<std::byte, 16> address;
  return inet_pton(AF_INET, host.c_str(), address.data()) == 1 ||
         inet_pton(AF_INET6, host.c_str(), address.data()) == 1;
}

// What the macro SSL_set_tlsext_host_name() does, without its cast.
bool set_server_name(SSL* ssl, std::string& name) {
  return SSL_ctrl(ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, name.data()) == 1;
}

template <typename Out>
size_t append(Out& out, std::span<const char> bytes) {
  const auto* first = reinterpret_cast<const typename Out::value_type*>(bytes.data());
  out.insert(out.end(), first, first + bytes.size());
  return bytes.size();
}

}  // namespace

// 1 keeps the reference that OpenSSL hands over.
int TlsSession::Inner::on_ticket(SSL* ssl, SSL_SESSION* ticket) {
  Inner* self = of(ssl);
  if (self == nullptr || self->peer.empty()) return 0;
  self->context->keep(self->peer, tls::Ticket(ticket));
  return 1;
}

// Counts what keeps us busy without bringing data: key updates, tickets, empty records, warnings.
void TlsSession::Inner::on_message(int written, int, int type, const void*, size_t, SSL* ssl,
                                   void*) {
  Inner* self = of(ssl);
  if (self == nullptr || written != 0 || self->state != State::open) return;
  if (type == SSL3_RT_HEADER) self->quiet_records++;
  if (type == SSL3_RT_HANDSHAKE || type == SSL3_RT_ALERT) self->late_messages++;
}

int TlsSession::Inner::on_alpn(SSL*, const unsigned char** chosen, unsigned char* chosen_size,
                               const unsigned char* offered, unsigned int offered_size,
                               void* context) {
  const auto& ours = static_cast<TlsContext::Inner*>(context)->alpn;
  unsigned char* choice = nullptr;
  if (SSL_select_next_proto(&choice, chosen_size, ours.data(),
                            static_cast<unsigned int>(ours.size()), offered,
                            offered_size) != OPENSSL_NPN_NEGOTIATED) {
    return SSL_TLSEXT_ERR_ALERT_FATAL;
  }
  *chosen = choice;
  return SSL_TLSEXT_ERR_OK;
}

std::unique_ptr<TlsSession::Inner> TlsSession::Inner::create(TlsContext::Inner& context) {
  auto inner = std::make_unique<Inner>();
  inner->context = &context;
  inner->is_server = context.is_server;
  inner->ssl.reset(SSL_new(context.ssl.get()));
  if (!inner->ssl) return nullptr;
  inner->in = BIO_new(BIO_s_mem());
  inner->out = BIO_new(BIO_s_mem());
  if (inner->in == nullptr || inner->out == nullptr) {
    BIO_free(inner->in);
    BIO_free(inner->out);
    return nullptr;
  }
  BIO_set_mem_eof_return(inner->in, -1);  // an empty BIO is "not yet", never an end
  SSL_set_bio(inner->ssl.get(), inner->in, inner->out);
  SSL_set_app_data(inner->ssl.get(), inner.get());
  return inner;
}

void TlsSession::Inner::fail(TlsFailure why) {
  if (state == State::failed) return;
  state = State::failed;
  failure = why;
  plain = {};
  unsent = {};
  if (!peer.empty()) context->tickets.erase(peer);  // it may be what the peer choked on
}

void TlsSession::Inner::fail_by_openssl() {
  const unsigned long error = ERR_get_error();
  ERR_clear_error();
  const long verdict = SSL_get_verify_result(ssl.get());
  const bool certificate = !is_server && verdict != X509_V_OK &&
                           ERR_GET_REASON(error) == SSL_R_CERTIFICATE_VERIFY_FAILED;
  fail(certificate ? tls::failure_of_certificate(verdict) : tls::failure_of_error(error));
}

void TlsSession::Inner::feed(std::span<const std::byte> bytes) {
  if (bytes.empty()) return;
  const auto size = static_cast<int>(bytes.size());
  if (BIO_write(in, bytes.data(), size) != size) return fail(TlsFailure::local);
  drive();
}

void TlsSession::Inner::drive() {
  ERR_clear_error();
  if (state == State::handshake) shake();
  if (state == State::open) read_all();
}

void TlsSession::Inner::shake() {
  const int result = SSL_do_handshake(ssl.get());
  if (result == 1) return opened();
  const int why = SSL_get_error(ssl.get(), result);
  if (why != SSL_ERROR_WANT_READ) fail_by_openssl();
}

void TlsSession::Inner::opened() {
  // Verification is OpenSSL's; this is our own last look at what it says.
  if (!is_server && SSL_get_verify_result(ssl.get()) != X509_V_OK) {
    return fail(TlsFailure::bad_certificate);
  }
  if (!alpn_was_offered()) return fail(TlsFailure::wrong_alpn);
  state = State::open;
  const auto early = std::exchange(unsent, {});
  if (!early.empty() && !put(early)) return;
  if (closing) SSL_shutdown(ssl.get());
}

bool TlsSession::Inner::alpn_was_offered() const {
  const unsigned char* chosen = nullptr;
  unsigned int size = 0;
  SSL_get0_alpn_selected(ssl.get(), &chosen, &size);
  if (size == 0) return true;
  const auto& offered = context->alpn;
  for (size_t at = 0; at < offered.size(); at += 1 + offered[at]) {
    if (std::ranges::equal(std::span(offered).subspan(at + 1, offered[at]),
                           std::span(chosen, size))) {
      return true;
    }
  }
  return false;
}

bool TlsSession::Inner::put(std::span<const char> bytes) {
  while (!bytes.empty()) {
    const size_t step = std::min<size_t>(bytes.size(), std::numeric_limits<int>::max());
    size_t written = 0;
    if (SSL_write_ex(ssl.get(), bytes.data(), step, &written) != 1) {
      fail_by_openssl();
      return false;
    }
    bytes = bytes.subspan(written);
  }
  return true;
}

void TlsSession::Inner::read_all() {
  char record[kRecordBytes];
  for (;;) {
    size_t got = 0;
    const int result = SSL_read_ex(ssl.get(), record, sizeof(record), &got);
    if (result == 1) plain.insert(plain.end(), record, record + got);
    heed_bounds();
    if (state != State::open) return;
    if (result == 1) {
      quiet_records = 0;
      continue;
    }
    const int why = SSL_get_error(ssl.get(), result);
    if (why == SSL_ERROR_WANT_READ) return;
    if (why != SSL_ERROR_ZERO_RETURN) return fail_by_openssl();
    clean = true;
    state = State::peer_closed;
    SSL_shutdown(ssl.get());  // answers with ours
    return;
  }
}

void TlsSession::Inner::heed_bounds() {
  // A record of data counts as one quiet record until it has been read.
  const bool flooded = quiet_records > limits::kTlsQuietRecords + 1 ||
                       late_messages > limits::kTlsLateMessages ||
                       BIO_ctrl_pending(out) > 2 * limits::kTlsUnsentBytes;
  if (flooded) fail(TlsFailure::flood);
}

TlsSession::TlsSession(std::unique_ptr<Inner> inner) : inner_(std::move(inner)) {}
TlsSession::~TlsSession() = default;
TlsSession::TlsSession(TlsSession&&) noexcept = default;
TlsSession& TlsSession::operator=(TlsSession&&) noexcept = default;

std::expected<TlsSession, TlsFailure> TlsSession::client(TlsContext& context, std::string_view host,
                                                         uint16_t port) {
  assert(!context.inner_->is_server);
  std::string name(host);
  if (name.ends_with('.')) name.pop_back();  // the root's dot is in no certificate
  if (name.empty() || name.size() > 253 || name.find('\0') != std::string::npos) {
    return std::unexpected(TlsFailure::wrong_host);
  }
  auto inner = Inner::create(*context.inner_);
  if (!inner) return std::unexpected(TlsFailure::local);
  SSL* ssl = inner->ssl.get();
  X509_VERIFY_PARAM* param = SSL_get0_param(ssl);
  const bool literal = is_literal(name);
  const bool set = literal ? X509_VERIFY_PARAM_set1_ip_asc(param, name.c_str()) == 1
                           : X509_VERIFY_PARAM_set1_host(param, name.c_str(), name.size()) == 1 &&
                                 set_server_name(ssl, name);
  if (!set) return std::unexpected(TlsFailure::wrong_host);
  inner->peer = name + ":" + std::to_string(port);
  std::ranges::transform(inner->peer, inner->peer.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  });
  if (SSL_SESSION* ticket = context.inner_->ticket_for(inner->peer)) SSL_set_session(ssl, ticket);
  SSL_set_connect_state(ssl);
  inner->drive();  // the ClientHello
  return TlsSession(std::move(inner));
}

std::expected<TlsSession, TlsFailure> TlsSession::server(TlsContext& context) {
  assert(context.inner_->is_server);
  auto inner = Inner::create(*context.inner_);
  if (!inner) return std::unexpected(TlsFailure::local);
  SSL_set_accept_state(inner->ssl.get());
  return TlsSession(std::move(inner));
}

void TlsSession::received(std::span<const std::byte> ciphertext) {
  Inner& self = *inner_;
  while (self.state == State::handshake && !ciphertext.empty()) {
    const auto step = ciphertext.first(std::min(ciphertext.size(), kHandshakeStep));
    self.handshake_bytes += step.size();
    if (self.handshake_bytes > limits::kTlsHandshakeBytes) return self.fail(TlsFailure::too_large);
    self.feed(step);
    ciphertext = ciphertext.subspan(step.size());
  }
  if (self.state == State::open) self.feed(ciphertext);
}

void TlsSession::end_of_input() {
  Inner& self = *inner_;
  if (self.state == State::handshake) return self.fail(TlsFailure::cut_off);
  if (self.state == State::open) self.state = State::peer_closed;
}

bool TlsSession::write(std::span<const std::byte> plaintext) {
  Inner& self = *inner_;
  if (self.closing || (self.state != State::handshake && self.state != State::open)) return false;
  if (self.waiting() + plaintext.size() > limits::kTlsUnsentBytes) return false;
  const std::span bytes(reinterpret_cast<const char*>(plaintext.data()), plaintext.size());
  if (self.state == State::handshake) {
    self.unsent.insert(self.unsent.end(), bytes.begin(), bytes.end());
    return true;
  }
  ERR_clear_error();
  return self.put(bytes);
}

void TlsSession::close() {
  Inner& self = *inner_;
  if (self.closing) return;
  self.closing = true;
  if (self.state == State::open) SSL_shutdown(self.ssl.get());
}

namespace {

template <typename Out>
size_t drain(BIO* bio, Out& out) {
  char* bytes = nullptr;
  const long size = BIO_get_mem_data(bio, &bytes);
  if (size <= 0) return 0;
  append(out, {bytes, static_cast<size_t>(size)});
  BIO_reset(bio);
  return static_cast<size_t>(size);
}

template <typename Out>
size_t drain(std::vector<char>& plain, Out& out) {
  const size_t size = append(out, plain);
  plain.clear();
  return size;
}

}  // namespace

size_t TlsSession::take_ciphertext(std::vector<std::byte>& out) { return drain(inner_->out, out); }
size_t TlsSession::take_ciphertext(std::string& out) { return drain(inner_->out, out); }
size_t TlsSession::take_plaintext(std::vector<std::byte>& out) { return drain(inner_->plain, out); }
size_t TlsSession::take_plaintext(std::string& out) { return drain(inner_->plain, out); }

TlsSession::State TlsSession::state() const noexcept { return inner_->state; }
TlsFailure TlsSession::failure() const noexcept { return inner_->failure; }
bool TlsSession::closed_cleanly() const noexcept { return inner_->clean; }
bool TlsSession::resumed() const noexcept { return SSL_session_reused(inner_->ssl.get()) == 1; }

std::string_view TlsSession::alpn() const noexcept {
  const unsigned char* chosen = nullptr;
  unsigned int size = 0;
  SSL_get0_alpn_selected(inner_->ssl.get(), &chosen, &size);
  return {reinterpret_cast<const char*>(chosen), size};
}

TlsVersion TlsSession::version() const noexcept {
  switch (SSL_version(inner_->ssl.get())) {
    case TLS1_3_VERSION: return TlsVersion::tls1_3;
    case TLS1_2_VERSION: return TlsVersion::tls1_2;
    default: return TlsVersion::tls1_1;
  }
}

std::string_view TlsSession::server_name() const noexcept {
  const char* name = SSL_get_servername(inner_->ssl.get(), TLSEXT_NAMETYPE_host_name);
  return name == nullptr ? std::string_view{} : std::string_view(name);
}

}  // namespace zonesweep::io
