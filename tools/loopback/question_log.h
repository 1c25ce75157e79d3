// tools/loopback/question_log.h - one line for each question that arrived, for tests that count at
// the server: seconds, U or T, the client's port (0 over TCP), id, type, name, how many messages
// were sent.
//
// Threads:    one per log; several append to one file, whole lines at a time.
// Errors:     open() says why; a later failed write drops lines and is counted.
#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <string>

#include "tools/loopback/question.h"

namespace zonesweep::loopback {

class QuestionLog {
 public:
  QuestionLog() = default;  // writes nothing
  QuestionLog(const QuestionLog&) = delete;
  QuestionLog& operator=(const QuestionLog&) = delete;
  ~QuestionLog();

  // Empties the file if `fresh`. The error is errno's text.
  [[nodiscard]] std::expected<void, std::string> open(const std::string& path, bool fresh);
  [[nodiscard]] bool on() const { return fd_ >= 0; }

  void add(std::chrono::nanoseconds at, bool over_tcp, uint16_t port, const Question& question,
           size_t messages);
  void flush();
  [[nodiscard]] uint64_t lost_bytes() const { return lost_bytes_; }

 private:
  int fd_ = -1;
  std::string lines_;
  uint64_t lost_bytes_ = 0;
};

}  // namespace zonesweep::loopback
