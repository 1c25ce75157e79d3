#include "tests/sim/sim_transport.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>

#include "tests/sim/sim_servers.h"

namespace zonesweep::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
constexpr io::Instant kNever = io::Instant::max();

io::Endpoint endpoint(uint8_t last) {
  io::Endpoint at;
  at.port = 53;
  at.address = {std::byte{192}, std::byte{0}, std::byte{2}, std::byte{last}};
  return at;
}

io::ChannelId channel_to(SimTransport& net, const io::Endpoint& to,
                         io::ChannelOptions options = {}) {
  return net.open_channel(to, options).value();
}

void ask(SimTransport& net, io::ChannelId channel, uint16_t id, uint32_t token = 0) {
  const Bytes query = dns_query(id, "example.test", 1);
  const io::Datagram one{channel, token, query};
  net.send({&one, 1});
}

// Everything that happens until `end`; the bytes of these events are gone.
std::vector<io::Event> run_until(SimTransport& net, io::Instant end) {
  std::vector<io::Event> all;
  while (net.now() < end) {
    const auto events = net.turn(end, UINT32_MAX);
    all.insert(all.end(), events.begin(), events.end());
  }
  return all;
}

size_t count(const std::vector<io::Event>& events, io::EventKind kind) {
  return static_cast<size_t>(std::ranges::count(events, kind, &io::Event::kind));
}

TEST(SimTransport, an_answer_takes_one_round_trip) {
  SimTransport net{1};
  net.add_server<AnsweringServer>(endpoint(1));
  net.path(endpoint(1)) = {{.delay = milliseconds{7}}, {.delay = milliseconds{4}}};
  const auto channel = channel_to(net, endpoint(1));
  const auto start = net.now();
  ask(net, channel, 4711);
  const auto events = net.turn(start + seconds{1}, 1);
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(net.now() - start, milliseconds{11});
  EXPECT_EQ(events[0].kind, io::EventKind::datagram);
  EXPECT_EQ(events[0].handle, channel);
  EXPECT_EQ(question_of(events[0].bytes).id, 4711);
  EXPECT_EQ(question_of(events[0].bytes).name, "example.test");
}

