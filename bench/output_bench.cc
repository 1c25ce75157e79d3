// What a row costs behind its encoder: the lane's block and frame, the writer, and a resume.
#include <benchmark/benchmark.h>
#include <fmt/format.h>
#include <stdlib.h>
#include <xxhash.h>

#include <chrono>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "engine/output.h"
#include "engine/record.h"
#include "engine/row_status.h"
#include "engine/shard_reader.h"

namespace {

using namespace zonesweep;
using namespace zonesweep::engine;

// Rows like those of `-t A`: some 230 bytes, as different from each other as real ones are.
std::vector<std::string> some_rows(size_t count) {
  std::vector<std::string> rows;
  for (size_t i = 0; i < count; ++i) {
    const uint64_t h = XXH3_64bits(&i, sizeof i);
    rows.push_back(fmt::format(
        R"({{"seq":{},"input":"n{:x}.com","name":"n{:x}.com","type":"A","status":"NOERROR",)"
        R"("flags":["qr","rd","ra"],"answers":[{{"name":"n{:x}.com","type":"A","class":"IN","ttl":{},)"
        R"("data":"10.{}.{}.{}"}}],"server":"127.0.0.1:53","transport":"udp","tries":1,)"
        R"("rtt_us":{},"ts":"2026-01-01T00:00:{:02}.{:06}Z"}})"
        "\n",
        i, h >> 24, h >> 24, h >> 24, h % 86400, h & 255, h >> 8 & 255, h >> 16 & 255, h % 5000,
        i / 100'000 % 60, h % 1'000'000));
  }
  return rows;
}

struct Folder {
  Folder() { (void)::mkdtemp(path.data()); }
  ~Folder() { std::filesystem::remove_all(path); }
  std::string path = "/dev/shm/zonesweep-bench-XXXXXX";
};

OutputOptions options_in(const Folder& folder, Compression compression, bool ordered) {
  OutputOptions options;
  options.directory = folder.path + "/out";
  options.compression = compression;
  options.ordered = ordered;
  return options;
}

uint64_t write_chunk(Output& output, const std::vector<std::string>& rows, uint64_t row_count) {
  RowSink& sink = output.sink(0);
  (void)output.begin_chunk(0, 0);
  for (uint64_t seq = 0; seq < row_count; ++seq) {
    if (seq % 256 == 0) {
      (void)output.admit(seq);
      sink.tick(std::chrono::steady_clock::now());
      while (sink.full()) std::this_thread::yield();
    }
    sink.buffer(0, Table::dns) += rows[seq % rows.size()];
    sink.row_done(0, Table::dns, seq, 0, Status::noerror);
    sink.name_done(0, seq);
  }
  sink.flush();
  return row_count;
}

void rows_to_shards(benchmark::State& state, Compression compression, bool ordered) {
  const std::vector<std::string> rows = some_rows(200'000);
  constexpr uint64_t kRows = 1'000'000;
  uint64_t bytes = 0;
  for (auto unused : state) {
    (void)unused;
    const Folder folder;
    auto output = Output::open(options_in(folder, compression, ordered));
    write_chunk(**output, rows, kRows);
    (*output)->end_chunk(0, kRows, kRows, 0);
    if (!(*output)->finish(true, "{}")) state.SkipWithError("failed");
    bytes = (*output)->progress().bytes_written;
  }
  state.SetItemsProcessed(static_cast<int64_t>(state.iterations() * kRows));
  state.counters["bytes_per_row"] = static_cast<double>(bytes) / kRows;
}
BENCHMARK_CAPTURE(rows_to_shards, zstd, Compression::zstd, false)
    ->Unit(benchmark::kMillisecond)
    ->MeasureProcessCPUTime();
BENCHMARK_CAPTURE(rows_to_shards, zstd_ordered, Compression::zstd, true)
    ->Unit(benchmark::kMillisecond)
    ->MeasureProcessCPUTime();
BENCHMARK_CAPTURE(rows_to_shards, gzip, Compression::gzip, false)
    ->Unit(benchmark::kMillisecond)
    ->MeasureProcessCPUTime();
BENCHMARK_CAPTURE(rows_to_shards, none, Compression::none, false)
    ->Unit(benchmark::kMillisecond)
    ->MeasureProcessCPUTime();

// A folder whose only chunk has a million rows on disk and is not committed.
void resume_of_a_million_rows(benchmark::State& state) {
  const std::vector<std::string> rows = some_rows(200'000);
  const Folder folder;
  OutputOptions options = options_in(folder, Compression::zstd, false);
  {
    auto output = Output::open(options);
    write_chunk(**output, rows, 1'000'000);
    (void)(*output)->finish(false, "{}");
  }
  options.resume = true;
  for (auto unused : state) {
    (void)unused;
    benchmark::DoNotOptimize(Output::open(options));
  }
  const auto journal = std::filesystem::file_size(folder.path + "/out/dns/.part-00000.frames");
  state.counters["journal_bytes_per_row"] = static_cast<double>(journal) / 1e6;
}
BENCHMARK(resume_of_a_million_rows)->Unit(benchmark::kMillisecond);

// The same, and the source comes to the chunk and wants to know which rows it has.
void resume_of_a_million_rows_and_begin(benchmark::State& state) {
  const std::vector<std::string> rows = some_rows(200'000);
  const Folder folder;
  OutputOptions options = options_in(folder, Compression::zstd, false);
  {
    auto output = Output::open(options);
    write_chunk(**output, rows, 1'000'000);
    (void)(*output)->finish(false, "{}");
  }
  options.resume = true;
  for (auto unused : state) {
    (void)unused;
    auto output = Output::open(options);
    benchmark::DoNotOptimize((*output)->begin_chunk(0, 0));
  }
}
BENCHMARK(resume_of_a_million_rows_and_begin)->Unit(benchmark::kMillisecond);

// The other way to know what a shard holds: inflate it and read each row's seq.
void reading_back_a_million_rows(benchmark::State& state) {
  const std::vector<std::string> rows = some_rows(200'000);
  const Folder folder;
  {
    auto output = Output::open(options_in(folder, Compression::zstd, false));
    write_chunk(**output, rows, 1'000'000);
    (void)(*output)->finish(false, "{}");
  }
  const auto below = io::Folder::open(folder.path + "/out/dns");
  for (auto unused : state) {
    (void)unused;
    ShardReader reader(std::move(*below->open_read(".part-00000.ndjson.zst")), Compression::zstd);
    uint64_t lines = 0;
    for (auto piece = reader.next(); piece && !piece->empty(); piece = reader.next()) {
      for (size_t at = 0; (at = piece->find("\n{\"seq\":", at)) != std::string_view::npos; ++at)
        ++lines;
    }
    benchmark::DoNotOptimize(lines);
  }
}
BENCHMARK(reading_back_a_million_rows)->Unit(benchmark::kMillisecond);

}  // namespace
