#include "engine/backends_file.h"

#include "io/folder.h"

namespace zonesweep::engine {
namespace {

constexpr uint64_t kBytesMax = 64 << 20;  // 32,768 backends with quotas need less

}  // namespace

std::string BackendsFile::read() const {
  if (directory_.empty()) return {};
  const auto folder = io::Folder::open(directory_);
  if (!folder) return {};
  const auto file = folder->open_read(layout_.backends());
  if (!file) return {};
  return io::read_all(*file, kBytesMax).value_or(std::string());
}

void BackendsFile::write(std::string_view text) {
  if (directory_.empty() || text == written_) return;
  written_ = text;
  const auto folder = io::Folder::open(directory_);
  if (!folder) return;
  (void)folder->remove(layout_.backends_draft());
  if (text.empty()) {
    (void)folder->remove(layout_.backends());
    return;
  }
  auto draft = folder->create(layout_.backends_draft());
  if (!draft || !draft->append(text) || !draft->sync_data()) return;
  (void)folder->replace(layout_.backends_draft(), layout_.backends());
}

}  // namespace zonesweep::engine
