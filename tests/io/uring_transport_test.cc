#include "io/uring_transport.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/time.h>

#include <thread>

#include "tests/io/child.h"
#include "tests/io/loopback_peer.h"

namespace zonesweep::io {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

Duration turn_time(UringTransport& transport, Duration sleep, uint32_t wait_for) {
  const auto begin = steady_clock::now();
  (void)transport.turn(begin + sleep, wait_for);
  return steady_clock::now() - begin;
}

double cpu_seconds() {
  rusage usage{};
  ::getrusage(RUSAGE_THREAD, &usage);
  const auto seconds = [](timeval time) {
    return static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_usec);
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

TEST(UringTransport, returns_at_once_when_nothing_is_waited_for) {
  Harness net;
  const ChannelId channel = net.open(dead_port(SOCK_DGRAM));
  EXPECT_LT(turn_time(*net.transport, std::chrono::seconds{5}, 0), milliseconds{100});
  net.send(channel, 0, "x");
  EXPECT_LT(turn_time(*net.transport, std::chrono::seconds{5}, 0), milliseconds{100});
}

TEST(UringTransport, sleeps_until_it_is_woken_or_its_time_has_come) {
  Harness net;
  UdpPeer server;
  const ChannelId channel = net.open(server.endpoint);
  net.turn();
  const Duration idle = turn_time(*net.transport, milliseconds{50}, 64);
  EXPECT_GE(idle, milliseconds{49});
  EXPECT_LT(idle, milliseconds{500});
  // What it sends itself does not wake it.
  net.send(channel, 0, "question");
  const Duration asking = turn_time(*net.transport, milliseconds{50}, 64);
  EXPECT_GE(asking, milliseconds{49});
}

class WakeUp : public testing::TestWithParam<bool> {};

INSTANTIATE_TEST_SUITE_P(NewAndOldKernel, WakeUp, testing::Bool());

TEST_P(WakeUp, comes_with_one_answer_though_many_were_hoped_for) {
  TransportOptions options;
  options.ring.newer_features = GetParam();
  Harness net(options);
  UdpPeer server;
  const ChannelId channel = net.open(server.endpoint);
  net.send(channel, 0, "question");
  net.turn();
  const auto asked = server.receive();
  ASSERT_EQ(asked.size(), 1U);
  std::thread other([&] {
    std::this_thread::sleep_for(milliseconds{30});
    server.reply(asked[0], "answer");
  });
  const auto begin = steady_clock::now();
  const auto events = net.transport->turn(begin + std::chrono::seconds{5}, 64);
  const Duration took = steady_clock::now() - begin;
  other.join();
  EXPECT_EQ(events.size(), 1U);
  EXPECT_GE(took, milliseconds{25});
  EXPECT_LT(took, milliseconds{500});
}

TEST(UringTransport, takes_any_wake_up_time) {
  Harness net;
  for (const Instant when : {Instant::min(), Instant{}, net.transport->now()}) {
    EXPECT_TRUE(net.transport->turn(when, 1).empty());
  }
  UdpPeer server;
  const ChannelId channel = net.open(server.endpoint);
  net.send(channel, 0, "question");
  net.turn();
  server.reply(server.receive().at(0), "answer");
  EXPECT_EQ(net.transport->turn(Instant::max(), 1).size(), 1U);
}

TEST(UringTransport, keeps_time_still_between_turns) {
  Harness net;
  net.turn();
  const Instant before = net.transport->now();
  std::this_thread::sleep_for(milliseconds{2});
  EXPECT_EQ(net.transport->now(), before);
  net.turn();
  EXPECT_GE(net.transport->now(), before + milliseconds{2});
}

TEST(UringTransport, hands_over_a_suspended_process_its_answers_before_time_moves_on) {
  TransportOptions options;
  options.ring.buffers = 64;  // fewer than there are answers
  Harness net(options);
  UdpPeer server;
  const ChannelId channel = net.open(server.endpoint);
  constexpr uint32_t kQuestions = 500;
  for (uint32_t i = 0; i < kQuestions; ++i) net.send(channel, i, "question");
  net.turn();
  const auto asked = server.receive();
  ASSERT_GT(asked.size(), 200U);
  for (const auto& one : asked) server.reply(one, "answer");
  const Instant before = net.transport->now();
  const Instant wake_at = before + milliseconds{5};
  std::this_thread::sleep_for(milliseconds{200});  // as if stopped
  size_t answers = 0;
  for (int turns = 0; turns < 100 && net.transport->now() < wake_at; ++turns) {
    answers += net.transport->turn(wake_at, 64).size();
  }
  EXPECT_EQ(answers, asked.size());
  EXPECT_GE(net.transport->now(), before + milliseconds{200});
}

TEST(UringTransport, does_not_spin_while_it_waits_or_while_a_flood_starves_it) {
  Harness net;
  net.open(dead_port(SOCK_DGRAM));
  const double before = cpu_seconds();
  const auto until = steady_clock::now() + milliseconds{300};
  while (steady_clock::now() < until) net.turn(milliseconds{50});
  EXPECT_LT(cpu_seconds() - before, 0.1);
}

void ignore_signal(int) {}

TEST(UringTransport, loses_nothing_in_a_storm_of_signals) {
  struct sigaction action {};
  action.sa_handler = ignore_signal;  // no SA_RESTART: every system call is interrupted
  struct sigaction old {};
  ::sigaction(SIGALRM, &action, &old);
  const itimerval storm{{0, 200}, {0, 200}};
  ::setitimer(ITIMER_REAL, &storm, nullptr);
  {
    Harness net(tiny_options());
    UdpPeer server;
    const ChannelId channel = net.open(server.endpoint);
    uint32_t sent = 0;
    const auto patience = steady_clock::now() + std::chrono::seconds{5};
    while (net.count(EventKind::datagram) < 1'000 && steady_clock::now() < patience) {
      for (int i = 0; i < 10 && sent < 1'000; ++i) net.send(channel, sent++, "question");
      net.turn(milliseconds{1});
      for (const auto& one : server.receive()) server.reply(one, "answer");
    }
    EXPECT_EQ(net.count(EventKind::datagram), 1'000U);
    EXPECT_EQ(net.transport->failure(), "");
  }
  const itimerval calm{};
  ::setitimer(ITIMER_REAL, &calm, nullptr);
  ::sigaction(SIGALRM, &old, nullptr);
}

// -EBADR: completions are gone. Nothing may go on as if they had not been.
TEST(UringTransport, stops_for_good_when_the_kernel_refuses_to_go_on) {
  for (const unsigned code : {unsigned{EBADR}, unsigned{EIO}}) {
    const std::string text = in_child([code] {
      Harness net;
      UdpPeer server;
      const ChannelId channel = net.open(server.endpoint);
      net.turn();
      if (!forbid(SYS_io_uring_enter, code)) return std::string("?");
      for (uint32_t i = 0; i < 20'000; ++i) net.send(channel, i, std::string(1 + i % 400, 'x'));
      (void)net.transport->open_stream(server.endpoint, 0);
      for (int i = 0; i < 10; ++i) net.turn(milliseconds{1});
      return std::string(net.transport->failure());
    });
    EXPECT_NE(text.find("the kernel"), std::string::npos) << text;
  }
}

TEST(UringTransport, waits_out_a_kernel_that_is_busy_without_spinning) {
  for (const unsigned code : {unsigned{EAGAIN}, unsigned{EBUSY}}) {
    const std::string text = in_child([code] {
      Harness net;
      UdpPeer server;
      const ChannelId channel = net.open(server.endpoint);
      net.turn();
      if (!forbid(SYS_io_uring_enter, code)) return std::string("?");
      net.send(channel, 1, "x");
      const double before = cpu_seconds();
      const auto until = steady_clock::now() + milliseconds{300};
      while (steady_clock::now() < until) net.turn(milliseconds{50});
      if (cpu_seconds() - before > 0.1) return std::string("it spins");
      return "failure: " + std::string(net.transport->failure());
    });
    EXPECT_EQ(text, "failure: ");
  }
}

TEST(UringTransport, ends_cleanly_with_everything_in_flight) {
  for (int round = 0; round < 20; ++round) {
    Harness net;
    UdpPeer server;
    TcpPeer listener;
    const ChannelId channel = net.open(server.endpoint);
    for (uint32_t i = 0; i < 100; ++i) net.send(channel, i, std::string(i, 'x'));
    for (int i = 0; i < 20; ++i) net.write(net.connect(listener.endpoint), "question");
    for (int i = 0; i < round % 4; ++i) net.turn();
    const auto begin = steady_clock::now();
    net.transport.reset();
    EXPECT_LT(steady_clock::now() - begin, milliseconds{500});
  }
}

TEST(UringTransport, leaves_no_descriptor_behind) {
  const auto descriptors = [] {
    int open = 0;
    for (int fd = 0; fd < 1'024; ++fd) open += ::fcntl(fd, F_GETFD) >= 0 ? 1 : 0;
    return open;
  };
  const int before = descriptors();
  {
    Harness net;
    UdpPeer server;
    ChannelOptions options;
    options.sends_per_socket = 1;
    options.linger = milliseconds{1};
    const ChannelId channel = net.open(server.endpoint, options);
    for (uint32_t i = 0; i < 300; ++i) {
      net.send(channel, i, "x");
      net.turn(milliseconds{1});
    }
    net.connect(server.endpoint);
    net.turn();
  }
  EXPECT_EQ(descriptors(), before);
}

}  // namespace
}  // namespace zonesweep::io
