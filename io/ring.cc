#include "io/ring.h"

#include <liburing.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cassert>
#include <cerrno>
#include <cstring>
#include <thread>
#include <utility>

// Of newer kernels than Debian 12's headers. Probed at start-up, never assumed.
#ifndef SOCKET_URING_OP_SETSOCKOPT
#define SOCKET_URING_OP_SETSOCKOPT 3
#endif
#ifndef UDP_GRO
#define UDP_GRO 104
#endif

namespace zonesweep::io {
namespace {

using std::chrono::nanoseconds;

constexpr uint32_t kFeatureMinimumWait = 1U << 15;  // IORING_FEAT_MIN_TIMEOUT, Linux 6.12
constexpr uint16_t kBufferGroup = 0;
constexpr unsigned kSetupFlags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN |
                                 IORING_SETUP_CQSIZE | IORING_SETUP_SUBMIT_ALL;
constexpr unsigned kChainLength = 3;         // socket, option, connect
constexpr uint32_t kSubmitTriesMax = 2'000;  // of 1 ms: then the kernel is out of memory for good
constexpr uint32_t kOverflowRoundsMax = 4'096;
constexpr auto kBackOff = std::chrono::milliseconds{1};

// Buffers of one page each would put all their first lines into the same few cache sets.
constexpr size_t kCacheStagger = 64;

constexpr std::array<int, 11> kOperationsUsed = {
    IORING_OP_SENDMSG,  IORING_OP_RECVMSG,      IORING_OP_SEND,   IORING_OP_RECV,
    IORING_OP_ACCEPT,   IORING_OP_CONNECT,      IORING_OP_SOCKET, IORING_OP_CLOSE,
    IORING_OP_SHUTDOWN, IORING_OP_ASYNC_CANCEL, IORING_OP_NOP};

// setsockopt as a ring operation (Linux 6.7): level and option share the address, the pointer is at
// byte 48.
struct SocketCommand {
  uint32_t level;
  uint32_t name;
};
constexpr size_t kOptionPointerAt = 48;
const int kOne = 1;

class Mapping {  // anonymous pages
 public:
  Mapping() = default;
  explicit Mapping(size_t bytes) : bytes_(bytes) {
    void* const at =
        ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    at_ = at == MAP_FAILED ? nullptr : at;
  }
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;
  Mapping(Mapping&& other) noexcept
      : at_(std::exchange(other.at_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}
  Mapping& operator=(Mapping&& other) noexcept {
    std::swap(at_, other.at_);
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  ~Mapping() {
    if (at_ != nullptr) ::munmap(at_, bytes_);
  }
  [[nodiscard]] void* get() const noexcept { return at_; }

 private:
  void* at_ = nullptr;
  size_t bytes_ = 0;
};

// The size of the datagrams that UDP_GRO joined into one payload; 0 if it joined none.
uint32_t gro_segment(std::span<const std::byte> control) {
  cmsghdr head;
  int bytes = 0;
  if (control.size() < CMSG_LEN(sizeof bytes)) return 0;
  std::memcpy(&head, control.data(), sizeof head);
  if (head.cmsg_level != SOL_UDP || head.cmsg_type != UDP_GRO) return 0;
  std::memcpy(&bytes, control.data() + CMSG_LEN(0), sizeof bytes);
  return bytes > 0 ? static_cast<uint32_t>(bytes) : 0;
}

bool is_memory_shortage(int code) { return code == ENOMEM || code == EAGAIN; }

}  // namespace

struct Ring::Impl {
  io_uring ring{};
  bool made = false;
  Mapping buffer_entries;  // io_uring_buf_ring
  Mapping buffer_bytes;
  io_uring_buf_ring* buffer_ring = nullptr;
  uint32_t buffers = 0;
  size_t buffer_stride = 0;
  size_t buffer_size = 0;
  msghdr message_shape{};         // what each recvmsg_multishot buffer reserves before the payload
  std::vector<Completion> aside;  // reaped while a full submission queue was being emptied
  bool sockets_take_options = false;  // setsockopt as a ring operation
  bool has_window = false;
  bool fd_registered = false;
  uint64_t overflows = 0;
  uint64_t in_flight = 0;  // operations whose last completion has not been copied out
  int failed = 0;
  alignas(io_uring_sqe) std::array<std::byte, sizeof(io_uring_sqe)> scratch{};

