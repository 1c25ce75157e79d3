// tools/loopback/tls_hello.h - the server name in a ClientHello (RFC 8446 section 4.1.2, RFC 6066
// section 3), which decides on the certificate before there is a session.
//
// Threads: pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace zonesweep::loopback {

struct TlsHello {
  enum class State : uint8_t { incomplete, complete, none };  // none: no ClientHello
  State state = State::incomplete;
  std::string server_name;  // lower case; empty: it names none
};

// `bytes`: what came first on the connection. A hello in more than one record names nobody.
[[nodiscard]] TlsHello read_hello(std::string_view bytes);

}  // namespace zonesweep::loopback
