#include "tools/loopback/tcp_service.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace zonesweep::loopback {
namespace {

constexpr uint32_t kLoopbackNet = 127;
constexpr uint64_t kListenerTag = UINT64_MAX;
constexpr int kEvents = 512;
constexpr auto kIdleTurn = std::chrono::milliseconds{50};  // a stop is noticed within

constexpr auto kLatest = [](const auto& a, const auto& b) { return a.due > b.due; };

std::chrono::nanoseconds clock_now() { return std::chrono::steady_clock::now().time_since_epoch(); }

std::string trouble(uint16_t port, std::string_view what) {
  return fmt::format("cannot {} TCP port {}: {}", what, port, std::strerror(errno));
}

// Only what comes by the loopback interface.
int listening_socket(uint16_t port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  const int on = 1;
  ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  ::setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "lo", 2);  // where it is not allowed: see accept
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_port = htons(port);
  at.sin_addr.s_addr = htonl(INADDR_ANY);
  if (::bind(fd, reinterpret_cast<const sockaddr*>(&at), sizeof at) == 0 &&
      ::listen(fd, limits::kServiceBacklog) == 0) {
    return fd;
  }
  ::close(fd);
  return -1;
}

sockaddr_in name_of_socket(int fd) {
  sockaddr_in at{};
  socklen_t bytes = sizeof at;
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&at), &bytes);
  return at;
}

void abort_on_close(int fd) {
  const linger abort{1, 0};
  ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &abort, sizeof abort);
}

}  // namespace

struct TcpService::Connection {
  int fd = -1;
  uint32_t generation = 0;
  uint32_t address = 0;
  std::string outbox;
  size_t sent = 0;
  Nanoseconds held_until{0};
  size_t drip_bytes = 0;  // 0: all at once
  Nanoseconds drip_gap{0};
  Nanoseconds wake_at{0};  // 0: not wanted
  bool blocked = false;    // waits for EPOLLOUT
  bool watched_for_room = false;
  bool ending = false;
  bool shut = false;
  bool peer_ended = false;
  bool drain_owed = false;  // on_drained() has to be called when nothing is left
  bool in_drain = false;
  Nanoseconds linger_until{0};
  [[nodiscard]] size_t unsent() const { return outbox.size() - sent; }
};

std::expected<std::unique_ptr<TcpService>, std::string> TcpService::listen(uint16_t port) {
  const int listener = listening_socket(port);
  if (listener < 0) return std::unexpected(trouble(port, "listen on"));
  const int poller = ::epoll_create1(EPOLL_CLOEXEC);
  if (poller < 0) {
    ::close(listener);
    return std::unexpected(trouble(port, "watch"));
  }
  return std::unique_ptr<TcpService>{
      new TcpService(listener, poller, ntohs(name_of_socket(listener).sin_port))};
}

TcpService::TcpService(int listener, int poller, uint16_t port)
    : listener_(listener), poller_(poller), port_(port) {
  epoll_event event{EPOLLIN, {.u64 = kListenerTag}};
  ::epoll_ctl(poller_, EPOLL_CTL_ADD, listener_, &event);
}

TcpService::~TcpService() {
  for (const auto& connection : connections_) {
    if (connection->fd >= 0) ::close(connection->fd);
  }
  ::close(listener_);
  ::close(poller_);
}

void TcpService::run(TcpHandler& handler, const std::atomic<bool>& stop) {
  handler_ = &handler;
  std::array<epoll_event, kEvents> events;
  while (!stop.load(std::memory_order_relaxed)) {
    const int count = ::epoll_wait(poller_, events.data(), kEvents, patience());
    now_ = clock_now();
    bool knocked = false;
    for (int i = 0; i < count; ++i) {
      if (events[i].data.u64 == kListenerTag) {
        knocked = true;
        continue;
      }
      const Id id = static_cast<Id>(events[i].data.u64);
      const bool same = connections_[id]->generation == events[i].data.u64 >> 32U;
      if (same && connections_[id]->fd >= 0) serve(id, events[i].events);
    }
    run_timers();
    bury();
    if (knocked) accept_all();  // behind the ends: a client that replaces a connection has one
  }
}

