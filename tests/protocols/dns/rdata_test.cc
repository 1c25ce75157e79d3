#include "protocols/dns/rdata.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tests/protocols/dns/message_bytes.h"

namespace zonesweep::dns {
namespace {

using testing::Bytes;
using testing::kReply;

Bytes message_with(unsigned type, const Bytes& rdata) {
  return Bytes{}
      .header(kReply, 1, 1)
      .question("example", type)
      .pointer(testing::kQuestionAt)
      .record(type, 60, rdata);
}

// The data as dig prints it; nullopt when the message is refused.
std::optional<std::string> shown(unsigned type, const Bytes& rdata) {
  const Bytes bytes = message_with(type, rdata);
  const auto message = *Message::parse(bytes.span());
  if (!message.validate()) return std::nullopt;
  std::string text;
  for (const Record& record : message.records()) append_rdata_text(message, record, text);
  return text;
}

class Fields final : public FieldSink {
 public:
  void number(std::string_view key, uint64_t value) override {
    add(std::string(key) + "=" + std::to_string(value));
  }
  void text(std::string_view key, std::string_view value) override {
    add(std::string(key) + "=" + std::string(value));
  }
  void list_begin(std::string_view key) override { add(std::string(key) + "=["); }
  void list_item(std::string_view value) override { all_ += " " + std::string(value); }
  void list_end() override { all_ += " ]"; }
  [[nodiscard]] const std::string& all() const { return all_; }

