#include "engine/input.h"

#include <sys/eventfd.h>
#include <sys/random.h>
#include <unistd.h>

#include <algorithm>
#include <optional>
#include <random>

#include "engine/input_file.h"
#include "protocols/zone/csv.h"
#include "protocols/zone/list.h"
#include "protocols/zone/sniff.h"
#include "protocols/zone/text_buffer.h"
#include "protocols/zone/zone_file.h"

namespace zonesweep::engine {
namespace {

// What a format is judged by; the same for every way in which a regular file may arrive.
constexpr size_t kSniffBytes = 64 * 1024;

std::optional<bool> header_of(CsvHeader header) {
  if (header == CsvHeader::automatic) return std::nullopt;
  return header == CsvHeader::yes;
}

// Who writes the zone must not be able to make two of its names look alike.
uint64_t random_key() {
  uint64_t key = 0;
  if (getrandom(&key, sizeof key, 0) != sizeof key) key = std::random_device{}();
  return key;
}

}  // namespace

std::string InputError::text() const {
  const std::string where = path == "-" ? "standard input" : path;
  if (line != 0) return where + ":" + std::to_string(line) + ": " + message;
  if (offset != 0) return where + ": " + message + " (at byte " + std::to_string(offset) + ")";
  return where + ": " + message;
}

class Input::State {
 public:
  State(std::vector<std::string> paths, InputOptions options)
      : paths_(std::move(paths)),
        options_(std::move(options)),
        stop_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}
  ~State() {
    if (stop_ >= 0) close(stop_);
  }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  std::optional<InputError> check();
  std::expected<bool, InputError> next(NameBlock& block, size_t names);
  void interrupt() const noexcept {
    const uint64_t one = 1;
    [[maybe_unused]] const auto n = write(stop_, &one, sizeof one);
  }
  uint64_t bytes_total() const noexcept { return bytes_total_; }
  uint64_t bytes_read() const noexcept;
  const InputCounts& counts() const noexcept { return total_; }

 private:
  std::expected<bool, InputError> open_next();
  std::expected<zone::Format, InputError> format() const;
  std::unique_ptr<zone::Parser> make_parser(zone::Format format) const;
  std::optional<InputError> pull(zone::Output& out, size_t first, bool& done);
  void close_file();
  void count();

  std::vector<std::string> paths_;
  InputOptions options_;
  int stop_;
  size_t next_path_ = 0;
  std::unique_ptr<InputFile> file_;
  std::unique_ptr<zone::Parser> parser_;
  zone::TextBuffer text_;
  uint64_t seq_ = 0;
  uint64_t bytes_total_ = 0;
  uint64_t bytes_before_ = 0;  // of the files that are done
  InputCounts before_;         // the same
  InputCounts total_;
  std::optional<InputError> read_failure_;  // waits until what was read before it is parsed
  std::optional<InputError> failure_;       // waits until what was parsed before it is handed out
};

std::optional<InputError> Input::State::check() {
  bool known = true;
  if (std::ranges::count(paths_, "-") > 1)
    return InputError{"-", 0, 0, "standard input can be read only once"};
  for (const std::string& path : paths_) {
    const auto size = InputFile::check(path);
    if (!size) return size.error();
    known = known && size->has_value();
    bytes_total_ += size->value_or(0);
  }
  if (!known) bytes_total_ = 0;
  return std::nullopt;
}

uint64_t Input::State::bytes_read() const noexcept {
  if (!file_) return bytes_before_;
  const uint64_t waiting = file_->compressed() ? 0 : text_.text().size();
  return bytes_before_ + file_->used() - std::min(waiting, file_->used());
}

std::expected<bool, InputError> Input::State::next(NameBlock& block, size_t names) {
  const size_t first = block.names.size();
  zone::Output out{block, first + names, seq_};
  bool done = false;
  while (!failure_ && !done && !out.full()) failure_ = pull(out, first, done);
  seq_ = out.seq;
  count();
  block.bytes_read = bytes_read();
  if (block.names.size() != first) return true;
  if (failure_) return std::unexpected(*failure_);
  return false;
}