int TcpService::patience() const {
  if (timers_.empty()) return static_cast<int>(kIdleTurn.count());
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(timers_.front().due - clock_now());
  return static_cast<int>(std::clamp<int64_t>(left.count(), 0, kIdleTurn.count()));
}

void TcpService::accept_all() {
  while (accept_one()) {
  }
}

bool TcpService::accept_one() {
  const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (fd < 0) {
    const bool full = errno == EMFILE || errno == ENFILE;
    if (full) {  // until one is closed
      ::epoll_ctl(poller_, EPOLL_CTL_DEL, listener_, nullptr);
      accepting_ = false;
    }
    return errno == ECONNABORTED || errno == EINTR;
  }
  const uint32_t address = ntohl(name_of_socket(fd).sin_addr.s_addr);
  if (address >> 24U != kLoopbackNet) {
    abort_on_close(fd);
    ::close(fd);
    return true;
  }
  if (free_.empty()) {
    free_.push_back(static_cast<Id>(connections_.size()));
    connections_.push_back(std::make_unique<Connection>());
  }
  const Id id = free_.back();
  free_.pop_back();
  Connection& connection = *connections_[id];
  const uint32_t generation = connection.generation + 1;
  connection = Connection{};
  connection.fd = fd;
  connection.generation = generation;
  connection.address = address;
  epoll_event event{EPOLLIN, {.u64 = uint64_t{generation} << 32U | id}};
  ::epoll_ctl(poller_, EPOLL_CTL_ADD, fd, &event);
  handler_->on_open(id);
  return true;
}

