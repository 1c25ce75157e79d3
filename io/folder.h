// io/folder.h - files by name under an open folder, with plain blocking calls.
//
// Threads:    one at a time for each object. Calls block: no lane may make them.
// Invariants: (1) names are single components, no symbolic link is followed, nothing that exists is
//             overwritten; (2) append() writes all or fails; what a failed one left behind is the
//             caller's to cut off.
// Ownership:  a File and a Folder own their descriptors; the lock of a File goes with it.
// Errors:     std::errc, as errno said. A failed sync is final: the kernel may have dropped the
//             pages and would say yes the next time (fsyncgate); append() and sync() refuse then.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <expected>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace zonesweep::io {

template <typename T>
using FileResult = std::expected<T, std::errc>;

class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int fd) noexcept : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Descriptor();
  [[nodiscard]] int get() const noexcept { return fd_; }

 private:
  int fd_ = -1;
};

// Fills `out` from `offset`; fewer bytes than asked only at the end of the file.
[[nodiscard]] FileResult<size_t> read_at(const Descriptor& file, uint64_t offset,
                                         std::span<char> out);

class File {
 public:
  File() = default;
  explicit File(Descriptor fd) noexcept : fd_(std::move(fd)) {}

  [[nodiscard]] bool is_open() const noexcept { return fd_.get() >= 0; }
  [[nodiscard]] FileResult<void> append(std::string_view bytes);
  [[nodiscard]] FileResult<size_t> read_at(uint64_t offset, std::span<char> out) const {
    return io::read_at(fd_, offset, out);
  }
  [[nodiscard]] FileResult<uint64_t> size() const;
  [[nodiscard]] FileResult<void> truncate(uint64_t size);
  void begin_sync() const noexcept;            // starts the writing that a sync would wait for
  [[nodiscard]] FileResult<void> sync_data();  // fdatasync
  [[nodiscard]] FileResult<void> sync();       // fsync
  // False: another open description holds the lock. It ends with this object or the process.
  [[nodiscard]] FileResult<bool> try_lock();

 private:
  Descriptor fd_;
  bool lost_ = false;  // a sync has failed
};

class Folder {
 public:
  Folder() = default;

  // Makes the folder (0750) and its parents where they are missing.
  [[nodiscard]] static FileResult<Folder> make(const std::string& path);
  [[nodiscard]] static FileResult<Folder> open(const std::string& path);
  [[nodiscard]] FileResult<Folder> make_folder(const std::string& name) const;
  [[nodiscard]] FileResult<Folder> open_folder(const std::string& name) const;

  [[nodiscard]] bool is_open() const noexcept { return fd_.get() >= 0; }
  [[nodiscard]] FileResult<File> create(const std::string& name) const;  // new, 0640, for append
  [[nodiscard]] FileResult<File> open_append(const std::string& name) const;
  [[nodiscard]] FileResult<File> open_read(const std::string& name) const;  // regular files only
  [[nodiscard]] FileResult<File> open_or_create(const std::string& name) const;  // lock files
  [[nodiscard]] FileResult<void> rename(const std::string& from, const std::string& to) const;
  [[nodiscard]] FileResult<void> replace(const std::string& from, const std::string& to) const;
  [[nodiscard]] FileResult<void> remove(const std::string& name) const;
  [[nodiscard]] FileResult<void> sync() const;
  [[nodiscard]] FileResult<std::vector<std::string>> names() const;  // sorted, without . and ..

 private:
  explicit Folder(Descriptor fd) noexcept : fd_(std::move(fd)) {}
  [[nodiscard]] FileResult<File> open_with(const std::string& name, int flags) const;
  Descriptor fd_;
};

// The whole of a small file; more than bytes_max says std::errc::file_too_large.
[[nodiscard]] FileResult<std::string> read_all(const File& file, uint64_t bytes_max);

}  // namespace zonesweep::io
