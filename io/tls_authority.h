// io/tls_authority.h - a certification authority of our own, for the loopback internet and tests.
//
// Keys are P-256, made anew for each authority and each leaf, and live in memory; PEM comes out.
//
// Threads:    one at a time.
// Units:      validity is counted from the hour in which the certificate is made.
// Errors:     nothing where OpenSSL refuses (memory) or a name cannot stand in a certificate.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace zonesweep::io {

struct TlsLeaf {
  std::string chain_pem;  // the leaf; its issuer is the authority itself
  std::string key_pem;    // PKCS #8, not encrypted
};

struct TlsLeafOptions {
  std::vector<std::string> dns_names{};  // "rdap.example"; a "*." needs two labels behind it
  std::vector<std::string> addresses{};  // IP literals
  // Both may be negative: valid from the past to the past is an expired certificate.
  std::chrono::seconds not_before = std::chrono::hours{-24};
  std::chrono::seconds not_after = std::chrono::hours{24 * 30};
  bool self_signed = false;  // by its own key, not by the authority
};

class TlsAuthority {
 public:
  [[nodiscard]] static std::optional<TlsAuthority> create(
      std::string_view name = "zonesweep loopback authority");
  ~TlsAuthority();
  TlsAuthority(TlsAuthority&&) noexcept;
  TlsAuthority& operator=(TlsAuthority&&) noexcept;

  [[nodiscard]] const std::string& certificate_pem() const noexcept;  // for a --ca-file
  [[nodiscard]] std::optional<TlsLeaf> issue(const TlsLeafOptions& options) const;

 private:
  struct Inner;
  explicit TlsAuthority(std::unique_ptr<Inner> inner);
  std::unique_ptr<Inner> inner_;
};

}  // namespace zonesweep::io
