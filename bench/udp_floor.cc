// udp_floor - the least CPU that a DNS question over UDP can cost on this machine: a bare loop that
// sends queries, takes answers, and does nothing else. What zonesweep costs more than this is ours
// to explain.
//
//   udp_floor MODE PORT [--queries N] [--window N] [--names FILE] [--edns] [--wait N] [--segments
//   N]
//
//   simple    send(2) and recv(2) per packet, epoll
//   mmsg      sendmmsg(2) and recvmmsg(2) of 64
//   uring     a send per query, multishot recv into provided buffers
//   uringgso  the same, but queries of one length leave in one GSO send, and a turn waits for many
//             completions or a millisecond, so that those sends fill up
//
// Prints one line of JSON: CPU microseconds per query, queries per second, answers, losses. An
// answer counts by its id alone; a query without an answer for kLossAfter is given up and asked no
// more.
#include <arpa/inet.h>
#include <liburing.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
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
#include <vector>

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif

namespace {

using Clock = std::chrono::steady_clock;

namespace limits {
constexpr size_t kQueryBytes = 12 + 255 + 4 + 11;  // header, name, type and class, OPT
constexpr size_t kAnswerBytes =
    512;  // enough for the answers here: the floor has no reason to spread out
constexpr size_t kSendBytes = 65'507;  // one GSO send
constexpr uint32_t kSegments = 64;     // UDP_MAX_SEGMENTS
constexpr uint32_t kBatch = 64;        // of sendmmsg and recvmmsg
constexpr uint32_t kBuffers = 4'096;
constexpr uint32_t kIds = 65'536;
constexpr auto kLossAfter = std::chrono::seconds{1};
constexpr auto kGather = std::chrono::milliseconds{1};
constexpr int kSocketBufferBytes = 64 << 20;
}  // namespace limits

[[noreturn]] void die(const char* what) {
  std::perror(what);
  std::exit(1);
}

struct Options {
  std::string mode;
  uint16_t port = 0;
  uint64_t queries = 1'000'000;
  uint32_t window = 1'000;
  uint32_t wait = 64;
  uint32_t segments = limits::kSegments;
  bool edns = false;
  std::string names_path;
};

// Names in wire form, one behind the other.
class Names {
 public:
  void add(std::string_view text) {
    starts_.push_back(static_cast<uint32_t>(wire_.size()));
    while (!text.empty()) {
      const std::string_view label = text.substr(0, text.find('.'));
      wire_.push_back(static_cast<uint8_t>(label.size()));
      wire_.insert(wire_.end(), label.begin(), label.end());
      text.remove_prefix(std::min(text.size(), label.size() + 1));
    }
    wire_.push_back(0);
  }
  [[nodiscard]] bool empty() const { return starts_.empty(); }
  // The next one, round and round.
  std::span<const uint8_t> next() {
    const uint32_t start = starts_[next_];
    const size_t after = ++next_ == starts_.size() ? wire_.size() : starts_[next_];
    if (next_ == starts_.size()) next_ = 0;
    return std::span(wire_).subspan(start, after - start);
  }

 private:
  std::vector<uint8_t> wire_;
  std::vector<uint32_t> starts_;
  size_t next_ = 0;
};

Names read_names(const std::string& path) {
  Names names;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    if (!line.empty()) names.add(line);
  }
  return names;
}

// Like second-level names of a large zone: 5 to 18 letters.
Names made_names() {
  Names names;
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
    names.add(name + ".com");
  }
  return names;
}

// What is asked, which ids are out, and what came back.
class Questions {
 public:
  Questions(Names names, const Options& options)
      : names_(std::move(names)), total_(options.queries), edns_(options.edns) {
    for (uint32_t id = 0; id < options.window; ++id) free_.push_back(static_cast<uint16_t>(id));
  }

  [[nodiscard]] bool can_ask() const { return !free_.empty() && asked_ < total_; }
  [[nodiscard]] bool finished() const { return answered_ + lost_ >= total_; }
  [[nodiscard]] uint32_t in_flight() const { return in_flight_; }
  [[nodiscard]] uint64_t answered() const { return answered_; }
  [[nodiscard]] uint64_t lost() const { return lost_; }

