// io/error.h - why the kernel (or a simulated one) did not do what was asked.
//
// Closed set of the io room. Protocol answers are never errors of this kind.
#pragma once

#include <cstdint>
#include <string_view>

namespace zonesweep::io {

enum class Error : uint8_t {
  none,
  refused,      // ECONNREFUSED: nobody listens (UDP: an ICMP port unreachable came back)
  unreachable,  // EHOSTUNREACH, ENETUNREACH, ENETDOWN, EADDRNOTAVAIL
  denied,       // EACCES, EPERM: a firewall or a prohibit route
  reset,        // ECONNRESET, EPIPE
  timed_out,    // ETIMEDOUT
  overload,     // EAGAIN, ENOBUFS, ENOMEM: this machine is full; not the peer's fault, not a try
  too_large,    // EMSGSIZE
  no_files,     // EMFILE, ENFILE
  cancelled,    // ECANCELED: we asked for it
  unsupported,  // EINVAL, EOPNOTSUPP: the kernel does not know the operation
  other,
};

// From a positive errno value.
[[nodiscard]] Error error_from_errno(int value) noexcept;
[[nodiscard]] std::string_view name_of(Error error) noexcept;

// True where the failure is local: the operation never reached the network, so it is not a try.
[[nodiscard]] constexpr bool is_local(Error error) noexcept {
  return error == Error::overload || error == Error::no_files;
}

}  // namespace zonesweep::io
