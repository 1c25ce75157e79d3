// engine/output.h - rows in, committed shards out.
//
// Lanes encode rows into blocks and compress each block into a frame that can be read on its own;
// one writer thread owns every file, the commits and the manifest. docs/formats/output.md has the
// folder, docs/design/resume.md the journal that lets a killed run go on inside a chunk.
//
// Threads:    open(), finish() and the destructor: the control thread. plan() to admit(): the
//             source thread. A RowSink: its lane. The rest: any thread. A lane takes no lock per
//             row, only per block.
// Invariants: (1) a row is counted once, however often the run is killed and resumed; (2) a final
//             file name appears only by rename of a complete, synced file, and counts only by its
//             manifest line; (3) finished rows are on disk within flush_interval; (4) memory is
//             bounded by options, never by the number of rows.
// Ownership:  Output owns the sinks, the thread, the files and the lock on the folder.
// Units:      sizes are bytes; chunks, seq and indices count from 0.
// Errors:     OutputError. The first failure is final for the run; what is on disk stays resumable.
#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "io/transport.h"

namespace zonesweep::engine {

using io::Duration;
using io::Instant;

struct RowStatus;             // engine/row_status.h
enum class Status : uint8_t;  // engine/record.h

enum class Table : uint8_t { dns, registration };
inline constexpr uint32_t kTables = 2;

enum class Compression : uint8_t { zstd, gzip, none };

namespace limits {
inline constexpr uint32_t kQuestionsPerName = 64;  // one bit each in done_mask()
// Chunks whose rows are not all there: beyond it the source waits. DNS lanes are done with a chunk
// soon after it is read. One name of a slow registry keeps its chunk open for as long as that takes;
// each costs some 4 KiB of memory and no file descriptor: docs/design/open-chunks.md.
inline constexpr uint32_t kOpenChunks = 4;
inline constexpr uint32_t kOpenChunksRegistration = 1'024;
inline constexpr uint64_t kRowsPerShardMax = uint64_t{1} << 40;  // times 64 questions fits 64 bits
// --ordered: how far the source may be ahead of the first name that is not done, and how many bytes
// of rows may wait behind it. Together with everything else this stays within 64 MiB.
inline constexpr uint64_t kOrderedNames = 64 * 1024;
inline constexpr uint64_t kOrderedBytes = uint64_t{16} << 20;
}  // namespace limits

struct OutputOptions {
  std::string directory;  // "-": stdout
  Compression compression = Compression::zstd;
  uint32_t lanes = 1;
  uint64_t rows_per_shard = 1'000'000;  // names per chunk
  bool ordered = false;
  bool resume = false;
  Duration flush_interval = std::chrono::seconds{10};
  uint32_t split_index = 0;
  uint32_t split_count = 1;
  uint32_t questions = 1;  // the most rows that a name can have: 1 to 64
  // The last question of a name is its registration, whose row may come days after the others: not
  // to be had in input order, as all rows behind it would have to be held.
  bool registration = false;
  // Every option that changes rows, one "option=value" a line: a resume with another one is refused
  // and the option is named. Output adds what it is given here itself (compression to questions).
  std::string fingerprint;
  std::string configuration_json = "{}";  // goes into _run.json as it is
  std::string version;                    // of the program, for _run.json
  uint32_t open_chunks = 0;               // 0: what limits say
  int stdout_fd = 1;
  // Tests: called by the writer thread before each file operation ("create", "write", "journal",
  // "sync", "rename", "sync folder", "manifest", "remove"); a result other than 0 is the errno that
  // it fails with.
  std::function<int(std::string_view operation, std::string_view path)> fault;
};

struct OutputError {
  enum class Kind : uint8_t {
    usage,   // exit 2: the folder is not empty and --resume was not given
    failed,  // exit 5: disk full, read-only, ...; resumable
    in_use,  // exit 6: another process holds the folder
    state,   // exit 7: damaged, or of another input or other options
  };
  Kind kind = Kind::failed;
  std::string message;  // one line: what happened and what to do
};

class RowSink;

class Output {
 public:
  // Takes the lock, recovers what an earlier run left, starts the writer thread.
  [[nodiscard]] static std::expected<std::unique_ptr<Output>, OutputError> open(
      OutputOptions options);
  ~Output();  // without finish(): as if the process had been killed
  Output(const Output&) = delete;
  Output& operator=(const Output&) = delete;

