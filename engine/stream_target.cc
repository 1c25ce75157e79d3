#include "engine/stream_target.h"

#include <fmt/format.h>

namespace zonesweep::engine {
namespace {

constexpr auto kLook = std::chrono::milliseconds{100};  // how often an ending run is noticed

OutputError failed(std::string_view why) {
  return {OutputError::Kind::failed,
          fmt::format("cannot write standard output: {}; some rows are lost, and only a run into a "
                      "folder can be resumed",
                      why)};
}

}  // namespace

StreamTarget::StreamTarget(int fd, OutputQueue& queue, OutputCounters& counters)
    : out_(fd), queue_(queue), counters_(counters) {}

Outcome StreamTarget::write(const Frame& frame, uint64_t, const InputMarks&) {
  if (queue_.closed()) return {};
  const Outcome written = write_all(frame.bytes);
  if (!written || queue_.closed()) return written;
  counters_.rows.fetch_add(frame.rows, std::memory_order_relaxed);
  counters_.bytes.fetch_add(frame.bytes.size(), std::memory_order_relaxed);
  return {};
}

Outcome StreamTarget::write_all(std::string_view bytes) {
  while (!bytes.empty()) {
    if (!wait_for_reader()) {
      return std::unexpected(failed("its reader takes nothing"));
    }
    const auto count = out_.write_some(bytes);
    if (!count && count.error() == std::errc::broken_pipe) {
      queue_.close();
      return {};
    }
    if (!count) return std::unexpected(failed(std::make_error_code(count.error()).message()));
    bytes.remove_prefix(*count);
  }
  return {};
}

bool StreamTarget::wait_for_reader() {
  Duration waited{};
  while (!out_.wait(kLook)) {
    if (!queue_.ending()) continue;
    waited += kLook;
    if (waited >= limits::kGraceAtEnd) return false;
  }
  return true;
}

Outcome StreamTarget::commit(const CommittedChunk&) {
  counters_.chunks.fetch_add(1, std::memory_order_relaxed);
  return {};
}

Outcome StreamTarget::sync(Instant) { return {}; }

}  // namespace zonesweep::engine
