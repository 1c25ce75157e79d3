#include "engine/output.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <map>
#include <thread>
#include <vector>

#include "engine/claim.h"
#include "engine/output_writer.h"
#include "engine/row_sink.h"
#include "engine/run_summary.h"
#include "engine/shard_folder.h"
#include "engine/stream_target.h"

namespace zonesweep::engine {
namespace {

constexpr Duration kOrderedBlockAge = std::chrono::milliseconds{50};  // a held row holds up others
constexpr Duration kStreamFlush = std::chrono::milliseconds{400};     // someone is looking
constexpr int kBlockShare = 4;                                        // of flush_interval

std::expected<void, OutputError> check_options(const OutputOptions& options) {
  const auto wrong = [](const char* what) {
    return std::unexpected(OutputError{OutputError::Kind::usage, what});
  };
  if (options.directory.empty()) return wrong("no output folder: give -o DIR, or -o - for stdout");
  if (options.rows_per_shard == 0 || options.rows_per_shard > limits::kRowsPerShardMax) {
    return wrong("--rows-per-shard must be 1 to 1099511627776");
  }
  if (options.questions == 0 || options.questions > limits::kQuestionsPerName) {
    return wrong("a name can have 1 to 64 questions; ask for fewer types");
  }
  if (options.split_index >= options.split_count) return wrong("--split I/N needs I below N");
  if (options.directory == "-" && options.resume) return wrong("--resume needs a folder: -o DIR");
  if (options.registration && options.ordered) {
    return wrong(
        "--ordered cannot be had with --probe registration: one slow registry would hold up all "
        "rows; leave it out and sort by seq");
  }
  if (options.flush_interval <= Duration::zero()) return wrong("--flush-interval must be above 0");
  assert(options.lanes > 0 && options.open_chunks > 0);
  return {};
}

// What the source sees of a chunk that an earlier run left open.
struct PartialView {
  DoneSet done;
  InputMark input;
  bool checked = false;
};

struct CommittedView {
  InputMark input;
  bool checked = false;
};

OutputError other_input(const OutputOptions& options, uint64_t chunk, std::string_view how) {
  return {
      OutputError::Kind::state,
      fmt::format("cannot resume {}: chunk {} was made from other input ({}); give the same input "
                  "files in the same order, or another folder",
                  options.directory, chunk, how)};
}

}  // namespace

struct Output::Impl {
  explicit Impl(OutputOptions given)
      : options(std::move(given)),
        layout{options.compression, options.split_index, options.split_count},
        queue(options.open_chunks, options.ordered) {}

  [[nodiscard]] bool to_stdout() const { return options.directory == "-"; }
  [[nodiscard]] Outcome prepare();
  [[nodiscard]] Outcome prepare_folder();
  void start();
  void join(bool abandon);
  [[nodiscard]] Outcome check_input_reached() const;
  [[nodiscard]] Outcome check_all_committed() const;

