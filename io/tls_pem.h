// io/tls_pem.h - certificates and keys as PEM text. Internal to io/tls*.
//
// Threads:    pure functions; read_file() reads a file.
// Errors:     an empty result; OpenSSL's error queue may hold why, and is the caller's to clear.
#pragma once

#include <openssl/evp.h>
#include <openssl/x509.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace zonesweep::io::tls {

namespace limits {
inline constexpr size_t kPemFileBytes = 4 * 1024 * 1024;  // Debian's bundle of all CAs has 0.2 MB
}  // namespace limits

struct CertificateFree {
  void operator()(X509* certificate) const { X509_free(certificate); }
};
using Certificate = std::unique_ptr<X509, CertificateFree>;

struct KeyFree {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
using Key = std::unique_ptr<EVP_PKEY, KeyFree>;

// In the order of the text; what stands between them is skipped. It ends at the first damaged one.
[[nodiscard]] std::vector<Certificate> certificates_of(std::string_view pem);
[[nodiscard]] Key key_of(std::string_view pem);  // never asks for a password

[[nodiscard]] std::string pem_of(X509* certificate);
[[nodiscard]] std::string pem_of(EVP_PKEY* key);

[[nodiscard]] std::optional<std::string> read_file(const std::string& path);

}  // namespace zonesweep::io::tls
