// tools/units.h - option values with their unit in them: "500ms", "64MiB", "192.0.2.1:53".
//
// Threads: pure functions, but for system_resolvers(). Errors: a reason for people, in a
// std::string.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "io/transport.h"

namespace zonesweep::tools {

// "250us", "500ms", "2s", "1.5m", "1h", and "0". A bare number is refused: peers disagree about its
// unit.
[[nodiscard]] std::expected<io::Duration, std::string> parse_duration(std::string_view text);

// "64MiB", "1GiB", "512KiB", "1000B": bytes. A bare number is refused here, too.
[[nodiscard]] std::expected<size_t, std::string> parse_size(std::string_view text);

struct Split {
  uint32_t index = 0;
  uint32_t count = 1;
};
// "0/4" .. "3/4".
[[nodiscard]] std::expected<Split, std::string> parse_split(std::string_view text);

// "A,MX,TYPE65": type numbers, each once, in the order given.
[[nodiscard]] std::expected<std::vector<uint16_t>, std::string> parse_types(
    const std::vector<std::string>& texts);

// Addresses, or files with one address a line (blank lines and '#' comments are skipped), or
// "system".
[[nodiscard]] std::expected<std::vector<io::Endpoint>, std::string> parse_resolvers(
    const std::vector<std::string>& texts);

// The name servers of /etc/resolv.conf; 127.0.0.1 where there are none, as resolv.conf(5) says.
[[nodiscard]] std::vector<io::Endpoint> system_resolvers(
    const std::string& path = "/etc/resolv.conf");

// Where `text` comes from a peer or a file and goes to a terminal: control bytes and bidi marks as
// \xNN.
[[nodiscard]] std::string printable(std::string_view text);

// The same with *** for what stands in front of the @ of a redis:// or rediss:// URL.
[[nodiscard]] std::string without_secrets(std::string_view argument);

}  // namespace zonesweep::tools
