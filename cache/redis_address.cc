#include "cache/redis_address.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "cache/redis.h"

namespace zonesweep::cache {
namespace {

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::optional<std::string> percent_decoded(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    const int high = i + 2 < text.size() ? hex_digit(text[i + 1]) : -1;
    const int low = i + 2 < text.size() ? hex_digit(text[i + 2]) : -1;
    if (high < 0 || low < 0) return std::nullopt;
    out += static_cast<char>(high * 16 + low);
    i += 2;
  }
  if (out.size() > limits::kRedisSecretBytes) return std::nullopt;
  return out;
}

template <typename Number>
bool number_from(std::string_view text, Number& number) {
  const auto* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  return error == std::errc{} && stop == end;
}

bool take_scheme(std::string_view& rest, bool& tls) {
  for (const auto& [scheme, secure] : {std::pair{std::string_view{"redis://"}, false},
                                       std::pair{std::string_view{"rediss://"}, true}}) {
    if (!rest.starts_with(scheme)) continue;
    rest.remove_prefix(scheme.size());
    tls = secure;
    return true;
  }
  return false;
}

// The last @ ends it: an unencoded one in a password is forgiven.
bool take_secrets(std::string_view& rest, RedisAddress& address) {
  const size_t at = rest.rfind('@');
  if (at == std::string_view::npos) return true;
  const auto secrets = rest.substr(0, at);
  rest.remove_prefix(at + 1);
  const size_t colon = secrets.find(':');
  if (colon == std::string_view::npos) return false;
  auto user = percent_decoded(secrets.substr(0, colon));
  auto password = percent_decoded(secrets.substr(colon + 1));
  if (!user || !password) return false;
  address.user = std::move(*user);
  address.password = std::move(*password);
  return !address.password.empty();
}

bool take_database(std::string_view& rest, uint32_t& database) {
  const size_t slash = rest.find('/');
  if (slash == std::string_view::npos) return true;
  const auto text = rest.substr(slash + 1);
  rest = rest.substr(0, slash);
  return text.empty() || (number_from(text, database) && database <= limits::kRedisDatabaseMax);
}

bool take_host(std::string_view rest, RedisAddress& address) {
  const bool bracket = rest.starts_with('[');
  const size_t end = bracket ? rest.find(']') : rest.find(':');
  if (bracket && end == std::string_view::npos) return false;
  address.host = bracket ? rest.substr(1, end - 1) : rest.substr(0, end);
  rest = rest.substr(std::min(rest.size(), end + (bracket ? 1 : 0)));
  const auto plain = [](char c) { return c > ' ' && c < 0x7F && c != '/' && c != '?' && c != '#'; };
  if (address.host.empty() || address.host.size() > limits::kRedisHostBytes ||
      !std::ranges::all_of(address.host, plain))
    return false;
  return rest.empty() ||
         (rest[0] == ':' && number_from(rest.substr(1), address.port) && address.port != 0);
}

}  // namespace

std::expected<RedisAddress, std::string> RedisAddress::parse(std::string_view url) {
  RedisAddress address;
  if (!take_scheme(url, address.tls))
    return std::unexpected("want redis://[user:password@]host[:port][/db], or rediss://");
  if (!take_secrets(url, address)) {
    return std::unexpected(
        "in front of the @ stands user:password, or :password; other signs than letters and "
        "digits as %XX");
  }
  if (!take_database(url, address.database)) return std::unexpected("behind the / stands a number");
  if (!take_host(url, address)) return std::unexpected("want host or host:port");
  return address;
}

std::string RedisAddress::shown() const {
  const bool literal6 = host.find(':') != std::string::npos;
  std::string text = tls ? "rediss://" : "redis://";
  text += literal6 ? '[' + host + ']' : host;
  text += ':' + std::to_string(port);
  return database == 0 ? text : text + '/' + std::to_string(database);
}

}  // namespace zonesweep::cache
