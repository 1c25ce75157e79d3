// protocols/zone/text_buffer.h - a window on text that arrives in pieces.
//
// Who reads a source writes into room() and commits; a parser looks at text() and consumes whole
// lines from its front. What is left is moved to the front before the next piece, so that a line
// never lies in two places.
//
// Threads:    one.
// Invariants: (1) kTextPadding bytes after text() may be read, whatever they hold; (2) once
//             ended(), a text that is not empty ends in a newline.
// Ownership:  views of text() live until the next room() or finish().
#pragma once

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

namespace zonesweep::zone {

namespace limits {
// Vector code may read so far past the text: one 64-byte block, plus one for a load that starts in
// the last.
inline constexpr size_t kTextPadding = 128;
// One piece. It and the names that come of it stay in the second-level cache of a core.
inline constexpr size_t kTextPieceBytes = 256 * 1024;
// The longest thing that a parser must see in one piece: a master-file record. A record with 65,535
// octets of data, every one written as \DDD, takes 262,140 bytes; comments between parentheses add
// to that.
inline constexpr size_t kRecordBytes = 1024 * 1024;
}  // namespace limits

class TextBuffer {
 public:
  TextBuffer();

  // Free space behind the text, at least kTextPieceBytes or what is left of kRecordBytes. Empty:
  // the parser left more than kRecordBytes unconsumed.
  [[nodiscard]] std::span<char> room();
  void commit(size_t n) noexcept {
    assert(n <= kCapacity - end_);
    end_ += n;
  }
  // No more text will come.
  void finish();
  void reset() noexcept;

  [[nodiscard]] std::string_view text() const noexcept {
    return {bytes_.get() + begin_, end_ - begin_};
  }
  [[nodiscard]] bool ended() const noexcept { return ended_; }
  void consume(size_t n) noexcept {
    assert(n <= end_ - begin_);
    begin_ += n;
  }

 private:
  static constexpr size_t kCapacity = limits::kRecordBytes + limits::kTextPieceBytes;

  std::unique_ptr<char[]> bytes_;
  size_t begin_ = 0;
  size_t end_ = 0;
  bool ended_ = false;
};

}  // namespace zonesweep::zone
