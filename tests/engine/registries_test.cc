#include "engine/registries.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "engine/backend_facts.h"
#include "engine/parked_name.h"
#include "engine/registration_run.h"
#include "protocols/whois/servers.h"

namespace zonesweep::engine {
namespace {

class Files : public testing::Test {
 protected:
  void TearDown() override { std::filesystem::remove_all(folder_); }
  std::string file(const std::string& name, const std::string& text) {
    std::filesystem::create_directories(folder_);
    std::ofstream(folder_ / name) << text;
    return folder_ / name;
  }
  std::filesystem::path folder_ =
      std::filesystem::path(testing::TempDir()) / ("registries." + std::to_string(getpid()));
};
using RegistriesTest = Files;

TEST_F(RegistriesTest, ANameIsPlannedByItsRegistrableDomain) {
  const auto all = Registries::load({});
  ASSERT_TRUE(all);
  const auto plan = all->plan("www.shop.example.co.uk");
  EXPECT_EQ(plan.domain, "example.co.uk");
  EXPECT_EQ(plan.suffix, "co.uk");
  EXPECT_TRUE(plan.refusal.empty());
  EXPECT_EQ(all->plan("_dmarc.example.com").domain, "example.com");
}

TEST_F(RegistriesTest, NothingIsAskedForSuffixesAndOddNames) {
  const auto all = Registries::load({});
  for (const char* name : {"com", "co.uk", "-a.com", "a-.com", "a_b.com", "*.com", "\\032x.com"}) {
    const auto plan = all->plan(name);
    EXPECT_TRUE(plan.domain.empty()) << name;
    EXPECT_EQ(plan.status, RegistrationStatus::illegal_input) << name;
    EXPECT_FALSE(plan.refusal.empty()) << name;
  }
}

TEST_F(RegistriesTest, OptedOutNamesAndAllBelowAreNotAskedAbout) {
  const auto all =
      Registries::load({.opt_out = file("opt", "# list\nExample.com\nsub.other.org.\n")});
  ASSERT_TRUE(all) << all.error();
  EXPECT_EQ(all->plan("a.b.example.com").status, RegistrationStatus::cancelled);
  EXPECT_EQ(all->plan("example.com").status, RegistrationStatus::cancelled);
  EXPECT_EQ(all->plan("x.sub.other.org").status, RegistrationStatus::cancelled);
  EXPECT_EQ(all->plan("other.org").domain, "other.org");
}

TEST_F(RegistriesTest, FilesReplaceWhatIsCompiledIn) {
  const auto all = Registries::load(
      {.bootstrap = file("dns.json", R"({"version":"1.0","publication":"2026-01-01T00:00:00Z",
          "services":[[["test"],["https://rdap.nic.test:4443/"]]]})"),
       .rdap_overrides = file("over", "https://rdap.mine.test/\tde at\n"),
       .whois_servers = file("whois", "127.0.0.2:4343\ttest\n")});
  ASSERT_TRUE(all) << all.error();
  EXPECT_EQ(all->rdap_base("a.test").url, "https://rdap.nic.test:4443/");
  EXPECT_EQ(all->rdap_base("a.de").url, "https://rdap.mine.test/");
  EXPECT_EQ(all->whois_server("a.test").port, 4343);
}

TEST_F(RegistriesTest, ABadFileIsNamedWithItsOption) {
  const auto wrong = [&](const RegistryFiles& files) {
    const auto all = Registries::load(files);
    return all ? std::string{"loaded"} : all.error();
  };
  EXPECT_NE(wrong({.bootstrap = "/nowhere/x"}).find("--rdap-bootstrap /nowhere/x: No such file"),
            std::string::npos);
  EXPECT_NE(wrong({.bootstrap = file("b", "[]")}).find("--rdap-bootstrap"), std::string::npos);
  EXPECT_NE(wrong({.whois_servers = file("w", "a b\n")}).find("line 1"), std::string::npos);
  EXPECT_NE(wrong({.suffixes = "/nowhere/p"}).find("--psl-file"), std::string::npos);
  EXPECT_NE(wrong({.opt_out = file("o", "ok.com\nnot a name\n")}).find("line 2"),
            std::string::npos);
  EXPECT_NE(wrong({.rdap_overrides = file("v", "http://x/\tde\n")}).find("line 1"),
            std::string::npos);
  EXPECT_NE(wrong({.bootstrap = "/tmp"}).find("not a regular file"), std::string::npos);
}

TEST(TablesAge, OnlyOldTablesThatAreUsedAreWarnedAbout) {
  using namespace std::chrono;
  const sys_days when = year{2026} / 10 / 1;  // 81 days after that of the WHOIS servers
  EXPECT_EQ(warnings_of_age({}, when).size(), 1U);
  EXPECT_EQ(warnings_of_age({}, when + days{30}).size(), 2U);
  RegistrationSetup setup;
  setup.files = {.bootstrap = "dns.json", .whois_servers = "servers"};
  EXPECT_EQ(warnings_of_age(setup, when + days{3650}).size(), 0U);
  setup = {};
  setup.lane.probe = RegistrationProbe::whois;
  EXPECT_EQ(warnings_of_age(setup, when + days{30}).size(), 1U);
  EXPECT_EQ(warnings_of_age(setup, when).size(), 0U);
}

TEST(BackendFacts, HostsOfOneOperatorAreOneBackend) {
  const auto suffixes = psl::SuffixList::builtin();
  const auto id = [&](const char* host) {
    return backend_facts(RegistrationSource::rdap, host, suffixes).id;
  };
  EXPECT_EQ(id("rdap.verisign.com"), id("tld-rdap.verisign.com"));
  EXPECT_NE(id("rdap.nic.dev"), id("rdap.nic.app"));
  EXPECT_NE(id("192.0.2.1"), id("192.0.2.2"));
  EXPECT_NE(backend_facts(RegistrationSource::whois, "whois.nic.uk", suffixes).id,
            backend_facts(RegistrationSource::rdap, "whois.nic.uk", suffixes).id);
}

TEST(BackendFacts, PublishedLimitsAreKnown) {
  const auto suffixes = psl::SuffixList::builtin();
  const auto uk = backend_facts(RegistrationSource::whois, "whois.nic.uk", suffixes);
  EXPECT_EQ(uk.quota, 1000U);
  EXPECT_EQ(uk.quota_span, std::chrono::hours{24});
  EXPECT_EQ(uk.rate, 5);
  const auto other = backend_facts(RegistrationSource::whois, "whois.nic.example", suffixes);
  EXPECT_EQ(other.quota, 0U);
  EXPECT_FALSE(other.rate);
}

TEST(ParkedName, ComesBackAsItWent) {
  ParkedName plain{.chunk = 7, .seq = 7'000'123, .name = "example.com", .input = "example.com"};
  std::string bytes;
  encode(plain, bytes);
  EXPECT_LE(bytes.size(), plain.name.size() + 9);
  EXPECT_EQ(decode(bytes).name, "example.com");
  EXPECT_EQ(decode(bytes).input, "example.com");
  EXPECT_EQ(decode(bytes).seq, 7'000'123U);

  const ParkedName full{.chunk = UINT64_MAX,
                        .seq = UINT64_MAX - 1,
                        .step = RegistrationStep::registrar_whois,
                        .tries = 3,
                        .step_tries = 2,
                        .throttles = 9,
                        .redirects = 1,
                        .shared_asked = true,
                        .failure = RegistrationStatus::timeout,
                        .name = "example.com",
                        .input = "EXAMPLE.com.",
                        .reason = "first byte",
                        .target = "https://rdap.example/x",
                        .registry_source = RegistrationSource::rdap,
                        .registry_server = "https://rdap.nic.example/",
                        .registry_answer = std::string_view("{\0}", 3)};
  bytes.clear();
  encode(full, bytes);
  const ParkedName back = decode(bytes);
  EXPECT_EQ(back.chunk, full.chunk);
  EXPECT_EQ(back.seq, full.seq);
  EXPECT_EQ(back.step, full.step);
  EXPECT_EQ(back.tries, 3);
  EXPECT_EQ(back.step_tries, 2);
  EXPECT_EQ(back.throttles, 9);
  EXPECT_EQ(back.redirects, 1);
  EXPECT_TRUE(back.shared_asked);
  EXPECT_EQ(back.failure, full.failure);
  EXPECT_EQ(back.input, full.input);
  EXPECT_EQ(back.reason, full.reason);
  EXPECT_EQ(back.target, full.target);
  EXPECT_EQ(back.registry_source, full.registry_source);
  EXPECT_EQ(back.registry_server, full.registry_server);
  EXPECT_EQ(back.registry_answer, full.registry_answer);
}

}  // namespace
}  // namespace zonesweep::engine
