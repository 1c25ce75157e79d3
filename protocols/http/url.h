// protocols/http/url.h - https URLs, and where a redirect leads.
//
// Threads:    pure functions.
// Invariants: a Url has a host in lower case, a port, and a target that begins with '/'; no byte of
//             it is a control, a blank or outside of ASCII.
// Errors:     UrlError.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

namespace zonesweep::http {

namespace limits {
inline constexpr size_t kUrlBytes = 2048;  // longer ones are no RDAP
inline constexpr uint16_t kHttpsPort = 443;
}  // namespace limits

enum class UrlError : uint8_t {
  malformed,
  too_long,
  not_https,  // any other scheme: a redirect never leaves TLS
  user_info,
};
[[nodiscard]] std::string_view name_of(UrlError error) noexcept;

struct Url {
  std::string host;  // a name, an IPv4 address, or an IPv6 address without its brackets
  uint16_t port = limits::kHttpsPort;
  std::string target;  // path and query; the fragment is dropped

  friend bool operator==(const Url&, const Url&) = default;
};

[[nodiscard]] std::expected<Url, UrlError> parse_url(std::string_view text);
// RFC 3986 section 5, for what a Location may hold: an absolute URL, "//host/...", "/path", "path",
// "?query".
[[nodiscard]] std::expected<Url, UrlError> resolve(const Url& base, std::string_view location);

// "host" or "host:port", IPv6 in brackets: the Host header and :authority.
void append_authority(const Url& url, std::string& out);

}  // namespace zonesweep::http
