// rdap_client HOST ADDRESS:PORT CA-FILE NAMES-FILE REQUESTS [IN-FLIGHT]: what one RDAP answer
// costs from the socket to the row.
//
// Asks one origin by one HTTP/2 connection, parses each answer, encodes its row and writes the rows
// to /dev/null. Prints one line of JSON. bench/compare_rdap runs it against h2load.
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "engine/https_client.h"
#include "engine/registration_record.h"
#include "engine/registration_verdict.h"
#include "io/tls.h"
#include "io/uring_transport.h"
#include "protocols/rdap/parser.h"

namespace {

using namespace zonesweep;

constexpr size_t kRowsBytes = 256 * 1024;  // written at once

[[noreturn]] void fail(const std::string& why) {
  std::fprintf(stderr, "rdap_client: %s\n", why.c_str());
  std::exit(1);
}

double cpu_us() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto us = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) * 1e6 + static_cast<double>(t.tv_usec);
  };
  return us(usage.ru_utime) + us(usage.ru_stime);
}

class RdapClient final : public engine::HttpsClient::Client {
 public:
  RdapClient(std::vector<std::string> names, uint64_t requests)
      : names_(std::move(names)), requests_(requests), out_(open("/dev/null", O_WRONLY)) {}
  ~RdapClient() { close(out_); }

  void run(engine::HttpsClient& https, io::Transport& transport,
           engine::HttpsClient::OriginId origin, uint32_t in_flight) {
    std::string target;
    while (ended_ < requests_) {
      while (asked_ < requests_ && https.in_flight() < in_flight && https.room(origin) > 0) {
        target.assign("/domain/").append(name_of(asked_));
        if (!https.ask(origin, asked_, target)) break;
        ++asked_;
      }
      https.flush();
      const auto limit = transport.now() + std::chrono::seconds{1};
      for (const io::Event& event : transport.turn(https.wake_at(limit), 1)) https.on_event(event);
      https.expire(transport.now());
    }
    write_rows();
  }
  [[nodiscard]] uint64_t ok() const { return ok_; }
  [[nodiscard]] uint64_t row_bytes() const { return row_bytes_; }

 private:
  [[nodiscard]] const std::string& name_of(uint64_t token) const {
    return names_[token % names_.size()];
  }

  void on_http_end(uint64_t token, const engine::HttpsResult& result) override {
    ++ended_;
    engine::RegistrationRecord record{.seq = token,
                                      .input = name_of(token),
                                      .name = name_of(token),
                                      .domain = name_of(token),
                                      .source = engine::RegistrationSource::rdap,
                                      .server = "rdap.example",
                                      .tries = 1,
                                      .error = result.reason};
    if (result.kind == engine::HttpsResult::Kind::response && result.response->status == 200) {
      const auto problem = parser_.parse(result.response->body, record.name, answer_);
      const auto verdict = engine::verdict_of(problem, answer_);
      record.status = verdict.status;
      record.error = verdict.error;
      record.answer = &answer_;
    }
    if (record.status == engine::RegistrationStatus::ok) ++ok_;
    record.rtt_us = static_cast<uint32_t>(
        std::chrono::duration_cast<std::chrono::microseconds>(result.rtt).count());
    engine::append_ndjson(record, rows_);
    if (rows_.size() >= kRowsBytes) write_rows();
  }
  void write_rows() {
    row_bytes_ += rows_.size();
    if (write(out_, rows_.data(), rows_.size()) < 0) fail("cannot write to /dev/null");
    rows_.clear();
  }

  const std::vector<std::string> names_;
  const uint64_t requests_;
  const int out_;
  uint64_t asked_ = 0;
  uint64_t ended_ = 0;
  uint64_t ok_ = 0;
  uint64_t row_bytes_ = 0;
  std::string rows_;
  rdap::Parser parser_;
  registration::Registration answer_;
};

std::vector<std::string> lines_of(const char* path) {
  std::ifstream in{path};
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  if (lines.empty()) fail(std::string{"no names in "} + path);
  return lines;
}

}  // namespace

int main(int count, char** arguments) {
  if (count < 6)
    fail("usage: rdap_client HOST ADDRESS:PORT CA-FILE NAMES-FILE REQUESTS [IN-FLIGHT]");
  const auto peer = io::Endpoint::parse(arguments[2], 443);
  if (!peer) fail("not an address");
  const auto tls =
      io::TlsContext::client({.system_store = false, .ca_file = arguments[3], .ca_pem = {}});
  if (!tls) fail(std::string{io::name_of(tls.error())});
  const auto transport = io::UringTransport::create({.ring = {}});
  if (!transport) fail("no io_uring");
  const uint64_t requests = std::strtoull(arguments[5], nullptr, 10);
  const auto in_flight =
      static_cast<uint32_t>(count > 6 ? std::strtoul(arguments[6], nullptr, 10) : 100);

  RdapClient rdap{lines_of(arguments[4]), requests};
  engine::HttpsClient https{**transport, **tls, rdap, {.user_agent = "zonesweep/bench"}};
  const auto origin = https.open_origin(arguments[1], peer->port, {*peer}, 1);
  const double cpu = cpu_us();
  const auto start = std::chrono::steady_clock::now();
  rdap.run(https, **transport, origin, in_flight);
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  std::printf(
      "{\"requests\":%llu,\"ok\":%llu,\"cpu_us\":%.3f,\"qps\":%.0f,\"row_bytes\":%llu,"
      "\"turns\":%llu}\n",
      static_cast<unsigned long long>(requests), static_cast<unsigned long long>(rdap.ok()),
      (cpu_us() - cpu) / static_cast<double>(requests),
      static_cast<double>(requests) / seconds.count(),
      static_cast<unsigned long long>(rdap.row_bytes()),
      static_cast<unsigned long long>((*transport)->counters().turns));
}
