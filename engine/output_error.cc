#include "engine/output_error.h"

#include <fmt/format.h>

namespace zonesweep::engine {
namespace {

std::string_view advice(std::errc why) {
  switch (static_cast<int>(why)) {
    case ENOSPC: return "make room, then go on with --resume";
    case EDQUOT: return "raise the quota or make room, then go on with --resume";
    case EFBIG: return "raise the limit on file sizes (ulimit -f), then go on with --resume";
    case EROFS: return "make the file system writable, then go on with --resume";
    case EACCES:
    case EPERM: return "see to the permissions, then start again";
    case EEXIST: return "something else made it; move it away, then go on with --resume";
    case EMFILE:
    case ENFILE: return "raise the limit on open files (ulimit -n), then go on with --resume";
    case EIO: return "see to the disk (dmesg), then go on with --resume";
    default: return "remove the cause, then go on with --resume";
  }
}

}  // namespace

OutputError disk_error(std::string_view operation, const std::string& path, std::errc why) {
  return {OutputError::Kind::failed, fmt::format("cannot {} {}: {}; {}", operation, path,
                                                 std::make_error_code(why).message(), advice(why))};
}

OutputError damage(const std::string& path, std::string_view why) {
  return {OutputError::Kind::state, fmt::format("{}: {}", path, why)};
}

Outcome replace_file(const DiskSteps& steps, const io::Folder& folder, const std::string& directory,
                     const std::string& draft, const std::string& name, std::string_view text) {
  const std::string path = directory + "/" + name;
  const Outcome written = steps.run("write", path, [&]() -> io::FileResult<void> {
    const auto removed = folder.remove(draft);
    if (!removed && removed.error() != std::errc::no_such_file_or_directory) return removed;
    auto file = folder.create(draft);
    if (!file) return std::unexpected(file.error());
    const auto appended = file->append(text);
    return appended ? file->sync() : appended;
  });
  if (!written) return written;
  const Outcome renamed = steps.run("rename", path, [&] { return folder.replace(draft, name); });
  if (!renamed) return renamed;
  return steps.run("sync folder", directory, [&] { return folder.sync(); });
}

}  // namespace zonesweep::engine
