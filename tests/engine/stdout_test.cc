#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <thread>

#include "engine/output.h"
#include "tests/support/output_run.h"

namespace zonesweep::engine::test {
namespace {

using ::testing::HasSubstr;

RunPlan to_stdout(int fd) {
  RunPlan plan;
  plan.output.directory = "-";
  plan.output.compression = Compression::none;
  plan.output.stdout_fd = fd;
  plan.output.rows_per_shard = 1'000;
  plan.names = 10'000;
  return plan;
}

class Stdout : public ::testing::Test {
 protected:
  void SetUp() override {
    ::signal(SIGPIPE, SIG_IGN);
    ASSERT_EQ(::pipe(pipe_), 0);
  }
  void TearDown() override {
    ::close(pipe_[0]);
    ::close(pipe_[1]);
  }

  int pipe_[2];
};

TEST_F(Stdout, gets_every_row_as_whole_lines) {
  std::string text;
  std::thread reader([&] {
    char buffer[4096];
    for (ssize_t n; (n = ::read(pipe_[0], buffer, sizeof buffer)) > 0;) {
      text.append(buffer, static_cast<size_t>(n));
    }
  });
  RunPlan plan = to_stdout(pipe_[1]);
  plan.output.ordered = true;
  const RunResult result = run(plan);
  ::close(pipe_[1]);
  reader.join();
  pipe_[1] = ::open("/dev/null", O_WRONLY);
  EXPECT_FALSE(result.error);
  EXPECT_EQ(result.progress.rows, plan.names);
  std::string expected;
  for (uint64_t seq = 0; seq < plan.names; ++seq) expected += row_of(plan, seq, 0);
  EXPECT_EQ(text, expected);
}

TEST_F(Stdout, that_nobody_reads_any_more_is_a_quiet_end) {
  std::thread reader([&] {
    char buffer[1000];
    EXPECT_GT(::read(pipe_[0], buffer, sizeof buffer), 0);
    ::close(pipe_[0]);
  });
  RunPlan plan = to_stdout(pipe_[1]);
  plan.names = 200'000;
  const RunResult result = run(plan);
  reader.join();
  pipe_[0] = ::open("/dev/null", O_RDONLY);
  EXPECT_FALSE(result.error);
  EXPECT_TRUE(result.closed);
  EXPECT_LT(result.asked.size(), plan.names);
}

TEST_F(Stdout, that_is_full_is_a_failure) {
  const int full = ::open("/dev/full", O_WRONLY);
  const RunResult result = run(to_stdout(full));
  ::close(full);
  ASSERT_TRUE(result.error);
  EXPECT_EQ(result.error->kind, OutputError::Kind::failed);
  EXPECT_THAT(result.error->message, HasSubstr("No space left"));
}

TEST_F(Stdout, whose_reader_sleeps_holds_the_end_back_for_five_seconds_only) {
  RunPlan plan = to_stdout(pipe_[1]);
  plan.names = 2'000;
  const auto start = std::chrono::steady_clock::now();
  const RunResult result = run(plan);
  EXPECT_TRUE(result.error);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds{20});
}

}  // namespace
}  // namespace zonesweep::engine::test