void TcpService::serve(Id id, uint32_t events) {
  if ((events & EPOLLOUT) != 0) {
    connections_[id]->blocked = false;
    flush(id);
  }
  if (connections_[id]->fd >= 0 && (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) read(id);
}

void TcpService::read(Id id) {
  Connection& connection = *connections_[id];
  std::array<char, limits::kReadBytes> bytes;
  const ssize_t size = ::recv(connection.fd, bytes.data(), bytes.size(), 0);
  if (size > 0) {
    if (!connection.ending) handler_->on_bytes(id, {bytes.data(), static_cast<size_t>(size)});
    return;
  }
  if (size < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (size < 0 || connection.shut) return close(id, false);
  connection.peer_ended = true;
  if (connection.drip_bytes != 0) return close(id, true);
  set_interest(id);
  if (!connection.ending) handler_->on_peer_end(id);
}

// A connection whose peer has ended reads nothing more; level-triggered, its end would be told
// forever.
void TcpService::set_interest(Id id) {
  Connection& connection = *connections_[id];
  if (connection.fd < 0) return;
  const uint32_t wanted = (connection.peer_ended ? 0U : uint32_t{EPOLLIN}) |
                          (connection.blocked ? uint32_t{EPOLLOUT} : 0U);
  epoll_event event{wanted, {.u64 = uint64_t{connection.generation} << 32U | id}};
  ::epoll_ctl(poller_, EPOLL_CTL_MOD, connection.fd, &event);
}

uint32_t TcpService::address(Id id) const { return connections_[id]->address; }
size_t TcpService::unsent(Id id) const { return connections_[id]->unsent(); }

void TcpService::send(Id id, std::string_view bytes) {
  Connection& connection = *connections_[id];
  if (connection.fd < 0 || connection.ending) return;
  connection.outbox.append(bytes);
  connection.drain_owed = true;
  flush(id);
}

void TcpService::hold(Id id, Nanoseconds until) {
  connections_[id]->held_until = until;
  schedule(id, until);
}

void TcpService::drip(Id id, size_t bytes, Nanoseconds gap) {
  connections_[id]->drip_bytes = bytes;
  connections_[id]->drip_gap = gap;
}

void TcpService::wake(Id id, Nanoseconds at) {
  Connection& connection = *connections_[id];
  if (connection.fd < 0 || (connection.wake_at.count() != 0 && connection.wake_at <= at)) return;
  connection.wake_at = at;
  schedule(id, at);
}

void TcpService::flush(Id id) {
  Connection& connection = *connections_[id];
  while (connection.fd >= 0 && connection.unsent() > 0 && !connection.blocked) {
    if (connection.held_until > now_) return;
    const size_t most = connection.drip_bytes == 0
                            ? connection.unsent()
                            : std::min(connection.drip_bytes, connection.unsent());
    const ssize_t size = ::send(connection.fd, connection.outbox.data() + connection.sent, most,
                                MSG_NOSIGNAL | MSG_DONTWAIT);
    if (size < 0 && errno != EAGAIN && errno != EINTR) return close(id, false);
    if (size < 0 || static_cast<size_t>(size) < most) {
      connection.blocked = true;
      set_interest(id);
      connection.watched_for_room = true;
    }
    connection.sent += size < 0 ? 0 : static_cast<size_t>(size);
    if (connection.drip_bytes != 0 && connection.unsent() > 0) {
      hold(id, now_ + connection.drip_gap);
    }
  }
  if (connection.fd < 0 || connection.unsent() > 0) return;
  connection.outbox.clear();
  connection.sent = 0;
  if (connection.watched_for_room) {
    connection.watched_for_room = false;
    set_interest(id);
  }
  if (connection.ending) return finish(id);
  if (connection.drain_owed) drained(id);
}

// A handler that sends on and on gets one call a turn.
void TcpService::drained(Id id) {
  Connection& connection = *connections_[id];
  if (connection.in_drain) return schedule(id, now_ + Nanoseconds{1});
  connection.drain_owed = false;
  connection.in_drain = true;
  handler_->on_drained(id);
  connection.in_drain = false;
}

void TcpService::end(Id id) {
  Connection& connection = *connections_[id];
  if (connection.fd < 0 || connection.ending) return;
  connection.ending = true;
  if (connection.unsent() == 0) finish(id);
}

void TcpService::finish(Id id) {
  Connection& connection = *connections_[id];
  if (connection.shut || connection.fd < 0) return;
  if (connection.peer_ended) return close(id, false);
  connection.shut = true;
  ::shutdown(connection.fd, SHUT_WR);
  connection.linger_until = now_ + limits::kLinger;
  schedule(id, connection.linger_until);
}

void TcpService::reset(Id id) { close(id, true); }

void TcpService::close(Id id, bool abort) {
  Connection& connection = *connections_[id];
  if (connection.fd < 0) return;
  if (abort) abort_on_close(connection.fd);
  ::close(connection.fd);
  connection.fd = -1;
  dead_.push_back(id);
}

// The handler hears of it at the end of the turn, so that an id stays good while it is in use.
void TcpService::bury() {
  for (size_t i = 0; i < dead_.size(); ++i) {  // the handler may add to them
    const Id id = dead_[i];
    handler_->on_gone(id);
    connections_[id]->outbox = std::string{};
    free_.push_back(id);
  }
  if (!dead_.empty() && !accepting_) {
    accepting_ = true;
    epoll_event event{EPOLLIN, {.u64 = kListenerTag}};
    ::epoll_ctl(poller_, EPOLL_CTL_ADD, listener_, &event);
  }
  dead_.clear();
}

void TcpService::schedule(Id id, Nanoseconds due) {
  timers_.push_back({due, id, connections_[id]->generation});
  std::ranges::push_heap(timers_, kLatest);
}

void TcpService::run_timers() {
  while (!timers_.empty() && timers_.front().due <= now_) {
    std::ranges::pop_heap(timers_, kLatest);
    const Timer timer = timers_.back();
    timers_.pop_back();
    Connection& connection = *connections_[timer.id];
    if (connection.fd < 0 || connection.generation != timer.generation) continue;
    if (connection.shut && connection.linger_until <= now_) {
      close(timer.id, true);
      continue;
    }
    if (connection.wake_at.count() != 0 && connection.wake_at <= now_) {
      connection.wake_at = Nanoseconds{0};
      handler_->on_timer(timer.id);
    }
    if (connection.fd >= 0) flush(timer.id);
  }
}

}  // namespace zonesweep::loopback
