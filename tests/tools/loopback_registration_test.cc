#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>

#include "tools/loopback/registration_expect.h"
#include "tools/loopback/registration_files.h"
#include "tools/loopback/registration_world.h"
#include "tools/loopback/server_counts.h"
#include "tools/loopback/tls_hello.h"

namespace zonesweep::loopback {
namespace {

using testing::HasSubstr;

const World kDns;
const RegistrationWorld kWorld{kDns, {}};

TEST(RegistrationWorld, what_exists_in_dns_is_registered_and_some_more_is) {
  int free = 0, without_dns = 0;
  for (int i = 0; i < 20'000; ++i) {
    const std::string name = fmt::format("name{}.b1", i);
    const Holding holding = kWorld.look_up(name);
    const bool in_dns = kDns.look_up(name).existence != Existence::missing;
    if (in_dns) {
      EXPECT_TRUE(holding.registered) << name;
    }
    if (holding.registered && !in_dns) {
      ++without_dns;
      EXPECT_THAT(holding.statuses, testing::ElementsAre("inactive"));
      EXPECT_THAT(holding.nameservers, testing::IsEmpty());
    }
    free += holding.registered ? 0 : 1;
  }
  EXPECT_NEAR(free, 875, 120);
  EXPECT_NEAR(without_dns, 125, 50);
}

TEST(RegistrationWorld, the_name_servers_are_those_of_dns) {
  const Node node = kDns.look_up("name0.example");
  EXPECT_THAT(kWorld.look_up("name0.example").nameservers,
              testing::ElementsAre(name_server(node, 0), name_server(node, 1)));
}

TEST(RegistrationWorld, dates_are_in_order) {
  for (int i = 0; i < 2'000; ++i) {
    const Holding holding = kWorld.look_up(fmt::format("name{}.all.test", i));
    EXPECT_LE(holding.created, holding.updated);
    EXPECT_LT(holding.updated, holding.expires);
    const std::string day = iso_day(holding.created).substr(5);
    EXPECT_EQ(day == "02-29" ? "02-28" : day, iso_day(holding.expires).substr(5));
  }
}

TEST(RegistrationHosts, zones_say_by_their_label_what_they_have) {
  const auto zone = [](std::string_view label) { return zone_of_label(label, 0); };
  EXPECT_TRUE(zone("w7").whois && !zone("w7").rdap);
  EXPECT_TRUE(!zone("r7").whois && zone("r7").rdap);
  EXPECT_TRUE(zone("b7").whois && zone("b7").rdap);
  EXPECT_EQ(zone("w13").format(), WhoisFormat::blocks);
  EXPECT_TRUE(zone("f-wslow-3").whois && !zone("f-wslow-3").rdap);
  EXPECT_TRUE(zone("f-r429-3").whois && zone("f-r429-3").rdap);
  EXPECT_EQ(zone("f-wslow-500-3").fault.number, 500U);
  EXPECT_EQ(zone("f-wslow-500-3").number, 3U);
  EXPECT_FALSE(zone("f-wslow-3").fault.numbered);
  EXPECT_FALSE(zone("f-nothing-3").fault.any());
}

TEST(RegistrationHosts, servers_have_addresses_of_their_own) {
  std::set<uint32_t> seen;
  size_t hosts = 0;
  for (const std::string& label : registration_zones(100)) {
    for (const std::string& host : {whois_host(label), rdap_host(label)}) {
      const auto found = registration_host(host, 0);
      ASSERT_TRUE(found) << host;
      if (!found->exists) continue;
      ++hosts;
      seen.insert(found->address);
      EXPECT_EQ(found->address >> 22U, (127U << 24U | 64U << 16U) >> 22U) << host;
      EXPECT_EQ(World::address(kDns.look_up(host)), found->address);
    }
  }
  EXPECT_GT(hosts, 1'500U);
  EXPECT_GE(seen.size() + 12, hosts);  // chance lets a few of the fault zones share one
  std::set<uint32_t> ordinary;
  for (uint32_t i = 0; i < 200; ++i) {
    for (const char* kind : {"w", "b"}) {
      ordinary.insert(registration_address(whois_host(fmt::format("{}{}", kind, i)), 0));
    }
  }
  EXPECT_EQ(ordinary.size(), 400U);
}

TEST(RegistrationHosts, dns_has_a_server_only_where_the_zone_has_it) {
  EXPECT_EQ(kDns.look_up("whois.nic.r1").existence, Existence::missing);
  EXPECT_EQ(kDns.look_up("rdap.nic.w1").existence, Existence::missing);
  const Node node = kDns.look_up("whois.nic.w1");
  EXPECT_EQ(node.existence, Existence::named);
  EXPECT_TRUE(World::has(node, type::kA));
  EXPECT_FALSE(World::has(node, type::kAaaa));
  EXPECT_NE(kDns.look_up("whois.reg199.test").server, 0U);
  EXPECT_EQ(kDns.look_up("whois.reg200.test").server, 0U);
}

TEST(RegistrationFaults, a_label_names_its_fault) {
  EXPECT_EQ(fault_of_name("f-wrst-500.w1").number, 500U);
  EXPECT_EQ(fault_of_name("f-wrst-500-7.w1").number, 500U);
  EXPECT_EQ(fault_of_name("f-wempty.w1").fault, RegistrationFault::wempty);
  for (const char* name : {"f-wempty", "f-tc.w1", "f-wempty-.w1", "f-wempty-1-2-3.w1",
                           "f-wemptyx.w1", "x.f-wempty.w1", "wempty.w1"}) {
    EXPECT_FALSE(fault_of_name(name).any()) << name;
  }
  for (const std::string_view word : registration_fault_words()) {
    const RegistrationFaultCall named = fault_of_name(fmt::format("f-{}.w1", word));
    uint32_t index = 0;
    const RegistrationFaultCall zoned = fault_of_zone(fmt::format("f-{}-7", word), index);
    EXPECT_EQ(word_of(zoned.fault), word);
    EXPECT_EQ(index, 7U);
    EXPECT_EQ(named.any(), !only_of_zones(zoned.fault));
  }
}

TEST(RegistrationFiles, tell_where_the_servers_are) {
  const std::vector<std::string> zones = {"w0", "r1", "b2", "f-wrefuse-0", "f-rrefuse-0"};
  EXPECT_EQ(whois_table(kWorld, zones),
            "# WHOIS servers of the loopback internet: server, zones\n"
            "whois.nic.w0:4343\tw0\nwhois.nic.b2:4343\tb2\nwhois.nic.f-wrefuse-0:1\tf-wrefuse-0\n"
            "whois.nic.f-rrefuse-0:4343\tf-rrefuse-0\n");
  const std::string bootstrap = rdap_bootstrap(kWorld, zones);
  EXPECT_THAT(bootstrap, HasSubstr("[[\"r1\"], [\"https://rdap.nic.r1:4443/\"]]"));
  EXPECT_THAT(bootstrap, HasSubstr("https://rdap.nic.f-rrefuse-0:1/"));
  EXPECT_THAT(bootstrap, testing::Not(HasSubstr("w0")));
  EXPECT_EQ(sample_names(zones, 4), "name0.w0\nname0.r1\nname0.b2\nname1.w0\n");
}

std::string expected(const std::string& name, RegistrationProbe probe) {
  return expected_registration(kWorld, name, probe);
}

TEST(RegistrationExpect, follows_probe_zone_and_fault) {
  using enum RegistrationProbe;
  EXPECT_THAT(expected("x.all.r1", whois), HasSubstr("\"status\":\"NO_SERVER\""));
  EXPECT_THAT(expected("f-wempty.w1", whois), HasSubstr("\"status\":\"EMPTY\""));
  EXPECT_THAT(expected("f-r404.b1", whois), HasSubstr("\"registered\":false"));
  EXPECT_THAT(expected("f-r404.b1", rdap), HasSubstr("\"registered\":false"));
  EXPECT_THAT(expected("f-wempty.b1", registration), HasSubstr("\"source\":\"rdap\""));
  EXPECT_THAT(expected("f-rempty.b1", registration), HasSubstr("\"source\":\"whois\""));
  EXPECT_THAT(expected("f-rempty.r1", registration), HasSubstr("\"status\":\"BAD_DATA\""));
  EXPECT_THAT(expected("f-wslow.w1", whois), HasSubstr("\"status\":[\"TIMEOUT\",\"PARTIAL\"]"));
  EXPECT_THAT(expected("f-rredirect-5.r1", rdap), HasSubstr("\"status\":\"OK\""));
  EXPECT_THAT(expected("f-rredirect-6.r1", rdap), HasSubstr("REDIRECT_BLOCKED"));
}

TEST(ServerCounts, keep_the_most_in_any_second_and_the_limit) {
  using std::chrono::milliseconds;
  ServerCounts counts{2, RateLimit::Mode::window};
  for (const int at : {100, 1'000, 1'050, 1'099, 2'040}) {
    (void)counts.asked(0x7f400001, "whois.nic.w1", fmt::format("n{}.w1", at), milliseconds{at});
  }
  counts.opened(0x7f400001);
  counts.opened(0x7f400001);
  counts.closed(0x7f400001);
  EXPECT_EQ(
      counts.to_json(),
      "{\"whois.nic.w1\":{\"address\":\"127.64.0.1\",\"connections\":2,\"connections_most\":2,"
      "\"requests\":5,\"most_in_a_second\":4,\"names\":5,\"limited\":1}}");
}

TEST(TlsHello, anything_cut_or_foreign_names_nobody) {
  using enum TlsHello::State;
  EXPECT_EQ(read_hello("").state, incomplete);
  EXPECT_EQ(read_hello("\x16\x03\x01").state, incomplete);
  EXPECT_EQ(read_hello("GET / HTTP/1.1").state, none);
  EXPECT_EQ(read_hello(std::string("\x16\x03\x01\x00\x01\x01", 6)).server_name, "");
}

}  // namespace
}  // namespace zonesweep::loopback
