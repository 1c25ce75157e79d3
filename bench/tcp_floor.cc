// tcp_floor - the least CPU that a WHOIS transaction can cost on this machine: a bare loop that
// connects, sends a line, reads to the end, closes, and does nothing else. What zonesweep costs more
// than this is ours to explain.
//
//   tcp_floor MODE PORT [--address A] [--transactions N] [--connections N] [--names FILE]
//             [--prefix TEXT] [--wait N]
//
//   epoll    socket(2), connect(2), send(2), recv(2) to the end, close(2)
//   steps    io_uring on direct descriptors: socket, connect and send in one chain, then recv
//            again and again until the end, then close
//   linked   one chain of all five; its one recv waits for the end (MSG_WAITALL)
//
// A line is PREFIX NAME CR LF; without --names, second-level names of .com are made up. A
// transaction succeeds when at least a byte came and then an orderly end. Prints one line of JSON:
// CPU microseconds per transaction, transactions per second, bytes, failures.
#include <arpa/inet.h>
#include <liburing.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

namespace limits {
constexpr size_t kAnswerBytes = 64 * 1024;  // longer ones fail in `linked`; untouched, it costs
                                            // nothing
constexpr size_t kLineBytes = 512;
constexpr uint32_t kConnections = 16'384;
constexpr uint32_t kOpsPerTransaction = 5;
constexpr uint32_t kEvents = 256;
constexpr auto kGather = std::chrono::milliseconds{1};
}  // namespace limits

[[noreturn]] void die(const char* what) {
  std::perror(what);
  std::exit(1);
}

struct Options {
  std::string mode;
  std::string address = "127.0.0.1";
  uint16_t port = 0;
  uint64_t transactions = 200'000;
  uint32_t connections = 1'000;
  uint32_t wait = 32;  // completions that a turn hopes for
  std::string names_path;
  std::string prefix;
};

std::vector<std::string> read_names(const std::string& path) {
  std::vector<std::string> names;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    if (!line.empty()) names.push_back(line);
  }
  return names;
}

std::vector<std::string> made_names() {
  std::vector<std::string> names;
  uint64_t state = 1;
  const auto draw = [&state](uint64_t bound) {
    state = state * 6'364'136'223'846'793'005U + 1'442'695'040'888'963'407U;
    return (state >> 33U) % bound;
  };
  for (int i = 0; i < 100'000; ++i) {
    std::string name;
    for (uint64_t letters = 5 + draw(14); letters > 0; --letters) {
      name += static_cast<char>('a' + draw(26));
    }
    names.push_back(name + ".com");
  }
  return names;
}

// What is asked, and what came of it.
class Transactions {
 public:
  Transactions(std::vector<std::string> names, const Options& options)
      : names_(std::move(names)), prefix_(options.prefix), total_(options.transactions) {}

  [[nodiscard]] bool can_begin() const { return begun_ < total_; }
  [[nodiscard]] bool finished() const { return done_ + failed_ >= total_; }
  [[nodiscard]] uint64_t in_flight() const { return begun_ - done_ - failed_; }
  [[nodiscard]] uint64_t done() const { return done_; }
  [[nodiscard]] uint64_t failed() const { return failed_; }
  [[nodiscard]] uint64_t bytes() const { return bytes_; }

  // Writes the next line and returns its size.
  size_t begin(std::span<char, limits::kLineBytes> out) {
    const std::string& name = names_[begun_++ % names_.size()];
    if (prefix_.size() + name.size() + 2 > out.size()) die("a name is too long");
    char* at = std::ranges::copy(prefix_, out.data()).out;
    at = std::ranges::copy(name, at).out;
    *at++ = '\r';
    *at++ = '\n';
    return static_cast<size_t>(at - out.data());
  }
  void end(uint64_t bytes, bool orderly) {
    bytes_ += bytes;
    (orderly && bytes > 0 ? done_ : failed_)++;
  }

 private:
  std::vector<std::string> names_;
  std::string prefix_;
  uint64_t total_;
  uint64_t begun_ = 0;
  uint64_t done_ = 0;
  uint64_t failed_ = 0;
  uint64_t bytes_ = 0;
};

