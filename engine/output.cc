#include "engine/output.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <map>
#include <thread>
#include <vector>

#include "engine/claim.h"
#include "engine/done_set.h"
#include "engine/journal_reader.h"
#include "engine/output_writer.h"
#include "engine/recovery.h"
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
  assert(options.lanes > 0);
  return {};
}

uint32_t open_chunks_of(const OutputOptions& options) {
  if (options.open_chunks != 0) return options.open_chunks;
  return options.registration ? limits::kOpenChunksRegistration : limits::kOpenChunks;
}

// What the source sees of a chunk that an earlier run left open.
struct PartialView {
  std::vector<InputMark> input;  // by names
  std::array<uint64_t, kTables> journal_bytes{};
  bool checked = false;

  [[nodiscard]] InputMark last() const { return input.empty() ? InputMark{} : input.back(); }
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
        queue(open_chunks_of(options), options.ordered) {}

  [[nodiscard]] bool to_stdout() const { return options.directory == "-"; }
  [[nodiscard]] Outcome prepare();
  [[nodiscard]] Outcome prepare_folder();
  [[nodiscard]] Outcome load_done(uint64_t chunk);
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
  std::map<uint64_t, uint64_t> recovered;  // rows by chunk, until the writer has them
  DoneSet done;                            // rows of the chunk that the source is in, on disk
  uint64_t done_chunk = UINT64_MAX;
  ShardFolder* folder = nullptr;  // the target, if it is one
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
    PartialView& view = partial[chunk];
    view.input = left.input;
    for (size_t table = 0; table < kTables; ++table) {
      if (left.shards[table]) view.journal_bytes[table] = left.shards[table]->journal_bytes;
    }
    recovered.emplace(chunk, left.rows());
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

// The rows of a chunk that are on disk, out of its journals.
Outcome Output::Impl::load_done(uint64_t chunk) {
  const auto found = partial.find(chunk);
  if (found == partial.end()) return {};
  done = DoneSet(options.questions);
  done_chunk = chunk;
  for (const Table table : {Table::dns, Table::registration}) {
    const uint64_t bytes = found->second.journal_bytes[static_cast<size_t>(table)];
    if (bytes == 0) continue;
    const std::string name = layout.journal(chunk);
    const std::string path = fmt::format("{}/{}/{}", options.directory, name_of(table), name);
    const auto below = claim.root.open_folder(std::string(name_of(table)));
    if (!below) return std::unexpected(disk_error("open", path, below.error()));
    const auto journal = below->open_read(name);
    if (!journal) return std::unexpected(disk_error("open", path, journal.error()));
    const uint64_t keys_max = options.rows_per_shard * options.questions;
    if (const Outcome added = add_done(*journal, bytes, keys_max, path, done); !added) return added;
  }
  return {};
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
          chunk, ledger.rows, expected)});
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
    const InputMark input = found->second.last();
    return {ChunkPlan::State::partial, input.names, input.hash};
  }
  return {};
}

uint64_t Output::done_mask(uint64_t chunk, uint64_t index_in_chunk) const {
  return chunk == impl_->done_chunk ? impl_->done.mask(index_in_chunk) : 0;
}

uint64_t Output::next_mark(uint64_t chunk, uint64_t names) const {
  const auto found = impl_->partial.find(chunk);
  if (found == impl_->partial.end()) return UINT64_MAX;
  const auto next = std::ranges::upper_bound(found->second.input, names, {}, &InputMark::names);
  return next == found->second.input.end() ? UINT64_MAX : next->names;
}

std::expected<void, OutputError> Output::check_committed(uint64_t chunk, uint64_t names,
                                                         uint64_t input_hash) const {
  InputMark known;
  if (const auto found = impl_->committed.find(chunk); found != impl_->committed.end()) {
    known = found->second.input;
    found->second.checked = true;
  } else if (const auto part = impl_->partial.find(chunk); part != impl_->partial.end()) {
    PartialView& view = part->second;
    const auto mark = std::ranges::find(view.input, names, &InputMark::names);
    known = mark == view.input.end() ? view.last() : *mark;
    view.checked = view.checked || known == view.last();
  } else {
    return {};
  }
  if (known.names != names) {
    return std::unexpected(other_input(impl_->options, chunk,
                                       fmt::format("{} names then, {} now", known.names, names)));
  }
  if (known.hash == input_hash) return {};
  return std::unexpected(other_input(impl_->options, chunk, "its names have changed"));
}

bool Output::begin_chunk(uint64_t chunk, uint64_t first_seq) {
  assert(first_seq == chunk * impl_->options.rows_per_shard);
  assert(!impl_->committed.contains(chunk));
  if (!impl_->queue.begin_chunk({chunk, first_seq})) return false;
  const Outcome loaded = impl_->load_done(chunk);
  if (!loaded) impl_->queue.fail(loaded.error());
  return loaded.has_value();
}

void Output::input_progress(uint64_t chunk, uint64_t names, uint64_t input_hash) {
  impl_->queue.mark_input(chunk, {names, input_hash});
}

bool Output::admit(uint64_t seq) { return impl_->queue.admit(seq); }

void Output::end_chunk(uint64_t chunk, uint64_t names, uint64_t rows, uint64_t input_hash) {
  impl_->done = DoneSet();
  impl_->done_chunk = UINT64_MAX;
  const auto found = impl_->partial.find(chunk);
  if (found != impl_->partial.end()) {
    const PartialView& before = found->second;
    if (names < before.last().names) {
      impl_->queue.fail(other_input(impl_->options, chunk, "it is shorter now"));
      return;
    }
    assert(before.input.empty() || before.checked);
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
