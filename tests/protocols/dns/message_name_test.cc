#include "protocols/dns/message_name.h"

#include <gtest/gtest.h>

#include "tests/protocols/dns/message_bytes.h"

namespace zonesweep::dns {
namespace {

using testing::Bytes;

constexpr size_t kBehindHeader = 12;

Bytes after_header() { return Bytes{}.header(0, 0, 0); }

std::string text_at(const Bytes& bytes, size_t at) {
  std::string text;
  append_name_text_at(bytes.span(), at, text);
  return text;
}

Error error_at(const Bytes& bytes, size_t at) {
  const auto extent = check_name(bytes.span(), at);
  EXPECT_FALSE(extent);
  return extent ? Error::none : extent.error();
}

TEST(MessageName, is_read_through_pointers) {
  const Bytes bytes = after_header().name("b.example").labels("a").pointer(12).pointer(23);
  const auto extent = check_name(bytes.span(), 27);
  ASSERT_TRUE(extent);
  EXPECT_EQ(extent->end, 29);
  EXPECT_EQ(extent->wire_size, 13);
  EXPECT_EQ(text_at(bytes, 27), "a.b.example.");
  EXPECT_EQ(name_at(bytes.span(), 27), *Name::from_text("A.B.Example"));
}

TEST(MessageName, refuses_a_pointer_to_itself_or_forward) {
  EXPECT_EQ(error_at(after_header().pointer(12), kBehindHeader), Error::bad_pointer);
  EXPECT_EQ(error_at(after_header().pointer(14).name("a"), kBehindHeader), Error::bad_pointer);
  EXPECT_EQ(error_at(after_header().labels("a").pointer(12), kBehindHeader), Error::bad_pointer);
}

TEST(MessageName, refuses_two_pointers_that_chase_each_other) {
  const Bytes bytes = after_header().pointer(14).pointer(12);
  EXPECT_EQ(error_at(bytes, 12), Error::bad_pointer);
  EXPECT_EQ(error_at(bytes, 14), Error::bad_pointer);
}

TEST(MessageName, refuses_a_pointer_into_the_header) {
  for (unsigned target = 0; target < 12; ++target) {
    EXPECT_EQ(error_at(after_header().pointer(target), kBehindHeader), Error::bad_pointer);
  }
}

TEST(MessageName, refuses_labels_of_other_types) {
  EXPECT_EQ(error_at(after_header().u8(0x40).raw(std::string(64, 'x')).u8(0), 12),
            Error::bad_label);
  EXPECT_EQ(error_at(after_header().u8(0x80).u8(0), 12), Error::bad_label);
  EXPECT_EQ(error_at(after_header().u8(0xBF).u8(0), 12), Error::bad_label);
}

TEST(MessageName, refuses_a_name_without_an_end) {
  EXPECT_EQ(error_at(after_header().labels("www.example"), 12), Error::truncated);
  EXPECT_EQ(error_at(after_header().u8(5).raw("abc"), 12), Error::truncated);
  EXPECT_EQ(error_at(after_header().u8(0xC0), 12), Error::truncated);
  EXPECT_EQ(error_at(after_header(), 12), Error::truncated);
  EXPECT_EQ(error_at(after_header(), 60'000), Error::truncated);
}

TEST(MessageName, holds_255_octets_however_they_are_reached) {
  const std::string label(63, 'x');
  Bytes bytes = after_header();
  for (int i = 0; i < 3; ++i) bytes.labels(label);
  bytes.labels(std::string(59, 'y')).u8(0);  // 3 * 64 + 60 + 1 = 253 octets
  const unsigned longer = static_cast<unsigned>(bytes.size());
  bytes.labels("a").pointer(12);
  const unsigned too_long = static_cast<unsigned>(bytes.size());
  bytes.labels("bc").pointer(12);
  EXPECT_EQ(check_name(bytes.span(), longer)->wire_size, 255);
  EXPECT_EQ(error_at(bytes, too_long), Error::name_too_long);
}

TEST(MessageName, may_jump_as_often_as_it_has_labels) {
  Bytes bytes = after_header().u8(0);
  unsigned last = 12;
  for (size_t i = 0; i < limits::kPointerHops; ++i) {
    const unsigned at = static_cast<unsigned>(bytes.size());
    bytes.labels("a").pointer(last);
    last = at;
  }
  EXPECT_EQ(check_name(bytes.span(), last)->wire_size, 255);
  const unsigned at = static_cast<unsigned>(bytes.size());
  bytes.labels("a").pointer(last);
  EXPECT_EQ(error_at(bytes, at), Error::name_too_long);
}

TEST(MessageName, of_pointers_to_pointers_ends) {
  Bytes bytes = after_header().name("a");
  for (unsigned i = 0; i < 1'000; ++i) bytes.pointer(i == 0 ? 12 : 15 + 2 * (i - 1));
  EXPECT_EQ(text_at(bytes, bytes.size() - 2), "a.");
}

TEST(MessageName, where_compression_is_refused_has_no_pointer) {
  const Bytes bytes = after_header().name("a").labels("b").pointer(12);
  EXPECT_TRUE(check_name(bytes.span(), 12, Compression::refused));
  EXPECT_EQ(check_name(bytes.span(), 15, Compression::refused).error(), Error::bad_pointer);
}

TEST(MessageName, compares_without_expansion) {
  const Bytes bytes =
      after_header().name("www.example").name("WWW.Example").labels("mail").pointer(16);
  Effort effort;
  EXPECT_TRUE(equal_names_at(bytes.span(), 12, 25, effort));
  EXPECT_TRUE(equal_names_at(bytes.span(), 12, 12, effort));
  EXPECT_FALSE(equal_names_at(bytes.span(), 12, 38, effort));
  EXPECT_FALSE(equal_names_at(bytes.span(), 12, 16, effort));
  EXPECT_TRUE(equal_name_at(bytes.span(), 38, *Name::from_text("MAIL.example")));
  EXPECT_FALSE(equal_name_at(bytes.span(), 38, *Name::from_text("mail.example.com")));
  EXPECT_FALSE(equal_name_at(bytes.span(), 38, *Name::from_text("mail")));
}

TEST(MessageName, lies_at_or_below_its_ancestors) {
  const Bytes bytes = after_header().name("www.example").name("EXAMPLE").name("ample").name("");
  Effort effort;
  EXPECT_TRUE(at_or_below(bytes.span(), 12, 12, effort));
  EXPECT_TRUE(at_or_below(bytes.span(), 12, 25, effort));
  EXPECT_TRUE(at_or_below(bytes.span(), 12, 41, effort));
  EXPECT_FALSE(at_or_below(bytes.span(), 12, 34, effort));
  EXPECT_FALSE(at_or_below(bytes.span(), 25, 12, effort));
}

TEST(MessageName, compares_as_different_once_the_effort_is_used_up) {
  const Bytes bytes = after_header().name("a.b.c").name("a.b.c");
  Effort effort{.labels_left = 3};
  EXPECT_FALSE(equal_names_at(bytes.span(), 12, 19, effort));
  EXPECT_TRUE(effort.used_up());
  EXPECT_TRUE(equal_names_at(bytes.span(), 12, 12, effort));
  EXPECT_FALSE(at_or_below(bytes.span(), 12, 19, effort));
  effort = {.labels_left = 4};
  EXPECT_TRUE(equal_names_at(bytes.span(), 12, 19, effort));
}

}  // namespace
}  // namespace zonesweep::dns
