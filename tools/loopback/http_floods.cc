#include "tools/loopback/http_floods.h"

#include <string_view>

namespace zonesweep::loopback {
namespace {

// RFC 9113 section 6.
constexpr uint8_t kData = 0;
constexpr uint8_t kHeaders = 1;
constexpr uint8_t kSettings = 4;
constexpr uint8_t kPing = 6;
constexpr uint8_t kContinuation = 9;
constexpr uint8_t kEndHeaders = 4;

constexpr std::string_view kStatus200 = "\x88";  // HPACK
constexpr int kFramesAtOnce = 1'000;

std::string frame(uint8_t type, uint8_t flags, uint32_t stream, std::string_view payload) {
  std::string out;
  const auto octets = [&](uint64_t value, int count) {
    while (count-- > 0) out += static_cast<char>(value >> (8 * count));
  };
  octets(payload.size(), 3);
  octets(type, 1);
  octets(flags, 1);
  octets(stream, 4);
  return out.append(payload);
}

std::string many(const std::string& one) {
  std::string out;
  for (int i = 0; i < kFramesAtOnce; ++i) out += one;
  return out;
}

}  // namespace

HttpFlood http_flood(RdapPlan::Act act, uint32_t stream) {
  using namespace std::string_view_literals;
  switch (act) {
    case RdapPlan::Act::continuation_flood:  // a literal field "a: b" in each
      return {frame(kHeaders, 0, stream, kStatus200),
              many(frame(kContinuation, 0, stream, "\0\1a\1b"sv))};
    case RdapPlan::Act::settings_flood:  // header table size 4096
      return {"", many(frame(kSettings, 0, 0, "\0\1\0\0\x10\0"sv))};
    case RdapPlan::Act::ping_flood: return {"", many(frame(kPing, 0, 0, "loopback"))};
    case RdapPlan::Act::empty_flood:
      return {frame(kHeaders, kEndHeaders, stream, kStatus200), many(frame(kData, 0, stream, ""))};
    default: return {};
  }
}

}  // namespace zonesweep::loopback
