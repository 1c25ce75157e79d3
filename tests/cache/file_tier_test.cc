#include "cache/file_tier.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <random>
#include <string>
#include <thread>

namespace zonesweep::cache {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text));
}

class FileTierTest : public testing::Test {
 protected:
  FileTierTest() {
    std::string pattern = (fs::temp_directory_path() / "file-tier-XXXXXX").string();
    folder = mkdtemp(pattern.data());
    path = folder / "answers.cache";
  }
  ~FileTierTest() override { fs::remove_all(folder); }

  std::unique_ptr<FileTier> open() {
    aside.clear();
    auto tier = FileTier::open(path, FileTier::Missing::create, &aside);
    if (!tier) problem = tier.error();
    return tier ? std::move(*tier) : nullptr;
  }
  static bool write(FileTier& tier, uint64_t from, uint64_t count, int64_t expires_s = 2'000) {
    if (!tier.begin()) return false;
    for (uint64_t i = from; i < from + count; ++i) {
      const std::string name = "host" + std::to_string(i) + ".example";
      const std::string value = "answer to " + name;
      if (!tier.append({.protocol = 1,
                        .type = 1,
                        .options = 5,
                        .name = name,
                        .stored_s = 1'000,
                        .expires_s = expires_s,
                        .value = bytes_of(value)}))
        return false;
    }
    return tier.commit();
  }
  // Every entry that is loaded must be one that was written, whole. Their number.
  static uint64_t load(FileTier& tier, int64_t now_s = 1'500) {
    uint64_t count = 0;
    EXPECT_TRUE(tier.load(now_s, [&](const Stored& entry) {
      count++;
      EXPECT_EQ(std::string(reinterpret_cast<const char*>(entry.value.data()), entry.value.size()),
                "answer to " + std::string(entry.name));
      EXPECT_EQ(entry.options, 5U);
      return true;
    }));
    return count;
  }
  void spoil(size_t from, size_t size) {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    std::mt19937 random(3);
    file.seekp(static_cast<std::streamoff>(from));
    for (size_t i = 0; i < size; ++i) file.put(static_cast<char>(random()));
  }
  void expect_set_aside() {
    auto tier = open();
    ASSERT_TRUE(tier) << problem.message;
    EXPECT_NE(aside, "");
    EXPECT_TRUE(fs::exists(aside));
    EXPECT_EQ(load(*tier), 0U);
    EXPECT_TRUE(write(*tier, 0, 10));
    EXPECT_EQ(load(*tier), 10U);
  }

  fs::path folder;
  fs::path path;
  std::string aside;
  FileProblem problem;
};

