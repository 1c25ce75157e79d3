// tests/sim/sim_servers.h - the servers that most simulations need.
//
// Threads: the one of the transport.
#pragma once

#include <functional>
#include <map>
#include <utility>

#include "tests/sim/sim_dns.h"
#include "tests/sim/sim_server.h"
#include "tools/loopback/rate_limit.h"

namespace zonesweep::sim {

// Hears everything, says nothing.
class DeadServer final : public SimServer {
 public:
  void on_datagram(const SimPeer&, std::span<const std::byte>) override {}
  Welcome on_connect(const SimConnection&) override { return Welcome::silent; }
};

// A live host without the service: ICMP port unreachable, RST.
class RefusingServer final : public SimServer {
 public:
  void on_datagram(const SimPeer& from, std::span<const std::byte>) override { from.refuse(); }
};

// Answers DNS by a function, over UDP and TCP (framed, pipelined).
class AnsweringServer final : public SimServer {
 public:
  // An empty answer is silence.
  using Answer = std::function<Bytes(std::span<const std::byte> query, bool over_tcp)>;

  AnsweringServer();  // every name has one A record, a_record_of(name); EDNS in kind
  explicit AnsweringServer(Answer answer) : answer_(std::move(answer)) {}

  void on_datagram(const SimPeer& from, std::span<const std::byte> query) override;
  Welcome on_connect(const SimConnection&) override { return welcome; }
  void on_bytes(const SimConnection& from, std::span<const std::byte> bytes) override;
  void on_end(const SimConnection& from) override { unread_.erase(key(from)); }

  io::Duration think{0};      // before each answer
  loopback::RateLimit limit;  // drops datagrams above it, as resolvers that protect themselves do
  Welcome welcome = Welcome::open;
  bool mute_streams = false;  // accepts and never answers
  uint32_t closes_after = 0;  // answers on one stream, then an orderly close; 0: never
  uint32_t resets_after = 0;  // the same with a reset
  uint64_t dropped = 0;       // by `limit`
  std::map<std::pair<std::string, uint16_t>, uint32_t>
      asked;  // lower-cased name, type: times heard

 private:
  struct Inbox {
    Bytes bytes;
    uint32_t answered = 0;
  };
  using Key = std::pair<uint32_t, uint32_t>;

  static Key key(const SimConnection& of) { return {of.id().slot, of.id().generation}; }
  Bytes answer(std::span<const std::byte> query, bool over_tcp);
  void answer_on(const SimConnection& stream, Inbox& inbox, std::span<const std::byte> query);

  Answer answer_;
  std::map<Key, Inbox> unread_;
};

}  // namespace zonesweep::sim
