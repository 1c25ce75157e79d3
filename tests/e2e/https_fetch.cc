// https_fetch HOST ADDRESS:PORT CA-FILE IN-FLIGHT CONNECTIONS < targets: what engine::HttpsClient
// makes of a real server.
//
// One target (path and query) per line; prints one line of JSON for each, in the order in which
// they end. Deadlines are a fifth of the real ones.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <string>
#include <vector>

#include "engine/https_client.h"
#include "io/tls.h"
#include "io/uring_transport.h"
#include "protocols/http/response.h"

namespace {

using namespace zonesweep;
using Kind = engine::HttpsResult::Kind;

[[noreturn]] void fail(std::string_view why) {
  std::fprintf(stderr, "https_fetch: %.*s\n", static_cast<int>(why.size()), why.data());
  std::exit(1);
}

std::string_view name_of(Kind kind) {
  switch (kind) {
    case Kind::response: return "response";
    case Kind::net_error: return "net_error";
    case Kind::tls_error: return "tls_error";
    case Kind::timeout: return "timeout";
    case Kind::problem: return "problem";
    case Kind::reset: return "reset";
    case Kind::unprocessed: return "unprocessed";
  }
  return "";
}

class Fetch final : public engine::HttpsClient::Client {
 public:
  explicit Fetch(std::vector<std::string> targets) : targets_(std::move(targets)) {}

  void run(engine::HttpsClient& https, io::Transport& transport,
           engine::HttpsClient::OriginId origin, uint32_t in_flight) {
    for (size_t next = 0; ended_ < targets_.size();) {
      while (next < targets_.size() && https.in_flight() < in_flight && https.room(origin) > 0) {
        if (!https.ask(origin, next, targets_[next])) break;
        ++next;
      }
      https.flush();
      const auto limit = transport.now() + std::chrono::seconds{1};
      for (const io::Event& event : transport.turn(https.wake_at(limit), 1)) https.on_event(event);
      https.expire(transport.now());
    }
  }

 private:
  void on_http_end(uint64_t token, const engine::HttpsResult& result) override {
    ++ended_;
    const std::string& target = targets_[token];
    const http::Response none;
    const http::Response& response = result.response == nullptr ? none : *result.response;
    const std::string name = target.substr(target.rfind('/') + 1);
    std::cout << "{\"target\":\"" << target << "\",\"kind\":\"" << name_of(result.kind)
              << "\",\"stage\":\"" << engine::name_of(result.stage) << "\",\"error\":\""
              << io::name_of(result.error) << "\",\"problem\":\"" << http::name_of(result.problem)
              << "\",\"reason\":\"" << result.reason << "\",\"reset\":" << result.reset_code
              << ",\"status\":" << response.status << ",\"bytes\":" << response.body.size()
              << ",\"names_itself\":" << (response.body.contains(name) ? "true" : "false")
              << ",\"location\":\"" << response.location
              << "\",\"wait\":" << http::seconds_to_wait(response.retry_after, 0)
              << ",\"sends\":" << result.sends << ",\"http2\":" << (result.http2 ? "true" : "false")
              << "}\n";
  }

  const std::vector<std::string> targets_;
  size_t ended_ = 0;
};

}  // namespace

int main(int count, char** arguments) {
  using namespace std::chrono_literals;
  if (count != 6) fail("usage: https_fetch HOST ADDRESS:PORT CA-FILE IN-FLIGHT CONNECTIONS");
  const auto peer = io::Endpoint::parse(arguments[2], 443);
  if (!peer) fail("not an address");
  const auto tls =
      io::TlsContext::client({.system_store = false, .ca_file = arguments[3], .ca_pem = {}});
  if (!tls) fail(io::name_of(tls.error()));
  const auto transport = io::UringTransport::create({.ring = {}});
  if (!transport) fail("no io_uring");
  std::vector<std::string> targets;
  for (std::string line; std::getline(std::cin, line);) targets.push_back(line);

  Fetch fetch{std::move(targets)};
  engine::HttpsClient https{**transport,
                            **tls,
                            fetch,
                            {.user_agent = "zonesweep/test",
                             .connect_timeout = 2s,
                             .handshake_timeout = 2s,
                             .first_byte_timeout = 2s,
                             .idle_timeout = 1s,
                             .total_timeout = 4s}};
  const auto number = [](const char* text) {
    return static_cast<uint32_t>(std::strtoul(text, nullptr, 10));
  };
  const auto origin = https.open_origin(arguments[1], peer->port, {*peer}, number(arguments[5]));
  fetch.run(https, **transport, origin, number(arguments[4]));
}
