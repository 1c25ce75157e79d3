// io/stream_out.h - writing to a descriptor that was handed to us: standard output.
//
// Threads:    one at a time. Blocks.
// Errors:     std::errc; broken_pipe when the reader went away (SIGPIPE must be ignored).
#pragma once

#include <chrono>
#include <cstddef>
#include <expected>
#include <string_view>
#include <system_error>

namespace zonesweep::io {

class StreamOut {
 public:
  explicit StreamOut(int fd) noexcept;  // not owned

  // Waits until something can be written; false after `patience`.
  [[nodiscard]] bool wait(std::chrono::milliseconds patience) const noexcept;
  // Writes what does not block after wait() said yes; the number of bytes taken.
  [[nodiscard]] std::expected<size_t, std::errc> write_some(std::string_view bytes) const noexcept;

 private:
  int fd_;
  bool is_regular_;
};

}  // namespace zonesweep::io
