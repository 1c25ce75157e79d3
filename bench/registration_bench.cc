// WHOIS text and RDAP bodies to fields, over the corpora ($ZONESWEEP_CORPORA, or ../shared/corpora
// of the tree that this is run from) and over built-in answers where there are none.
#include <benchmark/benchmark.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "engine/registration_record.h"
#include "protocols/rdap/parser.h"
#include "protocols/whois/parser.h"

namespace {

using namespace zonesweep;

constexpr const char* kWhois =
    "Domain Name: EXAMPLE.COM\r\nRegistrar: Registrar, Inc.\r\nCreation Date: "
    "1995-08-14T04:00:00Z\r\n"
    "Name Server: A.IANA-SERVERS.NET\r\n";
constexpr const char* kRdap =
    R"({"objectClassName":"domain","ldhName":"EXAMPLE.COM","nameservers":[{"ldhName":"A.IANA-SERVERS.NET"}]})";

std::vector<std::string> answers(const char* part, const char* suffix, const char* fallback) {
  namespace fs = std::filesystem;
  const char* given = std::getenv("ZONESWEEP_CORPORA");
  const fs::path folder = fs::path(given != nullptr ? given : "../shared/corpora") / part;
  std::vector<std::string> found;
  std::error_code none;
  for (fs::recursive_directory_iterator at{folder, none}, end; at != end; at.increment(none)) {
    const std::string name = at->path().filename();
    if (!name.ends_with(suffix) || name.ends_with(".expected.json")) continue;
    std::ifstream in{at->path(), std::ios::binary};
    found.emplace_back(std::istreambuf_iterator<char>{in}, std::istreambuf_iterator<char>{});
  }
  if (found.empty()) found.emplace_back(fallback);
  return found;
}

size_t bytes_of(const std::vector<std::string>& texts) {
  size_t bytes = 0;
  for (const std::string& text : texts) bytes += text.size();
  return bytes;
}

void whois_to_fields(benchmark::State& state) {
  const auto texts = answers("whois", ".txt", kWhois);
  whois::Parser parser;
  registration::Registration out;
  for (auto _ : state) {
    for (const std::string& text : texts) {
      benchmark::DoNotOptimize(parser.parse(text, {}, out));
      benchmark::DoNotOptimize(out.nameservers.data());
    }
  }
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * bytes_of(texts)));
  state.SetItemsProcessed(static_cast<int64_t>(state.iterations() * texts.size()));
}
BENCHMARK(whois_to_fields)->Unit(benchmark::kMillisecond);

void rdap_to_fields(benchmark::State& state) {
  const auto texts = answers("rdap", ".json", kRdap);
  rdap::Parser parser;
  registration::Registration out;
  for (auto _ : state) {
    for (const std::string& text : texts) {
      benchmark::DoNotOptimize(parser.parse(text, {}, out));
      benchmark::DoNotOptimize(out.nameservers.data());
    }
  }
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * bytes_of(texts)));
  state.SetItemsProcessed(static_cast<int64_t>(state.iterations() * texts.size()));
}
BENCHMARK(rdap_to_fields)->Unit(benchmark::kMillisecond);

void row_to_ndjson(benchmark::State& state) {
  const auto texts = answers("whois", ".txt", kWhois);
  whois::Parser parser;
  registration::Registration out;
  (void)parser.parse(texts[texts.size() / 2], {}, out);
  const engine::RegistrationRecord record{.seq = 1,
                                          .input = "example.com",
                                          .name = "example.com",
                                          .domain = "example.com",
                                          .status = engine::RegistrationStatus::ok,
                                          .answer = &out};
  std::string row;
  for (auto _ : state) {
    row.clear();
    engine::append_ndjson(record, row);
    benchmark::DoNotOptimize(row.data());
  }
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * row.size()));
}
BENCHMARK(row_to_ndjson);

}  // namespace