sockaddr_in server_of(const Options& options) {
  sockaddr_in server{};
  server.sin_family = AF_INET;
  server.sin_port = htons(options.port);
  if (::inet_pton(AF_INET, options.address.c_str(), &server.sin_addr) != 1) die("--address");
  return server;
}

// --- epoll
// -----------------------------------------------------------------------------------------

class EpollClient {
 public:
  EpollClient(const Options& options, Transactions& work)
      : server_(server_of(options)),
        work_(work),
        connections_(options.connections),
        epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
    for (uint32_t i = options.connections; i > 0; --i) free_.push_back(i - 1);
  }

  void run() {
    std::array<epoll_event, limits::kEvents> events;
    while (!work_.finished()) {
      while (!free_.empty() && work_.can_begin()) begin();
      const int count = ::epoll_wait(epoll_, events.data(), limits::kEvents, 1'000);
      for (int i = 0; i < count; ++i) {
        const uint32_t index = events[static_cast<size_t>(i)].data.u32;
        if (connections_[index].asked) {
          receive(index);
        } else {
          ask(index);
        }
      }
    }
  }

 private:
  struct Connection {
    int fd = -1;
    bool asked = false;
    uint64_t bytes = 0;
    size_t line_bytes = 0;
    std::array<char, limits::kLineBytes> line;
  };

  void begin() {
    const uint32_t index = free_.back();
    free_.pop_back();
    Connection& connection = connections_[index];
    connection.asked = false;
    connection.bytes = 0;
    connection.line_bytes = work_.begin(connection.line);
    connection.fd = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (connection.fd < 0) die("socket");
    if (::connect(connection.fd, reinterpret_cast<const sockaddr*>(&server_), sizeof server_) !=
            0 &&
        errno != EINPROGRESS) {
      return end(index, false);
    }
    watch(index, EPOLL_CTL_ADD, EPOLLOUT);
  }
  void watch(uint32_t index, int operation, uint32_t what) {
    epoll_event event{};
    event.events = what;
    event.data.u32 = index;
    if (::epoll_ctl(epoll_, operation, connections_[index].fd, &event) != 0) die("epoll_ctl");
  }
  void ask(uint32_t index) {
    Connection& connection = connections_[index];
    const ssize_t sent =
        ::send(connection.fd, connection.line.data(), connection.line_bytes, MSG_NOSIGNAL);
    if (sent != static_cast<ssize_t>(connection.line_bytes)) return end(index, false);
    connection.asked = true;
    watch(index, EPOLL_CTL_MOD, EPOLLIN);
  }
  void receive(uint32_t index) {
    Connection& connection = connections_[index];
    const ssize_t got = ::recv(connection.fd, answer_.data(), answer_.size(), 0);
    if (got <= 0) return end(index, got == 0);
    connection.bytes += static_cast<uint64_t>(got);
  }
  void end(uint32_t index, bool orderly) {
    ::close(connections_[index].fd);
    work_.end(connections_[index].bytes, orderly);
    free_.push_back(index);
  }

  sockaddr_in server_;
  Transactions& work_;
  std::vector<Connection> connections_;
  std::vector<uint32_t> free_;
  std::array<char, limits::kAnswerBytes> answer_;
  int epoll_;
};

// --- io_uring
// --------------------------------------------------------------------------------------

