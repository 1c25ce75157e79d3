// io/spool_file.h - a file without a name, for what does not fit into memory; gone with the process.
//
// Threads:    one at a time. Calls block: on what is in the page cache, for microseconds.
// Invariants: nothing is synced; a process that is killed leaves nothing behind.
// Ownership:  owns its descriptor.
// Errors:     std::errc, as errno said. What was written may be lost all the same when the disk
//             fails later: who reads checks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "io/folder.h"

namespace zonesweep::io {

class SpoolFile {
 public:
  SpoolFile() = default;
  [[nodiscard]] static FileResult<SpoolFile> make(const std::string& directory);

  [[nodiscard]] bool is_open() const noexcept { return fd_.get() >= 0; }
  [[nodiscard]] FileResult<void> write_at(uint64_t offset, std::span<const char> bytes);
  // Fewer bytes than asked only at the end of the file.
  [[nodiscard]] FileResult<size_t> read_at(uint64_t offset, std::span<char> out) const;

 private:
  explicit SpoolFile(Descriptor fd) noexcept : fd_(std::move(fd)) {}
  Descriptor fd_;
};

}  // namespace zonesweep::io
