#include "io/tls_pem.h"

#include <openssl/bio.h>
#include <openssl/pem.h>

#include <fstream>
#include <limits>

namespace zonesweep::io::tls {
namespace {

struct BioFree {
  void operator()(BIO* bio) const { BIO_free(bio); }
};
using Bio = std::unique_ptr<BIO, BioFree>;

Bio reader_of(std::string_view text) {
  if (text.size() > limits::kPemFileBytes) return nullptr;
  return Bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

std::string text_of(BIO* bio) {
  char* bytes = nullptr;
  const long size = BIO_get_mem_data(bio, &bytes);
  return size <= 0 ? std::string{} : std::string(bytes, static_cast<size_t>(size));
}

int no_password(char*, int, int, void*) { return -1; }

}  // namespace

std::vector<Certificate> certificates_of(std::string_view pem) {
  std::vector<Certificate> certificates;
  const Bio bio = reader_of(pem);
  if (!bio) return certificates;
  for (;;) {
    Certificate next(PEM_read_bio_X509(bio.get(), nullptr, no_password, nullptr));
    if (!next) return certificates;
    certificates.push_back(std::move(next));
  }
}

Key key_of(std::string_view pem) {
  const Bio bio = reader_of(pem);
  if (!bio) return nullptr;
  return Key(PEM_read_bio_PrivateKey(bio.get(), nullptr, no_password, nullptr));
}

std::string pem_of(X509* certificate) {
  const Bio bio(BIO_new(BIO_s_mem()));
  if (!bio || PEM_write_bio_X509(bio.get(), certificate) != 1) return {};
  return text_of(bio.get());
}

std::string pem_of(EVP_PKEY* key) {
  const Bio bio(BIO_new(BIO_s_mem()));
  if (!bio ||
      PEM_write_bio_PKCS8PrivateKey(bio.get(), key, nullptr, nullptr, 0, nullptr, nullptr) != 1) {
    return {};
  }
  return text_of(bio.get());
}

std::optional<std::string> read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return std::nullopt;
  std::string text(limits::kPemFileBytes + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  const auto size = static_cast<size_t>(file.gcount());
  if (file.bad() || size > limits::kPemFileBytes) return std::nullopt;
  text.resize(size);
  return text;
}

}  // namespace zonesweep::io::tls
