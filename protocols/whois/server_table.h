// protocols/whois/server_table.h - the user's WHOIS servers, before those that are compiled in.
//
// The format is that of protocols/whois/data/servers.tsv: a line "SERVER TAB ZONE ZONE ...", # begins
// a comment. SERVER is a host or an address, with ":PORT" where it is not 43, or "-": the zones have
// none. {zone} in it stands for the zone.
//
// Threads:    built by one thread, then read by any.
// Invariants: servers and zones are lower case, without control characters and final dots.
// Ownership:  results own their texts.
// Errors:     a line that is none, by its number; nothing is taken then.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <unordered_map>

namespace zonesweep::whois {

namespace limits {
inline constexpr size_t kServerFileBytes = 16 * 1024 * 1024;
inline constexpr size_t kHostBytes = 253;
inline constexpr uint16_t kPort = 43;  // RFC 3912
}  // namespace limits

struct Server {
  std::string host;  // empty: there is none
  uint16_t port = limits::kPort;
};

// "whois.example", "whois.example:4343", "192.0.2.1", "[2001:db8::1]:43". Nothing: it is none.
[[nodiscard]] std::expected<Server, std::string_view> server_from_text(std::string_view text);

class ServerTable {
 public:
  struct BadLine {
    uint32_t number = 0;
    std::string_view reason;
  };
  // Adds to what is there; later lines win.
  [[nodiscard]] std::expected<uint32_t, BadLine> load(std::string_view text);  // zones taken

  // The server of the longest zone that `name` is in, of both tables together. `name`: A-labels,
  // lower case, no final dot.
  [[nodiscard]] Server server_for(std::string_view name) const;

 private:
  std::unordered_map<std::string, std::string> zones_;
};

}  // namespace zonesweep::whois
