#include "protocols/psl/suffix_list.h"

#include <gtest/gtest.h>

namespace zonesweep::psl {
namespace {

TEST(SuffixList, finds_the_registrable_domain) {
  const SuffixList list = SuffixList::builtin();
  EXPECT_EQ(list.registrable("example.com"), "example.com");
  EXPECT_EQ(list.registrable("a.b.example.com"), "example.com");
  EXPECT_EQ(list.registrable("a.example.co.uk"), "example.co.uk");
  EXPECT_EQ(list.registrable("www.city.kawasaki.jp"),
            "city.kawasaki.jp");  // an exception to a wildcard
  EXPECT_EQ(list.registrable("x.nosuchzone"), "x.nosuchzone");
}

TEST(SuffixList, has_none_for_a_suffix_itself) {
  const SuffixList list = SuffixList::builtin();
  for (const char* name : {"com", "co.uk", "", ".", "nosuchzone", "com.", ".com"}) {
    EXPECT_EQ(list.registrable(name), "") << name;
  }
}

TEST(SuffixList, counts_private_suffixes_only_on_demand) {
  const SuffixList list = SuffixList::builtin();
  EXPECT_EQ(list.registrable("x.github.io"), "github.io");
  EXPECT_EQ(list.registrable("x.github.io", /*private_too=*/true), "x.github.io");
}

TEST(SuffixList, reads_a_list_from_text) {
  const auto list = SuffixList::from_text(
      "// ===BEGIN ICANN DOMAINS===\nzone\n*.wild\n!not.wild\n// ===END ICANN DOMAINS===\n");
  ASSERT_TRUE(list.has_value());
  EXPECT_EQ(list->registrable("a.b.zone"), "b.zone");
  EXPECT_EQ(list->registrable("a.b.c.wild"), "b.c.wild");
  EXPECT_EQ(list->registrable("a.not.wild"), "not.wild");
}

TEST(SuffixList, refuses_what_is_no_list) {
  EXPECT_FALSE(SuffixList::from_text("").has_value());
  EXPECT_FALSE(SuffixList::from_text("// nothing\n").has_value());
}

}  // namespace
}  // namespace zonesweep::psl
