#include "protocols/whois/server_table.h"

#include <gtest/gtest.h>

namespace zonesweep::whois {
namespace {

TEST(ServerTable, WithoutAFileTheCompiledInServersHold) {
  const ServerTable table;
  EXPECT_EQ(table.server_for("example.com").host, "whois.verisign-grs.com");
  EXPECT_EQ(table.server_for("example.com").port, 43);
  EXPECT_EQ(table.server_for("example.invalid").host, "");
}

TEST(ServerTable, AFileComesFirstZoneByZone) {
  ServerTable table;
  ASSERT_TRUE(
      table.load("# mine\n127.0.0.2:4343\tcom test\r\nwhois.nic.{zone}\tdev app\n-\torg\n"));
  EXPECT_EQ(table.server_for("example.com").host, "127.0.0.2");
  EXPECT_EQ(table.server_for("example.com").port, 4343);
  EXPECT_EQ(table.server_for("a.b.test").host, "127.0.0.2");
  EXPECT_EQ(table.server_for("x.dev").host, "whois.nic.dev");
  EXPECT_EQ(table.server_for("x.org").host, "");
  EXPECT_EQ(table.server_for("x.de").host, "whois.denic.de");
}

TEST(ServerTable, TheLongestZoneWinsOverBothTables) {
  ServerTable table;
  ASSERT_TRUE(table.load("whois.mine.test\tnet\n"));
  EXPECT_EQ(table.server_for("x.jp.net").host, "whois.centralnic.com");
  EXPECT_EQ(table.server_for("jp.net.net").host, "whois.mine.test");
}

TEST(ServerTable, ServersHavePortsAndBrackets) {
  EXPECT_EQ(server_from_text("[2001:db8::1]:4343")->host, "2001:db8::1");
  EXPECT_EQ(server_from_text("[2001:db8::1]:4343")->port, 4343);
  EXPECT_EQ(server_from_text("2001:db8::1")->host, "2001:db8::1");
  EXPECT_EQ(server_from_text("Whois.Example")->host, "whois.example");
  for (const char* wrong : {"", "host:", "host:0", "host:99999", "a b", "http://host", "host/",
                            "host.", "[::1", "[::1]x", "-\n"}) {
    EXPECT_FALSE(server_from_text(wrong)) << wrong;
  }
}

TEST(ServerTable, ABadLineIsNamedAndNothingIsTaken) {
  ServerTable table;
  const auto loaded = table.load("whois.a.test\ta\nwhois.b.test b\n");
  ASSERT_FALSE(loaded);
  EXPECT_EQ(loaded.error().number, 2U);
  EXPECT_EQ(table.server_for("x.a").host, "");
  EXPECT_FALSE(table.load("http://x/\ta\n"));
  EXPECT_FALSE(table.load("whois.a.test\t*.a\n"));
}

}  // namespace
}  // namespace zonesweep::whois
