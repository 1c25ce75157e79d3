#include "tools/loopback/silent_port.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace zonesweep::loopback {
namespace {

// A backlog of 0 holds one connection; the others are in case it holds more.
constexpr int kFillers = 4;
constexpr int kPatienceMs = 20;  // for one of them to be queued

}  // namespace

SilentPort::~SilentPort() {
  for (const int fd : sockets_) ::close(fd);
}

std::expected<uint16_t, std::string> SilentPort::open() {
  const auto socket = [this] {
    sockets_.push_back(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    return sockets_.back();
  };
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_ANY);
  const int listener = socket();
  ::setsockopt(listener, SOL_SOCKET, SO_BINDTODEVICE, "lo", 2);
  socklen_t bytes = sizeof at;
  if (::bind(listener, reinterpret_cast<const sockaddr*>(&at), sizeof at) != 0 ||
      ::listen(listener, 0) != 0 ||
      ::getsockname(listener, reinterpret_cast<sockaddr*>(&at), &bytes) != 0) {
    return std::unexpected(fmt::format("cannot make a silent port: {}", std::strerror(errno)));
  }
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  for (int i = 0; i < kFillers; ++i) {
    pollfd filler{socket(), POLLOUT, 0};
    ::connect(filler.fd, reinterpret_cast<const sockaddr*>(&at), sizeof at);
    ::poll(&filler, 1, kPatienceMs);
  }
  return ntohs(at.sin_port);
}

}  // namespace zonesweep::loopback
