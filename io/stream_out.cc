#include "io/stream_out.h"

#include <limits.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace zonesweep::io {

StreamOut::StreamOut(int fd) noexcept : fd_(fd) {
  struct stat status {};
  is_regular_ = ::fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
}

bool StreamOut::wait(std::chrono::milliseconds patience) const noexcept {
  pollfd wanted{.fd = fd_, .events = POLLOUT, .revents = 0};
  return ::poll(&wanted, 1, static_cast<int>(patience.count())) != 0;  // an error shows in write
}

std::expected<size_t, std::errc> StreamOut::write_some(std::string_view bytes) const noexcept {
  // A pipe that polls writable takes PIPE_BUF bytes at once; the descriptor is shared with others,
  // so it must not be made non-blocking.
  const size_t size = is_regular_ ? bytes.size() : std::min<size_t>(bytes.size(), PIPE_BUF);
  const ssize_t count = ::write(fd_, bytes.data(), size);
  if (count >= 0) return static_cast<size_t>(count);
  if (errno == EINTR || errno == EAGAIN) return 0;
  return std::unexpected(static_cast<std::errc>(errno));
}

}  // namespace zonesweep::io
