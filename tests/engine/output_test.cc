#include "engine/output.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <deque>
#include <filesystem>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "engine/record.h"
#include "tests/support/output_run.h"

namespace zonesweep::engine::test {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

RunPlan a_plan(const TemporaryFolder& folder) {
  RunPlan plan;
  plan.output.directory = folder.path("out");
  plan.output.rows_per_shard = 30;
  plan.output.lanes = 2;
  plan.output.questions = 2;
  plan.output.fingerprint = "type=A,MX\nprobe=dns\n";
  plan.output.version = "0.0.0";
  return plan;
}

TEST(Output, writes_every_row_once_and_leaves_nothing_else) {
  const TemporaryFolder folder;
  const RunPlan plan = a_plan(folder);
  const RunResult result = run(plan);
  EXPECT_FALSE(result.error) << result.error->message;
  EXPECT_EQ(check_rows(plan), "");
  EXPECT_EQ(result.progress.rows, 200);
  EXPECT_EQ(result.progress.chunks_committed, 4);
  EXPECT_THAT(files_below(plan.output.directory),
              ElementsAre(".lock", ".state", "_SUCCESS", "_manifest.ndjson", "_run.json",
                          "dns/part-00000.ndjson.zst", "dns/part-00001.ndjson.zst",
                          "dns/part-00002.ndjson.zst", "dns/part-00003.ndjson.zst"));
}

TEST(Output, says_in_run_json_what_the_shards_hold) {
  const TemporaryFolder folder;
  RunPlan plan = a_plan(folder);
  plan.output.configuration_json = "{\"types\":[\"A\",\"MX\"]}";
  (void)run(plan);
  const std::string text = read_file(folder.path("out/_run.json"));
  EXPECT_THAT(text, HasSubstr("\"configuration\":{\"types\":[\"A\",\"MX\"]}"));
  EXPECT_THAT(text, HasSubstr("\"chunks\":4,\"names\":100,\"rows\":200,"));
  EXPECT_THAT(text, HasSubstr("\"statuses\":{\"NOERROR\":50,\"NXDOMAIN\":50,\"RCODE17\":50,"
                              "\"TIMEOUT\":50}"));
  EXPECT_THAT(text, HasSubstr("\"totals\":{\"test\":true}}\n"));
}

class OutputFormats : public ::testing::TestWithParam<std::tuple<Compression, bool, bool>> {};

TEST_P(OutputFormats, every_compression_order_and_table_holds_every_row) {
  const TemporaryFolder folder;
  RunPlan plan = a_plan(folder);
  std::tie(plan.output.compression, plan.output.ordered, plan.two_tables) = GetParam();
  plan.output.rows_per_shard = 20'000;  // several frames each
  plan.names = 50'000;
  plan.window = 500;
  const RunResult result = run(plan);
  EXPECT_FALSE(result.error) << result.error->message;
  EXPECT_EQ(check_rows(plan, plan.output.ordered), "");
}

INSTANTIATE_TEST_SUITE_P(All, OutputFormats,
                         ::testing::Combine(::testing::Values(Compression::zstd, Compression::gzip,
                                                              Compression::none),
                                            ::testing::Bool(), ::testing::Bool()));

TEST(Output, an_empty_input_makes_no_shard_but_succeeds) {
  const TemporaryFolder folder;
  RunPlan plan = a_plan(folder);
  plan.names = 0;
  EXPECT_FALSE(run(plan).error);
  EXPECT_THAT(files_below(plan.output.directory),
              ElementsAre(".lock", ".state", "_SUCCESS", "_manifest.ndjson", "_run.json"));
}

TEST(Output, splits_write_the_very_shards_that_one_machine_would) {
  const TemporaryFolder folder;
  RunPlan whole = a_plan(folder);
  whole.output.ordered = true;
  ASSERT_FALSE(run(whole).error);
  RunPlan split = whole;
  split.output.directory = folder.path("splits");
  split.output.split_count = 3;
  for (const uint32_t index : {1, 0, 2}) {
    split.output.split_index = index;
    const RunResult result = run(split);
    EXPECT_FALSE(result.error) << result.error->message;
    EXPECT_EQ(check_rows(split), "");
    EXPECT_EQ(std::filesystem::exists(folder.path("splits/_SUCCESS")), index == 2);
  }
  for (const std::string part : {"00000", "00001", "00002", "00003"}) {
    EXPECT_EQ(read_file(folder.path("out/dns/part-" + part + ".ndjson.zst")),
              read_file(folder.path("splits/dns/part-" + part + ".ndjson.zst")));
  }
  EXPECT_THAT(files_below(split.output.directory), Contains("_manifest.2-of-3.ndjson"));
}

TEST(Output, splits_with_other_options_do_not_share_a_folder) {
  const TemporaryFolder folder;
  RunPlan plan = a_plan(folder);
  plan.output.split_count = 2;
  ASSERT_FALSE(run(plan).error);
  plan.output.split_index = 1;
  plan.output.fingerprint = "type=A\n";
  const RunResult result = run(plan);
  ASSERT_TRUE(result.error);
  EXPECT_EQ(result.error->kind, OutputError::Kind::state);
  plan.output.split_count = 1;
  plan.output.split_index = 0;
  EXPECT_EQ(run(plan).error->kind, OutputError::Kind::usage);
}

TEST(Output, refuses_a_folder_that_is_not_empty) {
  const TemporaryFolder folder;
  const RunPlan plan = a_plan(folder);
  std::filesystem::create_directory(plan.output.directory);
  write_file(folder.path("out/mine.txt"), "precious");
  const RunResult result = run(plan);
  ASSERT_TRUE(result.error);
  EXPECT_EQ(result.error->kind, OutputError::Kind::usage);
  EXPECT_THAT(result.error->message, HasSubstr("mine.txt"));
  EXPECT_THAT(result.error->message, HasSubstr("--resume"));
  EXPECT_EQ(read_file(folder.path("out/mine.txt")), "precious");
  EXPECT_THAT(files_below(folder.path("out")), ElementsAre("mine.txt"));
}

TEST(Output, refuses_to_resume_what_is_no_run) {
  const TemporaryFolder folder;
  RunPlan plan = a_plan(folder);
  std::filesystem::create_directory(plan.output.directory);
  write_file(folder.path("out/mine.txt"), "precious");
  plan.output.resume = true;
  EXPECT_EQ(run(plan).error->kind, OutputError::Kind::state);
}

TEST(Output, starts_in_a_folder_that_is_new_or_empty_or_resumed_before_it_began) {
  const TemporaryFolder folder;
  RunPlan plan = a_plan(folder);
  plan.output.directory = folder.path("a/b/c");
  plan.output.resume = true;
  EXPECT_FALSE(run(plan).error);
  EXPECT_EQ(check_rows(plan), "");
  plan.output.directory = folder.path("empty");
  plan.output.resume = false;
  std::filesystem::create_directory(plan.output.directory);
  EXPECT_FALSE(run(plan).error);
}

TEST(Output, a_second_run_on_the_folder_is_told_so_and_harms_nothing) {
  const TemporaryFolder folder;
  RunPlan plan = a_plan(folder);
  auto first = Output::open(plan.output);
  ASSERT_TRUE(first);
  plan.output.resume = true;
  const auto start = std::chrono::steady_clock::now();
  const auto second = Output::open(plan.output);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().kind, OutputError::Kind::in_use);
  EXPECT_GE(std::chrono::steady_clock::now() - start, std::chrono::milliseconds{500});
  first->reset();
  EXPECT_TRUE(Output::open(plan.output));
}

