#include "protocols/whois/idna.h"

#include <unicode/uidna.h>

#include <array>

namespace zonesweep::whois {
namespace {

[[nodiscard]] const UIDNA* uts46() {
  static const UIDNA* const handle = [] {
    UErrorCode status = U_ZERO_ERROR;
    const UIDNA* const opened = uidna_openUTS46(UIDNA_NONTRANSITIONAL_TO_ASCII, &status);
    return U_SUCCESS(status) ? opened : nullptr;
  }();
  return handle;
}

}  // namespace

std::string_view to_a_labels(std::string_view name, registration::TextArena& arena) {
  const UIDNA* const handle = uts46();
  if (handle == nullptr) return {};
  std::array<char, 256> buffer;
  UIDNAInfo info = UIDNA_INFO_INITIALIZER;
  UErrorCode status = U_ZERO_ERROR;
  const int32_t size =
      uidna_nameToASCII_UTF8(handle, name.data(), static_cast<int32_t>(name.size()), buffer.data(),
                             static_cast<int32_t>(buffer.size()), &info, &status);
  if (U_FAILURE(status) || info.errors != 0 || size <= 0 || size > 253) return {};
  return arena.store({buffer.data(), static_cast<size_t>(size)});
}

}  // namespace zonesweep::whois
