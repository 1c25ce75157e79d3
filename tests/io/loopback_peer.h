// tests/io/loopback_peer.h - plain sockets on loopback that a test drives by hand.
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "io/uring_transport.h"

namespace zonesweep::io {

class Fd {
 public:
  explicit Fd(int fd) : fd_(fd) { EXPECT_GE(fd, 0); }
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Fd() { close(); }
  int get() const { return fd_; }
  void close() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
  }
  // Closes with a reset instead of an orderly end.
  void reset() {
    const linger now{1, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    close();
  }

 private:
  int fd_;
};

// A socket bound to a free port of 127.0.0.1.
inline std::pair<Fd, Endpoint> bound_socket(int type) {
  Fd fd(::socket(AF_INET, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  auto* const generic = reinterpret_cast<sockaddr*>(&address);
  socklen_t bytes = sizeof address;
  EXPECT_EQ(::bind(fd.get(), generic, bytes), 0);
  EXPECT_EQ(::getsockname(fd.get(), generic, &bytes), 0);
  return {std::move(fd), *Endpoint::parse("127.0.0.1", ntohs(address.sin_port))};
}

inline Endpoint dead_port(int type) { return bound_socket(type).second; }

struct UdpPeer {
  struct Received {
    std::string bytes;
    sockaddr_in from;
    uint16_t port() const { return ntohs(from.sin_port); }
  };

  UdpPeer() : UdpPeer(bound_socket(SOCK_DGRAM)) {
    const int room = 4 << 20;  // as much as the default rmem_max of a test machine may allow
    ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
    ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room);
  }
  std::vector<Received> receive() {
    std::vector<Received> all;
    for (;;) {
      Received one;
      one.bytes.resize(65'536);
      socklen_t from_bytes = sizeof one.from;
      const ssize_t got = ::recvfrom(fd.get(), one.bytes.data(), one.bytes.size(), 0,
                                     reinterpret_cast<sockaddr*>(&one.from), &from_bytes);
      if (got < 0) return all;
      one.bytes.resize(static_cast<size_t>(got));
      all.push_back(std::move(one));
    }
  }
  void reply(const Received& to, const std::string& bytes) {
    EXPECT_EQ(::sendto(fd.get(), bytes.data(), bytes.size(), 0,
                       reinterpret_cast<const sockaddr*>(&to.from), sizeof to.from),
              static_cast<ssize_t>(bytes.size()));
  }

  Fd fd;
  Endpoint endpoint;

 private:
  explicit UdpPeer(std::pair<Fd, Endpoint> made)
      : fd(std::move(made.first)), endpoint(made.second) {}
};

struct TcpPeer {
  TcpPeer() : TcpPeer(bound_socket(SOCK_STREAM)) { EXPECT_EQ(::listen(fd.get(), 4'096), 0); }
  // Waits for a connection.
  Fd accept() {
    pollfd ready{fd.get(), POLLIN, 0};
    ::poll(&ready, 1, 2'000);
    return Fd(::accept4(fd.get(), nullptr, nullptr, SOCK_CLOEXEC));
  }

  Fd fd;
  Endpoint endpoint;

 private:
  explicit TcpPeer(std::pair<Fd, Endpoint> made)
      : fd(std::move(made.first)), endpoint(made.second) {}
};

// What a test saw, copied out of the events.
struct Seen {
  Event event;
  std::string bytes;
};

class Harness {
 public:
  explicit Harness(const TransportOptions& options = {}) {
    auto made = UringTransport::create(options);
    EXPECT_TRUE(made) << made.error().message;
    transport = std::move(*made);
  }

  // Turns until `done` or two seconds have passed; false if it never came true.
  bool run_until(const std::function<bool()>& done) {
    const auto patience = std::chrono::steady_clock::now() + std::chrono::seconds{2};
    while (!done()) {
      if (std::chrono::steady_clock::now() > patience) return false;
      turn(std::chrono::milliseconds{2});
    }
    return true;
  }
  void turn(Duration wait = {}) {
    const auto wake_at = std::chrono::steady_clock::now() + wait;
    for (const Event& event : transport->turn(wake_at, wait == Duration::zero() ? 0 : 1)) {
      seen.push_back(
          {event, {reinterpret_cast<const char*>(event.bytes.data()), event.bytes.size()}});
    }
  }
  ChannelId open(const Endpoint& server, const ChannelOptions& options = {}) {
    const auto channel = transport->open_channel(server, options);
    EXPECT_TRUE(channel);
    return *channel;
  }
  StreamId connect(const Endpoint& server, uint32_t owner = 0) {
    const auto stream = transport->open_stream(server, owner);
    EXPECT_TRUE(stream);
    return *stream;
  }
  void send(ChannelId channel, uint32_t token, const std::string& bytes) {
    const Datagram datagram{channel, token, std::as_bytes(std::span(bytes))};
    transport->send({&datagram, 1});
  }
  bool write(StreamId stream, const std::string& bytes) {
    return transport->write(stream, std::as_bytes(std::span(bytes)));
  }

  size_t count(EventKind kind) const {
    size_t found = 0;
    for (const Seen& one : seen) found += one.event.kind == kind ? 1 : 0;
    return found;
  }
  const Seen* find(EventKind kind) const {
    for (const Seen& one : seen) {
      if (one.event.kind == kind) return &one;
    }
    return nullptr;
  }
  const Seen* closed(StreamId stream) const {
    for (const Seen& one : seen) {
      if (one.event.kind == EventKind::stream_closed && one.event.stream == stream) return &one;
    }
    return nullptr;
  }
  std::string data(StreamId stream) const {
    std::string all;
    for (const Seen& one : seen) {
      if (one.event.kind == EventKind::stream_data && one.event.stream == stream) all += one.bytes;
    }
    return all;
  }

  std::unique_ptr<UringTransport> transport;
  std::vector<Seen> seen;
};

inline TransportOptions tiny_options() {
  TransportOptions options;
  options.ring = {.submissions = 4, .completions = 8, .buffers = 2};
  options.sockets = 4;
  options.streams = 4;
  return options;
}

}  // namespace zonesweep::io
