// Sends that the kernel refuses, in a network namespace of the test's own.
#include <gmock/gmock.h>
#include <sched.h>

#include <cstdlib>
#include <map>

#include "tests/io/child.h"
#include "tests/io/loopback_peer.h"

namespace zonesweep::io {
namespace {

using testing::HasSubstr;

bool run(const std::string& command) {
  return std::system((command + " 2>/dev/null").c_str()) == 0;
}

// "skip" where the namespace cannot be had.
std::string in_namespace(const std::function<std::string()>& body) {
  return in_child([&] {
    if (::unshare(CLONE_NEWNET) != 0 || !run("ip link set lo up")) return std::string("skip");
    return body();
  });
}

#define SKIP_IF_ASKED(said) \
  if ((said) == "skip") GTEST_SKIP() << "needs root, a network namespace, ip and tc"

std::string summary(const Harness& net) {
  std::map<std::string, int> failures;
  for (const Seen& one : net.seen) {
    if (one.event.kind == EventKind::send_failed) ++failures[std::string(name_of(one.event.error))];
  }
  std::string text = "sent " + std::to_string(net.transport->counters().datagrams_sent);
  for (const auto& [name, count] : failures) text += ", " + name + " " + std::to_string(count);
  return text;
}

std::string after_route(const std::string& route) {
  return in_namespace([&] {
    if (!run("ip route add default dev lo")) return std::string("skip");
    Harness net;
    const ChannelId channel = net.open(*Endpoint::parse("198.18.0.1", 53));
    for (uint32_t i = 0; i < 10; ++i) net.send(channel, i, "before");
    net.turn();
    if (!run("ip route add " + route + " 198.18.0.0/15")) return std::string("skip");
    for (uint32_t i = 0; i < 10; ++i) net.send(channel, i, "after");
    for (uint32_t i = 0; i < 3; ++i) net.send(channel, i, std::string(600, 'x'));
    net.turn();
    net.turn();
    return summary(net);
  });
}

TEST(UdpFailures, a_prohibited_route_is_denied_to_each_datagram) {
  const std::string said = after_route("prohibit");
  SKIP_IF_ASKED(said);
  EXPECT_EQ(said, "sent 10, denied 13");
}

TEST(UdpFailures, an_unreachable_route_is_told_for_each_datagram) {
  const std::string said = after_route("unreachable");
  SKIP_IF_ASKED(said);
  EXPECT_EQ(said, "sent 10, unreachable 13");
}

TEST(UdpFailures, a_black_hole_route_is_told_for_each_datagram) {
  const std::string said = after_route("blackhole");
  SKIP_IF_ASKED(said);
  EXPECT_EQ(said, "sent 10, unsupported 13");
}

TEST(UdpFailures, what_cannot_leave_as_one_send_leaves_plainly) {
  const std::string said = in_namespace([] {
    if (!run("ip link set lo mtu 100"))
      return std::string("skip");  // GSO segments may not fragment
    Harness net;
    UdpPeer server;
    const ChannelId channel = net.open(server.endpoint);
    for (uint32_t round = 0; round < 2; ++round) {
      for (uint32_t i = 0; i < 50; ++i) net.send(channel, i, std::string(200, 'x'));
      net.turn();
      net.turn();
    }
    return summary(net) + ", heard " + std::to_string(server.receive().size()) + ", sends " +
           std::to_string(net.transport->counters().sends);
  });
  SKIP_IF_ASKED(said);
  EXPECT_EQ(said, "sent 100, heard 100, sends 102");  // the first turn tries both its batches
}

TEST(UdpFailures, a_full_send_buffer_is_overload_and_not_a_try) {
  const std::string said = in_namespace([] {
    if (!run("tc qdisc add dev lo root tbf rate 8kbit burst 1600 limit 1000000")) {
      return std::string("skip");
    }
    TransportOptions options;
    options.receive_bytes = 4'608;
    Harness net(options);
    UdpPeer server;
    const ChannelId channel = net.open(server.endpoint);
    for (uint32_t i = 0; i < 200; ++i) net.send(channel, i, std::string(400 + i % 20, 'x'));
    net.turn();
    net.turn();
    const size_t failed = net.count(EventKind::send_failed);
    const size_t sent = net.transport->counters().datagrams_sent;
    return (failed > 0 && failed + sent == 200 ? "all told: " : "lost: ") + summary(net);
  });
  SKIP_IF_ASKED(said);
  EXPECT_THAT(said, HasSubstr("all told: "));
  EXPECT_THAT(said, HasSubstr("overload"));
}

TEST(UdpFailures, fragments_arrive_whole) {
  const std::string said = in_namespace([] {
    if (!run("ip link set lo mtu 1280")) return std::string("skip");
    Harness net;
    UdpPeer server;
    const ChannelId channel = net.open(server.endpoint);
    net.send(channel, 0, "x");
    net.turn();
    const auto asked = server.receive();
    if (asked.empty()) return std::string("nothing asked");
    server.reply(asked[0], std::string(4'000, 'y'));
    if (!net.run_until([&] { return net.count(EventKind::datagram) == 1; }))
      return std::string("nothing");
    return std::to_string(net.find(EventKind::datagram)->bytes.size());
  });
  SKIP_IF_ASKED(said);
  EXPECT_EQ(said, "4000");
}

}  // namespace
}  // namespace zonesweep::io