  // Writes the next query and returns its size.
  size_t ask(uint8_t* out) {
    const uint16_t id = free_.back();
    free_.pop_back();
    out_[id] = true;
    ++in_flight_;
    ++asked_;
    const auto name = names_.next();
    const std::array<uint8_t, 12> header{
        static_cast<uint8_t>(id >> 8U),     static_cast<uint8_t>(id), 1, 0, 0, 1, 0, 0, 0, 0, 0,
        static_cast<uint8_t>(edns_ ? 1 : 0)};
    constexpr std::array<uint8_t, 4> kTypeAndClass{0, 1, 0, 1};
    constexpr std::array<uint8_t, 11> kOpt{0, 0, 41, 1'232 >> 8, 1'232 & 255, 0, 0, 0, 0, 0, 0};
    uint8_t* at = std::ranges::copy(header, out).out;
    at = std::ranges::copy(name, at).out;
    at = std::ranges::copy(kTypeAndClass, at).out;
    if (edns_) at = std::ranges::copy(kOpt, at).out;
    return static_cast<size_t>(at - out);
  }

  void answer(const uint8_t* bytes, size_t size) {
    if (size < 12) return;
    const uint32_t id = uint32_t{bytes[0]} << 8U | bytes[1];
    if (!out_[id]) return;
    out_[id] = false;
    free_.push_back(static_cast<uint16_t>(id));
    --in_flight_;
    ++answered_;
  }

  // Called when nothing came: gives up what is out for too long.
  void idle() {
    const auto now = Clock::now();
    if (answered_ != answered_then_ || quiet_since_ == Clock::time_point{}) {
      answered_then_ = answered_;
      quiet_since_ = now;
    }
    if (now - quiet_since_ < limits::kLossAfter) return;
    lost_ += in_flight_;
    for (uint32_t id = 0; id < limits::kIds; ++id) {
      if (out_[id]) free_.push_back(static_cast<uint16_t>(id));
      out_[id] = false;
    }
    in_flight_ = 0;
    quiet_since_ = {};
  }

 private:
  Names names_;
  uint64_t total_;
  bool edns_;
  uint64_t asked_ = 0;
  uint64_t answered_ = 0;
  uint64_t answered_then_ = 0;
  uint64_t lost_ = 0;
  uint32_t in_flight_ = 0;
  Clock::time_point quiet_since_{};
  std::vector<uint16_t> free_;
  std::array<bool, limits::kIds> out_{};
};

int connected_socket(uint16_t port) {
  const int fd = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) die("socket");
  const int bytes = limits::kSocketBufferBytes;
  ::setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes);
  ::setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof bytes);
  sockaddr_in peer{};
  peer.sin_family = AF_INET;
  peer.sin_port = htons(port);
  peer.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&peer), sizeof peer) != 0) die("connect");
  return fd;
}

class Epoll {
 public:
  explicit Epoll(int fd) : epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
    epoll_event event{};
    event.events = EPOLLIN;
    if (::epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event) != 0) die("epoll_ctl");
  }
  // False when nothing came within a tenth of a second.
  bool wait() {
    epoll_event event{};
    return ::epoll_wait(epoll_, &event, 1, 100) > 0;
  }

 private:
  int epoll_;
};

void run_simple(int fd, Questions& questions) {
  Epoll epoll{fd};
  std::array<uint8_t, limits::kAnswerBytes> bytes;
  const auto drain = [&] {
    for (ssize_t got = 0; (got = ::recv(fd, bytes.data(), bytes.size(), MSG_DONTWAIT)) >= 0;) {
      questions.answer(bytes.data(), static_cast<size_t>(got));
    }
  };
  while (!questions.finished()) {
    while (questions.can_ask()) {
      std::array<uint8_t, limits::kQueryBytes> query;
      const size_t size = questions.ask(query.data());
      if (::send(fd, query.data(), size, 0) < 0) die("send");
      drain();
    }
    if (!epoll.wait()) questions.idle();
    drain();
  }
}

template <size_t Bytes>
struct Packets {  // one array of messages for sendmmsg or recvmmsg
  std::array<std::array<uint8_t, Bytes>, limits::kBatch> bytes;
  std::array<iovec, limits::kBatch> parts{};
  std::array<mmsghdr, limits::kBatch> messages{};

  Packets() {
    for (size_t i = 0; i < limits::kBatch; ++i) {
      parts[i] = {bytes[i].data(), Bytes};
      messages[i].msg_hdr.msg_iov = &parts[i];
      messages[i].msg_hdr.msg_iovlen = 1;
    }
  }
};

