#include "tools/loopback/question_log.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <iterator>

namespace zonesweep::loopback {
namespace {
constexpr size_t kFlushBytes = 256 * 1024;
}

QuestionLog::~QuestionLog() {
  flush();
  if (fd_ >= 0) ::close(fd_);
}

std::expected<void, std::string> QuestionLog::open(const std::string& path, bool fresh) {
  fd_ =
      ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | (fresh ? O_TRUNC : 0), 0644);
  if (fd_ < 0) return std::unexpected(std::string{std::strerror(errno)});
  lines_.reserve(2 * kFlushBytes);
  return {};
}

void QuestionLog::add(std::chrono::nanoseconds at, bool over_tcp, uint16_t port,
                      const Question& question, size_t messages) {
  fmt::format_to(std::back_inserter(lines_), FMT_STRING("{}.{:06}\t{}\t{}\t{}\t{}\t{}\t{}\n"),
                 at.count() / 1'000'000'000, at.count() / 1'000 % 1'000'000, over_tcp ? 'T' : 'U',
                 port, question.id, question.type, question.name(), messages);
  if (lines_.size() >= kFlushBytes) flush();
}

void QuestionLog::flush() {
  if (fd_ < 0 || lines_.empty()) return;
  const ssize_t written = ::write(fd_, lines_.data(), lines_.size());
  const size_t done = written < 0 ? 0 : static_cast<size_t>(written);
  lost_bytes_ += lines_.size() - done;
  lines_.clear();
}

}  // namespace zonesweep::loopback
