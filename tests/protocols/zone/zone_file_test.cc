#include "protocols/zone/zone_file.h"

#include <gtest/gtest.h>

#include <chrono>

#include "tests/protocols/zone/parse_text.h"

namespace zonesweep::zone {
namespace {

using testing::inputs;
using testing::Parsed;
using Names = std::vector<std::string>;

Parsed read(std::string_view text, const std::string& origin = "", size_t piece = SIZE_MAX,
            size_t names = 1'000'000) {
  ZoneParser parser({.origin = origin, .key = 42});
  return testing::parse(parser, text, piece, names);
}

constexpr std::string_view kHead =
    "$ORIGIN com.\n$TTL 1d\n@ IN SOA a.gtld-servers.net. host.example. 1 2 3 4 5\n@ NS "
    "a.gtld-servers.net.\n";

Parsed below_com(std::string_view text) { return read(std::string(kHead) + std::string(text)); }

TEST(ZoneFile, owners_of_ns_below_the_apex_are_the_names_each_once) {
  const Parsed parsed = below_com(
      "example NS ns1.example\nexample NS ns2.example\nexample.com. IN NS ns3.example\n"
      "EXAMPLE ns ns4.example\nOther.com. 172800 in ns ns1\n\tns ns2.other\n");
  EXPECT_EQ(parsed.rows, (Names{"example.com. example.com.", "Other.com. Other.com."}));
  EXPECT_EQ(parsed.error, "");
}

TEST(ZoneFile, glue_ds_rrsig_nsec_txt_and_the_apex_are_no_names) {
  const Parsed parsed = below_com(
      "ns1.foo A 192.0.2.1\nns1.foo 3600 IN AAAA 2001:db8::1\nfoo DS 1 13 2 00AA\nfoo RRSIG NS 13 "
      "2 1 2 3 4 com. AAAA\n"
      "foo NSEC3 1 1 0 - AAAA NS\nfoo NSEC g NS RRSIG\ncom. NS b.gtld-servers.net.\n@ TXT \"NS "
      "NS\"\nfoo NS x.\n");
  EXPECT_EQ(inputs(parsed), (Names{"foo.com."}));
}

TEST(ZoneFile, ttl_and_class_stand_in_either_order_or_not_at_all_in_any_case) {
  const Parsed parsed = below_com(
      "a 1 IN NS x.\nb IN 1 NS x.\nc 1 NS x.\nd IN NS x.\ne NS x.\nf 1w2d3h4m5s in nS x.\ng CLASS1 "
      "TYPE2 \\# 3 017800\n"
      "\t 1 IN NS x.\nh\t1\tin\tns\tx.\r\n");
  EXPECT_EQ(inputs(parsed), (Names{"a.com.", "b.com.", "c.com.", "d.com.", "e.com.", "f.com.",
                                   "g.com.", "h.com."}));
}

TEST(ZoneFile, an_omitted_owner_is_that_of_the_record_before) {
  const Parsed parsed =
      below_com("a A 1.2.3.4\n  NS x.\n\n; comment\n  NS y.\nb\\.c A 1.2.3.4\n 60 NS x.\n");
  EXPECT_EQ(parsed.rows, (Names{"a.com. a.com.", "b\\.c.com. b\\046c.com."}));
  EXPECT_EQ(read(" NS x.\n", "com").error, "a record without an owner, and none before it");
}

TEST(ZoneFile, an_omitted_owner_keeps_the_origin_it_was_read_under) {
  EXPECT_EQ(
      inputs(below_com(
          "a A 1.2.3.4\n$ORIGIN org.\n  NS x.\na NS x.\n$ORIGIN sub.com.\na NS x.\n  NS y.\n")),
      (Names{"a.com.", "a.sub.com."}));
}

TEST(ZoneFile, origins_may_be_relative_absolute_root_and_at) {
  const Parsed parsed = read(
      "$ORIGIN .\ncom SOA a. b. 1 2 3 4 5\ncom NS x.\n$ORIGIN com\nfoo NS x.\n$ORIGIN sub.foo\n@ "
      "NS x.\nbar NS x.\n$ORIGIN @\nbaz NS x.\n");
  EXPECT_EQ(inputs(parsed),
            (Names{"foo.com.", "sub.foo.com.", "bar.sub.foo.com.", "baz.sub.foo.com."}));
}

TEST(ZoneFile, parentheses_join_lines_and_comments_end_them) {
  const Parsed parsed = below_com(
      "a ( NS\n x. ) ; done\n(\nb NS x. )\nc (60 (IN) NS\n; ( not counted \"\n x. )\n\"d\" A "
      "1.2.3.4");
  EXPECT_EQ(inputs(parsed), (Names{"a.com.", "b.com.", "c.com."}));
  EXPECT_EQ(parsed.error, "a name in quotes; write odd characters as escapes");
  EXPECT_EQ(parsed.error_line, 12u);
}

TEST(ZoneFile, escapes_stand_for_octets_and_the_text_is_kept) {
  const Parsed parsed =
      below_com("a\\.b NS x.\na\\046b NS x.\n\\@ NS x.\nw\\032x NS x.\n\\300 NS x.\n");
  EXPECT_EQ(parsed.rows,
            (Names{"a\\.b.com. a\\046b.com.", "\\@.com. \\064.com.", "w\\032x.com. w\\032x.com."}));
  EXPECT_EQ(parsed.duplicates, 1u);
  EXPECT_EQ(parsed.error_line, 9u);
}

TEST(ZoneFile, names_outside_the_apex_are_counted_and_left_out) {
  const Parsed parsed = below_com("a.net. NS x.\nxcom. NS x.\nb NS x.\nexample\\.com. NS x.\n");
  EXPECT_EQ(inputs(parsed), (Names{"b.com."}));
  EXPECT_EQ(parsed.out_of_zone, 3u);
}

TEST(ZoneFile, without_a_soa_the_apex_is_the_origin) {
  EXPECT_EQ(inputs(read("$ORIGIN com.\n@ NS x.\na NS x.\nb.net. NS x.\n")),
            (Names{"a.com.", "b.net."}));
  EXPECT_EQ(inputs(read("com. NS x.\na NS x.\n", "com")), (Names{"a.com."}));
}

TEST(ZoneFile, without_soa_and_origin_the_first_ns_owner_is_the_apex_if_the_second_lies_below) {
  EXPECT_EQ(inputs(read("com. NS x.\ncom. NS y.\na.com. NS x.\nb.com. NS x.\n")),
            (Names{"a.com.", "b.com."}));
  EXPECT_EQ(inputs(read("a.com. NS x.\na.com. NS y.\nb.com. NS x.\n")),
            (Names{"a.com.", "b.com."}));
  EXPECT_EQ(inputs(read("a.com. NS x.\na.com. NS y.\n")), (Names{"a.com."}));
  EXPECT_EQ(inputs(read("com. NS x.\ncom. SOA a. b. 1 2 3 4 5\na.com. NS x.\n")),
            (Names{"a.com."}));
}

TEST(ZoneFile, two_zones_in_one_file_have_two_apexes) {
  EXPECT_EQ(inputs(below_com("a NS x.\n$ORIGIN net.\n@ SOA a. b. 1 2 3 4 5\n@ NS x.\nb NS x.\n")),
            (Names{"a.com.", "b.net."}));
}

TEST(ZoneFile, a_relative_name_without_an_origin_says_what_to_do) {
  const Parsed parsed = read("a.com. NS x.\nb NS x.\n");
  EXPECT_EQ(inputs(parsed), (Names{"a.com."}));
  EXPECT_EQ(parsed.error, "'b' is relative and there is no $ORIGIN; give one with --origin");
  EXPECT_EQ(parsed.error_line, 2u);
}

TEST(ZoneFile, include_is_refused) {
  const Parsed parsed = below_com("a NS x.\n$INCLUDE /etc/passwd\nb NS x.\n");
  EXPECT_EQ(inputs(parsed), (Names{"a.com."}));
  EXPECT_TRUE(parsed.error.starts_with("$INCLUDE is off")) << parsed.error;
  EXPECT_EQ(parsed.error_line, 6u);
}

struct Malformed {
  std::string_view text;
  std::string_view error;
  uint64_t line = 5;
};

TEST(ZoneFile, malformed_text_is_an_error_with_its_line_after_the_names_before) {
  using namespace std::string_view_literals;
  const std::string long_label = std::string(64, 'a') + " NS x.\n";
  const std::string long_name = std::string(60, 'a') + '.' + std::string(60, 'a') + '.' +
                                std::string(60, 'a') + '.' + std::string(60, 'a') +
                                ".123456 NS x.\n";
  const std::string parentheses = "a NS (" + std::string(1'000'000, '(');
  const std::string big_text = "a TXT " + std::string(300, 'x') + "\n";
  std::string many_texts = "a TXT";
  for (int i = 0; i < 300; ++i) many_texts += " \"" + std::string(250, 'x') + "\"";
  many_texts += '\n';
  const std::vector<Malformed> table{
      {"a\n", "a record without a type"},
      {"a IN\n", "a record without a type"},
      {"a NS\n", "no data behind NS"},
      {"a NS x. y.\n", "more than one word behind NS"},
      {"a WHAT x\n", "'WHAT' is no record type (a new one is written TYPEnnn)"},
      {"a TYPE65536 x\n", "'TYPE65536' is no record type (a new one is written TYPEnnn)"},
      {"a IN IN NS x.\n", "'IN' is no record type (a new one is written TYPEnnn)"},
      {"a 1 1 NS x.\n", "'1' is no record type (a new one is written TYPEnnn)"},
      {"a 4294967296 NS x.\n", "'4294967296' is no TTL"},
      {"a 1x NS x.\n", "'1x' is no TTL"},
      {"$TTL 99999999999\n", "'99999999999' is no TTL"},
      {"$TTL\n", "$TTL needs one word behind it"},
      {"$ORIGIN a b\n", "$ORIGIN needs one word behind it"},
      {"$WHAT a\n", "unknown directive '$WHAT'"},
      {"a..b NS x.\n", "'a..b' is no name: an empty label"},
      {".a NS x.\n", "'.a' is no name: an empty label"},
      {".. NS x.\n", "'..' is no name: an empty label"},
      {long_label,
       "'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa' is no name: a label "
       "over 63 octets"},
      {long_name,
       "'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.aaaaaaaaaaaaaaaaaaa...' is "
       "no name: over 255 octets"},
      {"a\\999 NS x.\n", "bad escape '\\999': \\000 to \\255, or \\ and a character"},
      {"a\\25 NS x.\n", "bad escape '\\25 ': \\000 to \\255, or \\ and a character"},
      {"a\\\n", "'\\' at the end of a line or before a control byte"},
      {"a TXT \"x\ny\"\n", "a quote is not closed on its line"},
      {"a TXT \"x", "a quote is not closed on its line"},
      {"a NS ( x.\n; more\n", "'(' is never closed"},
      {"b A 1.2.3.4\na (\n NS (\n x. )\n\n", "'(' is never closed", 6},
      {"a NS x. )\n", "')' without '('"},
      {parentheses, "too many open parentheses"},
      {"a\0b NS x.\n"sv, "control byte 0x00; write it as an escape, \\DDD"},
      {"a TXT \"\x1b[0m\"\n", "control byte 0x1b; write it as an escape, \\DDD"},
      {big_text, "a character-string of more than 255 octets"},
      {many_texts, "a record with more than 65,535 octets of data"},
      {"$GENERATE 1-2 a$\n", "$GENERATE needs a range, an owner, a type and data"},
      {"$GENERATE 2-1 a$ NS x.\n",
       "'2-1' is no range for $GENERATE: start-stop or start-stop/step"},
      {"$GENERATE 1-2/0 a$ NS x.\n",
       "'1-2/0' is no range for $GENERATE: start-stop or start-stop/step"},
      {"$GENERATE 0-4294967295 a$ NS x.\n",
       "'0-4294967295' is no range for $GENERATE: start-stop or start-stop/step"},
      {"$GENERATE 0-2147483647 a$ NS x.\n",
       "$GENERATE makes more than 10000000 records in this file"},
  };
  for (const Malformed& bad : table) {
    const Parsed parsed = below_com(bad.text);
    EXPECT_EQ(parsed.error, bad.error) << bad.text.substr(0, 100);
    EXPECT_EQ(parsed.error_line, bad.line) << bad.text.substr(0, 100);
    const Parsed after_name = below_com("good NS x.\n" + std::string(bad.text));
    EXPECT_EQ(inputs(after_name), (Names{"good.com."})) << bad.text.substr(0, 100);
    EXPECT_EQ(after_name.error_line, bad.line + 1);
    EXPECT_EQ(read(std::string(kHead) + std::string(bad.text), "", 50), parsed)
        << bad.text.substr(0, 100);
  }
}

TEST(ZoneFile, generate_follows_bind) {
  const Parsed parsed = below_com(
      "$GENERATE 8-10 b${0,3,d} NS x.\n$GENERATE 254-256/2 c${-2,4,x}-${1,0,X}-${0,5,o} 60 IN NS "
      "x.\n"
      "$GENERATE 17-17 ${0,5,n}.d NS x.\n$GENERATE 171-171 ${0,1,N}.g IN NS x.\n$GENERATE 1-1 x$$y "
      "NS x.\n"
      "$GENERATE 1-1 z\\$ NS x.\n$GENERATE 1-2 e${-5,4} NS x.\n$GENERATE 1-1 f${-5,4,x} NS "
      "x.\n$GENERATE 1-3 h$ A 192.0.2.$\n"
      "$GENERATE 0-1 $ NS x.\n  NS y.\n");
  EXPECT_EQ(inputs(parsed),
            (Names{"b008.com.", "b009.com.", "b010.com.", "c00fc-FF-00376.com.",
                   "c00fe-101-00400.com.", "1.1.0.d.com.", "B.A.g.com.", "x$y.com.", "z\\$.com.",
                   "e-004.com.", "e-003.com.", "ffffffffc.com.", "0.com.", "1.com."}));
  EXPECT_EQ(parsed.error, "");
}

TEST(ZoneFile, ten_million_generated_records_are_the_limit_of_a_file_not_of_a_line) {
  std::string text;
  for (int i = 0; i < 10; ++i) text += "$GENERATE 1-1000000 a$ A 192.0.2.1\n";
  EXPECT_EQ(below_com(text).error, "");
  EXPECT_EQ(below_com(text + "$GENERATE 1-1 a$ A 192.0.2.1\n").error_line, 15u);
}

TEST(ZoneFile, generated_names_stop_and_go_on_at_any_block_size) {
  const std::string text = std::string(kHead) + "$GENERATE 1-1000 a$ NS x.\nb NS x.\n";
  const Parsed whole = read(text);
  EXPECT_EQ(whole.rows.size(), 1'001u);
  for (const size_t names : {1, 2, 16, 17, 100})
    EXPECT_EQ(read(text, "", 64, names), whole) << names;
}

TEST(ZoneFile, comments_of_any_length_are_passed_over_in_fixed_memory) {
  const std::string comment = "; " + std::string(5'000'000, '(') + "\n";
  const Parsed parsed = read(
      std::string(kHead) + comment + "a NS x.\n" + comment + "b NS ( ; short\n x. )\n", "", 10'000);
  EXPECT_EQ(inputs(parsed), (Names{"a.com.", "b.com."}));
  EXPECT_EQ(parsed.skipped, 2u);
}

TEST(ZoneFile, a_record_may_have_one_mebibyte_and_no_more) {
  const auto record = [](size_t bytes) {
    return "a NS (" + std::string(bytes - 11, ' ') + "x. )\n";
  };
  EXPECT_EQ(read(record(1'048'576), "com", 4'096).error, "");
  EXPECT_EQ(read(record(1'048'577), "com", 4'096).error, "a record of more than 1 MiB");
  EXPECT_EQ(read(record(1'048'577), "com").error, "a record of more than 1 MiB");
  EXPECT_EQ(read(record(3'000'000), "com").error, "a record of more than 1 MiB");
}

TEST(ZoneFile, an_unfinished_record_in_small_pieces_takes_linear_time) {
  const std::string text = std::string(kHead) + "a NS (" + std::string(1'000'000, '\n');
  const auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(read(text, "", 16).error, "'(' is never closed");
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(5));
}

TEST(ZoneFile, repeats_far_apart_are_found_while_the_table_reaches) {
  std::string text(kHead);
  for (int i = 0; i < 20'000; ++i) text += "name" + std::to_string(i) + " NS x.\n";
  const std::string twice = text + text.substr(kHead.size());
  const Parsed parsed = read(twice, "", 1'000, 333);
  EXPECT_EQ(parsed.rows.size(), 20'000u);
  EXPECT_EQ(parsed.duplicates, 20'000u);
}

TEST(ZoneFile, an_empty_or_commented_out_zone_has_no_names) {
  EXPECT_EQ(read("").rows, Names{});
  EXPECT_EQ(read("; nothing\n").rows, Names{});
  EXPECT_EQ(read("\xef\xbb\xbf$ORIGIN com.\na NS x.", "", 1).rows, (Names{"a.com. a.com."}));
}

}  // namespace
}  // namespace zonesweep::zone