class UringClient {
 public:
  UringClient(const Options& options, Transactions& work)
      : server_(server_of(options)),
        work_(work),
        linked_(options.mode == "linked"),
        wait_(options.wait),
        connections_(options.connections),
        answers_(std::make_unique_for_overwrite<char[]>(options.connections * answer_bytes())) {
    io_uring_params params{};
    params.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_CQSIZE;
    params.cq_entries = 32'768;
    if (io_uring_queue_init_params(8'192, &ring_, &params) != 0) die("io_uring");
    io_uring_register_ring_fd(&ring_);
    if (io_uring_register_files_sparse(&ring_, options.connections) != 0) die("register_files");
    for (uint32_t i = options.connections; i > 0; --i) free_.push_back(i - 1);
  }
  ~UringClient() { io_uring_queue_exit(&ring_); }
  UringClient(const UringClient&) = delete;
  UringClient& operator=(const UringClient&) = delete;

  void run() {
    while (!work_.finished()) {
      while (!free_.empty() && work_.can_begin()) begin();
      io_uring_cqe* first = nullptr;
      __kernel_timespec limit{0, std::chrono::nanoseconds{limits::kGather}.count()};
      const auto wait = static_cast<unsigned>(
          std::clamp<uint64_t>(wait_, 1, std::max<uint64_t>(work_.in_flight(), 1)));
      io_uring_submit_and_wait_timeout(&ring_, &first, wait, &limit, nullptr);
      unsigned head = 0;
      unsigned seen = 0;
      io_uring_for_each_cqe(&ring_, head, first) {
        ++seen;
        const uint64_t tag = io_uring_cqe_get_data64(first);
        completed(static_cast<uint32_t>(tag >> 8U), static_cast<Op>(tag & 0xFFU), first->res);
      }
      io_uring_cq_advance(&ring_, seen);
    }
  }

 private:
  enum class Op : uint8_t { socket, connect, send, receive, close };
  struct Connection {
    uint64_t bytes = 0;
    bool orderly = false;
    std::array<char, limits::kLineBytes> line;
  };

  [[nodiscard]] size_t answer_bytes() const {
    return linked_ ? limits::kAnswerBytes : limits::kAnswerBytes / 4;
  }

  // Room for a whole chain: one that is cut by a submission runs in two parts.
  void need(uint32_t count) {
    if (io_uring_sq_space_left(&ring_) < count) io_uring_submit(&ring_);
  }
  io_uring_sqe* entry() { return io_uring_get_sqe(&ring_); }
  static void seal(io_uring_sqe* entry, uint32_t index, Op op, unsigned flags) {
    entry->flags = static_cast<uint8_t>(entry->flags | flags);
    io_uring_sqe_set_data64(entry, uint64_t{index} << 8U | static_cast<uint64_t>(op));
  }

  void begin() {
    const uint32_t index = free_.back();
    free_.pop_back();
    Connection& connection = connections_[index];
    connection.bytes = 0;
    connection.orderly = false;
    const size_t size = work_.begin(connection.line);
    const auto fd = static_cast<int>(index);
    constexpr unsigned kQuietly = IOSQE_IO_LINK | IOSQE_CQE_SKIP_SUCCESS;
    need(limits::kOpsPerTransaction);
    io_uring_sqe* step = entry();
    io_uring_prep_socket_direct(step, AF_INET, SOCK_STREAM, 0, index, 0);
    seal(step, index, Op::socket, kQuietly);
    step = entry();
    io_uring_prep_connect(step, fd, reinterpret_cast<const sockaddr*>(&server_), sizeof server_);
    seal(step, index, Op::connect, IOSQE_FIXED_FILE | kQuietly);
    step = entry();
    io_uring_prep_send(step, fd, connection.line.data(), size, MSG_NOSIGNAL);
    seal(step, index, Op::send, IOSQE_FIXED_FILE | kQuietly);
    receive(index);
    if (linked_) close(index);
  }

  void receive(uint32_t index) {
    io_uring_sqe* const step = entry();
    char* const answer = &answers_[index * answer_bytes()];
    io_uring_prep_recv(step, static_cast<int>(index), answer, answer_bytes(),
                       linked_ ? MSG_WAITALL : 0);
    // The close behind it comes whether or not the buffer was filled.
    seal(step, index, Op::receive, IOSQE_FIXED_FILE | (linked_ ? IOSQE_IO_HARDLINK : 0U));
  }
  void close(uint32_t index) {
    io_uring_sqe* const step = entry();
    io_uring_prep_close_direct(step, index);
    seal(step, index, Op::close, 0);
  }

  void completed(uint32_t index, Op op, int result) {
    Connection& connection = connections_[index];
    switch (op) {
      case Op::receive: return received(index, result);
      case Op::close:
        work_.end(connection.bytes, connection.orderly);
        free_.push_back(index);
        return;
      default:  // it failed, and what was linked to it is cancelled without a word
        need(1);
        return close(index);
    }
  }
  void received(uint32_t index, int result) {
    Connection& connection = connections_[index];
    if (result > 0) connection.bytes += static_cast<uint64_t>(result);
    if (linked_) {
      connection.orderly = result >= 0 && static_cast<size_t>(result) < answer_bytes();
      return;  // the close is on its way, or was cancelled too
    }
    need(1);
    if (result > 0) return receive(index);
    connection.orderly = result == 0;
    close(index);
  }

  io_uring ring_{};
  sockaddr_in server_;
  Transactions& work_;
  bool linked_;
  uint32_t wait_;
  std::vector<Connection> connections_;
  std::vector<uint32_t> free_;
  std::unique_ptr<char[]> answers_;
};

double seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
}

void report(const Options& options, const Transactions& work, double wall) {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const double each = 1e6 / static_cast<double>(std::max<uint64_t>(work.done(), 1));
  std::printf(
      "{\"mode\":\"%s\",\"transactions\":%llu,\"failed\":%llu,\"bytes\":%llu,\"seconds\":%.3f,"
      "\"tps\":%.0f,\"user_us\":%.3f,\"system_us\":%.3f,\"cpu_us\":%.3f}\n",
      options.mode.c_str(), static_cast<unsigned long long>(work.done()),
      static_cast<unsigned long long>(work.failed()), static_cast<unsigned long long>(work.bytes()),
      wall, static_cast<double>(work.done()) / wall, seconds(usage.ru_utime) * each,
      seconds(usage.ru_stime) * each, (seconds(usage.ru_utime) + seconds(usage.ru_stime)) * each);
}

std::optional<uint64_t> number(std::string_view text) {
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.begin(), text.end(), value);
  if (error != std::errc{} || end != text.end()) return std::nullopt;
  return value;
}

