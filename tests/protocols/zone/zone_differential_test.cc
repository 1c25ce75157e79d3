// The plain and the long way through a zone must accept the same lines and give the same names,
// wherever the text is cut.
#include <gtest/gtest.h>

#include <random>

#include "protocols/zone/zone_file.h"
#include "tests/protocols/zone/parse_text.h"

namespace zonesweep::zone {
namespace {

using testing::Parsed;
using Random = std::mt19937;

template <typename... Words>
std::string one_of(Random& random, Words... words) {
  const std::array<std::string_view, sizeof...(words)> all{words...};
  return std::string(all[random() % all.size()]);
}

std::string label(Random& random) {
  std::string text;
  for (uint64_t n = 1 + random() % (random() % 10 == 0 ? 66 : 12); n > 0; --n)
    text += "abcdeXYZ019-_"[random() % 13];
  return text;
}

std::string owner(Random& random) {
  switch (random() % 24) {
    case 0:
      return one_of(random, "@", ".", "..", "a..b", ".a", "com.", "COM.", "$x", "@x", "xcom.", "\\",
                    "a\\.b", "a\\065", "\"q\"", "*", "*.a", "\x80\xff", "a;b", "a(b", "net.",
                    "x.net.");
    case 1: return label(random) + "." + label(random) + ".com.";
    case 2: return label(random) + "." + label(random);
    case 3:
    case 4: return label(random) + ".COM.";
    case 5: return "";
    case 6: return "same";
    case 7: return "SAME.com.";
    case 8: return std::string(random() % 70, 'o') + ".com.";
    default: return label(random) + ".com.";
  }
}

std::string blank(Random& random) {
  return one_of(random, " ", "\t", "\t\t", "  ", " \t ", "\r", "   ");
}

std::string line(Random& random) {
  std::string text = owner(random) + blank(random);
  if (random() % 2 == 0)
    text += one_of(random, "172800", "86400", "1d", "0", "12345678", "123456789", "4294967296",
                   "1w2d", "1x", "60") +
            blank(random);
  if (random() % 2 == 0)
    text += one_of(random, "in", "IN", "In", "ch", "CLASS1", "in", "in", "class2") + blank(random);
  if (random() % 10 == 0) text += one_of(random, "60", "in", "1") + blank(random);
  text += one_of(random, "ns", "NS", "Ns", "ns", "ns", "NS", "a", "AAAA", "ds", "rrsig", "nsec3",
                 "nsec", "txt", "soa", "cname", "type2", "TYPE1", "mx", "apl", "nsx", "n", "inn",
                 "rrsigxxxx", "ns\\");
  if (random() % 20 != 0)
    text += blank(random) +
            one_of(random, "ns1.example.net.", "x.", "192.0.2.1", "\"quoted data\"", "( x.\n )",
                   "ns1.a-very-long-name-server-host-name-that-takes-space.example.net.", "1 2 3",
                   "x. ; comment", "x. y.");
  if (random() % 10 == 0)
    text += blank(random) + one_of(random, "more", "; c", "((", ")", "", "\x01", "\x7f");
  return text + one_of(random, "\n", "\n", "\n", "\r\n", " \n");
}

std::string zone(Random& random, size_t lines) {
  std::string text = one_of(random, "$ORIGIN com.\n", "$ORIGIN com.\n@ SOA a. b. 1 2 3 4 5\n",
                            "com. SOA a. b. 1 2 3 4 5\n", "");
  for (size_t i = 0; i < lines; ++i) {
    switch (random() % 40) {
      case 0:
        text += one_of(random, "$ORIGIN com.\n", "$ORIGIN sub\n", "$ORIGIN .\n", "$TTL 60\n",
                       "$GENERATE 1-3 g$ NS x.\n");
        break;
      case 1:
        text += one_of(random, "\n", " \n", "; comment\n", "\t; (\n", "\r\n",
                       "                                                                      \n");
        break;
      default: text += line(random);
    }
  }
  return text;
}

Parsed run(std::string_view text, ZoneOptions options, const std::function<size_t()>& piece,
           size_t names) {
  ZoneParser parser(std::move(options));
  return testing::parse(parser, text, piece, names);
}

void expect_same(const std::string& text, uint32_t seed) {
  Random random(seed);
  const auto all = [] { return SIZE_MAX; };
  const auto few = [&] { return random() % 150 + 1; };
  const Parsed slow = run(text, {.key = 1, .plain = false}, all, 1'000'000);
  EXPECT_EQ(run(text, {.key = 2}, all, 1'000'000), slow) << seed << "\n" << text;
  EXPECT_EQ(run(text, {.key = 3, .classify = classify_portable}, all, 10), slow) << seed << "\n"
                                                                                 << text;
  EXPECT_EQ(run(text, {.key = 4}, few, 3), slow) << seed << "\n" << text;
  EXPECT_EQ(run(text, {.key = 5, .plain = false}, few, 1), slow) << seed << "\n" << text;
}

TEST(ZoneDifferential, one_random_line_at_a_time) {
  for (uint32_t seed = 0; seed < 5'000; ++seed) {
    Random random(seed);
    expect_same("$ORIGIN com.\n@ SOA a. b. 1 2 3 4 5\nfirst NS x.\n" + line(random) + " NS last.\n",
                seed);
    if (HasFailure()) return;
  }
}

TEST(ZoneDifferential, random_zones) {
  for (uint32_t seed = 0; seed < 500; ++seed) {
    Random random(seed);
    expect_same(zone(random, 1 + random() % 40), seed);
    if (HasFailure()) return;
  }
}

// Without the odd things that end a file, so that it is read to its end.
std::string plain_zone(Random& random, size_t names) {
  std::string text = "com. 900 in soa a. b. 1 2 3 4 5\n$ORIGIN COM.\n";
  for (size_t i = 0; i < names; ++i) {
    std::string name = label(random).substr(0, 60);
    name += random() % 2 != 0 ? ".com." : "";
    for (uint64_t n = random() % 4; n > 0; --n) {
      text += (random() % 6 == 0 && n > 1 ? "" : name) +
              one_of(random, "\t172800\tin\tns\t", " NS ", " 86400 IN NS ", "\tA\t", " ds ");
      text += one_of(random, "ns1.example.net.",
                     "ns2.a-very-long-name-server-host-name-that-takes-space.example.net.") +
              one_of(random, "\n", "\n", "\r\n", " ; c\n");
    }
  }
  return text;
}

TEST(ZoneDifferential, real_shaped_zones_cut_at_every_byte) {
  Random random(1);
  const std::string text = plain_zone(random, 40);
  const Parsed slow = run(
      text, {.plain = false}, [] { return SIZE_MAX; }, 1'000'000);
  ASSERT_EQ(slow.error, "");
  for (size_t cut = 1; cut < text.size(); ++cut) {
    size_t calls = 0;
    EXPECT_EQ(run(
                  text, {}, [&] { return calls++ == 0 ? cut : SIZE_MAX; }, 1'000'000),
              slow)
        << cut;
  }
}

TEST(ZoneDifferential, long_real_shaped_zones) {
  for (uint32_t seed = 0; seed < 3; ++seed) {
    Random random(seed);
    const std::string text = plain_zone(random, 20'000);
    const Parsed slow = run(
        text, {.plain = false}, [] { return SIZE_MAX; }, 1'000'000);
    EXPECT_EQ(slow.error, "");
    EXPECT_EQ(run(
                  text, {}, [] { return SIZE_MAX; }, 4'096),
              slow);
    EXPECT_EQ(run(
                  text, {}, [&] { return 1 + random() % 100'000; }, 100),
              slow);
  }
}

}  // namespace
}  // namespace zonesweep::zone
