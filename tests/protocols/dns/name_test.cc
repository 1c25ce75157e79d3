#include "protocols/dns/name.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

namespace zonesweep::dns {
namespace {

std::string repeated_labels(size_t label, size_t count) {
  std::string text;
  for (size_t i = 0; i < count; ++i) {
    if (i != 0) text += '.';
    text += std::string(label, static_cast<char>('a' + i % 26));
  }
  return text;
}

std::vector<int> wire_of(std::string_view text) {
  const auto name = Name::from_text(text);
  if (!name) return {};
  std::vector<int> octets;
  for (const std::byte b : name->wire()) octets.push_back(std::to_integer<int>(b));
  return octets;
}

NameError error_of(std::string_view text) {
  const auto name = Name::from_text(text);
  EXPECT_FALSE(name) << text;
  return name ? NameError::no_room : name.error();
}

TEST(Name, becomes_length_prefixed_labels_and_a_root) {
  EXPECT_THAT(wire_of("a.bc"), testing::ElementsAre(1, 'a', 2, 'b', 'c', 0));
  EXPECT_THAT(wire_of("a.bc."), testing::ElementsAre(1, 'a', 2, 'b', 'c', 0));
  EXPECT_THAT(wire_of("."), testing::ElementsAre(0));
}

TEST(Name, keeps_the_case_that_it_came_in) {
  EXPECT_EQ(Name::from_text("ExAmple.COM")->to_text(), "ExAmple.COM.");
}

TEST(Name, reads_escapes) {
  EXPECT_THAT(wire_of("a\\.b"), testing::ElementsAre(3, 'a', '.', 'b', 0));
  EXPECT_THAT(wire_of("\\000\\255.x"), testing::ElementsAre(2, 0, 255, 1, 'x', 0));
  EXPECT_THAT(wire_of("a\\."), testing::ElementsAre(2, 'a', '.', 0));
  EXPECT_THAT(wire_of("a\\.."), testing::ElementsAre(2, 'a', '.', 0));
  EXPECT_THAT(wire_of("\\a\\\\"), testing::ElementsAre(2, 'a', '\\', 0));
}

TEST(Name, refuses_what_is_no_name) {
  EXPECT_EQ(error_of(""), NameError::empty);
  for (const char* text : {"..", ".a", "a..b", "a..", "\\065..b"}) {
    EXPECT_EQ(error_of(text), NameError::empty_label) << text;
  }
  for (const char* text : {"\\", "a\\", "\\1", "\\12", "\\256", "\\999", "\\1a2", "a\\12.b"}) {
    EXPECT_EQ(error_of(text), NameError::bad_escape) << text;
  }
}

TEST(Name, takes_63_octets_in_a_label_and_not_64) {
  EXPECT_TRUE(Name::from_text(std::string(63, 'a')));
  EXPECT_TRUE(Name::from_text(std::string(63, 'a') + "."));
  EXPECT_EQ(error_of(std::string(64, 'a')), NameError::label_too_long);
  EXPECT_EQ(error_of("x." + std::string(64, 'a') + ".y"), NameError::label_too_long);
  EXPECT_EQ(error_of("x.\\097" + std::string(63, 'a') + ".y"), NameError::label_too_long);
}

TEST(Name, takes_255_octets_and_not_256) {
  const std::string head = repeated_labels(63, 3) + ".";  // 192 octets
  EXPECT_EQ(Name::from_text(head + std::string(61, 'z'))->wire().size(), 255u);
  EXPECT_EQ(Name::from_text(head + std::string(61, 'z') + ".")->wire().size(), 255u);
  EXPECT_EQ(error_of(head + std::string(62, 'z')), NameError::name_too_long);
  EXPECT_EQ(error_of(head + std::string(62, 'z') + "."), NameError::name_too_long);
  EXPECT_EQ(Name::from_text(head + "\\122" + std::string(60, 'z'))->wire().size(), 255u);
  EXPECT_EQ(error_of(head + "\\122" + std::string(61, 'z')), NameError::name_too_long);
  EXPECT_EQ(Name::from_text(repeated_labels(1, 127))->wire().size(), 255u);
  EXPECT_EQ(error_of(repeated_labels(1, 128)), NameError::name_too_long);
}

TEST(Name, of_255_octets_may_be_a_thousand_characters_of_escapes) {
  std::string text;
  for (int label = 0; label < 4; ++label) {
    for (int i = 0; i < (label < 3 ? 63 : 61); ++i) text += "\\007";
    text += '.';
  }
  const auto name = Name::from_text(text);
  ASSERT_TRUE(name);
  EXPECT_EQ(name->wire().size(), 255u);
  EXPECT_EQ(name->to_text(), text);
  EXPECT_EQ(text.size(), limits::kNameTextBytes);
}

TEST(Name, says_when_the_room_is_too_small) {
  std::array<std::byte, 6> six{};
  EXPECT_EQ(name_from_text("abcd", six), 6u);
  EXPECT_EQ(name_from_text("abc\\100", six), 6u);
  EXPECT_EQ(name_from_text("abcde", six).error(), NameError::no_room);
  EXPECT_EQ(name_from_text("abcd\\101", six).error(), NameError::no_room);
  EXPECT_EQ(name_from_text("a.b.c", six).error(), NameError::no_room);
  EXPECT_EQ(name_from_text(".", {}).error(), NameError::no_room);
  EXPECT_EQ(name_from_text("a", {}).error(), NameError::no_room);
}

TEST(Name, is_written_as_dig_writes_it) {
  std::string text = "\\@\\$\\\"\\(\\)\\;\\\\ok*-_/\\032\\009\\127\\200\\.";
  EXPECT_EQ(Name::from_text(text)->to_text(), text + ".");
  EXPECT_EQ(Name::from_text("a b\tc")->to_text(), "a\\032b\\009c.");
}

TEST(Name, loses_its_final_dot_on_request_but_the_root_does_not) {
  EXPECT_EQ(Name::from_text("a.b")->to_text(FinalDot::dropped), "a.b");
  EXPECT_EQ(Name::from_text("a\\.")->to_text(FinalDot::dropped), "a\\.");
  EXPECT_EQ(Name{}.to_text(FinalDot::dropped), ".");
  std::string lower;
  append_lower_name_text(*Name::from_text("WWW.Ex\\065mple."), lower, FinalDot::dropped);
  EXPECT_EQ(lower, "www.example");
}

TEST(Name, compares_without_regard_to_ascii_case_only) {
  EXPECT_EQ(*Name::from_text("www.EXAMPLE.com"), *Name::from_text("WWW.example.COM"));
  EXPECT_FALSE(*Name::from_text("www.example.com") == *Name::from_text("www.example.org"));
  EXPECT_FALSE(*Name::from_text("a.bc") == *Name::from_text("ab.c"));
  EXPECT_FALSE(*Name::from_text("\\192") == *Name::from_text("\\224"));
  EXPECT_FALSE(*Name::from_text("@") == *Name::from_text("`"));
  EXPECT_FALSE(*Name::from_text("[[[[[[[[") == *Name::from_text("{{{{{{{{"));
}

TEST(Name, comparison_of_eight_octets_at_once_equals_that_of_one_at_a_time) {
  for (unsigned octet = 0; octet < 256; ++octet) {
    for (unsigned other = 0; other < 256; ++other) {
      std::array<std::byte, 17> a{std::byte{15}};
      auto b = a;
      a[5] = a[14] = static_cast<std::byte>(octet);
      b[5] = b[14] = static_cast<std::byte>(other);
      const bool same = to_lower(a[5]) == to_lower(b[5]);
      ASSERT_EQ(equal_names(a, b), same) << octet << " " << other;
    }
  }
}

TEST(Name, survives_the_way_to_text_and_back) {
  std::mt19937 random{1};
  for (int round = 0; round < 20'000; ++round) {
    std::vector<std::byte> wire;
    while (wire.size() < 180 && (wire.empty() || random() % 4 != 0)) {
      const size_t size = 1 + random() % (random() % 8 == 0 ? 63 : 10);
      wire.push_back(static_cast<std::byte>(size));
      for (size_t i = 0; i < size; ++i) {
        wire.push_back(static_cast<std::byte>(random() % 3 == 0 ? random() : 'a' + random() % 26));
      }
    }
    wire.push_back(std::byte{0});
    const Name name{WireName(wire)};
    const auto again = Name::from_text(name.to_text());
    ASSERT_TRUE(again) << name.to_text();
    ASSERT_TRUE(std::ranges::equal(again->wire(), name.wire())) << name.to_text();
  }
}

}  // namespace
}  // namespace zonesweep::dns
