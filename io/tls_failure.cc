#include <openssl/err.h>
#include <openssl/ssl.h>

#include "io/tls_inner.h"

namespace zonesweep::io {

TlsFailure tls::failure_of_certificate(long verdict) {
  switch (verdict) {
    case X509_V_ERR_CERT_HAS_EXPIRED: return TlsFailure::expired;
    case X509_V_ERR_CERT_NOT_YET_VALID: return TlsFailure::not_yet_valid;
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH: return TlsFailure::wrong_host;
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT: return TlsFailure::self_signed;
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_CERT_UNTRUSTED: return TlsFailure::unknown_ca;
    case X509_V_ERR_EE_KEY_TOO_SMALL:
    case X509_V_ERR_CA_KEY_TOO_SMALL:
    case X509_V_ERR_CA_MD_TOO_WEAK: return TlsFailure::weak_certificate;
    case X509_V_ERR_CERT_CHAIN_TOO_LONG: return TlsFailure::chain_too_long;
    default: return TlsFailure::bad_certificate;
  }
}

TlsFailure tls::failure_of_error(unsigned long error) {
  if (ERR_GET_LIB(error) != ERR_LIB_SSL) return TlsFailure::malformed;
  const int reason = ERR_GET_REASON(error);
  switch (reason) {
    case SSL_R_UNSUPPORTED_PROTOCOL:
    case SSL_R_WRONG_SSL_VERSION:
    case SSL_R_NO_PROTOCOLS_AVAILABLE:
    case SSL_R_TLSV1_ALERT_PROTOCOL_VERSION:
    case SSL_R_VERSION_TOO_LOW: return TlsFailure::protocol_version;
    case SSL_R_NO_SHARED_CIPHER:
    case SSL_R_NO_SUITABLE_KEY_SHARE:
    case SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM: return TlsFailure::no_shared_cipher;
    case SSL_R_NO_APPLICATION_PROTOCOL:
    case SSL_R_TLSV1_ALERT_NO_APPLICATION_PROTOCOL: return TlsFailure::wrong_alpn;
    case SSL_R_EXCESSIVE_MESSAGE_SIZE: return TlsFailure::too_large;
    case SSL_R_TOO_MANY_WARN_ALERTS:
    case SSL_R_TOO_MANY_KEY_UPDATES:
    case SSL_R_RECORD_TOO_SMALL: return TlsFailure::flood;
    case SSL_R_EE_KEY_TOO_SMALL:
    case SSL_R_CA_KEY_TOO_SMALL:
    case SSL_R_CA_MD_TOO_WEAK:
    case SSL_R_DH_KEY_TOO_SMALL: return TlsFailure::weak_certificate;
    case ERR_R_MALLOC_FAILURE:
    case ERR_R_INTERNAL_ERROR: return TlsFailure::local;
    default: break;
  }
  return reason >= SSL_AD_REASON_OFFSET ? TlsFailure::refused_by_peer : TlsFailure::malformed;
}

std::string_view name_of(TlsFailure failure) noexcept {
  switch (failure) {
    case TlsFailure::none: return "none";
    case TlsFailure::expired: return "certificate expired";
    case TlsFailure::not_yet_valid: return "certificate not yet valid";
    case TlsFailure::wrong_host: return "certificate of another host";
    case TlsFailure::unknown_ca: return "unknown certification authority";
    case TlsFailure::self_signed: return "self-signed certificate";
    case TlsFailure::weak_certificate: return "weak certificate";
    case TlsFailure::chain_too_long: return "certificate chain too long";
    case TlsFailure::bad_certificate: return "invalid certificate";
    case TlsFailure::protocol_version: return "no TLS version in common";
    case TlsFailure::no_shared_cipher: return "no cipher in common";
    case TlsFailure::wrong_alpn: return "no application protocol in common";
    case TlsFailure::refused_by_peer: return "handshake refused by the peer";
    case TlsFailure::cut_off: return "connection ended in the handshake";
    case TlsFailure::too_large: return "handshake too large";
    case TlsFailure::flood: return "too many records without data";
    case TlsFailure::malformed: return "malformed TLS";
    case TlsFailure::local: return "TLS library error";
  }
  return "unknown";
}

std::string_view name_of(TlsSetupError error) noexcept {
  switch (error) {
    case TlsSetupError::ca_unreadable: return "the CA file cannot be read";
    case TlsSetupError::ca_empty: return "no certificate in the CA file";
    case TlsSetupError::bad_certificate: return "the certificate chain cannot be read";
    case TlsSetupError::bad_key: return "the key cannot be read, or does not fit the certificate";
    case TlsSetupError::bad_alpn: return "an application protocol's name is empty or too long";
    case TlsSetupError::local: return "TLS library error";
  }
  return "unknown";
}

}  // namespace zonesweep::io
