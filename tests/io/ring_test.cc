#include "io/ring.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

namespace zonesweep::io {
namespace {

using std::chrono::milliseconds;

Ring small_ring(RingOptions options = {
                    .submissions = 64, .completions = 128, .buffers = 16, .files = 32}) {
  auto ring = Ring::create(options);
  EXPECT_TRUE(ring) << ring.error().message;
  return std::move(*ring);
}

struct Pair {  // two connected UDP sockets on loopback
  int a = ::socket(AF_INET, SOCK_DGRAM, 0);
  int b = ::socket(AF_INET, SOCK_DGRAM, 0);
  Pair() {
    join(a, b);
    join(b, a);
  }
  ~Pair() {
    ::close(a);
    ::close(b);
  }
  Pair(const Pair&) = delete;
  Pair& operator=(const Pair&) = delete;

 private:
  static sockaddr_in address_of(int fd) {
    sockaddr_in address{};
    socklen_t bytes = sizeof address;
    ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &bytes);
    return address;
  }
  static void join(int from, int to) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (address_of(to).sin_port == 0)
      ::bind(to, reinterpret_cast<sockaddr*>(&address), sizeof address);
    address = address_of(to);
    ::connect(from, reinterpret_cast<sockaddr*>(&address), sizeof address);
  }
};

std::vector<Completion> turn(Ring& ring, uint32_t wait_for) {
  std::vector<Completion> completions;
  ring.wait(wait_for, milliseconds{500});
  ring.reap(completions);
  return completions;
}

