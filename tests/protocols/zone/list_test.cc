#include "protocols/zone/list.h"

#include <gtest/gtest.h>

#include <random>

#include "tests/protocols/zone/parse_text.h"

namespace zonesweep::zone {
namespace {

using testing::Parsed;

Parsed read(std::string_view text, size_t piece = SIZE_MAX, size_t names = 1'000) {
  ListParser parser;
  return testing::parse(parser, text, piece, names);
}

using Rows = std::vector<std::string>;

TEST(List, one_name_a_line_with_blanks_around_it_and_any_line_end) {
  EXPECT_EQ(read("a.com\n \tb.com \t\r\nc.com\r\nd.com").rows,
            (Rows{"a.com a.com.", "b.com b.com.", "c.com c.com.", "d.com d.com."}));
}

TEST(List, blank_lines_and_comments_are_counted_and_skipped) {
  const Parsed parsed = read("\n# one\n  \t\r\n  # two\na.com\n#");
  EXPECT_EQ(parsed.rows, (Rows{"a.com a.com."}));
  EXPECT_EQ(parsed.skipped, 5u);
}

TEST(List, a_byte_order_mark_is_no_part_of_the_first_name) {
  for (const size_t piece : {1, 2, 3, 100})
    EXPECT_EQ(read("\xef\xbb\xbf"
                   "a.com\n",
                   piece)
                  .rows,
              (Rows{"a.com a.com."}));
  EXPECT_EQ(read("\xef\xbb\xbf").rows, Rows{});
}

TEST(List, nothing_is_nothing) {
  EXPECT_EQ(read(""), Parsed{});
  EXPECT_EQ(read("\n").skipped, 1u);
}

TEST(List, a_line_over_4_KiB_is_one_illegal_row_and_the_next_line_is_fine) {
  const std::string exact(4'096, 'a');
  EXPECT_EQ(read(exact + "\nb.com\n").rows, (Rows{exact + " !label_too_long", "b.com b.com."}));
  for (const size_t size : {size_t{4'097}, size_t{300'000}, size_t{3'000'000}}) {
    const std::string text = "a.com\n" + std::string(size, 'x') + "\nb.com\n";
    EXPECT_EQ(read(text).rows,
              (Rows{"a.com a.com.", std::string(4'096, 'x') + " !line_too_long", "b.com b.com."}));
    EXPECT_EQ(read(text, 4'095), read(text));
  }
  const Parsed comment = read("#" + std::string(1'000'000, 'x') + "\nb.com\n", 1'000);
  EXPECT_EQ(comment.rows, (Rows{"b.com b.com."}));
  EXPECT_EQ(comment.skipped, 1u);
}

TEST(List, odd_bytes_make_their_line_illegal_and_no_other) {
  using namespace std::string_literals;
  EXPECT_EQ(read("a.com\nb\0.com\nc.com\n\xff\xfe.com\nd.com\n"s).rows,
            (Rows{"a.com a.com.", "b\0.com !not_a_name"s, "c.com c.com.", "\xff\xfe.com !bad_utf8",
                  "d.com d.com."}));
}

TEST(List, repeats_are_rows_of_their_own) {
  EXPECT_EQ(read("a.com\na.com\nA.com\n").rows.size(), 3u);
}

// Lines of every kind: what the plain way takes, what it must leave to the long way, and both near
// 64 bytes.
std::string random_list(std::mt19937& random, size_t lines) {
  static const std::vector<std::string> odd{"1.2.3.4",
                                            "::1",
                                            "a..b",
                                            ".",
                                            "..",
                                            ".a",
                                            "a.",
                                            "x_y.z",
                                            "*.a",
                                            "b\xc3\xbc"
                                            "cher.de",
                                            "a b",
                                            "# c",
                                            "",
                                            " ",
                                            "a@b.c",
                                            "http://a/",
                                            "\\.a",
                                            "a\\",
                                            "1.2",
                                            "1.2.3.4.",
                                            "xn--a.b",
                                            "\xff",
                                            "a\tb",
                                            "-",
                                            "_",
                                            "A.B.C.D.E.F",
                                            "a/b.arpa"};
  std::string text;
  for (size_t i = 0; i < lines; ++i) {
    if (random() % 8 == 0) text += random() % 2 != 0 ? " " : "\t";
    if (random() % 3 == 0) {
      text += odd[random() % odd.size()];
    } else {
      for (uint64_t n = random() % 70; n > 0; --n) text += "abcXYZ019-..."[random() % 13];
    }
    if (random() % 8 == 0) text += " ";
    text += random() % 8 == 0 ? "\r\n" : "\n";
  }
  return text;
}

TEST(List, the_same_rows_come_out_however_the_text_is_cut_and_scanned) {
  for (uint32_t seed = 0; seed < 50; ++seed) {
    std::mt19937 random(seed);
    const std::string text = random_list(random, 300);
    const Parsed whole = read(text);
    ListParser portable(classify_portable);
    EXPECT_EQ(testing::parse(portable, text), whole) << seed;
    ListParser pieces;
    EXPECT_EQ(testing::parse(
                  pieces, text, [&] { return random() % 130 + 1; }, 7),
              whole)
        << seed;
    EXPECT_EQ(read(text, 1, 1), whole) << seed;
    // Line by line nothing can be plain but by its own merit.
    Parsed lines;
    for (size_t at = 0; at < text.size();) {
      const size_t end = text.find('\n', at) + 1;
      const Parsed one = read("\n" + text.substr(at, end - at) + std::string(64, ' '));
      lines.rows.insert(lines.rows.end(), one.rows.begin(), one.rows.end());
      at = end;
    }
    EXPECT_EQ(lines.rows, whole.rows) << seed;
  }
}

TEST(List, the_plain_way_gives_what_the_name_reader_gives) {
  std::mt19937 random(7);
  NameReader reader;
  for (int i = 0; i < 20'000; ++i) {
    std::string name;
    for (uint64_t n = 1 + random() % 63; n > 0; --n) name += "ab0-_.*."[random() % 8];
    NameBlock block;
    Counts counts;
    Output out{block, 1, 0};
    reader.append(name, out, counts);
    std::string want = name + " !" + std::string(name_of(block.names[0].reason));
    if (block.names[0].wire_size != 0)
      want = name + " " + testing::wire_text(block.wire(block.names[0]));
    if (block.names[0].kind == InputName::Kind::address) want += " address";
    EXPECT_EQ(read(name + "\n").rows, (Rows{want}));
  }
}

}  // namespace
}  // namespace zonesweep::zone
