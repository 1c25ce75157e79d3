// The pieces that turn rows back into answers: damaged text gives nothing, and never harm.
#include <gtest/gtest.h>

#include <string>

#include "tools/json_cursor.h"
#include "tools/rdata_text.h"

namespace zonesweep::tools {
namespace {

using std::string_literals::operator""s;

TEST(RdataText, is_read_back_as_dig_prints_it) {
  EXPECT_EQ(rdata_from_text(1, "192.0.2.1"), "\xc0\0\2\1"s);
  EXPECT_EQ(rdata_from_text(28, "2001:db8::1"), "\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1"s);
  EXPECT_EQ(rdata_from_text(15, "10 mx.example."), "\0\12\2mx\7example\0"s);
  EXPECT_EQ(rdata_from_text(16, R"("a \"b\" \\" "\255\000")"), "\7a \"b\" \\\2\xff\0"s);
  EXPECT_EQ(rdata_from_text(16, R"("")"), "\0"s);
  EXPECT_EQ(rdata_from_text(257, R"(0 issue "ca.test")"), "\0\5issueca.test"s);
  EXPECT_EQ(rdata_from_text(43, "60485 5 1 2BB1 83AF"), "\xec\x45\5\1\x2b\xb1\x83\xaf"s);
  EXPECT_EQ(rdata_from_text(65280, R"(\# 3 0a0b 0c)"), "\x0a\x0b\x0c"s);
  EXPECT_EQ(rdata_from_text(65280, R"(\# 0)"), ""s);
  EXPECT_EQ(rdata_from_text(6, "a. b. 1 2 3 4 5"),
            "\1a\0\1b\0\0\0\0\1\0\0\0\2\0\0\0\3\0\0\0\4\0\0\0\5"s);
}

TEST(RdataText, that_is_malformed_or_unknown_gives_nothing) {
  for (const char* text : {"", "192.0.2", "192.0.2.1 x", "::1"})
    EXPECT_FALSE(rdata_from_text(1, text)) << text;
  for (const char* text : {"", "10", "65536 a.", "10 a..b", "-1 a."})
    EXPECT_FALSE(rdata_from_text(15, text)) << text;
  for (const char* text : {"", "a", "\"a", "\"a\\", "\"a\\25", "\"a\\999\""})
    EXPECT_FALSE(rdata_from_text(16, text)) << text;
  EXPECT_FALSE(rdata_from_text(16, '"' + std::string(256, 'x') + '"'));
  for (const char* text : {"\\# ", "\\# 2 00", "\\# 1 0", "\\# 1 zz"})
    EXPECT_FALSE(rdata_from_text(65280, text)) << text;
  EXPECT_FALSE(rdata_from_text(64, "1 . alpn=\"h2\""));
}

// What a reader of rows does: all members of all depths.
bool read_all(std::string_view text) {
  JsonCursor in(text);
  std::string key;
  for (in.begin('{'); in.member(key);) {
    if (key == "list") {
      for (in.begin('['); in.item();) (void)in.string();
    } else if (key == "n") {
      (void)in.number();
    } else if (key == "yes") {
      (void)in.boolean();
    } else {
      in.skip();
    }
  }
  return in.ok();
}

TEST(JsonCursor, reads_what_is_there_and_skips_the_rest) {
  JsonCursor in(
      R"({"a":{"b":[1,{"c":"]}"}],"d":null},"n":42, "list":["x\n\u00e9","\\\""],"e":-1.5,"yes":true})");
  std::string key;
  std::string seen;
  for (in.begin('{'); in.member(key);) {
    if (key == "list") {
      for (in.begin('['); in.item();) seen += in.string();
    } else if (key == "n") {
      seen += std::to_string(in.number());
    } else if (key == "yes") {
      seen += in.boolean() ? "yes" : "no";
    } else {
      in.skip();
    }
  }
  EXPECT_TRUE(in.ok());
  EXPECT_EQ(seen, "42x\n\u00e9\\\"yes");
}

TEST(JsonCursor, cut_or_changed_text_ends_in_an_error_or_in_less) {
  const std::string text =
      R"({"a":{"b":[1,{"c":"]}"}]},"n":42,"list":["x\u00e9","y"],"yes":false,"z":[]})";
  EXPECT_TRUE(read_all(text));
  for (size_t cut = 0; cut < text.size(); ++cut) EXPECT_FALSE(read_all(text.substr(0, cut)));
  for (size_t at = 0; at < text.size(); ++at) {
    for (const char c : {'"', '{', '}', '[', ']', ',', ':', '\\', '0', '\0'}) {
      std::string changed = text;
      changed[at] = c;
      (void)read_all(changed);
    }
  }
  EXPECT_FALSE(read_all(std::string(100'000, '[')));
  EXPECT_FALSE(read_all("{\"a\":" + std::string(100'000, '[')));
}

}  // namespace
}  // namespace zonesweep::tools
