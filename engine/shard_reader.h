// engine/shard_reader.h - a shard back to text, with every checksum on the way.
//
// Threads:    one at a time. Blocks.
// Invariants: text is given as it was written; damage or a cut end is an error, never a shorter
//             shard.
// Ownership:  what next() gives is lent until the next call.
// Errors:     a short reason, without the path.
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <string_view>

#include "engine/hasher.h"
#include "engine/output.h"
#include "io/folder.h"

namespace zonesweep::engine {

class ShardReader {
 public:
  ShardReader(io::File file, Compression compression);
  ~ShardReader();
  ShardReader(const ShardReader&) = delete;
  ShardReader& operator=(const ShardReader&) = delete;

  // The next piece of text, of any length; empty at the end of the shard.
  [[nodiscard]] std::expected<std::string_view, std::string> next();
  [[nodiscard]] uint64_t file_bytes() const noexcept { return offset_; }          // read so far
  [[nodiscard]] uint64_t file_hash() const noexcept { return hasher_.digest(); }  // of those

 private:
  struct Codec;
  [[nodiscard]] std::expected<bool, std::string> refill();  // false: end of the file

  io::File file_;
  uint64_t offset_ = 0;
  Hasher hasher_;
  std::string in_;
  std::string_view rest_;  // of in_
  std::string out_;
  std::unique_ptr<Codec> codec_;
};

}  // namespace zonesweep::engine
