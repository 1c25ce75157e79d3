#include "engine/ndjson.h"

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <vector>

#include "engine/json_text.h"
#include "protocols/dns/writer.h"

namespace zonesweep::engine {
namespace {

using namespace std::string_literals;

const dns::Name kName = *dns::Name::from_text("WWW.example.test");

std::string json(std::string_view bytes) {
  std::string out;
  append_json_text(bytes, out);
  return out;
}

std::string time_of(int64_t unix_us) {
  std::string out;
  append_json_time(unix_us, out);
  return out;
}

std::string row(const DnsRecord& record) {
  std::string out;
  append_ndjson(record, out);
  return out;
}

DnsRecord base_record() {
  return {.seq = 7,
          .input = "WWW.example.test",
          .name = kName,
          .type = dns::type::kA,
          .status = Status::noerror,
          .server = "192.0.2.53:53",
          .transport = TransportUsed::udp,
          .tries = 1,
          .rtt_us = 812,
          .ts_us = 1'785'587'696'123'456};
}

class Reply {
 public:
  explicit Reply(uint16_t type = dns::type::kA,
                 dns::ReplyHeader header = {.recursion_desired = true, .recursion_available = true})
      : writer_(bytes_) {
    writer_.header(header);
    EXPECT_TRUE(writer_.question(kName, type));
  }
  dns::MessageWriter& writer() { return writer_; }
  [[nodiscard]] std::span<const std::byte> bytes() const { return writer_.written(); }

 private:
  std::array<std::byte, 4096> bytes_{};
  dns::MessageWriter writer_;
};

std::vector<std::byte> rdata(std::string_view octets) {
  const auto bytes = std::as_bytes(std::span(octets));
  return {bytes.begin(), bytes.end()};
}

TEST(JsonText, keeps_ascii_and_whole_utf8) {
  EXPECT_EQ(json("plain /text"), "plain /text");
  EXPECT_EQ(json("b\xC3\xBC\xE2\x82\xAC\xF0\x9F\x98\x80"), "b\xC3\xBC\xE2\x82\xAC\xF0\x9F\x98\x80");
  EXPECT_EQ(json("\"\\"), R"(\"\\)");
}

TEST(JsonText, writes_octets_that_are_no_utf8_as_decimals) {
  EXPECT_EQ(json("a\xFF"), R"(a\\255)");
  EXPECT_EQ(json("\xC3"), R"(\\195)");           // cut
  EXPECT_EQ(json("\xC0\x80"), R"(\\192\\128)");  // overlong
  EXPECT_EQ(json("\xE0\x80\xAF"), R"(\\224\\128\\175)");
  EXPECT_EQ(json("\xED\xA0\x80"), R"(\\237\\160\\128)");  // surrogate
  EXPECT_EQ(json("\xF4\x90\x80\x80"), R"(\\244\\144\\128\\128)");
  EXPECT_EQ(json("\0x"s), R"(\\000x)");
}

TEST(JsonText, escapes_what_would_move_or_hide_text) {
  EXPECT_EQ(json("\x1B[2J\r\n\t\x7F"), R"(\u001b[2J\u000d\u000a\u0009\u007f)");
  EXPECT_EQ(json("\xC2\x9B"), R"(\u009b)");
  EXPECT_EQ(json("\xE2\x80\xAE\xE2\x81\xA6\xEF\xBB\xBF\xE2\x80\xA8"),
            R"(\u202e\u2066\ufeff\u2028)");
}

TEST(JsonText, escapes_a_tail_where_it_stands) {
  std::string out = "\"keep\\";
  const size_t from = out.size();
  out += R"("a\b" and a longer \ tail without)";
  escape_json_tail(out, from);
  EXPECT_EQ(out, R"("keep\\"a\\b\" and a longer \\ tail without)");
}

TEST(JsonTime, is_utc_with_microseconds) {
  EXPECT_EQ(time_of(0), "\"1970-01-01T00:00:00.000000Z\"");
  EXPECT_EQ(time_of(1'785'587'696'123'456), "\"2026-08-01T12:34:56.123456Z\"");
  EXPECT_EQ(time_of(1'785'587'696'999'999), "\"2026-08-01T12:34:56.999999Z\"");
  EXPECT_EQ(time_of(951'827'696'000'001), "\"2000-02-29T12:34:56.000001Z\"");
  EXPECT_EQ(time_of(-1), "\"1969-12-31T23:59:59.999999Z\"");
  EXPECT_EQ(time_of(INT64_MAX).size(), 29u);
  EXPECT_EQ(time_of(INT64_MIN).size(), 29u);
}

TEST(Row, of_an_address) {
  Reply reply;
  ASSERT_TRUE(reply.writer().answer_a(0x0A010203, 300));
  ASSERT_TRUE(reply.writer().opt({}));
  DnsRecord record = base_record();
  record.message = reply.bytes();
  EXPECT_EQ(
      row(record),
      R"({"seq":7,"input":"WWW.example.test","name":"www.example.test","type":"A",)"
      R"("status":"NOERROR","rcode":0,"flags":["rd","ra"],)"
      R"("answers":[{"name":"WWW.example.test.","type":"A","class":"IN","ttl":300,"data":"10.1.2.3"}],)"
      R"("server":"192.0.2.53:53","transport":"udp","tries":1,"rtt_us":812,"cached":false,)"
      R"("ts":"2026-08-01T12:34:56.123456Z"})"
      "\n");
}

TEST(Row, without_a_reply_leaves_out_what_is_empty) {
  DnsRecord record = base_record();
  record.status = Status::timeout;
  record.rtt_us = 0;
  record.tries = 3;
  record.error = "no reply";
  EXPECT_EQ(
      row(record),
      R"({"seq":7,"input":"WWW.example.test","name":"www.example.test","type":"A",)"
      R"("status":"TIMEOUT","server":"192.0.2.53:53","transport":"udp","tries":3,"cached":false,)"
      R"("ts":"2026-08-01T12:34:56.123456Z","error":"no reply"})"
      "\n");
}

TEST(Row, of_illegal_input_keeps_the_input_in_any_case) {
  DnsRecord record{.seq = 1, .input = "a\xFF\x1B\"b", .status = Status::illegal_input};
  record.error = "bad escape";
  EXPECT_EQ(
      row(record),
      R"({"seq":1,"input":"a\\255\u001b\"b","status":"ILLEGAL_INPUT","tries":0,"cached":false,)"
      R"("ts":"1970-01-01T00:00:00.000000Z","error":"bad escape"})"
      "\n");
}

TEST(Row, of_nxdomain_keeps_chain_and_soa_and_shows_typed_fields) {
  Reply reply{dns::type::kA, {.rcode = dns::rcode::kNxDomain, .authoritative = true}};
  const dns::Name target = *dns::Name::from_text("gone.example.test");
  const dns::Name zone = *dns::Name::from_text("example.test");
  const auto soa = rdata("\2ns\0\4host\0\0\0\0\1\0\0\0\2\0\0\0\3\0\0\0\4\0\0\0\5"s);
  auto& writer = reply.writer();
  ASSERT_TRUE(writer.record(dns::Section::answer, {kName, dns::type::kCname, 60, target.wire()}));
  ASSERT_TRUE(writer.record(dns::Section::authority, {zone, dns::type::kSoa, 900, soa}));
  DnsRecord record = base_record();
  record.status = Status::nxdomain;
  record.message = reply.bytes();
  const std::string text = row(record);
  EXPECT_NE(
      text.find(
          R"("status":"NXDOMAIN","rcode":3,"flags":["aa"],"answers":[{"name":"WWW.example.test.",)"
          R"("type":"CNAME","class":"IN","ttl":60,"data":"gone.example.test."}],"authorities":[{)"
          R"("name":"example.test.","type":"SOA","class":"IN","ttl":900,"data":"ns. host. 1 2 3 4 5",)"
          R"("mname":"ns.","rname":"host.","serial":1,"refresh":2,"retry":3,"expire":4,"minimum":5}],)"),
      std::string::npos)
      << text;
}

TEST(Row, leaves_out_unrelated_records_and_the_opt) {
  Reply reply;
  const dns::Name victim = *dns::Name::from_text("victim.test");
  const std::array<std::byte, 4> address{};
  auto& writer = reply.writer();
  ASSERT_TRUE(writer.record(dns::Section::answer, {victim, dns::type::kA, 60, address}));
  ASSERT_TRUE(writer.answer_a(1, 60));
  ASSERT_TRUE(writer.record(dns::Section::additional, {victim, dns::type::kA, 60, address}));
  ASSERT_TRUE(writer.opt({}));
  DnsRecord record = base_record();
  record.message = reply.bytes();
  const std::string text = row(record);
  EXPECT_EQ(text.find("victim"), std::string::npos);
  EXPECT_EQ(text.find("OPT"), std::string::npos);
  EXPECT_EQ(text.find("additionals"), std::string::npos);
  EXPECT_NE(text.find("0.0.0.1"), std::string::npos);
}

TEST(Row, escapes_what_came_from_the_wire_once_for_dns_and_once_for_json) {
  Reply reply{dns::type::kTxt};
  ASSERT_TRUE(reply.writer().record(dns::Section::answer,
                                    {kName, dns::type::kTxt, 60, rdata("\6\"a\\\0\xFF\x1B"s)}));
  DnsRecord record = base_record();
  record.type = dns::type::kTxt;
  record.message = reply.bytes();
  EXPECT_NE(
      row(record).find(R"("data":"\"\\\"a\\\\\\000\\255\\027\"","text":"\"a\\\\\\000\\255\\027"})"),
      std::string::npos)
      << row(record);
}

TEST(Row, shows_extended_errors_with_untrusted_text) {
  Reply reply{dns::type::kA, {.rcode = dns::rcode::kServFail}};
  const auto options = rdata("\0\x0F\0\5\0\6b\xC3\n\0\x0F\0\2\xFF\0"s);
  ASSERT_TRUE(reply.writer().opt({.options = options}));
  DnsRecord record = base_record();
  record.status = Status::servfail;
  record.message = reply.bytes();
  EXPECT_NE(
      row(record).find(
          R"("ede":[{"code":6,"name":"DNSSEC Bogus","text":"b\\195\u000a"},{"code":65280}],)"),
      std::string::npos)
      << row(record);
}

TEST(Row, takes_the_age_of_a_cached_answer_off_its_ttl) {
  Reply reply;
  ASSERT_TRUE(reply.writer().answer_a(1, 300));
  ASSERT_TRUE(reply.writer().answer_a(2, 10));
  ASSERT_TRUE(reply.writer().answer_a(3, 0x80000000));
  DnsRecord record = base_record();
  record.message = reply.bytes();
  record.cached = true;
  record.cached_age_s = 100;
  const std::string text = row(record);
  EXPECT_NE(text.find(R"("ttl":200,"data":"0.0.0.1")"), std::string::npos);
  EXPECT_NE(text.find(R"("ttl":0,"data":"0.0.0.2")"), std::string::npos);
  EXPECT_NE(text.find(R"("ttl":0,"data":"0.0.0.3")"), std::string::npos);
  EXPECT_NE(text.find(R"("cached":true)"), std::string::npos);
}

TEST(Row, stays_bounded_however_far_a_message_unfolds) {
  std::array<std::byte, dns::limits::kMessageBytes> bytes;
  dns::MessageWriter writer{bytes};
  std::string label;
  for (int i = 0; i < 60; ++i) label += "\\007";
  const dns::Name name = *dns::Name::from_text(label + '.' + label + '.' + label + '.' + label);
  writer.header({});
  ASSERT_TRUE(writer.question(name, dns::type::kRp));
  const auto pointers = rdata("\xC0\x0C\xC0\x0C"s);
  for (size_t i = 0; i < dns::limits::kMessageRecords; ++i) {
    ASSERT_TRUE(writer.record(dns::Section::answer, {name, dns::type::kRp, 60, pointers}));
  }
  DnsRecord record = base_record();
  record.message = writer.written();
  const std::string text = row(record);
  EXPECT_LT(text.size(), limits::kRowRecordBytes + 20'000);
  EXPECT_GT(text.size(), limits::kRowRecordBytes);
  EXPECT_NE(text.find(R"("error":"records left out: the answer is too large"})"),
            std::string::npos);
}

TEST(Row, of_another_rcode_carries_its_number) {
  Reply reply{dns::type::kA, {.rcode = dns::rcode::kBadCookie}};
  ASSERT_TRUE(reply.writer().opt({}));
  DnsRecord record = base_record();
  record.status = Status::rcode;
  record.rcode = dns::rcode::kBadCookie;
  record.message = reply.bytes();
  EXPECT_NE(row(record).find(R"("status":"RCODE23","rcode":23)"), std::string::npos);
}

Status status(const Reply& reply) {
  const auto message = dns::Message::parse(reply.bytes());
  return status_of(*message, *message->validate());
}

TEST(Status, of_an_empty_noerror_depends_on_what_vouches_for_it) {
  EXPECT_EQ(status(Reply{dns::type::kA, {.recursion_available = true}}), Status::nodata);
  EXPECT_EQ(status(Reply{dns::type::kA, {.authoritative = true}}), Status::nodata);
  EXPECT_EQ(status(Reply{dns::type::kA, {}}), Status::bad_answer);
  Reply referral{dns::type::kA, {.recursion_available = true}};
  const dns::Name zone = *dns::Name::from_text("test");
  ASSERT_TRUE(
      referral.writer().record(dns::Section::authority, {zone, dns::type::kNs, 60, zone.wire()}));
  EXPECT_EQ(status(referral), Status::bad_answer);
}

TEST(Status, of_a_chain_that_loops_is_cname_loop_and_never_nodata) {
  Reply reply;
  ASSERT_TRUE(
      reply.writer().record(dns::Section::answer, {kName, dns::type::kCname, 60, kName.wire()}));
  EXPECT_EQ(status(reply), Status::cname_loop);
}

TEST(Status, of_rcodes_is_their_word) {
  EXPECT_EQ(status(Reply{dns::type::kA, {.rcode = 1}}), Status::formerr);
  EXPECT_EQ(status(Reply{dns::type::kA, {.rcode = 2}}), Status::servfail);
  EXPECT_EQ(status(Reply{dns::type::kA, {.rcode = 3}}), Status::nxdomain);
  EXPECT_EQ(status(Reply{dns::type::kA, {.rcode = 4}}), Status::notimp);
  EXPECT_EQ(status(Reply{dns::type::kA, {.rcode = 5}}), Status::refused);
  EXPECT_EQ(status(Reply{dns::type::kA, {.rcode = 9}}), Status::rcode);
}

}  // namespace
}  // namespace zonesweep::engine
