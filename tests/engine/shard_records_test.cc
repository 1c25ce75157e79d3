#include "engine/shard_records.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>

#include "tests/support/output_run.h"

namespace zonesweep::engine::test {
namespace {

using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

RegistrationRecord a_registration(uint64_t seq, RegistrationStatus status) {
  RegistrationRecord record;
  record.seq = seq;
  record.input = "a.example";
  record.status = status;
  return record;
}

DnsRecord an_address(uint64_t seq) {
  DnsRecord record;
  record.seq = seq;
  record.input = "a.example";
  record.status = Status::nxdomain;
  return record;
}

TEST(ShardRecords, go_to_the_table_of_their_kind_with_its_own_status_words) {
  const TemporaryFolder folder;
  OutputOptions options;
  options.directory = folder.path("out");
  options.compression = Compression::none;
  options.questions = 2;
  options.registration = true;
  {
    auto output = Output::open(options);
    ASSERT_TRUE(output);
    ASSERT_TRUE((*output)->begin_chunk(0, 0));
    ShardRecords dns((*output)->sink(0));
    RegistrationRecords registration((*output)->sink(0), 1);
    for (uint64_t seq = 0; seq < 3; ++seq) {
      dns.write(0, 0, an_address(seq));
      registration.write(0, a_registration(seq, seq == 0 ? RegistrationStatus::http_error
                                                         : RegistrationStatus::rate_limited));
    }
    dns.flush();
    (*output)->end_chunk(0, 3, 6, 0);
    ASSERT_TRUE((*output)->finish(true, "{}"));
  }
  const std::string manifest = read_file(folder.path("out/_manifest.ndjson"));
  EXPECT_THAT(manifest, HasSubstr(R"("statuses":{"NXDOMAIN":3}})"));
  EXPECT_THAT(manifest, HasSubstr(R"("statuses":{"HTTP_ERROR":1,"RATE_LIMITED":2}})"));
  EXPECT_THAT(read_file(folder.path("out/_run.json")), HasSubstr(R"({"HTTP_ERROR":1,)"));
  EXPECT_THAT(read_file(folder.path("out/registration/part-00000.ndjson")),
              StartsWith(R"({"seq":0,"input":"a.example","status":"HTTP_ERROR",)"));
}

TEST(ShardRecords, say_their_table_where_both_share_a_stream) {
  std::string out;
  append_row(an_address(7), Table::dns, RowsSay::table, out);
  EXPECT_THAT(out,
              AllOf(StartsWith(R"({"table":"dns","seq":7,"input":"a.example",)"), EndsWith("}\n")));
  out.clear();
  append_row(a_registration(8, RegistrationStatus::ok), Table::registration, RowsSay::table, out);
  EXPECT_THAT(out, AllOf(StartsWith(R"({"table":"registration","seq":8,)"), EndsWith("}\n")));
}

TEST(ShardRecords, of_registration_are_not_to_be_had_in_order) {
  OutputOptions options;
  options.directory = "-";
  options.ordered = true;
  options.registration = true;
  const auto output = Output::open(options);
  ASSERT_FALSE(output);
  EXPECT_EQ(output.error().kind, OutputError::Kind::usage);
  EXPECT_THAT(output.error().message, HasSubstr("--ordered"));
}

}  // namespace
}  // namespace zonesweep::engine::test