 private:
  void add(const std::string& text) { all_ += (all_.empty() ? "" : " ") + text; }
  std::string all_;
};

std::string fields(unsigned type, const Bytes& rdata) {
  const Bytes bytes = message_with(type, rdata);
  const auto message = *Message::parse(bytes.span());
  EXPECT_TRUE(message.validate());
  Fields sink;
  for (const Record& record : message.records()) visit_fields(message, record, sink);
  return sink.all();
}

Bytes address6(std::vector<unsigned> words) {
  Bytes bytes;
  for (const unsigned word : words) bytes.u16(word);
  return bytes;
}

TEST(Rdata, of_addresses) {
  EXPECT_EQ(shown(type::kA, Bytes{}.u32(0xC0000201)), "192.0.2.1");
  EXPECT_EQ(shown(type::kA, Bytes{}.u32(0xFF00FF00)), "255.0.255.0");
  const auto aaaa = [](std::vector<unsigned> words) { return shown(type::kAaaa, address6(words)); };
  EXPECT_EQ(aaaa({0x2001, 0xDB8, 0, 0, 0, 0, 0, 1}), "2001:db8::1");
  EXPECT_EQ(aaaa({0, 0, 0, 0, 0, 0, 0, 0}), "::");
  EXPECT_EQ(aaaa({0, 0, 0, 0, 0, 0, 0, 1}), "::1");
  EXPECT_EQ(aaaa({1, 0, 0, 0, 0, 0, 0, 0}), "1::");
  EXPECT_EQ(aaaa({1, 0, 0, 2, 0, 0, 0, 3}), "1:0:0:2::3");
  EXPECT_EQ(aaaa({1, 0, 0, 2, 0, 0, 3, 4}), "1::2:0:0:3:4");
  EXPECT_EQ(aaaa({1, 0, 2, 3, 4, 5, 6, 7}), "1:0:2:3:4:5:6:7");
  EXPECT_EQ(aaaa({0, 1, 2, 3, 4, 5, 6, 7}), "0:1:2:3:4:5:6:7");
  EXPECT_EQ(aaaa({0, 0, 0, 0, 0, 0xFFFF, 0xC000, 0x0201}), "::ffff:192.0.2.1");
  EXPECT_EQ(aaaa({0, 0, 0, 0, 0, 0, 0xC000, 0x0201}), "::192.0.2.1");
}

TEST(Rdata, of_names_is_expanded_from_its_compression) {
  EXPECT_EQ(shown(type::kNs, Bytes{}.labels("ns").pointer(12)), "ns.example.");
  EXPECT_EQ(shown(type::kMx, Bytes{}.u16(10).pointer(12)), "10 example.");
  EXPECT_EQ(shown(type::kMx, Bytes{}.u16(0).name("")), "0 .");
  EXPECT_EQ(shown(type::kSoa,
                  Bytes{}.pointer(12).labels("h").pointer(12).u32(1).u32(2).u32(3).u32(4).u32(5)),
            "example. h.example. 1 2 3 4 5");
}

TEST(Rdata, holds_its_names_to_the_last_octet_and_no_further) {
  EXPECT_FALSE(shown(type::kNs, Bytes{}.labels("ns")));      // leaves the RDATA
  EXPECT_FALSE(shown(type::kNs, Bytes{}.name("ns").u8(0)));  // does not fill it
  EXPECT_FALSE(shown(type::kMx, Bytes{}.u16(10)));
  EXPECT_FALSE(shown(type::kMx, Bytes{}.u8(10)));
  EXPECT_FALSE(shown(type::kNs, {}));
  EXPECT_FALSE(shown(type::kSoa, Bytes{}.pointer(12).pointer(12).u32(1).u32(2).u32(3).u32(4)));
}

TEST(Rdata, of_later_types_is_not_compressed) {
  const Bytes signature =
      Bytes{}.u16(1).u8(8).u8(2).u32(60).u32(0).u32(0).u16(7).pointer(12).raw("sig");
  EXPECT_FALSE(shown(type::kRrsig, signature));
  EXPECT_FALSE(shown(type::kSvcb, Bytes{}.u16(1).pointer(12)));
}

TEST(Rdata, of_texts_is_quoted_and_escaped) {
  EXPECT_EQ(shown(type::kTxt, Bytes{}.u8(3).raw("a b")), "\"a b\"");
  EXPECT_EQ(shown(type::kTxt, Bytes{}.u8(0).u8(2).raw("\"\\")), R"("" "\"\\")");
  EXPECT_EQ(shown(type::kTxt, Bytes{}.u8(4).raw("\t\x7F\xC3;")), R"("\009\127\195;")");
  EXPECT_EQ(shown(type::kTxt, Bytes{}.u8(255).raw(std::string(255, 'x'))),
            "\"" + std::string(255, 'x') + "\"");
}

TEST(Rdata, of_texts_with_lengths_that_lie_is_refused) {
  EXPECT_FALSE(shown(type::kTxt, {}));  // RDLENGTH 0
  EXPECT_FALSE(shown(type::kTxt, Bytes{}.u8(1)));
  EXPECT_FALSE(shown(type::kTxt, Bytes{}.u8(1).raw("a").u8(9).raw("b")));
  EXPECT_FALSE(shown(type::kHinfo, Bytes{}.u8(1).raw("a")));
  EXPECT_FALSE(shown(type::kNaptr, Bytes{}.u16(1).u16(1).u8(1).raw("S")));
}

TEST(Rdata, of_dnssec_types) {
  const std::string key(60, '\0');
  EXPECT_EQ(shown(type::kDnskey, Bytes{}.u16(257).u8(3).u8(8).raw(key)),
            "257 3 8 " + std::string(56, 'A') + " " + std::string(24, 'A'));
  EXPECT_EQ(shown(type::kDs, Bytes{}.u16(1).u8(8).u8(2).raw(std::string(32, '\xAB'))),
            "1 8 2 ABABABABABABABABABABABABABABABABABABABABABABABABABABABAB ABABABAB");
  EXPECT_EQ(shown(type::kRrsig, Bytes{}
                                    .u16(1)
                                    .u8(8)
                                    .u8(2)
                                    .u32(3600)
                                    .u32(1'893'456'000)
                                    .u32(951'782'400)
                                    .u16(12345)
                                    .name("example")
                                    .raw("sig")),
            "A 8 2 3600 20300101000000 20000229000000 12345 example. c2ln");
  EXPECT_EQ(shown(type::kNsec3param, Bytes{}.u8(1).u8(0).u16(0).u8(0)), "1 0 0 -");
  EXPECT_EQ(shown(type::kNsec3, Bytes{}.u8(1).u8(1).u16(10).u8(2).u16(0xAABB).u8(5).raw("abcde")),
            "1 1 10 AABB C5H66P35");
}

TEST(Rdata, of_bitmaps) {
  const auto nsec = [](const Bytes& bitmap) {
    return shown(type::kNsec, Bytes{}.name("b").raw(bitmap.span()));
  };
  EXPECT_EQ(nsec(Bytes{}.u8(0).u8(6).u8(0x40).u32(0).u8(3)), "b. A RRSIG NSEC");
  EXPECT_EQ(nsec(Bytes{}.u8(0).u8(1).u8(0x40).u8(4).u8(1).u8(0x80)), "b. A TYPE1024");
  EXPECT_FALSE(nsec({}));                                              // empty
  EXPECT_FALSE(nsec(Bytes{}.u8(0).u8(0)));                             // window without octets
  EXPECT_FALSE(nsec(Bytes{}.u8(0).u8(2).u8(0x40).u8(0)));              // trailing zeros
  EXPECT_FALSE(nsec(Bytes{}.u8(0).u8(33).raw(std::string(33, 'x'))));  // more than 32 octets
  EXPECT_FALSE(nsec(Bytes{}.u8(1).u8(1).u8(1).u8(0).u8(1).u8(1)));     // descending windows
  EXPECT_FALSE(nsec(Bytes{}.u8(1).u8(1).u8(1).u8(1).u8(1).u8(1)));     // the same twice
  EXPECT_FALSE(nsec(Bytes{}.u8(0).u8(9).u8(1)));                       // cut
}

TEST(Rdata, of_service_bindings) {
  EXPECT_EQ(shown(type::kHttps, Bytes{}.u16(0).name("svc.example")), "0 svc.example.");
  const Bytes all = Bytes{}
                        .u16(1)
                        .name("")
                        .u16(0)
                        .u16(2)
                        .u16(1)
                        .u16(1)
                        .u16(6)
                        .u8(2)
                        .raw("h2")
                        .u8(2)
                        .raw("h3")
                        .u16(2)
                        .u16(0)
                        .u16(3)
                        .u16(2)
                        .u16(8443)
                        .u16(4)
                        .u16(8)
                        .u32(0xC0000201)
                        .u32(0xC0000202)
                        .u16(5)
                        .u16(3)
                        .raw("ech")
                        .u16(6)
                        .u16(16)
                        .u32(0x20010DB8)
                        .u32(0)
                        .u32(0)
                        .u32(1)
                        .u16(667)
                        .u16(5)
                        .raw("hello");
  EXPECT_EQ(shown(type::kSvcb, all),
            "1 . mandatory=alpn alpn=\"h2,h3\" no-default-alpn port=8443 "
            "ipv4hint=192.0.2.1,192.0.2.2 ech=ZWNo ipv6hint=2001:db8::1 key667=\"hello\"");
  EXPECT_EQ(shown(type::kSvcb, Bytes{}.u16(1).name("").u16(1).u16(4).u8(3).raw("a,b")),
            R"(1 . alpn="a\\,b")");
}

TEST(Rdata, of_service_bindings_that_break_their_rules_is_refused) {
  const auto svcb = [](const Bytes& params) {
    return shown(type::kSvcb, Bytes{}.u16(1).name("").raw(params.span()));
  };
  EXPECT_TRUE(svcb(Bytes{}.u16(3).u16(2).u16(53)));
  EXPECT_FALSE(svcb(Bytes{}.u16(3).u16(2).u16(53).u16(3).u16(2).u16(53)));  // twice
  EXPECT_FALSE(svcb(Bytes{}.u16(4).u16(4).u32(1).u16(3).u16(2).u16(53)));   // descending
  EXPECT_FALSE(svcb(Bytes{}.u16(3).u16(1).u8(53)));                         // size of a port
  EXPECT_FALSE(svcb(Bytes{}.u16(2).u16(1).u8(0)));
  EXPECT_FALSE(svcb(Bytes{}.u16(4).u16(0)));
  EXPECT_FALSE(svcb(Bytes{}.u16(4).u16(5).u32(1).u8(1)));
  EXPECT_FALSE(svcb(Bytes{}.u16(6).u16(15).raw(std::string(15, 'x'))));
  EXPECT_FALSE(svcb(Bytes{}.u16(1).u16(2).u8(5).u8('h')));  // cut list
  EXPECT_FALSE(svcb(Bytes{}.u16(1).u16(1).u8(0)));          // empty protocol
  EXPECT_FALSE(svcb(Bytes{}.u16(0).u16(2).u16(3)));         // mandatory, absent
  EXPECT_FALSE(svcb(Bytes{}.u16(0).u16(2).u16(0)));         // names itself
  EXPECT_FALSE(svcb(Bytes{}.u16(9).u16(9).u8(1)));
  EXPECT_FALSE(svcb(Bytes{}.u8(9)));
}

TEST(Rdata, of_locations) {
  const auto loc = [](uint32_t latitude, uint32_t longitude, uint32_t altitude, unsigned size) {
    return shown(
        type::kLoc,
        Bytes{}.u8(0).u8(size).u8(0x16).u8(0x13).u32(latitude).u32(longitude).u32(altitude));
  };
  const uint32_t zero = 1u << 31;
  EXPECT_EQ(loc(zero + 186'293'000, zero - 15'240'500, 10'000'000 - 2'600, 0x12),
            "51 44 53.000 N 4 14 0.500 W -26.00m 1m 10000m 10m");
  EXPECT_EQ(loc(zero, zero, 10'000'000, 0), "0 0 0.000 N 0 0 0.000 E 0.00m 0.00m 10000m 10m");
  EXPECT_EQ(loc(zero - 1, zero, 0xFFFFFFFF, 0x50),
            "0 0 0.001 S 0 0 0.000 E 42849672.95m 0.05m 10000m 10m");
  EXPECT_FALSE(loc(zero + 324'000'001, zero, 0, 0x12));
  EXPECT_FALSE(loc(zero, zero + 648'000'001, 0, 0x12));
  EXPECT_FALSE(loc(zero, zero, 0, 0x1A));
  EXPECT_FALSE(loc(zero, zero, 0, 0x03));
  EXPECT_EQ(shown(type::kLoc, Bytes{}.u8(1).u8(2)), "\\# 2 0102");
  EXPECT_FALSE(shown(type::kLoc, {}));
  EXPECT_FALSE(shown(type::kLoc, Bytes{}.u8(0).u32(0)));
}

TEST(Rdata, of_everything_else_is_hex) {
  EXPECT_EQ(shown(65280, Bytes{}.raw("\xAB\xCD")), "\\# 2 ABCD");
  EXPECT_EQ(shown(65280, {}), "\\# 0");
  EXPECT_EQ(shown(65280, Bytes{}.raw(std::string(29, '\0'))),
            "\\# 29 " + std::string(56, '0') + " 00");
}

TEST(Rdata, of_the_remaining_types) {
  EXPECT_EQ(shown(type::kCaa, Bytes{}.u8(128).u8(5).raw("issue").raw("ca.example; a=\"b\"")),
            R"(128 issue "ca.example; a=\"b\"")");
  EXPECT_FALSE(shown(type::kCaa, Bytes{}.u8(0).u8(0).raw("x")));
  EXPECT_FALSE(shown(type::kCaa, Bytes{}.u8(0).u8(3).raw("a-b")));
  EXPECT_EQ(shown(type::kSrv, Bytes{}.u16(1).u16(2).u16(443).name("")), "1 2 443 .");
  EXPECT_EQ(shown(type::kUri, Bytes{}.u16(1).u16(2).raw("https://a/")), "1 2 \"https://a/\"");
  EXPECT_EQ(shown(type::kEui48, Bytes{}.raw(std::string_view("\x00\x5E\x00\x53\xAA\x2A", 6))),
            "00-5e-00-53-aa-2a");
  EXPECT_EQ(shown(type::kL64, Bytes{}.u16(10).u16(0x2001).u16(0xDB8).u16(0).u16(1)),
            "10 2001:db8:0:1");
  EXPECT_EQ(shown(type::kCert, Bytes{}.u16(1).u16(7).u8(8).raw("abc")), "PKIX 7 RSASHA256 YWJj");
  EXPECT_EQ(shown(type::kApl, Bytes{}.u16(1).u8(21).u8(0x83).raw("\xC0\xA8\x20")),
            "!1:192.168.32.0/21");
  EXPECT_FALSE(shown(type::kApl, Bytes{}.u16(1).u8(33).u8(0)));
  EXPECT_FALSE(shown(type::kApl, Bytes{}.u16(1).u8(8).u8(5).raw("abcde")));
  EXPECT_EQ(shown(type::kHip, Bytes{}.u8(1).u8(2).u16(3).u8(0xAB).raw("key").name("rvs")),
            "2 AB a2V5 rvs.");
  EXPECT_FALSE(shown(type::kHip, Bytes{}.u8(200).u8(2).u16(3).u8(0xAB).raw("key")));
  EXPECT_EQ(shown(type::kAmtrelay, Bytes{}.u8(10).u8(0x81).u32(0xC0000201)), "10 1 1 192.0.2.1");
  EXPECT_EQ(shown(type::kIpseckey, Bytes{}.u8(10).u8(3).u8(2).name("gw").raw("key")),
            "10 3 2 gw. a2V5");
}

TEST(RdataFields, have_the_names_of_their_rfc) {
  EXPECT_EQ(fields(type::kMx, Bytes{}.u16(10).pointer(12)), "preference=10 exchange=example.");
  EXPECT_EQ(fields(type::kSoa, Bytes{}.pointer(12).pointer(12).u32(1).u32(2).u32(3).u32(4).u32(5)),
            "mname=example. rname=example. serial=1 refresh=2 retry=3 expire=4 minimum=5");
  EXPECT_EQ(fields(type::kCaa, Bytes{}.u8(0).u8(5).raw("issue").raw("a\"b\\")),
            R"(flags=0 tag=issue value=a"b\\)");
  EXPECT_EQ(
      fields(type::kDs, Bytes{}.u16(1).u8(8).u8(2).raw(std::string(32, '\x01'))),
      "key_tag=1 algorithm=8 digest_type=2 digest=" + [] {
        std::string hex;
        for (int i = 0; i < 32; ++i) hex += "01";
        return hex;
      }());
}

TEST(RdataFields, join_the_strings_of_a_text) {
  EXPECT_EQ(fields(type::kTxt, Bytes{}.u8(2).raw("v=").u8(3).raw("\xC3;\"")), R"(text=v=\195;")");
}

TEST(RdataFields, list_types_and_parameters) {
  EXPECT_EQ(fields(type::kNsec, Bytes{}.name("b").u8(0).u8(1).u8(0x60)), "next=b. types=[ A NS ]");
  EXPECT_EQ(fields(type::kHttps, Bytes{}.u16(1).name("").u16(3).u16(2).u16(53)),
            "priority=1 target=. params=[ port=53 ]");
}

TEST(RdataFields, of_types_whose_text_says_it_all_are_none) {
  EXPECT_FALSE(has_typed_fields(type::kA));
  EXPECT_FALSE(has_typed_fields(type::kNs));
  EXPECT_FALSE(has_typed_fields(65280));
  EXPECT_TRUE(has_typed_fields(type::kMx));
  EXPECT_EQ(fields(type::kNs, Bytes{}.pointer(12)), "");
}

}  // namespace
}  // namespace zonesweep::dns
