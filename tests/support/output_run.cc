#include "tests/support/output_run.h"

#include <fmt/format.h>
#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <sstream>

#include "engine/hasher.h"
#include "engine/layout.h"
#include "engine/manifest.h"
#include "engine/record.h"
#include "engine/registration_record.h"
#include "engine/shard_reader.h"

namespace zonesweep::engine::test {
namespace {

namespace fs = std::filesystem;

std::string input_of(const RunPlan& plan, uint64_t seq) {
  return fmt::format("name-{}{}.example\n", seq, plan.salt);
}

Table table_of(const RunPlan& plan, uint32_t question) {
  const bool last = question + 1 == plan.output.questions;
  return plan.two_tables && last ? Table::registration : Table::dns;
}

struct InFlight {
  uint64_t seq = 0;
  uint64_t done = 0;
};

class Run {
 public:
  explicit Run(const RunPlan& plan) : plan_(plan), random_(plan.seed) {}

  RunResult go() {
    auto opened = Output::open(plan_.output);
    if (!opened) {
      result_.error = opened.error();
      return result_;
    }
    output_ = std::move(*opened);
    const bool whole = read_chunks();
    drain(0);
    conclude_late();
    for (uint32_t lane = 0; lane < plan_.output.lanes; ++lane) output_->sink(lane).flush();
    finish(whole && !stopped_);
    return result_;
  }

 private:
  bool read_chunks() {
    const uint64_t size = plan_.output.rows_per_shard;
    for (uint64_t chunk = 0; chunk * size < plan_.names; ++chunk) {
      if (chunk % plan_.output.split_count != plan_.output.split_index) continue;
      if (!read_chunk(chunk, chunk * size, std::min(plan_.names, (chunk + 1) * size))) return false;
    }
    return true;
  }

  bool read_chunk(uint64_t chunk, uint64_t first, uint64_t end) {
    const Output::ChunkPlan known = output_->plan(chunk);
    const bool committed = known.state == Output::ChunkPlan::State::committed;
    if (!committed && !output_->begin_chunk(chunk, first)) return false;
    Hasher hash;
    for (uint64_t seq = first; seq < end; seq += plan_.batch) {
      const uint64_t batch_end = std::min(end, seq + plan_.batch);
      if (!read_batch(chunk, first, seq, batch_end, known, hash)) return false;
    }
    if (committed) return check(chunk, end - first, hash.digest());
    drain(0);
    for (uint32_t lane = 0; lane < plan_.output.lanes; ++lane) {
      output_->sink(lane).chunk_idle(chunk);
    }
    const uint64_t rows = (end - first) * plan_.output.questions;
    output_->end_chunk(chunk, end - first, rows, hash.digest());
    return !stopped_;
  }

  bool read_batch(uint64_t chunk, uint64_t first, uint64_t begin, uint64_t end,
                  const Output::ChunkPlan& known, Hasher& hash) {
    for (uint64_t seq = begin; seq < end; ++seq) {
      hash.update(input_of(plan_, seq));
      const bool vouched = known.state == Output::ChunkPlan::State::partial &&
                           seq + 1 - first == known.committed_names;
      if (vouched && !check(chunk, seq + 1 - first, hash.digest())) return false;
    }
    if (known.state == Output::ChunkPlan::State::committed) return true;
    output_->input_progress(chunk, end - first, hash.digest());
    if (!output_->admit(end - 1)) return false;
    for (uint64_t seq = begin; seq < end; ++seq) {
      pull({seq, output_->done_mask(chunk, seq - first)});
      if (stopped_ || output_->failed() || output_->closed()) return false;
    }
    return true;
  }

  bool check(uint64_t chunk, uint64_t names, uint64_t hash) {
    const auto checked = output_->check_committed(chunk, names, hash);
    if (!checked) result_.error = checked.error();
    return checked.has_value();
  }

  void pull(InFlight lookup) {
    in_flight_.push_back(lookup);
    drain(plan_.window);
  }

