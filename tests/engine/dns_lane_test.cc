#include "engine/dns_lane.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

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
  std::cout << "loss: answered " << statuses.at(Status::noerror) << " sent " << statistics_.sent << " seconds " << std::chrono::duration<double>(took_).count() << "\n";
}

// The server has hung up after an answer, so a link bears one question at a time; and every answer is
// cut. A question that waits for a link must hold none, or they wait for each other for ever.
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
    auto lane =
        DnsLane::create(net, queue, rows, servers, {.wall_us = [] { return int64_t{0}; }}, stop);
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

}  // namespace
}  // namespace zonesweep::engine
