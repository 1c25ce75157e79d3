// The small formats of an output folder, each on its own.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <set>

#include "engine/journal.h"
#include "engine/manifest.h"
#include "engine/run_state.h"

namespace zonesweep::engine {
namespace {

std::vector<uint64_t> keys_of(std::string_view bytes) {
  std::vector<uint64_t> keys;
  EXPECT_TRUE(visit_done_list(bytes, [&](uint64_t key) {
    keys.push_back(key);
    return true;
  }));
  return keys;
}

TEST(DoneList, gives_back_keys_in_their_order_however_far_apart) {
  const std::vector<uint64_t> keys = {0, 1,          5, 3, 3, 1'000'000, 2, uint64_t{1} << 46,
                                      0, UINT64_MAX, 7};
  DoneList list;
  for (const uint64_t key : keys) list.add(key);
  EXPECT_EQ(keys_of(list.bytes()), keys);
  list.clear();
  list.add(9);
  EXPECT_EQ(keys_of(list.bytes()), std::vector<uint64_t>{9});
}

TEST(DoneList, takes_two_bytes_a_row_for_a_window_of_thousands) {
  std::mt19937_64 random(1);
  DoneList list;
  for (uint64_t i = 0; i < 10'000; ++i) list.add(i + random() % 4'096);
  EXPECT_LE(list.bytes().size(), 20'000U);
}

TEST(DoneList, is_refused_when_cut_or_too_long) {
  const auto any = [](uint64_t) { return true; };
  EXPECT_FALSE(visit_done_list("\x80", any));
  EXPECT_FALSE(visit_done_list(std::string(11, '\xff'), any));
  EXPECT_FALSE(visit_done_list("\x02", [](uint64_t) { return false; }));
}

TEST(DoneSet, holds_what_a_set_holds_and_gives_masks_by_name) {
  for (const uint32_t questions : {1U, 2U, 3U, 7U, 63U, 64U}) {
    std::mt19937_64 random(questions);
    DoneSet done(questions);
    std::set<uint64_t> expected;
    for (int i = 0; i < 2'000; ++i) {
      const uint64_t key = random() % (500 * questions);
      ASSERT_EQ(done.insert(key), expected.insert(key).second);
    }
    ASSERT_EQ(done.size(), expected.size());
    for (uint64_t index = 0; index < 600; ++index) {
      uint64_t mask = 0;
      for (uint64_t q = 0; q < questions; ++q) {
        mask |= uint64_t{expected.contains(index * questions + q)} << q;
      }
      ASSERT_EQ(done.mask(index), mask) << questions << " " << index;
    }
  }
}

TEST(Manifest, line_has_the_documented_members_and_survives_the_way_back) {
  const ManifestLine line{
      7,
      7'000,
      900,
      0xabc,
      {{Table::dns, "dns/part-00007.ndjson.zst", 900, 12, 1, {{"NOERROR", 899}, {"RCODE17", 1}}},
       {Table::registration, "registration/part-00007.ndjson.zst", 1, 2, 3, {}}}};
  const std::string text = format(line);
  EXPECT_THAT(text,
              ::testing::StartsWith(
                  R"({"chunk":7,"first_seq":7000,"names":900,"input_xxh3":"0000000000000abc",)"
                  R"("files":[{"table":"dns","path":"dns/part-00007.ndjson.zst","rows":900,)"
                  R"("bytes":12,"xxh3":"0000000000000001","statuses":{"NOERROR":899,"RCODE17":1}},)"
                  R"({"table":"registration",)"));
  EXPECT_EQ(parse_manifest_line(text), line);
}

TEST(Manifest, line_is_refused_with_any_byte_changed_missing_or_more) {
  const std::string text = format(ManifestLine{
      1, 10, 10, 5, {{Table::dns, "dns/part-00001.ndjson", 10, 9, 8, {{"NOERROR", 10}}}}});
  ASSERT_TRUE(parse_manifest_line(text));
  for (size_t at = 0; at < text.size(); ++at) {
    std::string damaged = text;
    damaged[at] = static_cast<char>(damaged[at] ^ 1);
    EXPECT_FALSE(parse_manifest_line(damaged)) << at;
    EXPECT_FALSE(parse_manifest_line(text.substr(0, at))) << at;
  }
  EXPECT_FALSE(parse_manifest_line(text + " "));
}

TEST(Journal, record_and_header_survive_the_way_back_and_no_change) {
  const JournalHeader header{3, 300, Table::registration, 5, Compression::gzip};
  const JournalRecord record{
      10, 20, 30, 40, {{50, 60}, {70, 80}}, {{"NOERROR", 39}, {"TIMEOUT", 1}}, "abc"};
  std::string header_bytes;
  std::string record_bytes;
  append_header(header, header_bytes);
  append_record(record, record_bytes);
  ASSERT_EQ(header_bytes.size(), JournalHeader::kBytes);
  EXPECT_EQ(parse_header(header_bytes), header);
  EXPECT_EQ(record_size(record_bytes), record_bytes.size());
  const auto again = parse_record(record_bytes);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->statuses, record.statuses);
  EXPECT_EQ(again->done, record.done);
  EXPECT_EQ(again->input, record.input);
  for (std::string* const bytes : {&header_bytes, &record_bytes}) {
    for (char& byte : *bytes) {
      byte = static_cast<char>(byte ^ 16);
      EXPECT_FALSE(parse_header(header_bytes) && parse_record(record_bytes));
      byte = static_cast<char>(byte ^ 16);
    }
  }
}

TEST(RunState, survives_the_way_back_and_names_what_differs) {
  OutputOptions options;
  options.fingerprint = "type=A,MX\nprobe=dns\nnovalue\n";
  const RunState state{"2026-01-01T00:00:00Z", options_that_change_rows(options)};
  const auto again = parse_run_state(format(state));
  ASSERT_TRUE(again);
  EXPECT_EQ(again->options, state.options);
  EXPECT_EQ(again->started, state.started);
  options.fingerprint = "type=A,MX\nprobe=dns\nnovalue\nextra=1\n";
  EXPECT_EQ(difference(state.options, options_that_change_rows(options)),
            "extra is not given in the folder and '1' now");
  EXPECT_EQ(difference(state.options, options_that_change_rows(options), "extra"), std::nullopt);
}

}  // namespace
}  // namespace zonesweep::engine
