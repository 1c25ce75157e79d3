// engine/fence.h - where a connection that a peer suggested may lead (FAULTS T8).
//
// Asked with the address that is about to be connected to, after every resolution: a name, a URL or
// an earlier answer proves nothing. Resolvers are not asked about: the user named them.
//
// What is refused: everything of the IANA special-purpose registries that is not reached over the
// internet (IPv4 RFC 6890, IPv6 the same and all outside of 2000::/3), addresses of clouds'
// metadata services, and every IPv6 form that carries such an IPv4 address (mapped, compatible,
// NAT64, 6to4, Teredo, ISATAP).
//
// Threads:    const after its setup; then any.
// Units:      ports in host byte order.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "io/endpoint.h"

namespace zonesweep::engine {

enum class Fenced : uint8_t {
  passed,
  loopback,
  private_use,  // RFC 1918, ULA, site-local
  shared,       // RFC 6598: carrier-grade NAT
  link_local,
  multicast,
  unspecified,  // 0.0.0.0/8, ::
  broadcast,
  documentation,
  benchmarking,
  reserved,
  metadata,
  embedded,  // IPv6 that carries an IPv4 address of the kinds above, and all mapped ones
  port,      // the address passes, the port does not
};
[[nodiscard]] std::string_view name_of(Fenced fenced) noexcept;

// "127.0.0.0/8", "fd00::/8"; a bare address is a block of one.
struct AddressBlock {
  io::Endpoint::Family family = io::Endpoint::Family::v4;
  std::array<std::byte, 16> address{};  // as in io::Endpoint; the bits behind `bits` are zero
  uint8_t bits = 0;

  [[nodiscard]] static std::optional<AddressBlock> parse(std::string_view text);
  [[nodiscard]] bool contains(const io::Endpoint& endpoint) const noexcept;
  [[nodiscard]] std::string to_string() const;
  friend bool operator==(const AddressBlock&, const AddressBlock&) = default;
};

// What the address is; the port is not looked at. `passed` is a public unicast address.
[[nodiscard]] Fenced classify(const io::Endpoint& endpoint) noexcept;

class Fence {
 public:
  // --allow-private. A metadata address passes only by a block of that one address.
  void allow(const AddressBlock& block) { allowed_.push_back(block); }
  // Ports that a table of servers or the bootstrap names, beside 43 and 443.
  void allow_port(uint16_t port);

  [[nodiscard]] Fenced check(const io::Endpoint& to) const noexcept;
  [[nodiscard]] bool passes(const io::Endpoint& to) const noexcept {
    return check(to) == Fenced::passed;
  }
  [[nodiscard]] std::span<const AddressBlock> allowed() const noexcept { return allowed_; }

 private:
  std::vector<AddressBlock> allowed_;
  std::vector<uint16_t> ports_{43, 443};
};

}  // namespace zonesweep::engine
