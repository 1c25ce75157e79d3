#include "engine/registration_lane.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "io/tls.h"
#include "protocols/dns/name.h"
#include "tests/sim/sim_servers.h"
#include "tests/sim/sim_transport.h"

namespace zonesweep::engine {
namespace {

using namespace std::chrono_literals;
using Status = RegistrationStatus;

constexpr int64_t kNow = 1'790'000'000;

struct Row {
  std::string input, domain, server, error, registrar, org, raw;
  Status status = Status::timeout;
  RegistrationSource source = RegistrationSource::none;
  std::optional<bool> registered;
  uint32_t tries = 0;
};

class Rows final : public RegistrationWriter {
 public:
  void write(uint64_t, const RegistrationRecord& record) override {
    Row row{.input = std::string{record.input},
            .domain = std::string{record.domain},
            .server = std::string{record.server},
            .error = std::string{record.error},
            .raw = std::string{record.raw},
            .status = record.status,
            .source = record.source,
            .tries = record.tries};
    if (record.answer != nullptr) {
      row.registrar = record.answer->registrar;
      row.org = record.answer->registrant_org;
      row.registered = registered_of(*record.answer, record.status);
    }
    EXPECT_TRUE(rows.emplace(record.seq, std::move(row)).second) << record.input;
  }
  [[nodiscard]] bool full() const override { return is_full; }
  std::map<uint64_t, Row> rows;
  bool is_full = false;
};

// A WHOIS server: what it says to a question, how and when.
class WhoisServer final : public sim::SimServer {
 public:
  using Answer = std::function<std::string(const std::string& query)>;
  explicit WhoisServer(Answer answer) : answer_(std::move(answer)) {}

