// protocols/dns/edns.h - EDNS options of a validated message: extended errors (RFC 8914), cookies
// (RFC 7873).
//
// Threads: value types and pure functions. Ownership: options borrow the message. Errors: none
// after validate().
#pragma once

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <span>

#include "protocols/dns/message.h"

namespace zonesweep::dns {

namespace option {
inline constexpr uint16_t kNsid = 3, kClientSubnet = 8, kCookie = 10, kTcpKeepalive = 11,
                          kPadding = 12, kExtendedError = 15;
}

namespace limits {
inline constexpr size_t kClientCookieBytes = 8;     // RFC 7873 section 4.1
inline constexpr size_t kServerCookieBytesMin = 8;  // RFC 7873 section 4.2
inline constexpr size_t kServerCookieBytesMax = 32;
inline constexpr size_t kExtendedErrorText =
    256;  // octets of EXTRA-TEXT that are kept; it is untrusted
inline constexpr uint8_t kExtendedErrors = 8;  // per message; more are counted, not kept
}  // namespace limits

struct Option {
  uint16_t code = 0;
  std::span<const std::byte> data;
};

// Walks the options of an OPT RDATA; ends at the first that does not fit.
class OptionCursor {
 public:
  explicit OptionCursor(std::span<const std::byte> options) noexcept : left_(options) {}
  OptionCursor(const Message& message, const Edns& edns) noexcept
      : left_(message.bytes().subspan(edns.options, edns.options_size)) {}
  // False at the end.
  [[nodiscard]] bool next(Option& option) noexcept;

 private:
  std::span<const std::byte> left_;
};

struct ExtendedError {
  uint16_t info_code = 0;
  std::span<const std::byte> text;  // raw octets, at most limits::kExtendedErrorText
};

// The extended errors of a message, in order; false at the end or after limits::kExtendedErrors.
class ExtendedErrorCursor {
 public:
  ExtendedErrorCursor(const Message& message, const Edns& edns) noexcept
      : options_(message, edns), left_(limits::kExtendedErrors) {}
  [[nodiscard]] bool next(ExtendedError& error) noexcept;

 private:
  OptionCursor options_;
  uint8_t left_;
};

// The COOKIE of the message (client and server part together); empty when there is none.
[[nodiscard]] inline std::span<const std::byte> cookie_of(const Message& message,
                                                          const Edns& edns) noexcept {
  return message.bytes().subspan(edns.cookie, edns.cookie_size);
}

}  // namespace zonesweep::dns
