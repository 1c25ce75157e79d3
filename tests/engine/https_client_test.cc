#include "engine/https_client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "io/tls.h"
#include "io/tls_authority.h"
#include "protocols/http/http2.h"
#include "protocols/http/http2_server.h"
#include "tests/sim/sim_servers.h"
#include "tests/sim/sim_transport.h"

namespace zonesweep::engine {
namespace {

using namespace std::chrono_literals;
using Kind = HttpsResult::Kind;

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span{text.data(), text.size()});
}

// -- HTTP/2 frames, written by hand: a codec that errs must not agree with itself

constexpr int kData = 0, kHeaders = 1, kReset = 3, kSettings = 4, kPing = 6, kGoaway = 7;
constexpr uint32_t kRefusedStream = 7;
constexpr int kEndStream = 1, kEndHeaders = 4, kAck = 1;

std::string big_endian(uint64_t value, int bytes) {
  std::string out;
  while (bytes-- > 0) out += static_cast<char>(value >> (8 * bytes) & 0xFF);
  return out;
}
std::string frame(int type, int flags, uint32_t id, const std::string& payload) {
  return big_endian(payload.size(), 3) + static_cast<char>(type) + static_cast<char>(flags) +
         big_endian(id, 4) + payload;
}
std::string head(uint32_t id, const std::string& status) {
  return frame(kHeaders, kEndHeaders, id, std::string(1, '\0') + "\x07:status\x03" + status);
}
std::string data(uint32_t id, const std::string& body, bool end = true) {
  return frame(kData, end ? kEndStream : 0, id, body);
}
std::string whole(uint32_t id) {
  return head(id, "200") + data(id, "stream " + std::to_string(id));
}
std::string max_streams(uint32_t count) {
  return frame(kSettings, 0, 0, big_endian(3, 2) + big_endian(count, 4));
}
std::string reset(uint32_t id, uint32_t code) { return frame(kReset, 0, id, big_endian(code, 4)); }
std::string goaway(uint32_t last) {
  return frame(kGoaway, 0, 0, big_endian(last, 4) + big_endian(0, 4));
}
std::string with_length(const std::string& body) {
  return "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

// The target of each request of an HTTP/2 connection. The frames above say everything else: a
// session would not misbehave.
class TargetReader final : public http::ServerListener {
 public:
  TargetReader() { read("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(kSettings, 0, 0, "")); }
  const std::string& read(std::string_view headers_frame) {
    EXPECT_TRUE(session_.received(bytes_of(headers_frame)));
    return target_;
  }

 private:
  void on_request(uint32_t, const http::ServerRequest& request) override {
    target_ = request.target;
  }

  std::string target_;
  http::Http2Server session_{*this, /*streams_at_once=*/1'000'000};
};

// -- The server: TLS, and what it does with a request is the test's

class HttpsServer final : public sim::SimServer {
 public:
  struct Connection {
    std::optional<io::TlsSession> tls;
    sim::SimConnection wire;
    uint32_t number = 0;    // from 1, in the order in which they came
    uint32_t requests = 0;  // so far, this one included
    std::string inbox;
    bool greeted = false;
    std::unique_ptr<TargetReader> targets = std::make_unique<TargetReader>();

    void send(std::string_view text) {
      tls->write(bytes_of(text));
      push();
    }
    void push() {
      std::string out;
      if (tls->take_ciphertext(out) > 0) wire.send(bytes_of(out));
    }
    void close() {  // with close_notify
      tls->close();
      push();
      wire.close();
    }
  };
  struct Request {
    Connection& to;
    uint32_t stream = 0;  // of HTTP/2
    std::string line;     // "GET /domain/7"
    std::string head;     // of HTTP/1.1
  };

  explicit HttpsServer(io::TlsContext& tls) : tls_(tls) {}

  void on_datagram(const sim::SimPeer&, std::span<const std::byte>) override {}
  Welcome on_connect(const sim::SimConnection& wire) override {
    if (welcome != Welcome::open) return welcome;
    Connection& connection = connections_[key(wire)];
    connection.tls.emplace(*io::TlsSession::server(tls_));
    connection.wire = wire;
    connection.number = ++accepted;
    return Welcome::open;
  }
  void on_bytes(const sim::SimConnection& wire, std::span<const std::byte> bytes) override {
    const auto place = connections_.find(key(wire));
    if (place == connections_.end() || mute_handshake) return;
    if (reset_handshake) return wire.reset();
    if (!babble.empty()) return wire.send(bytes_of(babble));
    Connection& connection = place->second;
    connection.tls->received(bytes);
    connection.tls->take_plaintext(connection.inbox);
    connection.push();
    if (!connection.tls->is_open()) return;
    if (connection.tls->alpn() == "h2") {
      read_http2(connection);
    } else {
      read_http1(connection);
    }
  }
  void on_end(const sim::SimConnection&) override { ++ended; }  // what is sent later goes nowhere

  Welcome welcome = Welcome::open;
  bool mute_handshake = false;
  bool reset_handshake = false;
  std::string babble;  // instead of TLS
  std::string settings = frame(kSettings, 0, 0, "");
  std::function<void(const Request&)> on_request = [](const Request& request) {
    request.to.send(request.stream == 0 ? with_length("hello") : whole(request.stream));
  };
  std::function<void(uint32_t stream, uint32_t code)> on_reset = [](uint32_t, uint32_t) {};
  uint32_t accepted = 0;
  uint32_t ended = 0;

 private:
  using Key = std::pair<uint32_t, uint32_t>;
  static Key key(const sim::SimConnection& of) { return {of.id().slot, of.id().generation}; }

  void read_http1(Connection& connection) {
    for (size_t end; (end = connection.inbox.find("\r\n\r\n")) != std::string::npos;) {
      const std::string text = connection.inbox.substr(0, end);
      connection.inbox.erase(0, end + 4);
      ++connection.requests;
      on_request({.to = connection, .line = text.substr(0, text.find(" HTTP")), .head = text});
    }
  }
  void read_http2(Connection& connection) {
    constexpr size_t kPreface = 24;
    if (!connection.greeted) {
      if (connection.inbox.size() < kPreface) return;
      connection.inbox.erase(0, kPreface);
      connection.greeted = true;
      connection.send(settings);
    }
    while (connection.inbox.size() >= 9) {
      const auto byte = [&](size_t at) { return static_cast<uint8_t>(connection.inbox[at]); };
      const size_t size = size_t{byte(0)} << 16 | size_t{byte(1)} << 8 | byte(2);
      if (connection.inbox.size() < 9 + size) return;
      const uint32_t id = uint32_t{byte(7)} << 8 | byte(8);
      const int type = byte(3);
      const int flags = byte(4);
      const uint32_t code = size < 4 ? 0 : byte(12);
      const std::string bytes = connection.inbox.substr(0, 9 + size);
      connection.inbox.erase(0, 9 + size);
      if (type == kSettings && (flags & kAck) == 0) connection.send(frame(kSettings, kAck, 0, ""));
      if (type == kReset) on_reset(id, code);
      if (type != kHeaders) continue;
      ++connection.requests;
      const std::string line = "GET " + connection.targets->read(bytes);
      on_request({.to = connection, .stream = id, .line = line, .head = {}});
    }
  }

  io::TlsContext& tls_;
  std::map<Key, Connection> connections_;
};

// -- The world

struct Heard {
  Kind kind;
  HttpsStage stage;
  io::Error error;
  http::Problem problem;
  uint32_t reset_code;
  std::string reason;
  uint16_t status;
  std::string body;
  uint32_t sends;
  bool http2;
  Instant when;
};

struct Authority {
  io::TlsAuthority authority = *io::TlsAuthority::create();
  io::TlsLeaf leaf = *authority.issue({.dns_names = {"rdap.example"}});
};
// Keys are slow to make.
const Authority& authority() {
  static const Authority made;
  return made;
}

const io::Endpoint kFirst = *io::Endpoint::parse("192.0.2.1:443", 443);
const io::Endpoint kSecond = *io::Endpoint::parse("192.0.2.2:443", 443);

class HttpsClientTest : public testing::Test, public HttpsClient::Client {
 protected:
  explicit HttpsClientTest(uint64_t seed = 7) : net(seed) {}
  void SetUp() override {
    tls_ = *io::TlsContext::client(
        {.system_store = false, .ca_pem = authority().authority.certificate_pem()});
    start();
  }
  void start() { client = std::make_unique<HttpsClient>(net, *tls_, *this, options); }
  // `alpn`: what the server speaks.
  HttpsServer& serve(const io::Endpoint& at, std::vector<std::string> alpn,
                     const io::TlsLeaf& leaf = authority().leaf) {
    contexts_.push_back(*io::TlsContext::server(
        {.chain_pem = leaf.chain_pem, .key_pem = leaf.key_pem, .alpn = std::move(alpn)}));
    return net.add_server<HttpsServer>(at, *contexts_.back());
  }
  HttpsServer& serve_http2() { return serve(kFirst, {"h2"}); }
  HttpsServer& serve_http1() { return serve(kFirst, {"http/1.1"}); }

  void open(uint32_t connections = 1, std::vector<io::Endpoint> addresses = {kFirst}) {
    origin = client->open_origin("rdap.example", 443, std::move(addresses), connections);
  }
  bool ask(uint64_t token) {
    if (!client->ask(origin, token, "/domain/" + std::to_string(token))) return false;
    asked.push_back(token);
    return true;
  }
  // As many of `tokens` as there is room for, again whenever there is; until all ended.
  void ask_all(uint64_t first, uint64_t last) {
    uint64_t next = first;
    run_until([&] {
      while (next <= last && client->room(origin) > 0) EXPECT_TRUE(ask(next++));
      return next > last && client->in_flight() == 0;
    });
  }
  void run_until(const std::function<bool()>& done, Duration limit = 5min) {
    const Instant end = net.now() + limit;
    while (!done() && net.now() < end) turn(end);
    EXPECT_TRUE(done()) << "did not end in time";
  }
  void run_for(Duration span) {
    const Instant end = net.now() + span;
    while (net.now() < end) turn(end);
  }
  void run_until_idle() {
    run_until([&] { return client->in_flight() == 0; });
  }
  void turn(Instant limit) {
    client->flush();
    for (const io::Event& event : net.turn(client->wake_at(limit), 1))
      EXPECT_TRUE(client->on_event(event));
    client->expire(net.now());
  }
  void on_http_end(uint64_t token, const HttpsResult& result) override {
    EXPECT_FALSE(heard.contains(token)) << "token " << token << " ended twice";
    const http::Response* const response = result.response;
    heard.insert_or_assign(
        token,
        Heard{result.kind, result.stage, result.error, result.problem, result.reset_code,
              std::string(result.reason), response == nullptr ? uint16_t{0} : response->status,
              response == nullptr ? "" : response->body, result.sends, result.http2, net.now()});
    if (on_end) on_end(token);
  }
  [[nodiscard]] size_t count(Kind kind) const {
    return static_cast<size_t>(std::ranges::count_if(
        heard, [kind](const auto& entry) { return entry.second.kind == kind; }));
  }
  void expect_timeout(uint64_t token, HttpsStage stage, Instant asked_at, Duration after) {
    ASSERT_TRUE(heard.contains(token));
    const Heard& end = heard.at(token);
    EXPECT_EQ(end.kind, Kind::timeout);
    EXPECT_EQ(end.stage, stage) << name_of(end.stage);
    EXPECT_GE(end.when - asked_at, after);
    EXPECT_LE(end.when - asked_at, after + 50ms);
  }

  sim::SimTransport net;
  HttpsOptions options{.user_agent = "zonesweep/test"};
  std::unique_ptr<HttpsClient> client;
  HttpsClient::OriginId origin = 0;
  std::map<uint64_t, Heard> heard;
  std::vector<uint64_t> asked;
  std::function<void(uint64_t)> on_end;

 private:
  std::unique_ptr<io::TlsContext> tls_;
  std::vector<std::unique_ptr<io::TlsContext>> contexts_;
};

// -- HTTP/2

TEST_F(HttpsClientTest, carries_many_requests_over_one_http2_connection) {
  HttpsServer& server = serve_http2();
  open();
  ask_all(1, 500);
  EXPECT_EQ(count(Kind::response), 500U);
  EXPECT_EQ(server.accepted, 1U);
  EXPECT_TRUE(heard.at(1).http2);
  // Streams are numbered in the order in which they were asked.
  for (uint64_t token = 1; token <= 500; ++token)
    EXPECT_EQ(heard.at(token).body, "stream " + std::to_string(2 * token - 1));
}

TEST_F(HttpsClientTest, keeps_to_the_streams_that_the_server_allows) {
  HttpsServer& server = serve_http2();
  server.settings = max_streams(3);
  uint32_t open_streams = 0;
  uint32_t most = 0;
  server.on_request = [&](const HttpsServer::Request& request) {
    most = std::max(most, ++open_streams);
    net.after(5ms, [&, to = &request.to, id = request.stream] {
      --open_streams;
      to->send(whole(id));
    });
  };
  open();
  ASSERT_TRUE(ask(1));
  run_until_idle();
  most = 0;
  ask_all(2, 40);
  EXPECT_EQ(count(Kind::response), 40U);
  EXPECT_EQ(most, 3U);
}

TEST_F(HttpsClientTest, has_no_room_at_a_server_that_allows_no_stream) {
  HttpsServer& server = serve_http2();
  server.settings = max_streams(0);
  open();
  ask_all(1, 1);  // it left before the server had spoken
  EXPECT_EQ(heard.at(1).kind, Kind::response);
  EXPECT_EQ(client->room(origin), 0U);
  EXPECT_FALSE(ask(2));
  const uint64_t turns = net.counters().turns;
  run_for(options.keep_alive + 5s);
  EXPECT_LT(net.counters().turns - turns, 20U);
  EXPECT_EQ(client->connections(), 0U);
  EXPECT_GT(client->room(origin), 0U);
}

TEST_F(HttpsClientTest, survives_limits_that_change_under_its_requests) {
  HttpsServer& server = serve_http2();
  server.on_request = [&](const HttpsServer::Request& request) {
    const uint32_t allowed = request.to.requests % 7;
    request.to.send(max_streams(allowed) + whole(request.stream));
    if (allowed > 0) return;
    net.after(50ms, [to = &request.to] { to->send(max_streams(100)); });
  };
  open();
  ask_all(1, 300);
  EXPECT_EQ(heard.size(), 300U);
  EXPECT_GT(count(Kind::response), 250U);
}

TEST_F(HttpsClientTest, takes_few_requests_before_it_knows_the_server) {
  serve_http2();
  open();
  EXPECT_EQ(client->room(origin), limits::kHttpsRequestsAhead);
  for (uint64_t token = 1; token <= limits::kHttpsRequestsAhead; ++token) EXPECT_TRUE(ask(token));
  EXPECT_EQ(client->room(origin), 0U);
  EXPECT_FALSE(client->ask(origin, 99, "/"));
  run_until_idle();
  EXPECT_EQ(client->room(origin), http::limits::kStreams);
}

TEST_F(HttpsClientTest, reads_answers_that_come_byte_by_byte) {
  HttpsServer& server = serve_http2();
  server.segments = {1};
  open();
  ask_all(1, 10);
  EXPECT_EQ(count(Kind::response), 10U);
}

TEST_F(HttpsClientTest, asks_again_what_a_goaway_left_out) {
  HttpsServer& server = serve_http2();
  server.on_request = [](const HttpsServer::Request& request) {
    if (request.to.number > 1 || request.stream == 1) return request.to.send(whole(request.stream));
    if (request.to.requests < 21) return;
    // Ten of the twenty are answered behind it; the others were never looked at.
    request.to.send(goaway(21));
    for (uint32_t id = 3; id <= 21; id += 2) request.to.send(whole(id));
  };
  open();
  ask_all(1, 1);
  ask_all(2, 21);
  EXPECT_EQ(count(Kind::response), 21U);
  for (uint64_t token = 2; token <= 11; ++token) EXPECT_EQ(heard.at(token).sends, 1U);
  for (uint64_t token = 12; token <= 21; ++token) EXPECT_EQ(heard.at(token).sends, 2U);
  EXPECT_EQ(server.accepted, 2U);
}

TEST_F(HttpsClientTest, opens_the_next_connection_after_every_goaway) {
  HttpsServer& server = serve_http2();
  server.settings = max_streams(5);
  uint32_t dropped = 0;
  server.on_request = [&](const HttpsServer::Request& request) {
    // As nginx with keepalive_requests 10.
    if (request.to.requests < 10) return request.to.send(whole(request.stream));
    if (request.to.requests > 10) return void(++dropped);
    request.to.send(goaway(request.stream) + whole(request.stream));
  };
  open();
  ask_all(1, 200);
  EXPECT_EQ(count(Kind::response), 200U);
  EXPECT_GT(dropped, 0U);
  EXPECT_GE(server.accepted, 20U);
}

TEST_F(HttpsClientTest, asks_a_refused_stream_again_and_gives_up_in_the_end) {
  HttpsServer& server = serve_http2();
  uint32_t refused = 0;
  server.on_request = [&](const HttpsServer::Request& request) {
    const bool refuse = request.stream == 1 || refused > 1;
    if (!refuse) return request.to.send(whole(request.stream));
    ++refused;
    request.to.send(reset(request.stream, kRefusedStream));
  };
  open();
  ASSERT_TRUE(ask(1));
  run_until_idle();
  EXPECT_EQ(heard.at(1).kind, Kind::response);
  EXPECT_EQ(heard.at(1).sends, 2U);
  refused = 2;
  ASSERT_TRUE(ask(2));
  run_until_idle();
  EXPECT_EQ(heard.at(2).kind, Kind::unprocessed);
  EXPECT_EQ(heard.at(2).sends, 3U);
}

TEST_F(HttpsClientTest, reports_a_reset_with_its_code_and_keeps_the_connection) {
  HttpsServer& server = serve_http2();
  server.on_request = [](const HttpsServer::Request& request) {
    if (request.stream == 3) return request.to.send(head(3, "200") + reset(3, 2));
    request.to.send(whole(request.stream));
  };
  open();
  ask_all(1, 5);
  EXPECT_EQ(heard.at(2).kind, Kind::reset);
  EXPECT_EQ(heard.at(2).reset_code, 2U);
  EXPECT_EQ(count(Kind::response), 4U);
  EXPECT_EQ(server.accepted, 1U);
}

TEST_F(HttpsClientTest, ends_each_request_once_when_the_connection_is_lost) {
  HttpsServer& server = serve_http2();
  bool lose = false;
  uint32_t waiting = 0;
  server.on_request = [&](const HttpsServer::Request& request) {
    if (!lose) return request.to.send(whole(request.stream));
    // Half an answer for one of them: that one was looked at.
    if (++waiting == 25)
      request.to.send(head(request.stream, "200") + data(request.stream, "half", false));
    if (waiting == 50) request.to.wire.reset();
    if (waiting > 50) request.to.send(whole(request.stream));
  };
  open();
  ask_all(1, 1);
  lose = true;
  ask_all(2, 51);
  EXPECT_EQ(heard.size(), 51U);
  EXPECT_EQ(count(Kind::net_error), 1U);
  EXPECT_EQ(heard.at(26).kind, Kind::net_error);
  EXPECT_EQ(heard.at(26).error, io::Error::reset);
  EXPECT_EQ(count(Kind::response), 50U);
  EXPECT_EQ(server.accepted, 2U);
}

TEST_F(HttpsClientTest, does_not_repeat_what_a_fresh_connection_lost) {
  HttpsServer& server = serve_http2();
  server.on_request = [](const HttpsServer::Request& request) { request.to.wire.reset(); };
  open();
  for (uint64_t token = 1; token <= 5; ++token) ASSERT_TRUE(ask(token));
  run_until_idle();
  EXPECT_EQ(count(Kind::net_error), 5U);
  EXPECT_EQ(server.accepted, 1U);
}

TEST_F(HttpsClientTest, leaves_a_server_that_greets_and_says_goodbye) {
  HttpsServer& server = serve_http2();
  server.settings = frame(kSettings, 0, 0, "") + goaway(0);
  open();
  ASSERT_TRUE(ask(1));
  run_until_idle();
  EXPECT_EQ(heard.at(1).kind, Kind::unprocessed);
  EXPECT_LE(server.accepted, 3U);
}

TEST_F(HttpsClientTest, ends_a_connection_that_breaks_the_protocol) {
  HttpsServer& server = serve_http2();
  server.on_request = [](const HttpsServer::Request& request) {
    request.to.send(frame(kData, 0, 0, "data of no stream"));
  };
  open();
  ASSERT_TRUE(ask(1));
  run_until_idle();
  EXPECT_EQ(heard.at(1).kind, Kind::problem);
  EXPECT_EQ(heard.at(1).problem, http::Problem::bad_framing);
}

TEST_F(HttpsClientTest, ends_a_connection_that_floods) {
  HttpsServer& server = serve_http2();
  server.on_request = [](const HttpsServer::Request& request) {
    for (int i = 0; i < 3'000; ++i) request.to.send(frame(kPing, 0, 0, std::string(8, 'x')));
  };
  open();
  ASSERT_TRUE(ask(1));
  run_until_idle();
  EXPECT_EQ(heard.at(1).kind, Kind::problem);
  run_until([&] { return client->connections() == 0; });
}

TEST_F(HttpsClientTest, tells_the_server_that_an_answer_is_no_longer_wanted) {
  HttpsServer& server = serve_http2();
  std::vector<uint32_t> resets;
  server.on_reset = [&](uint32_t id, uint32_t) { resets.push_back(id); };
  server.on_request = [&](const HttpsServer::Request& request) {
    net.after(1s, [to = &request.to, id = request.stream] { to->send(whole(id)); });
  };
  open();
  ASSERT_TRUE(ask(1));
  ASSERT_TRUE(ask(2));
  run_for(500ms);
  client->cancel(1);
  client->cancel(77);  // nobody's
  run_until_idle();
  run_for(2s);
  EXPECT_THAT(resets, testing::ElementsAre(1));
  EXPECT_FALSE(heard.contains(1));
  EXPECT_EQ(heard.at(2).body, "stream 3");
}

TEST_F(HttpsClientTest, may_be_asked_and_cancelled_from_within_an_answer) {
  serve_http2();
  open();
  on_end = [&](uint64_t token) {
    if (token == 1) client->cancel(2);
    if (token < 50) {
      EXPECT_TRUE(ask(token + 100));
    }
  };
  for (uint64_t token = 1; token <= 4; ++token) ASSERT_TRUE(ask(token));
  run_until_idle();
  EXPECT_FALSE(heard.contains(2));
  EXPECT_EQ(heard.size(), 6U);
  EXPECT_EQ(count(Kind::response), 6U);
}

TEST_F(HttpsClientTest, may_close_the_origin_from_within_an_answer) {
  HttpsServer& server = serve_http2();
  open();
  on_end = [&](uint64_t token) {
    if (token == 3) client->close_origin(origin);
  };
  for (uint64_t token = 1; token <= 6; ++token) ASSERT_TRUE(ask(token));
  run_until_idle();
  EXPECT_EQ(heard.size(), 3U);
  run_until([&] { return client->connections() == 0; });
  on_end = {};
  ASSERT_TRUE(ask(10));  // connects again
  run_until_idle();
  EXPECT_EQ(heard.at(10).kind, Kind::response);
  EXPECT_EQ(server.accepted, 2U);
}

// -- HTTP/1.1

TEST_F(HttpsClientTest, keeps_an_http1_connection_for_the_next_request) {
  HttpsServer& server = serve_http1();
  std::string request_head;
  server.on_request = [&](const HttpsServer::Request& request) {
    request_head = request.head;
    request.to.send(with_length(request.line));
  };
  open();
  ask_all(1, 20);
  EXPECT_EQ(count(Kind::response), 20U);
  EXPECT_EQ(server.accepted, 1U);
  for (uint64_t token = 1; token <= 20; ++token)
    EXPECT_EQ(heard.at(token).body, "GET /domain/" + std::to_string(token));
  EXPECT_FALSE(heard.at(1).http2);
  EXPECT_THAT(request_head, testing::HasSubstr("Host: rdap.example\r\n"));
  EXPECT_THAT(request_head, testing::HasSubstr("User-Agent: zonesweep/test"));
}

TEST_F(HttpsClientTest, uses_as_many_http1_connections_as_it_may) {
  HttpsServer& server = serve_http1();
  server.on_request = [&](const HttpsServer::Request& request) {
    net.after(100ms, [to = &request.to, line = request.line] { to->send(with_length(line)); });
  };
  open(/*connections=*/4);
  ask_all(1, 41);
  EXPECT_EQ(count(Kind::response), 41U);
  EXPECT_EQ(server.accepted, 4U);
  for (uint64_t token = 1; token <= 41; ++token)
    EXPECT_EQ(heard.at(token).body, "GET /domain/" + std::to_string(token));
}

TEST_F(HttpsClientTest, speaks_http1_to_a_server_without_alpn) {
  HttpsServer& server = serve(kFirst, {});
  open();
  ask_all(1, 3);
  EXPECT_EQ(count(Kind::response), 3U);
  EXPECT_EQ(server.accepted, 1U);
}

TEST_F(HttpsClientTest, connects_again_when_http1_ends_after_an_answer) {
  HttpsServer& server = serve_http1();
  server.on_request = [](const HttpsServer::Request& request) {
    request.to.send("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nto the end");
    request.to.close();
  };
  open();
  ask_all(1, 5);
  EXPECT_EQ(count(Kind::response), 5U);
  EXPECT_EQ(heard.at(5).body, "to the end");
  EXPECT_EQ(server.accepted, 5U);
}

TEST_F(HttpsClientTest, asks_again_when_a_kept_connection_ends_under_the_request) {
  HttpsServer& server = serve_http1();
  server.on_request = [](const HttpsServer::Request& request) {
    if (request.to.requests == 2) return request.to.close();
    request.to.send(with_length("hello"));
  };
  open();
  ask_all(1, 4);
  EXPECT_EQ(count(Kind::response), 4U);
  EXPECT_EQ(heard.at(1).sends, 1U);
  EXPECT_EQ(heard.at(2).sends, 2U);
}

TEST_F(HttpsClientTest, does_not_trust_an_answer_that_was_cut) {
  HttpsServer& server = serve_http1();
  bool announced = false;
  server.on_request = [&](const HttpsServer::Request& request) {
    // Announced: 9 bytes. Not announced: the end vouches, but no close_notify came with it.
    request.to.send(announced ? "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"
                              : "HTTP/1.1 200 OK\r\n\r\nhalf");
    announced ? request.to.close() : request.to.wire.close();
  };
  open();
  ask_all(1, 1);
  announced = true;
  ask_all(2, 2);
  for (const uint64_t token : {1, 2}) {
    EXPECT_EQ(heard.at(token).kind, Kind::problem);
    EXPECT_EQ(heard.at(token).problem, http::Problem::truncated);
  }
}

TEST_F(HttpsClientTest, never_reads_the_answer_of_a_cancelled_request) {
  HttpsServer& server = serve_http1();
  server.on_request = [&](const HttpsServer::Request& request) {
    net.after(300ms, [to = &request.to, line = request.line] { to->send(with_length(line)); });
  };
  open();
  ASSERT_TRUE(ask(1));
  run_for(100ms);
  client->cancel(1);
  ASSERT_TRUE(ask(2));
  run_until_idle();
  EXPECT_FALSE(heard.contains(1));
  EXPECT_EQ(heard.at(2).body, "GET /domain/2");
}

TEST_F(HttpsClientTest, does_not_use_a_connection_on_which_more_came_than_was_asked) {
  HttpsServer& server = serve_http1();
  server.on_request = [](const HttpsServer::Request& request) {
    request.to.send(with_length("hello") + with_length("not yours"));
  };
  open();
  ask_all(1, 3);
  EXPECT_EQ(server.accepted, 3U);
  for (uint64_t token = 1; token <= 3; ++token) EXPECT_EQ(heard.at(token).body, "hello");
}

// -- Connecting

TEST_F(HttpsClientTest, tries_the_next_address) {
  serve(kFirst, {"h2"}).welcome = sim::SimServer::Welcome::refuse;
  HttpsServer& second = serve(kSecond, {"h2"});
  open(1, {kFirst, kSecond});
  ask_all(1, 3);
  EXPECT_EQ(count(Kind::response), 3U);
  EXPECT_EQ(second.accepted, 1U);
}

TEST_F(HttpsClientTest, reports_what_waits_when_no_address_answers) {
  serve(kFirst, {"h2"}).welcome = sim::SimServer::Welcome::refuse;
  serve(kSecond, {"h2"}).welcome = sim::SimServer::Welcome::refuse;
  open(1, {kFirst, kSecond});
  for (uint64_t token = 1; token <= 5; ++token) ASSERT_TRUE(ask(token));
  run_until_idle();
  EXPECT_EQ(count(Kind::net_error), 5U);
  EXPECT_EQ(heard.at(3).error, io::Error::refused);
  EXPECT_EQ(heard.at(3).stage, HttpsStage::connect);
  EXPECT_EQ(heard.at(3).sends, 0U);
}

TEST_F(HttpsClientTest, has_no_room_without_addresses) {
  open(1, {});
  EXPECT_EQ(client->room(origin), 0U);
  EXPECT_FALSE(ask(1));
  serve_http2();
  client->set_addresses(origin, {kFirst});
  ask_all(1, 1);
  EXPECT_EQ(heard.at(1).kind, Kind::response);
}

TEST_F(HttpsClientTest, names_what_is_wrong_with_a_certificate) {
  const auto& ca = authority().authority;
  const std::vector<std::pair<io::TlsLeaf, std::string>> leaves = {
      {*ca.issue({.dns_names = {"other.example"}}), "wrong_host"},
      {*ca.issue({.dns_names = {"rdap.example"}, .not_before = -48h, .not_after = -24h}),
       "expired"},
      {*ca.issue({.dns_names = {"rdap.example"}, .self_signed = true}), "self_signed"}};
  uint64_t token = 0;
  for (const auto& [leaf, reason] : leaves) {
    const auto at = *io::Endpoint::parse("192.0.2." + std::to_string(10 + token), 443);
    serve(at, {"h2"}, leaf);
    open(1, {at});
    ask_all(token + 1, token + 1);
    ++token;
    EXPECT_EQ(heard.at(token).kind, Kind::tls_error) << reason;
    EXPECT_EQ(heard.at(token).stage, HttpsStage::handshake);
    EXPECT_FALSE(heard.at(token).reason.empty());
    EXPECT_EQ(heard.at(token).status, 0);
  }
}

TEST_F(HttpsClientTest, reports_a_connection_that_is_lost_in_the_handshake) {
  serve_http2().reset_handshake = true;
  open();
  ask_all(1, 1);
  EXPECT_EQ(heard.at(1).kind, Kind::net_error);
  EXPECT_EQ(heard.at(1).error, io::Error::reset);
  EXPECT_EQ(heard.at(1).stage, HttpsStage::handshake);
}

TEST_F(HttpsClientTest, takes_a_server_without_tls_for_what_it_is) {
  serve_http2().babble = "HTTP/1.1 400 Bad Request\r\n\r\n";
  open();
  ask_all(1, 1);
  EXPECT_EQ(heard.at(1).kind, Kind::tls_error);
}

TEST_F(HttpsClientTest, resumes_the_session_on_the_next_connection) {
  HttpsServer& server = serve_http1();
  std::vector<bool> resumed;
  server.on_request = [&](const HttpsServer::Request& request) {
    resumed.push_back(request.to.tls->resumed());
    request.to.send("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nbye");
    request.to.close();
  };
  open();
  ask_all(1, 3);
  EXPECT_THAT(resumed, testing::ElementsAre(false, true, true));
}

TEST_F(HttpsClientTest, makes_room_for_an_origin_by_closing_a_connection_without_requests) {
  options.connections_max = 1;
  start();
  HttpsServer& first = serve(kFirst, {"h2"});
  serve(kSecond, {"h2"});
  open();
  ask_all(1, 1);
  open(1, {kSecond});
  ask_all(2, 2);
  EXPECT_EQ(count(Kind::response), 2U);
  EXPECT_EQ(first.ended, 1U);
  EXPECT_EQ(client->connections(), 1U);
}

TEST_F(HttpsClientTest, has_an_origin_wait_while_all_connections_are_busy) {
  options.connections_max = 1;
  start();
  HttpsServer& first = serve(kFirst, {"h2"});
  first.on_request = [&](const HttpsServer::Request& request) {
    net.after(2s, [to = &request.to, id = request.stream] { to->send(whole(id)); });
  };
  serve(kSecond, {"h2"});
  open();
  ASSERT_TRUE(ask(1));
  run_for(100ms);
  open(1, {kSecond});
  ASSERT_TRUE(ask(2));
  run_until_idle();
  EXPECT_EQ(count(Kind::response), 2U);
}

// -- Deadlines

TEST_F(HttpsClientTest, gives_a_silent_connect_its_time_and_no_more) {
  serve_http2().welcome = sim::SimServer::Welcome::silent;
  open();
  const Instant start = net.now();
  ASSERT_TRUE(ask(1));
  run_until_idle();
  expect_timeout(1, HttpsStage::connect, start, options.connect_timeout);
}

TEST_F(HttpsClientTest, gives_a_silent_handshake_its_time_and_no_more) {
  serve_http2().mute_handshake = true;
  open();
  const Instant start = net.now();
  ASSERT_TRUE(ask(1));
  run_until_idle();
  expect_timeout(1, HttpsStage::handshake, start, options.handshake_timeout);
}

TEST_F(HttpsClientTest, gives_a_silent_server_its_time_and_no_more) {
  for (const char* const protocol : {"h2", "http/1.1"}) {
    HttpsServer& server = serve(kFirst, {protocol});
    server.on_request = [](const HttpsServer::Request&) {};
    open();
    const Instant start = net.now();
    ask_all(1, 1);
    expect_timeout(1, HttpsStage::first_byte, start, options.first_byte_timeout);
    // The next one does not go to the connection that was silent.
    server.on_request = [](const HttpsServer::Request& request) {
      request.to.send(request.stream == 0 ? with_length("hello") : whole(request.stream));
    };
    ask_all(2, 2);
    EXPECT_EQ(heard.at(2).kind, Kind::response);
    EXPECT_EQ(server.accepted, 2U);
    heard.clear();
    client->close_all();
    run_for(1s);
  }
}

TEST_F(HttpsClientTest, ends_an_answer_that_stops) {
  for (const char* const protocol : {"h2", "http/1.1"}) {
    HttpsServer& server = serve(kFirst, {protocol});
    server.on_request = [](const HttpsServer::Request& request) {
      request.to.send(request.stream == 0
                          ? "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"
                          : head(request.stream, "200") + data(request.stream, "half", false));
    };
    open();
    const Instant start = net.now();
    ask_all(1, 1);
    expect_timeout(1, HttpsStage::idle, start, options.idle_timeout);
    heard.clear();
    client->close_all();
    run_for(1s);
  }
}

TEST_F(HttpsClientTest, ends_an_answer_that_drips) {
  HttpsServer& server = serve_http2();
  server.on_request = [&](const HttpsServer::Request& request) {
    request.to.send(head(request.stream, "200"));
    for (int second = 1; second < 60; ++second) {
      net.after(std::chrono::seconds{second}, [to = &request.to, id = request.stream, second] {
        if (second < 40) to->send(data(id, "x", false));
      });
    }
  };
  open();
  const Instant start = net.now();
  ask_all(1, 1);
  expect_timeout(1, HttpsStage::total, start, options.total_timeout);
}

TEST_F(HttpsClientTest, leaves_the_others_alone_when_one_request_times_out) {
  HttpsServer& server = serve_http2();
  server.on_request = [&](const HttpsServer::Request& request) {
    if (request.stream != 3) request.to.send(whole(request.stream));
  };
  open();
  uint64_t token = 1;
  for (; token <= 5; ++token) ASSERT_TRUE(ask(token));
  run_until([&] {
    if (client->in_flight() == 1 && token < 200) {
      EXPECT_TRUE(ask(token++));
    }
    return client->in_flight() == 0;
  });
  EXPECT_EQ(heard.at(2).kind, Kind::timeout);
  EXPECT_EQ(count(Kind::timeout), 1U);
  EXPECT_EQ(server.accepted, 1U);  // others were answered meanwhile: the connection is sound
}

TEST_F(HttpsClientTest, closes_a_connection_that_nobody_needs) {
  HttpsServer& server = serve_http2();
  open();
  ask_all(1, 3);
  EXPECT_EQ(client->connections(), 1U);
  run_for(options.keep_alive + 5s);
  EXPECT_EQ(client->connections(), 0U);
  EXPECT_EQ(server.ended, 1U);
  ask_all(4, 4);
  EXPECT_EQ(heard.at(4).kind, Kind::response);
}

// -- Everything at once

// A server that answers, or does one of the things that servers should not do.
void misbehave(sim::SimTransport& net, const HttpsServer::Request& request) {
  HttpsServer::Connection* const to = &request.to;
  const uint32_t id = request.stream;
  const std::string answer =
      id == 0 ? with_length(request.line) : head(id, "200") + data(id, request.line);
  switch (net.random().below(80)) {
    case 0: return;  // for ever
    case 1: return to->wire.reset();
    case 2: return to->close();
    case 3: return to->wire.close();
    case 4: return to->send("no HTTP of any version\r\n\r\n");
    case 5: return to->wire.send(bytes_of("no TLS"));
    case 6: return to->send(answer.substr(0, answer.size() / 2));
    case 7: to->send(answer.substr(0, answer.size() - 1)); return to->close();
    case 8: return to->send(id == 0 ? answer + answer : reset(id, kRefusedStream));
    case 9: return to->send(id == 0 ? "HTTP/1.1 100 Continue\r\n\r\n" + answer : reset(id, 11));
    case 10: return to->send(id == 0 ? answer : goaway(id < 4 ? 0 : id - 4) + answer);
    case 11:
      return to->send(id == 0 ? answer
                              : max_streams(static_cast<uint32_t>(net.random().below(4))) + answer);
    default:
      net.after(std::chrono::milliseconds{net.random().below(200)},
                [to, answer] { to->send(answer); });
  }
}

class HttpsClientStorm : public HttpsClientTest, public testing::WithParamInterface<uint64_t> {
 protected:
  HttpsClientStorm() : HttpsClientTest(GetParam()) {}
};

TEST_P(HttpsClientStorm, ends_each_request_once_whatever_the_servers_do) {
  options.repeats_max = static_cast<uint32_t>(net.random().below(3));
  options.connections_max = 3;
  start();
  std::vector<HttpsClient::OriginId> origins;
  std::map<uint64_t, HttpsClient::OriginId> origin_of;
  for (const char* const protocol : {"h2", "http/1.1", "h2", "http/1.1"}) {
    const auto at = *io::Endpoint::parse("192.0.2." + std::to_string(100 + origins.size()), 443);
    HttpsServer& server = serve(at, {protocol});
    server.on_request = [this](const HttpsServer::Request& request) { misbehave(net, request); };
    if (net.random().below(2) == 0) server.segments = {1 + net.random().below(900)};
    open(1 + static_cast<uint32_t>(net.random().below(3)),
         {kSecond, at});  // nobody is at the first
    origins.push_back(origin);
  }
  net.add_server<sim::RefusingServer>(kSecond);
  std::vector<uint64_t> cancelled;
  uint64_t next = 1;
  on_end = [&](uint64_t token) {
    if (net.random().below(20) == 0 && token + 1 < next && !heard.contains(token + 1)) {
      client->cancel(token + 1);
      cancelled.push_back(token + 1);
    }
  };
  run_until(
      [&] {
        for (int i = 0; i < 3 && next <= 400; ++i) {
          origin = origins[net.random().below(origins.size())];
          if (client->room(origin) > 0 && ask(next)) origin_of[next++] = origin;
        }
        return next > 400 && client->in_flight() == 0;
      },
      2h);
  for (const uint64_t token : cancelled) EXPECT_FALSE(heard.contains(token));
  EXPECT_EQ(heard.size() + cancelled.size(), 400U);
  for (const auto& [token, end] : heard) {
    if (end.kind == Kind::response) {
      EXPECT_EQ(end.body, "GET /domain/" + std::to_string(token));
    }
  }
  EXPECT_GT(count(Kind::response), 20U);  // one loss takes many with it
  run_for(2min);
  EXPECT_EQ(client->connections(), 0U);
  EXPECT_EQ(net.open_streams(), 0U);
}
INSTANTIATE_TEST_SUITE_P(Seeds, HttpsClientStorm, testing::Range<uint64_t>(1, 41));

}  // namespace
}  // namespace zonesweep::engine
