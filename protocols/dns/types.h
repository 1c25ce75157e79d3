// protocols/dns/types.h - numbers and words: types, classes, rcodes, extended error codes.
//
// Threads: pure functions over constant tables.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace zonesweep::dns {

namespace type {
inline constexpr uint16_t kA = 1, kNs = 2, kMd = 3, kMf = 4, kCname = 5, kSoa = 6, kMb = 7, kMg = 8,
                          kMr = 9, kNull = 10, kWks = 11, kPtr = 12, kHinfo = 13, kMinfo = 14,
                          kMx = 15, kTxt = 16, kRp = 17, kAfsdb = 18, kX25 = 19, kIsdn = 20,
                          kRt = 21, kNsap = 22, kNsapPtr = 23, kSig = 24, kKey = 25, kPx = 26,
                          kGpos = 27, kAaaa = 28, kLoc = 29, kNxt = 30, kEid = 31, kNimloc = 32,
                          kSrv = 33, kAtma = 34, kNaptr = 35, kKx = 36, kCert = 37, kA6 = 38,
                          kDname = 39, kSink = 40, kOpt = 41, kApl = 42, kDs = 43, kSshfp = 44,
                          kIpseckey = 45, kRrsig = 46, kNsec = 47, kDnskey = 48, kDhcid = 49,
                          kNsec3 = 50, kNsec3param = 51, kTlsa = 52, kSmimea = 53, kHip = 55,
                          kNinfo = 56, kRkey = 57, kTalink = 58, kCds = 59, kCdnskey = 60,
                          kOpenpgpkey = 61, kCsync = 62, kZonemd = 63, kSvcb = 64, kHttps = 65,
                          kDsync = 66, kHhit = 67, kBrid = 68, kSpf = 99, kNid = 104, kL32 = 105,
                          kL64 = 106, kLp = 107, kEui48 = 108, kEui64 = 109, kTkey = 249,
                          kTsig = 250, kIxfr = 251, kAxfr = 252, kMailb = 253, kMaila = 254,
                          kAny = 255, kUri = 256, kCaa = 257, kAvc = 258, kDoa = 259,
                          kAmtrelay = 260, kResinfo = 261, kWallet = 262, kTa = 32768, kDlv = 32769;
}

namespace klass {
inline constexpr uint16_t kIn = 1, kChaos = 3, kHesiod = 4, kNone = 254, kAny = 255;
}

namespace rcode {  // above 15 only with EDNS
inline constexpr uint16_t kNoError = 0, kFormErr = 1, kServFail = 2, kNxDomain = 3, kNotImp = 4,
                          kRefused = 5, kYxDomain = 6, kYxRrset = 7, kNxRrset = 8, kNotAuth = 9,
                          kNotZone = 10, kBadVers = 16, kBadKey = 17, kBadTime = 18, kBadMode = 19,
                          kBadName = 20, kBadAlg = 21, kBadTrunc = 22, kBadCookie = 23;
}

// "AAAA", "TYPE28" (RFC 3597), any case.
[[nodiscard]] std::optional<uint16_t> type_from_text(std::string_view text) noexcept;
// Empty where the type has no mnemonic; then the text form is TYPEnnn.
[[nodiscard]] std::string_view type_mnemonic(uint16_t number) noexcept;
void append_type_text(uint16_t number, std::string& out);
// A question of this type asks for data of a name; OPT, TSIG, TKEY, AXFR, IXFR and the like do not.
[[nodiscard]] bool is_question_type(uint16_t number) noexcept;

[[nodiscard]] std::optional<uint16_t> class_from_text(std::string_view text) noexcept;
[[nodiscard]] std::string_view class_mnemonic(uint16_t number) noexcept;
void append_class_text(uint16_t number, std::string& out);

// "NXDOMAIN", "BADCOOKIE"; empty where the number has no word; then the text form is RCODEnnn.
[[nodiscard]] std::string_view rcode_name(uint16_t number) noexcept;
void append_rcode_text(uint16_t number, std::string& out);

// "Stale Answer" for 3, RFC 8914 and its registry; empty where the number has no words.
[[nodiscard]] std::string_view extended_error_name(uint16_t info_code) noexcept;

}  // namespace zonesweep::dns
