#include "tools/shards_folder.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <set>

namespace zonesweep::tools {
namespace {

using engine::Compression;
using engine::Layout;
using engine::ManifestFile;
using engine::ManifestLine;

constexpr uint64_t kManifestBytes = uint64_t{1} << 32;
constexpr std::string_view kPrefix = "_manifest";

std::string reason(std::errc why) { return std::make_error_code(why).message(); }

// "_manifest.ndjson" or "_manifest.I-of-N.ndjson".
std::optional<Layout> layout_of_manifest(const std::string& name) {
  if (!name.starts_with(kPrefix)) return {};
  Layout layout;
  if (name == layout.manifest()) return layout;
  const char* const end = name.data() + name.size();
  const auto index = std::from_chars(name.data() + kPrefix.size() + 1, end, layout.split_index);
  constexpr std::string_view kOf = "-of-";
  if (index.ec != std::errc{} || !std::string_view(index.ptr, end).starts_with(kOf)) return {};
  const auto count = std::from_chars(index.ptr + kOf.size(), end, layout.split_count);
  if (count.ec != std::errc{} || name != layout.manifest()) return {};
  return layout;
}

void take_lines(std::string_view text, Manifest& manifest, ShardsFolder& folder) {
  const std::string path = folder.directory + "/" + manifest.name;
  for (uint64_t number = 1; !text.empty(); ++number) {
    const size_t end = text.find('\n');
    if (end == std::string_view::npos) {
      folder.problems.push_back(fmt::format("{}: its last line is not complete", path));
      return;
    }
    auto line = engine::parse_manifest_line(text.substr(0, end));
    text.remove_prefix(end + 1);
    if (line) {
      manifest.lines.push_back(std::move(*line));
    } else {
      folder.problems.push_back(fmt::format("{}: line {} is damaged", path, number));
    }
  }
}

void note_repeated_chunks(ShardsFolder& folder) {
  std::set<uint64_t> seen;
  for (const ManifestLine* line : folder.chunks()) {
    if (seen.insert(line->chunk).second) continue;
    folder.problems.push_back(
        fmt::format("{}: chunk {} is in the manifests twice", folder.directory, line->chunk));
  }
}

}  // namespace

std::vector<const ManifestLine*> ShardsFolder::chunks() const {
  std::vector<const ManifestLine*> all;
  for (const Manifest& manifest : manifests) {
    for (const ManifestLine& line : manifest.lines) all.push_back(&line);
  }
  std::ranges::stable_sort(all, {}, &ManifestLine::chunk);
  return all;
}

std::expected<ShardsFolder, std::string> open_shards_folder(const std::string& directory) {
  ShardsFolder folder;
  folder.directory = directory;
  auto root = io::Folder::open(directory);
  if (!root) return std::unexpected(fmt::format("{}: {}", directory, reason(root.error())));
  folder.root = std::move(*root);
  const auto names = folder.root.names();
  if (!names) return std::unexpected(fmt::format("{}: {}", directory, reason(names.error())));
  bool begun = false;
  for (const std::string& name : *names) {
    begun = begun || name.starts_with(".state");
    const auto layout = layout_of_manifest(name);
    if (!layout) continue;
    const auto file = folder.root.open_read(name);
    const auto text = file ? io::read_all(*file, kManifestBytes)
                           : io::FileResult<std::string>(std::unexpected(file.error()));
    if (!text) {
      return std::unexpected(fmt::format("{}/{}: {}", directory, name, reason(text.error())));
    }
    take_lines(*text, folder.manifests.emplace_back(Manifest{name, *layout, {}}), folder);
  }
  if (folder.manifests.empty() && !begun) {
    return std::unexpected(
        fmt::format("{}: no output of zonesweep (no _manifest.ndjson)", directory));
  }
  note_repeated_chunks(folder);
  return folder;
}

Compression compression_of(const ManifestFile& file) {
  if (file.path.ends_with(".zst")) return Compression::zstd;
  return file.path.ends_with(".gz") ? Compression::gzip : Compression::none;
}

std::expected<io::File, std::string> open_shard(const ShardsFolder& folder,
                                                const ManifestLine& line,
                                                const ManifestFile& file) {
  const std::string name = Layout{compression_of(file), 0, 1}.part(line.chunk);
  const std::string table(engine::name_of(file.table));
  if (file.path != table + "/" + name) return std::unexpected("its path is none that we give");
  const auto below = folder.root.open_folder(table);
  if (!below) return std::unexpected(reason(below.error()));
  auto opened = below->open_read(name);
  if (!opened) return std::unexpected(reason(opened.error()));
  return std::move(*opened);
}

}  // namespace zonesweep::tools
