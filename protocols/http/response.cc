#include "protocols/http/response.h"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <utility>

#include "protocols/registration/date.h"

namespace zonesweep::http {
namespace {

constexpr size_t kKeptBodyBytes = 16 * 1024;  // of memory, from one response to the next
constexpr size_t kTextBytes = 256;            // of a Content-Type or ETag that is kept
constexpr size_t kLocationBytes = 2048;       // longer ones are refused later anyway

[[nodiscard]] char lower_of(char c) noexcept {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}
[[nodiscard]] bool same(std::string_view text, std::string_view lower) noexcept {
  return std::ranges::equal(text, lower, {}, lower_of);
}
[[nodiscard]] std::string_view trimmed(std::string_view text) noexcept {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}
// Nothing below a blank but tab, and no DEL.
[[nodiscard]] bool is_header_text(std::string_view text) noexcept {
  return std::ranges::none_of(text, [](char c) {
    const auto octet = static_cast<unsigned char>(c);
    return (octet < 0x20 && c != '\t') || octet == 0x7F;
  });
}

// Days from 1970-01-01 in the proleptic Gregorian calendar.
[[nodiscard]] int64_t days_from(const registration::Date& date) noexcept {
  int64_t year = date.year;
  const int64_t month = date.month;
  year -= month <= 2 ? 1 : 0;
  const int64_t era = (year >= 0 ? year : year - 399) / 400;
  const int64_t year_of_era = year - era * 400;
  const int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + date.day - 1;
  return era * 146'097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year -
         719'468;
}

}  // namespace

std::string_view name_of(Problem problem) noexcept {
  switch (problem) {
    case Problem::none: return "none";
    case Problem::header_limit: return "header_limit";
    case Problem::bad_header: return "bad_header";
    case Problem::bad_framing: return "bad_framing";
    case Problem::body_limit: return "body_limit";
    case Problem::inflate_ratio: return "inflate_ratio";
    case Problem::bad_encoding: return "bad_encoding";
    case Problem::truncated: return "truncated";
    case Problem::unexpected: return "unexpected_response";
    case Problem::no_room: return "no_room";
  }
  return "none";
}

RetryAfter retry_after_from(std::string_view text) noexcept {
  text = trimmed(text);
  if (text.empty()) return {};
  if (std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; })) {
    int64_t seconds = 0;
    for (const char c : text)
      seconds = std::min<int64_t>(seconds * 10 + (c - '0'), limits::kRetryAfterMax);
    return {RetryAfter::Kind::seconds, seconds};
  }
  const registration::Date date =
      registration::date_from_text(text, registration::DateOrder::unknown);
  if (date.precision != registration::Precision::second || !date.utc) return {};
  return {RetryAfter::Kind::moment,
          days_from(date) * 86'400 + date.hour * 3600 + date.minute * 60 + date.second};
}

uint32_t seconds_to_wait(const RetryAfter& retry, int64_t now) noexcept {
  if (retry.kind == RetryAfter::Kind::none) return 0;
  const int64_t wait = retry.kind == RetryAfter::Kind::seconds ? retry.value : retry.value - now;
  return static_cast<uint32_t>(std::clamp<int64_t>(wait, 0, limits::kRetryAfterMax));
}

struct ResponseReader::Inflater {
  z_stream stream{};
  bool open = false;
  bool ended = false;

  ~Inflater() { close(); }
  void close() noexcept {
    if (open) inflateEnd(&stream);
    open = ended = false;
  }
  [[nodiscard]] bool start() noexcept {
    close();
    stream = {};
    constexpr int kGzipOnly = 15 + 16;  // the largest window; +16: a gzip header, nothing else
    open = inflateInit2(&stream, kGzipOnly) == Z_OK;
    return open;
  }
};

ResponseReader::ResponseReader(BodyRoom* room) : room_(room) {}
ResponseReader::~ResponseReader() { drop_body(); }

void ResponseReader::reset() {
  response_.status = 0;
  response_.content_type.clear();
  response_.location.clear();
  response_.etag.clear();
  response_.retry_after = {};
  drop_body();
  problem_ = Problem::none;
  header_bytes_ = header_fields_ = body_bytes_in_ = 0;
  gzip_ = encoding_seen_ = false;
}

void ResponseReader::drop_body() {
  // An assignment would keep the memory.
  if (response_.body.capacity() > kKeptBodyBytes) std::string().swap(response_.body);
  response_.body.clear();
  if (std::exchange(long_, false)) room_->give();
  if (inflater_ != nullptr) inflater_->close();
}

