// A thousand chunks that wait for their registration rows: files, memory and time.

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <malloc.h>
#include <sys/resource.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <random>
#include <thread>

#include "engine/output.h"
#include "engine/shard_folder.h"
#include "tests/support/output_run.h"

namespace zonesweep::engine::test {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kChunks = 1'000;

size_t open_descriptors() {
  const auto fds = fs::directory_iterator("/proc/self/fd");
  return static_cast<size_t>(std::distance(begin(fds), end(fds)));
}

size_t heap_bytes() {
  const auto info = ::mallinfo2();
  return info.uordblks + info.hblkhd;
}

// DNS rows when a chunk is read, registration rows later.
class OpenChunks : public ::testing::Test {
 protected:
  void open(uint64_t names_per_chunk) {
    OutputOptions options;
    options.directory = folder_.path("out");
    options.rows_per_shard = names_per_chunk;
    options.questions = 2;
    options.registration = true;
    options.resume = true;
    options.flush_interval = std::chrono::milliseconds{200};
    auto opened = Output::open(options);
    ASSERT_TRUE(opened) << opened.error().message;
    output_ = std::move(*opened);
    names_ = names_per_chunk;
  }

  void begin(uint64_t chunk) { ASSERT_TRUE(output_->begin_chunk(chunk, chunk * names_)); }
  void read_input(uint64_t chunk) {
    for (uint64_t names = 0; names < names_;) {
      names = std::min(names + 1'024, names_);
      output_->input_progress(chunk, names, chunk);
    }
  }
  void end(uint64_t chunk) {
    read_input(chunk);
    output_->end_chunk(chunk, names_, names_ * 2, chunk);
  }

  void write(uint64_t chunk, uint64_t index, Table table) {
    RowSink& sink = output_->sink(0);
    while (sink.full()) std::this_thread::yield();
    sink.tick(std::chrono::steady_clock::now());
    const uint64_t seq = chunk * names_ + index;
    fmt::format_to(std::back_inserter(sink.buffer(chunk, table)), "{{\"seq\":{}}}\n", seq);
    sink.row_done(chunk, table, seq, table == Table::dns ? 0 : 1, RowStatus());
  }

  void wait_for_rows(uint64_t rows) {
    while (output_->progress().rows < rows && !output_->failed()) std::this_thread::yield();
    ASSERT_FALSE(output_->failed()) << output_->error().message;
  }

  const TemporaryFolder folder_;
  std::unique_ptr<Output> output_;
  uint64_t names_ = 0;
};

TEST_F(OpenChunks, need_few_files_and_all_are_committed) {
  const size_t files_before = open_descriptors();
  open(4);
  std::atomic<size_t> most = 0;
  const auto look = [&] { most = std::max(most.load(), open_descriptors()); };
  for (uint64_t chunk = 0; chunk < kChunks; ++chunk) {
    begin(chunk);
    output_->input_progress(chunk, names_, chunk);
    for (uint64_t index = 0; index < names_; ++index) write(chunk, index, Table::dns);
    end(chunk);
    if (chunk % 50 == 0) look();
  }
  std::mt19937_64 random(5);
  std::vector<uint64_t> seqs(kChunks * names_);
  std::iota(seqs.begin(), seqs.end(), 0);
  std::ranges::shuffle(seqs, random);
  for (const uint64_t seq : seqs) {
    write(seq / names_, seq % names_, Table::registration);
    if (seq % 100 == 0) look();
  }
  output_->sink(0).flush();
  const auto finished = output_->finish(true, "{}");
  ASSERT_TRUE(finished) << finished.error().message;
  EXPECT_EQ(output_->progress().chunks_committed, kChunks);
  EXPECT_LE(most, files_before + 2 * limits::kShardsAtHand + 10);
}

TEST_F(OpenChunks, of_an_earlier_run_take_little_memory_whatever_rows_they_have) {
  constexpr uint64_t kNames = 1'000'000;
  open(kNames);
  std::mt19937_64 random(9);
  uint64_t rows = 0;
  for (uint64_t chunk = 0; chunk < kChunks; ++chunk) {
    begin(chunk);
    read_input(chunk);
    for (uint64_t index = 0; index < kNames; index += 1'000) {
      write(chunk, index + random() % 1'000, Table::dns);
      write(chunk, index + random() % 1'000, Table::registration);
      rows += 2;
    }
    output_->sink(0).flush();
    end(chunk);
  }
  wait_for_rows(rows);
  ASSERT_TRUE(output_->finish(false, "{}"));
  output_.reset();

  ::malloc_trim(0);
  const size_t before = heap_bytes();
  const auto start = std::chrono::steady_clock::now();
  open(kNames);
  const auto took = std::chrono::steady_clock::now() - start;
  const size_t recovered = heap_bytes() - before;
  EXPECT_EQ(output_->progress().rows_resumed, rows);
  for (uint64_t chunk = 0; chunk < kChunks; ++chunk) {
    begin(chunk);
    uint64_t mark = output_->next_mark(chunk, 0);
    for (; mark != UINT64_MAX; mark = output_->next_mark(chunk, mark)) {
      ASSERT_TRUE(output_->check_committed(chunk, mark, chunk));
    }
    end(chunk);
  }
  const size_t begun = heap_bytes() - before;
  RecordProperty("recovery_ms", fmt::format("{}", took / std::chrono::milliseconds{1}));
  RecordProperty("bytes_a_chunk", fmt::format("{}", begun / kChunks));
  EXPECT_LT(recovered / kChunks, 4'096U);
  EXPECT_LT(begun / kChunks, 6'144U);
}

TEST_F(OpenChunks, hold_the_source_back_when_there_are_too_many) {
  open(1);
  for (uint64_t chunk = 0; chunk < limits::kOpenChunksRegistration; ++chunk) {
    begin(chunk);
    end(chunk);
  }
  std::atomic<bool> begun = false;
  std::thread source([&] {
    EXPECT_TRUE(
        output_->begin_chunk(limits::kOpenChunksRegistration, limits::kOpenChunksRegistration));
    begun = true;
  });
  std::this_thread::sleep_for(std::chrono::milliseconds{30});
  EXPECT_FALSE(begun);
  write(7, 0, Table::dns);
  write(7, 0, Table::registration);
  output_->sink(0).flush();
  source.join();
  EXPECT_TRUE(begun);
}

}  // namespace
}  // namespace zonesweep::engine::test