  OutputOptions options;
  Layout layout;
  Claim claim;
  OutputQueue queue;
  OutputCounters counters;
  uint64_t rows_resumed = 0;
  // Of the earlier run; the source thread's once the output is open.
  std::unordered_map<uint64_t, CommittedView> committed;
  std::map<uint64_t, PartialView> partial;
  std::map<uint64_t, DoneSet> recovered;  // until the writer has it
  ShardFolder* folder = nullptr;          // the target, if it is one
  std::unique_ptr<ShardTarget> target;
  std::unique_ptr<OutputWriter> writer;
  std::vector<std::unique_ptr<RowSink>> sinks;
  std::thread thread;
};

Outcome Output::Impl::prepare() {
  if (const Outcome checked = check_options(options); !checked) return checked;
  if (!to_stdout()) return prepare_folder();
  options.flush_interval = std::min(options.flush_interval, kStreamFlush);
  target = std::make_unique<StreamTarget>(options.stdout_fd, queue, counters);
  return {};
}

Outcome Output::Impl::prepare_folder() {
  auto claimed = claim_folder(options, layout);
  if (!claimed) return std::unexpected(claimed.error());
  claim = std::move(*claimed);
  auto found =
      recover(claim.root, {options.directory, layout, options.rows_per_shard, options.questions});
  if (!found) return std::unexpected(found.error());
  for (const auto& [chunk, input] : found->committed)
    committed.emplace(chunk, CommittedView{input});
  rows_resumed = found->rows;
  for (const auto& [chunk, left] : found->partial) {
    partial.emplace(chunk, PartialView{left.done, left.input});
    recovered.emplace(chunk, left.done);
  }
  auto made = std::make_unique<ShardFolder>(
      claim.root, ShardFolder::Options{options.directory, layout, options.questions, options.fault},
      std::move(found->partial), std::move(found->totals), counters);
  folder = made.get();
  target = std::move(made);
  return {};
}

void Output::Impl::start() {
  SinkOptions sink{options.compression, options.rows_per_shard, options.questions, options.ordered,
                   options.flush_interval / kBlockShare};
  if (options.ordered) sink.block_age = std::min(sink.block_age, kOrderedBlockAge);
  for (uint32_t lane = 0; lane < options.lanes; ++lane) {
    sinks.push_back(std::make_unique<RowSink>(std::make_unique<RowSink::Impl>(queue, sink)));
  }
  const WriterOptions write{options.compression, options.questions, options.ordered,
                            options.flush_interval};
  writer = std::make_unique<OutputWriter>(queue, *target, write, std::move(recovered));
  thread = std::thread([this] { writer->run(); });
}

void Output::Impl::join(bool abandon) {
  queue.finish(abandon);
  if (thread.joinable()) thread.join();
}

// Chunks of the earlier run that the input of this one did not reach.
Outcome Output::Impl::check_input_reached() const {
  const auto unread = [this](uint64_t chunk) {
    return std::unexpected(other_input(options, chunk, "the input now ends before it"));
  };
  if (!partial.empty()) return unread(partial.begin()->first);
  for (const auto& [chunk, view] : committed) {
    if (!view.checked) return unread(chunk);
  }
  return {};
}

Outcome Output::Impl::check_all_committed() const {
  if (writer->open_chunks().empty()) return {};
  const auto& [chunk, ledger] = *writer->open_chunks().begin();
  const std::string expected = ledger.end ? std::to_string(ledger.end->rows) : "unknown";
  return std::unexpected(OutputError{
      OutputError::Kind::failed,
      fmt::format(
          "chunk {} has {} rows of {}: a bug of zonesweep, please report it; the folder can "
          "be resumed",
          chunk, ledger.done.size(), expected)});
}

// ---------------------------------------------------------------------------------------- Output

Output::Output(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Output::~Output() { impl_->join(/*abandon=*/true); }

std::expected<std::unique_ptr<Output>, OutputError> Output::open(OutputOptions options) {
  auto impl = std::make_unique<Impl>(std::move(options));
  if (const Outcome prepared = impl->prepare(); !prepared) return std::unexpected(prepared.error());
  impl->start();
  return std::unique_ptr<Output>(new Output(std::move(impl)));
}

Output::ChunkPlan Output::plan(uint64_t chunk) const {
  if (const auto found = impl_->committed.find(chunk); found != impl_->committed.end()) {
    return {ChunkPlan::State::committed, found->second.input.names, found->second.input.hash};
  }
  if (const auto found = impl_->partial.find(chunk); found != impl_->partial.end()) {
    return {ChunkPlan::State::partial, found->second.input.names, found->second.input.hash};
  }
  return {};
}

uint64_t Output::done_mask(uint64_t chunk, uint64_t index_in_chunk) const {
  const auto found = impl_->partial.find(chunk);
  return found == impl_->partial.end() ? 0 : found->second.done.mask(index_in_chunk);
}

std::expected<void, OutputError> Output::check_committed(uint64_t chunk, uint64_t names,
                                                         uint64_t input_hash) const {
  const ChunkPlan known = plan(chunk);
  if (known.state == ChunkPlan::State::fresh) return {};
  bool& checked = known.state == ChunkPlan::State::partial ? impl_->partial.at(chunk).checked
                                                           : impl_->committed.at(chunk).checked;
  checked = true;
  if (known.committed_names != names) {
    return std::unexpected(other_input(
        impl_->options, chunk, fmt::format("{} names then, {} now", known.committed_names, names)));
  }
  if (known.committed_input_hash == input_hash) return {};
  return std::unexpected(other_input(impl_->options, chunk, "its names have changed"));
}

bool Output::begin_chunk(uint64_t chunk, uint64_t first_seq) {
  assert(first_seq == chunk * impl_->options.rows_per_shard);
  assert(!impl_->committed.contains(chunk));
  return impl_->queue.begin_chunk({chunk, first_seq});
}

void Output::input_progress(uint64_t chunk, uint64_t names, uint64_t input_hash) {
  impl_->queue.mark_input(chunk, {names, input_hash});
}

bool Output::admit(uint64_t seq) { return impl_->queue.admit(seq); }

void Output::end_chunk(uint64_t chunk, uint64_t names, uint64_t rows, uint64_t input_hash) {
  const auto found = impl_->partial.find(chunk);
  if (found != impl_->partial.end()) {
    const PartialView& before = found->second;
    if (names < before.input.names) {
      impl_->queue.fail(other_input(impl_->options, chunk, "it is shorter now"));
      return;
    }
    assert(before.input.names == 0 || before.checked);
    impl_->partial.erase(found);
  }
  impl_->queue.end_chunk({chunk, names, rows, input_hash});
}

RowSink& Output::sink(uint32_t lane) { return *impl_->sinks.at(lane); }

bool Output::failed() const noexcept { return impl_->queue.failed(); }
OutputError Output::error() const { return impl_->queue.error(); }
bool Output::closed() const noexcept { return impl_->queue.closed(); }
void Output::stop() { impl_->queue.stop(); }
uint64_t Output::low_water_seq() const noexcept { return impl_->queue.low_water_seq(); }

Output::Progress Output::progress() const noexcept {
  const OutputCounters& counters = impl_->counters;
  return {.rows = counters.rows.load(std::memory_order_relaxed),
          .bytes_written = counters.bytes.load(std::memory_order_relaxed),
          .chunks_committed = counters.chunks.load(std::memory_order_relaxed),
          .rows_resumed = impl_->rows_resumed};
}

std::expected<void, OutputError> Output::finish(bool complete, std::string_view totals_json) {
  impl_->join(/*abandon=*/false);
  if (failed()) return std::unexpected(error());
  if (closed() || !complete) return {};
  if (const Outcome reached = impl_->check_input_reached(); !reached) return reached;
  if (const Outcome committed = impl_->check_all_committed(); !committed) return committed;
  if (impl_->folder == nullptr) return {};
  if (const Outcome ready = impl_->folder->make_manifest(); !ready) return ready;
  return write_summary(impl_->options, impl_->layout, impl_->claim, impl_->folder->totals(),
                       totals_json);
}

}  // namespace zonesweep::engine
