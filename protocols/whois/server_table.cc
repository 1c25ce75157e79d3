#include "protocols/whois/server_table.h"

#include <algorithm>
#include <charconv>
#include <utility>
#include <vector>

#include "protocols/whois/servers.h"
#include "protocols/whois/tables.h"

namespace zonesweep::whois {
namespace {

constexpr std::string_view kZoneMark = "{zone}";

[[nodiscard]] bool is_host_character(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
}

[[nodiscard]] bool is_zone(std::string_view text) noexcept {
  return !text.empty() && text.size() <= limits::kHostBytes &&
         std::ranges::all_of(text, is_host_character) && text.front() != '.' && text.back() != '.';
}

[[nodiscard]] std::string lower(std::string_view text) {
  std::string out{text};
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + ('a' - 'A'));
  return out;
}

// The port of "host:port"; the text is shortened to the host. IPv6 with a port has brackets.
[[nodiscard]] bool cut_port(std::string_view& text, uint16_t& port) noexcept {
  std::string_view digits;
  if (text.starts_with('[')) {
    const size_t end = text.find(']');
    if (end == std::string_view::npos) return false;
    digits = text.substr(end + 1);
    text = text.substr(1, end - 1);
    if (digits.empty()) return true;
    if (digits.front() != ':') return false;
    digits.remove_prefix(1);
  } else {
    const size_t colon = text.find(':');
    if (colon == std::string_view::npos || colon != text.rfind(':')) return true;
    digits = text.substr(colon + 1);
    text = text.substr(0, colon);
  }
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  return error == std::errc{} && end == digits.data() + digits.size() && port != 0;
}

}  // namespace

std::expected<Server, std::string_view> server_from_text(std::string_view text) {
  Server server;
  const std::string all = lower(text);
  std::string_view host = all;
  if (!cut_port(host, server.port)) return std::unexpected("a port is a number from 1 to 65535");
  const bool is_v6 = host.find(':') != std::string_view::npos;
  const bool right = is_v6 ? host.size() <= 45 && host.find_first_not_of("0123456789abcdef:.") ==
                                                      std::string_view::npos
                           : is_zone(host);
  if (!right) return std::unexpected("no host name or address");
  server.host = host;
  return server;
}

std::expected<uint32_t, ServerTable::BadLine> ServerTable::load(std::string_view text) {
  std::vector<std::pair<std::string, std::string>> rows;
  uint32_t number = 0;
  for (Pieces lines{text, '\n'}; lines.next();) {
    ++number;
    std::string_view line = lines.piece();
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty() || line.front() == '#') continue;
    const size_t tab = line.find('\t');
    if (tab == std::string_view::npos) {
      return std::unexpected(BadLine{number, "want SERVER, a tab, and its zones"});
    }
    const std::string_view server = line.substr(0, tab);
    for (Pieces zones{line.substr(tab + 1), ' '}; zones.next();) {
      if (zones.piece().empty()) continue;
      std::string zone = lower(zones.piece());
      if (!is_zone(zone)) return std::unexpected(BadLine{number, "no zone name"});
      std::string host{server};
      if (const size_t mark = host.find(kZoneMark); mark != std::string::npos)
        host.replace(mark, kZoneMark.size(), zone);
      if (host == "-") host.clear();
      if (!host.empty()) {
        if (auto good = server_from_text(host); !good)
          return std::unexpected(BadLine{number, good.error()});
      }
      rows.emplace_back(std::move(zone), std::move(host));
    }
  }
  for (auto& [zone, host] : rows) zones_.insert_or_assign(std::move(zone), std::move(host));
  return static_cast<uint32_t>(rows.size());
}

Server ServerTable::server_for(std::string_view name) const {
  const ServerOfZone builtin = whois::server_for(name);
  for (std::string_view zone = name; zone.size() >= builtin.zone.size();) {
    if (const auto row = zones_.find(std::string{zone}); row != zones_.end()) {
      return row->second.empty() ? Server{} : *server_from_text(row->second);
    }
    const size_t dot = zone.find('.');
    if (dot == std::string_view::npos) break;
    zone.remove_prefix(dot + 1);
  }
  return {.host = builtin.server};
}

}  // namespace zonesweep::whois
