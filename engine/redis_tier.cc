// Questions and answers of the shared tier; redis_tier_nodes.cc has its servers.
#include "engine/redis_tier.h"

#include <algorithm>
#include <cassert>

namespace zonesweep::engine {
namespace {

using cache::RedisError;
using cache::RedisReply;
using Kind = RedisFailure::Kind;

constexpr uint64_t kMsPerSecond = 1'000;

}  // namespace

void RedisCounters::merge(const RedisCounters& other) noexcept {
  hits += other.hits;
  misses += other.misses;
  late += other.late;
  damaged += other.damaged;
  errors += other.errors;
  stored += other.stored;
  not_stored += other.not_stored;
  offs += other.offs;
  up += other.up;
}

bool RedisBreaker::failed(Instant now, uint16_t jitter) {
  if (off(now)) return false;
  // After it was off, one error tells enough.
  if (++errors_ < limits::kRedisErrors && offs_ == 0) return false;
  const Duration base = std::min<Duration>(
      Duration{limits::kRedisOffFirst} * (1U << std::min(offs_, 6U)), limits::kRedisOffMost);
  until_ = now + base * 3 / 4 + base / 2 * jitter / (1 << 16);  // 0.75 to 1.25
  errors_ = 0;
  ++offs_;
  return true;
}

std::expected<std::unique_ptr<RedisTier>, std::string> RedisTier::create(
    io::Transport& transport, RedisOptions options, std::span<const io::Endpoint> resolvers,
    Client& client) {
  std::unique_ptr<io::TlsContext> tls;
  if (options.address.tls) {
    auto context = io::TlsContext::client({.ca_file = options.ca_file, .alpn = {}});
    if (!context) return std::unexpected(std::string(io::name_of(context.error())));
    tls = std::move(*context);
  }
  return std::unique_ptr<RedisTier>(
      new RedisTier(transport, std::move(options), std::move(tls), resolvers, client));
}

RedisTier::RedisTier(io::Transport& transport, RedisOptions options,
                     std::unique_ptr<io::TlsContext> tls, std::span<const io::Endpoint> resolvers,
                     Client& client)
    : transport_(transport),
      options_(std::move(options)),
      tls_(std::move(tls)),
      resolvers_(resolvers.begin(), resolvers.end()),
      client_(client),
      random_(options_.random_seed),
      gets_(limits::kRedisGets),
      settled_at_(transport.now() + limits::kRedisStartWait) {
  for (uint32_t id = limits::kRedisGets; id-- > 0;) free_gets_.push_back(id);
  nodes_.reserve(limits::kRedisNodes);
  open(*nodes_[find_or_add(options_.address.host, options_.address.port)]);
}

RedisTier::~RedisTier() = default;

RedisTier::Node* RedisTier::node_for(std::string_view key) {
  const uint32_t index = slots_.empty() ? 0 : slots_[cache::redis_slot(key)];
  if (index >= nodes_.size() || nodes_[index]->state != Node::State::up) return nullptr;
  return nodes_[index].get();
}

uint32_t RedisTier::fetch(const cache::RedisKey& key, uint32_t token) {
  if (!on() || free_gets_.empty()) return kNone;
  Node* const node = node_for(key.text());
  const uint32_t id = free_gets_.back();
  if (node == nullptr || !node->link.get(key.text(), id)) return kNone;
  free_gets_.pop_back();
  if (free_gets_.empty()) full_since_ = transport_.now();
  gets_[id] = {.key = key, .token = token};
  return id;
}

void RedisTier::store(const cache::RedisKey& key, std::string_view sealed, uint32_t seconds) {
  if (!on() || seconds == 0) return;
  Node* const node = node_for(key.text());
  if (node == nullptr || node->writes.off(transport_.now()) ||
      !node->link.set(key.text(), sealed, seconds * kMsPerSecond))
    counters_.not_stored++;
}

void RedisTier::on_redis_get(RedisLink& link, uint32_t id, const RedisReply& reply) {
  Node& node = node_of(link);
  if (reply.kind != RedisReply::Kind::error) return end(id, node, reply.text);
  const RedisError error = cache::redis_error(reply.text);
  const bool elsewhere = error == RedisError::moved || error == RedisError::ask;
  if (elsewhere && redirect(id, node, error, reply.text)) return;
  end_without(id);
  erred(node, {.kind = Kind::server_error, .server_error = error});
}

// The reply came in time. nil and an empty value are the same: nothing.
void RedisTier::end(uint32_t id, Node& node, std::string_view sealed) {
  const uint32_t token = gets_[id].token;
  free_gets_.push_back(id);
  const bool believed = token != kNone && client_.on_fetched(token, sealed);
  const bool damaged = token != kNone && !sealed.empty() && !believed;
  if (damaged) {
    counters_.damaged++;
    return erred(node, {.kind = Kind::no_redis});
  }
  node.reads.worked();
  (believed ? counters_.hits : counters_.misses)++;
}

void RedisTier::end_without(uint32_t id) {
  const uint32_t token = gets_[id].token;
  free_gets_.push_back(id);
  if (token != kNone) (void)client_.on_fetched(token, {});
}

// True: another server was asked for it, and will say; or none can be now.
bool RedisTier::redirect(uint32_t id, Node& from, RedisError kind, std::string_view error) {
  const auto to = cache::redis_redirect(error);
  if (!to) return false;
  const std::string_view host = to->host.empty() ? std::string_view(from.host) : to->host;
  const uint32_t index = find_or_add(host, to->port);
  if (index == kNone) return false;
  Node& node = *nodes_[index];
  if (kind == RedisError::moved) {
    if (slots_.empty())
      slots_.assign(cache::limits::kRedisSlots, static_cast<uint16_t>(index_of(from)));
    slots_[to->slot] = static_cast<uint16_t>(index);
    slots_stale_ = true;
  }
  node.wanted = true;
  if (++gets_[id].redirects > limits::kRedisRedirects) return false;
  if (!node.link.get(gets_[id].key.text(), id, kind == RedisError::ask)) end_without(id);
  return true;
}

void RedisTier::on_redis_set(RedisLink& link, const RedisReply& reply) {
  Node& node = node_of(link);
  if (reply.kind != RedisReply::Kind::error) {
    counters_.stored++;
    return node.writes.worked();
  }
  counters_.not_stored++;
  const RedisError error = cache::redis_error(reply.text);
  if (error == RedisError::moved || error == RedisError::ask) {
    slots_stale_ = true;  // this answer is lost; the next ones go to the right server
    return;
  }
  counters_.errors++;
  if (!node.writes.failed(transport_.now(), random_.next())) return;
  counters_.offs++;
  note(node, {.kind = Kind::server_error, .server_error = error});
}

void RedisTier::on_redis_unanswered(RedisLink&, uint32_t id) { end_without(id); }

void RedisTier::on_redis_late(RedisLink& link, uint32_t id) {
  counters_.late++;
  end_without(id);
  // All that waited since the same turn are one error.
  Node& node = node_of(link);
  if (node.late_at == transport_.now()) return;
  node.late_at = transport_.now();
  erred(node, {.kind = Kind::no_answer});
}

// Of a server that is up: it is left alone when that was one too many.
void RedisTier::erred(Node& node, const RedisFailure& why) {
  counters_.errors++;
  if (node.reads.failed(transport_.now(), random_.next())) node.link.fail(why);
}

bool RedisTier::on_event(const io::Event& event) {
  const bool of_stream = event.kind == io::EventKind::stream_opened ||
                         event.kind == io::EventKind::stream_data ||
                         event.kind == io::EventKind::stream_closed;
  if (!of_stream || (event.token & kOwnerTag) == 0) return hosts_ && hosts_->on_event(event);
  const uint32_t index = event.token & ~kOwnerTag;
  if (index < nodes_.size()) nodes_[index]->link.on_event(event);
  return true;
}

bool RedisTier::owes_nothing() const {
  return std::ranges::all_of(nodes_, [](const auto& node) {
    return node->state != Node::State::up || node->link.owes_nothing();
  });
}

}  // namespace zonesweep::engine
