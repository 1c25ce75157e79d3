#include "tools/loopback/server_counts.h"

#define XXH_INLINE_ALL
#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>

#include "tools/loopback/registration_hosts.h"

namespace zonesweep::loopback {

ServerCounts::Server& ServerCounts::at(uint32_t address) {
  const auto [place, fresh] = servers_.try_emplace(address);
  if (fresh) place->second.limit = RateLimit{limit_, mode_};
  return place->second;
}

void ServerCounts::opened(uint32_t address) {
  Server& server = at(address);
  ++server.connections;
  server.open_most = std::max(server.open_most, ++server.open);
}

void ServerCounts::closed(uint32_t address) { --at(address).open; }

bool ServerCounts::asked(uint32_t address, std::string_view host, std::string_view name,
                         Nanoseconds now) {
  Server& server = at(address);
  if (server.host.empty()) server.host = host;
  ++server.requests;
  server.names.insert(XXH3_64bits(name.data(), name.size()));
  server.last_second.push_back(now);
  while (server.last_second.front() <= now - std::chrono::seconds{1}) {
    server.last_second.pop_front();
  }
  server.most_in_a_second =
      std::max(server.most_in_a_second, static_cast<uint32_t>(server.last_second.size()));
  const bool admitted = server.limit.admit(now);
  server.limited += admitted ? 0 : 1;
  return admitted;
}

std::string ServerCounts::to_json() const {
  std::map<std::string, std::string> members;
  for (const auto& [address, server] : servers_) {
    const std::string host = server.host.empty() ? dotted(address) : server.host;
    members[host] = fmt::format(
        "{{\"address\":\"{}\",\"connections\":{},\"connections_most\":{},\"requests\":{},"
        "\"most_in_a_second\":{},\"names\":{},\"limited\":{}}}",
        dotted(address), server.connections, server.open_most, server.requests,
        server.most_in_a_second, server.names.size(), server.limited);
  }
  std::string out;
  for (const auto& [host, counts] : members) {
    out += fmt::format("{}\"{}\":{}", out.empty() ? "" : ",", host, counts);
  }
  return "{" + out + "}";
}

}  // namespace zonesweep::loopback
