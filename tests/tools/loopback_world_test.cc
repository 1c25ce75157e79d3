#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <string>

#include "tools/loopback/world.h"

namespace zonesweep::loopback {
namespace {

// Hashes below come from xxHash's own library: XXH3_64bits() of the name.
constexpr uint64_t kHashOfExample = 0x8b66107e8045bb73;  // "example.com"

std::string names(uint32_t i) { return "name" + std::to_string(i) + ".example"; }

TEST(World, an_address_is_the_low_three_bytes_of_the_hash) {
  const Node node = World{}.look_up("example.com");
  EXPECT_EQ(node.hash, kHashOfExample);
  EXPECT_EQ(World::address(node), 10U << 24U | 0x45bb73U);
}

TEST(World, the_examples_of_the_documentation_hold) {
  const World world;
  EXPECT_EQ(world.look_up("name0.example").hash, 0x6791cecc9600df6fU);
  EXPECT_EQ(world.look_up("name0.example").second % limits::kMailHosts, 19'630U);
  EXPECT_TRUE(World::has(world.look_up("name0.example"), type::kMx));
  EXPECT_FALSE(World::has(world.look_up("name0.example"), type::kCaa));
  EXPECT_FALSE(World::has(world.look_up("name3.example"), type::kMx));
  EXPECT_TRUE(World::has(world.look_up("name3.example"), type::kHttps));
  EXPECT_EQ(world.look_up("name1.example").existence, Existence::missing);
  EXPECT_EQ(world.look_up("name19.example").existence, Existence::alias);
}

TEST(World, another_seed_is_another_world) {
  EXPECT_NE(World{{.seed = 1}}.look_up("example.com").hash, kHashOfExample);
  EXPECT_EQ(World{{.seed = 1}}.look_up("example.com").hash, World{}.look_up("example.com").second);
}

TEST(World, about_one_name_in_twenty_is_missing_and_one_in_thirty_an_alias) {
  const World world;
  std::array<int, 6> seen{};
  for (uint32_t i = 0; i < 20'000; ++i)
    ++seen[static_cast<size_t>(world.look_up(names(i)).existence)];
  EXPECT_NEAR(seen[static_cast<size_t>(Existence::missing)], 1'000, 120);
  EXPECT_NEAR(seen[static_cast<size_t>(Existence::alias)], 594, 100);
}

TEST(World, the_share_of_names_that_exist_can_be_set) {
  const World none{{.exists_percent = 0}};
  const World every{{.exists_percent = 100}};
  for (uint32_t i = 0; i < 1'000; ++i) {
    EXPECT_EQ(none.look_up(names(i)).existence, Existence::missing);
    EXPECT_NE(every.look_up(names(i)).existence, Existence::missing);
  }
}

TEST(World, names_can_opt_out_of_chance) {
  const World none{{.exists_percent = 0}};
  for (const char* name : {"x.all.test", "mx7.mail.test", "ns7.dns.test", "f-tc.x.com"}) {
    EXPECT_EQ(none.look_up(name).existence, Existence::named) << name;
    EXPECT_TRUE(World::has(none.look_up(name), type::kCaa)) << name;
  }
  EXPECT_EQ(none.look_up("f-droid.org").existence, Existence::missing);
  EXPECT_EQ(none.look_up("x.notall.test").existence, Existence::missing);
  EXPECT_EQ(World{{.complete = true}}.look_up("anything.example").existence, Existence::named);
}

TEST(World, top_level_names_are_zones) {
  EXPECT_EQ(World{}.look_up("com").existence, Existence::zone);
  EXPECT_EQ(World{}.look_up("").existence, Existence::zone);
}

TEST(World, reverse_names_below_ten_have_a_pointer) {
  const World world;
  EXPECT_EQ(world.look_up("4.3.2.10.in-addr.arpa").existence, Existence::reverse);
  EXPECT_EQ(World::pointer_target("4.3.2.10.in-addr.arpa"), "host-10-2-3-4.rev.test");
  EXPECT_EQ(world.look_up("3.2.10.in-addr.arpa").existence, Existence::empty);
  EXPECT_EQ(world.look_up("4.3.2.11.in-addr.arpa").existence, Existence::missing);
  EXPECT_EQ(world.look_up("5.4.3.2.10.in-addr.arpa").existence, Existence::missing);
}

TEST(World, aliases_step_down_to_a_name_that_has_data) {
  const World world;
  EXPECT_EQ(world.alias_target("a2-00c0ffee.alias.test", world.look_up("a2-00c0ffee.alias.test")),
            "a1-00c0ffee.alias.test");
  EXPECT_EQ(world.look_up("a1-00c0ffee.alias.test").existence, Existence::alias);
  EXPECT_EQ(world.look_up("a0-00c0ffee.alias.test").existence, Existence::named);
}

TEST(World, no_reverse_name_makes_a_label_longer_than_a_label_can_be) {
  const std::string nibble_soup = std::string(60, 'a') + ".b.c.10.in-addr.arpa";
  EXPECT_EQ(World{}.look_up(nibble_soup).existence, Existence::missing);
}

}  // namespace
}  // namespace zonesweep::loopback
