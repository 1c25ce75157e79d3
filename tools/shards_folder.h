// tools/shards_folder.h - an output folder as its manifests tell it.
//
// Threads:    one.
// Errors:     problems, one line each, name the file first.
#pragma once

#include <expected>
#include <optional>
#include <string>
#include <vector>

#include "engine/layout.h"
#include "engine/manifest.h"
#include "io/folder.h"

namespace zonesweep::tools {

struct Manifest {
  std::string name;       // of the file
  engine::Layout layout;  // its split; the compression is that of its shards
  std::vector<engine::ManifestLine> lines;
};

struct ShardsFolder {
  std::string directory;
  io::Folder root;
  std::vector<Manifest> manifests;
  std::vector<std::string> problems;  // lines that cannot be believed, chunks named twice

  // Of all manifests, by chunk.
  [[nodiscard]] std::vector<const engine::ManifestLine*> chunks() const;
};

// An error when the folder cannot be read, or holds no run.
[[nodiscard]] std::expected<ShardsFolder, std::string> open_shards_folder(
    const std::string& directory);

[[nodiscard]] engine::Compression compression_of(const engine::ManifestFile& file);
// Nothing, with the reason, when the path is none of ours or the file cannot be opened.
[[nodiscard]] std::expected<io::File, std::string> open_shard(const ShardsFolder& folder,
                                                              const engine::ManifestLine& line,
                                                              const engine::ManifestFile& file);

}  // namespace zonesweep::tools
