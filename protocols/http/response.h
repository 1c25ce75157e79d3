// protocols/http/response.h - one HTTP response, whichever version carried it.
//
// Head and body are taken in as they come, under caps; what a row needs of the head is kept, the
// rest is only counted.
//
// Threads:    none; one per stream.
// Invariants: (1) at most limits::kBodyBytes are ever held, after inflating; (2) one layer of gzip
//             or none; (3) the body of a redirect is counted, never kept and never inflated.
// Ownership:  a Response owns its texts.
// Errors:     Problem; sticky.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace zonesweep::http {

namespace limits {
inline constexpr size_t kHeaderBytes = 64 * 1024;          // FAULTS 3.4
inline constexpr size_t kHeaderFields = 200;               // FAULTS 3.4
inline constexpr uint32_t kInformational = 5;              // FAULTS 3.4
inline constexpr uint32_t kRedirects = 5;                  // FAULTS 3.4
inline constexpr size_t kBodyBytes = 4 * 1024 * 1024;      // FAULTS 3.4, after inflating
inline constexpr size_t kErrorBodyBytes = 64 * 1024;       // FAULTS T10: of anything but 2xx
inline constexpr size_t kInflateRatio = 200;               // FAULTS 3.4
inline constexpr size_t kInflateFreeBytes = 256 * 1024;    // below it no ratio is looked at
inline constexpr size_t kShortBodyBytes = 32 * 1024;       // always has its place
inline constexpr uint32_t kLongBodies = 16;                // longer ones at once
inline constexpr uint32_t kRetryAfterMax = 7 * 24 * 3600;  // seconds; longer is a mistake or malice
}  // namespace limits

enum class Problem : uint8_t {
  none,
  header_limit,  // too many bytes, fields or 1xx responses
  bad_header,    // control bytes, or fields that contradict each other
  bad_framing,   // the protocol is violated
  body_limit,
  inflate_ratio,
  bad_encoding,  // an encoding that was not offered, more than one, or broken gzip
  truncated,     // less body than was announced, or an end that nobody vouches for
  unexpected,    // a response that nobody asked for, 101
  no_room,       // too many long bodies at once: ask again
};
[[nodiscard]] std::string_view name_of(Problem problem) noexcept;

// What a Retry-After says. Seconds count from the response; the moment is a Unix time.
struct RetryAfter {
  enum class Kind : uint8_t { none, seconds, moment } kind = Kind::none;
  int64_t value = 0;
};
[[nodiscard]] RetryAfter retry_after_from(std::string_view text) noexcept;
// Seconds to wait, from 0 to limits::kRetryAfterMax. `now`: Unix time.
[[nodiscard]] uint32_t seconds_to_wait(const RetryAfter& retry, int64_t now) noexcept;

struct Response {
  uint16_t status = 0;
  std::string content_type;  // as sent, at most 256 bytes
  std::string location;
  std::string etag;
  RetryAfter retry_after;
  std::string body;

  [[nodiscard]] bool is_redirect() const noexcept {
    return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
  }
  // 429, 503 and whatever says when to come back.
  [[nodiscard]] bool is_throttled() const noexcept {
    return status == 429 || status == 503 ||
           (status >= 400 && retry_after.kind != RetryAfter::Kind::none);
  }
};

// The memory for long bodies, of all connections of a lane.
class BodyRoom {
 public:
  [[nodiscard]] bool take() noexcept {
    if (taken_ >= limits::kLongBodies) return false;
    ++taken_;
    return true;
  }
  void give() noexcept { --taken_; }

 private:
  uint32_t taken_ = 0;
};

class ResponseReader {
 public:
  // `room` outlives the reader; null: nothing is shared.
  explicit ResponseReader(BodyRoom* room = nullptr);
  ~ResponseReader();
  ResponseReader(const ResponseReader&) = delete;
  ResponseReader& operator=(const ResponseReader&) = delete;

  void reset();
  void drop_body();  // nobody needs it any more
  // Each returns the first problem, from then on always the same.
  Problem status(uint16_t code);
  Problem header(std::string_view name, std::string_view value);  // the name in any case
  Problem head_done();
  Problem body(std::span<const std::byte> in);
  Problem finish();
  Problem fail(Problem problem);

  [[nodiscard]] Problem problem() const noexcept { return problem_; }
  [[nodiscard]] const Response& response() const noexcept { return response_; }

 private:
  struct Inflater;
  Problem keep(std::span<const std::byte> in);
  Problem inflate(std::span<const std::byte> in);
  [[nodiscard]] size_t body_limit() const noexcept;

  BodyRoom* room_;
  bool long_ = false;  // it has a place in room_
  Response response_;
  Problem problem_ = Problem::none;
  size_t header_bytes_ = 0;
  size_t header_fields_ = 0;
  size_t body_bytes_in_ = 0;
  bool gzip_ = false;
  bool encoding_seen_ = false;
  std::unique_ptr<Inflater> inflater_;
};

// The request that asks for RDAP (RFC 7480 section 4.2).
inline constexpr std::string_view kAccept = "application/rdap+json, application/json;q=0.8";

}  // namespace zonesweep::http