  // Ends lookups in any order until so many are left.
  void drain(size_t left) {
    while (in_flight_.size() > left && !stopped_) {
      const size_t at = random_() % in_flight_.size();
      std::swap(in_flight_[at], in_flight_.back());
      const InFlight lookup = in_flight_.back();
      in_flight_.pop_back();
      const size_t asked = result_.asked.size();
      conclude(lookup);
      count_concluded(asked);
    }
  }

  void count_concluded(size_t asked_before) {
    if (result_.asked.size() == asked_before) return;  // it lacked nothing
    if (++concluded_ >= plan_.stop_after) stopped_ = true;
  }

  void conclude_late() {
    std::ranges::shuffle(late_, random_);
    for (const uint64_t seq : late_) {
      if (stopped_) return;
      const size_t asked = result_.asked.size();
      write_row(some_sink(), seq, plan_.output.questions - 1);
      count_concluded(asked);
    }
  }

  RowSink& some_sink() {
    RowSink& sink = output_->sink(static_cast<uint32_t>(random_() % plan_.output.lanes));
    sink.tick(std::chrono::steady_clock::now());
    return sink;
  }

  void conclude(const InFlight& lookup) {
    RowSink& sink = some_sink();
    for (uint32_t q = 0; q < plan_.output.questions; ++q) {
      if ((lookup.done >> q & 1) != 0) continue;
      if (plan_.late && table_of(plan_, q) == Table::registration) {
        late_.push_back(lookup.seq);
      } else {
        write_row(sink, lookup.seq, q);
      }
    }
    sink.name_done(lookup.seq / plan_.output.rows_per_shard, lookup.seq);
  }

  void write_row(RowSink& sink, uint64_t seq, uint32_t question) {
    const uint64_t chunk = seq / plan_.output.rows_per_shard;
    const Table table = table_of(plan_, question);
    sink.buffer(chunk, table) += row_of(plan_, seq, question);
    sink.row_done(chunk, table, seq, question, status_of_row(plan_, seq, question));
    result_.asked.emplace_back(seq, question);
    if (plan_.after_row) plan_.after_row(result_.asked.size());
  }

  void finish(bool whole) {
    const auto finished = output_->finish(whole && !result_.error, "{\"test\":true}");
    if (!finished && !result_.error) result_.error = finished.error();
    result_.closed = output_->closed();
    result_.progress = output_->progress();
    output_.reset();
  }

