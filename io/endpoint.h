// io/endpoint.h - an IPv4 or IPv6 address and a port.
//
// Threads: a value type. Units: `port` in host byte order, `address` in network byte order, IPv4 in
// the first four bytes and the rest zero, so that equality is bytewise.
#pragma once

#include <sys/socket.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace zonesweep::io {

struct Endpoint {
  enum class Family : uint8_t { v4, v6 };

  Family family = Family::v4;
  uint16_t port = 0;
  uint32_t scope = 0;  // IPv6 zone index, 0 where there is none
  std::array<std::byte, 16> address{};

  // "192.0.2.1", "192.0.2.1:5300", "2001:db8::1", "[2001:db8::1]:5300", "fe80::1%eth0".
  // Nothing but a literal is taken: no name is ever resolved here.
  [[nodiscard]] static std::optional<Endpoint> parse(std::string_view text, uint16_t default_port);
  // Always with the port; IPv6 in brackets.
  [[nodiscard]] std::string to_string() const;
  // Fills `storage` and returns its length.
  socklen_t to_sockaddr(sockaddr_storage& storage) const noexcept;

  friend bool operator==(const Endpoint&, const Endpoint&) = default;
};

}  // namespace zonesweep::io
