#include "engine/redis_tier.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "tests/sim/sim_redis.h"
#include "tests/sim/sim_servers.h"
#include "tests/sim/sim_transport.h"

namespace zonesweep::engine {
namespace {

using namespace std::chrono_literals;

const io::Endpoint kFirst = *io::Endpoint::parse("192.0.2.1:6379", 0);
const io::Endpoint kSecond = *io::Endpoint::parse("192.0.2.2:6379", 0);
const io::Endpoint kResolver = *io::Endpoint::parse("192.0.2.53:53", 0);

cache::RedisKey key_of(const std::string& name) {
  cache::Key key;
  EXPECT_TRUE(key.assign({.type = 1, .name = std::as_bytes(std::span(name))}, 1));
  return cache::RedisKey(key);
}
std::string text_of_key(const std::string& name) { return std::string(key_of(name).text()); }

// One lane's tier. The value of a name is "value of NAME": anything else is another's.
struct Lane final : RedisTier::Client {
  sim::SimTransport net{7};
  std::vector<std::string> names;           // by token
  std::map<std::string, std::string> told;  // what came, by name
  std::unique_ptr<RedisTier> tier;

  void start(RedisOptions options = {}) {
    if (options.address.host.empty()) options.address.host = "192.0.2.1";
    options.random_seed = 11;
    auto made = RedisTier::create(net, options, std::span(&kResolver, 1), *this);
    ASSERT_TRUE(made);
    tier = std::move(*made);
    run(50ms);
  }
  bool on_fetched(uint32_t token, std::string_view sealed) override {
    const std::string& name = names[token];
    EXPECT_FALSE(told.contains(name)) << name << " was told twice";
    told[name] = sealed;
    return sealed == "value of " + name;
  }
  bool fetch(const std::string& name) {
    names.push_back(name);
    return tier->fetch(key_of(name), static_cast<uint32_t>(names.size() - 1)) != RedisTier::kNone;
  }
  void run(io::Duration span) {
    const io::Instant until = net.now() + span;
    tier->flush();
    while (net.now() < until) {
      for (const io::Event& event : net.turn(std::min(until, tier->wake_at()), 1))
        EXPECT_TRUE(tier->on_event(event));
      tier->turn();
      tier->flush();
    }
  }
  // Seconds until it is on again; -1 if it is not.
  double seconds_to_on(io::Duration most) {
    const io::Instant start = net.now();
    while (!tier->on() && net.now() - start < most) run(10ms);
    return tier->on() ? std::chrono::duration<double>(net.now() - start).count() : -1;
  }
};

TEST(RedisTier, finds_what_is_there_and_says_what_is_not) {
  Lane lane;
  auto& server = lane.net.add_server<sim::SimRedis>(kFirst);
  server.values[text_of_key("a")] = "value of a";
  lane.start();
  ASSERT_TRUE(lane.tier->on());
  EXPECT_TRUE(lane.fetch("a"));
  EXPECT_TRUE(lane.fetch("b"));
  lane.run(10ms);
  EXPECT_EQ(lane.told["a"], "value of a");
  EXPECT_EQ(lane.told["b"], "");
  lane.tier->store(key_of("b"), "value of b", 60);
  lane.run(10ms);
  EXPECT_EQ(server.commands.back(),
            (sim::SimRedis::Words{"SET", text_of_key("b"), "value of b", "PX", "60000"}));
  EXPECT_TRUE(lane.fetch("b") && !lane.told.empty());
  lane.told.erase("b");
  lane.run(10ms);
  EXPECT_EQ(lane.told["b"], "value of b");
  EXPECT_EQ(lane.tier->counters().hits, 2U);
  EXPECT_EQ(lane.tier->counters().misses, 1U);
  EXPECT_EQ(lane.tier->counters().stored, 1U);
  EXPECT_EQ(lane.tier->counters().errors, 0U);
}

TEST(RedisTier, replies_cut_into_single_bytes_are_whole) {
  Lane lane;
  auto& server = lane.net.add_server<sim::SimRedis>(kFirst);
  server.segments = {1};
  for (int i = 0; i < 50; ++i)
    server.values[text_of_key("n" + std::to_string(i))] = "value of n" + std::to_string(i);
  lane.start();
  for (int i = 0; i < 60; ++i) EXPECT_TRUE(lane.fetch("n" + std::to_string(i)));
  lane.run(50ms);
  EXPECT_EQ(lane.tier->counters().hits, 50U);
  EXPECT_EQ(lane.tier->counters().misses, 10U);
}

TEST(RedisTier, a_late_reply_never_answers_another_key) {
  Lane lane;
  auto& server = lane.net.add_server<sim::SimRedis>(kFirst);
  for (const std::string name : {"a", "b", "c"})
    server.values[text_of_key(name)] = "value of " + name;
  lane.start();
  server.think = 150ms;
  EXPECT_TRUE(lane.fetch("a"));
  lane.run(110ms);
  EXPECT_EQ(lane.told.at("a"), "") << "the limit is 100 ms";
  server.think = 0ms;
  EXPECT_TRUE(lane.fetch("b"));
  lane.run(10ms);
  EXPECT_FALSE(lane.told.contains("b")) << "nothing overtakes on a connection";
  lane.run(80ms);
  EXPECT_EQ(lane.told.at("b"), "value of b");
  EXPECT_EQ(lane.tier->counters().late, 1U);
  EXPECT_EQ(lane.tier->counters().damaged, 0U);
}

TEST(RedisTier, what_is_forgotten_is_not_told) {
  Lane lane;
  auto& server = lane.net.add_server<sim::SimRedis>(kFirst);
  server.values[text_of_key("a")] = "value of a";
  lane.start();
  lane.names.push_back("a");
  lane.tier->forget(lane.tier->fetch(key_of("a"), 0));
  EXPECT_TRUE(lane.fetch("b"));
  lane.run(10ms);
  EXPECT_FALSE(lane.told.contains("a"));
  EXPECT_TRUE(lane.told.contains("b"));
}

TEST(RedisTier, a_server_that_is_away_is_tried_less_and_less_often) {
  Lane lane;
  lane.net.add_server<sim::RefusingServer>(kFirst);
  lane.start();
  EXPECT_FALSE(lane.tier->settling());
  EXPECT_FALSE(lane.tier->on());
  EXPECT_FALSE(lane.fetch("a"));
  lane.run(10min);
  const uint64_t tries = lane.net.counters().streams_opened;
  EXPECT_GE(tries, 10U);
  EXPECT_LE(tries, 25U);
  auto& server = lane.net.add_server<sim::SimRedis>(kFirst);
  EXPECT_LE(lane.seconds_to_on(80s), 76);
  EXPECT_TRUE(lane.tier->on());
  EXPECT_EQ(server.heard["PING"], 1U);
}

TEST(RedisTier, who_never_answers_is_not_waited_for) {
  for (const bool accepts : {false, true}) {
    Lane lane;
    auto& server = lane.net.add_server<sim::SimRedis>(kFirst);
    server.welcome = accepts ? sim::SimServer::Welcome::open : sim::SimServer::Welcome::silent;
    server.mute = true;
    lane.start();
    EXPECT_TRUE(lane.tier->settling());
    lane.run(500ms);
    EXPECT_FALSE(lane.tier->settling());
    EXPECT_FALSE(lane.fetch("a"));
    server.welcome = sim::SimServer::Welcome::open;
    server.mute = false;
    EXPECT_GE(lane.seconds_to_on(30s), 0);
  }
}

TEST(RedisTier, a_server_that_falls_silent_is_left_alone_after_three_errors) {
  Lane lane;
  auto& server = lane.net.add_server<sim::SimRedis>(kFirst);
  lane.start();
  server.mute = true;
  for (int i = 0; i < 10; ++i) {
    lane.fetch("n" + std::to_string(i));
    lane.run(10ms);
  }
  EXPECT_TRUE(lane.tier->on());
  lane.run(150ms);
  EXPECT_FALSE(lane.tier->on());
  EXPECT_EQ(lane.told.size(), 10U) << "all were let go";
  EXPECT_EQ(lane.tier->counters().offs, 1U);
  server.mute = false;
  const double seconds = lane.seconds_to_on(10s);
  EXPECT_GE(seconds, 0.5);
  EXPECT_LE(seconds, 1.3);
}

TEST(RedisTier, a_server_that_loads_is_not_asked_until_it_has) {
  Lane lane;
  auto& server = lane.net.add_server<sim::SimRedis>(kFirst);
  server.loading = true;
  lane.start();
  lane.run(5s);
  EXPECT_FALSE(lane.tier->on());
  EXPECT_EQ(server.heard["GET"], 0U);
  EXPECT_THAT(lane.tier->problem(), testing::HasSubstr("loading"));
  server.loading = false;
  EXPECT_GE(lane.seconds_to_on(80s), 0);
}

TEST(RedisTier, a_server_that_begins_to_load_is_left_alone) {
  Lane lane;
  auto& server = lane.net.add_server<sim::SimRedis>(kFirst);
  lane.start();
  server.loading = true;
  for (int i = 0; i < 5; ++i) lane.fetch("n" + std::to_string(i));
  lane.run(20ms);
  EXPECT_FALSE(lane.tier->on());
  EXPECT_EQ(lane.told.size(), 5U);
}

TEST(RedisTier, a_replica_or_a_full_server_is_read_and_not_written_to) {
  for (const std::string error : {"-READONLY You can't write against a read only replica.\r\n",
                                  "-OOM command not allowed when used memory > 'maxmemory'.\r\n"}) {
    Lane lane;
    auto& server = lane.net.add_server<sim::SimRedis>(kFirst);
    server.values[text_of_key("a")] = "value of a";
    server.set_error = error;
    lane.start();
    for (int i = 0; i < 100; ++i) {
      lane.tier->store(key_of("n"), "value of n", 60);
      lane.run(2ms);
    }
    EXPECT_LE(server.heard["SET"], 10U);
    EXPECT_EQ(lane.tier->counters().not_stored, 100U);
    EXPECT_TRUE(lane.fetch("a"));
    lane.run(10ms);
    EXPECT_EQ(lane.told["a"], "value of a");
    server.set_error.clear();
    lane.run(70s);
    lane.tier->store(key_of("n"), "value of n", 60);
    lane.run(10ms);
    EXPECT_EQ(lane.tier->counters().stored, 1U);
  }
}

TEST(RedisTier, garbage_ends_the_connection_and_then_the_trust) {
  for (const std::string garbage : {"HTTP/1.1 400 Bad Request\r\n\r\n", "*2147483648\r\n",
                                    "$-2\r\n", "+OK\r\n", ":1\r\n", "\x16\x03\x01"}) {
    Lane lane;
    auto& server = lane.net.add_server<sim::SimRedis>(kFirst);
    lane.start();
    server.instead = [&](const sim::SimRedis::Words& words) {
      return words[0] == "GET" ? garbage : std::string();
    };
    for (int i = 0; i < 30; ++i) {
      lane.fetch("n" + std::to_string(i));
      lane.run(100ms);
    }
    EXPECT_FALSE(lane.tier->on()) << garbage;
    EXPECT_LE(lane.tier->counters().errors, 7U) << garbage;
    EXPECT_EQ(lane.tier->counters().hits, 0U);
  }
}

TEST(RedisTier, a_reply_that_nobody_asked_for_ends_the_connection) {
  Lane lane;
  auto& server = lane.net.add_server<sim::SimRedis>(kFirst);
  server.values[text_of_key("a")] = "value of a";
  lane.start();
  server.say("$10\r\nvalue of b\r\n");
  lane.run(5ms);
  EXPECT_FALSE(lane.tier->on());
  lane.run(200ms);
  EXPECT_TRUE(lane.fetch("a"));
  lane.run(10ms);
  EXPECT_EQ(lane.told["a"], "value of a");
}

TEST(RedisTier, values_of_other_keys_are_counted_and_not_trusted) {
  Lane lane;
  auto& server = lane.net.add_server<sim::SimRedis>(kFirst);
  server.instead = [&](const sim::SimRedis::Words& words) {
    return words[0] == "GET" ? std::string("$10\r\nvalue of z\r\n") : std::string();
  };
  lane.start();
  for (const std::string name : {"a", "b", "c"}) EXPECT_TRUE(lane.fetch(name));
  lane.run(10ms);
  EXPECT_EQ(lane.tier->counters().damaged, 3U);
  EXPECT_FALSE(lane.tier->on());
}

TEST(RedisTier, a_lost_connection_is_made_again) {
  Lane lane;
  auto& server = lane.net.add_server<sim::SimRedis>(kFirst);
  server.values[text_of_key("b")] = "value of b";
  lane.start();
  server.think = 20ms;
  EXPECT_TRUE(lane.fetch("a"));
  lane.tier->flush();
  server.drop_all();
  lane.run(10ms);
  EXPECT_EQ(lane.told.at("a"), "") << "let go at once";
  EXPECT_FALSE(lane.fetch("x"));
  lane.run(200ms);
  EXPECT_TRUE(lane.fetch("b"));
  lane.run(30ms);
  EXPECT_EQ(lane.told.at("b"), "value of b");
  EXPECT_EQ(lane.tier->counters().offs, 0U);
}

TEST(RedisTier, says_who_it_is_and_keeps_the_secret) {
  Lane lane;
  auto& server = lane.net.add_server<sim::SimRedis>(kFirst);
  server.password = "geheim";
  lane.start({.address = {.user = "me", .password = "geheim", .host = "192.0.2.1", .database = 3}});
  ASSERT_TRUE(lane.tier->on());
  EXPECT_EQ(server.commands[0], (sim::SimRedis::Words{"AUTH", "me", "geheim"}));
  EXPECT_EQ(server.commands[1], (sim::SimRedis::Words{"SELECT", "3"}));
  Lane stranger;
  stranger.net.add_server<sim::SimRedis>(kFirst).password = "geheim";
  stranger.start({.address = {.password = "falsch", .host = "192.0.2.1"}});
  EXPECT_FALSE(stranger.tier->on());
  EXPECT_THAT(stranger.tier->problem(), testing::HasSubstr("password"));
  EXPECT_THAT(stranger.tier->problem(), testing::Not(testing::HasSubstr("falsch")));
}

TEST(RedisTier, a_host_is_looked_up_by_the_resolvers_of_the_run) {
  Lane lane;
  lane.net.add_server<sim::AnsweringServer>(kResolver);
  lane.start({.address = {.host = "cache.example"}});
  // The simulated world gives each name an address of its own; nobody listens there.
  lane.run(1s);
  EXPECT_GE(lane.net.counters().streams_opened, 1U);
  EXPECT_FALSE(lane.tier->on());
}

TEST(RedisTier, holds_no_more_than_its_room_and_takes_names_past_a_slow_server) {
  Lane lane;
  auto& server = lane.net.add_server<sim::SimRedis>(kFirst);
  server.think = 50ms;
  lane.start();
  lane.run(300ms);
  ASSERT_TRUE(lane.tier->on());
  for (uint32_t i = 0; i < limits::kRedisGets; ++i)
    EXPECT_TRUE(lane.fetch("n" + std::to_string(i)));
  EXPECT_FALSE(lane.fetch("more"));
  EXPECT_FALSE(lane.tier->has_room());
  lane.run(11ms);
  EXPECT_TRUE(lane.tier->has_room()) << "nobody waits for longer";
  lane.run(100ms);
  EXPECT_EQ(lane.told.size(), limits::kRedisGets);
}

// ---------------------------------------------------------------------------------------- cluster

std::string slots_of(std::initializer_list<std::tuple<int, int, std::string>> ranges) {
  std::string text = '*' + std::to_string(ranges.size()) + "\r\n";
  for (const auto& [first, last, host] : ranges) {
    text += "*3\r\n:" + std::to_string(first) + "\r\n:" + std::to_string(last) + "\r\n*3\r\n$" +
            std::to_string(host.size()) + "\r\n" + host + "\r\n:6379\r\n$2\r\nid\r\n";
  }
  return text;
}

// Names whose keys lie in the lower and in the upper half of the slots.
std::pair<std::vector<std::string>, std::vector<std::string>> halves(int count) {
  std::pair<std::vector<std::string>, std::vector<std::string>> names;
  for (int i = 0; i < count; ++i) {
    const std::string name = "n" + std::to_string(i);
    (cache::redis_slot(text_of_key(name)) < 8'192 ? names.first : names.second).push_back(name);
  }
  return names;
}

struct Cluster {
  Lane lane;
  sim::SimRedis& one = lane.net.add_server<sim::SimRedis>(kFirst);
  sim::SimRedis& two = lane.net.add_server<sim::SimRedis>(kSecond);
  std::vector<std::string> lower = halves(200).first;
  std::vector<std::string> upper = halves(200).second;

  Cluster() {
    one.slots = two.slots = slots_of({{0, 8191, "192.0.2.1"}, {8192, 16383, "192.0.2.2"}});
    for (const auto& name : lower) one.values[text_of_key(name)] = "value of " + name;
    for (const auto& name : upper) two.values[text_of_key(name)] = "value of " + name;
    lane.start();
  }
  void fetch_all() {
    for (const auto& names : {lower, upper})
      for (const auto& name : names) lane.fetch(name);
    lane.run(20ms);
  }
  [[nodiscard]] const RedisCounters& counters() const { return lane.tier->counters(); }
};

TEST(RedisCluster, each_key_goes_to_the_server_of_its_slot) {
  Cluster cluster;
  EXPECT_FALSE(cluster.lane.tier->settling());
  EXPECT_EQ(cluster.counters().up, 2U);
  cluster.fetch_all();
  EXPECT_EQ(cluster.counters().hits, 200U);
  EXPECT_EQ(cluster.one.heard["GET"], cluster.lower.size());
}

TEST(RedisCluster, what_has_moved_is_followed_and_the_map_is_asked_for_again) {
  Cluster cluster;
  for (const auto& [key, value] : cluster.two.values) cluster.one.values[key] = value;
  cluster.one.slots = cluster.two.slots = slots_of({{0, 16383, "192.0.2.1"}});
  cluster.two.instead = [](const sim::SimRedis::Words& words) {
    return words[0] == "GET"
               ? "-MOVED " + std::to_string(cache::redis_slot(words[1])) + " 192.0.2.1:6379\r\n"
               : std::string();
  };
  cluster.lane.run(1s);
  cluster.fetch_all();
  EXPECT_EQ(cluster.counters().hits, 200U);
  EXPECT_EQ(cluster.counters().errors, 0U);
  cluster.lane.run(1s);
  cluster.lane.told.clear();
  const uint32_t before = cluster.two.heard["GET"];
  cluster.fetch_all();
  EXPECT_EQ(cluster.counters().hits, 400U);
  EXPECT_EQ(cluster.two.heard["GET"], before);
}

TEST(RedisCluster, what_is_moving_is_asked_for_with_asking_and_the_map_stays) {
  Cluster cluster;
  for (const auto& [key, value] : cluster.two.values) cluster.one.values[key] = value;
  cluster.two.instead = [](const sim::SimRedis::Words& words) {
    return words[0] == "GET"
               ? "-ASK " + std::to_string(cache::redis_slot(words[1])) + " 192.0.2.1:6379\r\n"
               : std::string();
  };
  cluster.fetch_all();
  EXPECT_EQ(cluster.counters().hits, 200U);
  EXPECT_EQ(cluster.one.heard["ASKING"], cluster.upper.size());
  EXPECT_EQ(cluster.two.heard["GET"], cluster.upper.size());
}

TEST(RedisCluster, servers_that_send_a_key_round_in_circles_are_left_alone) {
  Cluster cluster;
  const auto away = [](const std::string& to) {
    return [to](const sim::SimRedis::Words& words) {
      return words[0] == "GET"
                 ? "-MOVED " + std::to_string(cache::redis_slot(words[1])) + ' ' + to + ":6379\r\n"
                 : std::string();
    };
  };
  cluster.one.instead = away("192.0.2.2");
  cluster.two.instead = away("192.0.2.1");
  cluster.fetch_all();
  cluster.lane.run(100ms);
  EXPECT_EQ(cluster.lane.told.size() + 0U, 200U);
  EXPECT_EQ(cluster.counters().hits, 0U);
  EXPECT_FALSE(cluster.lane.tier->on());
  EXPECT_LE(cluster.one.heard["GET"] + cluster.two.heard["GET"], 700U);
}

TEST(RedisCluster, the_others_go_on_when_a_server_dies_and_its_successor_is_found) {
  Cluster cluster;
  cluster.two.welcome = sim::SimServer::Welcome::refuse;
  cluster.two.drop_all();
  cluster.lane.run(10ms);
  cluster.fetch_all();
  EXPECT_EQ(cluster.counters().hits, cluster.lower.size());
  const auto third = *io::Endpoint::parse("192.0.2.3:6379", 0);
  auto& successor = cluster.lane.net.add_server<sim::SimRedis>(third);
  successor.values = cluster.two.values;
  cluster.one.slots = slots_of({{0, 8191, "192.0.2.1"}, {8192, 16383, "192.0.2.3"}});
  cluster.lane.run(5s);
  cluster.lane.told.clear();
  cluster.fetch_all();
  EXPECT_EQ(cluster.counters().hits, 2 * cluster.lower.size() + cluster.upper.size());
}

TEST(RedisCluster, the_map_is_found_again_through_the_others_when_the_first_server_is_gone) {
  Cluster cluster;
  cluster.one.welcome = sim::SimServer::Welcome::refuse;
  cluster.one.drop_all();
  for (const auto& [key, value] : cluster.one.values) cluster.two.values[key] = value;
  cluster.two.slots = slots_of({{0, 16383, "192.0.2.2"}});
  cluster.lane.run(5s);
  cluster.fetch_all();
  EXPECT_EQ(cluster.counters().hits, 200U);
}

TEST(RedisCluster, a_cluster_that_is_down_costs_nothing) {
  Cluster cluster;
  for (auto* server : {&cluster.one, &cluster.two}) {
    server->instead = [](const sim::SimRedis::Words& words) {
      return words[0] == "GET" ? std::string("-CLUSTERDOWN The cluster is down\r\n")
                               : std::string();
    };
  }
  cluster.fetch_all();
  EXPECT_EQ(cluster.lane.told.size(), 200U);
  EXPECT_FALSE(cluster.lane.tier->on());
}

}  // namespace
}  // namespace zonesweep::engine
