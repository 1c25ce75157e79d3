#include "io/tls_authority.h"

#include <openssl/err.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include <array>
#include <ctime>
#include <utility>

#include "io/tls_pem.h"

namespace zonesweep::io {
namespace {

constexpr std::time_t kHour = 3'600;
constexpr int kVersion3 = 2;  // counted from 0
constexpr std::chrono::seconds kAuthorityBefore = std::chrono::hours{24 * 400};
constexpr std::chrono::seconds kAuthorityAfter = std::chrono::hours{24 * 400};

struct ExtensionFree {
  void operator()(X509_EXTENSION* extension) const { X509_EXTENSION_free(extension); }
};
using Extension = std::unique_ptr<X509_EXTENSION, ExtensionFree>;

bool set_serial(X509* certificate) {
  uint64_t serial = 0;
  if (RAND_bytes(reinterpret_cast<unsigned char*>(&serial), sizeof(serial)) != 1) return false;
  serial >>= 1U;  // positive
  return ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate), serial) == 1;
}

bool set_validity(X509* certificate, std::chrono::seconds before, std::chrono::seconds after) {
  const std::time_t now = std::time(nullptr) / kHour * kHour;
  return ASN1_TIME_set(X509_getm_notBefore(certificate), now + before.count()) != nullptr &&
         ASN1_TIME_set(X509_getm_notAfter(certificate), now + after.count()) != nullptr;
}

bool set_name(X509_NAME* subject, std::string_view name) {
  return X509_NAME_add_entry_by_NID(subject, NID_commonName, MBSTRING_UTF8,
                                    reinterpret_cast<const unsigned char*>(name.data()),
                                    static_cast<int>(name.size()), -1, 0) == 1;
}

bool add_extension(X509* certificate, X509* issuer, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  const Extension extension(X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str()));
  return extension && X509_add_ext(certificate, extension.get(), -1) == 1;
}

// A name goes into a configuration string, where a comma would begin another.
bool plain(std::string_view name) {
  return !name.empty() && name.size() <= 253 &&
         name.find_first_not_of(
             "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
             "-_.*:") == std::string_view::npos;
}

std::optional<std::string> alternative_names(const TlsLeafOptions& options) {
  std::string value;
  const auto add = [&value](std::string_view kind, const std::string& name) {
    if (!plain(name)) return false;
    value += (value.empty() ? "" : ",") + std::string(kind) + name;
    return true;
  };
  for (const std::string& name : options.dns_names) {
    if (!add("DNS:", name)) return std::nullopt;
  }
  for (const std::string& address : options.addresses) {
    if (!add("IP:", address)) return std::nullopt;
  }
  return value;
}

struct Identity {
  tls::Certificate certificate;
  tls::Key key;
};

// Without extensions and signature. The issuer's name is the subject's until told otherwise.
std::optional<Identity> new_identity(std::string_view name, std::chrono::seconds not_before,
                                     std::chrono::seconds not_after) {
  Identity made{.certificate = tls::Certificate(X509_new()), .key = tls::Key(EVP_EC_gen("P-256"))};
  X509* certificate = made.certificate.get();
  if (certificate == nullptr || !made.key || X509_set_version(certificate, kVersion3) != 1 ||
      !set_serial(certificate) || !set_validity(certificate, not_before, not_after) ||
      !set_name(X509_get_subject_name(certificate), name) ||
      X509_set_issuer_name(certificate, X509_get_subject_name(certificate)) != 1 ||
      X509_set_pubkey(certificate, made.key.get()) != 1) {
    return std::nullopt;
  }
  return made;
}

}  // namespace

struct TlsAuthority::Inner {
  Identity identity;
  std::string pem;
};

TlsAuthority::TlsAuthority(std::unique_ptr<Inner> inner) : inner_(std::move(inner)) {}
TlsAuthority::~TlsAuthority() = default;
TlsAuthority::TlsAuthority(TlsAuthority&&) noexcept = default;
TlsAuthority& TlsAuthority::operator=(TlsAuthority&&) noexcept = default;

const std::string& TlsAuthority::certificate_pem() const noexcept { return inner_->pem; }

std::optional<TlsAuthority> TlsAuthority::create(std::string_view name) {
  ERR_clear_error();
  auto made = new_identity(name, -kAuthorityBefore, kAuthorityAfter);
  if (!made) return std::nullopt;
  X509* certificate = made->certificate.get();
  if (!add_extension(certificate, certificate, NID_basic_constraints, "critical,CA:TRUE") ||
      !add_extension(certificate, certificate, NID_key_usage, "critical,keyCertSign,cRLSign") ||
      !add_extension(certificate, certificate, NID_subject_key_identifier, "hash") ||
      X509_sign(certificate, made->key.get(), EVP_sha256()) == 0) {
    return std::nullopt;
  }
  std::string pem = tls::pem_of(certificate);
  if (pem.empty()) return std::nullopt;
  return TlsAuthority(
      std::make_unique<Inner>(Inner{.identity = std::move(*made), .pem = std::move(pem)}));
}

std::optional<TlsLeaf> TlsAuthority::issue(const TlsLeafOptions& options) const {
  ERR_clear_error();
  const auto names = alternative_names(options);
  // The subject is for people; X.520 gives it 64 characters.
  auto made = new_identity("zonesweep loopback leaf", options.not_before, options.not_after);
  if (!names || !made) return std::nullopt;
  X509* certificate = made->certificate.get();
  X509* issuer = options.self_signed ? certificate : inner_->identity.certificate.get();
  EVP_PKEY* signer = options.self_signed ? made->key.get() : inner_->identity.key.get();
  if (X509_set_issuer_name(certificate, X509_get_subject_name(issuer)) != 1 ||
      !add_extension(certificate, issuer, NID_basic_constraints, "critical,CA:FALSE") ||
      !add_extension(certificate, issuer, NID_key_usage, "critical,digitalSignature") ||
      !add_extension(certificate, issuer, NID_ext_key_usage, "serverAuth") ||
      !add_extension(certificate, issuer, NID_subject_key_identifier, "hash") ||
      !add_extension(certificate, issuer, NID_authority_key_identifier, "keyid") ||
      (!names->empty() && !add_extension(certificate, issuer, NID_subject_alt_name, *names)) ||
      X509_sign(certificate, signer, EVP_sha256()) == 0) {
    return std::nullopt;
  }
  TlsLeaf leaf{.chain_pem = tls::pem_of(certificate), .key_pem = tls::pem_of(made->key.get())};
  if (leaf.chain_pem.empty() || leaf.key_pem.empty()) return std::nullopt;
  return leaf;
}

}  // namespace zonesweep::io
