#include "protocols/zone/idna.h"

#include <unicode/uidna.h>

namespace zonesweep::zone {
namespace {

// What UTS 46 leaves to its user, and what the wire form checks anyway.
constexpr uint32_t kTolerated = UIDNA_ERROR_EMPTY_LABEL | UIDNA_ERROR_LABEL_TOO_LONG |
                                UIDNA_ERROR_DOMAIN_NAME_TOO_LONG | UIDNA_ERROR_LEADING_HYPHEN |
                                UIDNA_ERROR_TRAILING_HYPHEN | UIDNA_ERROR_HYPHEN_3_4;
constexpr uint32_t kOptions =
    UIDNA_NONTRANSITIONAL_TO_ASCII | UIDNA_CHECK_BIDI | UIDNA_CHECK_CONTEXTJ;

}  // namespace

struct Idna::Uts46 {
  UErrorCode status = U_ZERO_ERROR;
  UIDNA* handle = uidna_openUTS46(kOptions, &status);
  Uts46() = default;
  Uts46(const Uts46&) = delete;
  Uts46& operator=(const Uts46&) = delete;
  ~Uts46() { uidna_close(handle); }
};

Idna::Idna() = default;
Idna::~Idna() = default;

std::expected<std::string_view, Illegal> Idna::to_ascii(std::string_view text,
                                                        std::span<char> room) {
  if (!uts46_) uts46_ = std::make_unique<Uts46>();
  if (U_FAILURE(uts46_->status)) return std::unexpected(Illegal::bad_idna);
  UIDNAInfo info = UIDNA_INFO_INITIALIZER;
  UErrorCode status = U_ZERO_ERROR;
  const int32_t size =
      uidna_nameToASCII_UTF8(uts46_->handle, text.data(), static_cast<int32_t>(text.size()),
                             room.data(), static_cast<int32_t>(room.size()), &info, &status);
  if (status == U_BUFFER_OVERFLOW_ERROR) return std::unexpected(Illegal::name_too_long);
  if (U_FAILURE(status) || (info.errors & ~kTolerated) != 0)
    return std::unexpected(Illegal::bad_idna);
  return std::string_view(room.data(), static_cast<size_t>(size));
}

size_t utf8_sequence(std::string_view text) noexcept {
  if (text.empty()) return 0;
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return 1;
  const size_t size = lead >= 0xc2 && lead < 0xe0   ? 2
                      : lead >= 0xe0 && lead < 0xf0 ? 3
                      : lead >= 0xf0 && lead < 0xf5 ? 4
                                                    : 0;
  if (size == 0 || text.size() < size) return 0;
  for (size_t i = 1; i < size; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
  }
  if (lead == 0xe0 && byte(1) < 0xa0) return 0;  // overlong
  if (lead == 0xed && byte(1) > 0x9f) return 0;  // surrogates
  if (lead == 0xf0 && byte(1) < 0x90) return 0;  // overlong
  if (lead == 0xf4 && byte(1) > 0x8f) return 0;  // above U+10FFFF
  return size;
}

bool is_utf8(std::string_view text) noexcept {
  while (!text.empty()) {
    const size_t size = utf8_sequence(text);
    if (size == 0) return false;
    text.remove_prefix(size);
  }
  return true;
}

}  // namespace zonesweep::zone
