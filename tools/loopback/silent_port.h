// tools/loopback/silent_port.h - a TCP port that takes no connection and does not refuse one: a
// listener whose queue is full, so that the kernel drops what knocks.
//
// Threads: one. Ownership: owns its sockets. Errors: open() returns one line for people.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <vector>

namespace zonesweep::loopback {

class SilentPort {
 public:
  SilentPort() = default;
  SilentPort(const SilentPort&) = delete;
  SilentPort& operator=(const SilentPort&) = delete;
  ~SilentPort();

  [[nodiscard]] std::expected<uint16_t, std::string> open();  // any free port

 private:
  std::vector<int> sockets_;
};

}  // namespace zonesweep::loopback
