// Which hosts are known, being asked for, or waiting for their turn.
#include "engine/host_lookup.h"

#include <algorithm>
#include <cassert>

namespace zonesweep::engine {
namespace {

constexpr size_t kHostTextBytes = 253;  // RFC 1035 section 2.3.4, without the dot at the end

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

bool is_host_byte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
}

// "2130706433", "0x7f.1", "127.0.0.08": what some libraries take for an IPv4 address is no name.
bool ends_in_a_number(std::string_view text) {
  const std::string_view label = text.substr(text.rfind('.') + 1);
  if (label.starts_with("0x")) return true;
  return label.find_first_not_of("0123456789") == std::string_view::npos;
}

std::optional<std::string> normal_host(std::string_view host) {
  if (host.ends_with('.')) host.remove_suffix(1);
  if (host.empty() || host.size() > kHostTextBytes) return std::nullopt;
  std::string text(host);
  std::ranges::transform(text, text.begin(), lower);
  if (!std::ranges::all_of(text, is_host_byte) || ends_in_a_number(text)) return std::nullopt;
  return text;
}

// Nothing where `host` is no literal; a literal with a zone or a port is one, but of no use.
struct Literal {
  bool usable = false;
  io::Endpoint endpoint;
};
std::optional<Literal> literal_of(std::string_view host) {
  const bool bracketed = host.starts_with('[') && host.ends_with(']');
  if (bracketed) host = host.substr(1, host.size() - 2);
  const bool colon = host.find(':') != std::string_view::npos;
  const auto endpoint = io::Endpoint::parse(host, 0);
  if (!endpoint) return colon ? std::optional(Literal{}) : std::nullopt;
  const bool v6 = endpoint->family == io::Endpoint::Family::v6;
  const bool usable = endpoint->port == 0 && endpoint->scope == 0 && v6 == colon &&
                      (v6 || !bracketed) && host.find_first_of("[]%") == std::string_view::npos;
  return Literal{.usable = usable, .endpoint = *endpoint};
}

io::Duration seconds(uint32_t count) { return std::chrono::seconds{count}; }

}  // namespace

std::string_view name_of(HostStatus status) noexcept {
  switch (status) {
    case HostStatus::found: return "found";
    case HostStatus::no_such_host: return "no such host";
    case HostStatus::no_address: return "host without an address";
    case HostStatus::failed: return "no resolver answered";
    case HostStatus::overload: return "too many hosts";
    case HostStatus::not_a_host: return "not a host name";
  }
  return "unknown";
}

std::expected<std::unique_ptr<HostLookup>, io::Error> HostLookup::create(
    io::Transport& transport, std::span<const io::Endpoint> resolvers, Client& client,
    uint64_t random_seed) {
  assert(!resolvers.empty());
  std::vector<Resolver> opened;
  for (const io::Endpoint& endpoint :
       resolvers.first(std::min<size_t>(resolvers.size(), limits::kHostResolvers))) {
    const auto channel = transport.open_channel(
        endpoint,
        {.sockets = limits::kHostSockets, .sends_per_socket = limits::kHostSendsPerSocket});
    if (!channel) return std::unexpected(channel.error());
    opened.push_back({.endpoint = endpoint, .channel = *channel});
  }
  return std::unique_ptr<HostLookup>(
      new HostLookup(transport, std::move(opened), client, random_seed));
}

HostLookup::HostLookup(io::Transport& transport, std::vector<Resolver> resolvers, Client& client,
                       uint64_t random_seed)
    : transport_(transport),
      client_(client),
      random_(random_seed),
      resolvers_(std::move(resolvers)),
      links_(limits::kHostTcpStreams),
      timers_(limits::kHosts * kFamilies, transport.now()) {
  ids_.assign(transport.max_sockets(), IdTable(0));  // a table is made when its socket first sends
}

std::optional<HostAnswer> HostLookup::ask(std::string_view host, uint64_t token) {
  if (const auto literal = literal_of(host)) {
    if (!literal->usable) return HostAnswer{.status = HostStatus::not_a_host};
    literal_ = literal->endpoint;
    return HostAnswer{.status = HostStatus::found, .addresses = std::span(&literal_, 1)};
  }
  const auto text = normal_host(host);
  const auto name = text ? dns::Name::from_text(*text) : std::unexpected(dns::NameError::empty);
  if (!name) return HostAnswer{.status = HostStatus::not_a_host};
  const uint32_t index = place_for(*text);
  if (index == kNone) return HostAnswer{.status = HostStatus::overload};
  Host& known = hosts_[index];
  known.used = ++uses_;
  if (known.phase == Host::Phase::known && known.expires > transport_.now()) {
    return answer_of(known);
  }
  known.waiters.push_back(token);
  if (known.phase == Host::Phase::known || known.waiters.size() == 1) {
    known.name = *name;
    known.phase = Host::Phase::queued;
    queued_.push_back(index);
    start_queued();
  }
  return std::nullopt;
}