void run_mmsg(int fd, Questions& questions) {
  Epoll epoll{fd};
  const auto out = std::make_unique<Packets<limits::kQueryBytes>>();
  const auto in = std::make_unique<Packets<limits::kAnswerBytes>>();
  while (!questions.finished()) {
    while (questions.can_ask()) {
      uint32_t count = 0;
      for (; count < limits::kBatch && questions.can_ask(); ++count) {
        out->parts[count].iov_len = questions.ask(out->bytes[count].data());
      }
      for (uint32_t sent = 0; sent < count;) {
        const int step = ::sendmmsg(fd, &out->messages[sent], count - sent, 0);
        if (step <= 0) die("sendmmsg");
        sent += static_cast<uint32_t>(step);
      }
    }
    int got = 0;
    bool any = false;
    while ((got = ::recvmmsg(fd, in->messages.data(), limits::kBatch, MSG_DONTWAIT, nullptr)) > 0) {
      any = true;
      for (int i = 0; i < got; ++i)
        questions.answer(in->bytes[static_cast<size_t>(i)].data(),
                         in->messages[static_cast<size_t>(i)].msg_len);
      if (got < static_cast<int>(limits::kBatch)) break;
    }
    if (!any && !epoll.wait()) questions.idle();
  }
}

class Uring {
 public:
  explicit Uring(int fd) : buffers_(limits::kBuffers * limits::kAnswerBytes) {
    io_uring_params params{};
    params.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_CQSIZE;
    params.cq_entries = 16'384;
    if (io_uring_queue_init_params(4'096, &ring_, &params) != 0) die("io_uring");
    io_uring_register_ring_fd(&ring_);
    if (io_uring_register_files(&ring_, &fd, 1) != 0) die("register_files");
    provide_buffers();
    receive();
  }
  ~Uring() { io_uring_queue_exit(&ring_); }
  Uring(const Uring&) = delete;
  Uring& operator=(const Uring&) = delete;

  io_uring_sqe* send_entry(void* tag) {
    io_uring_sqe* entry = io_uring_get_sqe(&ring_);
    if (entry == nullptr) {
      io_uring_submit(&ring_);
      entry = io_uring_get_sqe(&ring_);
    }
    io_uring_sqe_set_data(entry, tag);
    return entry;
  }

  // Submits, waits for `count` completions or `patience`, and deals them out. False when none came.
  template <typename OnSent>
  bool turn(uint32_t count, std::chrono::nanoseconds patience, Questions& questions,
            OnSent on_sent) {
    io_uring_cqe* first = nullptr;
    __kernel_timespec limit{0, patience.count()};
    io_uring_submit_and_wait_timeout(&ring_, &first, count, &limit, nullptr);
    unsigned head = 0;
    unsigned seen = 0;
    int returned = 0;
    bool armed = true;
    io_uring_for_each_cqe(&ring_, head, first) {
      ++seen;
      if (io_uring_cqe_get_data(first) != this) {
        on_sent(io_uring_cqe_get_data(first), first->res);
        continue;
      }
      armed = armed && (first->flags & IORING_CQE_F_MORE) != 0;
      if (first->res < 0 || (first->flags & IORING_CQE_F_BUFFER) == 0) continue;
      const auto id = static_cast<unsigned short>(first->flags >> IORING_CQE_BUFFER_SHIFT);
      uint8_t* const bytes = &buffers_[id * limits::kAnswerBytes];
      questions.answer(bytes, static_cast<size_t>(first->res));
      io_uring_buf_ring_add(entries_, bytes, limits::kAnswerBytes, id, mask(), returned++);
    }
    io_uring_buf_ring_advance(entries_, returned);
    io_uring_cq_advance(&ring_, seen);
    if (!armed) receive();
    return seen > 0;
  }

 private:
  static int mask() { return io_uring_buf_ring_mask(limits::kBuffers); }

  void provide_buffers() {
    void* memory = nullptr;
    if (posix_memalign(&memory, 4'096, limits::kBuffers * sizeof(io_uring_buf)) != 0) die("memory");
    entries_ = static_cast<io_uring_buf_ring*>(memory);
    io_uring_buf_reg registration{};
    registration.ring_addr = reinterpret_cast<uint64_t>(memory);
    registration.ring_entries = limits::kBuffers;
    if (io_uring_register_buf_ring(&ring_, &registration, 0) != 0) die("register_buf_ring");
    io_uring_buf_ring_init(entries_);
    for (uint32_t i = 0; i < limits::kBuffers; ++i) {
      io_uring_buf_ring_add(entries_, &buffers_[i * limits::kAnswerBytes], limits::kAnswerBytes,
                            static_cast<unsigned short>(i), mask(), static_cast<int>(i));
    }
    io_uring_buf_ring_advance(entries_, limits::kBuffers);
  }

  void receive() {
    io_uring_sqe* entry = send_entry(this);
    io_uring_prep_recv_multishot(entry, 0, nullptr, 0, 0);
    entry->flags |= IOSQE_FIXED_FILE | IOSQE_BUFFER_SELECT;
    io_uring_sqe_set_data(entry, this);
  }

  io_uring ring_{};
  io_uring_buf_ring* entries_ = nullptr;
  std::vector<uint8_t> buffers_;
};

void run_uring(int fd, Questions& questions, const Options& options) {
  Uring ring{fd};
  // A query's bytes stay put until its id is free again, by when the kernel has long copied them.
  struct Slot {
    std::array<uint8_t, limits::kQueryBytes> bytes;
  };
  std::vector<Slot> slots(4 * limits::kBuffers);
  size_t next = 0;
  while (!questions.finished()) {
    while (questions.can_ask()) {
      Slot& slot = slots[next++ % slots.size()];
      const size_t size = questions.ask(slot.bytes.data());
      io_uring_sqe* const entry = ring.send_entry(nullptr);
      io_uring_prep_send(entry, 0, slot.bytes.data(), size, 0);
      entry->flags |= IOSQE_FIXED_FILE | IOSQE_CQE_SKIP_SUCCESS;
      io_uring_sqe_set_data(entry, &slot);
    }
    const uint32_t wait = std::clamp(options.wait, 1U, std::max(questions.in_flight(), 1U));
    const bool came = ring.turn(wait, limits::kGather, questions, [](void*, int result) {
      if (result < 0) std::fprintf(stderr, "send: %s\n", std::strerror(-result));
    });
    if (!came) questions.idle();
  }
}

// Queries of one length, on their way out in one send.
struct Bucket {
  msghdr message{};
  iovec part{};
  alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(sizeof(uint16_t))> control{};
  size_t bytes = 0;
  uint32_t count = 0;
  std::array<uint8_t, limits::kSendBytes> data;

  void seal(size_t length) {
    part = {data.data(), bytes};
    message = {};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    if (count == 1) return;
    const auto segment = static_cast<uint16_t>(length);
    const cmsghdr header{CMSG_LEN(sizeof segment), SOL_UDP, UDP_SEGMENT};
    std::memcpy(control.data(), &header, sizeof header);
    std::memcpy(control.data() + CMSG_LEN(0), &segment, sizeof segment);
    message.msg_control = control.data();
    message.msg_controllen = control.size();
  }
};

class Buckets {
 public:
  Buckets(Uring& ring, uint32_t segments) : ring_(ring), segments_(segments) {}

  void add(std::span<const uint8_t> query) {
    Bucket*& bucket = open_[query.size()];
    if (bucket == nullptr) bucket = take();
    std::memcpy(&bucket->data[bucket->bytes], query.data(), query.size());
    bucket->bytes += query.size();
    if (++bucket->count == segments_) send(query.size());
  }
  void flush() {
    for (size_t length = 0; length < open_.size(); ++length) {
      if (open_[length] != nullptr) send(length);
    }
  }
  void sent(Bucket* bucket) { free_.push_back(bucket); }

 private:
  Bucket* take() {
    if (free_.empty()) {
      all_.push_back(std::make_unique_for_overwrite<Bucket>());
      free_.push_back(all_.back().get());
    }
    Bucket* const bucket = free_.back();
    free_.pop_back();
    bucket->bytes = 0;
    bucket->count = 0;
    return bucket;
  }
  void send(size_t length) {
    Bucket* const bucket = open_[length];
    open_[length] = nullptr;
    bucket->seal(length);
    io_uring_sqe* const entry = ring_.send_entry(bucket);
    io_uring_prep_sendmsg(entry, 0, &bucket->message, 0);
    entry->flags |= IOSQE_FIXED_FILE;
    io_uring_sqe_set_data(entry, bucket);
  }

  Uring& ring_;
  uint32_t segments_;
  std::array<Bucket*, limits::kQueryBytes + 1> open_{};
  std::vector<Bucket*> free_;
  std::vector<std::unique_ptr<Bucket>> all_;
};

void run_uring_gso(int fd, Questions& questions, const Options& options) {
  Uring ring{fd};
  Buckets buckets{ring, options.segments};
  while (!questions.finished()) {
    while (questions.can_ask()) {
      std::array<uint8_t, limits::kQueryBytes> query;
      const size_t size = questions.ask(query.data());
      buckets.add(std::span(query).first(size));
    }
    buckets.flush();
    const uint32_t wait = std::clamp(options.wait, 1U, std::max(questions.in_flight(), 1U));
    const bool came = ring.turn(wait, limits::kGather, questions, [&](void* tag, int result) {
      if (result < 0) std::fprintf(stderr, "send: %s\n", std::strerror(-result));
      buckets.sent(static_cast<Bucket*>(tag));
    });
    if (!came) questions.idle();
  }
}

double seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
}

void report(const Options& options, const Questions& questions, double wall) {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const double per_query = 1e6 / static_cast<double>(std::max<uint64_t>(questions.answered(), 1));
  std::printf(
      "{\"mode\":\"%s\",\"answers\":%llu,\"lost\":%llu,\"seconds\":%.3f,\"qps\":%.0f,"
      "\"user_us\":%.3f,\"system_us\":%.3f,\"cpu_us\":%.3f}\n",
      options.mode.c_str(), static_cast<unsigned long long>(questions.answered()),
      static_cast<unsigned long long>(questions.lost()), wall,
      static_cast<double>(questions.answered()) / wall, seconds(usage.ru_utime) * per_query,
      seconds(usage.ru_stime) * per_query,
      (seconds(usage.ru_utime) + seconds(usage.ru_stime)) * per_query);
}

std::optional<uint64_t> number(std::string_view text) {
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.begin(), text.end(), value);
  if (error != std::errc{} || end != text.end()) return std::nullopt;
  return value;
}

[[noreturn]] void usage() {
  std::fputs(
      "udp_floor simple|mmsg|uring|uringgso PORT [--queries N] [--window N] [--names FILE] "
      "[--edns]\n"
      "          [--wait N] [--segments N]\n",
      stderr);
  std::exit(2);
}

Options parse(std::span<char*> words) {
  Options options;
  if (words.size() < 3) usage();
  options.mode = words[1];
  options.port = static_cast<uint16_t>(number(words[2]).value_or(0));
  for (size_t i = 3; i < words.size(); ++i) {
    const std::string_view word = words[i];
    if (word == "--edns") {
      options.edns = true;
      continue;
    }
    if (i + 1 == words.size()) usage();
    const std::string_view value = words[++i];
    const auto count = number(value);
    if (word == "--names") {
      options.names_path = value;
    } else if (!count || *count == 0) {
      usage();
    } else if (word == "--queries") {
      options.queries = *count;
    } else if (word == "--window") {
      options.window = static_cast<uint32_t>(std::min<uint64_t>(*count, limits::kIds));
    } else if (word == "--wait") {
      options.wait = static_cast<uint32_t>(*count);
    } else if (word == "--segments") {
      options.segments = static_cast<uint32_t>(std::min<uint64_t>(*count, limits::kSegments));
    } else {
      usage();
    }
  }
  return options;
}

}  // namespace

int main(int argc, char** argv) {
  const Options options = parse({argv, static_cast<size_t>(argc)});
  Names names = options.names_path.empty() ? made_names() : read_names(options.names_path);
  if (names.empty()) usage();
  const int fd = connected_socket(options.port);
  const auto questions = std::make_unique<Questions>(std::move(names), options);
  const auto start = Clock::now();
  if (options.mode == "simple") {
    run_simple(fd, *questions);
  } else if (options.mode == "mmsg") {
    run_mmsg(fd, *questions);
  } else if (options.mode == "uring") {
    run_uring(fd, *questions, options);
  } else if (options.mode == "uringgso") {
    run_uring_gso(fd, *questions, options);
  } else {
    usage();
  }
  report(options, *questions, std::chrono::duration<double>(Clock::now() - start).count());
}
