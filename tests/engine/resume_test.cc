// What a killed, cut, damaged or refused run leaves, and what --resume makes of it.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <random>

#include "engine/output.h"
#include "tests/support/output_run.h"

namespace zonesweep::engine::test {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

RunPlan a_plan(const TemporaryFolder& folder) {
  RunPlan plan;
  plan.output.directory = folder.path("out");
  plan.output.rows_per_shard = 30;
  plan.output.lanes = 2;
  plan.output.questions = 2;
  plan.output.fingerprint = "type=A,MX\nprobe=dns\n";
  plan.output.flush_interval = std::chrono::milliseconds{1};  // many small frames
  plan.names = 70;
  plan.two_tables = true;
  return plan;
}

// More shards open at once than may have open files: the registration rows come last.
RunPlan a_plan_with_open_chunks(const TemporaryFolder& folder) {
  RunPlan plan = a_plan(folder);
  plan.output.rows_per_shard = 3;
  plan.output.registration = true;
  plan.names = 120;
  plan.late = true;
  return plan;
}

RunPlan resumed(RunPlan plan) {
  plan.output.resume = true;
  plan.output.fault = nullptr;
  plan.after_row = nullptr;
  plan.stop_after = UINT64_MAX;
  ++plan.seed;
  return plan;
}

// A folder with one committed chunk and one that is half done.
std::string interrupted_run(const RunPlan& plan) {
  RunPlan first = plan;
  first.stop_after = 45;
  const RunResult result = run(first);
  EXPECT_FALSE(result.error) << result.error->message;
  return plan.output.directory;
}

void copy_folder(const std::string& from, const std::string& to) {
  fs::remove_all(to);
  fs::copy(from, to, fs::copy_options::recursive);
}

void expect_exact_after_resume(const RunPlan& plan, const std::string& what) {
  const RunPlan again = resumed(plan);
  const RunResult result = run(again);
  ASSERT_FALSE(result.error) << what << ": " << result.error->message;
  ASSERT_EQ(check_rows(again, plan.output.ordered), "") << what;
  ASSERT_TRUE(fs::exists(plan.output.directory + "/_SUCCESS")) << what;
}

std::vector<std::string> open_files(const std::string& directory) {
  std::vector<std::string> files;
  for (const std::string& file : files_below(directory)) {
    if (file.find("/.part") != std::string::npos) files.push_back(file);
  }
  return files;
}

// ------------------------------------------------------------------------------------ interrupted

class Interrupted : public ::testing::TestWithParam<std::tuple<Compression, bool>> {};

TEST_P(Interrupted, after_any_lookup_the_resumed_run_asks_exactly_what_is_missing) {
  const TemporaryFolder folder;
  RunPlan plan = a_plan(folder);
  std::tie(plan.output.compression, plan.output.ordered) = GetParam();
  for (uint64_t stop = 1; stop < plan.names; ++stop) {
    fs::remove_all(plan.output.directory);
    plan.stop_after = stop;
    const RunResult first = run(plan);
    ASSERT_FALSE(first.error) << first.error->message;
    const RunResult second = run(resumed(plan));
    ASSERT_FALSE(second.error) << second.error->message;
    ASSERT_EQ(check_rows(plan, plan.output.ordered), "") << stop;
    ASSERT_EQ(second.progress.rows + second.progress.rows_resumed, plan.names * 2);
    ASSERT_EQ(second.asked.size(), second.progress.rows);
    // In order, what is done behind an unfinished name cannot be written yet.
    if (plan.output.ordered) continue;
    ASSERT_EQ(first.asked.size(), second.progress.rows_resumed) << stop;
  }
}

INSTANTIATE_TEST_SUITE_P(All, Interrupted,
                         ::testing::Combine(::testing::Values(Compression::zstd, Compression::gzip,
                                                              Compression::none),
                                            ::testing::Bool()));

TEST(Resume, of_a_complete_run_asks_nothing_and_changes_nothing) {
  const TemporaryFolder folder;
  const RunPlan plan = a_plan(folder);
  ASSERT_FALSE(run(plan).error);
  const std::string manifest = read_file(folder.path("out/_manifest.ndjson"));
  const RunResult again = run(resumed(plan));
  ASSERT_FALSE(again.error) << again.error->message;
  EXPECT_TRUE(again.asked.empty());
  EXPECT_EQ(again.progress.rows_resumed, 140);
  EXPECT_EQ(read_file(folder.path("out/_manifest.ndjson")), manifest);
}

TEST(Resume, goes_on_with_other_lanes_and_interrupted_again_and_again) {
  const TemporaryFolder folder;
  RunPlan plan = a_plan(folder);
  plan.stop_after = 1;
  ASSERT_FALSE(run(plan).error);
  for (uint32_t round = 0; !fs::exists(folder.path("out/_SUCCESS")); ++round) {
    ASSERT_LT(round, 200U);
    plan = resumed(plan);
    plan.output.lanes = 1 + round % 3;
    plan.stop_after = 1 + round % 5;
    const RunResult result = run(plan);
    ASSERT_FALSE(result.error) << result.error->message;
  }
  EXPECT_EQ(check_rows(plan), "");
}

// ------------------------------------------------------------------------------------ kill -9

// Runs the plan in a child that kills itself before the nth file operation. False: it ended by
// itself.
bool killed_at(RunPlan plan, uint64_t operation) {
  const pid_t child = ::fork();
  if (child == 0) {
    uint64_t count = 0;
    plan.output.fault = [&](std::string_view, std::string_view) {
      if (count++ == operation) ::kill(::getpid(), SIGKILL);
      return 0;
    };
    const RunResult result = run(plan);
    ::_exit(result.error ? 1 : 0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_TRUE(WIFSIGNALED(status) || WEXITSTATUS(status) == 0);
  return WIFSIGNALED(status);
}

TEST(Resume, after_kill_9_before_any_file_operation_is_exact) {
  const TemporaryFolder folder;
  const RunPlan plan = a_plan(folder);
  uint64_t operation = 0;
  for (; killed_at(plan, operation); ++operation) {
    expect_exact_after_resume(plan, "operation " + std::to_string(operation));
    fs::remove_all(plan.output.directory);
  }
  EXPECT_GT(operation, 30U);
}

TEST(Resume, after_kill_9_with_many_open_chunks_is_exact) {
  const TemporaryFolder folder;
  const RunPlan plan = a_plan_with_open_chunks(folder);
  uint64_t operation = 0;
  for (; killed_at(plan, operation); operation += 11) {
    expect_exact_after_resume(plan, "operation " + std::to_string(operation));
    fs::remove_all(plan.output.directory);
  }
  EXPECT_GT(operation, 300U);
}

TEST(Resume, survives_kill_9_of_every_resume_on_the_way) {
  std::mt19937_64 random(7);
  for (int round = 0; round < 10; ++round) {
    const TemporaryFolder folder;
    RunPlan plan = a_plan(folder);
    if (round % 3 == 2) plan = a_plan_with_open_chunks(folder);
    plan.output.ordered = round % 3 == 1;
    while (killed_at(plan, random() % (plan.late ? 500 : 60))) plan = resumed(plan);
    EXPECT_EQ(check_rows(plan, plan.output.ordered), "");
  }
}

TEST(Resume, after_kill_9_at_any_row_loses_at_most_what_was_not_flushed) {
  std::mt19937_64 random(11);
  for (int round = 0; round < 20; ++round) {
    const TemporaryFolder folder;
    RunPlan plan = a_plan(folder);
    const uint64_t row = 1 + random() % 139;
    const pid_t child = ::fork();
    if (child == 0) {
      plan.after_row = [row](uint64_t done) {
        if (done == row) ::kill(::getpid(), SIGKILL);
      };
      (void)run(plan);
      ::_exit(0);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    ASSERT_TRUE(WIFSIGNALED(status));
    expect_exact_after_resume(plan, "row " + std::to_string(row));
  }
}

// ------------------------------------------------------------------------------------ damage

TEST(Resume, cuts_an_open_shard_or_journal_that_was_torn_at_any_byte) {
  const TemporaryFolder folder;
  RunPlan plan = a_plan(folder);
  const std::string made = interrupted_run(plan);
  plan.output.directory = folder.path("copy");
  for (const std::string& file : open_files(made)) {
    const std::string bytes = read_file(made + "/" + file);
    for (size_t size = 0; size < bytes.size(); size += bytes.size() < 400 ? 1 : 3) {
      copy_folder(made, plan.output.directory);
      write_file(plan.output.directory + "/" + file, bytes.substr(0, size));
      expect_exact_after_resume(plan, file + " cut at " + std::to_string(size));
      if (HasFatalFailure()) return;
    }
  }
}

TEST(Resume, does_again_what_follows_a_flipped_byte_of_an_open_shard_or_journal) {
  const TemporaryFolder folder;
  RunPlan plan = a_plan(folder);
  const std::string made = interrupted_run(plan);
  plan.output.directory = folder.path("copy");
  std::mt19937_64 random(3);
  for (const std::string& file : open_files(made)) {
    for (int round = 0; round < 150; ++round) {
      std::string bytes = read_file(made + "/" + file);
      const size_t at = random() % bytes.size();
      bytes[at] = static_cast<char>(bytes[at] ^ (1 << random() % 8));
      copy_folder(made, plan.output.directory);
      write_file(plan.output.directory + "/" + file, bytes);
      expect_exact_after_resume(plan, file + " flipped at " + std::to_string(at));
      if (HasFatalFailure()) return;
    }
  }
}

TEST(Resume, cuts_junk_and_zeros_behind_an_open_shard_or_journal) {
  const TemporaryFolder folder;
  RunPlan plan = a_plan(folder);
  const std::string made = interrupted_run(plan);
  plan.output.directory = folder.path("copy");
  for (const std::string& file : open_files(made)) {
    for (const std::string& junk :
         {std::string(4096, '\0'), std::string("junk"), read_file(made + "/" + file)}) {
      copy_folder(made, plan.output.directory);
      write_file(plan.output.directory + "/" + file, read_file(made + "/" + file) + junk);
      expect_exact_after_resume(plan, file);
    }
  }
}

TEST(Resume, does_a_chunk_again_whose_open_shard_or_journal_is_gone) {
  const TemporaryFolder folder;
  RunPlan plan = a_plan(folder);
  const std::string made = interrupted_run(plan);
  plan.output.directory = folder.path("copy");
  for (const std::string& file : open_files(made)) {
    copy_folder(made, plan.output.directory);
    fs::remove(plan.output.directory + "/" + file);
    expect_exact_after_resume(plan, file);
  }
}

void expect_state_error(const RunPlan& plan, const std::string& named) {
  const RunResult result = run(resumed(plan));
  ASSERT_TRUE(result.error) << named;
  ASSERT_EQ(result.error->kind, OutputError::Kind::state) << result.error->message;
  ASSERT_THAT(result.error->message, HasSubstr(named));
}

TEST(Resume, refuses_a_manifest_or_state_with_any_flipped_bit) {
  const TemporaryFolder folder;
  RunPlan plan = a_plan(folder);
  const std::string made = interrupted_run(plan);
  plan.output.directory = folder.path("copy");
  for (const std::string file : {"_manifest.ndjson", ".state"}) {
    const std::string bytes = read_file(made + "/" + file);
    for (size_t at = 0; at < bytes.size(); ++at) {
      std::string damaged = bytes;
      damaged[at] = static_cast<char>(damaged[at] ^ (1 << at % 8));
      copy_folder(made, plan.output.directory);
      write_file(plan.output.directory + "/" + file, damaged);
      // Without its last line's end the manifest names no chunk, but the shard is there.
      const bool end = file == "_manifest.ndjson" && at + 1 == bytes.size();
      expect_state_error(plan, end ? "dns/part-00000" : file);
      if (HasFatalFailure()) return;
    }
  }
}

TEST(Resume, refuses_a_committed_shard_that_is_gone_short_or_a_link) {
  const TemporaryFolder folder;
  RunPlan plan = a_plan(folder);
  const std::string made = interrupted_run(plan);
  plan.output.directory = folder.path("copy");
  const std::string shard = "registration/part-00000.ndjson.zst";
  copy_folder(made, plan.output.directory);
  fs::remove(folder.path("copy/" + shard));
  expect_state_error(plan, shard);
  fs::create_symlink(made + "/" + shard, folder.path("copy/" + shard));
  expect_state_error(plan, shard);
  copy_folder(made, plan.output.directory);
  fs::resize_file(folder.path("copy/" + shard), 10);
  expect_state_error(plan, shard);
  EXPECT_EQ(fs::file_size(folder.path("copy/" + shard)), 10);
}

TEST(Resume, takes_back_a_shard_whose_manifest_line_was_torn_at_any_byte) {
  const TemporaryFolder folder;
  RunPlan plan = a_plan(folder);
  const std::string made = folder.path("made");
  plan.output.fault = [&](std::string_view operation, std::string_view) {
    if (operation == "remove" && fs::exists(folder.path("out/_manifest.ndjson")) &&
        !fs::exists(made)) {
      copy_folder(folder.path("out"), made);
    }
    return 0;
  };
  ASSERT_FALSE(run(plan).error);
  const std::string manifest = read_file(made + "/_manifest.ndjson");
  plan.output.directory = folder.path("copy");
  for (size_t size = 0; size < manifest.size(); size += 7) {
    copy_folder(made, plan.output.directory);
    write_file(folder.path("copy/_manifest.ndjson"), manifest.substr(0, size));
    const RunResult result = run(resumed(plan));
    ASSERT_FALSE(result.error) << result.error->message;
    ASSERT_EQ(check_rows(plan), "");
    ASSERT_GE(result.progress.rows_resumed, 60U);
  }
}

TEST(Resume, refuses_a_final_shard_that_nothing_vouches_for) {
  const TemporaryFolder folder;
  RunPlan plan = a_plan(folder);
  interrupted_run(plan);
  write_file(folder.path("out/dns/part-00002.ndjson.zst"), "mine");
  expect_state_error(plan, "part-00002.ndjson.zst");
  EXPECT_EQ(read_file(folder.path("out/dns/part-00002.ndjson.zst")), "mine");
}

// ------------------------------------------------------------------------- other input and options

TEST(Resume, refuses_other_options_and_names_the_one_that_differs) {
  const TemporaryFolder folder;
  const RunPlan plan = a_plan(folder);
  interrupted_run(plan);
  RunPlan other = plan;
  other.output.fingerprint = "type=A\nprobe=dns\n";
  expect_state_error(other, "type is 'A,MX' in the folder and 'A' now");
  other = plan;
  other.output.rows_per_shard = 31;
  expect_state_error(other, "rows-per-shard");
  other = plan;
  other.output.compression = Compression::gzip;
  expect_state_error(other, "compress");
  expect_exact_after_resume(plan, "the right options");
}

TEST(Resume, refuses_other_input_of_a_committed_or_an_open_chunk) {
  const TemporaryFolder folder;
  const RunPlan plan = a_plan(folder);
  interrupted_run(plan);
  RunPlan other = plan;
  other.salt = "-x";
  expect_state_error(other, "chunk 0 was made from other input");
  other = plan;
  other.names = 31;  // the open chunk had been read further
  expect_state_error(other, "chunk 1 was made from other input");
  other.names = 30;
  expect_state_error(other, "chunk 1 was made from other input");
  other.names = 0;
  expect_state_error(other, "was made from other input");
  expect_exact_after_resume(plan, "the right input");
}

// ------------------------------------------------------------------------------------ full disks

class FailedOperation : public ::testing::TestWithParam<bool> {};

TEST_P(FailedOperation, with_any_errno_leaves_a_folder_whose_resume_is_exact) {
  const TemporaryFolder folder;
  const bool many = GetParam();
  RunPlan plan = many ? a_plan_with_open_chunks(folder) : a_plan(folder);
  bool failed = true;
  for (uint64_t at = 0; failed; at += many ? 7 : 1) {
    constexpr int kErrors[] = {ENOSPC, EIO, EROFS, EDQUOT, EFBIG};
    const int error = kErrors[at % std::size(kErrors)];
    uint64_t count = 0;
    plan.output.fault = [&](std::string_view, std::string_view) {
      return count++ == at ? error : 0;
    };
    fs::remove_all(plan.output.directory);
    const RunResult result = run(plan);
    failed = result.error.has_value();
    if (failed) {
      ASSERT_EQ(result.error->kind, OutputError::Kind::failed) << result.error->message;
      ASSERT_FALSE(fs::exists(folder.path("out/_SUCCESS")));
    }
    expect_exact_after_resume(plan, "operation " + std::to_string(at));
    if (HasFatalFailure()) return;
  }
}

INSTANTIATE_TEST_SUITE_P(FewAndManyOpenChunks, FailedOperation, ::testing::Bool());

TEST(Resume, believes_no_row_of_a_shard_whose_sync_failed) {
  const TemporaryFolder folder;
  RunPlan plan = a_plan(folder);
  plan.two_tables = false;
  plan.output.rows_per_shard = 1'000;
  plan.output.flush_interval = std::chrono::milliseconds{20};
  plan.output.fault = [](std::string_view operation, std::string_view) {
    return operation == "sync" ? EIO : 0;
  };
  const RunResult result = run(plan);
  ASSERT_TRUE(result.error);
  EXPECT_THAT(result.error->message, HasSubstr("cannot sync"));
  const RunResult again = run(resumed(plan));
  ASSERT_FALSE(again.error);
  EXPECT_EQ(again.progress.rows_resumed, 0U);
  EXPECT_EQ(check_rows(plan), "");
}

TEST(Resume, after_the_limit_on_file_sizes_was_raised_is_exact) {
  const TemporaryFolder folder;
  RunPlan plan = a_plan(folder);
  plan.output.compression = Compression::none;
  const pid_t child = ::fork();
  if (child == 0) {
    ::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{2'000, 2'000};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    const RunResult result = run(plan);
    const bool right = result.error && result.error->kind == OutputError::Kind::failed &&
                       result.error->message.find("ulimit -f") != std::string::npos;
    ::_exit(right ? 0 : 1);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  expect_exact_after_resume(plan, "the limit is gone");
}

TEST(Resume, after_a_full_disk_has_grown_is_exact) {
  const TemporaryFolder folder;
  fs::create_directory(folder.path("disk"));
  if (::mount("tmpfs", folder.path("disk").c_str(), "tmpfs", 0, "size=16k") != 0) {
    GTEST_SKIP() << "cannot mount a tmpfs here";
  }
  RunPlan plan = a_plan(folder);
  plan.output.directory = folder.path("disk/out");
  plan.output.compression = Compression::none;
  plan.output.rows_per_shard = 1'000;
  plan.names = 2'000;
  const RunResult result = run(plan);
  EXPECT_TRUE(result.error && result.error->kind == OutputError::Kind::failed);
  EXPECT_THAT(result.error->message, HasSubstr("make room"));
  EXPECT_TRUE(run(resumed(plan)).error);
  EXPECT_EQ(::mount("", folder.path("disk").c_str(), "", MS_REMOUNT, "size=8m"), 0);
  expect_exact_after_resume(plan, "the disk has grown");
  ::umount(folder.path("disk").c_str());
}

// ------------------------------------------------------------------------------------ power loss

// Keeps of each file only what was synced, and of what was not any part, torn or filled with zeros;
// takes back renames and new files that no folder sync covers.
class PowerLoss {
 public:
  PowerLoss(std::string directory, std::string images, uint64_t seed, uint64_t stride)
      : directory_(std::move(directory)),
        images_(std::move(images)),
        random_(seed),
        stride_(stride) {}

  // Called before each operation; the one before it is done by now.
  int before(std::string_view operation, std::string_view path) {
    if (!fs::exists(directory_)) return 0;
    note_last();
    last_operation_ = operation;
    last_path_ = path;
    if (operations_++ % stride_ == 0) take_image();
    return 0;
  }
  [[nodiscard]] uint64_t images() const { return count_; }
  [[nodiscard]] std::string image(uint64_t index) const {
    return images_ + "/" + std::to_string(index);
  }

 private:
  void note_last() {
    if (last_operation_ == "sync" || last_operation_ == "manifest") {
      const fs::path data(last_path_);
      synced_[fs::relative(data, directory_)] = fs::exists(data) ? fs::file_size(data) : 0;
      const std::string name = data.filename();
      if (!name.starts_with(".part")) return;
      const fs::path journal = data.parent_path() / (name.substr(0, 11) + ".frames");
      synced_[fs::relative(journal, directory_)] = fs::file_size(journal);
    }
  }

  void take_image() {
    const std::string to = image(count_++);
    copy_folder(directory_, to);
    for (const std::string& file : files_below(to)) {
      const bool journaled = file.find("/.part") != std::string::npos;
      if (!journaled && file != "_manifest.ndjson") continue;
      lose(to + "/" + file, synced_[file]);
    }
  }

  void lose(const std::string& path, uint64_t synced) {
    const uint64_t size = fs::file_size(path);
    if (size <= synced) return;
    const uint64_t kept = synced + random_() % (size - synced + 1);
    std::string bytes = read_file(path).substr(0, kept);
    if (random_() % 2 == 0) bytes.resize(size, '\0');
    write_file(path, bytes);
  }

  std::string directory_;
  std::string images_;
  std::mt19937_64 random_;
  uint64_t stride_;
  uint64_t operations_ = 0;
  std::string last_operation_;
  std::string last_path_;
  std::map<std::string, uint64_t> synced_;
  uint64_t count_ = 0;
};

TEST(Resume, after_a_power_loss_at_any_moment_is_exact) {
  for (uint64_t seed = 1; seed <= 4; ++seed) {
    const TemporaryFolder folder;
    const bool many = seed == 4;
    RunPlan plan = many ? a_plan_with_open_chunks(folder) : a_plan(folder);
    PowerLoss loss(plan.output.directory, folder.path("images"), seed, many ? 13 : 1);
    fs::create_directory(folder.path("images"));
    plan.output.fault = [&](std::string_view operation, std::string_view path) {
      return loss.before(operation, path);
    };
    plan.seed = seed;
    ASSERT_FALSE(run(plan).error);
    ASSERT_GT(loss.images(), 30U);
    for (uint64_t i = 0; i < loss.images(); ++i) {
      plan.output.directory = loss.image(i);
      expect_exact_after_resume(plan, "image " + std::to_string(i));
      if (HasFatalFailure()) return;
    }
  }
}

}  // namespace
}  // namespace zonesweep::engine::test
