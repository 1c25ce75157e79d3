// Messages: the query that leaves, and the reply that comes, once per name.
#include <benchmark/benchmark.h>

#include <array>

#include "protocols/dns/message.h"
#include "protocols/dns/query.h"
#include "protocols/dns/writer.h"

namespace zonesweep::dns {
namespace {

const Name kName = *Name::from_text("www.example.com");

void write_a_query(benchmark::State& state) {
  std::array<std::byte, limits::kQueryBytes> out;
  Query query{.name = kName};
  for (auto _ : state) {
    ++query.id;
    size_t size = write_query(query, out);
    benchmark::DoNotOptimize(size);
    benchmark::ClobberMemory();
  }
}
BENCHMARK(write_a_query);

std::span<const std::byte> address_reply(std::span<std::byte> out) {
  MessageWriter writer{out};
  writer.header({.id = 7, .recursion_desired = true, .recursion_available = true});
  writer.question(kName, type::kA);
  writer.answer_a(0x0A010203, 300);
  writer.opt({});
  return writer.written();
}

void write_an_address_reply(benchmark::State& state) {
  std::array<std::byte, 512> out;
  for (auto _ : state) {
    auto written = address_reply(out);
    benchmark::DoNotOptimize(written);
    benchmark::ClobberMemory();
  }
}
BENCHMARK(write_an_address_reply);

void check(benchmark::State& state, std::span<const std::byte> bytes, uint16_t asked) {
  const Question sent{kName, asked, 7};
  for (auto _ : state) {
    benchmark::DoNotOptimize(bytes.data());
    const auto message = Message::parse(bytes);
    bool good = message && match_reply(sent, *message) == Match::match;
    auto summary = message->validate();
    benchmark::DoNotOptimize(good);
    benchmark::DoNotOptimize(summary);
  }
}

void match_and_validate_one_address(benchmark::State& state) {
  std::array<std::byte, 512> out;
  check(state, address_reply(out), type::kA);
}
BENCHMARK(match_and_validate_one_address);

void validate_one_address(benchmark::State& state) {
  std::array<std::byte, 512> out;
  const auto bytes = address_reply(out);
  for (auto _ : state) {
    benchmark::DoNotOptimize(bytes.data());
    auto summary = Message::parse(bytes)->validate();
    benchmark::DoNotOptimize(summary);
  }
}
BENCHMARK(validate_one_address);

void match_and_validate_a_chain(benchmark::State& state) {
  std::array<std::byte, 512> out;
  MessageWriter writer{out};
  const Name target = *Name::from_text("edge.cdn.example.net");
  const std::array<std::byte, 4> address{};
  writer.header({.id = 7});
  writer.question(kName, type::kA);
  writer.record(Section::answer, {kName, type::kCname, 60, target.wire()});
  writer.record(Section::answer, {target, type::kA, 60, address});
  writer.record(Section::answer, {target, type::kA, 60, address});
  writer.opt({});
  check(state, writer.written(), type::kA);
}
BENCHMARK(match_and_validate_a_chain);

// The most work that 64 KiB can ask for: a reversed chain of CNAMEs and names that differ only at
// their end.
void validate_the_largest_answer(benchmark::State& state) {
  std::array<std::byte, limits::kMessageBytes> out;
  MessageWriter writer{out};
  writer.header({.id = 7});
  writer.question(kName, type::kA);
  const Name owner = *Name::from_text("q.w.e.r.t.y.u.i.o.p.a.s.d.f.g.h.j.k.l.z.x.c.v.b.n.m");
  const std::array<std::byte, 4> address{};
  for (size_t i = 0; i < limits::kMessageRecords; ++i) {
    if (!writer.record(Section::answer, {owner, type::kA, 60, address})) break;
  }
  check(state, writer.written(), type::kA);
}
BENCHMARK(validate_the_largest_answer);

}  // namespace
}  // namespace zonesweep::dns
