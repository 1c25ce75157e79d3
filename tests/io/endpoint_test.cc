#include "io/endpoint.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>

#include <cstring>

namespace zonesweep::io {
namespace {

std::string round_trip(std::string_view text) {
  const auto endpoint = Endpoint::parse(text, 53);
  return endpoint ? endpoint->to_string() : "nothing";
}

TEST(Endpoint, reads_addresses_with_and_without_a_port) {
  EXPECT_EQ(round_trip("192.0.2.1"), "192.0.2.1:53");
  EXPECT_EQ(round_trip("192.0.2.1:5300"), "192.0.2.1:5300");
  EXPECT_EQ(round_trip("2001:db8::1"), "[2001:db8::1]:53");
  EXPECT_EQ(round_trip("[2001:db8::1]"), "[2001:db8::1]:53");
  EXPECT_EQ(round_trip("[2001:DB8::1]:5300"), "[2001:db8::1]:5300");
  EXPECT_EQ(round_trip("::1"), "[::1]:53");
  EXPECT_EQ(round_trip("::ffff:192.0.2.1"), "[::ffff:192.0.2.1]:53");
}

TEST(Endpoint, reads_a_zone_by_name_or_number) {
  EXPECT_EQ(round_trip("fe80::1%lo"), "[fe80::1%1]:53");
  EXPECT_EQ(round_trip("[fe80::1%1]:54"), "[fe80::1%1]:54");
  EXPECT_EQ(round_trip("fe80::1%no-such-interface"), "nothing");
  EXPECT_EQ(round_trip("fe80::1%0"), "nothing");
  EXPECT_EQ(round_trip("fe80::1%"), "nothing");
}

TEST(Endpoint, takes_nothing_but_literals) {
  for (const std::string_view text : {"",
                                      "localhost",
                                      "192.0.2",
                                      "192.0.2.1:",
                                      "192.0.2.1:0",
                                      "192.0.2.1:65536",
                                      "192.0.2.1:53x",
                                      "192.0.2.256",
                                      "192.0.2.1 ",
                                      " 192.0.2.1",
                                      "[192.0.2.1]:53",
                                      "[::1",
                                      "[::1]53",
                                      "[::1]:",
                                      "::g",
                                      ":53",
                                      "1:2:3",
                                      "[]:53",
                                      "010.0.0.1",
                                      "0x7f.0.0.1"}) {
    EXPECT_EQ(round_trip(text), "nothing") << text;
  }
  EXPECT_EQ(round_trip(std::string_view("192.0.2.1\0.5", 12)), "nothing");
  EXPECT_EQ(round_trip(std::string(5'000, '1')), "nothing");
  EXPECT_EQ(round_trip(std::string(5'000, ':')), "nothing");
}

TEST(Endpoint, fills_a_sockaddr_that_the_kernel_takes) {
  sockaddr_storage storage;
  ASSERT_EQ(Endpoint::parse("192.0.2.1:5300", 53)->to_sockaddr(storage), sizeof(sockaddr_in));
  sockaddr_in v4;
  std::memcpy(&v4, &storage, sizeof v4);
  EXPECT_EQ(v4.sin_family, AF_INET);
  EXPECT_EQ(ntohs(v4.sin_port), 5'300);
  EXPECT_EQ(ntohl(v4.sin_addr.s_addr), 0xC0000201U);

  ASSERT_EQ(Endpoint::parse("[fe80::1%1]:5300", 53)->to_sockaddr(storage), sizeof(sockaddr_in6));
  sockaddr_in6 v6;
  std::memcpy(&v6, &storage, sizeof v6);
  EXPECT_EQ(v6.sin6_family, AF_INET6);
  EXPECT_EQ(v6.sin6_scope_id, 1U);
  EXPECT_EQ(v6.sin6_addr.s6_addr[0], 0xFE);
}

TEST(Endpoint, compares_by_value) {
  EXPECT_EQ(Endpoint::parse("192.0.2.1", 53), Endpoint::parse("192.0.2.1:53", 1));
  EXPECT_NE(Endpoint::parse("192.0.2.1", 53), Endpoint::parse("192.0.2.1", 54));
  EXPECT_NE(Endpoint::parse("::", 53), Endpoint::parse("0.0.0.0", 53));
}

}  // namespace
}  // namespace zonesweep::io