  // --- source thread. For each chunk in order: plan; committed -> read its names and
  // check_committed(); else begin_chunk, then for each batch of names { done_mask each,
  // input_progress, admit, hand to the lanes }, then end_chunk.
  struct ChunkPlan {
    enum class State : uint8_t { fresh, partial, committed } state = State::fresh;
    // committed: of the whole chunk. partial: of the first `committed_names` names of it, which the
    // earlier run had read. When the source has read so many again, and at each next_mark() on the
    // way, check_committed() compares.
    uint64_t committed_names = 0;
    uint64_t committed_input_hash = 0;
  };
  [[nodiscard]] ChunkPlan plan(uint64_t chunk) const;
  // Of a partial chunk: the place behind its first `names` names where the input is compared next;
  // UINT64_MAX when there is none.
  [[nodiscard]] uint64_t next_mark(uint64_t chunk, uint64_t names) const;
  // Bit q: question q of this name has its row on disk. 0 for a fresh chunk. Valid from
  // begin_chunk() to end_chunk().
  [[nodiscard]] uint64_t done_mask(uint64_t chunk, uint64_t index_in_chunk) const;
  // The first `names` names of the chunk have this input (running XXH3-64). Other input than that
  // of the earlier run: Kind::state, exit 7.
  [[nodiscard]] std::expected<void, OutputError> check_committed(uint64_t chunk, uint64_t names,
                                                                 uint64_t input_hash) const;
  // Blocks while open_chunks are open. False when the run is stopping or failed.
  [[nodiscard]] bool begin_chunk(uint64_t chunk, uint64_t first_seq);
  // The source has read `names` names of the chunk so far and their running XXH3-64 is
  // `input_hash`. Called before those names reach a lane, so that no row is on disk whose input is
  // not vouched for.
  void input_progress(uint64_t chunk, uint64_t names, uint64_t input_hash);
  // --ordered only (else true at once): blocks until the name may be handed to a lane, that is,
  // while seq >= low_water_seq() + limits::kOrderedNames. False when the run is stopping or failed.
  // Lanes must pull names in the order of seq from one queue.
  [[nodiscard]] bool admit(uint64_t seq);
  // `rows`: of all names of the chunk, with those already on disk. The chunk is committed when so
  // many rows have arrived; without names it vanishes.
  void end_chunk(uint64_t chunk, uint64_t names, uint64_t rows, uint64_t input_hash);

  // --- lanes
  [[nodiscard]] RowSink& sink(uint32_t lane);

  // --- any thread
  [[nodiscard]] bool failed() const noexcept;
  [[nodiscard]] OutputError error() const;     // valid when failed()
  [[nodiscard]] bool closed() const noexcept;  // stdout: the reader went away; end quietly
  void stop();                                 // the run is ending: wakes a blocked source
  [[nodiscard]] uint64_t low_water_seq() const noexcept;  // --ordered: no earlier row is missing
  struct Progress {
    uint64_t rows = 0;           // written by this run
    uint64_t bytes_written = 0;  // compressed
    uint64_t chunks_committed = 0;
    uint64_t rows_resumed = 0;  // found on disk at the start, committed or not
  };
  [[nodiscard]] Progress progress() const noexcept;

  // --- control thread, when every lane has flushed and touches its sink no more.
  // complete: every chunk was ended -> commits, _run.json, _SUCCESS. Else (interrupted): all that
  // was handed over is synced and resumable. totals_json: an object, goes into _run.json as
  // "totals".
  [[nodiscard]] std::expected<void, OutputError> finish(bool complete,
                                                        std::string_view totals_json);

 private:
  friend class RowSink;
  struct Impl;
  explicit Output(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// One lane's way in. A row is one line: the lane appends it with its '\n' to buffer() and then
// calls row_done(); nothing else touches the block in between.
class RowSink {
 public:
  struct Impl;
  explicit RowSink(std::unique_ptr<Impl> impl);
  ~RowSink();
  RowSink(const RowSink&) = delete;
  RowSink& operator=(const RowSink&) = delete;

  [[nodiscard]] std::string& buffer(uint64_t chunk, Table table);
  // Questions of a name are numbered over both tables: its DNS types from 0 on, then registration.
  void row_done(uint64_t chunk, Table table, uint64_t seq, uint32_t question, RowStatus status);
  // The lookup has ended: all rows that this name lacked were done. Ordered runs need it; else
  // free.
  void name_done(uint64_t chunk, uint64_t seq);

  [[nodiscard]] bool full() const noexcept;  // the writer is behind: pull no new names
  // Nothing of the chunk is in flight here and no more names of it will be pulled: cut its block
  // now.
  void chunk_idle(uint64_t chunk);
  void tick(Instant now);  // once per turn: cuts blocks that get too old
  void flush();            // cuts all: end of the run, drain

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace zonesweep::engine
