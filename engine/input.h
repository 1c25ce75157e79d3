// engine/input.h - files to names: opens, decompresses, recognises and parses, one file after
// another.
//
// Threads:    an Input belongs to the source thread; next() blocks in read(2). interrupt() may come
//             from any.
// Invariants: (1) the same files and options give the same names with the same seq, however the
//             bytes arrive; (2) everything that stands before an error is handed out before the
//             error is; (3) memory is fixed by the constants of the parsers, whatever the files
//             hold.
// Ownership:  names live in the caller's NameBlock; nothing points into the Input.
// Units:      positions are bytes of the files as stored (compressed).
// Errors:     InputError, final: after one, or after false, next() must not be called again.
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <vector>

#include "engine/names.h"
#include "protocols/zone/parser.h"

namespace zonesweep::engine {

enum class InputFormat : uint8_t { automatic, list, csv, zone };
enum class CsvHeader : uint8_t { automatic, yes, no };

struct InputOptions {
  InputFormat format = InputFormat::automatic;
  std::string column;  // CSV: header name, or number from 1; empty: guessed. Not empty implies CSV
                       // unless format says otherwise
  CsvHeader header = CsvHeader::automatic;
  std::string origin;  // zone files: the origin of relative names before the first $ORIGIN
};

struct InputError {
  std::string path;
  uint64_t line = 0;    // of the text, from 1; 0: not known
  uint64_t offset = 0;  // in the file as stored; 0: not known
  std::string message;  // what is wrong and what to do

  // "path:line: message", or "path: message at byte N"
  [[nodiscard]] std::string text() const;
};

using InputCounts = zone::Counts;

class Input {
 public:
  // Checks every path (exists, may be read, is no directory) before anything is read. "-" is
  // standard input.
  [[nodiscard]] static std::expected<Input, InputError> open(std::vector<std::string> paths,
                                                             InputOptions options);

  Input(Input&&) noexcept;
  Input& operator=(Input&&) noexcept;
  ~Input();

  // Appends up to `names` names and sets block.bytes_read. False: the input has ended and nothing
  // was appended. A pipe that pauses gives what is there rather than waiting for more.
  [[nodiscard]] std::expected<bool, InputError> next(NameBlock& block, size_t names);

  // Any thread: a next() that waits for a pipe, now or later, returns false instead.
  void interrupt() noexcept;

  [[nodiscard]] uint64_t bytes_total()
      const noexcept;  // of all files; 0 when one is not a regular file
  [[nodiscard]] uint64_t bytes_read() const noexcept;
  [[nodiscard]] const InputCounts& counts() const noexcept;

 private:
  class State;
  explicit Input(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace zonesweep::engine
