#include "io/folder.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <memory>

namespace zonesweep::io {
namespace {

constexpr mode_t kFolderMode = 0750;
constexpr mode_t kFileMode = 0640;

std::unexpected<std::errc> failure() { return std::unexpected(static_cast<std::errc>(errno)); }

FileResult<void> outcome(int result) {
  if (result != 0) return failure();
  return {};
}

bool make_one(const char* path) { return ::mkdir(path, kFolderMode) == 0 || errno == EEXIST; }

}  // namespace

Descriptor::~Descriptor() {
  if (fd_ >= 0) ::close(fd_);
}

FileResult<void> File::append(std::string_view bytes) {
  if (lost_) return std::unexpected(std::errc::io_error);
  while (!bytes.empty()) {
    const ssize_t count = ::write(fd_.get(), bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return failure();
    bytes.remove_prefix(static_cast<size_t>(count));
  }
  return {};
}

FileResult<size_t> read_at(const Descriptor& file, uint64_t offset, std::span<char> out) {
  size_t at = 0;
  while (at < out.size()) {
    const ssize_t count =
        ::pread(file.get(), out.data() + at, out.size() - at, static_cast<off_t>(offset + at));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return failure();
    if (count == 0) break;
    at += static_cast<size_t>(count);
  }
  return at;
}

FileResult<uint64_t> File::size() const {
  struct stat status {};
  if (::fstat(fd_.get(), &status) != 0) return failure();
  return static_cast<uint64_t>(status.st_size);
}

FileResult<void> File::truncate(uint64_t size) {
  return outcome(::ftruncate(fd_.get(), static_cast<off_t>(size)));
}

// A hint: of many files that are synced together, all are being written while the first is waited
// for. What fails here is said by the sync.
void File::begin_sync() const noexcept {
  (void)::sync_file_range(fd_.get(), 0, 0, SYNC_FILE_RANGE_WRITE);
}

// A second attempt would succeed over pages that the kernel has dropped: the first failure is
// final.
FileResult<void> File::sync_data() {
  if (lost_) return std::unexpected(std::errc::io_error);
  lost_ = ::fdatasync(fd_.get()) != 0;
  if (lost_) return failure();
  return {};
}

FileResult<void> File::sync() {
  if (lost_) return std::unexpected(std::errc::io_error);
  lost_ = ::fsync(fd_.get()) != 0;
  if (lost_) return failure();
  return {};
}

FileResult<bool> File::try_lock() {
  if (::flock(fd_.get(), LOCK_EX | LOCK_NB) == 0) return true;
  if (errno == EWOULDBLOCK || errno == EINTR) return false;
  return failure();
}

FileResult<Folder> Folder::make(const std::string& path) {
  for (size_t slash = path.find('/', 1); slash != std::string::npos;
       slash = path.find('/', slash + 1)) {
    if (!make_one(path.substr(0, slash).c_str())) return failure();
  }
  if (!make_one(path.c_str())) return failure();
  return open(path);
}

FileResult<Folder> Folder::open(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return failure();
  return Folder(Descriptor(fd));
}

FileResult<Folder> Folder::make_folder(const std::string& name) const {
  if (::mkdirat(fd_.get(), name.c_str(), kFolderMode) != 0 && errno != EEXIST) return failure();
  return open_folder(name);
}

FileResult<Folder> Folder::open_folder(const std::string& name) const {
  const int fd = ::openat(fd_.get(), name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0) return failure();
  return Folder(Descriptor(fd));
}

FileResult<File> Folder::open_with(const std::string& name, int flags) const {
  // O_NONBLOCK: a FIFO that stands where a file should is an error, not a wait.
  constexpr int kAlways = O_NOFOLLOW | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
  const int fd = ::openat(fd_.get(), name.c_str(), flags | kAlways, kFileMode);
  if (fd < 0) return failure();
  Descriptor owner(fd);
  struct stat status {};
  if (::fstat(fd, &status) != 0) return failure();
  if (!S_ISREG(status.st_mode)) return std::unexpected(std::errc::invalid_argument);
  return File(std::move(owner));
}

FileResult<File> Folder::create(const std::string& name) const {
  return open_with(name, O_RDWR | O_APPEND | O_CREAT | O_EXCL);
}

FileResult<File> Folder::open_append(const std::string& name) const {
  return open_with(name, O_RDWR | O_APPEND);
}

FileResult<File> Folder::open_read(const std::string& name) const {
  return open_with(name, O_RDONLY);
}

FileResult<File> Folder::open_or_create(const std::string& name) const {
  return open_with(name, O_RDWR | O_CREAT);
}

FileResult<void> Folder::rename(const std::string& from, const std::string& to) const {
  if (::renameat2(fd_.get(), from.c_str(), fd_.get(), to.c_str(), RENAME_NOREPLACE) == 0) return {};
  if (errno != EINVAL && errno != ENOSYS) return failure();
  // A file system without RENAME_NOREPLACE (NFS); the lock on the folder keeps others out.
  if (::faccessat(fd_.get(), to.c_str(), F_OK, AT_SYMLINK_NOFOLLOW) == 0) {
    return std::unexpected(std::errc::file_exists);
  }
  return replace(from, to);
}

FileResult<void> Folder::replace(const std::string& from, const std::string& to) const {
  return outcome(::renameat(fd_.get(), from.c_str(), fd_.get(), to.c_str()));
}

FileResult<void> Folder::remove(const std::string& name) const {
  return outcome(::unlinkat(fd_.get(), name.c_str(), 0));
}

FileResult<void> Folder::sync() const { return outcome(::fsync(fd_.get())); }

FileResult<std::vector<std::string>> Folder::names() const {
  const int fd = ::openat(fd_.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return failure();
  const std::unique_ptr<DIR, int (*)(DIR*)> listing(::fdopendir(fd), ::closedir);
  if (!listing) {
    ::close(fd);
    return failure();
  }
  std::vector<std::string> names;
  errno = 0;
  while (const dirent* entry = ::readdir(listing.get())) {
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
    errno = 0;
  }
  if (errno != 0) return failure();
  std::ranges::sort(names);
  return names;
}

FileResult<std::string> read_all(const File& file, uint64_t bytes_max) {
  const FileResult<uint64_t> size = file.size();
  if (!size) return std::unexpected(size.error());
  if (*size > bytes_max) return std::unexpected(std::errc::file_too_large);
  std::string bytes(*size, '\0');
  const FileResult<size_t> count = file.read_at(0, bytes);
  if (!count) return std::unexpected(count.error());
  bytes.resize(*count);
  return bytes;
}

}  // namespace zonesweep::io
