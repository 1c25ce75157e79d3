#include "protocols/http/http1.h"

#include <gtest/gtest.h>

#include <string>

#include "protocols/http/url.h"

namespace zonesweep::http {
namespace {

struct Http1Test : testing::Test {
  Http1 http;
  std::string sent;
  void ask() {
    sent.clear();
    http.start(
        {.authority = "rdap.example", .target = "/domain/example.com", .user_agent = "zonesweep/1"},
        sent);
  }
  Http1::Step feed(std::string_view bytes) {
    return http.received(std::as_bytes(std::span{bytes}));
  }
  Http1::Step answer(std::string_view bytes) {
    ask();
    return feed(bytes);
  }
};

TEST_F(Http1Test, asks_for_rdap) {
  ask();
  EXPECT_EQ(
      sent,
      "GET /domain/example.com HTTP/1.1\r\nHost: rdap.example\r\nAccept: application/rdap+json, "
      "application/json;q=0.8\r\nAccept-Encoding: gzip\r\nUser-Agent: zonesweep/1\r\n\r\n");
}

TEST_F(Http1Test, reads_a_response_byte_by_byte_and_keeps_the_connection) {
  for (int round = 0; round < 3; ++round) {
    ask();
    const std::string_view bytes =
        "HTTP/1.1 200 OK\r\nContent-Type: application/rdap+json\r\nContent-Length: 4\r\n\r\nbody";
    for (size_t i = 0; i + 1 < bytes.size(); ++i)
      ASSERT_EQ(feed(bytes.substr(i, 1)), Http1::Step::need_bytes) << i;
    EXPECT_EQ(feed(bytes.substr(bytes.size() - 1)), Http1::Step::done);
    EXPECT_EQ(http.response().status, 200);
    EXPECT_EQ(http.response().content_type, "application/rdap+json");
    EXPECT_EQ(http.response().body, "body");
    EXPECT_TRUE(http.reusable());
  }
}

TEST_F(Http1Test, reads_chunks_and_ignores_trailers) {
  EXPECT_EQ(answer("HTTP/1.1 200 OK\r\nTransfer-Encoding: "
                   "chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nX-T: 1\r\n\r\n"),
            Http1::Step::done);
  EXPECT_EQ(http.response().body, "abcde");
}

TEST_F(Http1Test, refuses_a_header_that_is_folded_over_lines) {
  const std::string_view folded =
      "HTTP/1.1 200 OK\r\nX-Folded: a\r\n b\r\nContent-Length: 4\r\n\r\nbody";
  EXPECT_EQ(answer(folded), Http1::Step::failed);
  EXPECT_EQ(http.problem(), Problem::bad_header);
  for (size_t cut = 1; cut < folded.size(); ++cut) {
    Http1 other;
    std::string request;
    other.start({.authority = "a", .target = "/", .user_agent = "a"}, request);
    auto step = other.received(std::as_bytes(std::span{folded.substr(0, cut)}));
    if (step == Http1::Step::need_bytes)
      step = other.received(std::as_bytes(std::span{folded.substr(cut)}));
    EXPECT_EQ(step, Http1::Step::failed) << cut;
  }
}

TEST_F(Http1Test, skips_a_few_interim_responses) {
  EXPECT_EQ(answer("HTTP/1.1 103 Early Hints\r\nLocation: /wrong\r\n\r\nHTTP/1.1 200 "
                   "OK\r\nContent-Length: 0\r\n\r\n"),
            Http1::Step::done);
  EXPECT_EQ(http.response().status, 200);
  EXPECT_EQ(http.response().location, "");
  std::string endless;
  for (int i = 0; i < 10; ++i) endless += "HTTP/1.1 102 Processing\r\n\r\n";
  EXPECT_EQ(answer(endless), Http1::Step::failed);
  EXPECT_EQ(http.problem(), Problem::header_limit);
}

TEST_F(Http1Test, believes_an_end_only_when_someone_vouches_for_it) {
  EXPECT_EQ(answer("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{}"), Http1::Step::need_bytes);
  EXPECT_EQ(http.peer_closed(/*clean=*/true), Http1::Step::done);
  EXPECT_EQ(http.response().body, "{}");
  Http1 cut;
  cut.start({.authority = "a", .target = "/", .user_agent = "t"}, sent);
  (void)cut.received(
      std::as_bytes(std::span{std::string_view{"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{}"}}));
  EXPECT_EQ(cut.peer_closed(/*clean=*/false), Http1::Step::failed);
  EXPECT_EQ(cut.problem(), Problem::truncated);
}

TEST(Http1, fails_on_what_is_no_proper_response) {
  const std::string many = [] {
    std::string head = "HTTP/1.1 200 OK\r\n";
    for (int i = 0; i < 300; ++i) head += "X-" + std::to_string(i) + ": v\r\n";
    return head + "\r\n";
  }();
  const std::pair<std::string, Problem> kBad[] = {
      {"SSH-2.0-x\r\n", Problem::bad_framing},
      {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", Problem::bad_framing},
      {"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", Problem::bad_framing},
      {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
       Problem::bad_framing},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFFF\r\n",
       Problem::bad_framing},
      {"HTTP/1.1 200 OK\r\nContent-Encoding: br\r\nContent-Length: 1\r\n\r\nx",
       Problem::bad_encoding},
      {"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 8\r\n\r\nnot gzip",
       Problem::bad_encoding},
      {"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n", Problem::unexpected},
      {"HTTP/1.1 200 OK\r\nX: " + std::string(70'000, 'a') + "\r\n\r\n", Problem::header_limit},
      {many, Problem::header_limit},
      {"HTTP/1.1 302 Found\r\nLocation: /a\r\nLocation: /b\r\n\r\n", Problem::bad_header},
      {"HTTP/1.1 404 Not Found\r\nContent-Length: 100000\r\n\r\n" + std::string(100'000, 'x'),
       Problem::body_limit},
  };
  for (const auto& [bytes, problem] : kBad) {
    Http1 http;
    std::string sent;
    http.start({.authority = "a", .target = "/", .user_agent = "t"}, sent);
    EXPECT_EQ(http.received(std::as_bytes(std::span{bytes})), Http1::Step::failed)
        << bytes.substr(0, 80);
    EXPECT_EQ(name_of(http.problem()), name_of(problem)) << bytes.substr(0, 80);
    EXPECT_FALSE(http.reusable());
  }
}

TEST_F(Http1Test, does_not_reuse_a_connection_with_bytes_left_over) {
  EXPECT_EQ(answer("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nHTTP/1.1 200 OK\r\n"),
            Http1::Step::done);
  EXPECT_FALSE(http.reusable());
}

TEST_F(Http1Test, fails_on_a_response_that_nobody_asked_for) {
  EXPECT_EQ(feed("HTTP/1.1 200 OK\r\n"), Http1::Step::failed);
  EXPECT_FALSE(http.reusable());
}

TEST_F(Http1Test, does_not_keep_the_body_of_a_redirect) {
  EXPECT_EQ(answer("HTTP/1.1 302 Found\r\nLocation: https://other.example/x\r\nContent-Encoding: "
                   "gzip\r\nContent-Length: 4\r\n\r\nbomb"),
            Http1::Step::done);
  EXPECT_TRUE(http.response().is_redirect());
  EXPECT_EQ(http.response().location, "https://other.example/x");
  EXPECT_EQ(http.response().body, "");
}

TEST(RetryAfter, is_seconds_or_a_moment_and_never_nonsense) {
  constexpr int64_t kNow = 1'445'412'470;  // 2015-10-21 07:27:50 UTC
  const auto wait = [](std::string_view text) {
    return seconds_to_wait(retry_after_from(text), kNow);
  };
  EXPECT_EQ(wait("1"), 1U);
  EXPECT_EQ(wait(" 3600 "), 3600U);
  EXPECT_EQ(wait("Wed, 21 Oct 2015 07:28:00 GMT"), 10U);
  EXPECT_EQ(wait("Wed, 21 Oct 2009 07:28:00 GMT"), 0U);
  EXPECT_EQ(wait("9000000000000000000"), limits::kRetryAfterMax);
  EXPECT_EQ(wait("99999999999999999999999999"), limits::kRetryAfterMax);
  for (const char* junk : {"", "-5", "soon", "1e3", "1 hour", "0x10"}) {
    EXPECT_EQ(retry_after_from(junk).kind, RetryAfter::Kind::none) << junk;
  }
}

TEST(Url, is_https_with_a_host_and_nothing_odd) {
  const auto url = parse_url("https://RDAP.Example:8443/a/b?c=d#frag");
  ASSERT_TRUE(url.has_value());
  EXPECT_EQ(*url, (Url{"rdap.example", 8443, "/a/b?c=d"}));
  EXPECT_EQ(parse_url("https://example")->target, "/");
  EXPECT_EQ(parse_url("https://[2001:db8::1]:444/x")->host, "2001:db8::1");
  std::string authority;
  append_authority(*parse_url("https://[2001:db8::1]:444/x"), authority);
  EXPECT_EQ(authority, "[2001:db8::1]:444");
  for (const char* bad : {"", "http://a/", "file:///etc/passwd", "gopher://a/", "https:/a",
                          "https://", "https://u:p@a/", "https://a:0/", "https://a:99999/",
                          "https://a b/", "https://a/\r\nX: y", "https://[::1/", "//a/", "a/b",
                          "https://a\\b/", "javascript:alert(1)", "https://exa%6dple/"}) {
    EXPECT_FALSE(parse_url(bad).has_value()) << bad;
  }
}

TEST(Url, resolves_what_a_location_may_hold) {
  const Url base{"rdap.example", 443, "/rdap/domain/x?y"};
  EXPECT_EQ(*resolve(base, "https://other.example/z"), (Url{"other.example", 443, "/z"}));
  EXPECT_EQ(*resolve(base, "//other.example/z"), (Url{"other.example", 443, "/z"}));
  EXPECT_EQ(*resolve(base, "/z#f"), (Url{"rdap.example", 443, "/z"}));
  EXPECT_EQ(*resolve(base, "z"), (Url{"rdap.example", 443, "/rdap/domain/z"}));
  EXPECT_EQ(*resolve(base, "?q"), (Url{"rdap.example", 443, "/rdap/domain/x?q"}));
  EXPECT_EQ(resolve(base, "http://rdap.example/").error(), UrlError::not_https);
  EXPECT_EQ(resolve(base, "").error(), UrlError::malformed);
  EXPECT_EQ(resolve(base, "/a\r\nSet-Cookie: x").error(), UrlError::malformed);
  EXPECT_EQ(resolve(base, "/" + std::string(3000, 'a')).error(), UrlError::too_long);
}

}  // namespace
}  // namespace zonesweep::http