// One step: opens a file, or parses what is there and reads more. `done` when there is nothing to
// wait for.
std::optional<InputError> Input::State::pull(zone::Output& out, size_t first, bool& done) {
  if (!file_) {
    const auto opened = open_next();
    if (!opened) return opened.error();
    done = !*opened;
    return std::nullopt;
  }
  const auto step = parser_->parse(text_, out);
  if (!step) return InputError{paths_[next_path_ - 1], step.error().line, 0, step.error().message};
  if (*step == zone::Step::ended) {
    close_file();
  } else if (*step == zone::Step::need_text) {
    if (read_failure_) return read_failure_;  // now that what stood before it is out
    done = out.block.names.size() != first && !file_->ready();
    if (!done) read_failure_ = file_->fill(text_);
    done = done || file_->interrupted();
  }
  return std::nullopt;
}

// False when there is no further file, or when interrupted.
std::expected<bool, InputError> Input::State::open_next() {
  if (next_path_ == paths_.size()) return false;
  auto file = InputFile::open(paths_[next_path_++], stop_);
  if (!file) return std::unexpected(file.error());
  file_ = std::move(*file);
  text_.reset();
  while (!read_failure_ && !text_.ended() && !file_->interrupted() &&
         text_.text().size() < kSniffBytes &&
         (file_->regular() || !zone::can_judge(text_.text()))) {
    read_failure_ = file_->fill(text_);
  }
  if (read_failure_ && text_.text().empty()) return std::unexpected(*read_failure_);
  const auto format = this->format();
  if (!format) return std::unexpected(format.error());
  parser_ = make_parser(*format);
  return !file_->interrupted();
}

std::expected<zone::Format, InputError> Input::State::format() const {
  const auto found = zone::format_of(text_.text().substr(0, kSniffBytes), text_.ended());
  if (!found)
    return std::unexpected(InputError{paths_[next_path_ - 1], 0, 0, std::string(found.error())});
  switch (options_.format) {
    case InputFormat::automatic: return options_.column.empty() ? *found : zone::Format::csv;
    case InputFormat::list: return zone::Format::list;
    case InputFormat::csv: return zone::Format::csv;
    case InputFormat::zone: return zone::Format::zone;
  }
  return *found;
}

std::unique_ptr<zone::Parser> Input::State::make_parser(zone::Format format) const {
  switch (format) {
    case zone::Format::list: return std::make_unique<zone::ListParser>();
    case zone::Format::csv:
      return std::make_unique<zone::CsvParser>(
          zone::CsvOptions{options_.column, header_of(options_.header)});
    case zone::Format::zone: break;
  }
  return std::make_unique<zone::ZoneParser>(
      zone::ZoneOptions{.origin = options_.origin, .key = random_key()});
}

void Input::State::close_file() {
  count();
  before_ = total_;
  bytes_before_ += file_->used();
  file_.reset();
  parser_.reset();
}

void Input::State::count() {
  if (!parser_) return;
  total_ = before_;
  total_ += parser_->counts();
}

std::expected<Input, InputError> Input::open(std::vector<std::string> paths, InputOptions options) {
  auto state = std::make_unique<State>(std::move(paths), std::move(options));
  if (auto failure = state->check()) return std::unexpected(std::move(*failure));
  return Input(std::move(state));
}

Input::Input(std::unique_ptr<State> state) : state_(std::move(state)) {}
Input::Input(Input&&) noexcept = default;
Input& Input::operator=(Input&&) noexcept = default;
Input::~Input() = default;

std::expected<bool, InputError> Input::next(NameBlock& block, size_t names) {
  return state_->next(block, names);
}
void Input::interrupt() noexcept { state_->interrupt(); }
uint64_t Input::bytes_total() const noexcept { return state_->bytes_total(); }
uint64_t Input::bytes_read() const noexcept { return state_->bytes_read(); }
const InputCounts& Input::counts() const noexcept { return state_->counts(); }

}  // namespace zonesweep::engine
