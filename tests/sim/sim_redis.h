// tests/sim/sim_redis.h - a Redis server of the simulated network, with whatever may be wrong with one.
//
// Threads: the one of the transport.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/sim/sim_server.h"

namespace zonesweep::sim {

class SimRedis final : public SimServer {
 public:
  using Words = std::vector<std::string>;

  void on_datagram(const SimPeer&, std::span<const std::byte>) override {}
  Welcome on_connect(const SimConnection& from) override;
  void on_bytes(const SimConnection& from, std::span<const std::byte> bytes) override;
  void on_end(const SimConnection& from) override { unread_.erase(key(from)); }

  std::map<std::string, std::string> values;
  std::string slots;     // the reply to CLUSTER SLOTS; empty: no cluster
  std::string password;  // empty: none
  bool loading = false;
  bool mute = false;      // hears, and says nothing
  std::string set_error;  // of every SET
  Welcome welcome = Welcome::open;
  io::Duration think{0};                             // before each reply
  std::function<std::string(const Words&)> instead;  // a reply of its own; empty: the usual one

  std::map<std::string, uint32_t> heard;  // commands by their first word
  std::vector<Words> commands;
  uint32_t connects = 0;
  void drop_all();                  // every connection, by a reset
  void say(std::string_view text);  // to every connection, unasked

 private:
  using Key = std::pair<uint32_t, uint32_t>;
  struct Inbox {
    SimConnection connection;
    std::string bytes;
    bool allowed = false;
  };
  static Key key(const SimConnection& of) { return {of.id().slot, of.id().generation}; }
  std::string reply_to(const Words& words, Inbox& inbox);

  std::map<Key, Inbox> unread_;
};

}  // namespace zonesweep::sim
