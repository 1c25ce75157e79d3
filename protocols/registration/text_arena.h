// protocols/registration/text_arena.h - memory for the texts of one answer.
//
// Threads:    none; one arena per parser.
// Invariants: what store() and room() return stays put until clear().
// Ownership:  the arena owns its blocks and keeps them: a parser in its steady state allocates
//             nothing.
// Units:      sizes are bytes.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

namespace zonesweep::registration {

class TextArena {
 public:
  // Room for `size` bytes, not initialised.
  [[nodiscard]] std::span<char> room(size_t size);
  [[nodiscard]] std::string_view store(std::string_view text);
  [[nodiscard]] std::string_view store_lower(std::string_view text);  // ASCII letters only
  void clear() noexcept;

 private:
  struct Block {
    std::unique_ptr<char[]> bytes;
    size_t size = 0;
  };
  std::vector<Block> blocks_;
  size_t block_ = 0;  // the one in use
  size_t at_ = 0;     // its first free byte
};

}  // namespace zonesweep::registration
