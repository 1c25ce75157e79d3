#include <netinet/tcp.h>

#include <map>
#include <set>
#include <thread>

#include "tests/io/loopback_peer.h"

namespace zonesweep::io {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

std::string read_all(int fd, size_t bytes) {
  std::string all;
  char part[4'096];
  while (all.size() < bytes) {
    const ssize_t got = ::recv(fd, part, sizeof part, 0);
    if (got <= 0) break;
    all.append(part, static_cast<size_t>(got));
  }
  return all;
}

void write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t put = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    ASSERT_GT(put, 0);
    bytes.remove_prefix(static_cast<size_t>(put));
  }
}

std::string pattern(size_t bytes) {
  std::string text(bytes, '\0');
  for (size_t i = 0; i < bytes; ++i) text[i] = static_cast<char>((i * 2'654'435'761U) >> 13);
  return text;
}

// Linux 6.1 and what is newer differ in how a socket is made.
class TcpOnKernel : public testing::TestWithParam<bool> {
 protected:
  TransportOptions options() const {
    TransportOptions options;
    options.ring.newer_features = GetParam();
    return options;
  }
};

INSTANTIATE_TEST_SUITE_P(NewAndOld, TcpOnKernel, testing::Bool());

TEST_P(TcpOnKernel, asks_hears_the_answer_and_then_the_end) {
  Harness net(options());
  TcpPeer server;
  const StreamId stream = net.connect(server.endpoint, 77);
  EXPECT_TRUE(net.write(stream, "exam"));  // before it is open
  EXPECT_TRUE(net.write(stream, "ple.com\r\n"));
  net.turn();
  Fd peer = server.accept();
  ASSERT_TRUE(net.run_until([&] { return net.count(EventKind::stream_opened) == 1; }));
  net.turn();
  EXPECT_EQ(read_all(peer.get(), 13), "example.com\r\n");
  write_all(peer.get(), "Domain Name: EXAMPLE.COM");
  peer.close();
  ASSERT_TRUE(net.run_until([&] { return net.closed(stream) != nullptr; }));
  EXPECT_EQ(net.data(stream), "Domain Name: EXAMPLE.COM");
  EXPECT_EQ(net.closed(stream)->event.error, Error::none);
  EXPECT_EQ(net.closed(stream)->event.token, 77U);
  EXPECT_EQ(net.find(EventKind::stream_opened)->event.token, 77U);
  EXPECT_EQ(net.seen.back().event.kind, EventKind::stream_closed);
}

TEST_P(TcpOnKernel, learns_of_a_dead_port_within_milliseconds) {
  Harness net(options());
  const auto begin = steady_clock::now();
  const StreamId stream = net.connect(dead_port(SOCK_STREAM));
  ASSERT_TRUE(net.run_until([&] { return net.closed(stream) != nullptr; }));
  EXPECT_LT(steady_clock::now() - begin, milliseconds{200});
  EXPECT_EQ(net.closed(stream)->event.error, Error::refused);
  EXPECT_EQ(net.seen.size(), 1U);
}

TEST(TcpStreams, tells_a_reset_from_an_end) {
  Harness net;
  TcpPeer server;
  const StreamId stream = net.connect(server.endpoint);
  net.turn();
  Fd peer = server.accept();
  ASSERT_TRUE(net.run_until([&] { return net.count(EventKind::stream_opened) == 1; }));
  peer.reset();
  ASSERT_TRUE(net.run_until([&] { return net.closed(stream) != nullptr; }));
  EXPECT_EQ(net.closed(stream)->event.error, Error::reset);
}

TEST(TcpStreams, delivers_what_came_before_a_reset) {
  Harness net;
  TcpPeer server;
  const StreamId stream = net.connect(server.endpoint);
  net.turn();
  Fd peer = server.accept();
  ASSERT_TRUE(net.run_until([&] { return net.count(EventKind::stream_opened) == 1; }));
  net.turn();
  write_all(peer.get(), "half an answer");
  peer.reset();
  net.write(stream, "too late");
  ASSERT_TRUE(net.run_until([&] { return net.closed(stream) != nullptr; }));
  EXPECT_EQ(net.data(stream), "half an answer");
  EXPECT_EQ(net.closed(stream)->event.error, Error::reset);
}

TEST(TcpStreams, carries_long_messages_both_ways_in_odd_segments) {
  Harness net;
  TcpPeer server;
  const StreamId stream = net.connect(server.endpoint);
  net.turn();
  Fd peer = server.accept();
  const std::string question = pattern(65'000);
  const std::string answer = pattern(1'000'003);
  ASSERT_TRUE(net.write(stream, question));
  std::string asked;
  std::thread other([&] {
    asked = read_all(peer.get(), question.size());
    const int one = 1;
    ::setsockopt(peer.get(), IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    std::string_view rest = answer;
    for (size_t step = 1; !rest.empty(); step = step * 7 % 9'973) {
      write_all(peer.get(), rest.substr(0, step));
      rest.remove_prefix(std::min(step, rest.size()));
    }
    peer.close();
  });
  EXPECT_TRUE(net.run_until([&] { return net.closed(stream) != nullptr; }));
  other.join();
  EXPECT_EQ(asked, question);
  EXPECT_EQ(net.data(stream), answer);
  EXPECT_EQ(net.closed(stream)->event.error, Error::none);
}

TEST(TcpStreams, continues_partial_sends_where_they_stopped_and_bounds_its_queue) {
  Harness net;
  TcpPeer server;
  const int small = 2'048;  // the accepted socket's window: the kernel takes a send only in parts
  ::setsockopt(server.fd.get(), SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
  const StreamId stream = net.connect(server.endpoint);
  net.turn();
  Fd peer = server.accept();
  ASSERT_TRUE(net.run_until([&] { return net.count(EventKind::stream_opened) == 1; }));
  const std::string all = pattern(4'000'000);
  size_t written = 0;
  bool refused = false;
  std::string got;
  std::thread other([&] {
    std::this_thread::sleep_for(milliseconds{100});
    got = read_all(peer.get(), all.size());
  });
  EXPECT_TRUE(net.run_until([&] {
    while (written < all.size()) {
      const std::string part = all.substr(written, 9'001);
      if (!net.write(stream, part)) {
        refused = true;
        break;
      }
      written += part.size();
    }
    return written == all.size();
  }));
  while (net.transport->turn(steady_clock::now() + milliseconds{5}, 1).size() > 0) {
  }
  for (int i = 0; i < 200 && other.joinable(); ++i) net.turn(milliseconds{5});
  other.join();
  EXPECT_TRUE(refused);
  EXPECT_EQ(got, all);
}

TEST(TcpStreams, closes_on_request_and_is_silent_afterwards) {
  Harness net;
  TcpPeer server;
  const StreamId stream = net.connect(server.endpoint);
  net.turn();
  Fd peer = server.accept();
  ASSERT_TRUE(net.run_until([&] { return net.count(EventKind::stream_opened) == 1; }));
  net.turn();
  write_all(peer.get(), "unwanted");
  net.transport->close(stream);
  net.transport->close(stream);
  EXPECT_TRUE(net.write(stream, "ignored"));
  ASSERT_TRUE(net.run_until([&] { return net.closed(stream) != nullptr; }));
  EXPECT_EQ(net.closed(stream)->event.error, Error::none);
  EXPECT_EQ(net.data(stream), "");
  for (int i = 0; i < 5; ++i) net.turn(milliseconds{2});
  EXPECT_EQ(net.count(EventKind::stream_closed), 1U);
  char byte;
  EXPECT_LE(::recv(peer.get(), &byte, 1, 0), 0);
  net.transport->close(stream);  // stale
  net.turn();
  EXPECT_EQ(net.count(EventKind::stream_closed), 1U);
}

TEST(TcpStreams, closes_before_the_connect_was_even_submitted) {
  Harness net;
  TcpPeer server;
  const StreamId stream = net.connect(server.endpoint);
  net.transport->close(stream);
  ASSERT_TRUE(net.run_until([&] { return net.closed(stream) != nullptr; }));
  EXPECT_EQ(net.closed(stream)->event.error, Error::none);
  EXPECT_EQ(net.count(EventKind::stream_opened), 0U);
}

// A listener whose backlog is full answers no more SYNs: a black hole on loopback.
struct BlackHole {
  TcpPeer server;
  std::vector<Fd> fillers;
  BlackHole() {
    ::listen(server.fd.get(), 0);
    sockaddr_storage address;
    const socklen_t bytes = server.endpoint.to_sockaddr(address);
    for (int i = 0; i < 4; ++i) {
      fillers.emplace_back(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));
      ::connect(fillers.back().get(), reinterpret_cast<sockaddr*>(&address), bytes);
    }
  }
};

TEST(TcpStreams, gives_up_a_connect_that_nobody_answers) {
  Harness net;
  BlackHole hole;
  const StreamId stream = net.connect(hole.server.endpoint);
  for (int i = 0; i < 10; ++i) net.turn(milliseconds{2});
  EXPECT_TRUE(net.seen.empty());
  const auto begin = steady_clock::now();
  net.transport->close(stream);
  ASSERT_TRUE(net.run_until([&] { return net.closed(stream) != nullptr; }));
  EXPECT_LT(steady_clock::now() - begin, milliseconds{100});
  EXPECT_EQ(net.closed(stream)->event.error, Error::none);
}

TEST_P(TcpOnKernel, gives_up_a_connect_in_the_very_turn_in_which_it_began) {
  Harness net(options());
  BlackHole hole;
  for (int i = 0; i < 100; ++i) {
    const StreamId stream = net.connect(hole.server.endpoint);
    if (i % 2 == 0) net.turn();
    net.transport->close(stream);
    ASSERT_TRUE(net.run_until([&] { return net.closed(stream) != nullptr; }));
  }
}

TEST_P(TcpOnKernel, sends_small_writes_without_delay) {
  Harness net(options());
  TcpPeer server;
  const StreamId stream = net.connect(server.endpoint);
  net.turn();
  Fd peer = server.accept();
  ASSERT_TRUE(net.run_until([&] { return net.count(EventKind::stream_opened) == 1; }));
  const auto begin = steady_clock::now();
  for (int i = 0; i < 20; ++i) {  // Nagle's algorithm would hold each behind a delayed ACK of 40 ms
    net.write(stream, "ab");
    net.turn();
    net.write(stream, "cd");
    net.turn();
    EXPECT_EQ(read_all(peer.get(), 4), "abcd");
  }
  EXPECT_LT(steady_clock::now() - begin, milliseconds{400});
}

TEST(TcpStreams, says_when_all_are_in_use_and_serves_again_when_one_has_closed) {
  Harness net(tiny_options());
  BlackHole hole;
  std::vector<StreamId> streams;
  const uint32_t room = net.transport->options().streams;
  for (uint32_t i = 0; i < room; ++i) streams.push_back(net.connect(hole.server.endpoint));
  const auto refused = net.transport->open_stream(hole.server.endpoint, 0);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error(), Error::overload);
  net.transport->close(streams[2]);
  ASSERT_TRUE(net.run_until([&] { return net.closed(streams[2]) != nullptr; }));
  net.turn();
  const auto again = net.transport->open_stream(hole.server.endpoint, 0);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->slot, streams[2].slot);
  EXPECT_NE(again->generation, streams[2].generation);
  net.transport->close(streams[2]);  // stale: the new one in its slot lives on
  for (int i = 0; i < 5; ++i) net.turn(milliseconds{2});
  EXPECT_EQ(net.count(EventKind::stream_closed), 1U);
}

TEST(TcpStreams, delivers_everything_through_tiny_queues_and_two_buffers) {
  Harness net(tiny_options());
  TcpPeer server;
  std::thread other([&] {
    for (int i = 0; i < 100; ++i) {
      Fd peer = server.accept();
      const std::string question = read_all(peer.get(), 3);
      write_all(peer.get(), question + pattern(20'000));
    }
  });
  std::set<uint32_t> running;
  int begun = 0;
  std::map<uint32_t, std::string> answers;
  int ended = 0;
  const auto patience = steady_clock::now() + std::chrono::seconds{10};
  while (ended < 100 && steady_clock::now() < patience) {
    while (begun < 100) {
      const auto stream = net.transport->open_stream(server.endpoint, static_cast<uint32_t>(begun));
      if (!stream) break;
      net.write(*stream, std::to_string(100 + begun));
      ++begun;
    }
    net.turn(milliseconds{2});
    for (const Seen& one : net.seen) {
      if (one.event.kind == EventKind::stream_data) answers[one.event.token] += one.bytes;
      if (one.event.kind == EventKind::stream_closed) {
        EXPECT_EQ(one.event.error, Error::none);
        EXPECT_EQ(answers[one.event.token],
                  std::to_string(100 + one.event.token) + pattern(20'000));
        ++ended;
      }
    }
    net.seen.clear();
  }
  EXPECT_EQ(ended, 100);
  other.join();
}

TEST(TcpStreams, leaks_nothing_over_thousands_of_connections_that_end_in_every_way) {
  Harness net;
  TcpPeer server;
  const Endpoint dead = dead_port(SOCK_STREAM);
  std::thread other([&] {
    for (int i = 0; i < 1'000; ++i) {
      Fd peer = server.accept();
      if (i % 2 == 0) peer.reset();
    }
  });
  size_t closed = 0;
  size_t opened = 0;
  const auto patience = steady_clock::now() + std::chrono::seconds{20};
  while (closed < 3'000 && steady_clock::now() < patience) {
    for (int i = 0; i < 30 && opened < 3'000; ++i, ++opened) {
      const StreamId stream = net.connect(opened % 3 == 0 ? server.endpoint : dead);
      if (opened % 3 == 1) net.write(stream, "question");
      if (opened % 3 == 2) net.transport->close(stream);
    }
    net.turn(milliseconds{1});
    closed += net.count(EventKind::stream_closed);
    net.seen.clear();
  }
  EXPECT_EQ(closed, 3'000U);
  other.join();
  // Every slot can be had again.
  net.turn();
  const uint32_t room = net.transport->options().streams;
  for (uint32_t i = 0; i < room; ++i) ASSERT_TRUE(net.transport->open_stream(dead, 0)) << i;
  EXPECT_FALSE(net.transport->open_stream(dead, 0));
}

}  // namespace
}  // namespace zonesweep::io