  void on_datagram(const sim::SimPeer&, std::span<const std::byte>) override {}
  Welcome on_connect(const sim::SimConnection& from) override {
    open++;
    most_open = std::max(most_open, open);
    if (resets) {
      from.reset(1ms);
    }
    return welcome;
  }
  void on_bytes(const sim::SimConnection& from, std::span<const std::byte> bytes) override {
    const std::string query(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    asked[query.substr(0, query.find('\r'))]++;
    times.push_back(from.net().now());
    if (mute || (ignores && ignores(query))) return;
    const std::string text = answer_(query.substr(0, query.find('\r')));
    if (byte_gap > 0s) {
      io::Duration after{0};
      for (const char c : text) from.send(std::as_bytes(std::span{&c, 1}), after += byte_gap);
    } else if (!text.empty()) {
      from.send(std::as_bytes(std::span{text}), think);
    }
    if (reset_behind) {
      from.reset(1ms);
    } else if (!never_closes) {
      open--;
      from.close(think);
    }
  }
  void on_end(const sim::SimConnection&) override { open--; }

  [[nodiscard]] size_t most_in_any(io::Duration span) const {
    size_t most = 0;
    for (size_t first = 0, last = 0; last < times.size(); ++last) {
      while (times[last] - times[first] >= span) first++;
      most = std::max(most, last - first + 1);
    }
    return most;
  }

  Welcome welcome = Welcome::open;
  io::Duration think{0}, byte_gap{0};
  bool mute = false, resets = false, reset_behind = false, never_closes = false;
  int open = 0, most_open = 0;
  std::function<bool(const std::string& query)> ignores;
  std::map<std::string, uint32_t> asked;
  std::vector<io::Instant> times;

 private:
  Answer answer_;
};

std::string registered(const std::string& name) {
  return "Domain Name: " + name +
         "\r\nRegistrar: Example Registrar\r\nRegistrar IANA ID: 9999\r\n"
         "Creation Date: 2001-02-03T04:05:06Z\r\nRegistry Expiry Date: 2031-02-03T04:05:06Z\r\n"
         "Name Server: ns1.example.net\r\nDNSSEC: unsigned\r\n";
}
std::string half(const std::string& name) {
  return name.size() % 2 == 0 ? registered(name) : "No match for \"" + name + "\".\r\n";
}

class RegistrationLaneTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::filesystem::create_directories(folder_);
    tls_ = std::move(*io::TlsContext::client({.system_store = false}));
    options_.probe = RegistrationProbe::whois;
    options_.iana_server = "";
    options_.fence.allow(*AddressBlock::parse("192.0.2.0/24"));
    options_.random_seed = 1;
    options_.wall_us = [] { return kNow * 1'000'000; };
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  WhoisServer& whois(const std::string& address, const std::string& zones,
                     WhoisServer::Answer answer = half) {
    if (!zones.empty()) table_ += address + "\t" + zones + "\n";
    return net_.add_server<WhoisServer>(*io::Endpoint::parse(address, 43), std::move(answer));
  }
  void add(const std::vector<std::string>& names) {
    for (size_t at = 0; at < names.size();) {
      auto batch = queue_.fresh();
      for (size_t i = 0; i < limits::kNamesPerBatch && at < names.size(); ++i)
        add_to(*batch, names[at++]);
      ASSERT_TRUE(queue_.push(std::move(batch)));
    }
  }
  void add_count(uint64_t count, const std::string& suffix) {
    std::vector<std::string> names;
    for (uint64_t i = 0; i < count; ++i) names.push_back("n" + std::to_string(i) + suffix);
    add(names);
  }
  void add_to(NameBatch& batch, const std::string& text) {
    InputName name{.seq = seq_++, .input_at = batch.block.arena.size()};
    name.input_size = static_cast<uint16_t>(text.size());
    std::copy(text.begin(), text.end(), batch.block.arena.room(static_cast<uint32_t>(text.size())));
    batch.block.arena.commit(static_cast<uint32_t>(text.size()));
    std::array<std::byte, dns::limits::kNameBytes> wire{};
    const auto size = dns::name_from_text(text, wire);
    if (size) {
      name.wire_at = batch.block.arena.size();
      name.wire_size = static_cast<uint8_t>(*size);
      std::memcpy(batch.block.arena.room(static_cast<uint32_t>(*size)), wire.data(), *size);
      batch.block.arena.commit(static_cast<uint32_t>(*size));
    } else {
      name.kind = InputName::Kind::illegal;
      name.reason = Illegal::empty_label;
    }
    batch.block.names.push_back(name);
  }
  void create(std::string_view memory = {}) {
    std::ofstream(folder_ / "whois") << table_;
    auto registries = Registries::load({.whois_servers = folder_ / "whois"});
    ASSERT_TRUE(registries) << registries.error();
    registries_ = std::make_unique<Registries>(std::move(*registries));
    const std::vector<io::Endpoint> resolvers{*io::Endpoint::parse("192.0.2.53", 53)};
    auto lane = RegistrationLane::create(net_, queue_, rows_, parking_, *registries_, *tls_,
                                         resolvers, options_, stop_, memory);
    ASSERT_TRUE(lane);
    lane_ = std::move(*lane);
  }
  void run(std::string_view memory = {}) {
    queue_.close();
    create(memory);
    const io::Instant start = net_.now();
    lane_->run();
    took_ = net_.now() - start;
    EXPECT_EQ(lane_->failure(), "");
    EXPECT_EQ(lane_->statistics().rows, rows_.rows.size());
  }
  // Every name has its row, and `registered` is false only where half() says so.
  void expect_truth() {
    EXPECT_EQ(rows_.rows.size(), seq_);
    for (const auto& [seq, row] : rows_.rows) {
      if (row.registered == false) {
        EXPECT_EQ(row.domain.size() % 2, 1U) << row.input;
      }
      EXPECT_EQ(row.status == Status::not_found, row.registered == false) << row.input;
      if (row.registered == true) {
        EXPECT_EQ(row.domain.size() % 2, 0U) << row.input;
      }
    }
  }
  [[nodiscard]] std::map<Status, int> statuses() const {
    std::map<Status, int> count;
    for (const auto& [seq, row] : rows_.rows) count[row.status]++;
    return count;
  }

