#include "engine/dns_lane.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "tests/sim/sim_redis.h"
#include "tests/sim/sim_servers.h"
#include "tests/sim/sim_transport.h"

namespace zonesweep::engine {
namespace {

using namespace std::chrono_literals;

struct Row {
  std::string input;
  Status status;
  uint16_t rcode;
  uint32_t tries;
  TransportUsed transport;
  std::string error;
  std::vector<std::byte> message;
};

// Keeps every row by (seq, question); a second row for the same place fails the test.
class Rows final : public RecordWriter {
 public:
  void write(uint64_t, uint32_t question, const DnsRecord& record) override {
    const auto [it, fresh] = rows.try_emplace({record.seq, question},
                                              Row{std::string(record.input),
                                                  record.status,
                                                  record.rcode,
                                                  record.tries,
                                                  record.transport,
                                                  std::string(record.error),
                                                  {record.message.begin(), record.message.end()}});
    EXPECT_TRUE(fresh) << "second row for " << record.input;
  }
  void name_done(uint64_t, uint64_t seq) override { done.push_back(seq); }
  [[nodiscard]] bool full() const override { return is_full; }
  void chunk_idle(uint64_t chunk) override { idle.push_back(chunk); }

  [[nodiscard]] std::map<Status, uint64_t> statuses() const {
    std::map<Status, uint64_t> count;
    for (const auto& [place, row] : rows) count[row.status]++;
    return count;
  }

