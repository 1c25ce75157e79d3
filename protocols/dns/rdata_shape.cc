#include "protocols/dns/rdata_shape.h"

#include <array>

#include "protocols/dns/types.h"

namespace zonesweep::dns {
namespace {

using enum Kind;

struct Row {
  uint16_t type;
  Shape shape;
};

constexpr Field kAddress4[] = {{address4, "address"}};
constexpr Field kAddress6[] = {{address6, "address"}};
constexpr Field kOneName[] = {{name, "target"}};
constexpr Field kTwoNames[] = {{name, "mbox"}, {name, "txt"}};
constexpr Field kTwoMailboxes[] = {{name, "rmailbx"}, {name, "emailbx"}};
constexpr Field kTwoPlainNames[] = {{plain_name, "previous"}, {plain_name, "next"}};
constexpr Field kSoa[] = {{name, "mname"}, {name, "rname"}, {u32, "serial"}, {u32, "refresh"},
                          {u32, "retry"},  {u32, "expire"}, {u32, "minimum"}};
constexpr Field kHinfo[] = {{text, "cpu"}, {text, "os"}};
constexpr Field kMx[] = {{u16, "preference"}, {name, "exchange"}};
constexpr Field kKx[] = {{u16, "preference"}, {name, "exchanger"}};
constexpr Field kAfsdb[] = {{u16, "subtype"}, {name, "hostname"}};
constexpr Field kRt[] = {{u16, "preference"}, {name, "intermediate"}};
constexpr Field kPx[] = {{u16, "preference"}, {name, "map822"}, {name, "mapx400"}};
constexpr Field kLp[] = {{u16, "preference"}, {name, "fqdn"}};
constexpr Field kTexts[] = {{texts, "text"}};
constexpr Field kX25[] = {{text, "address"}};
constexpr Field kIsdn[] = {{texts, "address"}};
constexpr Field kGpos[] = {{text, "longitude"}, {text, "latitude"}, {text, "altitude"}};
constexpr Field kSignature[] = {
    {type_word, "type_covered"}, {u8, "algorithm"},   {u8, "labels"},   {u32, "original_ttl"},
    {time, "expiration"},        {time, "inception"}, {u16, "key_tag"}, {plain_name, "signer"},
    {base64, "signature"}};
constexpr Field kOldSignature[] = {
    {old_type, "type_covered"}, {u8, "algorithm"},    {u8, "labels"},
    {u32, "original_ttl"},      {time, "expiration"}, {time, "inception"},
    {u16, "key_tag"},           {name, "signer"},     {base64, "signature"}};
constexpr Field kKey[] = {
    {u16, "flags"}, {u8, "protocol"}, {u8, "algorithm"}, {base64_any, "public_key"}};
constexpr Field kSrv[] = {{u16, "priority"}, {u16, "weight"}, {u16, "port"}, {name, "target"}};
constexpr Field kNaptr[] = {{u16, "order"},     {u16, "preference"}, {text, "flags"},
                            {text, "services"}, {text, "regexp"},    {name, "replacement"}};
constexpr Field kCert[] = {{cert_word, "cert_type"},
                           {u16, "key_tag"},
                           {algorithm, "algorithm"},
                           {base64_any, "certificate"}};
constexpr Field kDs[] = {
    {u16, "key_tag"}, {u8, "algorithm"}, {u8, "digest_type"}, {hex_any, "digest"}};
constexpr Field kSshfp[] = {{u8, "algorithm"}, {u8, "fingerprint_type"}, {hex_any, "fingerprint"}};
constexpr Field kNsec[] = {{plain_name, "next"}, {bitmap, "types"}};
constexpr Field kNxt[] = {{name, "next"}, {old_bitmap, "types"}};
constexpr Field kNsec3[] = {{u8, "hash_algorithm"}, {u8, "flags"},    {u16, "iterations"},
                            {salt, "salt"},         {hash32, "next"}, {bitmap_any, "types"}};
constexpr Field kNsec3param[] = {
    {u8, "hash_algorithm"}, {u8, "flags"}, {u16, "iterations"}, {salt, "salt"}};
constexpr Field kTlsa[] = {
    {u8, "usage"}, {u8, "selector"}, {u8, "matching_type"}, {hex_any, "association"}};
constexpr Field kCsync[] = {{u32, "serial"}, {u16, "flags"}, {bitmap_any, "types"}};
constexpr Field kZonemd[] = {
    {u32, "serial"}, {u8, "scheme"}, {u8, "hash_algorithm"}, {hex, "digest"}};
constexpr Field kSvcb[] = {{u16, "priority"}, {plain_name, "target"}, {svc_params, "params"}};
constexpr Field kNid[] = {{u16, "preference"}, {groups64, "node_id"}};
constexpr Field kL32[] = {{u16, "preference"}, {address4, "locator"}};
constexpr Field kL64[] = {{u16, "preference"}, {groups64, "locator"}};
constexpr Field kUri[] = {{u16, "priority"}, {u16, "weight"}, {long_text, "target"}};
constexpr Field kCaa[] = {{u8, "flags"}, {tag, "tag"}, {long_text, "value"}};
constexpr Field kEui48[] = {{eui48, "address"}};
constexpr Field kEui64[] = {{eui64, "address"}};
constexpr Field kBase64[] = {{base64, "key"}};
constexpr Field kHex[] = {{hex, "content"}};
constexpr Field kAtma[] = {{atma, "address"}};
constexpr Field kDsync[] = {
    {type_word, "rrtype"}, {scheme, "scheme"}, {u16, "port"}, {name, "target"}};
constexpr Field kNsap[] = {{nsap, "address"}};
constexpr Field kLoc[] = {{location, "location"}};
constexpr Field kApl[] = {{prefixes, "prefixes"}};
constexpr Field kWks[] = {{address4, "address"}, {services, "services"}};
constexpr Field kA6[] = {{a6_rest, "prefix"}};
constexpr Field kIpseckey[] = {{ipsec_rest, "key"}};
constexpr Field kHip[] = {{hip_rest, "key"}};
constexpr Field kAmtrelay[] = {{amt_rest, "relay"}};
constexpr Field kDoa[] = {
    {u32, "enterprise"}, {u32, "doa_type"}, {u8, "location"}, {doa_rest, "content"}};
constexpr Field kSink[] = {
    {u8, "meaning"}, {u8, "coding"}, {u8, "subcoding"}, {base64_any, "content"}};

constexpr Shape untyped(std::span<const Field> fields) { return {.fields = fields}; }
constexpr Shape untyped_in(std::span<const Field> fields) {
  return {.fields = fields, .in_only = true};
}
constexpr Shape typed(std::span<const Field> fields) { return {.fields = fields, .typed = true}; }
constexpr Shape typed_in(std::span<const Field> fields) {
  return {.fields = fields, .typed = true, .in_only = true};
}

constexpr Row kRows[] = {
    {type::kA, untyped_in(kAddress4)},
    {type::kNs, untyped(kOneName)},
    {type::kMd, untyped(kOneName)},
    {type::kMf, untyped(kOneName)},
    {type::kCname, untyped(kOneName)},
    {type::kSoa, typed(kSoa)},
    {type::kMb, untyped(kOneName)},
    {type::kMg, untyped(kOneName)},
    {type::kMr, untyped(kOneName)},
    {type::kWks, untyped_in(kWks)},
    {type::kPtr, untyped(kOneName)},
    {type::kHinfo, typed(kHinfo)},
    {type::kMinfo, typed(kTwoMailboxes)},
    {type::kMx, typed(kMx)},
    {type::kTxt, typed(kTexts)},
    {type::kRp, typed(kTwoNames)},
    {type::kAfsdb, typed(kAfsdb)},
    {type::kX25, untyped(kX25)},
    {type::kIsdn, untyped(kIsdn)},
    {type::kRt, typed(kRt)},
    {type::kNsap, untyped_in(kNsap)},
    {type::kNsapPtr, untyped_in(kOneName)},
    {type::kSig, typed(kOldSignature)},
    {type::kKey, typed(kKey)},
    {type::kPx, typed_in(kPx)},
    {type::kGpos, typed(kGpos)},
    {type::kAaaa, untyped_in(kAddress6)},
    {type::kLoc, untyped(kLoc)},
    {type::kNxt, typed(kNxt)},
    {type::kEid, untyped_in(kHex)},
    {type::kNimloc, untyped_in(kHex)},
    {type::kSrv, typed_in(kSrv)},
    {type::kAtma, untyped_in(kAtma)},
    {type::kNaptr, typed(kNaptr)},
    {type::kKx, typed_in(kKx)},
    {type::kCert, typed(kCert)},
    {type::kA6, untyped_in(kA6)},
    {type::kDname, untyped(kOneName)},
    {type::kSink, untyped(kSink)},
    {type::kApl, untyped_in(kApl)},
    {type::kDs, typed(kDs)},
    {type::kSshfp, typed(kSshfp)},
    {type::kIpseckey, untyped(kIpseckey)},
    {type::kRrsig, typed(kSignature)},
    {type::kNsec, typed(kNsec)},
    {type::kDnskey, typed(kKey)},
    {type::kDhcid, untyped_in(kBase64)},
    {type::kNsec3, typed(kNsec3)},
    {type::kNsec3param, typed(kNsec3param)},
    {type::kTlsa, typed(kTlsa)},
    {type::kSmimea, typed(kTlsa)},
    {type::kHip, untyped(kHip)},
    {type::kNinfo, typed(kTexts)},
    {type::kRkey, typed(kKey)},
    {type::kTalink, typed(kTwoPlainNames)},
    {type::kCds, typed(kDs)},
    {type::kCdnskey, typed(kKey)},
    {type::kOpenpgpkey, untyped(kBase64)},
    {type::kCsync, typed(kCsync)},
    {type::kZonemd, typed(kZonemd)},
    {type::kSvcb, typed_in(kSvcb)},
    {type::kHttps, typed_in(kSvcb)},
    {type::kDsync, typed(kDsync)},
    {type::kHhit, untyped(kBase64)},
    {type::kBrid, untyped(kBase64)},
    {type::kSpf, typed(kTexts)},
    {type::kNid, typed(kNid)},
    {type::kL32, typed(kL32)},
    {type::kL64, typed(kL64)},
    {type::kLp, typed(kLp)},
    {type::kEui48, untyped(kEui48)},
    {type::kEui64, untyped(kEui64)},
    {type::kUri, typed(kUri)},
    {type::kCaa, typed(kCaa)},
    {type::kAvc, typed(kTexts)},
    {type::kDoa, typed(kDoa)},
    {type::kResinfo, typed(kTexts)},
    {type::kWallet, typed(kTexts)},
    {type::kAmtrelay, untyped(kAmtrelay)},
};

constexpr size_t kDirect = 263;  // types below are found by index; above are two that look like DS

constexpr std::array<const Shape*, kDirect> kIndex = [] {
  std::array<const Shape*, kDirect> index{};
  for (const Row& row : kRows) {
    if (row.type < kDirect) index[row.type] = &row.shape;
  }
  return index;
}();

const Shape* row_of(uint16_t type) noexcept {
  if (type < kDirect) return kIndex[type];
  if (type == type::kTa || type == type::kDlv) return kIndex[type::kDs];
  return nullptr;
}

}  // namespace

const Shape* shape_of(uint16_t type, uint16_t klass) noexcept {
  const Shape* shape = row_of(type);
  return shape != nullptr && shape->in_only && klass != klass::kIn ? nullptr : shape;
}

}  // namespace zonesweep::dns
