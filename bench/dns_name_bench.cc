// Names: once per input name, and once per row.
#include <benchmark/benchmark.h>

#include <string>

#include "protocols/dns/name.h"

namespace zonesweep::dns {
namespace {

constexpr const char* kShort = "example1.com";  // 12 characters
constexpr const char* kLong = "a-rather-long-host-name.department.subsidiary.example.co.uk";

void from_text(benchmark::State& state, const char* text) {
  std::string name = text;
  std::array<std::byte, limits::kNameBytes> wire;
  for (auto _ : state) {
    benchmark::DoNotOptimize(name.data());
    auto size = name_from_text(name, wire);
    benchmark::DoNotOptimize(size);
    benchmark::ClobberMemory();
  }
}
BENCHMARK_CAPTURE(from_text, short_name, kShort);
BENCHMARK_CAPTURE(from_text, long_name, kLong);
BENCHMARK_CAPTURE(from_text, escaped_name, "ex\\097mple1.com");

void to_text(benchmark::State& state, const char* text) {
  const Name name = *Name::from_text(text);
  std::string out;
  for (auto _ : state) {
    out.clear();
    append_name_text(name, out);
    benchmark::DoNotOptimize(out.data());
  }
}
BENCHMARK_CAPTURE(to_text, short_name, kShort);
BENCHMARK_CAPTURE(to_text, long_name, kLong);

void equal(benchmark::State& state, const char* one, const char* two) {
  const Name a = *Name::from_text(one);
  const Name b = *Name::from_text(two);
  for (auto _ : state) {
    bool same = equal_names(a, b);
    benchmark::DoNotOptimize(same);
    benchmark::ClobberMemory();
  }
}
BENCHMARK_CAPTURE(equal, same_case, kLong, kLong);
BENCHMARK_CAPTURE(equal, other_case, kShort, "EXAMPLE1.COM");

}  // namespace
}  // namespace zonesweep::dns
