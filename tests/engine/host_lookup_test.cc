#include "engine/host_lookup.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>
#include <vector>

#include "tests/sim/sim_servers.h"
#include "tests/sim/sim_transport.h"

namespace zonesweep::engine {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr uint16_t kA = 1, kCname = 5, kSoa = 6, kAaaa = 28;

io::Endpoint at(const std::string& text) { return *io::Endpoint::parse(text, 53); }
const io::Endpoint kFirst = at("192.0.2.1");
const io::Endpoint kSecond = at("192.0.2.2");

sim::Bytes address_bytes(const std::string& text) {
  const auto endpoint = at(text);
  const size_t size = endpoint.family == io::Endpoint::Family::v4 ? 4 : 16;
  return {endpoint.address.begin(), endpoint.address.begin() + static_cast<std::ptrdiff_t>(size)};
}
sim::SimRecord a(const std::string& text, uint32_t ttl = 300, std::string owner = {}) {
  return {.type = kA, .ttl = ttl, .data = address_bytes(text), .owner = std::move(owner)};
}
sim::SimRecord aaaa(const std::string& text, uint32_t ttl = 300, std::string owner = {}) {
  return {.type = kAaaa, .ttl = ttl, .data = address_bytes(text), .owner = std::move(owner)};
}
sim::SimRecord cname(const std::string& to, std::string owner = {}) {
  return {.type = kCname, .data = sim::wire_name(to), .owner = std::move(owner)};
}
sim::SimRecord soa(uint32_t minimum) {
  sim::Bytes data = sim::wire_name("ns.example");
  const sim::Bytes mailbox = sim::wire_name("hostmaster.example");
  data.insert(data.end(), mailbox.begin(), mailbox.end());
  for (const uint32_t number : {1U, 2U, 3U, 4U, minimum}) {
    for (const unsigned shift : {24U, 16U, 8U, 0U})
      data.push_back(static_cast<std::byte>(number >> shift & 0xFFU));
  }
  return {.type = kSoa, .ttl = 86'400, .data = data, .owner = "example"};
}

// The hosts of a small world, as a resolver gives them.
sim::SimReply world(const sim::SimQuestion& question) {
  const bool v4 = question.type == kA;
  sim::SimReply reply{.edns = question.edns};
  const sim::SimReply nodata{.edns = question.edns, .authorities = {soa(30)}};
  if (question.name == "both.example") {
    reply.answers = {v4 ? a("198.51.100.1") : aaaa("2001:db8::1")};
  } else if (question.name == "four.example") {
    if (!v4) return nodata;
    reply.answers = {a("198.51.100.4"), a("198.51.100.5")};
  } else if (question.name == "six.example") {
    if (v4) return nodata;
    reply.answers = {aaaa("2001:db8::6")};
  } else if (question.name == "alias.example") {
    reply.answers = {cname("middle.example"), cname("end.example", "middle.example")};
    reply.answers.push_back(v4 ? a("198.51.100.9", 300, "end.example")
                               : aaaa("2001:db8::9", 300, "end.example"));
    reply.answers.push_back(a("198.51.100.66", 300, "stranger.example"));
  } else if (question.name == "loop.example") {
    reply.answers = {cname("loop2.example"), cname("loop.example", "loop2.example")};
  } else if (question.name == "empty.example") {
    return nodata;
  } else if (question.name == "many.example") {
    for (int i = 0; i < 40; ++i) {
      reply.answers.push_back(v4 ? a("198.51.100." + std::to_string(i))
                                 : aaaa("2001:db8::" + std::to_string(i)));
    }
  } else if (question.name == "short.example") {
    reply.answers = {v4 ? a("198.51.100.1", 0) : aaaa("2001:db8::1", 0)};
  } else if (question.name == "long.example") {
    reply.answers = {v4 ? a("198.51.100.1", 1'000'000) : aaaa("2001:db8::1", 1'000'000)};
  } else if (question.name.ends_with(".many.example")) {
    if (!v4) return nodata;
    reply.answers = {sim::a_record_of(question.name)};
  } else {
    return {.rcode = 3, .edns = question.edns, .authorities = {soa(60)}};
  }
  return reply;
}

sim::Bytes answer_from_world(std::span<const std::byte> query, bool) {
  return sim::dns_reply(query, world(sim::question_of(query)));
}

struct Told {
  HostStatus status = HostStatus::overload;
  std::vector<std::string> addresses;
};

std::vector<std::string> texts(std::span<const io::Endpoint> endpoints) {
  std::vector<std::string> all;
  for (io::Endpoint endpoint : endpoints) {
    EXPECT_EQ(endpoint.port, 0);
    endpoint.port = 43;
    all.push_back(endpoint.to_string());
  }
  return all;
}

class HostLookupTest : public ::testing::Test, public HostLookup::Client {
 protected:
  void on_host(uint64_t token, const HostAnswer& answer) override {
    EXPECT_FALSE(told_.contains(token)) << "told twice: " << token;
    EXPECT_FALSE(asking_) << "told from inside ask()";
    told_[token] = {.status = answer.status, .addresses = texts(answer.addresses)};
  }

  void open(std::vector<io::Endpoint> resolvers = {kFirst}) {
    lookup_ = *HostLookup::create(net_, resolvers, *this, 1);
  }
  sim::AnsweringServer& serve(const io::Endpoint& where = kFirst) {
    return net_.add_server<sim::AnsweringServer>(where, answer_from_world);
  }

  // At once, or later under the token; nothing is waited for.
  std::optional<Told> ask(std::string_view host, uint64_t token) {
    asking_ = true;
    const auto answer = lookup_->ask(host, token);
    asking_ = false;
    if (!answer) return std::nullopt;
    return Told{.status = answer->status, .addresses = texts(answer->addresses)};
  }
  void run_for(io::Duration span) {
    const io::Instant end = net_.now() + span;
    while (net_.now() < end) {
      for (const io::Event& event : net_.turn(std::min(end, lookup_->wake_at()), 1)) {
        EXPECT_TRUE(lookup_->on_event(event));
      }
      lookup_->expire(net_.now());
    }
  }
  // Until it is told.
  Told resolve(std::string_view host) {
    const uint64_t token = next_token_++;
    if (const auto told = ask(host, token)) return *told;
    const io::Instant start = net_.now();
    while (!told_.contains(token)) {
      run_for(1ms);
      if (net_.now() > start + 60s) {
        ADD_FAILURE() << host << " is never told";
        return {};
      }
    }
    took_ = net_.now() - start;
    return told_[token];
  }

  sim::SimTransport net_{7};
  std::unique_ptr<HostLookup> lookup_;
  std::map<uint64_t, Told> told_;
  bool asking_ = false;
  uint64_t next_token_ = 1'000'000;
  io::Duration took_{};
};

TEST_F(HostLookupTest, gives_the_addresses_of_both_families) {
  serve();
  open();
  const Told told = resolve("both.example");
  EXPECT_EQ(told.status, HostStatus::found);
  EXPECT_THAT(told.addresses, ElementsAre("198.51.100.1:43", "[2001:db8::1]:43"));
  EXPECT_EQ(lookup_->queries_sent(), 2);
  EXPECT_EQ(lookup_->wake_at(), io::Instant::max());
}

TEST_F(HostLookupTest, one_family_is_enough) {
  serve();
  open();
  EXPECT_THAT(resolve("four.example").addresses, ElementsAre("198.51.100.4:43", "198.51.100.5:43"));
  EXPECT_THAT(resolve("six.example").addresses, ElementsAre("[2001:db8::6]:43"));
}

TEST_F(HostLookupTest, follows_a_cname_chain_inside_the_answer_only) {
  serve();
  open();
  EXPECT_THAT(resolve("alias.example").addresses,
              ElementsAre("198.51.100.9:43", "[2001:db8::9]:43"));
  const Told loop = resolve("loop.example");
  EXPECT_EQ(loop.status, HostStatus::failed);
  EXPECT_THAT(loop.addresses, IsEmpty());
}

TEST_F(HostLookupTest, tells_missing_hosts_from_hosts_without_an_address) {
  serve();
  open();
  EXPECT_EQ(resolve("missing.example").status, HostStatus::no_such_host);
  EXPECT_EQ(resolve("empty.example").status, HostStatus::no_address);
}

TEST_F(HostLookupTest, answers_literals_at_once) {
  open();
  const auto literal = [&](std::string_view host) { return ask(host, 1).value_or(Told{}); };
  EXPECT_THAT(literal("192.0.2.7").addresses, ElementsAre("192.0.2.7:43"));
  EXPECT_THAT(literal("2001:db8::7").addresses, ElementsAre("[2001:db8::7]:43"));
  EXPECT_THAT(literal("[2001:db8::7]").addresses, ElementsAre("[2001:db8::7]:43"));
  EXPECT_EQ(lookup_->queries_sent(), 0);
}

TEST_F(HostLookupTest, refuses_what_is_no_host) {
  open();
  for (const std::string_view host :
       {"", ".", "a..b", "a b", "a/b", "a@b", "a:43", "192.0.2.1:43", "[192.0.2.1]", "fe80::1%eth0",
        "127.1", "2130706433", "0x7f.0.0.0x1", "017700000001", "b\xc3\xbc.example", "a\\.b"}) {
    const auto told = ask(host, 1);
    ASSERT_TRUE(told) << host;
    EXPECT_EQ(told->status, HostStatus::not_a_host) << host;
  }
  EXPECT_EQ(ask(std::string(254, 'a'), 1)->status, HostStatus::not_a_host);
  EXPECT_EQ(ask(std::string(64, 'a') + ".example", 1)->status, HostStatus::not_a_host);
  EXPECT_EQ(lookup_->queries_sent(), 0);
}

TEST_F(HostLookupTest, a_host_is_asked_for_once_however_many_wait) {
  auto& server = serve();
  open();
  for (uint64_t token = 0; token < 100; ++token) {
    EXPECT_FALSE(ask(token % 2 == 0 ? "both.example" : "BOTH.Example.", token));
  }
  run_for(1s);
  EXPECT_EQ(told_.size(), 100);
  EXPECT_EQ((server.asked[{"both.example", kA}]), 1);
  EXPECT_EQ((server.asked[{"both.example", kAaaa}]), 1);
  const auto again = ask("both.example", 200);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->addresses.size(), 2);
}

TEST_F(HostLookupTest, keeps_answers_for_their_time_within_bounds) {
  auto& server = serve();
  open();
  const auto asked = [&](const char* host) { return server.asked[{host, kA}]; };
  const auto kept_for = [&](const char* host, io::Duration less, io::Duration more) {
    SCOPED_TRACE(host);
    resolve(host);
    const auto before = asked(host);
    run_for(less);
    resolve(host);
    EXPECT_EQ(asked(host), before);
    run_for(more - less);
    resolve(host);
    EXPECT_EQ(asked(host), before + 1);
  };
  kept_for("both.example", 299s, 301s);
  kept_for("short.example", 59s, 61s);
  kept_for("long.example", 3'599s, 3'601s);
  kept_for("empty.example", 29s, 31s);
  kept_for("missing.example", 59s, 61s);
}

TEST_F(HostLookupTest, failures_are_kept_and_for_longer_each_time) {
  auto& server = net_.add_server<sim::AnsweringServer>(
      kFirst, [](auto query, bool) { return sim::dns_reply(query, {.rcode = 2}); });
  open();
  const auto asked = [&] { return server.asked[{"both.example", kA}]; };
  EXPECT_EQ(resolve("both.example").status, HostStatus::failed);
  EXPECT_EQ(asked(), limits::kHostTries);
  run_for(4s);
  EXPECT_EQ(resolve("both.example").status, HostStatus::failed);
  EXPECT_EQ(asked(), limits::kHostTries);
  run_for(2s);
  resolve("both.example");
  EXPECT_EQ(asked(), 2 * limits::kHostTries);
  run_for(9s);
  resolve("both.example");
  EXPECT_EQ(asked(), 2 * limits::kHostTries);
  run_for(2s);
  resolve("both.example");
  EXPECT_EQ(asked(), 3 * limits::kHostTries);
}

TEST_F(HostLookupTest, silence_ends_after_three_tries_of_two_seconds) {
  net_.add_server<sim::DeadServer>(kFirst);
  open();
  EXPECT_EQ(resolve("both.example").status, HostStatus::failed);
  EXPECT_GE(took_, 6s);
  EXPECT_LE(took_, 6'100ms);
  EXPECT_EQ(lookup_->queries_sent(), 6);
}

TEST_F(HostLookupTest, another_resolver_helps_and_is_remembered) {
  net_.add_server<sim::DeadServer>(kFirst);
  serve(kSecond);
  open({kFirst, kSecond});
  EXPECT_EQ(resolve("both.example").status, HostStatus::found);
  EXPECT_LE(took_, 2'100ms);
  EXPECT_EQ(resolve("six.example").status, HostStatus::found);
  EXPECT_LE(took_, 100ms);
}

TEST_F(HostLookupTest, a_resolver_that_refuses_or_is_not_there_costs_no_wait) {
  net_.add_server<sim::AnsweringServer>(
      kFirst, [](auto query, bool) { return sim::dns_reply(query, {.rcode = 5}); });
  serve(kSecond);
  open({kFirst, kSecond});
  EXPECT_EQ(resolve("both.example").status, HostStatus::found);
  EXPECT_LE(took_, 100ms);
  sim::SimTransport other{8};
  other.add_server<sim::RefusingServer>(kFirst);
  other.add_server<sim::AnsweringServer>(kSecond, answer_from_world);
  const auto lookup = *HostLookup::create(other, std::vector{kFirst, kSecond}, *this, 1);
  EXPECT_FALSE(lookup->ask("both.example", 1));
  const io::Instant end = other.now() + 500ms;
  while (other.now() < end) {
    for (const io::Event& event : other.turn(std::min(end, lookup->wake_at()), 1))
      lookup->on_event(event);
    lookup->expire(other.now());
  }
  EXPECT_EQ(told_[1].status, HostStatus::found);
}

TEST_F(HostLookupTest, survives_loss_and_duplicates) {
  serve();
  open();
  sim::Path& path = net_.path(kFirst);
  path.up.loss = path.down.loss = 0.15;
  path.down.duplicate = 0.2;
  path.up.jitter = path.down.jitter = 50ms;
  for (uint64_t token = 0; token < 1'000; ++token) {
    EXPECT_FALSE(ask("h" + std::to_string(token) + ".many.example", token));
  }
  run_for(120s);
  EXPECT_EQ(told_.size(), 1'000);
  uint32_t found = 0;
  for (const auto& [token, told] : told_) {
    if (told.status != HostStatus::found) continue;
    found++;
    const sim::SimRecord right = sim::a_record_of("h" + std::to_string(token) + ".many.example");
    io::Endpoint endpoint;
    std::ranges::copy(right.data, endpoint.address.begin());
    endpoint.port = 43;
    EXPECT_THAT(told.addresses, ElementsAre(endpoint.to_string()));
  }
  EXPECT_GE(found, 950);
  EXPECT_EQ(lookup_->asking(), 0);
  EXPECT_EQ(lookup_->wake_at(), io::Instant::max());
}

TEST_F(HostLookupTest, a_wrong_id_is_never_taken_and_moves_the_question_to_tcp) {
  auto& server = serve();
  open();
  net_.path(kFirst).down.wrong_id = 1;
  EXPECT_THAT(resolve("both.example").addresses,
              ElementsAre("198.51.100.1:43", "[2001:db8::1]:43"));
  EXPECT_GE(server.counters.streams, 2);
  EXPECT_LE(took_, 100ms);
}

TEST_F(HostLookupTest, an_answer_to_another_question_is_never_taken) {
  auto& server = net_.add_server<sim::AnsweringServer>(kFirst, [](auto query, bool tcp) {
    const auto asked = sim::question_of(query);
    if (tcp) return sim::dns_reply(query, world(asked));
    return sim::dns_reply(sim::dns_query(asked.id, "other.example", asked.type),
                          {.answers = {a("198.51.100.66")}});
  });
  open();
  EXPECT_THAT(resolve("both.example").addresses,
              ElementsAre("198.51.100.1:43", "[2001:db8::1]:43"));
  EXPECT_EQ(server.counters.streams, 2);
}

TEST_F(HostLookupTest, garbage_is_waited_over) {
  net_.add_server<sim::AnsweringServer>(kFirst, [](auto query, bool) {
    auto reply = sim::dns_reply(query, world(sim::question_of(query)));
    for (int i = 0; i < 3; ++i) reply.pop_back();
    return reply;
  });
  open();
  EXPECT_EQ(resolve("both.example").status, HostStatus::failed);
}

TEST_F(HostLookupTest, a_truncated_answer_is_used_if_it_has_addresses) {
  bool with_addresses = true;
  auto& server = net_.add_server<sim::AnsweringServer>(kFirst, [&](auto query, bool tcp) {
    auto reply = world(sim::question_of(query));
    reply.truncated = !tcp;
    if (!tcp && !with_addresses) reply.answers.clear();
    return sim::dns_reply(query, reply);
  });
  open();
  EXPECT_EQ(resolve("both.example").addresses.size(), 2);
  EXPECT_EQ(server.counters.streams, 0);
  with_addresses = false;
  EXPECT_EQ(resolve("alias.example").addresses.size(), 2);
  EXPECT_EQ(server.counters.streams, 2);
}

TEST_F(HostLookupTest, truncation_without_tcp_ends_in_a_failure) {
  auto& server = net_.add_server<sim::AnsweringServer>(
      kFirst, [](auto query, bool) { return sim::dns_reply(query, {.truncated = true}); });
  server.welcome = sim::SimServer::Welcome::refuse;
  open();
  EXPECT_EQ(resolve("both.example").status, HostStatus::failed);
  server.welcome = sim::SimServer::Welcome::silent;
  EXPECT_EQ(resolve("six.example").status, HostStatus::failed);
  EXPECT_LE(took_, limits::kHostDeadline + 2s);
  server.welcome = sim::SimServer::Welcome::open;
  server.mute_streams = true;
  EXPECT_EQ(resolve("four.example").status, HostStatus::failed);
  run_for(1s);
  EXPECT_EQ(net_.open_streams(), 0);
}

TEST_F(HostLookupTest, does_without_edns_where_it_must) {
  net_.add_server<sim::AnsweringServer>(kFirst, [](auto query, bool) {
    const auto asked = sim::question_of(query);
    if (asked.edns) return sim::dns_reply(query, {.rcode = 1});
    return sim::dns_reply(query, world(asked));
  });
  open();
  EXPECT_EQ(resolve("both.example").addresses.size(), 2);
  EXPECT_LE(took_, 100ms);
}

TEST_F(HostLookupTest, one_mute_family_does_not_hold_up_the_other) {
  net_.add_server<sim::AnsweringServer>(kFirst, [](auto query, bool) {
    const auto asked = sim::question_of(query);
    return asked.type == kAaaa ? sim::Bytes{} : sim::dns_reply(query, world(asked));
  });
  open();
  EXPECT_THAT(resolve("both.example").addresses, ElementsAre("198.51.100.1:43"));
  EXPECT_LE(took_, 300ms);
}

TEST_F(HostLookupTest, takes_a_bounded_number_of_addresses) {
  serve();
  open();
  EXPECT_EQ(resolve("many.example").addresses.size(), limits::kHostAddresses);
}

TEST_F(HostLookupTest, keeps_a_bounded_number_of_hosts_and_forgets_the_least_used) {
  auto& server = serve();
  open();
  EXPECT_EQ(resolve("both.example").status, HostStatus::found);
  for (uint64_t token = 0; token + 1 < limits::kHosts; ++token) {
    EXPECT_FALSE(ask("h" + std::to_string(token) + ".many.example", token));
  }
  EXPECT_EQ(lookup_->asking(), limits::kHostsAsking);
  EXPECT_TRUE(ask("both.example", 1));  // known still
  run_for(1s);
  EXPECT_EQ(told_.size(), limits::kHosts);
  EXPECT_FALSE(ask("new.many.example", 10'000));
  EXPECT_FALSE(ask("h0.many.example", 10'001));  // was the least used
  EXPECT_TRUE(ask("both.example", 10'002));
  run_for(1s);
  EXPECT_EQ((server.asked[{"h0.many.example", kA}]), 2);
  // All of them new: the first take the places, the last find none.
  net_.path(kFirst).up.loss = 1;
  for (uint64_t i = 0; i < limits::kHosts; ++i) {
    EXPECT_FALSE(ask("g" + std::to_string(i) + ".many.example", 20'000 + i));
  }
  EXPECT_EQ(ask("last.many.example", 1)->status, HostStatus::overload);
}

TEST_F(HostLookupTest, a_full_machine_costs_time_and_no_host) {
  serve();
  open();
  net_.fail_sends(30);
  EXPECT_EQ(resolve("both.example").addresses.size(), 2);
  EXPECT_LE(took_, 2s);
}

TEST_F(HostLookupTest, leaves_the_events_of_others_alone) {
  serve();
  open();
  const auto other = net_.open_channel(kSecond, {});
  net_.add_server<sim::AnsweringServer>(at("192.0.2.3"));
  const auto stream = net_.open_stream(at("192.0.2.3"), 0);
  ASSERT_TRUE(other && stream);
  const io::Event event{.kind = io::EventKind::datagram, .handle = *other};
  EXPECT_FALSE(lookup_->on_event(event));
  EXPECT_FALSE(lookup_->on_event({.kind = io::EventKind::stream_opened, .stream = *stream}));
}

TEST_F(HostLookupTest, its_questions_cannot_be_foretold) {
  std::set<uint16_t> ids;
  net_.add_server<sim::AnsweringServer>(kFirst, [&](auto query, bool) {
    ids.insert(sim::question_of(query).id);
    return sim::dns_reply(query, world(sim::question_of(query)));
  });
  open();
  for (uint64_t token = 0; token < 1'000; ++token) {
    ask("h" + std::to_string(token) + ".many.example", token);
  }
  run_for(10s);
  EXPECT_GE(ids.size(), 1'900);
  EXPECT_GE(net_.counters().sockets_opened, 2'000 / limits::kHostSendsPerSocket);
}

}  // namespace
}  // namespace zonesweep::engine