  Impl() = default;
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;
  ~Impl() {
    if (made) io_uring_queue_exit(&ring);
  }

  int open(const RingOptions& options);
  int open_buffers(const RingOptions& options);
  int open_files(const RingOptions& options);
  bool knows_operations();
  void probe_socket_option();

  io_uring_sqe* sqe();
  void label(io_uring_sqe* entry, OpTag tag, unsigned flags);
  void reserve(unsigned count);
  unsigned publish();
  int enter(unsigned wait_for, unsigned flags, io_uring_getevents_arg* argument);
  int enter_for(unsigned wait_for, nanoseconds timeout, nanoseconds window);
  void judge(int result);
  void make_room();
  void copy_completions(std::vector<Completion>& into);
};

// -- set-up

int Ring::Impl::open(const RingOptions& options) {
  io_uring_params params{};
  params.flags = kSetupFlags;
  params.cq_entries = options.completions;
  if (const int error = io_uring_queue_init_params(options.submissions, &ring, &params);
      error < 0) {
    return -error;
  }
  made = true;
  // Entry i of the queue is always submission i: publish() then only moves the tail.
  for (unsigned i = 0; i < ring.sq.ring_entries; ++i) ring.sq.array[i] = i;
  if (!knows_operations()) return EINVAL;
  if (const int error = open_files(options); error != 0) return error;
  if (const int error = open_buffers(options); error != 0) return error;
  fd_registered = io_uring_register_ring_fd(&ring) == 1;  // saves a look-up per enter
  if (options.newer_features) {
    has_window = (params.features & kFeatureMinimumWait) != 0;
    probe_socket_option();
  }
  return 0;
}

int Ring::Impl::open_files(const RingOptions& options) {
  if (const int error = io_uring_register_files_sparse(&ring, options.files); error < 0)
    return -error;
  if (options.accepted_files == 0) return 0;
  const unsigned first = options.files - options.accepted_files;
  return -io_uring_register_file_alloc_range(&ring, first, options.accepted_files);
}

int Ring::Impl::open_buffers(const RingOptions& options) {
  buffers = options.buffers;
  buffer_size = options.buffer_bytes;
  buffer_stride = buffer_size % 4'096 == 0 ? buffer_size + kCacheStagger : buffer_size;
  buffer_entries = Mapping(buffers * sizeof(io_uring_buf));
  buffer_bytes = Mapping(buffers * buffer_stride);
  if (buffer_entries.get() == nullptr || buffer_bytes.get() == nullptr) return ENOMEM;
  buffer_ring = static_cast<io_uring_buf_ring*>(buffer_entries.get());
  io_uring_buf_reg registration{};
  registration.ring_addr = std::bit_cast<uint64_t>(buffer_ring);
  registration.ring_entries = buffers;
  registration.bgid = kBufferGroup;
  if (const int error = io_uring_register_buf_ring(&ring, &registration, 0); error < 0)
    return -error;
  io_uring_buf_ring_init(buffer_ring);
  return 0;
}

bool Ring::Impl::knows_operations() {
  io_uring_probe* const probe = io_uring_get_probe_ring(&ring);
  if (probe == nullptr) return true;  // the operations themselves will tell
  const bool all = std::ranges::all_of(kOperationsUsed, [&](int operation) {
    return io_uring_opcode_supported(probe, operation) != 0;
  });
  io_uring_free_probe(probe);
  return all;
}

namespace {
void prep_no_delay(io_uring_sqe* entry, int file) {
  io_uring_prep_rw(IORING_OP_URING_CMD, entry, file, nullptr, 0, 0);
  entry->cmd_op = SOCKET_URING_OP_SETSOCKOPT;
  entry->addr = std::bit_cast<uint64_t>(SocketCommand{IPPROTO_TCP, TCP_NODELAY});
  entry->file_index = sizeof kOne;
  const int* const value = &kOne;
  std::memcpy(reinterpret_cast<std::byte*>(entry) + kOptionPointerAt, &value, sizeof value);
}
}  // namespace

void Ring::Impl::probe_socket_option() {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return;
  prep_no_delay(io_uring_get_sqe(&ring), fd);
  io_uring_cqe* entry = nullptr;
  if (io_uring_submit_and_wait(&ring, 1) >= 0 && io_uring_peek_cqe(&ring, &entry) == 0) {
    sockets_take_options = entry->res == 0;
    io_uring_cqe_seen(&ring, entry);
  }
  ::close(fd);
}

Ring::Ring(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {
  impl_->message_shape.msg_namelen = sizeof(sockaddr_in6);
  impl_->message_shape.msg_controllen = CMSG_SPACE(sizeof(int));
  buffers_ = static_cast<const std::byte*>(impl_->buffer_bytes.get());
  buffer_stride_ = impl_->buffer_stride;
  std::vector<uint16_t> all(impl_->buffers);
  for (size_t i = 0; i < all.size(); ++i) all[i] = static_cast<uint16_t>(i);
  give_back(all);
}

Ring::Ring(Ring&&) noexcept = default;
Ring& Ring::operator=(Ring&&) noexcept = default;
Ring::~Ring() = default;

std::expected<Ring, SetupError> Ring::create(RingOptions options) {
  using Clock = std::chrono::steady_clock;
  assert(std::has_single_bit(options.buffers) && options.buffers <= 32'768);
  std::vector<std::string> warnings;
  const RingOptions asked = options;
  options.files = std::min(options.files, raise_file_limit());
  if (options.files < std::min(asked.files, limits::kFilesMin)) {
    return std::unexpected(explain_setup_failure(EMFILE, asked));
  }
  options.accepted_files = std::min(options.accepted_files, options.files / 2);
  auto patience = Clock::now() + limits::kSetupPatience;
  for (;;) {
    auto impl = std::make_unique<Impl>();
    const int error = impl->open(options);
    if (error == 0) {
      Ring ring(std::move(impl));
      if (options.submissions < asked.submissions) {
        warnings.push_back("locked memory is short (`ulimit -l`): rings shrunk to " +
                           std::to_string(options.submissions) + " entries and " +
                           std::to_string(options.buffers) + " buffers");
      }
      ring.options_ = options;
      ring.warnings_ = std::move(warnings);
      return ring;
    }
    if (!is_memory_shortage(error)) return std::unexpected(explain_setup_failure(error, asked));
    impl.reset();
    // Memory of a killed predecessor's ring comes back within milliseconds; our own limit never
    // grows.
    if (!exceeds_locked_limit(locked_bytes(options)) && Clock::now() < patience) {
      std::this_thread::sleep_for(limits::kSetupStep);
      continue;
    }
    if (!shrink(options)) return std::unexpected(explain_setup_failure(error, asked));
    patience = std::max(patience, Clock::now() + limits::kShrinkPatience);
  }
}

// -- submissions

// Makes the queue's entries visible to the kernel; how many it has not consumed.
unsigned Ring::Impl::publish() {
  io_uring_sq& queue = ring.sq;
  if (queue.sqe_head != queue.sqe_tail) {
    queue.sqe_head = queue.sqe_tail;
    std::atomic_ref(*queue.ktail).store(queue.sqe_tail, std::memory_order_release);
  }
  return queue.sqe_tail - std::atomic_ref(*queue.khead).load(std::memory_order_acquire);
}

int Ring::Impl::enter(unsigned wait_for, unsigned flags, io_uring_getevents_arg* argument) {
  const unsigned submit = publish();
  if (fd_registered) flags |= IORING_ENTER_REGISTERED_RING;
  if (argument == nullptr) {
    return io_uring_enter2(ring.enter_ring_fd, submit, wait_for, flags, nullptr, 0);
  }
  return io_uring_enter2(ring.enter_ring_fd, submit, wait_for, flags | IORING_ENTER_EXT_ARG,
                         reinterpret_cast<sigset_t*>(argument), sizeof *argument);
}

// Submits what is there. Where the kernel wants completions taken first, they are put aside.
void Ring::Impl::make_room() {
  for (uint32_t tries = 0; tries < kSubmitTriesMax && failed == 0; ++tries) {
    const int result = enter(0, 0, nullptr);
    if (result > 0) return;
    if (result < 0 && result != -EINTR && result != -EAGAIN && result != -EBUSY) {
      failed = -result;
      return;
    }
    copy_completions(aside);
    if (result != -EINTR) std::this_thread::sleep_for(kBackOff);
  }
  if (failed == 0) failed = ENOMEM;
}

void Ring::Impl::reserve(unsigned count) {
  if (io_uring_sq_space_left(&ring) < count) make_room();
}

// A failed ring takes operations into a scratch entry: nothing happens to them, nobody crashes.
io_uring_sqe* Ring::Impl::sqe() {
  io_uring_sqe* entry = io_uring_get_sqe(&ring);
  if (entry != nullptr) [[likely]]
    return entry;
  make_room();
  entry = io_uring_get_sqe(&ring);
  return entry != nullptr ? entry : reinterpret_cast<io_uring_sqe*>(scratch.data());
}

namespace {
int as_int(FileSlot file) { return static_cast<int>(file); }
}  // namespace

// A silent step of a chain is not counted: the chain's last operation is.
void Ring::Impl::label(io_uring_sqe* entry, OpTag tag, unsigned flags) {
  entry->flags |= static_cast<uint8_t>(flags);
  entry->user_data = std::bit_cast<uint64_t>(tag);
  if ((flags & IOSQE_CQE_SKIP_SUCCESS) == 0) ++in_flight;
}

void Ring::recv_multishot(FileSlot file, OpTag tag, int flags) {
  io_uring_sqe* const entry = impl_->sqe();
  io_uring_prep_recv_multishot(entry, as_int(file), nullptr, 0, flags);
  entry->buf_group = kBufferGroup;
  impl_->label(entry, tag, IOSQE_FIXED_FILE | IOSQE_BUFFER_SELECT);
}

void Ring::recvmsg_multishot(FileSlot file, OpTag tag) {
  io_uring_sqe* const entry = impl_->sqe();
  io_uring_prep_recvmsg_multishot(entry, as_int(file), &impl_->message_shape, MSG_TRUNC);
  entry->buf_group = kBufferGroup;
  impl_->label(entry, tag, IOSQE_FIXED_FILE | IOSQE_BUFFER_SELECT);
}

void Ring::sendmsg(FileSlot file, OpTag tag, const msghdr* message, int flags) {
  io_uring_sqe* const entry = impl_->sqe();
  io_uring_prep_sendmsg(entry, as_int(file), message, static_cast<unsigned>(flags));
  impl_->label(entry, tag, IOSQE_FIXED_FILE);
}

void Ring::send(FileSlot file, OpTag tag, std::span<const std::byte> bytes, int flags) {
  io_uring_sqe* const entry = impl_->sqe();
  io_uring_prep_send(entry, as_int(file), bytes.data(), bytes.size(), flags);
  impl_->label(entry, tag, IOSQE_FIXED_FILE);
}

// One chain: the steps before the last are silent unless they fail, and a failed socket silences
// the rest, so that the chain ends in one completion. A refused option must not end it: hard link.
void Ring::open_tcp(FileSlot file, OpTag tag, const sockaddr* peer, socklen_t peer_bytes) {
  if (impl_->sockets_take_options) {
    impl_->reserve(kChainLength);
    io_uring_sqe* const socket = impl_->sqe();
    io_uring_prep_socket_direct(socket, peer->sa_family, SOCK_STREAM, 0, file, 0);
    impl_->label(socket, tag, IOSQE_IO_LINK | IOSQE_CQE_SKIP_SUCCESS);
    io_uring_sqe* const option = impl_->sqe();
    prep_no_delay(option, as_int(file));
    impl_->label(option, OpTag{.kind = OpTag::kIgnored},
                 IOSQE_FIXED_FILE | IOSQE_IO_HARDLINK | IOSQE_CQE_SKIP_SUCCESS);
  } else if (const int error = install_tcp(file, peer->sa_family); error != 0) {
    impl_->aside.push_back({.tag = tag, .result = -error});
    return;
  }
  io_uring_sqe* const connect = impl_->sqe();
  io_uring_prep_connect(connect, as_int(file), peer, peer_bytes);
  impl_->label(connect, tag, IOSQE_FIXED_FILE);
}

// Before Linux 6.7 the ring cannot set a socket's options.
int Ring::install_tcp(FileSlot file, int family) {
  const int fd = ::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return errno;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &kOne, sizeof kOne);
  const int result = io_uring_register_files_update(&impl_->ring, file, &fd, 1);
  ::close(fd);
  return result < 0 ? -result : 0;
}

void Ring::accept_multishot(FileSlot listener, OpTag tag) {
  io_uring_sqe* const entry = impl_->sqe();
  io_uring_prep_multishot_accept_direct(entry, as_int(listener), nullptr, nullptr, 0);
  impl_->label(entry, tag, IOSQE_FIXED_FILE);
}

void Ring::shutdown(FileSlot file, OpTag tag, int how) {
  io_uring_sqe* const entry = impl_->sqe();
  io_uring_prep_shutdown(entry, as_int(file), how);
  impl_->label(entry, tag, IOSQE_FIXED_FILE);
}

void Ring::close(FileSlot file, OpTag tag) {
  io_uring_sqe* const entry = impl_->sqe();
  io_uring_prep_close_direct(entry, file);
  impl_->label(entry, tag, 0);
}

void Ring::cancel_file(FileSlot file, OpTag tag) {
  io_uring_sqe* const entry = impl_->sqe();
  io_uring_prep_cancel_fd(entry, as_int(file),
                          IORING_ASYNC_CANCEL_ALL | IORING_ASYNC_CANCEL_FD_FIXED);
  impl_->label(entry, tag, 0);
}

// -- files

Error Ring::install(FileSlot slot, int fd) {
  const int result = io_uring_register_files_update(&impl_->ring, slot, &fd, 1);
  return result < 0 ? error_from_errno(-result) : Error::none;
}

void Ring::uninstall(FileSlot slot) {
  const int nothing = -1;
  io_uring_register_files_update(&impl_->ring, slot, &nothing, 1);
}

// -- the turn

void Ring::wait(uint32_t wait_for, nanoseconds timeout, nanoseconds window) {
  if (impl_->failed != 0) return;
  // What was put aside is there already.
  if (wait_for == 0 || timeout.count() <= 0 || !impl_->aside.empty()) {
    impl_->judge(impl_->enter(0, IORING_ENTER_GETEVENTS, nullptr));
    return;
  }
  if (wait_for == 1 || timeout <= window) {
    impl_->judge(impl_->enter_for(wait_for, timeout, {}));
  } else if (impl_->has_window) {
    impl_->judge(impl_->enter_for(wait_for, timeout, window));
  } else {
    impl_->judge(impl_->enter_for(wait_for, window, {}));
    if (impl_->failed == 0 && io_uring_cq_ready(&impl_->ring) == 0) {
      impl_->judge(impl_->enter_for(1, timeout - window, {}));
    }
  }
}

int Ring::Impl::enter_for(unsigned wait_for, nanoseconds timeout, nanoseconds window) {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(timeout);
  const __kernel_timespec limit{seconds.count(), (timeout - seconds).count()};
  io_uring_getevents_arg argument{};
  argument.pad = static_cast<uint32_t>(window / std::chrono::microseconds{1});  // min_wait_usec
  argument.ts = std::bit_cast<uint64_t>(&limit);
  return enter(wait_for, IORING_ENTER_GETEVENTS, &argument);
}

void Ring::Impl::judge(int result) {
  if (result >= 0 || result == -ETIME || result == -EINTR) return;
  if (result != -EAGAIN && result != -EBUSY) {
    failed = -result;
    return;
  }
  // The kernel wants completions taken first, or is out of memory: never spin on it.
  if (io_uring_cq_ready(&ring) == 0) std::this_thread::sleep_for(kBackOff);
}

void Ring::Impl::copy_completions(std::vector<Completion>& into) {
  io_uring_cq& queue = ring.cq;
  unsigned head = *queue.khead;
  const unsigned tail = std::atomic_ref(*queue.ktail).load(std::memory_order_acquire);
  for (; head != tail; ++head) {
    const io_uring_cqe& entry = queue.cqes[head & queue.ring_mask];
    const auto tag = std::bit_cast<OpTag>(uint64_t{entry.user_data});
    if (tag.kind == OpTag::kIgnored) continue;
    if ((entry.flags & IORING_CQE_F_MORE) == 0 && in_flight > 0) --in_flight;
    into.push_back({.tag = tag,
                    .result = entry.res,
                    .buffer = static_cast<uint16_t>(entry.flags >> IORING_CQE_BUFFER_SHIFT),
                    .has_buffer = (entry.flags & IORING_CQE_F_BUFFER) != 0,
                    .more = (entry.flags & IORING_CQE_F_MORE) != 0});
  }
  std::atomic_ref(*queue.khead).store(head, std::memory_order_release);
}

void Ring::reap(std::vector<Completion>& into) {
  const size_t before = into.size();
  into.insert(into.end(), impl_->aside.begin(), impl_->aside.end());
  impl_->aside.clear();
  impl_->copy_completions(into);
  // Overflown completions wait in the kernel until there is room: now.
  for (uint32_t round = 0; io_uring_cq_has_overflow(&impl_->ring) && round < kOverflowRoundsMax;
       ++round) {
    ++impl_->overflows;
    const int result = impl_->enter(0, IORING_ENTER_GETEVENTS, nullptr);
    if (result == -EBADR) impl_->failed = EBADR;
    impl_->copy_completions(into);
    if (result < 0 && result != -EINTR) break;
  }
  for (size_t i = before; i < into.size(); ++i) buffers_free_ -= into[i].has_buffer ? 1 : 0;
}

// Asks again until all have ended: a cancel misses what the kernel has not begun yet.
void Ring::stop() {
  std::vector<Completion> dropped;
  const auto patience = std::chrono::steady_clock::now() + limits::kStopPatience;
  while (impl_->in_flight > 0 && failed() == 0 && std::chrono::steady_clock::now() < patience) {
    io_uring_sqe* const entry = impl_->sqe();
    io_uring_prep_cancel64(entry, 0, IORING_ASYNC_CANCEL_ANY);
    impl_->label(entry, OpTag{}, 0);
    wait(static_cast<uint32_t>(impl_->in_flight), limits::kSetupStep);
    reap(dropped);
    dropped.clear();
  }
}

uint32_t Ring::unsubmitted() const noexcept { return io_uring_sq_ready(&impl_->ring); }
uint64_t Ring::overflows() const noexcept { return impl_->overflows; }
int Ring::failed() const noexcept { return impl_->failed; }

// -- buffers

void Ring::give_back(std::span<const uint16_t> ids) noexcept {
  if (ids.empty()) return;
  const int mask = io_uring_buf_ring_mask(impl_->buffers);
  auto* const bytes = static_cast<std::byte*>(impl_->buffer_bytes.get());
  int at = 0;
  for (const uint16_t id : ids) {
    io_uring_buf_ring_add(impl_->buffer_ring, bytes + id * buffer_stride_,
                          static_cast<unsigned>(impl_->buffer_size), id, mask, at++);
  }
  io_uring_buf_ring_advance(impl_->buffer_ring, at);
  buffers_free_ += static_cast<uint32_t>(ids.size());
  assert(buffers_free_ <= impl_->buffers);
}

std::optional<ReceivedMessage> Ring::parse_message(const Completion& done) const noexcept {
  if (done.result < 0 || !done.has_buffer) return std::nullopt;
  const msghdr& shape = impl_->message_shape;
  const size_t before_payload =
      sizeof(io_uring_recvmsg_out) + shape.msg_namelen + shape.msg_controllen;
  const auto got = std::min(static_cast<size_t>(done.result), impl_->buffer_size);
  if (got < before_payload) return std::nullopt;
  const std::byte* const base = buffer(done.buffer, got).data();
  io_uring_recvmsg_out head;
  std::memcpy(&head, base, sizeof head);
  ReceivedMessage message;
  message.peer = reinterpret_cast<const sockaddr*>(base + sizeof head);
  message.peer_bytes = std::min<socklen_t>(head.namelen, shape.msg_namelen);
  message.payload = {base + before_payload, got - before_payload};
  message.truncated = (head.flags & MSG_TRUNC) != 0;
  message.segment_bytes = gro_segment({base + sizeof head + shape.msg_namelen,
                                       std::min<size_t>(head.controllen, shape.msg_controllen)});
  return message;
}

}  // namespace zonesweep::io
