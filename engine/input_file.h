// engine/input_file.h - one input file, or standard input, as pieces of decompressed text.
//
// Threads:    the source thread.
// Ownership:  owns its descriptor, except standard input's.
// Errors:     InputError; the text before it is already in the buffer.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/input.h"
#include "protocols/zone/decompress.h"
#include "protocols/zone/text_buffer.h"

namespace zonesweep::engine {

namespace limits {
inline constexpr size_t kReadBytes =
    256 * 1024;  // one read(2); the second-level cache holds it and a piece of text
}

class InputFile {
 public:
  // `path` exists, may be read and is no directory. Size in bytes; nothing for pipes and devices.
  [[nodiscard]] static std::expected<std::optional<uint64_t>, InputError> check(
      const std::string& path);

  // `stop` becomes readable when waiting is to end; -1: never.
  [[nodiscard]] static std::expected<std::unique_ptr<InputFile>, InputError> open(
      const std::string& path, int stop);
  ~InputFile();
  InputFile(const InputFile&) = delete;
  InputFile& operator=(const InputFile&) = delete;

  // Appends a piece of text, or finishes the buffer at the end of the file.
  [[nodiscard]] std::optional<InputError> fill(zone::TextBuffer& text);

  [[nodiscard]] bool regular() const noexcept { return regular_; }
  // False when fill() would have to wait for a pipe.
  [[nodiscard]] bool ready() const;
  [[nodiscard]] bool interrupted() const noexcept { return interrupted_; }
  // Bytes of the file that have gone into text.
  [[nodiscard]] uint64_t used() const noexcept { return read_ - (raw_end_ - raw_begin_); }
  [[nodiscard]] bool compressed() const noexcept { return decompressor_ != nullptr; }
  [[nodiscard]] InputError error(std::string message) const {
    return {path_, 0, used(), std::move(message)};
  }

 private:
  InputFile(std::string path, int fd, int stop);

  [[nodiscard]] std::optional<InputError> begin();
  [[nodiscard]] std::expected<size_t, InputError> read_some(std::span<char> room);
  [[nodiscard]] std::optional<InputError> inflate(zone::TextBuffer& text);
  [[nodiscard]] bool wait();

  std::string path_;
  int fd_;
  int stop_;
  bool regular_ = false;
  bool begun_ = false;
  bool ended_ = false;
  bool interrupted_ = false;
  uint64_t read_ = 0;
  std::unique_ptr<zone::Decompressor> decompressor_;
  std::unique_ptr<char[]> raw_;  // [raw_begin_, raw_end_) is read and not yet used
  size_t raw_begin_ = 0;
  size_t raw_end_ = 0;
};

}  // namespace zonesweep::engine
