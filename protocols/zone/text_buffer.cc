#include "protocols/zone/text_buffer.h"

#include <algorithm>
#include <cstring>

namespace zonesweep::zone {

// One byte more than the capacity for the newline that finish() may add.
TextBuffer::TextBuffer()
    : bytes_(std::make_unique_for_overwrite<char[]>(kCapacity + 1 + limits::kTextPadding)) {}

std::span<char> TextBuffer::room() {
  if (begin_ != 0) {
    std::memmove(bytes_.get(), bytes_.get() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  return {bytes_.get() + end_, std::min(limits::kTextPieceBytes, kCapacity - end_)};
}

void TextBuffer::finish() {
  ended_ = true;
  if (begin_ != end_ && bytes_[end_ - 1] != '\n') bytes_[end_++] = '\n';
}

void TextBuffer::reset() noexcept {
  begin_ = end_ = 0;
  ended_ = false;
}

}  // namespace zonesweep::zone
