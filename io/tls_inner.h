// io/tls_inner.h - what a TLS context and a TLS session are made of. Internal to io/tls*.
//
// Threads:    one lane.
// Invariants: the callbacks that OpenSSL calls only count and keep; nothing re-enters.
#pragma once

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <memory>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "io/tls.h"

namespace zonesweep::io {
namespace tls {

template <auto Free>
struct Freer {
  template <typename T>
  void operator()(T* object) const {
    Free(object);
  }
};
using SslContext = std::unique_ptr<SSL_CTX, Freer<SSL_CTX_free>>;
using Ssl = std::unique_ptr<SSL, Freer<SSL_free>>;
using Ticket = std::unique_ptr<SSL_SESSION, Freer<SSL_SESSION_free>>;

[[nodiscard]] TlsFailure failure_of_certificate(long verdict);  // an X509_V_ERR_ of OpenSSL
// Of OpenSSL's first error: the cause; later ones are consequences.
[[nodiscard]] TlsFailure failure_of_error(unsigned long error);

}  // namespace tls

struct TlsContext::Inner {
  struct Kept {
    tls::Ticket ticket;
    uint64_t used = 0;
  };

  tls::SslContext ssl;
  bool is_server = false;
  std::vector<unsigned char> alpn;
  std::unordered_map<std::string, Kept> tickets;
  uint64_t clock = 0;  // counts uses; the least is the one to forget

  void keep(const std::string& peer, tls::Ticket ticket);
  [[nodiscard]] SSL_SESSION* ticket_for(const std::string& peer);
};

struct TlsSession::Inner {
  TlsContext::Inner* context = nullptr;
  tls::Ssl ssl;
  BIO* in = nullptr;   // of `ssl`
  BIO* out = nullptr;  // of `ssl`
  bool is_server = false;
  bool closing = false;  // close() came
  bool clean = false;
  bool ended = false;
  State state = State::handshake;
  TlsFailure failure = TlsFailure::none;
  size_t handshake_bytes = 0;
  uint32_t quiet_records = 0;
  uint32_t late_messages = 0;
  std::string peer;          // "host:port"; empty at a server
  std::vector<char> unsent;  // written during the handshake
  std::vector<char> plain;   // not taken yet

  void fail(TlsFailure why);
  void fail_by_openssl();
  void feed(std::span<const std::byte> bytes);
  void drive();
  void shake();
  void opened();
  void read_all();
  void heed_bounds();
  [[nodiscard]] bool put(std::span<const char> bytes);
  [[nodiscard]] bool alpn_was_offered() const;
  [[nodiscard]] size_t waiting() const { return BIO_ctrl_pending(out) + unsent.size(); }

  static Inner* of(const SSL* ssl) { return static_cast<Inner*>(SSL_get_app_data(ssl)); }
  static int on_ticket(SSL* ssl, SSL_SESSION* ticket);
  static void on_message(int written, int version, int type, const void*, size_t, SSL* ssl, void*);
  static int on_alpn(SSL*, const unsigned char** chosen, unsigned char* chosen_size,
                     const unsigned char* offered, unsigned int offered_size, void* context);
  static std::unique_ptr<Inner> create(TlsContext::Inner& context);
};

}  // namespace zonesweep::io