TEST(Output, is_not_led_out_of_its_folder_by_links) {
  const TemporaryFolder folder;
  RunPlan plan = a_plan(folder);
  std::filesystem::create_directories(folder.path("out"));
  std::filesystem::create_directories(folder.path("elsewhere"));
  std::filesystem::create_directory_symlink(folder.path("elsewhere"), folder.path("out/dns"));
  EXPECT_TRUE(run(plan).error);
  EXPECT_THAT(files_below(folder.path("elsewhere")), IsEmpty());
}

TEST(Output, ends_in_failed_where_it_may_not_write) {
  RunPlan plan;
  plan.output.directory = "/proc/zonesweep";
  const RunResult result = run(plan);
  ASSERT_TRUE(result.error);
  EXPECT_EQ(result.error->kind, OutputError::Kind::failed);
}

TEST(Output, a_lane_sees_full_while_the_writer_is_stuck_and_not_after) {
  const TemporaryFolder folder;
  RunPlan plan = a_plan(folder);
  plan.output.compression = Compression::none;
  plan.output.rows_per_shard = 1'000'000;
  std::atomic<bool> go{false};
  plan.output.fault = [&](std::string_view operation, std::string_view) {
    while (operation == "create" && !go) std::this_thread::yield();
    return 0;
  };
  go = true;
  auto output = Output::open(plan.output);
  ASSERT_TRUE(output);
  go = false;
  ASSERT_TRUE((*output)->begin_chunk(0, 0));
  RowSink& sink = (*output)->sink(0);
  uint64_t seq = 0;
  for (; !sink.full(); ++seq) {
    ASSERT_LT(seq, 200'000);
    sink.buffer(0, Table::dns) += row_of(plan, seq, 0);
    sink.row_done(0, Table::dns, seq, 0, Status::noerror);
  }
  EXPECT_GT(seq, 20'000);
  go = true;
  while (sink.full()) std::this_thread::yield();
  sink.flush();
  (*output)->end_chunk(0, seq, seq, 7);
  EXPECT_TRUE((*output)->finish(true, "{}"));
}

TEST(Output, the_source_waits_while_too_many_chunks_are_open_and_stop_wakes_it) {
  const TemporaryFolder folder;
  RunPlan plan = a_plan(folder);
  plan.output.open_chunks = 1;
  auto output = Output::open(plan.output);
  ASSERT_TRUE(output);
  ASSERT_TRUE((*output)->begin_chunk(0, 0));
  std::thread stopper([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds{50});
    (*output)->stop();
  });
  EXPECT_FALSE((*output)->begin_chunk(1, 30));
  stopper.join();
  EXPECT_TRUE((*output)->finish(false, "{}"));
}

TEST(Output, an_ordered_run_holds_the_source_back_behind_a_slow_name) {
  const TemporaryFolder folder;
  RunPlan plan = a_plan(folder);
  plan.output.ordered = true;
  plan.output.questions = 1;
  plan.output.rows_per_shard = 1'000'000;
  plan.output.flush_interval = std::chrono::milliseconds{40};
  auto output = Output::open(plan.output);
  ASSERT_TRUE(output);
  ASSERT_TRUE((*output)->begin_chunk(0, 0));
  RowSink& sink = (*output)->sink(0);
  const auto answer = [&](uint64_t seq) {
    sink.tick(std::chrono::steady_clock::now());
    sink.buffer(0, Table::dns) += row_of(plan, seq, 0);
    sink.row_done(0, Table::dns, seq, 0, Status::noerror);
    sink.name_done(0, seq);
  };
  for (uint64_t seq = 1; seq < 1'000; ++seq) {
    ASSERT_TRUE((*output)->admit(seq));
    answer(seq);
  }
  sink.flush();
  EXPECT_EQ((*output)->low_water_seq(), 0);
  std::atomic<bool> admitted{false};
  std::thread source([&] {
    EXPECT_TRUE((*output)->admit(limits::kOrderedNames));
    admitted = true;
  });
  std::this_thread::sleep_for(std::chrono::milliseconds{50});
  EXPECT_FALSE(admitted);
  answer(0);
  sink.flush();
  source.join();
  EXPECT_EQ((*output)->low_water_seq(), 1'000);
  (*output)->end_chunk(0, 1'000, 1'000, 0);
  EXPECT_TRUE((*output)->finish(true, "{}"));
  const std::string text =
      shard_text(folder.path("out/dns/part-00000.ndjson.zst"), Compression::zstd);
  EXPECT_TRUE(text.starts_with(row_of(plan, 0, 0) + row_of(plan, 1, 0)));
}

// Lanes on threads of their own pull names from one queue, as in a scan.
class LanesOnThreads {
 public:
  LanesOnThreads(const RunPlan& plan, Output& output) : plan_(plan), output_(output) {
    for (uint32_t lane = 0; lane < plan.output.lanes; ++lane) {
      threads_.emplace_back([this, lane] { run_lane(output_.sink(lane)); });
    }
  }

  void push(uint64_t seq) {
    const std::lock_guard lock(mutex_);
    queue_.push_back(seq);
  }

  void join() {
    ended_ = true;
    for (std::thread& thread : threads_) thread.join();
  }

 private:
  void run_lane(RowSink& sink) {
    while (true) {
      sink.tick(std::chrono::steady_clock::now());
      const bool last = ended_;  // read before the queue is
      const std::optional<uint64_t> seq = sink.full() ? std::nullopt : pull();
      if (seq) {
        answer(sink, *seq);
      } else if (last && !sink.full()) {
        return sink.flush();
      } else {
        std::this_thread::yield();
      }
    }
  }

  std::optional<uint64_t> pull() {
    const std::lock_guard lock(mutex_);
    if (queue_.empty()) return {};
    const uint64_t seq = queue_.front();
    queue_.pop_front();
    return seq;
  }

  void answer(RowSink& sink, uint64_t seq) {
    const uint64_t chunk = seq / plan_.output.rows_per_shard;
    for (uint32_t q = 0; q < plan_.output.questions; ++q) {
      sink.buffer(chunk, Table::dns) += row_of(plan_, seq, q);
      sink.row_done(chunk, Table::dns, seq, q, status_of_row(plan_, seq, q));
    }
    sink.name_done(chunk, seq);
  }

  const RunPlan& plan_;
  Output& output_;
  std::mutex mutex_;
  std::deque<uint64_t> queue_;
  std::atomic<bool> ended_{false};
  std::vector<std::thread> threads_;
};

class Threads : public ::testing::TestWithParam<bool> {};

TEST_P(Threads, of_lanes_source_and_writer_lose_no_row) {
  const TemporaryFolder folder;
  RunPlan plan = a_plan(folder);
  plan.output.lanes = 3;
  plan.output.ordered = GetParam();
  plan.output.rows_per_shard = 1'000;
  plan.output.flush_interval = std::chrono::milliseconds{20};
  plan.names = 30'000;
  auto output = Output::open(plan.output);
  ASSERT_TRUE(output);
  LanesOnThreads lanes(plan, **output);
  for (uint64_t chunk = 0; chunk < 30; ++chunk) {
    ASSERT_TRUE((*output)->begin_chunk(chunk, chunk * 1'000));
    for (uint64_t seq = chunk * 1'000; seq < (chunk + 1) * 1'000; ++seq) {
      ASSERT_TRUE((*output)->admit(seq));
      lanes.push(seq);
      if (seq % 100 == 0) (void)(*output)->progress();
    }
    (*output)->end_chunk(chunk, 1'000, 2'000, chunk);
  }
  lanes.join();
  const auto finished = (*output)->finish(true, "{}");
  EXPECT_TRUE(finished) << finished.error().message;
  EXPECT_EQ(check_rows(plan, plan.output.ordered), "");
}

INSTANTIATE_TEST_SUITE_P(OrderedOrNot, Threads, ::testing::Bool());

TEST(Output, has_each_row_on_disk_within_the_flush_interval) {
  const TemporaryFolder folder;
  RunPlan plan = a_plan(folder);
  plan.output.questions = 1;
  plan.output.rows_per_shard = 1'000'000;
  plan.output.flush_interval = std::chrono::milliseconds{400};
  std::vector<std::chrono::steady_clock::time_point> done;
  auto output = Output::open(plan.output);
  ASSERT_TRUE(output);
  ASSERT_TRUE((*output)->begin_chunk(0, 0));
  RowSink& sink = (*output)->sink(0);
  for (uint64_t seq = 0; seq < 200; ++seq) {
    sink.tick(std::chrono::steady_clock::now());
    sink.buffer(0, Table::dns) += row_of(plan, seq, 0);
    sink.row_done(0, Table::dns, seq, 0, Status::noerror);
    done.push_back(std::chrono::steady_clock::now());
    std::this_thread::sleep_for(std::chrono::milliseconds{5});
  }
  const auto killed = std::chrono::steady_clock::now();
  output->reset();  // as if by kill -9
  plan.output.resume = true;
  auto again = Output::open(plan.output);
  ASSERT_TRUE(again);
  EXPECT_EQ((*again)->plan(0).state, Output::ChunkPlan::State::partial);
  ASSERT_TRUE((*again)->begin_chunk(0, 0));
  for (uint64_t seq = 0; seq < 200; ++seq) {
    if (killed - done[seq] < plan.output.flush_interval) continue;
    EXPECT_EQ((*again)->done_mask(0, seq), 1U) << seq;
  }
}

}  // namespace
}  // namespace zonesweep::engine::test