  const RunPlan& plan_;
  std::mt19937_64 random_;
  std::unique_ptr<Output> output_;
  std::vector<InFlight> in_flight_;
  std::vector<uint64_t> late_;  // seq of names whose registration row is still to come
  uint64_t concluded_ = 0;
  bool stopped_ = false;
  RunResult result_;
};

using Rows = std::multiset<std::string>;

std::string compare(const Rows& expected, const Rows& found) {
  for (const std::string& row : found) {
    if (!expected.contains(row)) return "a row that should not be: " + row;
    if (found.count(row) != 1) return "more than once: " + row;
  }
  for (const std::string& row : expected) {
    if (!found.contains(row)) return "missing: " + row;
  }
  return {};
}

std::string check_file(const RunPlan& plan, const ManifestLine& line, const ManifestFile& file,
                       bool in_order) {
  const std::string path = plan.output.directory + "/" + file.path;
  const std::string bytes = read_file(path);
  if (bytes.size() != file.bytes) return path + ": wrong size";
  if (XXH3_64bits(bytes.data(), bytes.size()) != file.hash) return path + ": wrong hash";
  Rows expected;
  std::string ordered;
  StatusWords statuses;
  for (uint64_t seq = line.first_seq; seq < line.first_seq + line.names; ++seq) {
    for (uint32_t q = 0; q < plan.output.questions; ++q) {
      if (table_of(plan, q) != file.table) continue;
      expected.insert(row_of(plan, seq, q));
      ordered += row_of(plan, seq, q);
      std::string word;
      append_status(file.table, status_of_row(plan, seq, q), word);
      ++statuses[word];
    }
  }
  const std::string text = shard_text(path, plan.output.compression);
  if (in_order && text != ordered) return path + ": not in order";
  if (statuses != file.statuses) return path + ": wrong statuses";
  if (file.rows != expected.size()) return path + ": wrong number of rows";
  Rows found;
  std::istringstream lines(text);
  for (std::string row; std::getline(lines, row);) found.insert(row + "\n");
  const std::string wrong = compare(expected, found);
  return wrong.empty() ? wrong : path + ": " + wrong;
}

}  // namespace

RunResult run(const RunPlan& plan) { return Run(plan).go(); }

std::string row_of(const RunPlan& plan, uint64_t seq, uint32_t question) {
  std::string status;
  append_status(table_of(plan, question), status_of_row(plan, seq, question), status);
  return fmt::format(R"({{"seq":{},"input":"name-{}{}.example","type":"TYPE{}","status":"{}",)"
                     R"("x":"{:x}"}})"
                     "\n",
                     seq, seq, plan.salt, question, status, seq * 0x9e3779b97f4a7c15U);
}

RowStatus status_of_row(const RunPlan& plan, uint64_t seq, uint32_t question) {
  constexpr RowStatus kDns[] = {
      Status::noerror, Status::nxdomain, {Status::rcode, 17}, Status::timeout};
  constexpr RowStatus kRegistration[] = {RegistrationStatus::ok, RegistrationStatus::not_found,
                                         RegistrationStatus::http_error,
                                         RegistrationStatus::cancelled};
  const uint64_t which = (seq + question) % 4;
  return table_of(plan, question) == Table::dns ? kDns[which] : kRegistration[which];
}

TemporaryFolder::TemporaryFolder() {
  const char* const base = ::access("/dev/shm", W_OK) == 0 ? "/dev/shm" : ::getenv("TMPDIR");
  path_ = std::string(base == nullptr ? "/tmp" : base) + "/zonesweep-test-XXXXXX";
  if (::mkdtemp(path_.data()) == nullptr) std::abort();
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

std::string TemporaryFolder::path(const std::string& below) const {
  return below.empty() ? path_ : path_ + "/" + below;
}

std::string read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

void write_file(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

std::vector<std::string> files_below(const std::string& path) {
  std::vector<std::string> files;
  for (const auto& entry : fs::recursive_directory_iterator(path)) {
    if (entry.is_regular_file()) files.push_back(fs::relative(entry.path(), path));
  }
  std::ranges::sort(files);
  return files;
}

std::string shard_text(const std::string& path, Compression compression) {
  const fs::path whole(path);
  const auto folder = io::Folder::open(whole.parent_path());
  auto file = folder->open_read(whole.filename());
  if (!file) return "cannot open " + path;
  ShardReader reader(std::move(*file), compression);
  std::string text;
  for (;;) {
    const auto piece = reader.next();
    if (!piece) return piece.error();
    if (piece->empty()) return text;
    text += *piece;
  }
}

std::string check_rows(const RunPlan& plan, bool in_order) {
  const Layout layout{plan.output.compression, plan.output.split_index, plan.output.split_count};
  std::istringstream manifest(read_file(plan.output.directory + "/" + layout.manifest()));
  std::set<uint64_t> chunks;
  for (std::string text; std::getline(manifest, text);) {
    const auto line = parse_manifest_line(text);
    if (!line) return "damaged manifest line: " + text;
    if (!chunks.insert(line->chunk).second) return "a chunk twice in the manifest";
    const uint64_t size = plan.output.rows_per_shard;
    if (line->names != std::min(size, plan.names - line->first_seq)) return "wrong number of names";
    if (line->files.size() != (plan.two_tables ? 2 : 1)) return "wrong number of files";
    for (const ManifestFile& file : line->files) {
      std::string wrong = check_file(plan, *line, file, in_order);
      if (!wrong.empty()) return wrong;
    }
  }
  uint64_t expected = 0;
  for (uint64_t chunk = 0; chunk * plan.output.rows_per_shard < plan.names; ++chunk) {
    expected += layout.owns(chunk) ? 1 : 0;
  }
  return chunks.size() == expected ? "" : fmt::format("{} chunks of {}", chunks.size(), expected);
}

}  // namespace zonesweep::engine::test