std::string text_of(const Ring& ring, const Completion& completion) {
  const auto bytes = ring.buffer(completion.buffer, static_cast<size_t>(completion.result));
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

TEST(Ring, receives_many_datagrams_from_one_operation) {
  Ring ring = small_ring();
  Pair pair;
  ASSERT_EQ(ring.install(3, pair.a), Error::none);
  ring.recv_multishot(3, {.kind = 7, .slot = 3, .generation = 99}, MSG_TRUNC);
  for (const char* text : {"one", "two", "three"})
    ASSERT_GT(::send(pair.b, text, std::strlen(text), 0), 0);
  const auto completions = turn(ring, 3);
  ASSERT_EQ(completions.size(), 3U);
  EXPECT_EQ(text_of(ring, completions[0]), "one");
  EXPECT_EQ(text_of(ring, completions[2]), "three");
  EXPECT_EQ(completions[1].tag.kind, 7);
  EXPECT_EQ(completions[1].tag.generation, 99U);
  EXPECT_TRUE(completions[2].more);
  EXPECT_EQ(ring.buffers_free(), 13U);
  for (const auto& completion : completions) ring.give_back({&completion.buffer, 1});
  EXPECT_EQ(ring.buffers_free(), 16U);
}

TEST(Ring, gives_the_true_length_of_a_datagram_that_did_not_fit) {
  Ring ring = small_ring(
      {.submissions = 8, .completions = 16, .buffers = 4, .buffer_bytes = 512, .files = 16});
  Pair pair;
  ASSERT_EQ(ring.install(0, pair.a), Error::none);
  ring.recv_multishot(0, {}, MSG_TRUNC);
  const std::string big(3'000, 'x');
  ASSERT_EQ(::send(pair.b, big.data(), big.size(), 0), 3'000);
  const auto completions = turn(ring, 1);
  ASSERT_EQ(completions.size(), 1U);
  EXPECT_EQ(completions[0].result, 3'000);
}

TEST(Ring, tells_who_sent_a_datagram) {
  Ring ring = small_ring();
  Pair pair;
  ASSERT_EQ(ring.install(0, pair.a), Error::none);
  ring.recvmsg_multishot(0, {});
  ASSERT_EQ(::send(pair.b, "hello", 5, 0), 5);
  const auto completions = turn(ring, 1);
  ASSERT_EQ(completions.size(), 1U);
  const auto message = ring.parse_message(completions[0]);
  ASSERT_TRUE(message);
  EXPECT_EQ(message->payload.size(), 5U);
  EXPECT_FALSE(message->truncated);
  EXPECT_EQ(message->segment_bytes, 0U);
  sockaddr_in from{};
  ASSERT_EQ(message->peer_bytes, sizeof from);
  std::memcpy(&from, message->peer, sizeof from);
  EXPECT_EQ(from.sin_addr.s_addr, htonl(INADDR_LOOPBACK));
}

TEST(Ring, flags_a_message_that_did_not_fit) {
  Ring ring = small_ring(
      {.submissions = 8, .completions = 16, .buffers = 4, .buffer_bytes = 512, .files = 16});
  Pair pair;
  ASSERT_EQ(ring.install(0, pair.a), Error::none);
  ring.recvmsg_multishot(0, {});
  const std::string big(3'000, 'x');
  ASSERT_EQ(::send(pair.b, big.data(), big.size(), 0), 3'000);
  const auto completions = turn(ring, 1);
  ASSERT_EQ(completions.size(), 1U);
  const auto message = ring.parse_message(completions[0]);
  ASSERT_TRUE(message);
  EXPECT_TRUE(message->truncated);
  EXPECT_LE(message->payload.size(), 512U);
  EXPECT_FALSE(ring.parse_message({.tag = {}, .result = 10, .has_buffer = true}));
  EXPECT_FALSE(ring.parse_message({.tag = {}, .result = -5, .has_buffer = true}));
}

TEST(Ring, submits_a_full_queue_and_loses_nothing) {
  Ring ring = small_ring({.submissions = 4, .completions = 8, .buffers = 2, .files = 16});
  Pair pair;
  ASSERT_EQ(ring.install(0, pair.b), Error::none);
  const std::string text = "0123456789";
  for (uint32_t i = 0; i < 500; ++i) {
    ring.send(0, {.kind = 1, .slot = 0, .generation = i}, std::as_bytes(std::span(text)),
              MSG_DONTWAIT);
  }
  std::vector<bool> seen(500);
  for (int round = 0; round < 200; ++round) {
    for (const auto& completion : turn(ring, 0)) {
      EXPECT_EQ(completion.result, 10);
      EXPECT_FALSE(seen[completion.tag.generation]);
      seen[completion.tag.generation] = true;
    }
  }
  EXPECT_EQ(std::ranges::count(seen, true), 500);
  EXPECT_GT(ring.overflows(), 0U);
  EXPECT_EQ(ring.failed(), 0);
}

TEST(Ring, ends_a_receive_for_want_of_buffers_and_takes_it_up_again) {
  Ring ring = small_ring({.submissions = 8, .completions = 16, .buffers = 2, .files = 16});
  Pair pair;
  ASSERT_EQ(ring.install(0, pair.a), Error::none);
  ring.recv_multishot(0, {}, MSG_TRUNC);
  for (int i = 0; i < 5; ++i) ASSERT_EQ(::send(pair.b, "x", 1, 0), 1);
  size_t received = 0;
  for (int round = 0; round < 10 && received < 5; ++round) {
    bool ended = false;
    std::vector<uint16_t> lent;
    for (const auto& completion : turn(ring, 1)) {
      if (completion.has_buffer) lent.push_back(completion.buffer);
      received += completion.result == 1 ? 1 : 0;
      if (!completion.more) {
        EXPECT_EQ(completion.result, -ENOBUFS);
        ended = true;
      }
    }
    ring.give_back(lent);
    if (ended) ring.recv_multishot(0, {}, MSG_TRUNC);
  }
  EXPECT_EQ(received, 5U);
}

TEST(Ring, waits_no_longer_than_it_was_told) {
  Ring ring = small_ring();
  const auto before = std::chrono::steady_clock::now();
  ring.wait(1, milliseconds{20});
  const auto waited = std::chrono::steady_clock::now() - before;
  EXPECT_GE(waited, milliseconds{19});
  EXPECT_LT(waited, milliseconds{300});
}

struct Listener {
  int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  Listener() {
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address);
    socklen_t bytes = sizeof address;
    ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &bytes);
    ::listen(fd, 64);
  }
  ~Listener() { ::close(fd); }
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;
};

TEST(Ring, connects_accepts_and_talks_over_direct_descriptors) {
  Ring ring = small_ring(
      {.submissions = 16, .completions = 32, .buffers = 8, .files = 32, .accepted_files = 8});
  Listener listener;
  ASSERT_EQ(ring.install(0, listener.fd), Error::none);
  ring.accept_multishot(0, {.kind = 1});
  ring.open_tcp(5, {.kind = 2, .slot = 5}, reinterpret_cast<const sockaddr*>(&listener.address),
                sizeof listener.address);
  FileSlot accepted = 0;
  int connected = -1;
  for (int round = 0; round < 4 && (accepted == 0 || connected != 0); ++round) {
    for (const auto& completion : turn(ring, 2)) {
      if (completion.tag.kind == 1) accepted = static_cast<FileSlot>(completion.result);
      if (completion.tag.kind == 2) connected = completion.result;
    }
  }
  ASSERT_EQ(connected, 0);
  ASSERT_GE(accepted, 24U);
  ASSERT_LT(accepted, 32U);
  const std::string text = "hello";
  ring.recv_multishot(accepted, {.kind = 3}, 0);
  ring.send(5, {.kind = 4}, std::as_bytes(std::span(text)), 0);
  std::string got;
  for (int round = 0; round < 4 && got.empty(); ++round) {
    for (const auto& completion : turn(ring, 2)) {
      if (completion.tag.kind == 3 && completion.result > 0) got = text_of(ring, completion);
    }
  }
  EXPECT_EQ(got, "hello");
}

TEST(Ring, reports_a_refused_connection_in_one_completion) {
  Ring ring = small_ring();
  sockaddr_in nobody{};
  {
    Listener listener;
    nobody = listener.address;
  }
  ring.open_tcp(5, {.kind = 2}, reinterpret_cast<const sockaddr*>(&nobody), sizeof nobody);
  const auto completions = turn(ring, 1);
  ASSERT_EQ(completions.size(), 1U);
  EXPECT_EQ(completions[0].result, -ECONNREFUSED);
  EXPECT_TRUE(turn(ring, 0).empty());
}

TEST(Ring, reports_a_socket_that_could_not_be_made_in_one_completion) {
  Ring ring = small_ring();
  sockaddr_in odd{};
  odd.sin_family = 200;
  ring.open_tcp(5, {.kind = 2}, reinterpret_cast<const sockaddr*>(&odd), sizeof odd);
  const auto completions = turn(ring, 1);
  ASSERT_EQ(completions.size(), 1U);
  EXPECT_EQ(completions[0].result, -EAFNOSUPPORT);
  EXPECT_TRUE(turn(ring, 0).empty());
}

TEST(Ring, ends_what_is_in_flight_on_a_file_when_asked) {
  Ring ring = small_ring();
  Pair pair;
  ASSERT_EQ(ring.install(0, pair.a), Error::none);
  ring.recv_multishot(0, {.kind = 1}, 0);
  EXPECT_TRUE(turn(ring, 0).empty());
  ring.cancel_file(0, {.kind = 2});
  int ended = 0;
  for (const auto& completion : turn(ring, 2))
    ended += completion.tag.kind == 1 ? completion.result : 0;
  EXPECT_EQ(ended, -ECANCELED);
}

}  // namespace
}  // namespace zonesweep::io
