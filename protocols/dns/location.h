// protocols/dns/location.h - LOC, RFC 1876.
//
// Threads: pure functions. Internal to protocols/dns.
#pragma once

#include <cstddef>
#include <span>
#include <string>

namespace zonesweep::dns {

// Of a version other than 0 nothing is known but that it is there.
[[nodiscard]] bool is_location(std::span<const std::byte> rdata) noexcept;
void append_location(std::span<const std::byte> rdata, std::string& out);

}  // namespace zonesweep::dns