TEST_F(FileTierTest, keeps_what_was_written_for_the_next_run) {
  ASSERT_TRUE(write(*open(), 0, 1'000));
  auto tier = open();
  ASSERT_TRUE(tier);
  EXPECT_EQ(aside, "");
  EXPECT_EQ(load(*tier), 1'000U);
}

TEST_F(FileTierTest, is_not_for_others_to_read) {
  ASSERT_TRUE(open());
  EXPECT_EQ(fs::status(path).permissions() & fs::perms::others_all, fs::perms::none);
}

TEST_F(FileTierTest, leaves_out_what_has_expired) {
  auto tier = open();
  ASSERT_TRUE(write(*tier, 0, 10, 1'400));
  ASSERT_TRUE(write(*tier, 10, 10, 1'600));
  EXPECT_EQ(load(*tier, 1'500), 10U);
}

TEST_F(FileTierTest, a_file_of_random_bytes_is_set_aside) {
  std::ofstream(path) << std::string(100'000, 'x');
  spoil(0, 100'000);
  expect_set_aside();
}

TEST_F(FileTierTest, a_text_file_is_set_aside_and_not_lost) {
  std::ofstream(path) << "names of mine\n";
  expect_set_aside();
  std::ifstream kept(aside);
  std::string line;
  std::getline(kept, line);
  EXPECT_EQ(line, "names of mine");
}

TEST_F(FileTierTest, an_empty_file_becomes_a_cache) {
  std::ofstream(path).close();
  auto tier = open();
  ASSERT_TRUE(tier) << problem.message;
  EXPECT_EQ(aside, "");
}

TEST_F(FileTierTest, a_truncated_file_is_set_aside_or_gives_whole_entries) {
  ASSERT_TRUE(write(*open(), 0, 20'000));
  const auto whole = fs::file_size(path);
  const fs::path copy = folder / "copy";
  fs::copy_file(path, copy);
  for (const auto size :
       {whole / 2, whole - 1, whole / 3 + 7, uintmax_t{4'096}, uintmax_t{100}, uintmax_t{1}}) {
    fs::copy_file(copy, path, fs::copy_options::overwrite_existing);
    fs::resize_file(path, size);
    auto tier = open();
    ASSERT_TRUE(tier) << problem.message;
    EXPECT_TRUE(!aside.empty() || load(*tier) <= 20'000U) << size;
  }
}

TEST_F(FileTierTest, damage_anywhere_costs_entries_and_never_invents_one) {
  ASSERT_TRUE(write(*open(), 0, 5'000));
  const fs::path copy = folder / "copy";
  fs::copy_file(path, copy);
  std::mt19937 random(5);
  for (int round = 0; round < 60; ++round) {
    fs::copy_file(copy, path, fs::copy_options::overwrite_existing);
    spoil(random() % fs::file_size(path), 1 + random() % 64);
    auto tier = open();
    ASSERT_TRUE(tier) << problem.message;
    // Bad pages may also end the load: then the tier is off, and that is all.
    (void)tier->load(1'500, [&](const Stored& entry) {
      EXPECT_EQ(std::string(reinterpret_cast<const char*>(entry.value.data()), entry.value.size()),
                "answer to " + std::string(entry.name));
      return true;
    });
  }
}

TEST_F(FileTierTest, a_newer_schema_is_set_aside) {
  ASSERT_TRUE(write(*open(), 0, 10));
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(60);  // user_version, big endian, in the database header
  file.write("\0\0\0\2", 4);
  file.close();
  expect_set_aside();
}

TEST_F(FileTierTest, the_database_of_another_program_is_set_aside) {
  ASSERT_TRUE(write(*open(), 0, 10));
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(68);  // application_id
  file.write("\1\2\3\4", 4);
  file.close();
  expect_set_aside();
}

TEST_F(FileTierTest, a_file_that_another_process_uses_is_left_alone) {
  int ready[2];
  ASSERT_EQ(pipe(ready), 0);
  const pid_t child = fork();
  if (child == 0) {
    auto tier = open();
    char ok = tier && write(*tier, 0, 10) ? 'y' : 'n';
    (void)!::write(ready[1], &ok, 1);
    pause();
    _exit(0);
  }
  char ok = 'n';
  ASSERT_EQ(read(ready[0], &ok, 1), 1);
  ASSERT_EQ(ok, 'y');
  EXPECT_FALSE(open());
  EXPECT_EQ(problem.kind, FileProblem::Kind::locked);
  EXPECT_TRUE(fs::exists(path));
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  auto tier = open();  // the lock went with the process, and what it committed is there
  ASSERT_TRUE(tier);
  EXPECT_EQ(load(*tier), 10U);
}

TEST_F(FileTierTest, kill_in_the_middle_of_a_write_leaves_whole_batches) {
  constexpr uint64_t kBatch = 500;
  uint64_t before = 0;
  for (int round = 0; round < 15; ++round) {
    const pid_t child = fork();
    if (child == 0) {
      auto tier = open();
      for (uint64_t at = before; tier; at += kBatch)
        if (!write(*tier, at, kBatch)) break;
      _exit(1);
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(20 + 13 * round));
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
    auto tier = open();
    ASSERT_TRUE(tier) << problem.message;
    EXPECT_EQ(aside, "");
    const uint64_t now = load(*tier);
    EXPECT_GE(now, before);
    EXPECT_EQ(now % kBatch, 0U);
    before = now;
  }
  EXPECT_GT(before, 0U);
}

TEST_F(FileTierTest, a_folder_that_is_not_there_or_not_writable_is_said_so) {
  path = folder / "missing" / "answers.cache";
  EXPECT_FALSE(open());
  EXPECT_EQ(problem.kind, FileProblem::Kind::unusable);
  path = "/proc/answers.cache";
  EXPECT_FALSE(open());
  path = folder;
  EXPECT_FALSE(open());
  EXPECT_EQ(problem.kind, FileProblem::Kind::unusable);
}

TEST_F(FileTierTest, a_full_disk_ends_the_tier_and_leaves_a_sound_file) {
  const fs::path small = folder / "small";
  fs::create_directory(small);
  if (mount("none", small.c_str(), "tmpfs", 0, "size=1m") != 0) GTEST_SKIP() << "cannot mount here";
  path = small / "answers.cache";
  {
    auto tier = open();
    ASSERT_TRUE(tier);
    uint64_t batches = 0;
    while (write(*tier, batches * 100, 100) && batches < 10'000) ++batches;
    EXPECT_LT(batches, 10'000U);
    EXPECT_NE(tier->problem(), "");
  }
  {
    auto tier = open();
    if (tier) {
      EXPECT_GT(load(*tier), 0U);
    }
  }
  umount(small.c_str());
}

TEST_F(FileTierTest, statistics_count_live_damaged_and_replaced_entries) {
  auto tier = open();
  ASSERT_TRUE(write(*tier, 0, 100, 2'000));
  ASSERT_TRUE(write(*tier, 0, 10, 5'000));  // replaces
  ASSERT_TRUE(write(*tier, 200, 7, 1'100));
  ASSERT_TRUE(tier->add_run({.started_s = 1, .finished_s = 2, .rows = 3, .hits = 4, .misses = 5}));
  ASSERT_TRUE(tier->add_run({.started_s = 10, .hits = 40}));
  const auto all = tier->statistics(1'500);
  ASSERT_TRUE(all) << all.error();
  EXPECT_EQ(all->entries, 117U);
  EXPECT_EQ(all->live, 100U);
  EXPECT_EQ(all->damaged, 0U);
  EXPECT_EQ(all->oldest_s, 1'000);
  ASSERT_EQ(all->runs.size(), 2U);
  EXPECT_EQ(all->runs[0].hits, 40U);
  EXPECT_EQ(all->runs[1].misses, 5U);
  uint64_t in_histogram = 0;
  for (const auto& [bound, count] : all->ttl_left) in_histogram += count;
  EXPECT_EQ(in_histogram, 100U);
}

TEST_F(FileTierTest, clears_all_a_suffix_or_what_is_old) {
  auto tier = open();
  ASSERT_TRUE(write(*tier, 0, 20));
  EXPECT_EQ(*tier->clear("host1.example", INT64_MAX), 1U);
  EXPECT_EQ(*tier->clear("xample", INT64_MAX), 0U);  // a suffix is one of labels
  EXPECT_EQ(*tier->clear("example", 1'000), 0U);     // none was stored before that
  EXPECT_EQ(*tier->clear("example", INT64_MAX), 19U);
  ASSERT_TRUE(write(*tier, 0, 20));
  EXPECT_EQ(*tier->clear("", INT64_MAX), 20U);
  EXPECT_EQ(load(*tier), 0U);
}

TEST_F(FileTierTest, tidies_up_when_most_is_of_no_use) {
  auto tier = open();
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(write(*tier, 0, 1'000));
  EXPECT_EQ(load(*tier), 5'000U);
  ASSERT_TRUE(tier->tidy(1'500));
  EXPECT_EQ(load(*tier), 1'000U);
}

}  // namespace
}  // namespace zonesweep::cache
