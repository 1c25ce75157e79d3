// tests/support/output_run.h - a run in small: a source and lanes that drive an Output as the
// engine does, with rows that can be told from the name alone.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "engine/output.h"
#include "engine/row_status.h"

namespace zonesweep::engine::test {

struct RunPlan {
  OutputOptions output;
  uint64_t names = 100;
  uint32_t window = 16;     // lookups in flight
  uint32_t batch = 8;       // names the source hands over at once
  uint64_t seed = 1;        // of the order in which lookups end
  bool two_tables = false;  // the last question goes to `registration`
  bool late = false;        // its rows come when the whole input has been read, in any order
  uint64_t stop_after = UINT64_MAX;  // lookups; then the run is interrupted
  std::string salt;                  // another one is another input
  std::function<void(uint64_t row)> after_row;
};

struct RunResult {
  std::optional<OutputError> error;
  bool closed = false;
  std::vector<std::pair<uint64_t, uint32_t>> asked;  // (seq, question) in the order of their ends
  Output::Progress progress;
};

[[nodiscard]] RunResult run(const RunPlan& plan);

// One row of the run, with its newline.
[[nodiscard]] std::string row_of(const RunPlan& plan, uint64_t seq, uint32_t question);
[[nodiscard]] RowStatus status_of_row(const RunPlan& plan, uint64_t seq, uint32_t question);

// A folder of its own, gone with the object.
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  [[nodiscard]] std::string path(const std::string& below = {}) const;

 private:
  std::string path_;
};

[[nodiscard]] std::string read_file(const std::string& path);
void write_file(const std::string& path, const std::string& bytes);
[[nodiscard]] std::vector<std::string> files_below(const std::string& path);  // relative, sorted
[[nodiscard]] std::string shard_text(const std::string& path, Compression compression);

// Every row of the plan is in the committed shards once and nothing else is; "" or what is wrong.
[[nodiscard]] std::string check_rows(const RunPlan& plan, bool in_order = false);

}  // namespace zonesweep::engine::test
