// engine/dns_servers.h - the resolvers that a lane asks, and what it has learnt of each.
//
// Threads:    one lane: every lane learns for itself.
// Invariants: permits are taken only by Pace::sent().
// Ownership:  channels belong to the transport.
#pragma once

#include <array>
#include <cstdint>
#include <expected>
#include <span>
#include <string>
#include <vector>

#include "engine/message_ids.h"
#include "engine/pace.h"
#include "io/transport.h"
#include "protocols/dns/query.h"

namespace zonesweep::engine {

namespace limits {
inline constexpr uint32_t kSocketsAll = 64;  // per lane, shared out over the servers
inline constexpr uint32_t kSocketsPerServerMin = 2;
inline constexpr uint32_t kSocketsPerServerMax = 16;
inline constexpr uint32_t kRefusalsOfEdns = 3;  // in a row, from a server that never understood it
}  // namespace limits

struct DnsServer {
  DnsServer(const io::Endpoint& at, io::ChannelId opened, const Pace::Options& pace_options,
            Instant now)
      : endpoint(at),
        text(at.to_string()),
        channel(opened),
        pace(pace_options, now),
        client_cookie(random_u64()) {
    learn_cookie(std::as_bytes(std::span(&client_cookie, 1)));
  }

  // Keeps the client cookie alone, or with the server's part behind it (RFC 7873 section 5.3).
  void learn_cookie(std::span<const std::byte> whole) {
    cookie_size = static_cast<uint8_t>(std::min(whole.size(), cookie.size()));
    std::copy_n(whole.begin(), cookie_size, cookie.begin());
  }
  [[nodiscard]] std::span<const std::byte> cookie_bytes() const {
    return std::span(cookie).first(cookie_size);
  }

  // Understood EDNS once: a later FORMERR is about the question, not about the server.
  void edns_answered() {
    edns_known = true;
    edns_refusals = 0;
  }
  void edns_refused() {
    if (!edns_known && edns_refusals < limits::kRefusalsOfEdns) edns_refusals++;
  }
  [[nodiscard]] bool without_edns() const { return edns_refusals >= limits::kRefusalsOfEdns; }

  io::Endpoint endpoint;
  std::string text;
  io::ChannelId channel;
  Pace pace;
  uint64_t client_cookie;
  std::array<std::byte, dns::limits::kCookieBytes> cookie{};
  uint8_t cookie_size = 0;
  uint8_t edns_refusals = 0;
  bool edns_known = false;
  uint8_t probes_answered = 0;  // in this blackout
  bool obliging = false;        // has answered something
  Instant error_heeded{};       // the last ICMP error that was acted upon
  io::Error last_error = io::Error::none;
  bool probing = false;     // a probe is out
  Instant probe_at{};       // the next one no sooner
  io::SocketId socket = 0;  // by which this turn's queries leave
  uint32_t permits = 0;     // left in this turn
};

class DnsServers {
 public:
  struct Options {
    double rate_per_server = 0;  // 0: no cap
    uint32_t in_flight_max = 0;
  };
  [[nodiscard]] static std::expected<DnsServers, io::Error> open(
      io::Transport& transport, std::span<const io::Endpoint> endpoints, const Options& options);

  [[nodiscard]] static uint32_t sockets_per_server(uint32_t servers);

  [[nodiscard]] uint32_t size() const { return static_cast<uint32_t>(servers_.size()); }
  DnsServer& operator[](uint32_t index) { return servers_[index]; }
  const DnsServer& operator[](uint32_t index) const { return servers_[index]; }

  // Once per turn: lets every pace adapt, and finds who may be asked now.
  void turn(io::Transport& transport);
  // A server with a permit left, another than `avoid` where there is one; kNoServer when nobody
  // has.
  static constexpr uint32_t kNoServer = UINT32_MAX;
  [[nodiscard]] uint32_t pick(uint32_t avoid);
  void spend(uint32_t server);
  // Out of luck for this turn, permits or not (no free id, say).
  void bar(uint32_t server) { servers_[server].permits = 0; }
  [[nodiscard]] bool any_permit() const { return !open_.empty(); }
  // When the next permit is due; Instant::max() if only an answer or a loss can bring one.
  [[nodiscard]] Instant next_permit() const;
  [[nodiscard]] double rate() const;  // of all together
  // Nobody answers.
  [[nodiscard]] bool outage() const;
  [[nodiscard]] Instant last_answer() const;

 private:
  [[nodiscard]] bool only_hope(uint32_t server) const;

  std::vector<DnsServer> servers_;
  std::vector<uint32_t> open_;  // servers with permits left in this turn
  uint32_t cursor_ = 0;
};

}  // namespace zonesweep::engine
