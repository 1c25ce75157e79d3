// Text to names: zones, lists and CSV, plain and compressed. bytes_per_second counts text, not
// compressed bytes.
#include <benchmark/benchmark.h>
#include <isa-l/igzip_lib.h>
#include <zstd.h>

#include <algorithm>
#include <cstring>
#include <string>

#include "bench/com_zone.h"
#include "protocols/zone/csv.h"
#include "protocols/zone/decompress.h"
#include "protocols/zone/list.h"
#include "protocols/zone/zone_file.h"

namespace zonesweep::zone {
namespace {

constexpr uint64_t kNames = 400'000;  // about 56 MB of zone text: larger than any cache
constexpr size_t kBlock = 4'096;      // names at a time, as the source thread takes them

const std::string& zone_text(bool czds) {
  static const auto make = [](bool style) {
    bench::ComZoneWriter writer({.names = kNames, .czds = style});
    writer.head();
    for (uint64_t i = 0; i < kNames; ++i) writer.name(i);
    return writer.text();
  };
  static const std::string styles[2] = {make(false), make(true)};
  return styles[czds ? 1 : 0];
}

// Copies `text` in as read(2) would.
uint64_t run(Parser& parser, std::string_view text) {
  TextBuffer buffer;
  NameBlock block;
  uint64_t seq = 0;
  while (true) {
    block.clear();
    Output out{block, kBlock, seq};
    const auto step = parser.parse(buffer, out);
    seq = out.seq;
    if (!step || *step == Step::ended) return seq;
    if (*step == Step::block_full) continue;
    const auto room = buffer.room();
    const size_t n = std::min(room.size(), text.size());
    std::memcpy(room.data(), text.data(), n);
    buffer.commit(n);
    text.remove_prefix(n);
    if (text.empty()) buffer.finish();
  }
}

void report(benchmark::State& state, size_t bytes, uint64_t names) {
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(bytes));
  state.counters["names"] =
      benchmark::Counter(static_cast<double>(names), benchmark::Counter::kIsIterationInvariantRate);
}

void zone(benchmark::State& state, bool czds, const ZoneOptions& options) {
  const std::string& text = zone_text(czds);
  uint64_t names = 0;
  for (auto _ : state) {
    ZoneParser parser(options);
    names = run(parser, text);
  }
  if (names != kNames) state.SkipWithError("names are missing");
  report(state, text.size(), names);
}

BENCHMARK_CAPTURE(zone, czds, true, ZoneOptions{.key = 1});
BENCHMARK_CAPTURE(zone, dump, false, ZoneOptions{.key = 1});
BENCHMARK_CAPTURE(zone, czds_without_avx2, true,
                  ZoneOptions{.key = 1, .classify = classify_portable});
BENCHMARK_CAPTURE(zone, czds_the_long_way, true, ZoneOptions{.key = 1, .plain = false});

std::string packed_gzip(const std::string& text) {
  std::string level(ISAL_DEF_LVL2_DEFAULT, '\0');
  std::string packed(text.size() / 2 + 4'096, '\0');
  isal_zstream stream;
  isal_deflate_init(&stream);
  stream.gzip_flag = IGZIP_GZIP;
  stream.level = 2;
  stream.level_buf = reinterpret_cast<uint8_t*>(level.data());
  stream.level_buf_size = static_cast<uint32_t>(level.size());
  stream.end_of_stream = 1;
  stream.next_in = reinterpret_cast<uint8_t*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uint32_t>(text.size());
  stream.next_out = reinterpret_cast<uint8_t*>(packed.data());
  stream.avail_out = static_cast<uint32_t>(packed.size());
  isal_deflate(&stream);
  packed.resize(stream.total_out);
  return packed;
}

std::string packed_zstd(const std::string& text) {
  std::string packed(ZSTD_compressBound(text.size()), '\0');
  packed.resize(ZSTD_compress(packed.data(), packed.size(), text.data(), text.size(), 3));
  return packed;
}

uint64_t run_packed(Parser& parser, std::string_view packed) {
  const auto decompressor = Decompressor::make(compression_of(packed));
  TextBuffer buffer;
  NameBlock block;
  uint64_t seq = 0;
  while (true) {
    block.clear();
    Output out{block, kBlock, seq};
    const auto step = parser.parse(buffer, out);
    seq = out.seq;
    if (!step || *step == Step::ended) return seq;
    if (*step == Step::block_full) continue;
    const auto progress = decompressor->run(packed, buffer.room());
    packed.remove_prefix(progress.consumed);
    buffer.commit(progress.produced);
    if (packed.empty() && progress.produced == 0) buffer.finish();
  }
}

void compressed_zone(benchmark::State& state, std::string (*pack)(const std::string&)) {
  const std::string& text = zone_text(true);
  const std::string packed = pack(text);
  uint64_t names = 0;
  for (auto _ : state) {
    ZoneParser parser({.key = 1});
    names = run_packed(parser, packed);
  }
  if (names != kNames) state.SkipWithError("names are missing");
  report(state, text.size(), names);
}

BENCHMARK_CAPTURE(compressed_zone, gzip, packed_gzip);
BENCHMARK_CAPTURE(compressed_zone, zstd, packed_zstd);

void inflate_alone(benchmark::State& state, std::string (*pack)(const std::string&)) {
  const std::string& text = zone_text(true);
  const std::string packed = pack(text);
  std::string room(limits::kTextPieceBytes, '\0');
  for (auto _ : state) {
    const auto decompressor = Decompressor::make(compression_of(packed));
    std::string_view left = packed;
    while (true) {
      const auto progress = decompressor->run(left, room);
      left.remove_prefix(progress.consumed);
      if (progress.produced == 0 && progress.consumed == 0) break;
    }
  }
  report(state, text.size(), 0);
}

BENCHMARK_CAPTURE(inflate_alone, gzip, packed_gzip);
BENCHMARK_CAPTURE(inflate_alone, zstd, packed_zstd);

std::string rows(std::string_view before, std::string_view name, std::string_view after) {
  std::string text = before.empty() ? "" : "rank,domain\n";
  for (uint64_t i = 0; i < 2'000'000; ++i) {
    text += before;
    text += name;
    text += std::to_string(i);
    text += after;
  }
  return text;
}

void list(benchmark::State& state, std::string_view name, Classify classify) {
  const std::string text = rows("", name, ".com\n");
  uint64_t names = 0;
  for (auto _ : state) {
    ListParser parser(classify);
    names = run(parser, text);
  }
  report(state, text.size(), names);
}

BENCHMARK_CAPTURE(list, ascii, "www.example-", best_classify());
BENCHMARK_CAPTURE(list, ascii_without_avx2, "www.example-", classify_portable);
BENCHMARK_CAPTURE(list, unicode, "www.b\u00fccher-", best_classify());

void csv(benchmark::State& state) {
  const std::string text = rows("12345,", "example-", ".com\n");
  uint64_t names = 0;
  for (auto _ : state) {
    CsvParser parser({});
    names = run(parser, text);
  }
  report(state, text.size(), names);
}

BENCHMARK(csv);

}  // namespace
}  // namespace zonesweep::zone
