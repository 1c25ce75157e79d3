// The servers of the shared tier: which there are, when they are connected to, and when left alone.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cassert>

#include "engine/redis_tier.h"

namespace zonesweep::engine {
namespace {

using Kind = RedisFailure::Kind;

constexpr uint16_t kAnyPort = 0;  // of an address; the node has the port
constexpr uint16_t kNoNode = UINT16_MAX;
static_assert(limits::kRedisNodes < kNoNode);

// RFC 6761 section 6.3: no resolver is asked for it.
std::vector<io::Endpoint> known_addresses(std::string_view host) {
  constexpr std::array<std::string_view, 2> kLocal{"127.0.0.1", "::1"};
  std::vector<io::Endpoint> found;
  if (host == "localhost") {
    for (const std::string_view literal : kLocal)
      found.push_back(*io::Endpoint::parse(literal, kAnyPort));
  } else if (const auto literal = io::Endpoint::parse(host, kAnyPort)) {
    found.push_back(*literal);
  }
  return found;
}

}  // namespace

uint32_t RedisTier::index_of(const Node& node) const { return node.link.token() & ~kOwnerTag; }

// kNone: there are too many.
uint32_t RedisTier::find_or_add(std::string_view host, uint16_t port) {
  const auto same = [&](const auto& node) { return node->host == host && node->port == port; };
  const auto known = std::ranges::find_if(nodes_, same);
  if (known != nodes_.end()) return index_of(**known);
  const auto unused = std::ranges::find_if(nodes_, [](const auto& node) {
    return !node->wanted && node->state == Node::State::idle &&
           node->link.state() == RedisLink::State::free;
  });
  if (unused == nodes_.end() && nodes_.size() == limits::kRedisNodes) return kNone;
  const auto index = static_cast<uint32_t>(unused - nodes_.begin());
  auto node = std::make_unique<Node>(std::string(host), port, transport_, tls_.get(),
                                     static_cast<RedisLink::Owner&>(*this), index);
  if (unused == nodes_.end()) {
    nodes_.push_back(std::move(node));
  } else {
    *unused = std::move(node);
  }
  return index;
}

HostLookup* RedisTier::hosts() {
  if (!hosts_) {
    auto made = HostLookup::create(transport_, resolvers_, *this, options_.random_seed);
    if (made) hosts_ = std::move(*made);
  }
  return hosts_.get();
}

// -- Connecting

void RedisTier::open(Node& node) {
  const auto known = known_addresses(node.host);
  if (!known.empty()) return open_at(node, known);
  if (hosts() == nullptr) return failed(node, {.kind = Kind::no_host});
  node.state = Node::State::looking_up;
  if (const auto answer = hosts_->ask(node.host, index_of(node))) on_host(index_of(node), *answer);
}

void RedisTier::on_host(uint64_t token, const HostAnswer& answer) {
  Node& node = *nodes_[token];
  if (node.state != Node::State::looking_up) return;
  if (answer.status != HostStatus::found) return failed(node, {.kind = Kind::no_host});
  open_at(node, answer.addresses);
}

void RedisTier::open_at(Node& node, std::span<const io::Endpoint> addresses) {
  io::Endpoint peer = addresses[node.next_address++ % addresses.size()];
  peer.port = node.port;
  const bool busy = node.link.state() != RedisLink::State::free;  // it still closes
  if (busy || !node.link.open({.who = &options_.address, .host = node.host, .peer = peer}))
    return rest(node, transport_.now() + limits::kRedisAgain);
  node.state = Node::State::opening;
  node.due = transport_.now() + limits::kRedisPatience;
}

void RedisTier::on_redis_up(RedisLink& link) {
  Node& node = node_of(link);
  node.state = Node::State::up;
  node.up_since = transport_.now();
  counters_.up++;
}

void RedisTier::on_redis_lost(RedisLink& link) { failed(node_of(link), link.why()); }

// A connection could not be made, or ended. One that was idle for a while may end: servers tidy up.
void RedisTier::failed(Node& node, const RedisFailure& why) {
  const Instant now = transport_.now();
  const bool was_up = node.state == Node::State::up;
  if (was_up) counters_.up--;
  if (!slots_.empty()) slots_stale_ = true;
  const bool tidied = was_up && why.kind == Kind::net_error && node.link.owes_nothing() &&
                      now - node.up_since > limits::kRedisPatience;
  if (!tidied && !node.reads.off(now)) {
    counters_.errors++;
    (void)node.reads.failed(now, random_.next());
  }
  if (!tidied) note(node, why);
  if (!node.reads.off(now)) return rest(node, now + limits::kRedisAgain);
  counters_.offs++;
  rest(node, node.reads.until());
}

void RedisTier::rest(Node& node, Instant until) {
  node.state = Node::State::waiting;
  node.due = until;
}

void RedisTier::note(const Node& node, const RedisFailure& why) {
  problem_ = fmt::format(
      "{} {}",
      index_of(node) == 0 ? options_.address.shown() : fmt::format("{}:{}", node.host, node.port),
      text_of(why));
}

// -- Slots

void RedisTier::on_redis_slots(RedisLink& link, const cache::RedisReader& reader) {
  const auto ranges = cache::redis_slot_ranges(reader);
  if (!ranges) return link.fail({.kind = Kind::no_redis});
  if (ranges->empty()) {
    return link.fail({.kind = Kind::server_error, .server_error = cache::RedisError::cluster_down});
  }
  const std::string own_host = node_of(link).host;
  slots_.assign(cache::limits::kRedisSlots, kNoNode);
  // The first one is where the user sent us, and knows the cluster whatever becomes of the others.
  for (const auto& node : nodes_) node->wanted = index_of(*node) == 0;
  for (const cache::RedisSlotRange& range : *ranges) {
    const uint32_t index =
        find_or_add(range.host.empty() ? std::string_view(own_host) : range.host, range.port);
    if (index == kNone) continue;
    nodes_[index]->wanted = true;
    std::fill(slots_.begin() + range.first, slots_.begin() + range.last + 1,
              static_cast<uint16_t>(index));
  }
  slots_asked_ = transport_.now();
}

void RedisTier::refresh_slots() {
  const auto up =
      std::ranges::find(nodes_, Node::State::up, [](const auto& n) { return n->state; });
  if (up == nodes_.end()) return;
  (*up)->link.ask_slots();
  slots_asked_ = transport_.now();
  slots_stale_ = false;
}

// -- Turns

void RedisTier::turn() {
  if (hosts_) hosts_->expire(transport_.now());
  for (size_t i = 0; i < nodes_.size(); ++i) turn(*nodes_[i]);
  if (slots_stale_ && transport_.now() - slots_asked_ >= limits::kRedisSlotsEvery) refresh_slots();
  if (settling_) settle();
}

void RedisTier::turn(Node& node) {
  const Instant now = transport_.now();
  switch (node.state) {
    case Node::State::idle:
      if (node.wanted) open(node);
      return;
    case Node::State::looking_up: return;  // it has a deadline of its own
    case Node::State::opening:
      if (now >= node.due) node.link.fail({.kind = Kind::no_answer});
      return;
    case Node::State::waiting:
      if (now < node.due) return;
      node.state = Node::State::idle;
      return node.wanted ? open(node) : void();
    case Node::State::up:
      node.link.expire(options_.timeout);
      if (node.wanted || node.state != Node::State::up || !node.link.owes_nothing()) return;
      node.link.close();
      node.state = Node::State::idle;
      counters_.up--;
      return;
  }
}

void RedisTier::settle() {
  const bool busy = std::ranges::any_of(nodes_, [](const auto& node) {
    return node->state == Node::State::looking_up || node->state == Node::State::opening ||
           (node->state == Node::State::idle && node->wanted);
  });
  settling_ = busy && transport_.now() < settled_at_;
}

void RedisTier::flush() {
  for (const auto& node : nodes_) node->link.flush();
}

Instant RedisTier::wake_at() const {
  Instant wake = settling_ ? settled_at_ : Instant::max();
  if (hosts_) wake = std::min(wake, hosts_->wake_at());
  for (const auto& node : nodes_) {
    if (node->state == Node::State::up) wake = std::min(wake, node->link.wake_at(options_.timeout));
    if (node->state == Node::State::opening || node->state == Node::State::waiting)
      wake = std::min(wake, node->due);
  }
  return wake;
}

void RedisTier::close_all() {
  for (const auto& node : nodes_) node->link.close();
  if (hosts_) hosts_->close_all();
}

void RedisTier::say_farewell() {
  const Instant until = transport_.now() + limits::kRedisEndWait;
  while (!owes_nothing() && transport_.now() < until && transport_.failure().empty()) {
    flush();
    for (const io::Event& event : transport_.turn(until, 1)) (void)on_event(event);
  }
  close_all();
}

}  // namespace zonesweep::engine
