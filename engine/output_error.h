// engine/output_error.h - the one line that says what happened to the output and what to do.
//
// Threads:    any.
#pragma once

#include <expected>
#include <functional>
#include <string>
#include <string_view>
#include <system_error>

#include "engine/output.h"
#include "io/folder.h"

namespace zonesweep::engine {

// "cannot write DIR/x: No space left on device; make room, then go on with --resume"
[[nodiscard]] OutputError disk_error(std::string_view operation, const std::string& path,
                                     std::errc why);
// "DIR/x: why; what to do"
[[nodiscard]] OutputError damage(const std::string& path, std::string_view why);

using Outcome = std::expected<void, OutputError>;

// One file operation after another; each asks OutputOptions::fault first.
class DiskSteps {
 public:
  using Fault = std::function<int(std::string_view operation, std::string_view path)>;
  explicit DiskSteps(Fault fault) : fault_(std::move(fault)) {}

  // `step` returns a FileResult<void>.
  template <typename Step>
  [[nodiscard]] Outcome run(std::string_view operation, const std::string& path,
                            Step&& step) const {
    if (const std::errc injected = injected_fault(operation, path); injected != std::errc{}) {
      return std::unexpected(disk_error(operation, path, injected));
    }
    const io::FileResult<void> result = step();
    if (!result) return std::unexpected(disk_error(operation, path, result.error()));
    return {};
  }

 private:
  [[nodiscard]] std::errc injected_fault(std::string_view operation,
                                         const std::string& path) const {
    return fault_ ? static_cast<std::errc>(fault_(operation, path)) : std::errc{};
  }
  Fault fault_;
};

// Writes `text` under `draft`, syncs it, and puts it in the place of `name`.
[[nodiscard]] Outcome replace_file(const DiskSteps& steps, const io::Folder& folder,
                                   const std::string& directory, const std::string& draft,
                                   const std::string& name, std::string_view text);

}  // namespace zonesweep::engine
