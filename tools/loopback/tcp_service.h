// tools/loopback/tcp_service.h - accepted connections on all of 127.0.0.0/8 at one port: bytes in,
// bytes out at a pace, orderly ends and resets.
//
// The address that was dialled tells the servers apart. It takes epoll: the kernel does not tell
// the local address of an io_uring direct descriptor.
//
// Threads:    one: that of run(). listen() may be called by another before.
// Invariants: an id is valid from on_open() to on_gone(), which comes exactly once, and never from
//             within a call of the handler's. An orderly end waits for the peer's, or for
//             limits::kLinger.
// Ownership:  owns its sockets; borrows the handler.
// Errors:     listen() returns one line for people. Out of descriptors: accepts later.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace zonesweep::loopback {

namespace limits {
inline constexpr auto kLinger = std::chrono::seconds{2};
inline constexpr size_t kReadBytes = 16 * 1024;  // at a time
inline constexpr int kServiceBacklog = 4'096;
}  // namespace limits

class TcpHandler {
 public:
  using Id = uint32_t;
  virtual ~TcpHandler() = default;
  virtual void on_open(Id id) = 0;
  virtual void on_bytes(Id id, std::string_view bytes) = 0;
  virtual void on_peer_end(Id id) = 0;  // the peer sends no more
  virtual void on_drained(Id id) = 0;   // all that was sent has left
  virtual void on_timer(Id id) = 0;     // of wake()
  virtual void on_gone(Id id) = 0;
};

class TcpService {
 public:
  using Id = TcpHandler::Id;
  using Nanoseconds = std::chrono::nanoseconds;

  // Port 0: any free one.
  [[nodiscard]] static std::expected<std::unique_ptr<TcpService>, std::string> listen(
      uint16_t port);
  TcpService(const TcpService&) = delete;
  TcpService& operator=(const TcpService&) = delete;
  ~TcpService();

  [[nodiscard]] uint16_t port() const { return port_; }
  void run(TcpHandler& handler, const std::atomic<bool>& stop);

  [[nodiscard]] Nanoseconds now() const { return now_; }
  [[nodiscard]] uint32_t address(Id id) const;  // that was dialled, host byte order
  void send(Id id, std::string_view bytes);
  // Nothing more leaves until then.
  void hold(Id id, Nanoseconds until);
  // From now on so many bytes each `gap`; the peer's end is then the end.
  void drip(Id id, size_t bytes, Nanoseconds gap);
  void wake(Id id, Nanoseconds at);  // one per connection; the earlier counts
  void end(Id id);                   // orderly, behind all that was sent
  void reset(Id id);                 // at once
  [[nodiscard]] size_t unsent(Id id) const;

 private:
  struct Connection;
  struct Timer {
    Nanoseconds due{0};
    Id id = 0;
    uint32_t generation = 0;
  };
  explicit TcpService(int listener, int poller, uint16_t port);

  void accept_all();
  bool accept_one();
  void serve(Id id, uint32_t events);
  void read(Id id);
  void flush(Id id);
  void drained(Id id);
  void finish(Id id);
  void close(Id id, bool abort);
  void set_interest(Id id);
  void schedule(Id id, Nanoseconds due);
  void run_timers();
  void bury();
  [[nodiscard]] int patience() const;

  int listener_;
  int poller_;
  uint16_t port_;
  TcpHandler* handler_ = nullptr;
  Nanoseconds now_{0};
  bool accepting_ = true;
  std::vector<std::unique_ptr<Connection>> connections_;
  std::vector<Id> free_;
  std::vector<Id> dead_;       // closed in this turn
  std::vector<Timer> timers_;  // a heap
};

}  // namespace zonesweep::loopback
