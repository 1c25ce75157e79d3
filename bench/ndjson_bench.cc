// One row per iteration: what the encoder costs per name.
#include <benchmark/benchmark.h>

#include <array>
#include <string>

#include "engine/ndjson.h"
#include "protocols/dns/writer.h"

namespace zonesweep::engine {
namespace {

using namespace std::string_view_literals;

struct Reply {
  std::array<std::byte, 1232> bytes;
  std::span<const std::byte> message;
  dns::Name name = *dns::Name::from_text("www.example.com");
};

Reply address_reply() {
  Reply reply;
  dns::MessageWriter writer{reply.bytes};
  writer.header({.id = 7, .recursion_desired = true, .recursion_available = true});
  writer.question(reply.name, dns::type::kA);
  writer.answer_a(0x0A010203, 300);
  writer.opt({});
  reply.message = writer.written();
  return reply;
}

Reply mail_reply() {
  Reply reply;
  dns::MessageWriter writer{reply.bytes};
  writer.header({.id = 7, .recursion_desired = true, .recursion_available = true});
  writer.question(reply.name, dns::type::kMx);
  for (int i = 0; i < 3; ++i) {
    std::array<std::byte, 64> rdata{std::byte{0}, std::byte(10 + i)};
    const auto host = *dns::Name::from_text("mx1.mail.example.net");
    std::copy(host.wire().begin(), host.wire().end(), rdata.begin() + 2);
    writer.record(dns::Section::answer, {.owner = reply.name,
                                         .type = dns::type::kMx,
                                         .ttl = 3600,
                                         .rdata = std::span(rdata).first(2 + host.wire().size())});
  }
  writer.opt({});
  reply.message = writer.written();
  return reply;
}

DnsRecord record_of(const Reply& reply, uint16_t type) {
  return {.seq = 1'234'567,
          .input = "www.example.com",
          .name = reply.name,
          .type = type,
          .status = Status::noerror,
          .message = reply.message,
          .server = "192.0.2.53:53",
          .transport = TransportUsed::udp,
          .tries = 1,
          .rtt_us = 12'345,
          .ts_us = 1'785'000'000'123'456};
}

void rows(benchmark::State& state, const Reply& reply, uint16_t type) {
  DnsRecord record = record_of(reply, type);
  std::string out;
  out.reserve(1 << 20);
  size_t bytes = 0;
  for (auto _ : state) {
    if (out.size() > (1 << 20) - 4096) out.clear();
    const size_t before = out.size();
    append_ndjson(record, out);
    bytes += out.size() - before;
    record.ts_us += 10;
    benchmark::DoNotOptimize(out.data());
  }
  state.SetBytesProcessed(static_cast<int64_t>(bytes));
}

void address_row_with_validation(benchmark::State& state) {
  rows(state, address_reply(), dns::type::kA);
}
BENCHMARK(address_row_with_validation);

void mail_row_with_validation(benchmark::State& state) {
  rows(state, mail_reply(), dns::type::kMx);
}
BENCHMARK(mail_row_with_validation);

void timeout_row(benchmark::State& state) {
  Reply reply;
  DnsRecord record = record_of(reply, dns::type::kA);
  record.status = Status::timeout;
  std::string out;
  for (auto _ : state) {
    out.clear();
    append_ndjson(record, out);
    benchmark::DoNotOptimize(out.data());
  }
}
BENCHMARK(timeout_row);

}  // namespace
}  // namespace zonesweep::engine