  std::filesystem::path folder_ =
      std::filesystem::path(testing::TempDir()) / ("lane." + std::to_string(getpid()));
  sim::SimTransport net_{7, {.max_streams = 4096}};
  NameQueue queue_{1'000'000};
  Rows rows_;
  Parking parking_;
  std::unique_ptr<io::TlsContext> tls_;
  std::unique_ptr<Registries> registries_;
  RegistrationOptions options_;
  std::string table_;
  std::atomic<StopLevel> stop_ = StopLevel::run;
  std::unique_ptr<RegistrationLane> lane_;
  uint64_t seq_ = 0;
  io::Duration took_{};
};

TEST_F(RegistrationLaneTest, EveryNameGetsItsRowAndNotFoundOnlyOnProof) {
  whois("192.0.2.1", "test");
  options_.whois_rate = 0;
  options_.whois_connections = 50;
  add_count(1'000, ".test");
  run();
  expect_truth();
  EXPECT_GT(statuses()[Status::ok], 0);
  EXPECT_GT(statuses()[Status::not_found], 0);
  EXPECT_EQ(statuses().size(), 2U);
  const Row& row = rows_.rows.at(10);  // n10.test
  EXPECT_EQ(row.registrar, "Example Registrar");
  EXPECT_EQ(row.source, RegistrationSource::whois);
  EXPECT_EQ(row.server, "192.0.2.1");
  EXPECT_EQ(row.tries, 1U);
}

TEST_F(RegistrationLaneTest, ARateIsNeverExceededAndUsed) {
  WhoisServer& server = whois("192.0.2.1", "test");
  options_.whois_rate = 20;
  add_count(400, ".test");
  run();
  expect_truth();
  EXPECT_LE(server.most_in_any(1s), 20U);
  EXPECT_LE(server.most_open, 2);
  EXPECT_LT(took_, 22s);
}

TEST_F(RegistrationLaneTest, ZonesOfOneAddressShareItsLimit) {
  WhoisServer& server = whois("192.0.2.1", "one");
  table_ += "192.0.2.1:43\ttwo three\n";
  options_.whois_rate = 10;
  add_count(50, ".one");
  add_count(50, ".two");
  add_count(50, ".three");
  run();
  expect_truth();
  EXPECT_LE(server.most_in_any(1s), 10U);
}

TEST_F(RegistrationLaneTest, ASlowBackendInFrontHoldsUpNobody) {
  whois("192.0.2.1", "slow").think = 3s;
  WhoisServer& good = whois("192.0.2.2", "good");
  options_.whois_rate = 10;
  add_count(100, ".slow");
  add_count(100, ".good");
  run();
  expect_truth();
  EXPECT_EQ(good.times.size(), 100U);
  EXPECT_LT(good.times.back() - good.times.front(), 11s);
  EXPECT_GT(took_, 100s);
}

TEST_F(RegistrationLaneTest, NamesOfOneDomainAreAskedOnceAtATime) {
  WhoisServer& server = whois("192.0.2.1", "test");
  server.think = 1s;
  options_.whois_rate = 0;
  options_.whois_connections = 10;
  add({"www.ab.test", "mail.ab.test", "ab.test", "x.y.ab.test"});
  run();
  EXPECT_EQ(server.asked["ab.test"], 1U);
  EXPECT_EQ(rows_.rows.size(), 4U);
  for (const auto& [seq, row] : rows_.rows) EXPECT_EQ(row.domain, "ab.test");
  EXPECT_EQ(rows_.rows.at(1).input, "mail.ab.test");
}

TEST_F(RegistrationLaneTest, AThrottledAnswerIsWaitedOutNeverBelieved) {
  int calls = 0;
  WhoisServer& server = whois("192.0.2.1", "test",
                              [&](const std::string& name) {
                                return ++calls % 50 == 49 ? std::string{"Query rate limit exceeded. Please try again later.\r\n"}
                              : half(name);
                              });
  options_.whois_rate = 50;
  add_count(300, ".test");
  run();
  expect_truth();
  EXPECT_EQ(statuses()[Status::rate_limited], 0);
  EXPECT_GE(server.times.size(), 305U);
  EXPECT_GE(lane_->statistics().throttled, 6U);
}

TEST_F(RegistrationLaneTest, AServerThatAlwaysThrottlesIsGivenUpAfterPatience) {
  WhoisServer& server = whois("192.0.2.1", "test", [](const std::string&) {
    return std::string{"You have exceeded your quota of queries.\r\n"};
  });
  options_.patience = 2min;
  options_.whois_rate = 0;
  add_count(500, ".test");
  run();
  EXPECT_EQ(statuses()[Status::rate_limited], 500);
  EXPECT_LT(took_, 3min);
  EXPECT_LT(server.times.size(), 20U);
  for (const auto& [seq, row] : rows_.rows) {
    EXPECT_FALSE(row.registered.has_value());
    EXPECT_FALSE(row.error.empty());
  }
}

TEST_F(RegistrationLaneTest, AMuteServerTimesOutAndIsThenLeftAlone) {
  whois("192.0.2.1", "test").mute = true;
  options_.whois_rate = 0;
  add_count(1'000, ".test");
  run();
  EXPECT_EQ(statuses()[Status::timeout], 1'000);
  EXPECT_LT(took_, 5min);
}

// A probe with a name that is itself the trouble would prove the server dead.
TEST_F(RegistrationLaneTest, NamesThatAServerIgnoresDoNotCondemnIt) {
  whois("192.0.2.1", "test").ignores = [](const std::string& query) {
    return query.starts_with("ignored");
  };
  options_.whois_rate = 0;
  options_.whois_connections = 10;
  std::vector<std::string> names;
  for (int i = 0; i < 330; ++i)
    names.push_back((i % 11 == 0 ? "ignored" : "n") + std::to_string(i) + ".test");
  add(names);
  run();
  expect_truth();
  EXPECT_EQ(statuses()[Status::timeout], 30);
  EXPECT_EQ(statuses()[Status::ok] + statuses()[Status::not_found], 300);
}

TEST_F(RegistrationLaneTest, ARefusedConnectionIsANetError) {
  whois("192.0.2.1", "test").welcome = sim::SimServer::Welcome::refuse;
  options_.whois_rate = 0;
  add_count(10, ".test");
  run();
  EXPECT_EQ(statuses()[Status::net_error] + statuses()[Status::timeout], 10);
  EXPECT_GE(statuses()[Status::net_error], 1);
}

TEST_F(RegistrationLaneTest, OneByteASecondIsATimeoutAndNeverNotFound) {
  WhoisServer& server = whois("192.0.2.1", "test");
  server.byte_gap = 1s;
  options_.whois_rate = 0;
  options_.tries = 1;
  add({"a.test", "ab.test"});  // registered, and not
  run();
  for (const auto& [seq, row] : rows_.rows) {
    EXPECT_TRUE(row.status == Status::timeout || row.status == Status::partial) << row.input;
    EXPECT_FALSE(row.registered == false);
  }
}

TEST_F(RegistrationLaneTest, ACutAnswerIsTriedAgainAndThenPartial) {
  WhoisServer& server = whois("192.0.2.1", "test");
  server.reset_behind = true;
  options_.whois_rate = 0;
  add({"abc.test", "ab.test"});
  run();
  EXPECT_EQ(server.asked["ab.test"], 3U);
  EXPECT_EQ(rows_.rows.at(0).status, Status::partial);
  EXPECT_EQ(rows_.rows.at(0).registered, true);
  EXPECT_EQ(rows_.rows.at(1).status, Status::partial);
  EXPECT_FALSE(rows_.rows.at(1).registered.has_value());
}

TEST_F(RegistrationLaneTest, AServerThatNeverClosesIsDoneAtTheIdleLimit) {
  whois("192.0.2.1", "test").never_closes = true;
  options_.whois_rate = 0;
  add({"abc.test", "ab.test"});
  run();
  EXPECT_EQ(rows_.rows.at(0).status, Status::ok);
  EXPECT_EQ(rows_.rows.at(1).status, Status::not_found);
  EXPECT_LT(took_, 8s);
}

TEST_F(RegistrationLaneTest, AnEmptyAnswerIsEmpty) {
  whois("192.0.2.1", "test", [](const std::string&) { return std::string(); });
  options_.whois_rate = 0;
  add({"ab.test"});
  run();
  EXPECT_EQ(rows_.rows.at(0).status, Status::empty);
  EXPECT_EQ(rows_.rows.at(0).tries, 3U);
}

TEST_F(RegistrationLaneTest, AnAnswerAboutAnotherNameIsBadData) {
  whois("192.0.2.1", "test", [](const std::string&) { return registered("other.test"); });
  options_.whois_rate = 0;
  add({"ab.test"});
  run();
  EXPECT_EQ(rows_.rows.at(0).status, Status::bad_data);
  EXPECT_FALSE(rows_.rows.at(0).registered.has_value());
}

TEST_F(RegistrationLaneTest, AnEndlessAnswerIsTooLarge) {
  whois("192.0.2.1", "test", [](const std::string& name) {
    std::string text = registered(name);
    while (text.size() <= whois::limits::kAnswerBytes) text += "more: and more and more\r\n";
    return text;
  });
  options_.whois_rate = 0;
  add({"ab.test"});
  run();
  EXPECT_EQ(rows_.rows.at(0).status, Status::too_large);
}

TEST_F(RegistrationLaneTest, WhatCannotBeAskedGetsItsRow) {
  add({"test", "a..b", "x.unknownzone", "_x.test", "*.test"});
  whois("192.0.2.1", "test");
  run();
  EXPECT_EQ(rows_.rows.at(0).status, Status::illegal_input);
  EXPECT_EQ(rows_.rows.at(1).status, Status::illegal_input);
  EXPECT_EQ(rows_.rows.at(2).status, Status::no_server);
  EXPECT_EQ(rows_.rows.at(3).status, Status::illegal_input);
  EXPECT_EQ(rows_.rows.at(4).status, Status::illegal_input);
  EXPECT_EQ(rows_.rows.size(), 5U);
}

TEST_F(RegistrationLaneTest, AForbiddenAddressIsNeverConnectedTo) {
  WhoisServer& inside = whois("10.0.0.1", "one");
  WhoisServer& loop = whois("127.0.0.1", "two");
  add({"ab.one", "ab.two"});
  run();
  EXPECT_EQ(statuses()[Status::redirect_blocked], 2);
  EXPECT_EQ(inside.most_open + loop.most_open, 0);
}

TEST_F(RegistrationLaneTest, IanaIsAskedOncePerUnknownZone) {
  WhoisServer& iana = whois("192.0.2.200", "", [](const std::string& zone) {
    return zone == "known" ? std::string{"% IANA WHOIS server\r\nrefer:        192.0.2.3\r\n\r\ndomain: KNOWN\r\n"
                                         "whois:        192.0.2.3\r\n"}
                           : "domain: " + zone + "\r\nstatus: ACTIVE\r\n";
  });
  WhoisServer& server = whois("192.0.2.3", "");
  options_.iana_server = "192.0.2.200";
  options_.whois_rate = 100;
  add_count(20, ".known");
  add_count(20, ".nowhere");
  run();
  EXPECT_EQ(iana.asked["known"], 1U);
  EXPECT_EQ(iana.asked["nowhere"], 1U);
  EXPECT_EQ(server.times.size(), 20U);
  EXPECT_EQ(statuses()[Status::no_server], 20);
  EXPECT_EQ(statuses()[Status::ok] + statuses()[Status::not_found], 20);
}

TEST_F(RegistrationLaneTest, TheRegistrarFillsInAndNeverOverwrites) {
  whois("192.0.2.1", "test", [](const std::string& name) {
    return registered(name) + "Registrar WHOIS Server: 192.0.2.7\r\n";
  });
  WhoisServer& registrar = whois("192.0.2.7", "", [](const std::string& name) {
    return "Domain Name: " + name +
           "\r\nRegistrar: Somebody Else\r\n"
           "Registrant Organization: Example Org\r\nCreation Date: 1999-01-01T00:00:00Z\r\n";
  });
  options_.registrar = true;
  options_.whois_rate = 0;
  add({"ab.test"});
  run();
  EXPECT_EQ(registrar.times.size(), 1U);
  EXPECT_EQ(rows_.rows.at(0).registrar, "Example Registrar");
  EXPECT_EQ(rows_.rows.at(0).org, "Example Org");
  EXPECT_EQ(rows_.rows.at(0).server, "192.0.2.1");
  EXPECT_EQ(rows_.rows.at(0).status, Status::ok);
}

TEST_F(RegistrationLaneTest, ARegistrarThatFailsLeavesTheRegistrysRow) {
  whois("192.0.2.1", "test", [](const std::string& name) {
    return registered(name) + "Registrar WHOIS Server: " +
           (name == "ab.test"     ? "192.0.2.7"
            : name == "abcd.test" ? "127.0.0.1"
                                  : "http://:x") +
           "\r\n";
  });
  whois("192.0.2.7", "", [](const std::string&) {
    return std::string{"Rate limit exceeded. Try again after: 24h0m0s\r\n"};
  });
  WhoisServer& honeypot = whois("127.0.0.1", "");
  WhoisServer& ssh = whois("192.0.2.7:22", "");
  options_.registrar = true;
  options_.whois_rate = 0;
  add({"ab.test", "abcd.test", "abcdef.test"});
  run();
  EXPECT_EQ(statuses()[Status::ok], 3);
  EXPECT_EQ(rows_.rows.at(0).error, "registrar: RATE_LIMITED");
  EXPECT_EQ(rows_.rows.at(1).error, "registrar: REDIRECT_BLOCKED");
  EXPECT_EQ(honeypot.most_open + ssh.most_open, 0);
}

TEST_F(RegistrationLaneTest, AQuarantineSurvivesAResume) {
  WhoisServer& server = whois("192.0.2.1", "test", [](const std::string&) {
    return std::string{"Query rate limit exceeded. Try again in 300 seconds\r\n"};
  });
  options_.whois_rate = 0;
  add({"ab.test"});
  create();
  for (int i = 0; i < 200 && server.times.empty(); ++i) ASSERT_TRUE(lane_->turn());
  const io::Instant asked = net_.now();
  while (net_.now() < asked + 3s) ASSERT_TRUE(lane_->turn());
  const std::string memory = lane_->memory();
  ASSERT_NE(memory, "");
  lane_.reset();

  seq_ = 0;
  add({"abcd.test"});
  server.times.clear();
  const io::Instant resumed = net_.now();
  options_.patience = 1h;
  queue_.close();
  create(memory);
  while (server.times.empty() && net_.now() < resumed + 20min) ASSERT_TRUE(lane_->turn());
  EXPECT_GT(net_.now() - resumed, 290s);
}

TEST_F(RegistrationLaneTest, AFullWriterStopsTheAsking) {
  WhoisServer& server = whois("192.0.2.1", "test");
  options_.whois_rate = 0;
  add_count(10, ".test");
  queue_.close();
  create();
  rows_.is_full = true;
  for (int i = 0; i < 50; ++i) ASSERT_TRUE(lane_->turn());
  EXPECT_TRUE(server.times.empty());
  rows_.is_full = false;
  lane_->run();
  EXPECT_EQ(rows_.rows.size(), 10U);
}

TEST_F(RegistrationLaneTest, DrainingEndsWhatIsInFlightAndNoMore) {
  WhoisServer& server = whois("192.0.2.1", "test");
  server.think = 2s;
  options_.whois_rate = 0;
  add_count(10, ".test");
  queue_.close();
  create();
  while (server.times.empty()) ASSERT_TRUE(lane_->turn());
  stop_ = StopLevel::drain;
  lane_->run();
  EXPECT_EQ(rows_.rows.size(), 2U);
}

TEST_F(RegistrationLaneTest, AnAbandonedRunOnStdoutHasALastWordForEveryName) {
  whois("192.0.2.1", "test").think = 2s;
  options_.rows_for_cancelled = true;
  add_count(3'000, ".test");
  queue_.close();
  create();
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(lane_->turn());
  stop_ = StopLevel::abandon;
  lane_->run();
  EXPECT_EQ(rows_.rows.size(), 3'000U);
}

}  // namespace
}  // namespace zonesweep::engine
