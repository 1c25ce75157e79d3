#include "tools/loopback/http_floods.h"

#include <fmt/format.h>

#include <string_view>

namespace zonesweep::loopback {
namespace {

// RFC 9113 section 6.
constexpr uint8_t kData = 0;
constexpr uint8_t kHeaders = 1;
constexpr uint8_t kSettings = 4;
constexpr uint8_t kPing = 6;
constexpr uint8_t kResetStream = 3;
constexpr uint8_t kPushPromise = 5;
constexpr uint8_t kGoAway = 7;
constexpr uint8_t kWindowUpdate = 8;
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

std::string with_head(std::string_view fields, std::string_view body) {
  return fmt::format("HTTP/1.1 200 OK\r\ncontent-type: application/rdap+json\r\n{}\r\n{}", fields,
                     body);
}

std::string length_field(size_t size) { return fmt::format("content-length: {}\r\n", size); }

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

std::string bad_frames(uint32_t kind, uint32_t stream) {
  using namespace std::string_view_literals;
  switch (kind % kBadFrames) {
    case 0: return frame(kWindowUpdate, 0, stream, "\0\0\0\0"sv);
    case 1: return frame(kWindowUpdate, 0, 0, "\x7f\xff\xff\xff"sv);  // overflows
    case 2: return frame(kPushPromise, kEndHeaders, stream, "\0\0\0\2\x82"sv);
    case 3: return frame(kData, 0, stream + 1'000, "data");                     // of an idle stream
    case 4: return frame(kHeaders, kEndHeaders, stream, "\xff\xff\xff\x7f"sv);  // no such index
    case 5: return frame(kData, 0, stream, std::string(1U << 20U, 'x'));        // above SETTINGS
    case 6: return "HTTP/1.1 400 Bad Request\r\n\r\n";
    case 7: return frame(kResetStream, 0, stream + 1'000, "\0\0\0\0"sv);
    case 8: return many(frame(kGoAway, 0, 0, "\0\0\0\0\0\0\0\0"sv));
    case 9: return frame(kHeaders, kEndHeaders, stream, "\0\1a\1b"sv);  // no :status
    default: return frame(kSettings, 0, 0, "\0\2\0\0\0\1"sv);  // ENABLE_PUSH, from a server
  }
}

bool raw_response_ends(uint32_t kind) { return kind % kRawResponses >= 8; }

std::string raw_response(uint32_t kind, std::string_view body) {
  const std::string right = length_field(body.size());
  switch (kind % kRawResponses) {
    case 0: return with_head(right + length_field(body.size() + 1), body);
    case 1: return with_head(right + "transfer-encoding: chunked\r\n", body);
    case 2:
      return with_head("transfer-encoding: chunked\r\n",
                       fmt::format("10000000000000000\r\n{}", body));
    case 3: return with_head("content-length: -1\r\n", body);
    case 4: return with_head("x-folded: a\r\n b\r\n" + right, body);
    case 5: return with_head(fmt::format("x-bad: a{}b\r\n{}", '\x01', right), body);
    case 6: return with_head(fmt::format("x-bad: a{}b\r\n{}", '\0', right), body);
    case 7:
      return with_head(fmt::format("x-big: {}\r\n{}", std::string(1'000'000, 'x'), right), body);
    case 8: return with_head("connection: close\r\n", body);  // only its end limits it
    case 9: return with_head(length_field(body.size() + 1), body);
    case 10:
      return with_head("transfer-encoding: chunked\r\n",
                       fmt::format("{:x}\r\n{}", body.size(), body));
    default: return "";
  }
}

}  // namespace zonesweep::loopback
