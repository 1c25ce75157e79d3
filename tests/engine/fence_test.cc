#include "engine/fence.h"

#include <gtest/gtest.h>

#include <string>

namespace zonesweep::engine {
namespace {

Fenced of(const std::string& address) {
  const auto endpoint = io::Endpoint::parse(address, 443);
  EXPECT_TRUE(endpoint) << address;
  return endpoint ? classify(*endpoint) : Fenced::passed;
}

struct Range {
  const char* before;  // nullptr: not of interest
  const char* first;
  const char* last;
  const char* after;
  Fenced kind;
  Fenced kind_before = Fenced::passed;
  Fenced kind_after = Fenced::passed;
};

void expect_edges(const Range& range) {
  SCOPED_TRACE(range.first);
  EXPECT_EQ(of(range.first), range.kind);
  EXPECT_EQ(of(range.last), range.kind);
  if (range.before != nullptr) {
    EXPECT_EQ(of(range.before), range.kind_before) << range.before;
  }
  if (range.after != nullptr) {
    EXPECT_EQ(of(range.after), range.kind_after) << range.after;
  }
}

TEST(Fence, knows_the_edges_of_every_special_block_of_ipv4) {
  const Range ranges[] = {
      {nullptr, "0.0.0.0", "0.255.255.255", "1.0.0.0", Fenced::unspecified},
      {"9.255.255.255", "10.0.0.0", "10.255.255.255", "11.0.0.0", Fenced::private_use},
      {"100.63.255.255", "100.64.0.0", "100.127.255.255", "100.128.0.0", Fenced::shared},
      {"126.255.255.255", "127.0.0.0", "127.255.255.255", "128.0.0.0", Fenced::loopback},
      {"169.253.255.255", "169.254.0.0", "169.254.255.255", "169.255.0.0", Fenced::link_local},
      {"172.15.255.255", "172.16.0.0", "172.31.255.255", "172.32.0.0", Fenced::private_use},
      {"191.255.255.255", "192.0.0.0", "192.0.0.255", "192.0.1.0", Fenced::reserved},
      {"192.0.1.255", "192.0.2.0", "192.0.2.255", "192.0.3.0", Fenced::documentation},
      {"192.88.98.255", "192.88.99.0", "192.88.99.255", "192.88.100.0", Fenced::reserved},
      {"192.167.255.255", "192.168.0.0", "192.168.255.255", "192.169.0.0", Fenced::private_use},
      {"198.17.255.255", "198.18.0.0", "198.19.255.255", "198.20.0.0", Fenced::benchmarking},
      {"198.51.99.255", "198.51.100.0", "198.51.100.255", "198.51.101.0", Fenced::documentation},
      {"203.0.112.255", "203.0.113.0", "203.0.113.255", "203.0.114.0", Fenced::documentation},
      {"223.255.255.255", "224.0.0.0", "239.255.255.255", "240.0.0.0", Fenced::multicast,
       Fenced::passed, Fenced::reserved},
      {"239.255.255.255", "240.0.0.0", "255.255.255.254", "255.255.255.255", Fenced::reserved,
       Fenced::multicast, Fenced::broadcast},
  };
  for (const Range& range : ranges) expect_edges(range);
}

TEST(Fence, knows_the_edges_of_every_special_block_of_ipv6) {
  const std::string ones = ":ffff:ffff:ffff:ffff:ffff:ffff";
  const std::string most = ":ffff" + ones;
  const auto all = [&](const char* start) { return std::string(start) + most; };
  EXPECT_EQ(of("::"), Fenced::unspecified);
  EXPECT_EQ(of("::1"), Fenced::loopback);
  EXPECT_EQ(of("::2"), Fenced::embedded);
  EXPECT_EQ(of("::ffff:ffff"), Fenced::embedded);
  EXPECT_EQ(of("::1:0:0"), Fenced::reserved);
  EXPECT_EQ(of("100::"), Fenced::reserved);
  EXPECT_EQ(of("100::ffff:ffff:ffff:ffff"), Fenced::reserved);
  EXPECT_EQ(of(all("1fff")), Fenced::reserved);
  EXPECT_EQ(of("2000::"), Fenced::passed);
  EXPECT_EQ(of(all("2000")), Fenced::passed);
  EXPECT_EQ(of("2001::"), Fenced::embedded);  // Teredo
  EXPECT_EQ(of("2001:0" + ones), Fenced::embedded);
  EXPECT_EQ(of("2001:1::"), Fenced::reserved);
  EXPECT_EQ(of("2001:2::"), Fenced::benchmarking);
  EXPECT_EQ(of("2001:2:0:ffff:ffff:ffff:ffff:ffff"), Fenced::benchmarking);
  EXPECT_EQ(of("2001:2:1::"), Fenced::reserved);
  EXPECT_EQ(of("2001:10::1"), Fenced::reserved);  // ORCHID
  EXPECT_EQ(of("2001:1ff" + ones), Fenced::reserved);
  EXPECT_EQ(of("2001:200::"), Fenced::passed);
  EXPECT_EQ(of("2001:db7" + ones), Fenced::passed);
  EXPECT_EQ(of("2001:db8::"), Fenced::documentation);
  EXPECT_EQ(of("2001:db8" + ones), Fenced::documentation);
  EXPECT_EQ(of("2001:db9::"), Fenced::passed);
  EXPECT_EQ(of("3ffe" + most), Fenced::passed);
  EXPECT_EQ(of("3fff::"), Fenced::documentation);
  EXPECT_EQ(of("3fff:fff" + ones), Fenced::documentation);
  EXPECT_EQ(of("3fff:1000::"), Fenced::passed);
  EXPECT_EQ(of(all("3fff")), Fenced::passed);
  EXPECT_EQ(of("4000::"), Fenced::reserved);
  EXPECT_EQ(of("5f00::1"), Fenced::reserved);
  EXPECT_EQ(of(all("fbff")), Fenced::reserved);
  EXPECT_EQ(of("fc00::"), Fenced::private_use);
  EXPECT_EQ(of(all("fdff")), Fenced::private_use);
  EXPECT_EQ(of("fe00::"), Fenced::reserved);
  EXPECT_EQ(of(all("fe7f")), Fenced::reserved);
  EXPECT_EQ(of("fe80::"), Fenced::link_local);
  EXPECT_EQ(of(all("febf")), Fenced::link_local);
  EXPECT_EQ(of("fec0::"), Fenced::private_use);
  EXPECT_EQ(of(all("feff")), Fenced::private_use);
  EXPECT_EQ(of("ff00::"), Fenced::multicast);
  EXPECT_EQ(of(all("ffff")), Fenced::multicast);
}

TEST(Fence, finds_ipv4_inside_of_ipv6) {
  EXPECT_EQ(of("::ffff:127.0.0.1"), Fenced::embedded);
  EXPECT_EQ(of("::ffff:0.0.0.0"), Fenced::embedded);
  EXPECT_EQ(of("::ffff:255.255.255.255"), Fenced::embedded);
  EXPECT_EQ(of("::ffff:8.8.8.8"), Fenced::embedded);  // a public one is to be said in IPv4
  EXPECT_EQ(of("::127.0.0.1"), Fenced::embedded);
  for (const std::string prefix : {"64:ff9b::", "2001:4860::5efe:", "2001:4860::200:5efe:"}) {
    EXPECT_EQ(of(prefix + "8.8.8.8"), Fenced::passed) << prefix;
    EXPECT_EQ(of(prefix + "127.0.0.1"), Fenced::embedded) << prefix;
    EXPECT_EQ(of(prefix + "169.254.169.254"), Fenced::embedded) << prefix;
    EXPECT_EQ(of(prefix + "10.255.255.255"), Fenced::embedded) << prefix;
    EXPECT_EQ(of(prefix + "11.0.0.0"), Fenced::passed) << prefix;
  }
  EXPECT_EQ(of("64:ff9b:0:0:0:1:808:808"), Fenced::reserved);
  EXPECT_EQ(of("64:ff9b:1::8.8.8.8"), Fenced::reserved);  // local NAT64
  EXPECT_EQ(of("2002:808:808::1"), Fenced::passed);       // 6to4
  EXPECT_EQ(of("2002:7f00:1::1"), Fenced::embedded);
  EXPECT_EQ(of("2002:c0a8:1::"), Fenced::embedded);
  EXPECT_EQ(of("2002:a9fe:a9fe::"), Fenced::embedded);
  EXPECT_EQ(of("2001:0:4136:e378:8000:63bf:3fff:fdd2"), Fenced::embedded);
}

TEST(Fence, knows_metadata_addresses) {
  for (const char* address : {"169.254.169.254", "169.254.170.2", "169.254.170.23", "169.254.0.23",
                              "100.100.100.200", "192.0.0.192", "168.63.129.16", "fd00:ec2::254",
                              "fd00:ec2::23", "fd20:ce::254", "fe80::a9fe:a9fe"}) {
    EXPECT_EQ(of(address), Fenced::metadata) << address;
  }
  EXPECT_EQ(of("169.254.169.253"), Fenced::link_local);
  EXPECT_EQ(of("100.100.100.201"), Fenced::shared);
  EXPECT_EQ(of("168.63.129.17"), Fenced::passed);
  EXPECT_EQ(of("fd00:ec2::255"), Fenced::private_use);
}

io::Endpoint endpoint(const std::string& text) { return *io::Endpoint::parse(text, 443); }

TEST(Fence, lets_only_known_ports_through) {
  Fence fence;
  for (uint32_t port = 0; port < 65'536; ++port) {
    io::Endpoint to = endpoint("8.8.8.8");
    to.port = static_cast<uint16_t>(port);
    ASSERT_EQ(fence.passes(to), port == 43 || port == 443) << port;
  }
  EXPECT_EQ(fence.check(endpoint("8.8.8.8:80")), Fenced::port);
  EXPECT_EQ(fence.check(endpoint("127.0.0.1:80")), Fenced::loopback);
  fence.allow_port(8443);
  fence.allow_port(0);
  EXPECT_TRUE(fence.passes(endpoint("8.8.8.8:8443")));
  EXPECT_FALSE(fence.passes(*io::Endpoint::parse("8.8.8.8", 0)));
  EXPECT_EQ(fence.check(endpoint("127.0.0.1:8443")), Fenced::loopback);
}

TEST(Fence, lets_allowed_private_blocks_through_and_nothing_else) {
  Fence fence;
  fence.allow(*AddressBlock::parse("127.1.0.0/16"));
  fence.allow(*AddressBlock::parse("fd12:3456::/32"));
  EXPECT_TRUE(fence.passes(endpoint("127.1.0.0")));
  EXPECT_TRUE(fence.passes(endpoint("127.1.255.255")));
  EXPECT_FALSE(fence.passes(endpoint("127.0.255.255")));
  EXPECT_FALSE(fence.passes(endpoint("127.2.0.0")));
  EXPECT_EQ(fence.check(endpoint("::ffff:127.1.0.1")), Fenced::embedded);
  EXPECT_EQ(fence.check(endpoint("127.1.0.1:22")), Fenced::port);
  EXPECT_TRUE(fence.passes(endpoint("fd12:3456:ffff::1")));
  EXPECT_FALSE(fence.passes(endpoint("fd12:3457::1")));
}

TEST(Fence, lets_metadata_through_only_if_it_is_named_alone) {
  Fence fence;
  fence.allow(*AddressBlock::parse("0.0.0.0/0"));
  fence.allow(*AddressBlock::parse("::/0"));
  EXPECT_TRUE(fence.passes(endpoint("169.254.1.1")));
  EXPECT_TRUE(fence.passes(endpoint("255.255.255.255")));
  EXPECT_EQ(fence.check(endpoint("169.254.169.254")), Fenced::metadata);
  EXPECT_EQ(fence.check(endpoint("fd00:ec2::254")), Fenced::metadata);
  fence.allow(*AddressBlock::parse("169.254.169.254"));
  EXPECT_TRUE(fence.passes(endpoint("169.254.169.254")));
}

TEST(AddressBlock, is_read_and_written) {
  const auto text = [](std::string_view in) {
    const auto block = AddressBlock::parse(in);
    return block ? block->to_string() : "refused";
  };
  EXPECT_EQ(text("10.0.0.0/8"), "10.0.0.0/8");
  EXPECT_EQ(text("10.1.2.3/8"), "10.0.0.0/8");
  EXPECT_EQ(text("172.31.255.255/12"), "172.16.0.0/12");
  EXPECT_EQ(text("192.0.2.1"), "192.0.2.1/32");
  EXPECT_EQ(text("192.0.2.1/32"), "192.0.2.1/32");
  EXPECT_EQ(text("0.0.0.0/0"), "0.0.0.0/0");
  EXPECT_EQ(text("fd00::/8"), "fd00::/8");
  EXPECT_EQ(text("fdff::1/9"), "fd80::/9");
  EXPECT_EQ(text("::1"), "::1/128");
  EXPECT_EQ(text("::/0"), "::/0");
  for (const std::string_view bad :
       {"", "/", "/8", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/8x", "10.0.0.0/256",
        "10.0.0.0/ 8", "::/129", "fe80::1%lo/64", "[::1]/128", "10.0.0.0:53/8", "example/8",
        "10.0.0/8", "10.0.0.0/8/8"}) {
    EXPECT_EQ(text(bad), "refused") << bad;
  }
}

}  // namespace
}  // namespace zonesweep::engine
