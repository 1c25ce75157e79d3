// protocols/zone/decompress.h - gzip and zstd as streams of pieces.
//
// Threads:    one per object.
// Invariants: memory does not depend on the data: gzip needs 32 KiB of history, zstd at most
//             kZstdWindowLog.
// Errors:     a message; what came before it is valid and has been handed out.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

namespace zonesweep::zone {

enum class Compression : uint8_t { none, gzip, zstd };

namespace limits {
inline constexpr int kZstdWindowLog = 27;  // 128 MiB: what `zstd` itself accepts without --long
// The magic numbers, and the longest gap between them that a member needs: a gzip header is at
// least 10 bytes.
inline constexpr size_t kMagicBytes = 4;
}  // namespace limits

// By magic number; `front` holds kMagicBytes or the whole input.
[[nodiscard]] Compression compression_of(std::string_view front) noexcept;

class Decompressor {
 public:
  struct Progress {
    size_t consumed = 0;
    size_t produced = 0;
    std::string_view error{};  // final; what was produced before it is to be used
  };

  virtual ~Decompressor() = default;
  // Consumes and produces what it can; neither means that it wants more of one of them.
  [[nodiscard]] virtual Progress run(std::span<const char> in, std::span<char> out) = 0;
  // True where the input may end: between members or frames.
  [[nodiscard]] virtual bool complete() const noexcept = 0;

  [[nodiscard]] static std::unique_ptr<Decompressor> make(
      Compression compression);  // nullptr for none
};

}  // namespace zonesweep::zone
