#include "protocols/http/url.h"

#include <algorithm>
#include <charconv>

namespace zonesweep::http {
namespace {

[[nodiscard]] char lower_of(char c) noexcept {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}
[[nodiscard]] bool is_alpha(char c) noexcept { return lower_of(c) >= 'a' && lower_of(c) <= 'z'; }

// What may stand in a URL at all: no control, no blank, no byte above ASCII, no backslash.
[[nodiscard]] bool is_url_text(std::string_view text) noexcept {
  return std::ranges::all_of(text, [](char c) {
    return c > ' ' && c < 0x7F && c != '\\' && c != '"' && c != '<' && c != '>' && c != '^' &&
           c != '`' && c != '{' && c != '}' && c != '|';
  });
}

[[nodiscard]] bool is_host(std::string_view host) noexcept {
  return !host.empty() && host.size() <= 253 && std::ranges::all_of(host, [](char c) {
    return is_alpha(c) || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
  });
}
[[nodiscard]] bool is_address6(std::string_view host) noexcept {
  return host.size() >= 2 && host.size() <= 45 && std::ranges::all_of(host, [](char c) {
           return (c >= '0' && c <= '9') || (lower_of(c) >= 'a' && lower_of(c) <= 'f') ||
                  c == ':' || c == '.';
         });
}

[[nodiscard]] std::expected<void, UrlError> take_authority(std::string_view authority, Url& url) {
  if (authority.find('@') != std::string_view::npos) return std::unexpected(UrlError::user_info);
  std::string_view host = authority;
  std::string_view port;
  if (authority.starts_with('[')) {
    const size_t close = authority.find(']');
    if (close == std::string_view::npos) return std::unexpected(UrlError::malformed);
    host = authority.substr(1, close - 1);
    port = authority.substr(close + 1);
    if (!is_address6(host) || (!port.empty() && port.front() != ':'))
      return std::unexpected(UrlError::malformed);
  } else {
    const size_t colon = std::min(authority.find(':'), authority.size());
    host = authority.substr(0, colon);
    port = authority.substr(colon);
    if (host.ends_with('.')) host.remove_suffix(1);
    if (!is_host(host)) return std::unexpected(UrlError::malformed);
  }
  url.host.assign(host);
  std::ranges::transform(url.host, url.host.begin(), lower_of);
  url.port = limits::kHttpsPort;
  if (port.size() <= 1) return {};
  port.remove_prefix(1);
  const auto read = std::from_chars(port.data(), port.data() + port.size(), url.port);
  if (read.ec != std::errc{} || read.ptr != port.data() + port.size() || url.port == 0) {
    return std::unexpected(UrlError::malformed);
  }
  return {};
}

[[nodiscard]] std::expected<Url, UrlError> take_hierarchy(std::string_view text) {
  text = text.substr(0, text.find('#'));
  const size_t end = std::min(text.find_first_of("/?"), text.size());
  Url url;
  if (const auto taken = take_authority(text.substr(0, end), url); !taken)
    return std::unexpected(taken.error());
  url.target = text.substr(end);
  if (!url.target.starts_with('/')) url.target.insert(0, 1, '/');
  return url;
}

// The scheme of an absolute URL; empty for a relative reference.
[[nodiscard]] std::string_view scheme_of(std::string_view text) noexcept {
  if (text.empty() || !is_alpha(text.front())) return {};
  const size_t end = text.find_first_of(":/?#");
  return end == std::string_view::npos || text[end] != ':' ? std::string_view{}
                                                           : text.substr(0, end);
}

}  // namespace

std::string_view name_of(UrlError error) noexcept {
  switch (error) {
    case UrlError::malformed: return "malformed_url";
    case UrlError::too_long: return "url_too_long";
    case UrlError::not_https: return "not_https";
    case UrlError::user_info: return "user_in_url";
  }
  return "malformed_url";
}

std::expected<Url, UrlError> parse_url(std::string_view text) {
  if (text.size() > limits::kUrlBytes) return std::unexpected(UrlError::too_long);
  if (!is_url_text(text)) return std::unexpected(UrlError::malformed);
  const std::string_view scheme = scheme_of(text);
  if (scheme.empty()) return std::unexpected(UrlError::malformed);
  if (!std::ranges::equal(scheme, std::string_view{"https"}, {}, lower_of))
    return std::unexpected(UrlError::not_https);
  text.remove_prefix(scheme.size() + 1);
  if (!text.starts_with("//")) return std::unexpected(UrlError::malformed);
  return take_hierarchy(text.substr(2));
}

std::expected<Url, UrlError> resolve(const Url& base, std::string_view location) {
  if (location.empty()) return std::unexpected(UrlError::malformed);
  if (location.size() > limits::kUrlBytes) return std::unexpected(UrlError::too_long);
  if (!is_url_text(location)) return std::unexpected(UrlError::malformed);
  if (!scheme_of(location).empty()) return parse_url(location);
  if (location.starts_with("//")) return take_hierarchy(location.substr(2));
  Url url = base;
  location = location.substr(0, location.find('#'));
  const std::string_view path = std::string_view{base.target}.substr(0, base.target.find('?'));
  if (location.starts_with('/')) {
    url.target = location;
  } else if (location.empty() || location.starts_with('?')) {
    url.target = std::string{path}.append(location);
  } else {
    url.target = std::string{path.substr(0, path.rfind('/') + 1)}.append(location);
  }
  return url;
}

void append_authority(const Url& url, std::string& out) {
  const bool bracketed = url.host.find(':') != std::string::npos;
  if (bracketed) out += '[';
  out += url.host;
  if (bracketed) out += ']';
  if (url.port == limits::kHttpsPort) return;
  out += ':';
  out += std::to_string(url.port);
}

}  // namespace zonesweep::http
