#include "engine/lane_cache.h"

#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

namespace zonesweep::engine {
namespace {

using namespace std::chrono_literals;
using Outcome = LaneCache::Asked::Outcome;

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text));
}

std::string text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

class LaneCacheTest : public testing::Test {
 protected:
  cache::Key key(std::string_view domain, std::string_view server = "whois.nic.example",
                 cache::Protocol protocol = cache::Protocol::whois) {
    cache::Key key;
    EXPECT_TRUE(registration_key(key, *shared_, protocol, server, domain));
    return key;
  }

  std::unique_ptr<AnswerCache> shared_ = std::move(
      *AnswerCache::open({.bytes = 1 << 20}, {}, {.lanes = 2, .questions_per_lane = 100}));
  LaneCache one_{*shared_};
  LaneCache two_{*shared_};
  io::Instant now_ = io::Instant{} + 1h;
};

TEST_F(LaneCacheTest, a_value_comes_back_as_it_was_kept) {
  EXPECT_EQ(one_.ask(key("example.org"), now_).outcome, Outcome::ours);
  one_.keep(key("example.org"), bytes_of("any bytes"),
            {.seconds = 60, .envelope = {.stored_s = 1'234, .format = 7}}, now_);
  one_.flush(now_);
  const auto asked = two_.ask(key("EXAMPLE.org"), now_ + 59s);
  ASSERT_EQ(asked.outcome, Outcome::hit);
  EXPECT_EQ(text_of(asked.hit.value), "any bytes");
  EXPECT_EQ(asked.hit.envelope.stored_s, 1'234U);
  EXPECT_EQ(asked.hit.envelope.format, 7);
  EXPECT_FALSE(asked.hit.envelope.only_in_memory);
  EXPECT_EQ(asked.hit.expires, now_ + 60s);
  EXPECT_NE(two_.ask(key("example.org"), now_ + 60s).outcome, Outcome::hit);
}

TEST_F(LaneCacheTest, other_server_protocol_or_domain_is_another_question) {
  one_.keep(key("example.org"), bytes_of("x"), {.seconds = 60}, now_);
  one_.flush(now_);
  EXPECT_TRUE(one_.find(key("example.org"), now_));
  EXPECT_FALSE(one_.find(key("example.net"), now_));
  EXPECT_FALSE(one_.find(key("example.org", "whois.other.example"), now_));
  EXPECT_FALSE(one_.find(key("example.org", "whois.nic.example", cache::Protocol::rdap), now_));
}

TEST_F(LaneCacheTest, a_question_is_ours_once_until_it_is_released) {
  const auto asked = one_.ask(key("example.org"), now_);
  EXPECT_EQ(asked.outcome, Outcome::ours);
  EXPECT_EQ(two_.ask(key("example.org"), now_).outcome, Outcome::elsewhere);
  EXPECT_EQ(one_.ask(key("example.org"), now_).outcome, Outcome::elsewhere)
      << "by this lane itself";
  one_.keep(key("example.org"), bytes_of("answer"), {.seconds = 60}, now_);
  one_.release(asked.ticket);
  EXPECT_EQ(two_.ask(key("example.org"), now_, true).outcome, Outcome::elsewhere)
      << "until the end of the turn";
  one_.flush(now_);
  EXPECT_EQ(two_.ask(key("example.org"), now_, true).outcome, Outcome::hit);
  EXPECT_EQ(two_.counters().hits + two_.counters().misses, 1U) << "asked again is asked once";
}

TEST_F(LaneCacheTest, a_question_without_an_answer_passes_to_who_waits_for_it) {
  const auto asked = one_.ask(key("example.org"), now_);
  EXPECT_EQ(two_.ask(key("example.org"), now_).outcome, Outcome::elsewhere);
  one_.release(asked.ticket);
  one_.flush(now_);
  EXPECT_EQ(two_.ask(key("example.org"), now_, true).outcome, Outcome::ours);
}

TEST_F(LaneCacheTest, what_does_not_fit_is_not_kept_and_does_no_harm) {
  const std::string large(Envelope::kValueBytes, 'x');
  one_.keep(key("fits.example"), bytes_of(large), {.seconds = 60}, now_);
  one_.keep(key("large.example"), bytes_of(large + "x"), {.seconds = 60}, now_);
  one_.keep(key("never.example"), bytes_of("x"), {.seconds = 0}, now_);
  one_.flush(now_);
  EXPECT_TRUE(one_.find(key("fits.example"), now_));
  EXPECT_FALSE(one_.find(key("large.example"), now_));
  EXPECT_FALSE(one_.find(key("never.example"), now_));
  cache::Key long_key;
  EXPECT_FALSE(registration_key(long_key, *shared_, cache::Protocol::whois, std::string(300, 'a'),
                                std::string(300, 'b')));
}

TEST_F(LaneCacheTest, more_than_one_turn_holds_is_kept_all_the_same) {
  for (int i = 0; i < 3'000; ++i)
    one_.keep(key(std::to_string(i)), bytes_of(std::to_string(i)), {.seconds = 60}, now_);
  one_.flush(now_);
  for (int i = 0; i < 3'000; ++i) {
    const auto hit = two_.find(key(std::to_string(i)), now_);
    ASSERT_TRUE(hit);
    EXPECT_EQ(text_of(hit->value), std::to_string(i));
  }
}

// Every thread wants every question; whoever gets it "asks" once. No question may be asked twice.
TEST_F(LaneCacheTest, of_many_lanes_one_asks) {
  constexpr uint32_t kThreads = 6;
  constexpr uint32_t kQuestions = 5'000;
  const auto shared = std::move(
      *AnswerCache::open({.bytes = 4 << 20}, {}, {.lanes = kThreads, .questions_per_lane = 64}));
  std::vector<std::atomic<uint32_t>> asked(kQuestions);
  const auto work = [&] {
    LaneCache lane(*shared);
    cache::Key key;
    for (uint32_t i = 0; i < kQuestions; ++i) {
      ASSERT_TRUE(registration_key(key, *shared, cache::Protocol::rdap, "s", std::to_string(i)));
      auto answer = lane.ask(key, now_);
      while (answer.outcome == Outcome::elsewhere) {
        std::this_thread::yield();
        answer = lane.ask(key, now_, true);
      }
      if (answer.outcome == Outcome::ours) {
        asked[i]++;
        lane.keep(key, bytes_of(std::to_string(i)), {.seconds = 600}, now_);
        lane.release(answer.ticket);
      } else {
        EXPECT_EQ(text_of(answer.hit.value), std::to_string(i));
      }
      while (true) {  // as turns go on, so do puts that met another writer
        lane.flush(now_);
        if (lane.idle()) break;
        std::this_thread::yield();
      }
    }
  };
  std::vector<std::jthread> threads;
  for (uint32_t i = 0; i < kThreads; ++i) threads.emplace_back(work);
  threads.clear();
  for (uint32_t i = 0; i < kQuestions; ++i) EXPECT_EQ(asked[i], 1U) << i;
}

}  // namespace
}  // namespace zonesweep::engine
