#include "protocols/zone/name_text.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/protocols/zone/parse_text.h"

namespace zonesweep::zone {
namespace {

struct Case {
  std::string text;
  std::string verdict;  // the wire form as text; "PTR ..."; or "!reason"
};

std::string repeat(std::string_view part, size_t times) {
  std::string text;
  for (size_t i = 0; i < times; ++i) text += part;
  return text;
}

const std::string k63(63, 'a');
const std::string k64(64, 'a');
const std::string kOctets255 = k63 + '.' + k63 + '.' + k63 + '.' + std::string(61, 'a');
const std::string kLabels127 = repeat("a.", 126) + "a";

std::string escaped_63() { return repeat("\\097", 63); }

using namespace std::string_literals;

const std::vector<Case> kNames{
    // plain
    {"example.com", "example.com."},
    {"example.com.", "example.com."},
    {"EXAMPLE.Com", "EXAMPLE.Com."},
    {"com", "com."},
    {"com.", "com."},
    {"a", "a."},
    {"a.b", "a.b."},
    {"www.example.co.uk", "www.example.co.uk."},
    {"0.com", "0.com."},
    {"123.com", "123.com."},
    {"1.2", "1.2."},
    {"1.2.3", "1.2.3."},
    {"1.2.3.4.5", "1.2.3.4.5."},
    {"1.2.3.4a", "1.2.3.4a."},
    {"1.2.3.4.example", "1.2.3.4.example."},
    {"4.3.2.1.in-addr.arpa", "4.3.2.1.in-addr.arpa."},
    {".", "."},
    {"mx", "mx."},
    {"ns", "ns."},
    {"a-b.com", "a-b.com."},
    {"a--b.com", "a--b.com."},
    {"r3---sn-xyz.googlevideo.com", "r3---sn-xyz.googlevideo.com."},
    {"-x.com", "-x.com."},
    {"x-.com", "x-.com."},
    {"-.com", "-.com."},
    {"--.com", "--.com."},
    {"-", "-."},
    {"_dmarc.example.com", "_dmarc.example.com."},
    {"_443._tcp.example.com", "_443._tcp.example.com."},
    {"a_b.com", "a_b.com."},
    {"_", "_."},
    {"__.com", "__.com."},
    {"*.example.com", "*.example.com."},
    {"*", "*."},
    {"a*b.com", "a*b.com."},
    {"example.*", "example.*."},
    {"0xff.com", "0xff.com."},
    {"0/25.2.0.192.in-addr.arpa", "0\\04725.2.0.192.in-addr.arpa."},
    {"0/25.2.0.192.IN-ADDR.ARPA.", "0\\04725.2.0.192.IN-ADDR.ARPA."},
    // lengths
    {k63, k63 + "."},
    {k63 + ".com", k63 + ".com."},
    {k64, "!label_too_long"},
    {k64 + ".com", "!label_too_long"},
    {"a." + k64, "!label_too_long"},
    {"a." + k64 + ".b", "!label_too_long"},
    {kOctets255, kOctets255 + "."},
    {kOctets255 + ".", kOctets255 + "."},
    {kOctets255 + "a", "!name_too_long"},
    {kOctets255 + "a.", "!name_too_long"},
    {kOctets255 + ".a", "!name_too_long"},
    {kLabels127, kLabels127 + "."},
    {kLabels127 + ".", kLabels127 + "."},
    {kLabels127 + ".a", "!name_too_long"},
    {repeat("a.", 64) + "com", repeat("a.", 64) + "com."},
    {repeat("a.", 400), "!name_too_long"},
    {std::string(4'096, 'a'), "!label_too_long"},
    {repeat("abc.", 1'024), "!name_too_long"},
    // empty labels
    {"..", "!empty_label"},
    {"...", "!empty_label"},
    {".a", "!empty_label"},
    {".com", "!empty_label"},
    {"a..b", "!empty_label"},
    {"a..", "!empty_label"},
    {"a.com..", "!empty_label"},
    {"a...b", "!empty_label"},
    {".a.", "!empty_label"},
    // escapes
    {"a\\.b.com", "a\\046b.com."},
    {"a\\046b.com", "a\\046b.com."},
    {"\\.", "\\046."},
    {"a\\.", "a\\046."},
    {"a\\..", "a\\046."},
    {"\\097.com", "a.com."},
    {"\\000.com", "\\000.com."},
    {"\\255.com", "\\255.com."},
    {"\\a.com", "a.com."},
    {"\\\\.com", "\\092.com."},
    {"\\@.com", "\\064.com."},
    {"\\\".com", "\\034.com."},
    {"\\/.com", "\\047.com."},
    {"a\\032b.com", "a\\032b.com."},
    {escaped_63(), k63 + "."},
    {escaped_63() + "a", "!label_too_long"},
    {"\\", "!bad_escape"},
    {"a\\", "!bad_escape"},
    {"a.com\\", "!bad_escape"},
    {"\\256.com", "!bad_escape"},
    {"\\999.com", "!bad_escape"},
    {"\\1.com", "!bad_escape"},
    {"\\12.com", "!bad_escape"},
    {"\\12", "!bad_escape"},
    {"\\1x2.com", "!bad_escape"},
    {"\\ a.com", "!bad_escape"},
    // what is no name
    {"a b.com", "!not_a_name"},
    {"a\tb.com", "!not_a_name"},
    {"a\0b.com"s, "!not_a_name"},
    {"\0"s, "!not_a_name"},
    {"a\x01.com", "!not_a_name"},
    {"a\x1b[31m.com", "!not_a_name"},
    {"a\x7f.com", "!not_a_name"},
    {"a,b", "!not_a_name"},
    {"a;b", "!not_a_name"},
    {"a!b.com", "!not_a_name"},
    {"a\"b.com", "!not_a_name"},
    {"\"example.com\"", "!not_a_name"},
    {"'example.com'", "!not_a_name"},
    {"<example.com>", "!not_a_name"},
    {"(example.com)", "!not_a_name"},
    {"a#b.com", "!not_a_name"},
    {"a$b.com", "!not_a_name"},
    {"a%b.com", "!not_a_name"},
    {"a%20b.com", "!not_a_name"},
    {"a&b.com", "!not_a_name"},
    {"a+b.com", "!not_a_name"},
    {"a=b.com", "!not_a_name"},
    {"=cmd()", "!not_a_name"},
    {"a?b.com", "!not_a_name"},
    {"a[b].com", "!not_a_name"},
    {"a^b.com", "!not_a_name"},
    {"a`b`.com", "!not_a_name"},
    {"a{b}.com", "!not_a_name"},
    {"a|b.com", "!not_a_name"},
    {"a~b.com", "!not_a_name"},
    {"a:b", "!not_a_name"},
    {"example.com:53", "!not_a_name"},
    {"example.com/", "!not_a_name"},
    {"example.com/path", "!not_a_name"},
    {"/etc/passwd", "!not_a_name"},
    {"../../etc/passwd", "!not_a_name"},
    {"C:\\windows", "!not_a_name"},
    {"/.arpa.com", "!not_a_name"},
    {"@", "!email"},
    {"localhost 127.0.0.1", "!not_a_name"},
    {"1.2.3.4 example.com", "!not_a_name"},
    {"a..b c", "!not_a_name"},
    {k64 + "/", "!not_a_name"},
    // URLs and mail addresses
    {"http://example.com", "!url"},
    {"https://example.com/", "!url"},
    {"https://example.com:8443/a?b=c#d", "!url"},
    {"HTTP://EXAMPLE.COM", "!url"},
    {"ftp://user@example.com/", "!url"},
    {"://", "!url"},
    {"//example.com", "!not_a_name"},
    {"mailto:a@example.com", "!email"},
    {"user@example.com", "!email"},
    {"first.last+tag@example.com", "!email"},
    {"a@b@c", "!email"},
    {"A Name <a@example.com>", "!not_a_name"},
    // addresses
    {"1.2.3.4", "PTR 4.3.2.1.in-addr.arpa."},
    {"0.0.0.0", "PTR 0.0.0.0.in-addr.arpa."},
    {"255.255.255.255", "PTR 255.255.255.255.in-addr.arpa."},
    {"192.0.2.10", "PTR 10.2.0.192.in-addr.arpa."},
    {"256.1.1.1", "256.1.1.1."},
    {"1.2.3.04", "1.2.3.04."},
    {"1.2.3.4.", "1.2.3.4."},
    {"1.2.3.4/24", "!not_a_name"},
    {"1.2.3.4:53", "!not_a_name"},
    {"::", "PTR " + repeat("0.", 32) + "ip6.arpa."},
    {"::1", "PTR 1." + repeat("0.", 31) + "ip6.arpa."},
    {"2001:db8::567:89ab", "PTR b.a.9.8.7.6.5.0." + repeat("0.", 16) + "8.b.d.0.1.0.0.2.ip6.arpa."},
    {"2001:DB8::1", "PTR 1." + repeat("0.", 23) + "8.b.d.0.1.0.0.2.ip6.arpa."},
    {"::ffff:192.0.2.1", "PTR 1.0.2.0.0.0.0.c.f.f.f.f." + repeat("0.", 20) + "ip6.arpa."},
    {"[::1]", "!not_a_name"},
    {"fe80::1%eth0", "!not_a_name"},
    {"1::2::3", "!not_a_name"},
    {"12345::", "!not_a_name"},
    {"::1/128", "!not_a_name"},
    {":", "!not_a_name"},
    {":::", "!not_a_name"},
    {"dead:beef", "!not_a_name"},
    // A-labels stay as they are
    {"xn--bcher-kva.de", "xn--bcher-kva.de."},
    {"XN--BCHER-KVA.de", "XN--BCHER-KVA.de."},
    {"xn--.com", "xn--.com."},
    {"xn--a.com", "xn--a.com."},
    {"xn--zzzzzzzz.com", "xn--zzzzzzzz.com."},
    {"xn---", "xn---."},
    // U-labels
    {"b\u00fccher.de", "xn--bcher-kva.de."},
    {"B\u00dcCHER.DE", "xn--bcher-kva.de."},
    {"b\u00fccher.de.", "xn--bcher-kva.de."},
    {"bu\u0308cher.de", "xn--bcher-kva.de."},
    {"stra\u00dfe.de", "xn--strae-oqa.de."},  // non-transitional: not strasse
    {"fa\u00df.de", "xn--fa-hia.de."},
    {"\u03b2\u03cc\u03bb\u03bf\u03c2.com", "xn--nxasmm1c.com."},  // final sigma stays
    {"\u4f8b\u3048.\u30c6\u30b9\u30c8", "xn--r8jz45g.xn--zckzah."},
    {"\u043f\u0440\u0438\u043c\u0435\u0440.\u0440\u0444", "xn--e1afmkfd.xn--p1ai."},
    {"\u0645\u062b\u0627\u0644.\u0625\u062e\u062a\u0628\u0627\u0631", "xn--mgbh0fb.xn--kgbechtv."},
    {"\U0001f4a9.la", "xn--ls8h.la."},
    {"\u2665.com", "xn--g6h.com."},
    {"_b\u00fc.de", "xn--_b-yka.de."},
    {"*.b\u00fccher.de", "*.xn--bcher-kva.de."},
    {"example\u3002com", "example.com."},  // the ideographic full stop is a dot
    {"\uff45xample.com", "example.com."},  // full width
    {"a\u00adb.com", "ab.com."},           // UTS 46 ignores the soft hyphen
    {"a\u200bb.com", "ab.com."},           // and the zero width space
    {"\u00ad", "!empty_label"},
    {"\u00ad.com", "!empty_label"},
    {"b\u00fc..de", "!empty_label"},
    {"a\u200db.com", "!bad_idna"},  // a joiner where none may be
    {"\u0915\u094d\u200d\u0937.com", "xn--11b2ezcw70k.com."},
    {"\u05d0a.com", "!bad_idna"},  // mixed directions
    {"a\u05d0.com", "!bad_idna"},
    {"1\u05d0.com", "!bad_idna"},
    {"\u0301a.com", "!bad_idna"},  // begins with a combining mark
    {"a\ufffd.com", "!bad_idna"},
    {"a\u2028b.com", "!bad_idna"},
    {"a\u202eb.com", "!bad_idna"},  // right-to-left override
    {"\ue000.com", "!bad_idna"},    // private use
    {"\u00fc.xn--zzzzzzzz", "!bad_idna"},
    {"a\uff0fb.com", "!not_a_name"},  // maps to '/'
    {"a\uff20b.com", "!email"},       // maps to '@'
    {"http://b\u00fccher.de/", "!url"},
    {"j\u00f6rg@b\u00fccher.de", "!email"},
    {"b\u00fc cher.de", "!not_a_name"},
    {"b\u00fc\\046.de", "!bad_idna"},
    {repeat("\u00fc", 64) + ".de", "!label_too_long"},
    {repeat("\u00fc.", 60), "!name_too_long"},
    // bytes that are no UTF-8
    {"\xff.com", "!bad_utf8"},
    {"b\xfc"
     "cher.de",
     "!bad_utf8"},
    {"\xc3", "!bad_utf8"},
    {"\xc0\xaf.com", "!bad_utf8"},
    {"\xed\xa0\x80.com", "!bad_utf8"},
    {"\xf5\x80\x80\x80.com", "!bad_utf8"},
    {"\x80", "!bad_utf8"},
};

TEST(NameText, the_table_of_names) {
  EXPECT_GE(kNames.size(), 200u);
  NameReader reader;
  for (const Case& known : kNames) {
    NameBlock block;
    Counts counts;
    Output out{block, 1, 7};
    reader.append(known.text, out, counts);
    ASSERT_EQ(block.names.size(), 1u);
    const InputName& name = block.names[0];
    EXPECT_EQ(block.input(name), known.text);
    EXPECT_EQ(name.seq, 7u);
    std::string verdict;
    if (name.kind == InputName::Kind::address) verdict = "PTR ";
    if (name.kind == InputName::Kind::illegal) {
      verdict = "!" + std::string(name_of(name.reason));
      EXPECT_EQ(name.wire_size, 0);
      EXPECT_EQ(counts.illegal, 1u);
    } else {
      verdict += testing::wire_text(block.wire(name));
      EXPECT_EQ(name.reason, Illegal::none);
      EXPECT_EQ(counts.illegal, 0u);
    }
    EXPECT_EQ(verdict, known.verdict) << known.text;
  }
}

TEST(NameText, every_reason_has_a_word_of_its_own) {
  std::vector<std::string_view> words;
  for (int i = 0; i <= static_cast<int>(Illegal::bad_quotes); ++i) {
    words.push_back(name_of(static_cast<Illegal>(i)));
  }
  std::ranges::sort(words);
  EXPECT_EQ(std::ranges::adjacent_find(words), words.end());
  EXPECT_EQ(std::ranges::find(words, "unknown"), words.end());
}

TEST(NameText, utf8_is_checked_to_the_letter) {
  EXPECT_TRUE(is_utf8("a\u00fc\u20ac\U0001f4a9"));
  EXPECT_EQ(utf8_sequence("\xf4\x8f\xbf\xbf"), 4u);
  for (const std::string_view bad : {"\x80", "\xc1\x81", "\xe0\x80\x80", "\xed\xbf\xbf",
                                     "\xf0\x80\x80\x80", "\xf4\x90\x80\x80", "\xe2\x82"}) {
    EXPECT_EQ(utf8_sequence(bad), 0u) << bad;
  }
}

}  // namespace
}  // namespace zonesweep::zone