// The place of a host that is known or being asked for; else a free one, or the one that was least
// lately used. kNone when all are being asked for.
uint32_t HostLookup::place_for(const std::string& text) {
  const auto found = places_.find(text);
  if (found != places_.end()) return found->second;
  uint32_t index = kNone;
  if (hosts_.size() < limits::kHosts) {
    index = static_cast<uint32_t>(hosts_.size());
    hosts_.emplace_back();
  } else {
    for (uint32_t i = 0; i < hosts_.size(); ++i) {
      if (hosts_[i].phase != Host::Phase::known) continue;
      if (index == kNone || hosts_[i].used < hosts_[index].used) index = i;
    }
    if (index == kNone) return kNone;
    places_.erase(hosts_[index].text);
    hosts_[index] = Host{};
  }
  hosts_[index].text = text;
  places_.emplace(text, index);
  return index;
}

HostAnswer HostLookup::answer_of(const Host& host) const {
  return {.status = host.status, .addresses = host.addresses};
}

void HostLookup::start_queued() {
  while (!queued_.empty() && asking_ < limits::kHostsAsking) {
    const uint32_t index = queued_.front();
    queued_.pop_front();
    start(index);
  }
}

void HostLookup::start(uint32_t index) {
  Host& host = hosts_[index];
  assert(host.phase == Host::Phase::queued);
  host.phase = Host::Phase::asking;
  host.deadline = transport_.now() + limits::kHostDeadline;
  asking_++;
  for (uint32_t family = 0; family < kFamilies; ++family) {
    host.questions[family] = {.resolver = preferred_};
    send(index * kFamilies + family);
  }
}

void HostLookup::conclude(uint32_t index) {
  Host& host = hosts_[index];
  assert(host.phase == Host::Phase::asking);
  asking_--;
  host.phase = Host::Phase::known;
  host.addresses.clear();
  for (Question& asked : host.questions) {
    host.addresses.insert(host.addresses.end(), asked.addresses.begin(), asked.addresses.end());
  }
  keep(host);
  start_queued();
  const auto waiters = std::exchange(host.waiters, {});
  for (const uint64_t token : waiters) client_.on_host(token, answer_of(host));
}

// Status and life time of both answers together. Negative and failed ones are kept for less.
void HostLookup::keep(Host& host) const {
  const auto any = [&](HostStatus status) {
    return std::ranges::any_of(host.questions,
                               [&](const Question& asked) { return asked.status == status; });
  };
  host.status = !host.addresses.empty()       ? HostStatus::found
                : any(HostStatus::failed)     ? HostStatus::failed
                : any(HostStatus::no_address) ? HostStatus::no_address
                                              : HostStatus::no_such_host;
  uint32_t ttl = UINT32_MAX;
  for (const Question& asked : host.questions) {
    if (asked.status == host.status) ttl = std::min(ttl, asked.ttl);
  }
  const bool failed = host.status == HostStatus::failed;
  host.failures = failed ? static_cast<uint8_t>(std::min(host.failures + 1, 8)) : uint8_t{0};
  io::Duration life = seconds(ttl);
  if (failed) life = io::Duration{limits::kHostFailureLeast} * (1 << (host.failures - 1));
  life = host.status == HostStatus::found
             ? std::clamp<io::Duration>(life, limits::kHostTtlLeast, limits::kHostTtlMost)
             : std::clamp<io::Duration>(life, limits::kHostFailureLeast, limits::kHostFailureMost);
  host.expires = transport_.now() + life;
}

void HostLookup::expire(io::Instant now) {
  due_.clear();
  timers_.expire(now, due_);
  auto due = std::exchange(due_, {});
  for (const uint32_t slot : due) on_timer(slot);
  due_ = std::move(due);
}

io::Instant HostLookup::wake_at() const { return timers_.next(io::Instant::max()); }

void HostLookup::close_all() {
  for (const Link& link : links_) {
    if (link.used) transport_.close(link.stream);
  }
}

}  // namespace zonesweep::engine
