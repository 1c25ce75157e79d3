#include "engine/input_file.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <cerrno>
#include <cstring>
#include <system_error>

namespace zonesweep::engine {
namespace {

bool is_stdin(const std::string& path) { return path == "-"; }

std::string why(int error) { return std::generic_category().message(error); }

InputError cannot(const std::string& path, const char* what, int error) {
  return {path, 0, 0, std::string("cannot ") + what + ": " + why(error)};
}

// What may be read as text: files, pipes and terminals.
std::string refusal(mode_t mode) {
  if (S_ISDIR(mode)) return "is a directory; name the files in it";
  if (S_ISSOCK(mode)) return "is a socket";
  if (S_ISBLK(mode)) return "is a disk, not a file of names";
  return {};
}

}  // namespace

std::expected<std::optional<uint64_t>, InputError> InputFile::check(const std::string& path) {
  struct stat status {};
  const int result = is_stdin(path) ? fstat(STDIN_FILENO, &status) : stat(path.c_str(), &status);
  if (result != 0) return std::unexpected(cannot(path, "open", errno));
  // A shell may hand over a socket as standard input.
  if (std::string refused = refusal(status.st_mode);
      !refused.empty() && !(is_stdin(path) && S_ISSOCK(status.st_mode))) {
    return std::unexpected(InputError{path, 0, 0, std::move(refused)});
  }
  // Opening a FIFO here and again later would lose its writer.
  if (!is_stdin(path) && !S_ISFIFO(status.st_mode)) {
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0) return std::unexpected(cannot(path, "open", errno));
    close(fd);
  }
  if (!S_ISREG(status.st_mode)) return std::nullopt;
  const off_t at = is_stdin(path) ? std::max<off_t>(0, lseek(STDIN_FILENO, 0, SEEK_CUR)) : 0;
  return static_cast<uint64_t>(std::max<off_t>(0, status.st_size - at));
}

std::expected<std::unique_ptr<InputFile>, InputError> InputFile::open(const std::string& path,
                                                                      int stop) {
  const int fd =
      is_stdin(path) ? STDIN_FILENO : ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY);
  if (fd < 0) return std::unexpected(cannot(path, "open", errno));
  std::unique_ptr<InputFile> file(new InputFile(path, fd, stop));
  struct stat status {};
  if (fstat(fd, &status) != 0) return std::unexpected(cannot(path, "open", errno));
  file->regular_ = S_ISREG(status.st_mode);
  if (file->regular_) posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
  return file;
}

InputFile::InputFile(std::string path, int fd, int stop)
    : path_(std::move(path)),
      fd_(fd),
      stop_(stop),
      raw_(std::make_unique_for_overwrite<char[]>(limits::kReadBytes)) {}

InputFile::~InputFile() {
  if (!is_stdin(path_)) close(fd_);
}

bool InputFile::ready() const {
  if (regular_ || raw_begin_ != raw_end_) return true;
  pollfd poller{fd_, POLLIN, 0};
  return poll(&poller, 1, 0) != 0;
}

// False when the wait was interrupted.
bool InputFile::wait() {
  if (regular_ || stop_ < 0) return true;
  std::array<pollfd, 2> pollers{{{fd_, POLLIN, 0}, {stop_, POLLIN, 0}}};
  while (poll(pollers.data(), pollers.size(), -1) < 0 && errno == EINTR) {
  }
  return pollers[1].revents == 0;
}

// 0 at the end of the file, and when interrupted.
std::expected<size_t, InputError> InputFile::read_some(std::span<char> room) {
  while (true) {
    if (!wait()) {
      interrupted_ = true;
      return 0;
    }
    const ssize_t n = read(fd_, room.data(), room.size());
    if (n >= 0) {
      read_ += static_cast<uint64_t>(n);
      return static_cast<size_t>(n);
    }
    if (errno == EAGAIN && stop_ < 0) {
      pollfd poller{fd_, POLLIN, 0};
      poll(&poller, 1, -1);
    } else if (errno != EINTR && errno != EAGAIN) {
      InputError failure = cannot(path_, "read", errno);
      failure.offset = read_;
      return std::unexpected(std::move(failure));
    }
  }
}

// Reads enough to see the magic number.
std::optional<InputError> InputFile::begin() {
  while (raw_end_ < zone::limits::kMagicBytes && !ended_ && !interrupted_) {
    const auto n = read_some({raw_.get() + raw_end_, limits::kReadBytes - raw_end_});
    if (!n) return n.error();
    ended_ = *n == 0;
    raw_end_ += *n;
  }
  decompressor_ = zone::Decompressor::make(zone::compression_of({raw_.get(), raw_end_}));
  begun_ = true;
  return std::nullopt;
}

std::optional<InputError> InputFile::fill(zone::TextBuffer& text) {
  if (!begun_) {
    if (auto failure = begin()) return failure;
  }
  if (decompressor_) return inflate(text);
  const std::span<char> room = text.room();
  assert(!room.empty());  // a parser never leaves more than kRecordBytes
  size_t n = std::min(room.size(), raw_end_ - raw_begin_);
  if (n != 0) {
    std::memcpy(room.data(), raw_.get() + raw_begin_, n);
    raw_begin_ += n;
  } else if (!ended_) {
    const auto got = read_some(room);
    if (!got) return got.error();
    n = *got;
  }
  text.commit(n);
  if (n == 0 && !interrupted_) text.finish();
  return std::nullopt;
}

std::optional<InputError> InputFile::inflate(zone::TextBuffer& text) {
  const std::span<char> room = text.room();
  while (true) {
    const zone::Decompressor::Progress progress =
        decompressor_->run({raw_.get() + raw_begin_, raw_end_ - raw_begin_}, room);
    raw_begin_ += progress.consumed;
    text.commit(progress.produced);
    if (!progress.error.empty()) return error(std::string(progress.error));
    if (progress.produced != 0) return std::nullopt;
    if (progress.consumed != 0) continue;
    if (ended_) break;
    const auto n = read_some({raw_.get(), limits::kReadBytes});
    if (!n) return n.error();
    if (interrupted_) return std::nullopt;
    ended_ = *n == 0;
    raw_begin_ = 0;
    raw_end_ = *n;
  }
  if (!decompressor_->complete()) return error("the compressed data is truncated");
  text.finish();
  return std::nullopt;
}

}  // namespace zonesweep::engine