TEST(SimTransport, time_stops_at_the_wake_up_and_not_later) {
  SimTransport net{1};
  const auto start = net.now();
  EXPECT_TRUE(net.turn(start + milliseconds{1'999}, 1).empty());
  EXPECT_EQ(net.now() - start, milliseconds{1'999});
  EXPECT_TRUE(net.turn(start, 1).empty());
  EXPECT_EQ(net.now() - start, milliseconds{1'999});
}

TEST(SimTransport, a_turn_that_waits_for_nothing_costs_a_little_time) {
  SimTransport net{1};
  const auto start = net.now();
  EXPECT_TRUE(net.turn(kNever, 0).empty());
  EXPECT_EQ(net.now() - start, SimOptions{}.turn_cost);
}

TEST(SimTransport, a_turn_gathers_the_completions_it_waits_for) {
  SimTransport net{3};
  net.add_server<AnsweringServer>(endpoint(1));
  net.path(endpoint(1)).down.jitter = milliseconds{20};
  const auto channel = channel_to(net, endpoint(1));
  for (uint16_t id = 0; id < 100; ++id) ask(net, channel, id);
  EXPECT_EQ(net.turn(net.now() + seconds{1}, 64).size(), 64U);
  EXPECT_EQ(net.turn(net.now() + seconds{1}, 64).size(), 36U);
  EXPECT_EQ(net.counters().datagrams_received, 100U);
}

TEST(SimTransport, one_seed_is_one_run) {
  const auto run = [](uint64_t seed) {
    SimTransport net{seed};
    net.add_server<AnsweringServer>(endpoint(1));
    Path& path = net.path(endpoint(1));
    path.up = {.jitter = milliseconds{9}, .loss = 0.2, .duplicate = 0.1};
    path.down = {.jitter = milliseconds{9}, .reorder = 0.3, .corrupt = 0.1, .wrong_id = 0.1};
    const auto channel = channel_to(net, endpoint(1));
    for (uint16_t id = 0; id < 500; ++id) ask(net, channel, id);
    std::string trace;
    const auto end = net.now() + seconds{1};
    while (net.now() < end) {
      for (const io::Event& event : net.turn(end, 1)) {
        trace += std::to_string(net.now().time_since_epoch().count());
        for (const std::byte byte : event.bytes) trace += std::to_integer<char>(byte);
      }
    }
    return trace;
  };
  EXPECT_EQ(run(42), run(42));
  EXPECT_NE(run(42), run(43));
}

TEST(SimTransport, loss_and_duplicates_come_in_the_asked_share) {
  SimTransport net{5};
  auto& server = net.add_server<AnsweringServer>(endpoint(1));
  net.path(endpoint(1)).up.loss = 0.3;
  net.path(endpoint(1)).down.duplicate = 0.5;
  const auto channel = channel_to(net, endpoint(1));
  for (int i = 0; i < 10'000; ++i) ask(net, channel, static_cast<uint16_t>(i));
  const auto events = run_until(net, net.now() + seconds{1});
  EXPECT_NEAR(static_cast<double>(server.counters.datagrams), 7'000, 250);
  EXPECT_NEAR(static_cast<double>(events.size()), 10'500, 400);
}

TEST(SimTransport, wrong_ids_and_empty_datagrams_are_on_demand) {
  SimTransport net{5};
  net.add_server<AnsweringServer>(endpoint(1));
  net.path(endpoint(1)).down = {.wrong_id = 1, .empty_before = 1};
  const auto channel = channel_to(net, endpoint(1));
  ask(net, channel, 7);
  const auto events = net.turn(net.now() + seconds{1}, 2);
  ASSERT_EQ(events.size(), 2U);
  EXPECT_TRUE(events[0].bytes.empty());
  EXPECT_NE(question_of(events[1].bytes).id, 7);
}

TEST(SimTransport, a_long_datagram_is_cut_and_says_so) {
  SimTransport net{1};
  net.add_server<AnsweringServer>(endpoint(1),
                                  [](std::span<const std::byte>, bool) { return Bytes(6'000); });
  const auto channel = channel_to(net, endpoint(1));
  ask(net, channel, 7);
  const auto events = net.turn(net.now() + seconds{1}, 1);
  ASSERT_EQ(events.size(), 1U);
  EXPECT_TRUE(events[0].truncated);
  EXPECT_EQ(events[0].bytes.size(), io::limits::kDatagramBytes);
}

TEST(SimTransport, a_refusing_server_is_a_channel_error_and_a_dead_one_is_silence) {
  SimTransport net{1};
  net.add_server<RefusingServer>(endpoint(1));
  auto& dead = net.add_server<DeadServer>(endpoint(2));
  const auto refusing = channel_to(net, endpoint(1));
  ask(net, refusing, 1);
  ask(net, channel_to(net, endpoint(2)), 2);
  const auto events = run_until(net, net.now() + seconds{30});
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(events[0].kind, io::EventKind::channel_error);
  EXPECT_EQ(events[0].error, io::Error::refused);
  EXPECT_EQ(events[0].handle, refusing);
  EXPECT_EQ(dead.counters.datagrams, 1U);
}

TEST(SimTransport, a_local_send_failure_names_its_datagram_and_nothing_leaves) {
  SimTransport net{1};
  auto& server = net.add_server<AnsweringServer>(endpoint(1));
  const auto channel = channel_to(net, endpoint(1));
  net.fail_sends(2);
  for (uint32_t token = 10; token < 13; ++token) ask(net, channel, 1, token);
  const auto events = run_until(net, net.now() + seconds{1});
  ASSERT_EQ(count(events, io::EventKind::send_failed), 2U);
  EXPECT_EQ(events[0].token, 10U);
  EXPECT_EQ(events[1].token, 11U);
  EXPECT_TRUE(io::is_local(events[0].error));
  EXPECT_EQ(server.counters.datagrams, 1U);
}

TEST(SimTransport, what_does_not_fit_in_a_turn_fails_with_overload) {
  SimTransport net{1, {.send_room = 5}};
  net.add_server<AnsweringServer>(endpoint(1));
  const auto channel = channel_to(net, endpoint(1));
  for (uint32_t token = 0; token < 8; ++token) ask(net, channel, 1, token);
  EXPECT_EQ(count(run_until(net, net.now() + seconds{1}), io::EventKind::send_failed), 3U);
}

TEST(SimTransport, sockets_rotate_are_replaced_and_linger) {
  SimTransport net{1, {.max_sockets = 8}};
  net.add_server<AnsweringServer>(endpoint(1));
  const io::ChannelOptions options{.sockets = 2, .sends_per_socket = 3, .linger = seconds{5}};
  const auto channel = channel_to(net, endpoint(1), options);
  std::set<io::SocketId> used;
  for (int i = 0; i < 12; ++i) {
    const io::SocketId before = net.sending_socket(channel);
    used.insert(before);
    ask(net, channel, 1);
    EXPECT_EQ(net.sending_socket(channel), before);
    ASSERT_EQ(net.turn(net.now() + seconds{1}, 1).size(), 1U);
  }
  EXPECT_GE(used.size(), 4U);
  EXPECT_EQ(net.counters().sockets_opened, 6U);
}

TEST(SimTransport, an_answer_to_a_closed_socket_is_lost) {
  SimTransport net{1};
  auto& server = net.add_server<AnsweringServer>(endpoint(1));
  server.think = seconds{20};
  const io::ChannelOptions options{.sockets = 1, .sends_per_socket = 1, .linger = seconds{2}};
  const auto channel = channel_to(net, endpoint(1), options);
  ask(net, channel, 1);
  EXPECT_TRUE(net.turn(net.now() + seconds{3}, 1).empty());
  EXPECT_TRUE(run_until(net, net.now() + seconds{30}).empty());
  EXPECT_EQ(server.counters.replies, 1U);
}

TEST(SimTransport, after_a_suspension_queued_answers_come_before_the_late_wake_up) {
  SimTransport net{1};
  net.add_server<AnsweringServer>(endpoint(1));
  const auto channel = channel_to(net, endpoint(1));
  ask(net, channel, 1);
  net.suspend(seconds{20});
  const auto start = net.now();
  EXPECT_EQ(net.turn(start + milliseconds{1}, 64).size(), 1U);
  EXPECT_EQ(net.now() - start, seconds{20});
}

TEST(SimTransport, the_world_can_change_at_an_instant) {
  SimTransport net{1};
  net.add_server<AnsweringServer>(endpoint(1));
  const auto channel = channel_to(net, endpoint(1));
  net.after(seconds{1}, [&] { net.path(endpoint(1)).up.loss = 1; });
  ask(net, channel, 1);
  EXPECT_EQ(run_until(net, net.now() + seconds{2}).size(), 1U);
  ask(net, channel, 2);
  EXPECT_TRUE(run_until(net, net.now() + seconds{2}).empty());
}

TEST(SimTransport, a_limiting_server_drops_above_its_rate_in_either_way_of_counting) {
  for (const auto mode : {loopback::RateLimit::Mode::smooth, loopback::RateLimit::Mode::window}) {
    SimTransport net{1};
    auto& server = net.add_server<AnsweringServer>(endpoint(1));
    server.limit = loopback::RateLimit{2'000, mode};
    const auto channel = channel_to(net, endpoint(1));
    for (int i = 0; i < 3'000; ++i) {  // 3,000 a second for three seconds
      for (int j = 0; j < 3; ++j) ask(net, channel, 1);
      (void)net.turn(net.now() + milliseconds{1}, UINT32_MAX);
    }
    EXPECT_NEAR(static_cast<double>(server.counters.replies), 6'000, 200);
    EXPECT_EQ(server.dropped + server.counters.replies, server.counters.datagrams);
  }
}

class Streams : public testing::Test {
 protected:
  io::StreamId open(uint32_t owner = 5) { return net.open_stream(endpoint(1), owner).value(); }
  // Bytes of all stream_data events until the end of `span`.
  Bytes read(io::Duration span) {
    Bytes all;
    events = {};
    const auto end = net.now() + span;
    while (net.now() < end) {
      for (const io::Event& event : net.turn(end, 1)) {
        events.push_back(event);
        all.insert(all.end(), event.bytes.begin(), event.bytes.end());
      }
    }
    return all;
  }

  SimTransport net{1};
  AnsweringServer& server = net.add_server<AnsweringServer>(endpoint(1));
  std::vector<io::Event> events;
};

TEST_F(Streams, bytes_written_before_the_stream_is_open_arrive) {
  const auto stream = open();
  const Bytes query = dns_query(9, "example.test", 1);
  EXPECT_TRUE(net.write(stream, with_length(query)));
  const Bytes answer = read(seconds{1});
  ASSERT_EQ(events.size(), 2U);
  EXPECT_EQ(events[0].kind, io::EventKind::stream_opened);
  EXPECT_EQ(events[0].token, 5U);
  EXPECT_EQ(events[1].kind, io::EventKind::stream_data);
  EXPECT_EQ(question_of(std::span(answer).subspan(2)).id, 9);
}

TEST_F(Streams, answers_come_in_odd_segments_and_whole) {
  server.segments = {1, 3, 7};
  server.segment_gap = milliseconds{2};
  const auto stream = open();
  Bytes expected;
  for (uint16_t id = 0; id < 20; ++id) {
    const Bytes query = dns_query(id, "example.test", 1);
    EXPECT_TRUE(net.write(stream, with_length(query)));
    const Bytes one = with_length(dns_reply(query, {.answers = {a_record_of("example.test")}}));
    expected.insert(expected.end(), one.begin(), one.end());
  }
  EXPECT_EQ(read(seconds{10}), expected);
  EXPECT_GT(count(events, io::EventKind::stream_data), 200U);
}

TEST_F(Streams, a_server_that_closes_after_two_answers_ends_the_stream_once_and_in_order) {
  server.closes_after = 2;
  const auto stream = open();
  for (uint16_t id = 0; id < 5; ++id) net.write(stream, with_length(dns_query(id, "a.test", 1)));
  (void)read(seconds{1});
  EXPECT_EQ(count(events, io::EventKind::stream_data), 2U);
  EXPECT_EQ(events.back().kind, io::EventKind::stream_closed);
  EXPECT_EQ(events.back().error, io::Error::none);
  EXPECT_EQ(count(events, io::EventKind::stream_closed), 1U);
  EXPECT_EQ(net.open_streams(), 0U);
}

TEST_F(Streams, a_reset_is_told_from_a_close) {
  server.resets_after = 1;
  net.write(open(), with_length(dns_query(1, "a.test", 1)));
  (void)read(seconds{1});
  EXPECT_EQ(events.back().error, io::Error::reset);
}

TEST_F(Streams, a_refused_connect_and_a_silent_one_end_in_one_event_each) {
  server.welcome = SimServer::Welcome::refuse;
  open();
  (void)read(seconds{1});
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(events[0].error, io::Error::refused);
  server.welcome = SimServer::Welcome::silent;
  open();
  (void)read(seconds{200});
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(events[0].error, io::Error::timed_out);
}

TEST_F(Streams, our_own_close_is_reported_once_and_the_id_is_dead) {
  const auto stream = open();
  (void)read(milliseconds{100});
  net.write(stream, with_length(dns_query(1, "a.test", 1)));
  net.close(stream);
  net.close(stream);
  (void)read(seconds{1});
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(events[0].kind, io::EventKind::stream_closed);
  const auto next = open();
  EXPECT_EQ(next.slot, stream.slot);
  net.close(stream);  // stale
  (void)read(seconds{1});
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(events[0].kind, io::EventKind::stream_opened);
}

TEST_F(Streams, a_full_send_queue_refuses_and_drains) {
  const auto stream = open();
  const Bytes half(io::limits::kStreamSendBytes / 2);
  EXPECT_TRUE(net.write(stream, half));
  EXPECT_TRUE(net.write(stream, half));
  EXPECT_FALSE(net.write(stream, Bytes(1)));
  (void)read(seconds{1});
  EXPECT_TRUE(net.write(stream, half));
}

TEST_F(Streams, all_streams_in_use_is_overload) {
  SimTransport small{1, {.max_streams = 2}};
  EXPECT_TRUE(small.open_stream(endpoint(1), 1).has_value());
  EXPECT_TRUE(small.open_stream(endpoint(1), 1).has_value());
  EXPECT_EQ(small.open_stream(endpoint(1), 1).error(), io::Error::overload);
}

TEST(SimTransportDeathTest, waiting_for_ever_is_said_and_not_done) {
  SimTransport net{1};
  EXPECT_DEATH(
      {
        while (true) (void)net.turn(kNever, 1);
      },
      "waiting for ever");
}

}  // namespace
}  // namespace zonesweep::sim