[[noreturn]] void usage() {
  std::fputs(
      "tcp_floor epoll|steps|linked PORT [--address A] [--transactions N] [--connections N]\n"
      "          [--names FILE] [--prefix TEXT] [--wait N]\n",
      stderr);
  std::exit(2);
}

Options parse(std::span<char*> words) {
  Options options;
  if (words.size() < 3) usage();
  options.mode = words[1];
  options.port = static_cast<uint16_t>(number(words[2]).value_or(0));
  for (size_t i = 3; i + 1 < words.size(); i += 2) {
    const std::string_view word = words[i];
    const std::string_view value = words[i + 1];
    const auto count = number(value);
    if (word == "--names") {
      options.names_path = value;
    } else if (word == "--address") {
      options.address = value;
    } else if (word == "--prefix") {
      options.prefix = value;
    } else if (!count || *count == 0) {
      usage();
    } else if (word == "--transactions") {
      options.transactions = *count;
    } else if (word == "--connections") {
      options.connections = static_cast<uint32_t>(std::min<uint64_t>(*count, limits::kConnections));
    } else if (word == "--wait") {
      options.wait = static_cast<uint32_t>(*count);
    } else {
      usage();
    }
  }
  if (words.size() % 2 == 0) usage();
  return options;
}

void raise_file_limit() {
  rlimit files{};
  ::getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &files);
}

}  // namespace

int main(int argc, char** argv) {
  const Options options = parse({argv, static_cast<size_t>(argc)});
  auto names = options.names_path.empty() ? made_names() : read_names(options.names_path);
  if (names.empty()) usage();
  raise_file_limit();
  Transactions work(std::move(names), options);
  const auto start = Clock::now();
  if (options.mode == "epoll") {
    std::make_unique<EpollClient>(options, work)->run();
  } else if (options.mode == "steps" || options.mode == "linked") {
    UringClient(options, work).run();
  } else {
    usage();
  }
  report(options, work, std::chrono::duration<double>(Clock::now() - start).count());
}
