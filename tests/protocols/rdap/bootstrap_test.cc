#include "protocols/rdap/bootstrap.h"

#include <gtest/gtest.h>

namespace zonesweep::rdap {
namespace {

TEST(Bootstrap, knows_zones_without_any_file) {
  const Bootstrap bootstrap;
  EXPECT_EQ(bootstrap.base_for("example.com").url, "https://rdap.verisign.com/com/v1/");
  EXPECT_EQ(bootstrap.base_for("example.de").url, "https://rdap.denic.de/");
  EXPECT_EQ(bootstrap.base_for("example.nosuchzone").url, "");
  EXPECT_EQ(bootstrap.base_for("").url, "");
}

TEST(Bootstrap, takes_the_longest_zone) {
  Bootstrap bootstrap;
  ASSERT_TRUE(bootstrap.set("co.example", "https://rdap.co.example/x"));
  ASSERT_TRUE(bootstrap.set("EXAMPLE", "https://rdap.example"));
  EXPECT_EQ(bootstrap.base_for("a.co.example").url, "https://rdap.co.example/x/");
  EXPECT_EQ(bootstrap.base_for("a.example").url, "https://rdap.example/");
}

TEST(Bootstrap, refuses_urls_that_are_no_plain_https) {
  for (const char* url :
       {"http://rdap.example/", "https://", "https:///x", "https://user@rdap.example/", "ftp://x/",
        "https://rdap.example/?q", "https://rdap.example/#f", "https://rdap.example/a b",
        "https://x\r\ny/", ""}) {
    EXPECT_FALSE(is_usable_base(url)) << url;
  }
  EXPECT_TRUE(is_usable_base("https://nic.samsung:8443/rdap/"));
}

TEST(Bootstrap, loads_a_file_of_iana_over_what_it_knows) {
  Bootstrap bootstrap;
  const auto load =
      bootstrap.load(R"({"version":"1.0","publication":"2026-07-01T00:00:00Z","services":[
    [["com","test"],["http://plain.example/","https://new.example/rdap"]],[["bad"],["http://only.example/"]]]})");
  ASSERT_TRUE(load.has_value());
  EXPECT_EQ(load->publication, "2026-07-01T00:00:00Z");
  EXPECT_EQ(load->zones, 2U);
  EXPECT_EQ(load->refused, 1U);
  EXPECT_EQ(bootstrap.base_for("example.com").url, "https://new.example/rdap/");
  EXPECT_EQ(bootstrap.base_for("example.net").url, "https://rdap.verisign.com/net/v1/");
}

TEST(Bootstrap, stays_as_it_was_when_a_file_is_bad) {
  Bootstrap bootstrap;
  for (const char* file :
       {"", "{", "[]", "{}", R"({"services":{}})", R"({"services":[1]})",
        R"({"services":[[["com"],"x"]]})", R"({"services":[[["com"],["http://plain.example/"]]]})",
        R"({"services":[]})"}) {
    EXPECT_FALSE(bootstrap.load(file).has_value()) << file;
    EXPECT_EQ(bootstrap.base_for("example.com").url, "https://rdap.verisign.com/com/v1/") << file;
  }
}

}  // namespace
}  // namespace zonesweep::rdap
