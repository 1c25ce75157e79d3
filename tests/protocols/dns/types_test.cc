#include "protocols/dns/types.h"

#include <gtest/gtest.h>

namespace zonesweep::dns {
namespace {

template <typename Append>
std::string text(Append append, uint16_t number) {
  std::string out;
  append(number, out);
  return out;
}

TEST(Types, are_read_in_any_case_and_as_numbers) {
  EXPECT_EQ(type_from_text("aaaa"), type::kAaaa);
  EXPECT_EQ(type_from_text("Nsec3Param"), type::kNsec3param);
  EXPECT_EQ(type_from_text("NSAP-PTR"), type::kNsapPtr);
  EXPECT_EQ(type_from_text("TYPE1"), type::kA);
  EXPECT_EQ(type_from_text("type65535"), 65535);
  EXPECT_EQ(type_from_text("ANY"), type::kAny);
}

TEST(Types, that_are_none_are_refused) {
  for (const char* word :
       {"", "TYPE", "TYPE65536", "TYPE-1", "TYPE1x", "1", "AA", "A ", "TYPE 1"}) {
    EXPECT_FALSE(type_from_text(word)) << word;
  }
}

TEST(Types, survive_the_way_to_text_and_back) {
  for (unsigned number = 0; number <= 0xFFFF; ++number) {
    ASSERT_EQ(type_from_text(text(append_type_text, static_cast<uint16_t>(number))), number);
  }
  EXPECT_EQ(text(append_type_text, 65280), "TYPE65280");
  EXPECT_EQ(type_mnemonic(65280), "");
}

TEST(Types, that_ask_for_transfers_or_transactions_are_no_questions) {
  for (const uint16_t number :
       {uint16_t{0}, type::kOpt, type::kTsig, type::kTkey, type::kAxfr, type::kIxfr}) {
    EXPECT_FALSE(is_question_type(number)) << number;
  }
  for (const uint16_t number : {type::kA, type::kAny, type::kHttps, uint16_t{65280}}) {
    EXPECT_TRUE(is_question_type(number)) << number;
  }
}

TEST(Classes, have_words) {
  EXPECT_EQ(text(append_class_text, klass::kIn), "IN");
  EXPECT_EQ(text(append_class_text, 7), "CLASS7");
  EXPECT_EQ(class_from_text("ch"), klass::kChaos);
  EXPECT_EQ(class_from_text("CLASS255"), klass::kAny);
}

TEST(Rcodes, have_words_up_to_twelve_bits) {
  EXPECT_EQ(rcode_name(rcode::kNxDomain), "NXDOMAIN");
  EXPECT_EQ(rcode_name(rcode::kBadCookie), "BADCOOKIE");
  EXPECT_EQ(text(append_rcode_text, 4095), "RCODE4095");
  EXPECT_EQ(extended_error_name(22), "No Reachable Authority");
  EXPECT_EQ(extended_error_name(9999), "");
}

}  // namespace
}  // namespace zonesweep::dns
