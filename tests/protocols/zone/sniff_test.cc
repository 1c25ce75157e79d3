#include "protocols/zone/sniff.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

#include "tests/protocols/zone/compress.h"

namespace zonesweep::zone {
namespace {

std::string_view kind(std::string_view text) {
  const auto format = format_of(text, true);
  if (!format) return format.error();
  switch (*format) {
    case Format::list: return "list";
    case Format::csv: return "csv";
    case Format::zone: return "zone";
  }
  return "?";
}

TEST(Sniff, zones) {
  for (const std::string_view text :
       {"; comment\n", "$ORIGIN com.\n", "$TTL 1d\n", "$ttl 60\n", "$generate 1-2 a$ NS x.\n",
        "$INCLUDE x\n", "com. 900 in soa a. b. 1 2 3 4 5\n",
        "com.\t172800\tin\tns\ta.gtld-servers.net.\n", "@ IN SOA a. b. (\n", "EXAMPLE NS NS1.FOO\n",
        "example.com. IN 60 A 192.0.2.1\n", "a TYPE65280 \\# 0\n", "\n\n  \na NS b\n",
        "\xef\xbb\xbf$ORIGIN com.\n", "# odd\n$TTL 1\n", "a 1w2d IN NS x"}) {
    EXPECT_EQ(kind(text), "zone") << text;
  }
}

TEST(Sniff, lists) {
  for (const std::string_view text :
       {"", "\n", "example.com\n", "example.com", "# a, b\nexample.com\n", "a b\n", "ns\n", "mx\n",
        "a NS\n", "$x\n", "a what b\n", "a,b\nc.com\nd.com\n", "1.2.3.4\n", "::1\n", "http://a/\n",
        "domains\n", "a\0b.com\nc.com\nd.com\ne.com\n",
        "b\xfc"
        "cher.de\nexample.com\n"}) {
    EXPECT_EQ(kind(text), "list") << text;
  }
}

TEST(Sniff, csv) {
  for (const std::string_view text :
       {"rank,domain\n1,a.com\n", "1,a.com\n2,b.com\n", "1;a.com\n", "1\ta.com\n2\tb.com\n",
        "domain\na.com\n", "FQDN\r\na.com\n", "\"a.com\"\n", "rank,domain\n1\n2\n3\n",
        "#x\n1,a.com\n", "\xef\xbb\xbfrank,domain\n"}) {
    EXPECT_EQ(kind(text), "csv") << text;
  }
}

TEST(Sniff, what_is_no_text_says_what_to_do) {
  EXPECT_EQ(kind("\xff\xfe"
                 "a\0.\0c\0"),
            "UTF-16 text; convert it first: iconv -f UTF-16 -t UTF-8");
  EXPECT_EQ(kind("BZh91AY"), "bzip2 data; pipe it: bzcat FILE | zonesweep scan -");
  EXPECT_EQ(kind("\xfd"
                 "7zXZ\n"),
            "xz data; pipe it: xzcat FILE | zonesweep scan -");
  EXPECT_EQ(kind(testing::gzip("a.com\n")), "compressed twice; unpack it once first");
  EXPECT_EQ(kind(testing::zstd("a.com\n")), "compressed twice; unpack it once first");
  EXPECT_EQ(kind(std::string(4'096, '\0')), "binary data, not a list of names");
  std::mt19937 random(1);
  std::string noise(4'096, ' ');
  for (char& c : noise) c = static_cast<char>(random());
  noise[0] = 'a';
  EXPECT_EQ(kind(noise), "binary data, not a list of names");
  std::string tar(1'024, 'a');
  tar.replace(257, 5, "ustar");
  EXPECT_EQ(kind(tar), "a tar archive; pipe the file in it: tar -xOf FILE NAME | zonesweep scan -");
}

TEST(Sniff, a_judgement_needs_a_whole_line_that_counts) {
  EXPECT_FALSE(can_judge(""));
  EXPECT_FALSE(can_judge("# x\n\n"));
  EXPECT_FALSE(can_judge("a.com"));
  EXPECT_TRUE(can_judge("# x\na.com\n"));
}

}  // namespace
}  // namespace zonesweep::zone
