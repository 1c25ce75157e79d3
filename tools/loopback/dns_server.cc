#include "tools/loopback/dns_server.h"

#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <future>

#ifndef UDP_GRO
#define UDP_GRO 104
#endif

namespace zonesweep::loopback {
namespace {

constexpr int kSocketBufferBytes = 64 * 1024 * 1024;
constexpr int kBacklog = 1'024;
constexpr int kPortTries = 16;  // for a port that is free for both UDP and TCP

std::string trouble(std::string_view what, const io::Endpoint& at) {
  return fmt::format("{} {}: {}", what, at.to_string(), std::strerror(errno));
}

void set(int fd, int level, int option, int value) {
  ::setsockopt(fd, level, option, &value, sizeof value);
}

int bound_socket(const io::Endpoint& at, int type) {
  sockaddr_storage address{};
  const socklen_t bytes = at.to_sockaddr(address);
  const int fd = ::socket(address.ss_family, type | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  set(fd, SOL_SOCKET, type == SOCK_DGRAM ? SO_REUSEPORT : SO_REUSEADDR, 1);
  if (type == SOCK_STREAM) set(fd, SOL_SOCKET, SO_REUSEPORT, 1);
  if (::bind(fd, reinterpret_cast<const sockaddr*>(&address), bytes) == 0) return fd;
  ::close(fd);
  return -1;
}

// Without CAP_NET_ADMIN only the plain option works, up to net.core.rmem_max.
void widen_buffers(int fd) {
  for (const auto& [force, plain] :
       {std::pair{SO_RCVBUFFORCE, SO_RCVBUF}, {SO_SNDBUFFORCE, SO_SNDBUF}}) {
    const int bytes = kSocketBufferBytes;
    if (::setsockopt(fd, SOL_SOCKET, force, &bytes, sizeof bytes) != 0)
      set(fd, SOL_SOCKET, plain, bytes);
  }
}

int listening_socket(const io::Endpoint& at) {
  const int fd = bound_socket(at, SOCK_STREAM);
  if (fd < 0) return -1;
  const linger reset_on_close{1, 0};  // inherited by what is accepted; see streams.h
  ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset_on_close, sizeof reset_on_close);
  set(fd, IPPROTO_TCP, TCP_NODELAY, 1);
  if (::listen(fd, kBacklog) == 0) return fd;
  ::close(fd);
  return -1;
}

uint16_t port_of(int fd) {
  sockaddr_storage address{};
  socklen_t bytes = sizeof address;
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &bytes);
  Peer peer;
  std::memcpy(peer.address.data(), &address, std::min<size_t>(bytes, limits::kPeerBytes));
  return peer.port();
}

}  // namespace

std::string DnsStatistics::to_json() const {
  const DnsCounters& c = counters;
  std::string codes;
  for (size_t code = 0; code < c.rcodes.size(); ++code) {
    if (c.rcodes[code] == 0) continue;
    codes += fmt::format("{}\"{}\":{}", codes.empty() ? "" : ",", code, c.rcodes[code]);
  }
  return fmt::format(
      "{{\"queries\":{},\"over_tcp\":{},\"not_understood\":{},\"distinct_questions\":{},"
      "\"replies\":{},"
      "\"lost_queries\":{},\"lost_answers\":{},\"duplicates\":{},\"bad_ids\":{},\"rate_dropped\":{}"
      ","
      "\"rate_refused\":{},\"with_fault\":{},\"send_failures\":{},\"log_bytes_lost\":{},\"rcodes\":"
      "{{{}}}}}",
      c.queries, c.over_tcp, c.not_understood, distinct_questions, c.replies, c.lost_queries,
      c.lost_answers, c.duplicates, c.bad_ids, c.rate_dropped, c.rate_refused, c.with_fault,
      send_failures, log_bytes_lost, codes);
}

DnsServer::DnsServer(DnsServerOptions options)
    : options_(std::move(options)), world_(options_.world) {}

DnsServer::~DnsServer() { stop(); }

std::expected<io::Endpoint, std::string> DnsServer::bind_lane(const io::Endpoint& at,
                                                              LaneSockets& sockets) {
  for (int tries = 0;; ++tries) {
    io::Endpoint bound = at;
    sockets.udp = bound_socket(at, SOCK_DGRAM);
    if (sockets.udp < 0) return std::unexpected(trouble("cannot bind UDP", at));
    widen_buffers(sockets.udp);
    if (options_.joined) set(sockets.udp, SOL_UDP, UDP_GRO, 1);
    bound.port = port_of(sockets.udp);
    if (!options_.tcp) return bound;
    sockets.listener = listening_socket(bound);
    if (sockets.listener >= 0) return bound;
    const std::string reason = trouble("cannot listen on TCP", bound);
    ::close(sockets.udp);
    if (at.port != 0 || tries == kPortTries) return std::unexpected(reason);
  }
}

std::expected<io::Endpoint, std::string> DnsServer::start() {
  io::Endpoint at = options_.listen;
  for (uint32_t index = 0; index < std::max(options_.lanes, 1U); ++index) {
    LaneSockets sockets;
    const auto bound = bind_lane(at, sockets);
    if (!bound) return bound;
    at = *bound;
    if (const auto started = start_lane(sockets, index); !started) {
      stop();
      return std::unexpected(started.error());
    }
  }
  return at;
}

// The ring must be made by the thread that uses it, so the thread reports how that went.
std::expected<void, std::string> DnsServer::start_lane(LaneSockets sockets, uint32_t index) {
  lanes_.push_back(std::make_unique<Lane>());
  Lane& lane = *lanes_.back();
  if (!options_.log_path.empty()) {
    if (const auto opened = lane.log.open(options_.log_path, index == 0); !opened) {
      ::close(sockets.udp);
      if (sockets.listener >= 0) ::close(sockets.listener);
      return std::unexpected(options_.log_path + ": " + opened.error());
    }
  }
  DnsLane::Options options;
  options.world = &world_;
  options.impairments = options_.impairments;
  options.chance_seed = options_.world.seed + index;
  options.count_distinct = options_.count_distinct;
  options.joined = options_.joined;
  options.sockets = sockets;
  options.log = lane.log.on() ? &lane.log : nullptr;
  const double lanes = std::max(options_.lanes, 1U);
  options.impairments.queries_per_second /= lanes;
  options.impairments.refuse_above /= lanes;
  std::promise<std::string> ready;
  auto outcome = ready.get_future();
  lane.thread = std::thread([this, &lane, options, &ready] {
    auto opened = DnsLane::open(options);
    if (!opened) {
      ready.set_value(opened.error().message);
      return;
    }
    lane.lane = std::move(*opened);
    ready.set_value({});
    lane.lane->run(stop_);
  });
  const std::string error = outcome.get();
  if (!error.empty()) return std::unexpected(error);
  return {};
}

void DnsServer::stop() {
  stop_.store(true, std::memory_order_relaxed);
  for (const auto& lane : lanes_) {
    if (lane->thread.joinable()) lane->thread.join();
  }
}

DnsStatistics DnsServer::statistics() const {
  DnsStatistics all;
  std::unordered_set<uint64_t> distinct;
  for (const auto& lane : lanes_) {
    if (!lane->lane) continue;
    all.counters.add(lane->lane->counters());
    all.send_failures += lane->lane->send_failures();
    all.log_bytes_lost += lane->log.lost_bytes();
    distinct.insert(lane->lane->distinct().begin(), lane->lane->distinct().end());
  }
  all.distinct_questions = distinct.size();
  return all;
}

}  // namespace zonesweep::loopback
