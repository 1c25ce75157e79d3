#include "engine/resolver_check.h"

#include <algorithm>
#include <array>

#include "engine/message_ids.h"
#include "protocols/dns/message.h"
#include "protocols/dns/query.h"

namespace zonesweep::engine {
namespace {

constexpr uint16_t kTypeNs = 2;
constexpr std::array<std::byte, 1> kRoot{};

struct Candidate {
  io::ChannelId channel = 0;
  Health health = Health::silent;
  bool decided = false;
  uint32_t errors = 0;
  std::vector<std::pair<io::SocketId, uint16_t>> asked;  // at most kCheckPatience / kCheckEvery
};

class Check {
 public:
  Check(io::Transport& transport, std::span<const io::Endpoint> resolvers) : transport_(transport) {
    for (const io::Endpoint& resolver : resolvers) {
      const auto channel = transport.open_channel(resolver, {.sockets = 1});
      Candidate candidate;
      if (channel) {
        candidate.channel = *channel;
      } else {
        candidate = {.health = Health::refused, .decided = true};
      }
      candidates_.push_back(candidate);
    }
  }

  std::vector<Health> run(bool any) {
    const io::Instant end = transport_.now() + limits::kCheckPatience;
    io::Instant next = transport_.now();
    while (transport_.now() < end && !over(any)) {
      if (transport_.now() >= next) {
        ask_all();
        next = transport_.now() + limits::kCheckEvery;
      }
      for (const io::Event& event : transport_.turn(std::min(next, end), 1)) heed(event);
    }
    std::vector<Health> verdicts;
    for (const Candidate& candidate : candidates_) verdicts.push_back(candidate.health);
    return verdicts;
  }

 private:
  [[nodiscard]] bool over(bool any) const {
    const auto alive = [](const Candidate& c) { return c.health == Health::alive; };
    if (any && std::ranges::any_of(candidates_, alive)) return true;
    return std::ranges::all_of(candidates_, &Candidate::decided);
  }

  void ask_all() {
    for (Candidate& candidate : candidates_) {
      if (candidate.decided) continue;
      const uint16_t id = random_.next();
      std::array<std::byte, dns::limits::kQueryBytes> wire;
      const size_t size =
          dns::write_query({.name = kRoot, .type = kTypeNs, .id = id, .edns = false}, wire);
      candidate.asked.emplace_back(transport_.sending_socket(candidate.channel), id);
      const io::Datagram query{.channel = candidate.channel, .bytes = std::span(wire).first(size)};
      transport_.send(std::span(&query, 1));
    }
  }

  void heed(const io::Event& event) {
    const auto found = std::ranges::find_if(
        candidates_, [&](const Candidate& c) { return !c.decided && c.channel == event.handle; });
    if (found == candidates_.end()) return;
    if (event.kind == io::EventKind::datagram) {
      if (!answers(*found, event)) return;
      found->health = Health::alive;
      found->decided = true;
    } else if (event.kind == io::EventKind::channel_error ||
               event.kind == io::EventKind::send_failed) {
      if (io::is_local(event.error) || ++found->errors < limits::kCheckErrors) return;
      found->health = Health::refused;
      found->decided = true;
    }
  }

  [[nodiscard]] static bool answers(const Candidate& candidate, const io::Event& event) {
    const auto reply = dns::Message::parse(event.bytes);
    if (!reply) return false;
    return std::ranges::any_of(candidate.asked, [&](const auto& asked) {
      const dns::Question question{.name = kRoot, .type = kTypeNs, .id = asked.second};
      return asked.first == event.socket && dns::match_reply(question, *reply) == dns::Match::match;
    });
  }

  io::Transport& transport_;
  RandomIds random_;
  std::vector<Candidate> candidates_;
};

}  // namespace

std::vector<Health> check_resolvers(io::Transport& transport,
                                    std::span<const io::Endpoint> resolvers, bool any) {
  return Check(transport, resolvers).run(any);
}

}  // namespace zonesweep::engine
