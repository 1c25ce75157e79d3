#include "protocols/zone/csv.h"

#include <gtest/gtest.h>

#include <chrono>
#include <random>

#include "tests/protocols/zone/parse_text.h"

namespace zonesweep::zone {
namespace {

using testing::inputs;
using testing::Parsed;
using Names = std::vector<std::string>;

Parsed read(std::string_view text, CsvOptions options = {}, size_t piece = SIZE_MAX,
            size_t names = 1'000'000) {
  CsvParser parser(std::move(options));
  return testing::parse(parser, text, piece, names);
}

TEST(Csv, the_column_is_found_by_its_header) {
  EXPECT_EQ(inputs(read("rank,domain\n1,a.com\n2,b\n")), (Names{"a.com", "b"}));
  EXPECT_EQ(inputs(read("Rank;FQDN\n1;a.com\n")), (Names{"a.com"}));
  EXPECT_EQ(inputs(read("url\thostname\nhttp://x\ta.com\n")), (Names{"a.com"}));
  EXPECT_EQ(inputs(read("domain\na.com\n")), (Names{"a.com"}));
  EXPECT_EQ(inputs(read("\"Rank\",\"Domain\"\r\n\"1\",\"a.com\"\r\n")), (Names{"a.com"}));
  EXPECT_EQ(inputs(read("name,domain\nAlpha,a.com\n")), (Names{"a.com"}));
}

TEST(Csv, without_a_header_it_is_the_first_that_looks_like_names) {
  EXPECT_EQ(inputs(read("1,google.com\n2,facebook.com\n")), (Names{"google.com", "facebook.com"}));
  EXPECT_EQ(inputs(read("1.5,google.com\n2.5,facebook.com")),
            (Names{"google.com", "facebook.com"}));
  EXPECT_EQ(inputs(read("192.0.2.1,a.com\n192.0.2.2,b.com\n")), (Names{"a.com", "b.com"}));
  EXPECT_EQ(inputs(read("x,192.0.2.1\ny,192.0.2.2\n")), (Names{"192.0.2.1", "192.0.2.2"}));
  EXPECT_EQ(inputs(read("GlobalRank,Site\n1,a.com\n2,b.com\n")), (Names{"a.com", "b.com"}));
  EXPECT_EQ(read("1,x\n2,y\n").error,
            "cannot tell which column holds the names; say so with --column N or --column NAME");
}

TEST(Csv, the_column_may_be_given_by_number_or_name) {
  const std::string_view text = "a.com,b.com,c.com\nd.com,e.com,f.com\n";
  EXPECT_EQ(inputs(read(text, {.column = "2"})), (Names{"b.com", "e.com"}));
  EXPECT_EQ(inputs(read(text, {.column = "C.COM"})), (Names{"f.com"}));
  EXPECT_EQ(inputs(read(text, {.column = "1", .header = true})), (Names{"d.com"}));
  EXPECT_EQ(inputs(read("h1,h2\nx,y\n", {.column = "2", .header = false})), (Names{"h2", "y"}));
  EXPECT_EQ(inputs(read("a.com\nb.com\n", {.column = "1"})), (Names{"a.com", "b.com"}));
  EXPECT_EQ(read(text, {.column = "none"}).error,
            "there is no column 'none'; the header has: a.com, b.com, c.com");
  EXPECT_EQ(read(text, {.column = "0"}).error,
            "there is no column 0; columns count from 1 to 1024");
  EXPECT_EQ(read(text, {.column = "x", .header = false}).error,
            "without a header a column has only a number: --column N");
}

TEST(Csv, quotes_hold_separators_newlines_and_quotes) {
  EXPECT_EQ(read("note,domain\n\"a, b\",a.com\n\"two\nlines\",b.com\n\"say \"\"x\"\"\",\"c.com\"\n "
                 "\"d\" , \"e.com\" \n")
                .rows,
            (Names{"a.com a.com.", "b.com b.com.", "c.com c.com.", "e.com e.com."}));
  EXPECT_EQ(read("domain\n\"a\"\"b.com\"\n").rows, (Names{"a\"b.com !not_a_name"}));
  EXPECT_EQ(read("domain\n\"a.com\nb.com\"\n").rows, (Names{"a.com\nb.com !not_a_name"}));
  EXPECT_EQ(read("x,domain\n5\" disk,a.com\n").rows, (Names{"a.com a.com."}));
}

TEST(Csv, every_row_is_a_row) {
  const Parsed parsed = read(
      "# made today\nrank,domain\n1,a.com\n2\n3,\n\n4, b.com "
      ",more\n5,http://c.com/\n6,b\u00fc.de\n");
  EXPECT_EQ(parsed.rows, (Names{"a.com a.com.", "2 !missing_column", "3, !missing_column",
                                "b.com b.com.", "http://c.com/ !url", "b\u00fc.de xn--b-eha.de."}));
  EXPECT_EQ(parsed.skipped, 3u);
}

TEST(Csv, a_quote_that_does_not_close_costs_its_own_line_only) {
  EXPECT_EQ(read("rank,domain\n1,a.com\n2,\"b.com\n3,c.com\n").rows,
            (Names{"a.com a.com.", "2,\"b.com !bad_quotes", "c.com c.com."}));
  EXPECT_EQ(read("rank,domain\n\"1\"x,a.com\n2,b.com\n").rows,
            (Names{"\"1\"x,a.com !bad_quotes", "b.com b.com."}));
  std::string text = "rank,domain\n1,\"open.com\n";
  for (int i = 0; i < 20'000; ++i) text += "2,n" + std::to_string(i) + ".com\n";
  const Parsed parsed = read(text);
  EXPECT_EQ(parsed.rows.size(), 20'001u);
  EXPECT_EQ(parsed.rows[0], "1,\"open.com !bad_quotes");
  EXPECT_EQ(parsed.rows[1], "n0.com n0.com.");
  EXPECT_EQ(read(text, {}, 1'000, 7), parsed);
}

TEST(Csv, rows_without_end_are_one_illegal_row_in_fixed_memory) {
  const std::string text = "rank,domain\n1,a.com\n2," + std::string(1'000'000, 'x') +
                           "\n3,c.com\n4,\"" + std::string(10'000, 'y') + "\"\n5,e.com\n";
  const Parsed parsed = read(text);
  ASSERT_EQ(parsed.rows.size(), 5u);
  EXPECT_EQ(parsed.rows[1], ("2," + std::string(4'094, 'x') + " !line_too_long"));
  EXPECT_EQ(parsed.rows[2], "c.com c.com.");
  EXPECT_EQ(parsed.rows[3], std::string(4'096, 'y') + " !line_too_long");
  EXPECT_EQ(read(text, {}, 777, 1), parsed);
}

TEST(Csv, stray_quotes_everywhere_still_take_linear_time) {
  std::string text = "rank,domain\n";
  for (int i = 0; i < 200'000; ++i) text += i % 3 == 0 ? "\"x\n" : "\"\"\n";
  const auto start = std::chrono::steady_clock::now();
  EXPECT_GT(read(text).rows.size(), 0u);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(5));
}

TEST(Csv, the_same_rows_come_out_however_the_text_is_cut) {
  for (uint32_t seed = 0; seed < 300; ++seed) {
    std::mt19937 random(seed);
    std::string text = "rank,domain\n1,first.com\n";
    for (int i = 0; i < 40; ++i) {
      for (uint64_t n = random() % 12; n > 0; --n) text += "ab.,\"\"\n \r\t#"[random() % 11];
      text += random() % 4 == 0 ? "\n" : ",x.com\n";
    }
    const Parsed whole = read(text, {.column = "domain"});
    CsvParser pieces({.column = "domain"});
    EXPECT_EQ(testing::parse(
                  pieces, text, [&] { return 1 + random() % 60; }, 3),
              whole)
        << seed << '\n'
        << text;
    EXPECT_EQ(read(text, {.column = "domain"}, 1, 1), whole) << seed << '\n' << text;
  }
}

TEST(Csv, an_empty_file_has_no_rows_and_no_error) {
  EXPECT_EQ(read(""), Parsed{});
  EXPECT_EQ(read("\xef\xbb\xbf"
                 "rank,domain\n1,a.com")
                .rows,
            (Names{"a.com a.com."}));
}

}  // namespace
}  // namespace zonesweep::zone
