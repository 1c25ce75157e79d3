#include "protocols/http/server_session.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include <string>
#include <vector>

#include "protocols/http/gzip.h"
#include "protocols/http/http1.h"
#include "protocols/http/http1_server.h"
#include "protocols/http/http2.h"
#include "protocols/http/http2_server.h"

namespace zonesweep::http {
namespace {

std::span<const std::byte> bytes_of(const std::string& text) {
  return std::as_bytes(std::span{text});
}

struct Answering : ServerListener {
  ServerSession* session = nullptr;
  std::vector<ServerRequest> heard;
  std::vector<uint32_t> streams;
  uint32_t last_after = UINT32_MAX;
  uint32_t resets_after = UINT32_MAX;

  void on_request(uint32_t stream, const ServerRequest& request) override {
    heard.push_back(request);
    streams.push_back(stream);
    if (heard.size() > resets_after) return session->reset(stream, 7);
    if (heard.size() == last_after) session->last(stream);
    session->respond(stream, {200, {{"content-type", "text/plain"}}, "of " + request.target});
  }
};

struct Collecting : Http2Listener {
  std::vector<std::pair<EndKind, std::string>> ended;
  void on_end(const Event& event) override {
    ended.emplace_back(event.kind, event.response == nullptr ? "" : event.response->body);
  }
};

// What one side puts out, the other receives, until both are silent.
bool converse(Http2& client, Http2Server& server) {
  bool open = true;
  for (bool busy = true; busy;) {
    std::string up, down;
    (void)client.append_output(up);
    if (!up.empty()) (void)server.received(bytes_of(up));
    open = server.append_output(down) && open;
    if (!down.empty()) (void)client.received(bytes_of(down));
    busy = !up.empty() || !down.empty();
  }
  return open;
}

Request request_for(std::string_view target) {
  return {.authority = "a.test", .target = target, .user_agent = "test", .if_none_match = ""};
}

TEST(Http2Server, answers_many_requests_of_our_client) {
  Answering answering;
  Http2Server server{answering};
  answering.session = &server;
  Collecting collecting;
  Http2 client{collecting};
  EXPECT_TRUE(converse(client, server));  // SETTINGS
  for (uint64_t i = 0; i < 50; ++i) {
    ASSERT_TRUE(client.submit(i, request_for("/" + std::to_string(i))));
  }
  EXPECT_TRUE(converse(client, server));
  ASSERT_EQ(collecting.ended.size(), 50U);
  EXPECT_EQ(collecting.ended[7], (std::pair{EndKind::response, std::string{"of /7"}}));
  EXPECT_EQ(answering.heard[0].authority, "a.test");
  EXPECT_EQ(answering.heard[0].accept_encoding, "gzip");
}

TEST(Http2Server, looks_at_nothing_behind_the_last_request) {
  Answering answering;
  Http2Server server{answering};
  answering.session = &server;
  answering.last_after = 3;
  Collecting collecting;
  Http2 client{collecting};
  EXPECT_TRUE(converse(client, server));  // SETTINGS
  for (uint64_t i = 0; i < 10; ++i) ASSERT_TRUE(client.submit(i, request_for("/")));
  EXPECT_FALSE(converse(client, server));
  EXPECT_EQ(answering.heard.size(), 3U);
  EXPECT_TRUE(client.draining());
  EXPECT_EQ(std::ranges::count(collecting.ended, EndKind::response,
                               &std::pair<EndKind, std::string>::first),
            3);
  EXPECT_EQ(std::ranges::count(collecting.ended, EndKind::unprocessed,
                               &std::pair<EndKind, std::string>::first),
            7);
}

TEST(Http2Server, resets_a_stream_alone) {
  Answering answering;
  Http2Server server{answering};
  answering.session = &server;
  answering.resets_after = 1;
  Collecting collecting;
  Http2 client{collecting};
  EXPECT_TRUE(converse(client, server));  // SETTINGS
  for (uint64_t i = 0; i < 2; ++i) ASSERT_TRUE(client.submit(i, request_for("/")));
  EXPECT_TRUE(converse(client, server));
  ASSERT_EQ(collecting.ended.size(), 2U);
  EXPECT_NE(collecting.ended[0].first, collecting.ended[1].first);
}

TEST(Http1Server, answers_our_client_again_and_again) {
  Answering answering;
  Http1Server server{answering};
  answering.session = &server;
  Http1 client;
  for (const char* target : {"/a", "/b", "/c"}) {
    std::string up, down;
    client.start(request_for(target), up);
    ASSERT_TRUE(server.received(bytes_of(up)));
    ASSERT_TRUE(server.append_output(down));
    ASSERT_EQ(client.received(bytes_of(down)), Http1::Step::done);
    EXPECT_EQ(client.response().body, std::string{"of "} + target);
    EXPECT_TRUE(client.reusable());
  }
}

TEST(Http1Server, takes_requests_in_any_pieces_and_ahead_of_time) {
  Answering answering;
  Http1Server server{answering};
  answering.session = &server;
  const std::string two = "GET /a HTTP/1.1\r\nHost: x\r\n\r\nGET /b HTTP/1.1\r\nHost: y\r\n\r\n";
  for (const char c : two) ASSERT_TRUE(server.received(bytes_of(std::string(1, c))));
  ASSERT_TRUE(server.received(bytes_of(two)));
  ASSERT_EQ(answering.heard.size(), 4U);
  EXPECT_EQ(answering.heard[1].target, "/b");
  EXPECT_EQ(answering.heard[3].authority, "y");
}

TEST(Http1Server, closes_where_the_client_asks_for_it_and_on_nonsense) {
  Answering answering;
  Http1Server server{answering};
  answering.session = &server;
  std::string out;
  ASSERT_TRUE(server.received(bytes_of("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")));
  EXPECT_FALSE(server.append_output(out));
  EXPECT_THAT(out, testing::HasSubstr("connection: close\r\n"));
  Http1Server other{answering};
  EXPECT_FALSE(other.received(bytes_of("\x16\x03\x01 nonsense")));
}

TEST(Gzip, blanks_pack_a_thousandfold) {
  const std::string packed = gzip_of_blanks(10);
  EXPECT_LT(packed.size(), 20'000U);
  std::string plain(11 * limits::kBlankPiece, 'x');
  z_stream stream{};
  ASSERT_EQ(inflateInit2(&stream, 15 + 16), Z_OK);
  stream.next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(packed.data()));
  stream.avail_in = static_cast<uInt>(packed.size());
  stream.next_out = reinterpret_cast<Bytef*>(plain.data());
  stream.avail_out = static_cast<uInt>(plain.size());
  EXPECT_EQ(inflate(&stream, Z_FINISH), Z_STREAM_END);  // checks sum and length, too
  EXPECT_EQ(stream.total_out, 10 * limits::kBlankPiece);
  inflateEnd(&stream);
}

}  // namespace
}  // namespace zonesweep::http
