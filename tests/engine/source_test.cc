#include "engine/source.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "tests/support/output_run.h"

namespace zonesweep::engine::test {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// One run over some text: a source, an output, and a hand that takes from both queues.
class SourceRun {
 public:
  struct Asked {  // by either queue, in order
    std::vector<std::string> dns;
    std::vector<std::string> registration;
  };

  SourceRun(const TemporaryFolder& folder, std::string_view text, Probes probes)
      : folder_(folder), probes_(probes) {
    write_file(folder.path("names.txt"), std::string(text));
  }

  void open(uint64_t rows_per_shard) {
    OutputOptions options;
    options.directory = folder_.path("out");
    options.rows_per_shard = rows_per_shard;
    options.questions = probes_.questions();
    options.registration = probes_.registration;
    options.resume = true;
    options.flush_interval = std::chrono::milliseconds{100};
    auto opened = Output::open(options);
    ASSERT_TRUE(opened) << opened.error().message;
    output_ = std::move(*opened);
    rows_per_shard_ = rows_per_shard;
  }

  // Reads everything; writes the rows that `answers` says yes to.
  Asked read(const std::function<bool(const std::string& name, Table table)>& answers) {
    auto input = Input::open({folder_.path("names.txt")}, {});
    EXPECT_TRUE(input);
    NameQueue dns(1'000'000);
    NameQueue registration(1'000'000);
    Source source(
        *input,
        {probes_.dns_types == 0 ? nullptr : &dns, probes_.registration ? &registration : nullptr},
        *output_, {.names_per_chunk = rows_per_shard_, .probes = probes_});
    const auto result = source.run();
    EXPECT_TRUE(result);
    EXPECT_TRUE(source.complete());
    Asked asked;
    if (probes_.dns_types != 0) take_dns(dns, answers, asked.dns);
    if (probes_.registration) take_registration(registration, answers, asked.registration);
    output_->sink(0).flush();
    return asked;
  }

  [[nodiscard]] std::expected<void, OutputError> finish(bool complete) {
    auto finished = output_->finish(complete, "{}");
    output_.reset();
    return finished;
  }

 private:
  using Answers = std::function<bool(const std::string& name, Table table)>;

  void take_dns(NameQueue& queue, const Answers& answers, std::vector<std::string>& asked) {
    while (const auto batch = queue.take()) {
      for (size_t at = 0; at < batch->block.names.size(); ++at) {
        const InputName& name = batch->block.names[at];
        const std::string text(batch->block.input(name));
        const uint64_t done = batch->done.empty() ? 0 : batch->done[at];
        const uint64_t rows = probes_.dns_rows(name.kind) & ~done;
        if (rows != 0) asked.push_back(text);
        if (rows == 0 || !answers(text, Table::dns)) continue;
        for (uint32_t q = 0; q < probes_.dns_types; ++q) {
          if ((rows >> q & 1) != 0) write(batch->chunk, Table::dns, name.seq, q);
        }
      }
    }
    EXPECT_TRUE(queue.drained());
  }

  void take_registration(NameQueue& queue, const Answers& answers,
                         std::vector<std::string>& asked) {
    while (const auto batch = queue.take()) {
      EXPECT_TRUE(batch->done.empty());
      for (const InputName& name : batch->block.names) {
        asked.emplace_back(batch->block.input(name));
        EXPECT_EQ(batch->block.wire(name).size(), name.wire_size);
        if (!answers(asked.back(), Table::registration)) continue;
        write(batch->chunk, Table::registration, name.seq, probes_.registration_question());
      }
    }
    EXPECT_TRUE(queue.drained());
  }

  void write(uint64_t chunk, Table table, uint64_t seq, uint32_t question) {
    RowSink& sink = output_->sink(0);
    sink.buffer(chunk, table) += fmt::format("{{\"seq\":{}}}\n", seq);
    sink.row_done(chunk, table, seq, question, RowStatus());
  }

  const TemporaryFolder& folder_;
  Probes probes_;
  uint64_t rows_per_shard_ = 0;
  std::unique_ptr<Output> output_;
};

bool all(const std::string&, Table) { return true; }

constexpr std::string_view kNames = "a.example\n192.0.2.1\nb.example\nno name\nc.example\n";

TEST(Source, gives_both_queues_the_same_names_and_an_address_only_to_dns) {
  const TemporaryFolder folder;
  SourceRun run(folder, kNames, {.dns_types = 2, .registration = true});
  run.open(3);
  const auto asked = run.read(all);
  EXPECT_THAT(asked.dns,
              ElementsAre("a.example", "192.0.2.1", "b.example", "no name", "c.example"));
  EXPECT_THAT(asked.registration, ElementsAre("a.example", "b.example", "no name", "c.example"));
  const auto finished = run.finish(true);
  EXPECT_TRUE(finished) << finished.error().message;
}

TEST(Source, gives_an_address_to_registration_when_that_alone_is_asked) {
  const TemporaryFolder folder;
  SourceRun run(folder, kNames, {.dns_types = 0, .registration = true});
  run.open(3);
  const auto asked = run.read(all);
  EXPECT_THAT(asked.registration,
              ElementsAre("a.example", "192.0.2.1", "b.example", "no name", "c.example"));
  const auto finished = run.finish(true);
  EXPECT_TRUE(finished) << finished.error().message;
}

TEST(Source, leaves_out_of_each_queue_what_has_its_rows_there) {
  const TemporaryFolder folder;
  SourceRun run(folder, kNames, {.dns_types = 2, .registration = true});
  run.open(100);
  (void)run.read([](const std::string& name, Table table) {
    return table == Table::dns || name.starts_with("b");
  });
  ASSERT_TRUE(run.finish(false));
  run.open(100);
  const auto second = run.read([](const std::string& name, Table) { return name != "c.example"; });
  EXPECT_THAT(second.dns, IsEmpty());
  EXPECT_THAT(second.registration, ElementsAre("a.example", "no name", "c.example"));
  ASSERT_TRUE(run.finish(false));
  run.open(100);
  const auto third = run.read(all);
  EXPECT_THAT(third.dns, IsEmpty());
  EXPECT_THAT(third.registration, ElementsAre("c.example"));
  const auto finished = run.finish(true);
  EXPECT_TRUE(finished) << finished.error().message;
}

}  // namespace
}  // namespace zonesweep::engine::test
