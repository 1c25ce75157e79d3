// io/tls.h - TLS as a pure session over OpenSSL's memory BIOs: bytes in, bytes out, no socket.
//
// A client verifies always: chain, host name (or IP address) and time. TLS 1.2 is the least.
// Neither renegotiation, compression nor early data. Revocation is not looked at.
//
//   TlsSession tls = *TlsSession::client(context, "rdap.example", 443);
//   tls.write(request);                      // may come before the handshake is over
//   tls.take_ciphertext(out);                // send `out`; again after every other call
//   tls.received(bytes);                     // what the stream brought
//   tls.take_plaintext(answer);
//   tls.end_of_input();                      // the stream ended
//
// Threads:    a context and its sessions belong to one lane.
// Invariants: (1) plaintext of an unverified peer never comes out; (2) failed and peer_closed are
//             final; (3) what a session holds is bounded: the limits below, and plaintext no more
//             than what was received since the last take_plaintext().
// Ownership:  a context outlives its sessions; spans are lent for the call.
// Errors:     TlsFailure, whose words are ours: no byte of the peer is ever shown.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace zonesweep::io {

namespace limits {
inline constexpr size_t kTlsHandshakeBytes = 64 * 1024;     // received; real ones need 3 to 10 KiB
inline constexpr size_t kTlsCertificatesBytes = 48 * 1024;  // the Certificate message in it
inline constexpr int kTlsChainDepth = 8;                    // intermediates; the web has 1 to 3
inline constexpr size_t kTlsUnsentBytes = 1024 * 1024;      // written and not taken: then write()
                                                            // refuses
inline constexpr uint32_t kTlsQuietRecords = 64;            // in a row without data, once open
inline constexpr uint32_t kTlsLateMessages = 1'024;         // tickets, key updates: per session
inline constexpr uint32_t kTlsTicketHosts = 1'024;   // host:port pairs with a ticket, per context
inline constexpr size_t kTlsTicketBytes = 8 * 1024;  // longer tickets are not kept
}  // namespace limits

enum class TlsFailure : uint8_t {
  none,
  expired,
  not_yet_valid,
  wrong_host,
  unknown_ca,
  self_signed,
  weak_certificate,  // key or digest below security level 2 (RSA 2048, SHA-256)
  chain_too_long,
  bad_certificate,   // anything else that is wrong with it
  protocol_version,  // nothing from TLS 1.2 on is shared
  no_shared_cipher,
  wrong_alpn,       // none shared, or one chosen that was not offered
  refused_by_peer,  // an alert came
  cut_off,          // the stream ended inside the handshake
  too_large,        // a handshake above its limit
  flood,            // records or messages without data, again and again
  malformed,        // no TLS, or damaged
  local,            // OpenSSL refused: memory, or our own bug
};
// "certificate expired", "wrong host", ...: one line of ASCII.
[[nodiscard]] std::string_view name_of(TlsFailure failure) noexcept;

enum class TlsSetupError : uint8_t {
  ca_unreadable,
  ca_empty,
  bad_certificate,
  bad_key,
  bad_alpn,
  local
};
[[nodiscard]] std::string_view name_of(TlsSetupError error) noexcept;

enum class TlsVersion : uint8_t { tls1_1, tls1_2, tls1_3 };

class TlsContext {
 public:
  struct ClientOptions {
    bool system_store = true;                         // the machine's CA certificates
    std::string ca_file;                              // PEM, beside them or instead; empty: none
    std::string ca_pem;                               // the same as text
    std::vector<std::string> alpn{"h2", "http/1.1"};  // in order of preference; may be empty
    TlsVersion newest = TlsVersion::tls1_3;           // tests only
  };
  struct ServerOptions {
    std::string chain_pem;  // leaf first
    std::string key_pem;
    std::vector<std::string> alpn{"h2", "http/1.1"};  // in order of preference
    TlsVersion newest = TlsVersion::tls1_3;           // tls1_1: nothing newer, to be refused
  };

  [[nodiscard]] static std::expected<std::unique_ptr<TlsContext>, TlsSetupError> client(
      const ClientOptions& options);
  [[nodiscard]] static std::expected<std::unique_ptr<TlsContext>, TlsSetupError> server(
      const ServerOptions& options);
  ~TlsContext();
  TlsContext(const TlsContext&) = delete;
  TlsContext& operator=(const TlsContext&) = delete;

  [[nodiscard]] size_t tickets() const noexcept;  // hosts that a session can be resumed with

 private:
  friend class TlsSession;
  struct Inner;
  explicit TlsContext(std::unique_ptr<Inner> inner);
  std::unique_ptr<Inner> inner_;
};

class TlsSession {
 public:
  enum class State : uint8_t {
    handshake,
    open,
    peer_closed,  // closed_cleanly() says whether by close_notify; plaintext may be left to take
    failed,       // failure() says why; take_ciphertext() may hold the alert for the peer
  };

  // `host`: a name in its ASCII form, which is also sent as SNI, or an IP literal without brackets.
  // Host and port are the key under which tickets are kept. Nothing: OpenSSL refused (memory), or
  // the host is none.
  [[nodiscard]] static std::expected<TlsSession, TlsFailure> client(TlsContext& context,
                                                                    std::string_view host,
                                                                    uint16_t port);
  [[nodiscard]] static std::expected<TlsSession, TlsFailure> server(TlsContext& context);
  ~TlsSession();
  TlsSession(TlsSession&&) noexcept;
  TlsSession& operator=(TlsSession&&) noexcept;

  void received(std::span<const std::byte> ciphertext);
  // The stream ended, in whichever way.
  void end_of_input();

  // Takes all, or nothing: false when kTlsUnsentBytes wait already or the session is over. During
  // the handshake the bytes are kept until it is over.
  bool write(std::span<const std::byte> plaintext);
  void close();  // queues close_notify; nothing can be written after it

  // Append, and forget; return how much.
  size_t take_ciphertext(std::vector<std::byte>& out);
  size_t take_ciphertext(std::string& out);
  size_t take_plaintext(std::vector<std::byte>& out);
  size_t take_plaintext(std::string& out);

  [[nodiscard]] State state() const noexcept;
  [[nodiscard]] bool is_open() const noexcept { return state() == State::open; }
  [[nodiscard]] TlsFailure failure() const noexcept;
  [[nodiscard]] std::string_view reason() const noexcept { return name_of(failure()); }
  [[nodiscard]] bool closed_cleanly() const noexcept;    // by close_notify: nothing was cut off
  [[nodiscard]] std::string_view alpn() const noexcept;  // once open; empty: none was agreed on
  [[nodiscard]] bool resumed() const noexcept;           // once open
  [[nodiscard]] TlsVersion version() const noexcept;     // once open
  [[nodiscard]] std::string_view server_name()
      const noexcept;  // server: the client's SNI, or empty

 private:
  struct Inner;
  friend class TlsContext;
  explicit TlsSession(std::unique_ptr<Inner> inner);
  std::unique_ptr<Inner> inner_;
};

}  // namespace zonesweep::io
