#include <map>
#include <set>

#include "tests/io/loopback_peer.h"

namespace zonesweep::io {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

TEST(UdpChannels, carries_a_question_and_its_answer) {
  Harness net;
  UdpPeer server;
  const ChannelId channel = net.open(server.endpoint);
  const SocketId socket = net.transport->sending_socket(channel);
  net.send(channel, 7, "question");
  net.turn();
  const auto asked = server.receive();
  ASSERT_EQ(asked.size(), 1U);
  EXPECT_EQ(asked[0].bytes, "question");
  server.reply(asked[0], "answer");
  ASSERT_TRUE(net.run_until([&] { return !net.seen.empty(); }));
  const Seen& got = net.seen[0];
  EXPECT_EQ(got.event.kind, EventKind::datagram);
  EXPECT_EQ(got.event.handle, channel);
  EXPECT_EQ(got.event.socket, socket);
  EXPECT_FALSE(got.event.truncated);
  EXPECT_EQ(got.bytes, "answer");
  EXPECT_EQ(net.transport->counters().datagrams_sent, 1U);
  EXPECT_EQ(net.transport->counters().datagrams_received, 1U);
}

TEST(UdpChannels, talks_over_ipv6) {
  const int fd = ::socket(AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK, 0);
  sockaddr_in6 address{};
  address.sin6_family = AF_INET6;
  address.sin6_addr = in6addr_loopback;
  socklen_t bytes = sizeof address;
  if (fd < 0 || ::bind(fd, reinterpret_cast<sockaddr*>(&address), bytes) != 0)
    GTEST_SKIP() << "no IPv6";
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &bytes);
  Harness net;
  const ChannelId channel = net.open(*Endpoint::parse("::1", ntohs(address.sin6_port)));
  for (uint32_t i = 0; i < 10; ++i) net.send(channel, i, "hello");
  net.turn();
  char got[16];
  for (int i = 0; i < 10; ++i) EXPECT_EQ(::recv(fd, got, sizeof got, 0), 5);
  ::close(fd);
}

// Ids ride in the datagrams; the peer answers each; all must come back, whatever the path.
class UdpPath : public testing::TestWithParam<bool> {};

TEST_P(UdpPath, delivers_every_datagram_of_every_length_unchanged) {
  TransportOptions options;
  options.use_gso = GetParam();
  Harness net(options);
  UdpPeer server;
  const ChannelId channel = net.open(server.endpoint);
  std::map<std::string, int> expected;
  for (uint32_t i = 0; i < 3'000; ++i) {
    std::string bytes = std::to_string(i) + ":";
    bytes.resize(6 + i * 7 % (i % 50 == 0 ? 900 : 90), static_cast<char>('a' + i % 26));
    ++expected[bytes];
    net.send(channel, i, bytes);
  }
  std::map<std::string, int> got;
  ASSERT_TRUE(net.run_until([&] {
    for (const auto& one : server.receive()) ++got[one.bytes];
    return net.transport->counters().datagrams_sent == 3'000 && got.size() >= expected.size();
  }));
  EXPECT_EQ(got, expected);
  EXPECT_EQ(net.count(EventKind::send_failed), 0U);
  const auto& counters = net.transport->counters();
  EXPECT_EQ(counters.sends == counters.datagrams_sent, !GetParam());
}

INSTANTIATE_TEST_SUITE_P(GsoAndPlain, UdpPath, testing::Bool());

TEST(UdpChannels, sends_datagrams_of_no_and_of_one_byte) {
  Harness net;
  UdpPeer server;
  const ChannelId channel = net.open(server.endpoint);
  net.send(channel, 0, "");
  net.send(channel, 1, "x");
  net.send(channel, 2, "");
  net.turn();
  EXPECT_EQ(server.receive().size(), 3U);
}

TEST(UdpChannels, delivers_tiny_datagrams_as_they_are_and_goes_on_after_an_empty_one) {
  Harness net;
  UdpPeer server;
  const ChannelId channel = net.open(server.endpoint);
  net.send(channel, 0, "x");
  net.turn();
  const auto asked = server.receive();
  ASSERT_EQ(asked.size(), 1U);
  for (const char* text : {"a", "", "bc", "", "", "d"}) server.reply(asked[0], text);
  ASSERT_TRUE(net.run_until([&] { return net.count(EventKind::datagram) == 6; }));
  std::string all;
  for (const Seen& one : net.seen) all += one.bytes + "|";
  EXPECT_EQ(all, "a||bc|||d|");
}

