#include "tools/shards_command.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>
#include <xxhash.h>

#include <filesystem>

#include "engine/manifest.h"
#include "engine/record.h"
#include "tests/support/output_run.h"
#include "tools/shards_verify.h"

namespace zonesweep::tools {
namespace {

namespace fs = std::filesystem;
using engine::Compression;
using engine::ManifestFile;
using engine::ManifestLine;
using engine::test::read_file;
using engine::test::row_of;
using engine::test::RunPlan;
using engine::test::TemporaryFolder;
using engine::test::write_file;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

RunPlan a_run(const TemporaryFolder& folder) {
  RunPlan plan;
  plan.output.directory = folder.path("out");
  plan.output.rows_per_shard = 30;
  plan.output.questions = 2;
  plan.output.lanes = 2;
  plan.output.ordered = true;
  EXPECT_FALSE(run(plan).error);
  return plan;
}

std::vector<std::string> problems_of(const std::string& directory, bool unfinished = false) {
  const auto folder = open_shards_folder(directory);
  if (!folder) return {folder.error()};
  return verify(*folder, unfinished).problems;
}

std::string printed_by(ShardsOptions options, int expected_code) {
  const TemporaryFolder folder;
  options.stdout_fd = ::open(folder.path("stdout").c_str(), O_WRONLY | O_CREAT, 0600);
  EXPECT_EQ(run_shards(options), expected_code);
  ::close(options.stdout_fd);
  return read_file(folder.path("stdout"));
}

TEST(Shards, verify_finds_nothing_wrong_with_a_complete_run) {
  const TemporaryFolder folder;
  const RunPlan plan = a_run(folder);
  EXPECT_THAT(problems_of(plan.output.directory), IsEmpty());
  const ShardsOptions options{ShardsOptions::Action::verify, plan.output.directory};
  EXPECT_THAT(printed_by(options, 0), HasSubstr("4 chunks, 4 files, 100 names, 200 rows"));
}

TEST(Shards, verify_finds_nothing_wrong_with_an_empty_run_or_with_splits) {
  const TemporaryFolder folder;
  RunPlan plan = a_run(folder);
  plan.output.directory = folder.path("splits");
  plan.output.split_count = 2;
  for (const uint32_t index : {0, 1}) {
    plan.output.split_index = index;
    ASSERT_FALSE(run(plan).error);
  }
  EXPECT_THAT(problems_of(plan.output.directory), IsEmpty());
  plan.output.directory = folder.path("empty");
  plan.names = 0;
  ASSERT_FALSE(run(plan).error);
  EXPECT_THAT(problems_of(plan.output.directory), IsEmpty());
}

TEST(Shards, cat_prints_the_rows_in_the_order_of_chunks) {
  for (const Compression compression : {Compression::zstd, Compression::gzip, Compression::none}) {
    const TemporaryFolder folder;
    RunPlan plan = a_run(folder);
    plan.output.directory = folder.path("again");
    plan.output.compression = compression;
    ASSERT_FALSE(run(plan).error);
    std::string expected;
    for (uint64_t seq = 0; seq < plan.names; ++seq) {
      expected += row_of(plan, seq, 0) + row_of(plan, seq, 1);
    }
    EXPECT_EQ(printed_by({ShardsOptions::Action::cat, plan.output.directory}, 0), expected);
  }
}

TEST(Shards, ls_lists_each_file_and_the_total) {
  const TemporaryFolder folder;
  const RunPlan plan = a_run(folder);
  const std::string text = printed_by({ShardsOptions::Action::ls, plan.output.directory}, 0);
  EXPECT_THAT(text, HasSubstr("dns/part-00003.ndjson.zst"));
  EXPECT_THAT(text, HasSubstr("NOERROR 5, NXDOMAIN 4, RCODE17 5, TIMEOUT 6"));
  EXPECT_THAT(text, HasSubstr("4 files"));
}

TEST(Shards, a_folder_without_a_run_exits_7) {
  const TemporaryFolder folder;
  EXPECT_EQ(run_shards({ShardsOptions::Action::ls, folder.path()}), 7);
  EXPECT_EQ(run_shards({ShardsOptions::Action::verify, folder.path("none")}), 7);
}

TEST(Shards, verify_finds_every_flipped_byte_and_every_cut_of_a_shard) {
  const TemporaryFolder folder;
  RunPlan plan = a_run(folder);
  const std::string shard = "/dns/part-00002.ndjson.zst";
  const std::string path = plan.output.directory + shard;
  const std::string bytes = read_file(path);
  for (size_t at = 0; at < bytes.size(); at += 3) {
    std::string damaged = bytes;
    damaged[at] = static_cast<char>(damaged[at] ^ (1 << at % 8));
    write_file(path, damaged);
    ASSERT_THAT(problems_of(plan.output.directory), ElementsAre(HasSubstr(shard))) << at;
    write_file(path, bytes.substr(0, at));
    ASSERT_THAT(problems_of(plan.output.directory), ElementsAre(HasSubstr(shard))) << at;
  }
  EXPECT_EQ(run_shards({ShardsOptions::Action::verify, plan.output.directory}), 7);
}

TEST(Shards, verify_finds_damage_of_manifest_run_file_and_end) {
  const TemporaryFolder folder;
  const RunPlan plan = a_run(folder);
  const std::string out = plan.output.directory;
  const std::string manifest = read_file(out + "/_manifest.ndjson");
  std::string damaged = manifest;
  damaged[20] ^= 1;
  write_file(out + "/_manifest.ndjson", damaged);
  EXPECT_THAT(problems_of(out), ::testing::Contains(HasSubstr("line 1 is damaged")));
  write_file(out + "/_manifest.ndjson", manifest + manifest);
  EXPECT_THAT(problems_of(out),
              ::testing::Contains(HasSubstr("chunk 0 is in the manifests twice")));
  write_file(out + "/_manifest.ndjson", manifest.substr(0, manifest.size() - 1));
  EXPECT_THAT(problems_of(out), ::testing::Contains(HasSubstr("not complete")));
  write_file(out + "/_manifest.ndjson", manifest.substr(manifest.find('\n') + 1));
  EXPECT_THAT(problems_of(out), ::testing::Contains(HasSubstr("chunk 0 is missing")));
  EXPECT_THAT(problems_of(out), ::testing::Contains(HasSubstr("is in no manifest")));
  write_file(out + "/_manifest.ndjson", manifest);
  fs::remove(out + "/_SUCCESS");
  EXPECT_THAT(problems_of(out), ElementsAre(HasSubstr("has not ended")));
  EXPECT_THAT(problems_of(out, true), IsEmpty());
  fs::remove(out + "/dns/part-00001.ndjson.zst");
  EXPECT_THAT(problems_of(out, true), ElementsAre(HasSubstr("No such file")));
}

// Rewrites a plain shard and the manifest so that only the rows are wrong.
std::vector<std::string> problems_with_rows(const std::string& directory, const std::string& text,
                                            uint64_t rows, engine::StatusWords statuses) {
  std::string manifest = read_file(directory + "/_manifest.ndjson");
  auto line = engine::parse_manifest_line(manifest.substr(0, manifest.find('\n')));
  ManifestFile& file = line->files[0];
  write_file(directory + "/" + file.path, text);
  file.bytes = text.size();
  file.hash = XXH3_64bits(text.data(), text.size());
  file.rows = rows;
  file.statuses = std::move(statuses);
  write_file(directory + "/_manifest.ndjson", format(*line) + "\n");
  return problems_of(directory, true);
}

std::string a_row(uint64_t seq, const std::string& type) {
  return fmt::format("{{\"seq\":{},\"input\":\"a\",\"type\":\"{}\",\"status\":\"NOERROR\"}}\n", seq,
                     type);
}

TEST(Shards, verify_finds_rows_that_are_twice_missing_foreign_or_cut) {
  const TemporaryFolder folder;
  RunPlan plan;
  plan.output.directory = folder.path("out");
  plan.output.compression = Compression::none;
  plan.output.rows_per_shard = 2;
  plan.names = 2;
  ASSERT_FALSE(run(plan).error);
  const std::string out = plan.output.directory;
  fs::remove(out + "/_SUCCESS");
  const auto problems = [&](const std::string& text, uint64_t rows, uint64_t noerror) {
    return problems_with_rows(out, text, rows, {{"NOERROR", noerror}});
  };
  EXPECT_THAT(problems(a_row(0, "A") + a_row(1, "A"), 2, 2), IsEmpty());
  EXPECT_THAT(problems(a_row(0, "A") + a_row(0, "A"), 2, 2),
              ElementsAre(HasSubstr("seq 0 has more than one row of type 'A'")));
  EXPECT_THAT(problems(a_row(0, "A") + a_row(0, "MX"), 2, 2),
              ElementsAre(HasSubstr("no row of seq 1")));
  EXPECT_THAT(problems(a_row(0, "A") + a_row(2, "A"), 2, 2),
              ElementsAre(HasSubstr("seq 2 is not of")));
  EXPECT_THAT(problems(a_row(0, "A") + a_row(1, "A"), 3, 2), ElementsAre(HasSubstr("has 2 rows")));
  EXPECT_THAT(problems(a_row(0, "A") + a_row(1, "A"), 2, 1), ElementsAre(HasSubstr("statuses")));
  EXPECT_THAT(problems(a_row(0, "A") + a_row(1, "A") + "x", 2, 2),
              ElementsAre(HasSubstr("no end")));
  EXPECT_THAT(problems(a_row(0, "A") + "{}\n", 2, 1),
              ElementsAre(HasSubstr("row 2 is none of ours")));
}

// Two names with a DNS row each, and a registration row of the first alone.
void write_both_tables(const std::string& directory, const std::string& type_of_second) {
  engine::OutputOptions options;
  options.directory = directory;
  options.questions = 2;
  options.registration = true;
  auto output = engine::Output::open(options);
  ASSERT_TRUE(output);
  ASSERT_TRUE((*output)->begin_chunk(0, 0));
  engine::RowSink& sink = (*output)->sink(0);
  const auto write = [&](engine::Table table, uint64_t seq, uint32_t question,
                         const std::string& row) {
    sink.buffer(0, table) += row;
    sink.row_done(0, table, seq, question, engine::RowStatus());
  };
  write(engine::Table::dns, 0, 0, a_row(0, "A"));
  write(engine::Table::dns, 1, 0, a_row(1, type_of_second));
  write(engine::Table::registration, 0, 1, "{\"seq\":0,\"input\":\"a\",\"status\":\"OK\"}\n");
  sink.flush();
  (*output)->end_chunk(0, 2, 3, 0);
  ASSERT_TRUE((*output)->finish(true, "{}"));
}

TEST(Shards, verify_misses_no_registration_row_of_an_address_but_of_any_other_name) {
  const TemporaryFolder folder;
  write_both_tables(folder.path("address"), "PTR");
  EXPECT_THAT(problems_of(folder.path("address")), IsEmpty());
  write_both_tables(folder.path("name"), "A");
  EXPECT_THAT(problems_of(folder.path("name")), ElementsAre(HasSubstr("no row of seq 1")));
}

TEST(Shards, cat_into_a_closed_pipe_ends_quietly_and_into_a_full_disk_does_not) {
  const TemporaryFolder folder;
  const RunPlan plan = a_run(folder);
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  ::close(ends[0]);
  ShardsOptions options{ShardsOptions::Action::cat, plan.output.directory, "", false, ends[1]};
  EXPECT_EQ(run_shards(options), 0);
  ::close(ends[1]);
  options.stdout_fd = ::open("/dev/full", O_WRONLY);
  EXPECT_EQ(run_shards(options), 5);
  ::close(options.stdout_fd);
}

}  // namespace
}  // namespace zonesweep::tools