Problem ResponseReader::fail(Problem problem) {
  if (problem_ != Problem::none) return problem_;
  drop_body();
  return problem_ = problem;
}

Problem ResponseReader::status(uint16_t code) {
  if (code < 200 || code > 599) return fail(Problem::bad_framing);
  response_.status = code;
  return problem_;
}

Problem ResponseReader::header(std::string_view name, std::string_view value) {
  header_bytes_ += name.size() + value.size() + 4;  // ": " and the line end, as HTTP/1.1 writes it
  if (header_bytes_ > limits::kHeaderBytes || ++header_fields_ > limits::kHeaderFields) {
    return fail(Problem::header_limit);
  }
  if (!is_header_text(name) || !is_header_text(value)) return fail(Problem::bad_header);
  value = trimmed(value);
  if (same(name, "content-encoding")) {
    if (encoding_seen_) return fail(Problem::bad_encoding);
    encoding_seen_ = true;
    gzip_ = same(value, "gzip") || same(value, "x-gzip");
    if (!gzip_ && !same(value, "identity")) return fail(Problem::bad_encoding);
  } else if (same(name, "content-type")) {
    response_.content_type = value.substr(0, kTextBytes);
  } else if (same(name, "location")) {
    if (!response_.location.empty() && response_.location != value)
      return fail(Problem::bad_header);
    if (value.size() > kLocationBytes) return fail(Problem::bad_header);
    response_.location = value;
  } else if (same(name, "etag")) {
    response_.etag = value.size() <= kTextBytes ? value : std::string_view{};
  } else if (same(name, "retry-after")) {
    response_.retry_after = retry_after_from(value);
  }
  return problem_;
}

Problem ResponseReader::head_done() {
  if (problem_ != Problem::none || !gzip_ || response_.is_redirect()) return problem_;
  if (inflater_ == nullptr) inflater_ = std::make_unique<Inflater>();
  return inflater_->start() ? problem_ : fail(Problem::bad_encoding);
}

size_t ResponseReader::body_limit() const noexcept {
  return response_.status >= 200 && response_.status < 300 ? limits::kBodyBytes
                                                           : limits::kErrorBodyBytes;
}

Problem ResponseReader::body(std::span<const std::byte> in) {
  if (problem_ != Problem::none) return problem_;
  body_bytes_in_ += in.size();
  if (response_.is_redirect()) {
    return body_bytes_in_ > limits::kErrorBodyBytes ? fail(Problem::body_limit) : problem_;
  }
  return gzip_ ? inflate(in) : keep(in);
}

Problem ResponseReader::keep(std::span<const std::byte> in) {
  if (in.size() > body_limit() - response_.body.size()) return fail(Problem::body_limit);
  const bool is_long = response_.body.size() + in.size() > limits::kShortBodyBytes;
  if (is_long && !long_ && room_ != nullptr) {
    if (!room_->take()) return fail(Problem::no_room);
    long_ = true;
  }
  response_.body.append(reinterpret_cast<const char*>(in.data()), in.size());
  return problem_;
}

Problem ResponseReader::inflate(std::span<const std::byte> in) {
  z_stream& stream = inflater_->stream;
  // zlib's interface has no const.
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(in.data()));
  stream.avail_in = static_cast<uInt>(in.size());
  std::array<std::byte, 16 * 1024> out;
  while (stream.avail_in != 0 && !inflater_->ended) {
    stream.next_out = reinterpret_cast<Bytef*>(out.data());
    stream.avail_out = static_cast<uInt>(out.size());
    const int result = ::inflate(&stream, Z_NO_FLUSH);
    if (result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR)
      return fail(Problem::bad_encoding);
    const size_t size = out.size() - stream.avail_out;
    const size_t total = response_.body.size() + size;
    if (total > limits::kInflateFreeBytes && total / limits::kInflateRatio > body_bytes_in_) {
      return fail(Problem::inflate_ratio);
    }
    if (keep(std::span{out}.first(size)) != Problem::none) return problem_;
    inflater_->ended = result == Z_STREAM_END;
    if (result == Z_BUF_ERROR && size == 0) break;
  }
  return stream.avail_in != 0 && inflater_->ended ? fail(Problem::bad_encoding) : problem_;
}

Problem ResponseReader::finish() {
  if (problem_ != Problem::none) return problem_;
  const bool inflated = gzip_ && !response_.is_redirect() && body_bytes_in_ != 0;
  return inflated && !inflater_->ended ? fail(Problem::truncated) : problem_;
}

}  // namespace zonesweep::http