TEST(UdpChannels, flags_a_datagram_that_is_longer_than_a_buffer) {
  Harness net;
  UdpPeer server;
  const ChannelId channel = net.open(server.endpoint);
  net.send(channel, 0, "x");
  net.turn();
  const auto asked = server.receive();
  ASSERT_EQ(asked.size(), 1U);
  server.reply(asked[0], std::string(6'000, 'a'));
  server.reply(asked[0], std::string(limits::kDatagramBytes, 'b'));
  server.reply(asked[0], std::string(limits::kDatagramBytes + 1, 'c'));
  ASSERT_TRUE(net.run_until([&] { return net.seen.size() == 3; }));
  EXPECT_TRUE(net.seen[0].event.truncated);
  EXPECT_EQ(net.seen[0].bytes, std::string(limits::kDatagramBytes, 'a'));
  EXPECT_FALSE(net.seen[1].event.truncated);
  EXPECT_TRUE(net.seen[2].event.truncated);
}

TEST(UdpChannels, learns_of_a_dead_port_within_milliseconds_and_loses_no_datagram) {
  Harness net;
  const ChannelId channel = net.open(dead_port(SOCK_DGRAM));
  const auto begin = steady_clock::now();
  net.send(channel, 0, "anybody there?");
  ASSERT_TRUE(net.run_until([&] { return net.count(EventKind::channel_error) > 0; }));
  EXPECT_LT(steady_clock::now() - begin, milliseconds{200});
  EXPECT_EQ(net.find(EventKind::channel_error)->event.error, Error::refused);
  EXPECT_EQ(net.find(EventKind::channel_error)->event.handle, channel);
  for (uint32_t i = 1; i <= 200; ++i) {
    net.send(channel, i, "still there?");
    net.turn();
  }
  ASSERT_TRUE(net.run_until([&] {
    return net.transport->counters().datagrams_sent + net.count(EventKind::send_failed) == 201;
  }));
}

TEST(UdpChannels, resends_what_an_earlier_datagrams_refusal_kept_from_leaving) {
  Harness net;
  ChannelOptions one_socket;
  one_socket.sockets = 1;
  const ChannelId channel = net.open(dead_port(SOCK_DGRAM), one_socket);
  net.turn();
  // Different lengths: two sends in one turn. The first one's refusal is there before the second.
  net.send(channel, 1, "first");
  net.send(channel, 2, "second");
  net.turn();
  net.turn();
  EXPECT_EQ(net.count(EventKind::send_failed), 0U);
  EXPECT_GE(net.count(EventKind::channel_error), 1U);
  EXPECT_EQ(net.transport->counters().datagrams_sent, 2U);
}

TEST(UdpChannels, uses_another_socket_each_turn_and_the_same_within_one) {
  Harness net;
  UdpPeer server;
  const ChannelId channel = net.open(server.endpoint);
  std::set<uint16_t> ports;
  std::set<SocketId> sockets;
  for (int turn = 0; turn < 8; ++turn) {
    const SocketId socket = net.transport->sending_socket(channel);
    for (uint32_t i = 0; i < 10; ++i) net.send(channel, i, std::string(20 + i % 3, 'x'));
    EXPECT_EQ(net.transport->sending_socket(channel), socket);
    net.turn();
    sockets.insert(socket);
    std::set<uint16_t> ports_of_turn;
    for (const auto& one : server.receive()) ports_of_turn.insert(one.port());
    EXPECT_EQ(ports_of_turn.size(), 1U);
    ports.insert(*ports_of_turn.begin());
  }
  EXPECT_EQ(ports.size(), 4U);
  EXPECT_EQ(sockets.size(), 4U);
}

TEST(UdpChannels, replaces_worn_sockets_and_still_hears_the_old_ones_until_they_have_lingered) {
  Harness net;
  UdpPeer server;
  ChannelOptions options;
  options.sockets = 1;
  options.sends_per_socket = 3;
  options.linger = milliseconds{300};
  const ChannelId channel = net.open(server.endpoint, options);
  std::set<uint16_t> ports;
  std::vector<UdpPeer::Received> asked;
  for (uint32_t i = 0; i < 30; ++i) {
    net.send(channel, i, "question");
    net.turn();
    for (auto& one : server.receive()) asked.push_back(std::move(one));
  }
  for (const auto& one : asked) ports.insert(one.port());
  EXPECT_EQ(ports.size(), 10U);
  EXPECT_EQ(net.transport->counters().sockets_opened, 11U);
  for (const auto& one : asked) server.reply(one, "answer");
  ASSERT_TRUE(net.run_until([&] { return net.count(EventKind::datagram) == 30; }));

  // When they have lingered, their ids serve again, and are dense.
  std::set<SocketId> ids;
  const auto until = steady_clock::now() + milliseconds{900};
  while (steady_clock::now() < until) {
    ids.insert(net.transport->sending_socket(channel));
    net.send(channel, 0, "question");
    net.turn(milliseconds{10});
  }
  EXPECT_LT(*ids.rbegin(), 24U);
  EXPECT_LT(ids.size(), 24U);
}

TEST(UdpChannels, goes_on_with_a_worn_socket_where_no_other_can_be_had) {
  TransportOptions options;
  options.sockets = 2;
  Harness net(options);
  UdpPeer server;
  ChannelOptions worn_at_once;
  worn_at_once.sockets = 4;
  worn_at_once.sends_per_socket = 1;
  const ChannelId channel = net.open(server.endpoint, worn_at_once);
  EXPECT_EQ(net.transport->open_channel(server.endpoint, {}).error(), Error::no_files);
  for (uint32_t i = 0; i < 10; ++i) {
    EXPECT_LT(net.transport->sending_socket(channel), net.transport->max_sockets());
    net.send(channel, i, "question");
    net.turn();
  }
  EXPECT_EQ(server.receive().size(), 10U);
}

TEST(UdpChannels, counts_what_the_kernel_dropped_at_a_full_socket) {
  TransportOptions options;
  options.receive_bytes = 2'304;  // the kernel's minimum: one or two small datagrams
  Harness net(options);
  UdpPeer server;
  ChannelOptions one_socket;
  one_socket.sockets = 1;
  const ChannelId channel = net.open(server.endpoint, one_socket);
  net.send(channel, 0, "x");
  net.turn();
  const auto asked = server.receive();
  ASSERT_EQ(asked.size(), 1U);
  for (int i = 0; i < 100; ++i) server.reply(asked[0], std::string(500, 'x'));
  const auto& counters = net.transport->counters();
  ASSERT_TRUE(net.run_until(
      [&] { return counters.receive_overflows + counters.datagrams_received == 100; }));
  EXPECT_GT(counters.receive_overflows, 50U);
}

TEST(UdpChannels, refuses_a_datagram_that_is_too_long_to_send) {
  Harness net;
  UdpPeer server;
  const ChannelId channel = net.open(server.endpoint);
  net.send(channel, 41, std::string(limits::kSendBatchBytes, 'x'));
  net.send(channel, 42, std::string(limits::kSendBatchBytes + 1, 'x'));
  net.turn();
  ASSERT_EQ(net.seen.size(), 1U);
  EXPECT_EQ(net.seen[0].event.kind, EventKind::send_failed);
  EXPECT_EQ(net.seen[0].event.error, Error::too_large);
  EXPECT_EQ(net.seen[0].event.token, 42U);
  EXPECT_EQ(server.receive().size(), 1U);
}

TEST(UdpChannels, reports_each_datagram_that_may_not_leave) {
  // 255.255.255.255 needs SO_BROADCAST: connect() itself is refused.
  Harness net;
  const auto channel = net.transport->open_channel(*Endpoint::parse("255.255.255.255", 53), {});
  ASSERT_FALSE(channel);
  EXPECT_EQ(channel.error(), Error::denied);
}

TEST(UdpChannels, delivers_everything_through_tiny_queues_and_two_buffers) {
  Harness net(tiny_options());
  UdpPeer server;
  const ChannelId channel = net.open(server.endpoint);
  size_t asked = 0;
  for (uint32_t i = 0; i < 2'000; ++i) {
    net.send(channel, i, std::string(10 + i % 50, 'x'));
    if (i % 40 == 39) net.turn();
    for (const auto& one : server.receive()) {
      server.reply(one, one.bytes);
      ++asked;
    }
  }
  ASSERT_TRUE(net.run_until([&] {
    for (const auto& one : server.receive()) {
      server.reply(one, one.bytes);
      ++asked;
    }
    return net.count(EventKind::datagram) == 2'000;
  }));
  EXPECT_EQ(asked, 2'000U);
  EXPECT_EQ(net.transport->counters().datagrams_sent, 2'000U);
  EXPECT_GT(net.transport->counters().buffers_exhausted, 0U);
}

TEST(UdpChannels, lets_no_busy_server_starve_another_of_the_last_buffers) {
  Harness net(tiny_options());
  UdpPeer busy;
  UdpPeer quiet;
  ChannelOptions one_socket;
  one_socket.sockets = 1;
  const ChannelId first = net.open(busy.endpoint, one_socket);
  const ChannelId second = net.open(quiet.endpoint, one_socket);
  net.send(first, 0, "x");
  net.send(second, 0, "x");
  net.turn();
  const auto from_busy = busy.receive();
  const auto from_quiet = quiet.receive();
  ASSERT_EQ(from_busy.size(), 1U);
  ASSERT_EQ(from_quiet.size(), 1U);
  for (int i = 0; i < 200; ++i) busy.reply(from_busy[0], "noise");
  quiet.reply(from_quiet[0], "answer");
  int turns = 0;
  const auto heard = [&] {
    for (const Seen& one : net.seen) {
      if (one.event.handle == second) return true;
    }
    return false;
  };
  while (!heard() && turns < 20) {
    busy.reply(from_busy[0], "noise");
    busy.reply(from_busy[0], "noise");
    net.turn();
    ++turns;
  }
  EXPECT_TRUE(heard());
}

TEST(UdpChannels, sends_more_batches_in_a_turn_than_there_are) {
  Harness net;
  UdpPeer server;
  std::vector<ChannelId> channels;
  for (int i = 0; i < 20; ++i) channels.push_back(net.open(server.endpoint));
  for (uint32_t i = 0; i < 2'000; ++i) net.send(channels[i % 20], i, std::string(10 + i % 97, 'x'));
  net.turn();
  EXPECT_EQ(net.transport->counters().datagrams_sent, 2'000U);
  EXPECT_EQ(server.receive().size(), 2'000U);
}

}  // namespace
}  // namespace zonesweep::io
