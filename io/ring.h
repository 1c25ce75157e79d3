// io/ring.h - one io_uring: typed submissions, copied completions, provided buffers, fixed files.
//
// The only files that know liburing are ring.h and ring.cc; this header does not even include it. A
// loop: prepare operations; ring.wait(n, timeout); ring.reap(completions); act on them; again.
//
// Threads:    only the thread that called create() may call anything (SINGLE_ISSUER).
// Invariants: (1) a submission never fails for want of room: a full queue is submitted first; (2)
//             completions are copied out before any is acted on; (3) every operation ends in
//             exactly one completion with `more` unset; a multishot one has others before it.
// Ownership:  buffers, addresses and msghdrs given to an operation stay put and alive until its
//             last completion. A provided buffer belongs to the caller from its completion to
//             give_back().
// Errors:     an operation's result is -errno. A ring that lost completions (EBADR), or that the
//             kernel refuses to run, has failed(): the fate of its operations is unknown, and no
//             more may be asked of it.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "io/error.h"
#include "io/ring_setup.h"

namespace zonesweep::io {

// Rides in user_data. A completion whose generation is not its slot's any more is stale: drop it.
struct OpTag {
  uint16_t kind = 0;  // which of the owner's operations; kIgnored completions never surface
  uint16_t slot = 0;
  uint32_t generation = 0;
  static constexpr uint16_t kIgnored = UINT16_MAX;
};
static_assert(sizeof(OpTag) == sizeof(uint64_t));

using FileSlot = uint32_t;  // index into the fixed-file table

struct Completion {
  OpTag tag;
  int32_t result = 0;  // >= 0, or -errno
  uint16_t buffer = 0;
  bool has_buffer = false;
  bool more = false;  // the multishot operation goes on
};

// A datagram received by recvmsg_multishot: views into the provided buffer.
struct ReceivedMessage {
  const sockaddr* peer = nullptr;
  socklen_t peer_bytes = 0;
  std::span<const std::byte> payload;
  uint32_t segment_bytes = 0;  // not 0: UDP_GRO joined datagrams of this size, the last may be less
  bool truncated = false;
};

namespace limits {
// Long enough to fill send batches at 500,000 datagrams a second, short beside any round trip.
inline constexpr auto kBatchWindow = std::chrono::microseconds{1'000};
inline constexpr auto kStopPatience =
    std::chrono::milliseconds{1'000};  // cancelled is done at once
}  // namespace limits

class Ring {
 public:
  [[nodiscard]] static std::expected<Ring, SetupError> create(RingOptions options);
  Ring(Ring&&) noexcept;
  Ring& operator=(Ring&&) noexcept;
  ~Ring();

  // What was granted: it may be less than was asked for, and then warnings() says so.
  [[nodiscard]] const RingOptions& options() const noexcept { return options_; }
  [[nodiscard]] const std::vector<std::string>& warnings() const noexcept { return warnings_; }

  // -- Fixed files. Slots from 0 to files - accepted_files - 1 are the caller's to number.

  [[nodiscard]] Error install(FileSlot slot, int fd);  // the table holds its own reference to `fd`
  void uninstall(FileSlot slot);                       // no operation may be in flight on it

  // -- Datagrams.

  // With MSG_TRUNC in `flags` the result is the datagram's true length.
  void recv_multishot(FileSlot file, OpTag tag, int flags);
  // parse_message() reads what it completes with.
  void recvmsg_multishot(FileSlot file, OpTag tag);
  [[nodiscard]] std::optional<ReceivedMessage> parse_message(const Completion& done) const noexcept;
  void sendmsg(FileSlot file, OpTag tag, const msghdr* message, int flags);

  // -- Streams.

  // A TCP socket at `file`, TCP_NODELAY, connected to `peer`, which stays put until the one
  // completion: 0, or -errno of the first step that failed.
  void open_tcp(FileSlot file, OpTag tag, const sockaddr* peer, socklen_t peer_bytes);
  // Each accepted connection takes a slot of the accepted files: the completion's result.
  void accept_multishot(FileSlot listener, OpTag tag);
  void send(FileSlot file, OpTag tag, std::span<const std::byte> bytes, int flags);
  // Dear, it runs on a kernel worker; where nothing need reach the peer, cancel_file() does.
  void shutdown(FileSlot file, OpTag tag, int how);
  void close(FileSlot file, OpTag tag);
  // Asks all operations on `file` to end. They still complete, each in its own way.
  void cancel_file(FileSlot file, OpTag tag);

  // -- The turn.

  // Submits, and returns when `wait_for` completions are there; or any, once `window` has passed;
  // or `timeout` has passed or a signal came. One io_uring_enter(2); before Linux 6.12 it may take
  // two. The window is a must: one receive operation counts once, however many datagrams wait for
  // it.
  void wait(uint32_t wait_for, std::chrono::nanoseconds timeout,
            std::chrono::nanoseconds window = limits::kBatchWindow);
  // Appends what is complete. A system call only if the completion queue overflowed.
  void reap(std::vector<Completion>& into);
  // Ends everything that is in flight and waits for it: afterwards the kernel holds no memory of
  // the caller's. For the end of a loop; what completes is dropped.
  void stop();
  // Operations that the kernel has not seen yet.
  [[nodiscard]] uint32_t unsubmitted() const noexcept;
  // Times that the completion queue was found overflown: nothing was lost, it took longer.
  [[nodiscard]] uint64_t overflows() const noexcept;
  // 0, or the errno after which nothing can be believed.
  [[nodiscard]] int failed() const noexcept;

  // -- Provided buffers.

  [[nodiscard]] std::span<const std::byte> buffer(uint16_t id, size_t bytes) const noexcept {
    return {buffers_ + size_t{id} * buffer_stride_, bytes};
  }
  void give_back(std::span<const uint16_t> ids) noexcept;
  // Those that the kernel holds. A receive may be armed again only when this is not 0.
  [[nodiscard]] uint32_t buffers_free() const noexcept { return buffers_free_; }

 private:
  struct Impl;
  explicit Ring(std::unique_ptr<Impl> impl);
  int install_tcp(FileSlot file, int family);

  std::unique_ptr<Impl> impl_;
  RingOptions options_;
  std::vector<std::string> warnings_;
  const std::byte* buffers_ = nullptr;
  size_t buffer_stride_ = 0;
  uint32_t buffers_free_ = 0;
};

}  // namespace zonesweep::io
