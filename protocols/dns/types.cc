#include "protocols/dns/types.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "protocols/dns/name.h"

namespace zonesweep::dns {
namespace {

struct Word {
  uint16_t number;
  std::string_view text;
};

constexpr std::array kTypes = std::to_array<Word>({
    {1, "A"},           {2, "NS"},       {3, "MD"},        {4, "MF"},       {5, "CNAME"},
    {6, "SOA"},         {7, "MB"},       {8, "MG"},        {9, "MR"},       {10, "NULL"},
    {11, "WKS"},        {12, "PTR"},     {13, "HINFO"},    {14, "MINFO"},   {15, "MX"},
    {16, "TXT"},        {17, "RP"},      {18, "AFSDB"},    {19, "X25"},     {20, "ISDN"},
    {21, "RT"},         {22, "NSAP"},    {23, "NSAP-PTR"}, {24, "SIG"},     {25, "KEY"},
    {26, "PX"},         {27, "GPOS"},    {28, "AAAA"},     {29, "LOC"},     {30, "NXT"},
    {31, "EID"},        {32, "NIMLOC"},  {33, "SRV"},      {34, "ATMA"},    {35, "NAPTR"},
    {36, "KX"},         {37, "CERT"},    {38, "A6"},       {39, "DNAME"},   {40, "SINK"},
    {41, "OPT"},        {42, "APL"},     {43, "DS"},       {44, "SSHFP"},   {45, "IPSECKEY"},
    {46, "RRSIG"},      {47, "NSEC"},    {48, "DNSKEY"},   {49, "DHCID"},   {50, "NSEC3"},
    {51, "NSEC3PARAM"}, {52, "TLSA"},    {53, "SMIMEA"},   {55, "HIP"},     {56, "NINFO"},
    {57, "RKEY"},       {58, "TALINK"},  {59, "CDS"},      {60, "CDNSKEY"}, {61, "OPENPGPKEY"},
    {62, "CSYNC"},      {63, "ZONEMD"},  {64, "SVCB"},     {65, "HTTPS"},   {66, "DSYNC"},
    {67, "HHIT"},       {68, "BRID"},    {99, "SPF"},      {100, "UINFO"},  {101, "UID"},
    {102, "GID"},       {103, "UNSPEC"}, {104, "NID"},     {105, "L32"},    {106, "L64"},
    {107, "LP"},        {108, "EUI48"},  {109, "EUI64"},   {249, "TKEY"},   {250, "TSIG"},
    {251, "IXFR"},      {252, "AXFR"},   {253, "MAILB"},   {254, "MAILA"},  {255, "ANY"},
    {256, "URI"},       {257, "CAA"},    {258, "AVC"},     {259, "DOA"},    {260, "AMTRELAY"},
    {261, "RESINFO"},   {262, "WALLET"}, {32768, "TA"},    {32769, "DLV"},
});

constexpr std::array kClasses = std::to_array<Word>({
    {1, "IN"},
    {3, "CH"},
    {4, "HS"},
    {254, "NONE"},
    {255, "ANY"},
});

constexpr std::array kRcodes = std::to_array<Word>({
    {0, "NOERROR"},  {1, "FORMERR"},    {2, "SERVFAIL"}, {3, "NXDOMAIN"},  {4, "NOTIMP"},
    {5, "REFUSED"},  {6, "YXDOMAIN"},   {7, "YXRRSET"},  {8, "NXRRSET"},   {9, "NOTAUTH"},
    {10, "NOTZONE"}, {11, "DSOTYPENI"}, {16, "BADVERS"}, {17, "BADKEY"},   {18, "BADTIME"},
    {19, "BADMODE"}, {20, "BADNAME"},   {21, "BADALG"},  {22, "BADTRUNC"}, {23, "BADCOOKIE"},
});

// RFC 8914 section 5.2 and the registry.
constexpr std::array kExtendedErrors = std::to_array<Word>({
    {0, "Other"},
    {1, "Unsupported DNSKEY Algorithm"},
    {2, "Unsupported DS Digest Type"},
    {3, "Stale Answer"},
    {4, "Forged Answer"},
    {5, "DNSSEC Indeterminate"},
    {6, "DNSSEC Bogus"},
    {7, "Signature Expired"},
    {8, "Signature Not Yet Valid"},
    {9, "DNSKEY Missing"},
    {10, "RRSIGs Missing"},
    {11, "No Zone Key Bit Set"},
    {12, "NSEC Missing"},
    {13, "Cached Error"},
    {14, "Not Ready"},
    {15, "Blocked"},
    {16, "Censored"},
    {17, "Filtered"},
    {18, "Prohibited"},
    {19, "Stale NXDOMAIN Answer"},
    {20, "Not Authoritative"},
    {21, "Not Supported"},
    {22, "No Reachable Authority"},
    {23, "Network Error"},
    {24, "Invalid Data"},
    {25, "Signature Expired before Valid"},
    {26, "Too Early"},
    {27, "Unsupported NSEC3 Iterations Value"},
    {28, "Unable to conform to policy"},
    {29, "Synthesized"},
    {30, "Invalid Query Type"},
});

template <size_t N>
constexpr bool sorted(const std::array<Word, N>& words) {
  return std::ranges::is_sorted(words, {}, &Word::number);
}
static_assert(sorted(kTypes) && sorted(kClasses) && sorted(kRcodes) && sorted(kExtendedErrors));

template <size_t N>
std::string_view word_of(const std::array<Word, N>& words, uint16_t number) noexcept {
  const auto it = std::ranges::lower_bound(words, number, {}, &Word::number);
  return it != words.end() && it->number == number ? it->text : std::string_view{};
}

bool equal_text(std::string_view a, std::string_view b) noexcept {
  return std::ranges::equal(a, b, [](char x, char y) {
    return to_lower(static_cast<std::byte>(x)) == to_lower(static_cast<std::byte>(y));
  });
}

// A word of the table, or `prefix` and a number.
template <size_t N>
std::optional<uint16_t> number_of(const std::array<Word, N>& words, std::string_view prefix,
                                  std::string_view text) noexcept {
  for (const Word& word : words) {
    if (equal_text(word.text, text)) return word.number;
  }
  if (text.size() <= prefix.size() || !equal_text(text.substr(0, prefix.size()), prefix)) {
    return std::nullopt;
  }
  text.remove_prefix(prefix.size());
  uint16_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

void append_word(std::string_view word, std::string_view prefix, uint16_t number,
                 std::string& out) {
  if (!word.empty()) {
    out.append(word);
    return;
  }
  std::array<char, 5> digits;
  const auto [end, error] = std::to_chars(digits.data(), digits.data() + digits.size(), number);
  out.append(prefix).append(digits.data(), end);
}

}  // namespace

std::optional<uint16_t> type_from_text(std::string_view text) noexcept {
  return number_of(kTypes, "TYPE", text);
}

std::string_view type_mnemonic(uint16_t number) noexcept {
  if (number == type::kA) return "A";
  return word_of(kTypes, number);
}

void append_type_text(uint16_t number, std::string& out) {
  append_word(type_mnemonic(number), "TYPE", number, out);
}

bool is_question_type(uint16_t number) noexcept {
  if (number == 0 || number == type::kOpt) return false;
  return number < type::kTkey || number > type::kMaila;  // 249 to 254: TKEY, TSIG, transfers, mail
}

std::optional<uint16_t> class_from_text(std::string_view text) noexcept {
  return number_of(kClasses, "CLASS", text);
}

std::string_view class_mnemonic(uint16_t number) noexcept { return word_of(kClasses, number); }

void append_class_text(uint16_t number, std::string& out) {
  append_word(class_mnemonic(number), "CLASS", number, out);
}

std::string_view rcode_name(uint16_t number) noexcept { return word_of(kRcodes, number); }

void append_rcode_text(uint16_t number, std::string& out) {
  append_word(rcode_name(number), "RCODE", number, out);
}

std::string_view extended_error_name(uint16_t info_code) noexcept {
  return word_of(kExtendedErrors, info_code);
}

}  // namespace zonesweep::dns
