#include "io/endpoint.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>

#include <charconv>
#include <cstring>

namespace zonesweep::io {
namespace {

constexpr size_t kLiteralCharsMax = INET6_ADDRSTRLEN + IF_NAMESIZE;

std::optional<uint16_t> parse_port(std::string_view text) {
  uint16_t port = 0;
  const char* const end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, port);
  if (error != std::errc{} || at != end || port == 0) return std::nullopt;
  return port;
}

// A zone is an interface's name or its number.
std::optional<uint32_t> parse_scope(std::string_view text) {
  if (text.empty() || text.size() >= IF_NAMESIZE) return std::nullopt;
  uint32_t index = 0;
  const char* const end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, index);
  if (error == std::errc{} && at == end) return index == 0 ? std::nullopt : std::optional(index);
  index = ::if_nametoindex(std::string(text).c_str());
  return index == 0 ? std::nullopt : std::optional(index);
}

// inet_pton wants a C string; text with a zero byte inside is no literal.
bool parse_bytes(int family, std::string_view text, void* into) {
  if (text.size() >= kLiteralCharsMax || text.find('\0') != text.npos) return false;
  return ::inet_pton(family, std::string(text).c_str(), into) == 1;
}

std::optional<Endpoint> parse_v4(std::string_view text, uint16_t port) {
  Endpoint endpoint;
  endpoint.port = port;
  if (!parse_bytes(AF_INET, text, endpoint.address.data())) return std::nullopt;
  return endpoint;
}

std::optional<Endpoint> parse_v6(std::string_view text, uint16_t port) {
  Endpoint endpoint;
  endpoint.family = Endpoint::Family::v6;
  endpoint.port = port;
  const size_t percent = text.find('%');
  if (percent != text.npos) {
    const auto scope = parse_scope(text.substr(percent + 1));
    if (!scope) return std::nullopt;
    endpoint.scope = *scope;
  }
  if (!parse_bytes(AF_INET6, text.substr(0, percent), endpoint.address.data())) return std::nullopt;
  return endpoint;
}

std::optional<Endpoint> parse_bracketed(std::string_view text, uint16_t default_port) {
  const size_t close = text.find(']');
  if (close == text.npos) return std::nullopt;
  const std::string_view rest = text.substr(close + 1);
  if (rest.empty()) return parse_v6(text.substr(1, close - 1), default_port);
  if (rest.front() != ':') return std::nullopt;
  const auto port = parse_port(rest.substr(1));
  return port ? parse_v6(text.substr(1, close - 1), *port) : std::nullopt;
}

}  // namespace

std::optional<Endpoint> Endpoint::parse(std::string_view text, uint16_t default_port) {
  if (text.starts_with('[')) return parse_bracketed(text, default_port);
  const size_t colon = text.find(':');
  if (colon == text.npos) return parse_v4(text, default_port);
  if (text.find(':', colon + 1) != text.npos) return parse_v6(text, default_port);
  const auto given = parse_port(text.substr(colon + 1));
  return given ? parse_v4(text.substr(0, colon), *given) : std::nullopt;
}

std::string Endpoint::to_string() const {
  char text[INET6_ADDRSTRLEN];
  const int af = family == Family::v4 ? AF_INET : AF_INET6;
  if (::inet_ntop(af, address.data(), text, sizeof text) == nullptr) return "?";
  const std::string suffix = ":" + std::to_string(port);
  if (family == Family::v4) return text + suffix;
  const std::string zone = scope == 0 ? "" : "%" + std::to_string(scope);
  return "[" + std::string(text) + zone + "]" + suffix;
}

socklen_t Endpoint::to_sockaddr(sockaddr_storage& storage) const noexcept {
  std::memset(&storage, 0, sizeof storage);
  if (family == Family::v4) {
    sockaddr_in out{};
    out.sin_family = AF_INET;
    out.sin_port = htons(port);
    std::memcpy(&out.sin_addr, address.data(), sizeof out.sin_addr);
    std::memcpy(&storage, &out, sizeof out);
    return sizeof out;
  }
  sockaddr_in6 out{};
  out.sin6_family = AF_INET6;
  out.sin6_port = htons(port);
  out.sin6_scope_id = scope;
  std::memcpy(&out.sin6_addr, address.data(), sizeof out.sin6_addr);
  std::memcpy(&storage, &out, sizeof out);
  return sizeof out;
}

}  // namespace zonesweep::io