  std::map<std::pair<uint64_t, uint32_t>, Row> rows;
  std::vector<uint64_t> done;
  std::vector<uint64_t> idle;
  bool is_full = false;
};

io::Endpoint endpoint(const std::string& text) { return *io::Endpoint::parse(text, 53); }

class DnsLaneTest : public ::testing::Test {
 protected:
  void add_names(uint64_t count, const std::string& suffix = ".example") {
    std::vector<std::string> names;
    for (uint64_t i = 0; i < count; ++i) names.push_back("n" + std::to_string(i) + suffix);
    add_names(names);
  }
  void add_names(const std::vector<std::string>& names) {
    for (size_t at = 0; at < names.size();) {
      auto batch = queue_.fresh();
      for (size_t i = 0; i < limits::kNamesPerBatch && at < names.size(); ++i)
        add(*batch, names[at++]);
      ASSERT_TRUE(queue_.push(std::move(batch)));
    }
  }
  void add(NameBatch& batch, const std::string& text) {
    InputName name{.seq = seq_++, .input_at = batch.block.arena.size()};
    name.input_size = static_cast<uint16_t>(text.size());
    std::copy(text.begin(), text.end(), batch.block.arena.room(static_cast<uint32_t>(text.size())));
    batch.block.arena.commit(static_cast<uint32_t>(text.size()));
    std::array<std::byte, dns::limits::kNameBytes> wire{};
    const auto size = dns::name_from_text(text, wire);
    if (size) {
      name.wire_at = batch.block.arena.size();
      name.wire_size = static_cast<uint8_t>(*size);
      char* room = batch.block.arena.room(static_cast<uint32_t>(*size));
      std::memcpy(room, wire.data(), *size);
      batch.block.arena.commit(static_cast<uint32_t>(*size));
    } else {
      name.kind = InputName::Kind::illegal;
      name.reason = Illegal::empty_label;
    }
    batch.block.names.push_back(name);
  }
  void run(DnsLaneOptions options = {},
           std::vector<io::Endpoint> servers = {endpoint("192.0.2.1")}) {
    queue_.close();
    options.wall_us = [] { return int64_t{1'790'000'000'000'000}; };
    options.random_seed = 1;
    auto lane = DnsLane::create(net_, queue_, rows_, servers, options, stop_);
    ASSERT_TRUE(lane);
    const io::Instant start = net_.now();
    (*lane)->run();
    took_ = net_.now() - start;
    statistics_ = (*lane)->statistics();
    EXPECT_EQ(statistics_.rows, rows_.rows.size());
  }

  sim::SimTransport net_{7};
  NameQueue queue_{1'000'000};
  Rows rows_;
  std::atomic<StopLevel> stop_ = StopLevel::run;
  uint64_t seq_ = 0;
  io::Duration took_{};
  Statistics statistics_;
};

TEST_F(DnsLaneTest, every_name_gets_one_row_per_question) {
  net_.add_server<sim::AnsweringServer>(endpoint("192.0.2.1"));
  add_names(5'000);
  run({.types = {1, 15}});
  EXPECT_EQ(rows_.rows.size(), 10'000);
  EXPECT_EQ(rows_.done.size(), 5'000);
}

TEST_F(DnsLaneTest, illegal_input_becomes_a_row_and_no_question) {
  net_.add_server<sim::AnsweringServer>(endpoint("192.0.2.1"));
  add_names({"good.example", "bad..example", "good2.example"});
  run();
  EXPECT_EQ(rows_.rows.size(), 3);
  EXPECT_EQ(rows_.rows.at({1, 0}).status, Status::illegal_input);
  EXPECT_EQ(statistics_.sent, 2);
}

TEST_F(DnsLaneTest, equal_questions_in_flight_are_asked_once) {
  auto& server = net_.add_server<sim::AnsweringServer>(endpoint("192.0.2.1"));
  std::vector<std::string> names;
  for (int i = 0; i < 500; ++i) names.push_back(i % 2 == 0 ? "Same.Example" : "same.example");
  add_names(names);
  run();
  EXPECT_EQ(rows_.rows.size(), 500);
  EXPECT_EQ(server.asked.size(), 1);
  EXPECT_LE(statistics_.sent, 3);
  EXPECT_EQ(statistics_.coalesced + statistics_.questions, 500);
}

TEST_F(DnsLaneTest, names_survive_thirty_percent_loss_each_way) {
  net_.add_server<sim::AnsweringServer>(endpoint("192.0.2.1"));
  net_.path(endpoint("192.0.2.1")).up.loss = 0.3;
  net_.path(endpoint("192.0.2.1")).down.loss = 0.3;
  add_names(20'000);
  run({.tries = 10});
  const auto statuses = rows_.statuses();
  EXPECT_EQ(rows_.rows.size(), 20'000);
  EXPECT_GE(statuses.at(Status::noerror), 19'900);
  for (const auto& [status, count] : statuses)
    EXPECT_TRUE(status == Status::noerror || status == Status::timeout);
  EXPECT_LE(took_, 120s) << std::chrono::duration<double>(took_).count();
  std::cout << "loss: answered " << statuses.at(Status::noerror) << " sent " << statistics_.sent
            << " seconds " << std::chrono::duration<double>(took_).count() << "\n";
}

// The server has hung up after an answer, so a link bears one question at a time; and every answer
// is cut. A question that waits for a link must hold none, or they wait for each other for ever.
TEST_F(DnsLaneTest, questions_that_wait_for_a_tcp_link_hold_none) {
  auto& server = net_.add_server<sim::AnsweringServer>(endpoint("192.0.2.1"), [](auto query, bool) {
    return sim::dns_reply(query, {.truncated = true});
  });
  server.closes_after = 1;
  net_.after(20ms, [&server] { server.closes_after = 0; });
  add_names(60);
  net_.after(300s, [this] { stop_ = StopLevel::abandon; });
  run({.timeout = 1s});
  EXPECT_EQ(rows_.statuses(), (std::map<Status, uint64_t>{{Status::truncated, 60}}));
  EXPECT_EQ(statistics_.in_flight, 0);
}

TEST_F(DnsLaneTest, a_rare_rcode_is_named_in_the_row) {
  net_.add_server<sim::AnsweringServer>(
      endpoint("192.0.2.1"), [](auto query, bool) { return sim::dns_reply(query, {.rcode = 9}); });
  add_names(1);
  run();
  EXPECT_EQ(rows_.rows.at({0, 0}).status, Status::rcode);
  EXPECT_EQ(rows_.rows.at({0, 0}).rcode, 9);
  EXPECT_EQ(statistics_.in_flight, 0);
}

TEST_F(DnsLaneTest, a_server_with_a_limit_loses_no_row_and_is_kept_busy) {
  for (const bool smooth : {false, true}) {
    SCOPED_TRACE(smooth ? "smooth" : "by the second");
    sim::SimTransport net{11};
    auto& server = net.add_server<sim::AnsweringServer>(endpoint("192.0.2.1"));
    server.limit = loopback::RateLimit{
        2'000, smooth ? loopback::RateLimit::Mode::smooth : loopback::RateLimit::Mode::window};
    NameQueue queue{1'000'000};
    Rows rows;
    std::atomic<StopLevel> stop = StopLevel::run;
    auto batch = queue.fresh();
    seq_ = 0;
    for (int i = 0; i < 40'000; ++i) {
      add(*batch, "n" + std::to_string(i) + ".example");
      if (batch->block.names.size() < limits::kNamesPerBatch) continue;
      ASSERT_TRUE(queue.push(std::move(batch)));
      batch = queue.fresh();
    }
    ASSERT_TRUE(queue.push(std::move(batch)));
    queue.close();
    const std::array servers{endpoint("192.0.2.1")};
    auto lane = DnsLane::create(net, queue, rows, servers,
                                {.random_seed = 1, .wall_us = [] { return int64_t{0}; }}, stop);
    const io::Instant start = net.now();
    (*lane)->run();
    const double took = std::chrono::duration<double>(net.now() - start).count();
    EXPECT_EQ(rows.rows.size(), 40'000);
    EXPECT_EQ(rows.statuses()[Status::noerror], 40'000);
    const double asked = static_cast<double>(server.counters.datagrams) / took;
    EXPECT_GE(asked, 1'500) << "in " << took << " s";
    EXPECT_LE(static_cast<double>(server.dropped), 0.25 * 40'000);
    std::cout << "asked/s " << asked << " dropped " << server.dropped << " seconds " << took
              << "\n";
  }
}

// Answers by a function of the question; an empty answer is silence.
auto answering(std::function<sim::SimReply(const sim::SimQuestion&, bool tcp)> reply) {
  return [reply](std::span<const std::byte> query, bool tcp) {
    const sim::SimQuestion question = sim::question_of(query);
    sim::SimReply made = reply(question, tcp);
    if (made.edns) made.edns = question.edns;
    return sim::dns_reply(query, made);
  };
}

sim::SimReply good(const sim::SimQuestion& question) {
  return {.edns = true, .answers = {sim::a_record_of(question.name)}};
}

const io::Endpoint kFirst = endpoint("192.0.2.1");
const io::Endpoint kSecond = endpoint("192.0.2.2");

TEST_F(DnsLaneTest, a_truncated_answer_is_asked_again_over_tcp) {
  net_.add_server<sim::AnsweringServer>(
      kFirst, answering([](const auto& question, bool tcp) {
        return tcp ? good(question) : sim::SimReply{.truncated = true, .edns = true};
      }));
  add_names(300);
  run();
  EXPECT_EQ(rows_.statuses()[Status::noerror], 300);
  EXPECT_EQ(rows_.rows.at({0, 0}).transport, TransportUsed::tcp);
  EXPECT_LE(net_.counters().streams_opened, 4) << "connections are kept and pipelined";
}

TEST_F(DnsLaneTest, truncation_without_tcp_keeps_what_came_and_says_so) {
  auto& server =
      net_.add_server<sim::AnsweringServer>(kFirst, answering([](const auto& question, bool) {
                                              sim::SimReply reply = good(question);
                                              reply.truncated = true;
                                              return reply;
                                            }));
  server.welcome = sim::SimServer::Welcome::refuse;
  add_names(5);
  run();
  EXPECT_EQ(rows_.statuses()[Status::truncated], 5);
  EXPECT_FALSE(rows_.rows.at({0, 0}).message.empty());
}

TEST_F(DnsLaneTest, a_server_that_closes_after_each_answer_still_answers_all) {
  auto& server = net_.add_server<sim::AnsweringServer>(
      kFirst, answering([](const auto& question, bool tcp) {
        return tcp ? good(question) : sim::SimReply{.truncated = true};
      }));
  server.closes_after = 1;
  server.segments = {1, 2, 7};
  add_names(50);
  run();
  EXPECT_EQ(rows_.statuses()[Status::noerror], 50);
}

TEST_F(DnsLaneTest, a_mute_tcp_server_ends_in_truncated_rows_in_bounded_time) {
  auto& server =
      net_.add_server<sim::AnsweringServer>(kFirst, answering([](const auto& question, bool) {
                                              sim::SimReply reply = good(question);
                                              reply.truncated = true;
                                              return reply;
                                            }));
  server.mute_streams = true;
  add_names(20);
  run();
  EXPECT_EQ(rows_.statuses()[Status::truncated], 20);
  EXPECT_LE(took_, 30s);
}

TEST_F(DnsLaneTest, servfail_is_taken_to_another_server) {
  auto& first = net_.add_server<sim::AnsweringServer>(
      kFirst, answering([](const auto&, bool) { return sim::SimReply{.rcode = 2, .edns = true}; }));
  net_.add_server<sim::AnsweringServer>(kSecond);
  add_names(400);
  run({}, {kFirst, kSecond});
  EXPECT_EQ(rows_.statuses()[Status::noerror], 400);
  EXPECT_GT(first.counters.datagrams, 0);
}

TEST_F(DnsLaneTest, servfail_everywhere_is_the_row_s_status_with_its_message) {
  auto& server = net_.add_server<sim::AnsweringServer>(
      kFirst, answering([](const auto&, bool) { return sim::SimReply{.rcode = 2, .edns = true}; }));
  add_names(40);
  run();
  EXPECT_EQ(rows_.statuses()[Status::servfail], 40);
  EXPECT_FALSE(rows_.rows.at({7, 0}).message.empty());
  EXPECT_EQ(server.counters.datagrams, 120) << "three tries each";
}

TEST_F(DnsLaneTest, nxdomain_is_final_at_once) {
  auto& server = net_.add_server<sim::AnsweringServer>(
      kFirst, answering([](const auto&, bool) { return sim::SimReply{.rcode = 3, .edns = true}; }));
  add_names(100);
  run();
  EXPECT_EQ(rows_.statuses()[Status::nxdomain], 100);
  EXPECT_EQ(server.counters.datagrams, 100);
}

TEST_F(DnsLaneTest, a_server_that_does_not_know_edns_is_asked_without_and_remembered) {
  auto& server = net_.add_server<sim::AnsweringServer>(
      kFirst, answering([](const auto& question, bool) {
        return question.edns ? sim::SimReply{.rcode = 1} : good(question);
      }));
  add_names(500);
  run({.window = 10});
  EXPECT_EQ(rows_.statuses()[Status::noerror], 500);
  EXPECT_LE(server.counters.datagrams, 500 + 30);
}

TEST_F(DnsLaneTest, a_server_that_drops_edns_is_reached_by_the_last_try) {
  net_.add_server<sim::AnsweringServer>(kFirst, [](std::span<const std::byte> query, bool) {
    const sim::SimQuestion question = sim::question_of(query);
    return question.edns ? sim::Bytes{} : sim::dns_reply(query, good(question));
  });
  add_names(30);
  run();
  EXPECT_EQ(rows_.statuses()[Status::noerror], 30);
}

TEST_F(DnsLaneTest, forged_ids_move_their_question_to_tcp_and_never_answer_it) {
  net_.add_server<sim::AnsweringServer>(kFirst);
  net_.path(kFirst).down.wrong_id = 0.2;
  add_names(2'000);
  run();
  EXPECT_EQ(rows_.statuses()[Status::noerror], 2'000);
  EXPECT_GT(statistics_.forged, 200);
  EXPECT_GT(statistics_.over_tcp, 200);
}

TEST_F(DnsLaneTest, answers_carry_the_address_of_their_own_name_under_every_impairment) {
  net_.add_server<sim::AnsweringServer>(kFirst);
  sim::Path& path = net_.path(kFirst);
  path.up = {.delay = 3ms, .jitter = 20ms, .loss = 0.1, .duplicate = 0.2, .reorder = 0.2};
  path.down = {.delay = 3ms,
               .jitter = 20ms,
               .loss = 0.1,
               .duplicate = 0.2,
               .reorder = 0.2,
               .wrong_id = 0.02,
               .empty_before = 0.05};
  add_names(5'000);
  run({.tries = 8});
  uint64_t answered = 0;
  for (const auto& [place, row] : rows_.rows) {
    if (row.status != Status::noerror) continue;
    answered++;
    const sim::Bytes address = sim::a_record_of(row.input).data;
    const auto found = std::ranges::search(row.message, address);
    EXPECT_FALSE(found.empty()) << row.input;
  }
  EXPECT_GE(answered, 4'990);
}

TEST_F(DnsLaneTest, a_silent_server_ends_in_timeouts_and_never_in_nxdomain) {
  net_.add_server<sim::DeadServer>(kFirst);
  add_names(10);
  run({.outage_patience = {}});
  EXPECT_EQ(rows_.statuses()[Status::timeout], 10);
}

TEST_F(DnsLaneTest, a_closed_port_ends_in_net_errors_fast) {
  net_.add_server<sim::RefusingServer>(kFirst);
  add_names(10);
  run({.outage_patience = {}});
  EXPECT_EQ(rows_.statuses()[Status::net_error], 10);
  EXPECT_LE(took_, 10s);
}

TEST_F(DnsLaneTest, an_outage_of_half_a_minute_costs_no_row) {
  net_.add_server<sim::AnsweringServer>(kFirst);
  add_names(60'000);
  net_.at(net_.now() + 100ms, [this] { net_.path(kFirst).up.loss = 1; });
  net_.at(net_.now() + 30s, [this] { net_.path(kFirst).up.loss = 0; });
  run();
  EXPECT_EQ(rows_.statuses()[Status::noerror], 60'000);
  EXPECT_GE(took_, 29s);
}

TEST_F(DnsLaneTest, names_that_are_never_answered_do_not_look_like_an_outage) {
  net_.add_server<sim::AnsweringServer>(kFirst, [](std::span<const std::byte> query, bool) {
    const sim::SimQuestion question = sim::question_of(query);
    if (question.type == 2) return sim::dns_reply(query, {.rcode = 0});
    return sim::Bytes{};
  });
  add_names(200);
  run();
  EXPECT_EQ(rows_.statuses()[Status::timeout], 200);
  EXPECT_LE(took_, 60s);
}

TEST_F(DnsLaneTest, local_send_failures_are_not_tries) {
  net_.add_server<sim::AnsweringServer>(kFirst);
  net_.fail_sends(300);
  add_names(500);
  run({.tries = 1});
  EXPECT_EQ(rows_.statuses()[Status::noerror], 500);
  EXPECT_EQ(statistics_.unsent, 300);
}

TEST_F(DnsLaneTest, a_suspended_process_finds_its_answers_before_its_timeouts) {
  net_.add_server<sim::AnsweringServer>(kFirst);
  net_.at(net_.now() + 100ms, [this] { net_.suspend(20s); });
  add_names(20'000);
  run();
  EXPECT_EQ(rows_.statuses()[Status::noerror], 20'000);
  EXPECT_LE(statistics_.timeouts, 200);
}

TEST_F(DnsLaneTest, a_hard_rate_is_never_exceeded_in_any_second) {
  auto& server = net_.add_server<sim::AnsweringServer>(kFirst);
  add_names(3'000);
  std::vector<uint64_t> heard;
  std::function<void()> count = [&] {
    heard.push_back(server.counters.datagrams);
    if (heard.size() < 40) net_.after(250ms, count);
  };
  net_.after(0ms, count);
  run({.rate = 500});
  for (size_t i = 4; i < heard.size(); ++i) EXPECT_LE(heard[i] - heard[i - 4], 502) << i;
  EXPECT_GE(took_, 5'900ms);
}

TEST_F(DnsLaneTest, a_full_writer_stops_the_intake) {
  net_.add_server<sim::AnsweringServer>(kFirst);
  rows_.is_full = true;
  net_.at(net_.now() + 5s, [this] { rows_.is_full = false; });
  add_names(100);
  run();
  EXPECT_EQ(rows_.rows.size(), 100);
  EXPECT_GE(took_, 5s);
}

TEST_F(DnsLaneTest, draining_finishes_what_is_in_flight_and_starts_nothing) {
  auto& server = net_.add_server<sim::AnsweringServer>(kFirst);
  server.think = 200ms;
  add_names(5'000);
  uint64_t asked_at_stop = 0;
  net_.at(net_.now() + 100ms, [&] {
    stop_ = StopLevel::drain;
    asked_at_stop = server.counters.datagrams;
  });
  run();
  EXPECT_LT(rows_.rows.size(), 5'000);
  EXPECT_GE(rows_.rows.size(), asked_at_stop);
  EXPECT_LE(server.counters.datagrams, asked_at_stop + 200);
  EXPECT_LE(took_, 2s);
}

TEST_F(DnsLaneTest, an_abandoned_run_to_stdout_gives_every_open_name_a_cancelled_row) {
  net_.add_server<sim::DeadServer>(kFirst);
  add_names(20);
  net_.at(net_.now() + 500ms, [&] { stop_ = StopLevel::abandon; });
  run({.rows_for_cancelled = true});
  EXPECT_EQ(rows_.statuses()[Status::cancelled], rows_.rows.size());
  EXPECT_GT(rows_.rows.size(), 0);
}

TEST_F(DnsLaneTest, chunks_are_reported_idle_once_and_when_done) {
  net_.add_server<sim::AnsweringServer>(kFirst);
  for (uint64_t chunk = 0; chunk < 3; ++chunk) {
    auto batch = queue_.fresh();
    batch->chunk = chunk;
    for (int i = 0; i < 100; ++i)
      add(*batch, "c" + std::to_string(chunk) + "-" + std::to_string(i) + ".example");
    ASSERT_TRUE(queue_.push(std::move(batch)));
  }
  run();
  EXPECT_THAT(rows_.idle, testing::UnorderedElementsAre(0, 1, 2));
}

// Names that come again long after the first was answered, so that single flight cannot help.
TEST_F(DnsLaneTest, what_is_known_already_is_not_asked_again) {
  net_.add_server<sim::AnsweringServer>(endpoint("192.0.2.1"));
  auto cache = AnswerCache::open({.bytes = 4 << 20}, {.resolvers = {endpoint("192.0.2.1")}},
                                 {.start = net_.now()});
  ASSERT_TRUE(cache);
  for (int round = 0; round < 3; ++round) add_names(500);
  run({.window = 100, .cache = cache->get()});
  EXPECT_EQ(rows_.rows.size(), 1'500);
  EXPECT_EQ(statistics_.questions, 500);
  EXPECT_EQ(statistics_.cache_hits + statistics_.coalesced, 1'000);
  EXPECT_GT(statistics_.cache_hits, 800);
  for (uint64_t seq = 0; seq < 500; ++seq) {
    const Row& first = rows_.rows.at({seq, 0});
    for (const uint64_t later : {seq + 500, seq + 1'000}) {
      const Row& again = rows_.rows.at({later, 0});
      EXPECT_EQ(again.status, first.status);
      EXPECT_EQ(again.tries, first.tries);
      EXPECT_EQ(again.input, first.input);
      EXPECT_GT(again.message.size(), 0);  // without the OPT
      EXPECT_LE(again.message.size(), first.message.size());
    }
  }
}

TEST_F(DnsLaneTest, a_list_that_is_wholly_known_is_written_without_a_query) {
  net_.add_server<sim::AnsweringServer>(endpoint("192.0.2.1"));
  auto cache = AnswerCache::open({.bytes = 4 << 20}, {.resolvers = {endpoint("192.0.2.1")}},
                                 {.start = net_.now()});
  ASSERT_TRUE(cache);
  add_names(std::vector<std::string>(20'000, "same.example"));
  run({.window = 1, .cache = cache->get()});
  EXPECT_EQ(rows_.rows.size(), 20'000);
  EXPECT_EQ(statistics_.sent, 1);
}

// Whoever waits for one of its questions would wait for ever.
TEST_F(DnsLaneTest, a_lane_does_not_end_before_its_answers_are_in_the_cache) {
  net_.add_server<sim::AnsweringServer>(endpoint("192.0.2.1"));
  auto cache = AnswerCache::open({.bytes = 4 << 20}, {.resolvers = {endpoint("192.0.2.1")}},
                                 {.lanes = 2, .questions_per_lane = 100, .start = net_.now()});
  ASSERT_TRUE(cache);
  cache::Table& table = (*cache)->table();
  std::vector<cache::Stripe> stripes;
  for (uint32_t i = 0; i < table.stripe_count(); ++i)
    stripes.emplace_back(table.memory(), table.geometry(), i);
  for (cache::Stripe& stripe : stripes) ASSERT_TRUE(stripe.try_claim());
  add_names(1);
  queue_.close();
  const std::vector<io::Endpoint> servers{endpoint("192.0.2.1")};
  auto lane = DnsLane::create(net_, queue_, rows_, servers, {.cache = cache->get()}, stop_);
  ASSERT_TRUE(lane);
  for (int turns = 0; turns < 1'000 && rows_.rows.empty(); ++turns) ASSERT_TRUE((*lane)->turn());
  ASSERT_EQ(rows_.rows.size(), 1);
  for (int turns = 0; turns < 10; ++turns) EXPECT_TRUE((*lane)->turn());
  for (cache::Stripe& stripe : stripes) stripe.release();
  (*lane)->run();
  EXPECT_EQ(table.counters().entries, 1);
}

// Two lanes over one cache, turned in turn. The network of each answers its own lane only.
TEST_F(DnsLaneTest, a_question_is_in_flight_once_whatever_the_lane) {
  sim::SimTransport other_net{8};
  net_.add_server<sim::AnsweringServer>(endpoint("192.0.2.1"));
  other_net.add_server<sim::AnsweringServer>(endpoint("192.0.2.1"));
  auto cache = AnswerCache::open({.bytes = 4 << 20}, {.resolvers = {endpoint("192.0.2.1")}},
                                 {.lanes = 2, .questions_per_lane = 1'000, .start = net_.now()});
  ASSERT_TRUE(cache);
  NameQueue other_queue{1'000'000};
  Rows other_rows;
  const std::vector<io::Endpoint> servers{endpoint("192.0.2.1")};
  const DnsLaneOptions options{.window = 1'000, .cache = cache->get()};
  add_names(700);
  queue_.close();
  {
    seq_ = 10'000;
    auto batch = other_queue.fresh();
    for (int i = 0; i < 500; ++i) add(*batch, "N" + std::to_string(i) + ".EXAMPLE");
    ASSERT_TRUE(other_queue.push(std::move(batch)));
    other_queue.close();
  }
  auto one = DnsLane::create(net_, queue_, rows_, servers, options, stop_);
  auto two = DnsLane::create(other_net, other_queue, other_rows, servers, options, stop_);
  ASSERT_TRUE(one && two);
  for (bool left = true, right = true; left || right;) {
    if (left) left = (*one)->turn();
    if (right) right = (*two)->turn();
  }
  (*one)->run();
  (*two)->run();
  EXPECT_EQ(rows_.rows.size(), 700);
  EXPECT_EQ(other_rows.rows.size(), 500);
  EXPECT_EQ((*one)->statistics().sent + (*two)->statistics().sent, 700);
  for (const auto& [place, row] : other_rows.rows) EXPECT_EQ(row.status, Status::noerror);
}

// ------------------------------------------------------------------------------- the shared tier

class DnsLaneAndRedis : public DnsLaneTest {
 protected:
  // A run over 3,000 names with a cache of its own, as another machine's.
  void scan(DnsLaneOptions options = {}) {
    auto cache = AnswerCache::open({.bytes = 4 << 20}, {.resolvers = {endpoint("192.0.2.1")}},
                                   {.questions_per_lane = 10'000, .start = net_.now()});
    ASSERT_TRUE(cache);
    options.cache = cache->get();
    options.redis = RedisOptions{.address = {.host = "192.0.2.9"}, .random_seed = 3};
    add_names(3'000);
    run(options);
    EXPECT_EQ(rows_.rows.size(), 3'000U);
    EXPECT_EQ(rows_.done.size(), 3'000U);
    EXPECT_EQ(rows_.statuses(), (std::map<Status, uint64_t>{{Status::noerror, 3'000}}));
  }
  sim::AnsweringServer& upstream_ = net_.add_server<sim::AnsweringServer>(endpoint("192.0.2.1"));
  sim::SimRedis& redis_ = net_.add_server<sim::SimRedis>(endpoint("192.0.2.9:6379"));
};

struct Machine final : DnsLaneAndRedis {
  void TestBody() override {}
  using DnsLaneAndRedis::redis_;
  using DnsLaneAndRedis::rows_;
  using DnsLaneAndRedis::scan;
  using DnsLaneAndRedis::statistics_;
};

TEST(DnsLanesAndRedis, what_one_machine_has_asked_the_next_one_knows) {
  Machine first;
  first.scan();
  EXPECT_EQ(first.statistics_.questions, 3'000U);
  EXPECT_EQ(first.redis_.values.size(), 3'000U) << "the lane waits for the last replies";
  Machine second;
  second.redis_.values = first.redis_.values;
  second.scan();
  EXPECT_EQ(second.statistics_.redis.hits + second.statistics_.questions, 3'000U);
  EXPECT_LE(second.statistics_.questions, 300U);
  EXPECT_EQ(second.statistics_.redis.damaged, 0U);
  for (const auto& [place, row] : first.rows_.rows) {
    EXPECT_EQ(second.rows_.rows.at(place).status, row.status);
    EXPECT_EQ(second.rows_.rows.at(place).input, row.input);
  }
}

TEST_F(DnsLaneAndRedis, a_server_that_falls_silent_costs_a_moment) {
  redis_.instead = [this](const sim::SimRedis::Words& words) {
    if (words[0] == "GET" && redis_.heard["GET"] > 500) redis_.mute = true;
    return std::string();
  };
  scan();
  EXPECT_EQ(statistics_.questions, 3'000U);
  EXPECT_LT(took_, 1s);
}

TEST_F(DnsLaneAndRedis, a_server_of_garbage_costs_no_row) {
  redis_.instead = [this](const sim::SimRedis::Words& words) {
    return words[0] == "GET" && redis_.heard["GET"] % 100 == 0 ? std::string("$3\r\nabc\r\n:x\r\n")
                                                               : std::string();
  };
  scan();
}

TEST_F(DnsLaneAndRedis, a_server_that_is_away_costs_nothing) {
  redis_.welcome = sim::SimServer::Welcome::refuse;
  scan();
  const auto with = took_;
  EXPECT_LT(with, 1s);
  EXPECT_EQ(statistics_.redis.hits, 0U);
}

TEST_F(DnsLaneAndRedis, a_slow_server_is_passed_by) {
  redis_.think = 60ms;
  scan();
  EXPECT_LT(took_, 5s);
}

TEST_F(DnsLaneAndRedis, connections_that_break_again_and_again_lose_no_name) {
  redis_.instead = [this](const sim::SimRedis::Words& words) {
    if (words[0] == "GET" && redis_.heard["GET"] % 300 == 0) redis_.drop_all();
    return std::string();
  };
  scan();
}

}  // namespace
}  // namespace zonesweep::engine
