// What only a server of bad will sends, once the handshake is over.
#include <gtest/gtest.h>
#include <openssl/ssl.h>

#include <memory>
#include <string>
#include <vector>

#include "io/tls.h"
#include "io/tls_authority.h"
#include "io/tls_pem.h"

namespace zonesweep::io {
namespace {

class BadServer {
 public:
  explicit BadServer(const TlsLeaf& leaf) {
    context_.reset(SSL_CTX_new(TLS_server_method()));
    SSL_CTX_use_certificate(context_.get(), tls::certificates_of(leaf.chain_pem).front().get());
    SSL_CTX_use_PrivateKey(context_.get(), tls::key_of(leaf.key_pem).get());
    ssl_.reset(SSL_new(context_.get()));
    in_ = BIO_new(BIO_s_mem());
    out_ = BIO_new(BIO_s_mem());
    SSL_set_bio(ssl_.get(), in_, out_);
    SSL_set_accept_state(ssl_.get());
  }

  void shake_hands(TlsSession& client) {
    for (int i = 0; i < 10 && !client.is_open(); ++i) {
      hear(client);
      SSL_do_handshake(ssl_.get());
      tell(client);
    }
    hear(client);
    SSL_do_handshake(ssl_.get());
  }
  void update_key(bool also_yours) {
    SSL_key_update(ssl_.get(),
                   also_yours ? SSL_KEY_UPDATE_REQUESTED : SSL_KEY_UPDATE_NOT_REQUESTED);
    SSL_do_handshake(ssl_.get());
  }
  void write(std::string_view text) {
    SSL_write(ssl_.get(), text.data(), static_cast<int>(text.size()));
  }
  void tell(TlsSession& client) {
    std::vector<std::byte> bytes(BIO_ctrl_pending(out_));
    BIO_read(out_, bytes.data(), static_cast<int>(bytes.size()));
    client.received(bytes);
  }

 private:
  struct ContextFree {
    void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
  };
  struct SslFree {
    void operator()(SSL* ssl) const { SSL_free(ssl); }
  };

  void hear(TlsSession& client) {
    std::vector<std::byte> bytes;
    client.take_ciphertext(bytes);
    BIO_write(in_, bytes.data(), static_cast<int>(bytes.size()));
  }

  std::unique_ptr<SSL_CTX, ContextFree> context_;
  std::unique_ptr<SSL, SslFree> ssl_;
  BIO* in_ = nullptr;
  BIO* out_ = nullptr;
};

class TlsFlood : public ::testing::Test {
 protected:
  void SetUp() override {
    server_.shake_hands(client_);
    ASSERT_TRUE(client_.is_open()) << client_.reason();
  }

  TlsAuthority authority_ = *TlsAuthority::create();
  BadServer server_{*authority_.issue({.dns_names = {"rdap.example"}})};
  std::unique_ptr<TlsContext> context_ = *TlsContext::client(
      {.system_store = false, .ca_pem = authority_.certificate_pem(), .alpn = {}});
  TlsSession client_ = *TlsSession::client(*context_, "rdap.example", 443);
};

TEST_F(TlsFlood, key_updates_now_and_then_are_served) {
  std::string text;
  for (int i = 0; i < 100; ++i) {
    server_.update_key(i % 2 == 0);
    server_.write("x");
    server_.tell(client_);
  }
  client_.take_plaintext(text);
  EXPECT_EQ(text, std::string(100, 'x'));
}

TEST_F(TlsFlood, key_updates_without_data_end_the_session) {
  for (uint32_t i = 0; i < 2 * limits::kTlsQuietRecords && client_.is_open(); ++i) {
    server_.update_key(true);
    server_.tell(client_);
  }
  EXPECT_EQ(client_.failure(), TlsFailure::flood);
}

TEST_F(TlsFlood, key_updates_with_a_byte_each_end_it_too) {
  uint32_t rounds = 0;
  for (; rounds < 2 * limits::kTlsLateMessages && client_.is_open(); ++rounds) {
    server_.update_key(true);
    server_.write("x");
    server_.tell(client_);
  }
  EXPECT_EQ(client_.failure(), TlsFailure::flood);
  EXPECT_LE(rounds, limits::kTlsLateMessages + 1);
}

TEST_F(TlsFlood, a_server_that_is_never_read_does_not_fill_memory) {
  std::vector<std::byte> out;
  client_.take_ciphertext(out);
  for (int i = 0; i < 10'000 && client_.is_open(); ++i) {
    server_.update_key(true);
    if (i % 32 == 0) server_.write("x");
  }
  server_.tell(client_);  // all in one piece
  EXPECT_EQ(client_.failure(), TlsFailure::flood);
  out.clear();
  EXPECT_LE(client_.take_ciphertext(out), 2 * limits::kTlsUnsentBytes);
}

}  // namespace
}  // namespace zonesweep::io
