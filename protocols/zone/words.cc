#include "protocols/zone/words.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace zonesweep::zone {
namespace {

// Sorted, for binary search. IANA "Resource Record (RR) TYPEs", data and meta types that can stand
// in a file.
constexpr auto kTypes = std::to_array<std::string_view>(
    {"a",       "a6",         "aaaa",    "afsdb",  "amtrelay", "apl",        "atma",     "avc",
     "brid",    "caa",        "cdnskey", "cds",    "cert",     "cla",        "cname",    "csync",
     "dhcid",   "dlv",        "dname",   "dnskey", "doa",      "ds",         "dsync",    "eid",
     "eui48",   "eui64",      "gid",     "gpos",   "hhit",     "hinfo",      "hip",      "https",
     "ipn",     "ipseckey",   "isdn",    "key",    "kx",       "l32",        "l64",      "loc",
     "lp",      "mb",         "md",      "mf",     "mg",       "minfo",      "mr",       "mx",
     "naptr",   "nid",        "nimloc",  "ninfo",  "ns",       "nsap",       "nsap-ptr", "nsec",
     "nsec3",   "nsec3param", "null",    "nxname", "nxt",      "openpgpkey", "ptr",      "px",
     "resinfo", "rkey",       "rp",      "rrsig",  "rt",       "sig",        "sink",     "smimea",
     "soa",     "spf",        "srv",     "sshfp",  "svcb",     "ta",         "talink",   "tlsa",
     "txt",     "uid",        "uinfo",   "unspec", "uri",      "wallet",     "wks",      "x25",
     "zonemd"});
static_assert(std::ranges::is_sorted(kTypes));

// `word` and a number up to 65,535, as in TYPE1234.
bool is_numbered(std::string_view token, std::string_view word) noexcept {
  if (token.size() <= word.size() || !equal_words(token.substr(0, word.size()), word)) return false;
  uint16_t value = 0;
  const char* const end = token.data() + token.size();
  const auto [at, error] = std::from_chars(token.data() + word.size(), end, value);
  return error == std::errc{} && at == end;
}

}  // namespace

bool equal_words(std::string_view text, std::string_view lower_case) noexcept {
  return std::ranges::equal(text, lower_case, [](char a, char b) { return lower(a) == b; });
}

TypeWord type_word(std::string_view token) noexcept {
  std::array<char, 12> room{};
  if (token.empty() || token.size() > room.size()) return TypeWord::none;
  std::ranges::transform(token, room.begin(), lower);
  const std::string_view word{room.data(), token.size()};
  if (word == "ns" || word == "type2") return TypeWord::ns;
  if (word == "soa" || word == "type6") return TypeWord::soa;
  if (word == "txt" || word == "spf") return TypeWord::text;
  if (word == "apl" || word == "null") return TypeWord::empty;
  if (std::ranges::binary_search(kTypes, word)) return TypeWord::other;
  return is_numbered(token, "type") ? TypeWord::other : TypeWord::none;
}

ClassWord class_word(std::string_view token) noexcept {
  if (equal_words(token, "in") || equal_words(token, "class1")) return ClassWord::internet;
  if (equal_words(token, "ch") || equal_words(token, "hs") || equal_words(token, "cs"))
    return ClassWord::other;
  return is_numbered(token, "class") ? ClassWord::other : ClassWord::none;
}

std::optional<uint32_t> time_of(std::string_view token) noexcept {
  constexpr uint64_t most = UINT32_MAX;
  uint64_t total = 0;
  if (token.empty() || !is_digit(token[0])) return std::nullopt;
  for (size_t i = 0; i < token.size();) {
    uint64_t value = 0;
    const size_t from = i;
    for (; i < token.size() && is_digit(token[i]); ++i) {
      value = value * 10 + static_cast<uint64_t>(token[i] - '0');
      if (value > most) return std::nullopt;
    }
    if (i == from) return std::nullopt;
    if (i == token.size()) {
      total += value;  // without a unit: seconds, and only as the last part
    } else {
      constexpr std::string_view units = "smhdw";
      constexpr std::array<uint64_t, 5> seconds{1, 60, 3'600, 86'400, 604'800};
      const size_t unit = units.find(lower(token[i++]));
      if (unit == units.npos) return std::nullopt;
      total += value * seconds[unit];
    }
    if (total > most) return std::nullopt;
  }
  return static_cast<uint32_t>(total);
}

}  // namespace zonesweep::zone
