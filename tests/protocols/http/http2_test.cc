#include "protocols/http/http2.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include <string>
#include <utility>
#include <vector>

namespace zonesweep::http {
namespace {

// Frames of the server, written by hand (RFC 9113 section 4.1, RFC 7541 section 6.2.2).
std::string frame(int type, int flags, uint32_t id, const std::string& payload) {
  std::string out;
  for (const int shift : {16, 8, 0}) out += static_cast<char>(payload.size() >> shift & 0xFF);
  out += static_cast<char>(type);
  out += static_cast<char>(flags);
  for (const int shift : {24, 16, 8, 0}) out += static_cast<char>(id >> shift & 0xFF);
  return out + payload;
}
std::string literal(std::string_view name, std::string_view value) {
  std::string out(1, '\0');
  for (const std::string_view text : {name, value}) {
    if (text.size() < 127) {
      out += static_cast<char>(text.size());
    } else {
      out += '\x7F';
      size_t left = text.size() - 127;
      for (; left >= 128; left /= 128) out += static_cast<char>(left % 128 + 128);
      out += static_cast<char>(left);
    }
    out.append(text);
  }
  return out;
}
std::span<const std::byte> bytes_of(const std::string& text) {
  return std::as_bytes(std::span{text});
}

constexpr int kData = 0, kHeaders = 1, kReset = 3, kSettings = 4, kPush = 5, kPing = 6, kGoaway = 7,
              kContinuation = 9;
constexpr int kEndStream = 1, kEndHeaders = 4;
std::string u32(uint32_t value) {
  std::string out;
  for (const int shift : {24, 16, 8, 0}) out += static_cast<char>(value >> shift & 0xFF);
  return out;
}

using Headers = std::vector<std::pair<std::string, std::string>>;
std::string head(uint32_t id, const std::string& status, const Headers& headers = {},
                 bool end = false) {
  std::string block = literal(":status", status);
  for (const auto& [name, value] : headers) block += literal(name, value);
  return frame(kHeaders, kEndHeaders | (end ? kEndStream : 0), id, block);
}
std::string data(uint32_t id, const std::string& body, bool end = true) {
  return frame(kData, end ? kEndStream : 0, id, body);
}

std::string gzipped(const std::string& text) {
  z_stream stream{};
  EXPECT_EQ(deflateInit2(&stream, 9, Z_DEFLATED, 15 + 16, 9, Z_DEFAULT_STRATEGY), Z_OK);
  std::string out(deflateBound(&stream, text.size()) + 64, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

struct Heard {
  uint64_t token;
  EndKind kind;
  Problem problem;
  uint32_t error_code;
  uint16_t status;
  std::string body;
};

struct Http2Test : testing::Test, Http2Listener {
  Http2 http{*this};
  std::vector<Heard> heard;
  std::string sent;
  uint64_t again = 0;  // a token to submit from inside of the next event

  void on_end(const Event& event) override {
    const Response* const response = event.response;
    heard.push_back({event.token, event.kind, event.problem, event.error_code,
                     response == nullptr ? uint16_t{0} : response->status,
                     response == nullptr ? "" : response->body});
    if (again != 0) submit(std::exchange(again, 0));
  }
  bool ask(uint64_t token) { return submit(token) && http.append_output(sent); }
  bool submit(uint64_t token) {
    return http.submit(
        token,
        {.authority = "rdap.example", .target = "/domain/example.com", .user_agent = "test"});
  }
  bool feed(const std::string& bytes) {
    const bool alive = http.received(bytes_of(bytes));
    return http.append_output(sent) && alive;
  }
  void open() {
    EXPECT_TRUE(feed(frame(kSettings, 0, 0, "")));
    EXPECT_TRUE(sent.starts_with("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"));
  }
};

TEST_F(Http2Test, carries_many_responses_in_any_order) {
  open();
  ASSERT_TRUE(ask(10));
  ASSERT_TRUE(ask(20));
  EXPECT_EQ(http.in_flight(), 2U);
  EXPECT_TRUE(feed(head(3, "200", {{"content-type", "application/rdap+json"}}) + head(1, "404") +
                   data(3, "{\"b\":2}")));
  EXPECT_TRUE(feed(data(1, "{}")));
  ASSERT_EQ(heard.size(), 2U);
  EXPECT_EQ(heard[0].token, 20U);
  EXPECT_EQ(heard[0].body, "{\"b\":2}");
  EXPECT_EQ(heard[1].token, 10U);
  EXPECT_EQ(heard[1].status, 404);
  EXPECT_EQ(http.in_flight(), 0U);
}

TEST_F(Http2Test, reads_byte_by_byte) {
  ASSERT_TRUE(ask(1));
  for (const char c : frame(kSettings, 0, 0, "") + head(1, "200") + data(1, "body"))
    EXPECT_TRUE(feed(std::string(1, c)));
  ASSERT_EQ(heard.size(), 1U);
  EXPECT_EQ(heard[0].body, "body");
}

TEST_F(Http2Test, lets_the_listener_ask_on) {
  open();
  ASSERT_TRUE(ask(1));
  again = 2;
  EXPECT_TRUE(feed(head(1, "200", {}, true)));
  EXPECT_EQ(http.in_flight(), 1U);
  EXPECT_TRUE(feed(head(3, "200", {}, true)));
  ASSERT_EQ(heard.size(), 2U);
  EXPECT_EQ(heard[1].token, 2U);
}

TEST_F(Http2Test, inflates_and_keeps_the_bomb_small) {
  open();
  ASSERT_TRUE(ask(1));
  EXPECT_TRUE(feed(head(1, "200", {{"content-encoding", "gzip"}}) + data(1, gzipped("{\"a\":1}"))));
  ASSERT_EQ(heard.size(), 1U);
  EXPECT_EQ(heard[0].body, "{\"a\":1}");
  ASSERT_TRUE(ask(2));
  const std::string bomb = gzipped(std::string(64 << 20, ' '));
  std::string answer = head(3, "200", {{"content-encoding", "gzip"}});
  for (size_t at = 0; at < bomb.size(); at += 16'000)
    answer += data(3, bomb.substr(at, 16'000), false);
  EXPECT_TRUE(feed(answer));
  ASSERT_EQ(heard.size(), 2U);
  EXPECT_EQ(heard[1].kind, EndKind::problem);
  EXPECT_EQ(heard[1].problem, Problem::inflate_ratio);
}

TEST_F(Http2Test, refuses_encodings_that_it_did_not_offer_and_layers_of_them) {
  open();
  for (const Headers& headers :
       {Headers{{"content-encoding", "br"}}, Headers{{"content-encoding", "gzip, gzip"}},
        Headers{{"content-encoding", "gzip"}, {"content-encoding", "gzip"}}}) {
    const uint32_t id = static_cast<uint32_t>(heard.size() * 2 + 1);
    ASSERT_TRUE(ask(id));
    EXPECT_TRUE(feed(head(id, "200", headers) + data(id, "x")));
    ASSERT_FALSE(heard.empty());
    EXPECT_EQ(heard.back().problem, Problem::bad_encoding);
  }
}

TEST_F(Http2Test, calls_unprocessed_what_a_goaway_leaves_out) {
  open();
  ASSERT_TRUE(ask(1));
  ASSERT_TRUE(ask(2));
  ASSERT_TRUE(ask(3));
  EXPECT_TRUE(feed(frame(kGoaway, 0, 0, u32(3) + u32(0))));
  ASSERT_EQ(heard.size(), 1U);
  EXPECT_EQ(heard[0].token, 3U);
  EXPECT_EQ(heard[0].kind, EndKind::unprocessed);
  EXPECT_TRUE(http.draining());
  EXPECT_FALSE(ask(4));
  EXPECT_TRUE(http.received(bytes_of(head(1, "200", {}, true) + head(3, "200", {}, true))));
  EXPECT_EQ(heard.size(), 3U);
  EXPECT_EQ(heard[2].kind, EndKind::response);
}

TEST_F(Http2Test, calls_unprocessed_a_request_that_never_left) {
  open();
  ASSERT_TRUE(submit(1));
  EXPECT_TRUE(http.received(bytes_of(frame(kGoaway, 0, 0, u32(0) + u32(0)))));
  (void)http.append_output(sent);
  ASSERT_EQ(heard.size(), 1U);
  EXPECT_EQ(heard[0].kind, EndKind::unprocessed);
}

TEST_F(Http2Test, tells_a_refused_stream_from_a_reset_one) {
  open();
  ASSERT_TRUE(ask(1));
  ASSERT_TRUE(ask(2));
  EXPECT_TRUE(feed(frame(kReset, 0, 1, u32(7)) + head(3, "200") + data(3, "half", false) +
                   frame(kReset, 0, 3, u32(11))));
  ASSERT_EQ(heard.size(), 2U);
  EXPECT_EQ(heard[0].kind, EndKind::unprocessed);
  EXPECT_EQ(heard[1].kind, EndKind::reset);
  EXPECT_EQ(heard[1].error_code, 11U);
}

TEST_F(Http2Test, ends_all_when_the_connection_ends) {
  open();
  ASSERT_TRUE(ask(1));
  ASSERT_TRUE(ask(2));
  EXPECT_TRUE(feed(head(1, "200") + data(1, "half", false)));
  http.peer_closed();
  EXPECT_EQ(heard.size(), 2U);
  for (const Heard& one : heard) EXPECT_EQ(one.kind, EndKind::closed);
  EXPECT_EQ(http.room(), 0U);
}

TEST_F(Http2Test, never_hands_a_cancelled_answer_to_the_next) {
  open();
  ASSERT_TRUE(ask(1));
  (void)http.append_output(sent);
  http.cancel(1);
  ASSERT_TRUE(ask(2));
  EXPECT_TRUE(feed(head(1, "200") + data(1, "late") + head(3, "200") + data(3, "right")));
  ASSERT_EQ(heard.size(), 1U);
  EXPECT_EQ(heard[0].token, 2U);
  EXPECT_EQ(heard[0].body, "right");
}

TEST_F(Http2Test, forgets_a_request_that_was_cancelled_before_it_left) {
  open();
  ASSERT_TRUE(submit(1));
  http.cancel(1);
  EXPECT_TRUE(http.append_output(sent));
  EXPECT_EQ(http.in_flight(), 0U);
  EXPECT_TRUE(heard.empty());
}

TEST_F(Http2Test, stops_at_the_limits_of_heads) {
  open();
  ASSERT_TRUE(ask(1));
  Headers many;
  for (int i = 0; i < 300; ++i) many.emplace_back("x-" + std::to_string(i), "v");
  EXPECT_TRUE(feed(head(1, "200", many) + data(1, "x")));
  ASSERT_EQ(heard.size(), 1U);
  EXPECT_EQ(heard[0].problem, Problem::header_limit);
  ASSERT_TRUE(ask(2));
  std::string interim;
  for (int i = 0; i < 10; ++i) interim += head(3, "103");
  EXPECT_TRUE(feed(interim));
  ASSERT_EQ(heard.size(), 2U);
  EXPECT_EQ(heard[1].problem, Problem::header_limit);
}

TEST_F(Http2Test, refuses_control_bytes_in_headers) {
  open();
  ASSERT_TRUE(ask(1));
  (void)feed(head(1, "200", {{"location", std::string{"a\r\nb"}}}) + data(1, "x"));
  ASSERT_EQ(heard.size(), 1U);
  EXPECT_EQ(heard[0].kind, EndKind::problem);
}

TEST_F(Http2Test, ends_a_connection_of_frames_without_content) {
  for (const std::string& idle :
       {frame(kPing, 1, 0, std::string(8, 'x')), frame(kSettings, 0, 0, ""),
        frame(kPing, 0, 0, std::string(8, 'x'))}) {
    Http2 flooded{*this};
    heard.clear();
    ASSERT_TRUE(flooded.submit(1, {.authority = "a", .target = "/", .user_agent = "t"}));
    bool alive = flooded.received(bytes_of(frame(kSettings, 0, 0, "")));
    for (int i = 0; i < 3000 && alive; ++i) alive = flooded.received(bytes_of(idle));
    EXPECT_FALSE(alive);
    ASSERT_EQ(heard.size(), 1U);
    EXPECT_EQ(heard[0].kind, EndKind::closed);
  }
}

TEST_F(Http2Test, ends_a_connection_that_breaks_the_protocol) {
  for (const std::string& bad : {std::string("HTTP/1.1 400 Bad Request\r\n\r\n"), data(99, "x"),
                                 frame(kContinuation, 0, 1, ""), frame(kSettings, 0, 1, "")}) {
    Http2 broken{*this};
    heard.clear();
    ASSERT_TRUE(broken.submit(1, {.authority = "a", .target = "/", .user_agent = "t"}));
    std::string out;
    (void)broken.append_output(out);
    bool alive =
        broken.received(bytes_of(frame(kSettings, 0, 0, ""))) && broken.received(bytes_of(bad));
    alive = broken.append_output(out) && alive;
    EXPECT_FALSE(alive) << bad;
    EXPECT_EQ(heard.size(), 1U) << bad;
  }
}

TEST_F(Http2Test, takes_no_pushed_answer_for_one_that_it_asked_for) {
  open();
  ASSERT_TRUE(ask(1));
  const std::string request = literal(":method", "GET") + literal(":scheme", "https") +
                              literal(":path", "/") + literal(":authority", "rdap.example");
  if (feed(frame(kPush, kEndHeaders, 1, u32(2) + request) + head(2, "200") + data(2, "pushed"))) {
    EXPECT_TRUE(feed(head(1, "200") + data(1, "asked")));
  }
  ASSERT_EQ(heard.size(), 1U);
  EXPECT_TRUE(heard[0].kind == EndKind::closed || heard[0].body == "asked");
}

TEST_F(Http2Test, notices_a_body_of_another_length) {
  open();
  ASSERT_TRUE(ask(1));
  EXPECT_TRUE(feed(head(1, "200", {{"content-length", "10"}}) + data(1, "short")));
  ASSERT_EQ(heard.size(), 1U);
  EXPECT_NE(heard[0].kind, EndKind::response);
}

TEST_F(Http2Test, takes_no_more_streams_than_the_server_allows) {
  EXPECT_TRUE(feed(frame(kSettings, 0, 0, std::string("\0\3", 2) + u32(2))));
  EXPECT_TRUE(ask(1));
  EXPECT_TRUE(ask(2));
  EXPECT_FALSE(ask(3));
  EXPECT_EQ(http.room(), 0U);
}

}  // namespace
}  // namespace zonesweep::http
