#include "engine/dns_servers.h"

#include <algorithm>

namespace zonesweep::engine {

std::expected<DnsServers, io::Error> DnsServers::open(io::Transport& transport,
                                                      std::span<const io::Endpoint> endpoints,
                                                      const Options& options) {
  DnsServers all;
  const auto count = static_cast<uint32_t>(endpoints.size());
  const io::ChannelOptions channel_options{.sockets = sockets_per_server(count)};
  const Pace::Options pace{.rate_max = options.rate_per_server,
                           .in_flight_max = options.in_flight_max};
  all.servers_.reserve(count);
  for (const io::Endpoint& endpoint : endpoints) {
    const auto channel = transport.open_channel(endpoint, channel_options);
    if (!channel) return std::unexpected(channel.error());
    all.servers_.emplace_back(endpoint, *channel, pace, transport.now());
  }
  return all;
}

uint32_t DnsServers::sockets_per_server(uint32_t servers) {
  return std::clamp(limits::kSocketsAll / std::max(servers, 1U), limits::kSocketsPerServerMin,
                    limits::kSocketsPerServerMax);
}

void DnsServers::turn(io::Transport& transport) {
  open_.clear();
  for (uint32_t i = 0; i < size(); ++i) {
    DnsServer& server = servers_[i];
    server.pace.turn(transport.now());
    server.permits = server.pace.permits();
    if (server.permits == 0) continue;
    server.socket = transport.sending_socket(server.channel);
    open_.push_back(i);
  }
}

uint32_t DnsServers::pick(uint32_t avoid) {
  for (size_t looked = 0; !open_.empty() && looked <= open_.size(); ++looked) {
    if (cursor_ >= open_.size()) cursor_ = 0;
    const uint32_t server = open_[cursor_];
    if (servers_[server].permits == 0) {
      open_[cursor_] = open_.back();
      open_.pop_back();
      looked = 0;
      continue;
    }
    if (server != avoid || only_hope(server)) return server;
    cursor_++;
  }
  return kNoServer;
}

// No other server answers.
bool DnsServers::only_hope(uint32_t server) const {
  for (uint32_t other = 0; other < size(); ++other) {
    if (other != server && servers_[other].pace.mode() != Pace::Mode::blackout) return false;
  }
  return true;
}

void DnsServers::spend(uint32_t server) {
  servers_[server].permits--;
  cursor_++;
}

Instant DnsServers::next_permit() const {
  Instant soonest = Instant::max();
  for (const DnsServer& server : servers_) soonest = std::min(soonest, server.pace.next_permit());
  return soonest;
}

double DnsServers::rate() const {
  double sum = 0;
  for (const DnsServer& server : servers_) sum += server.pace.rate();
  return sum;
}

bool DnsServers::outage() const {
  return std::ranges::all_of(
      servers_, [](const DnsServer& s) { return s.pace.mode() == Pace::Mode::blackout; });
}

Instant DnsServers::last_answer() const {
  Instant latest = servers_.front().pace.last_answer();
  for (const DnsServer& server : servers_) latest = std::max(latest, server.pace.last_answer());
  return latest;
}

}  // namespace zonesweep::engine
