// Whatever the bytes and the pieces: the same text, the same verdict, no more room used than given.
#include <algorithm>
#include <cassert>
#include <string>

#include "protocols/zone/decompress.h"
#include "tests/fuzz/text_fuzz.h"

namespace {

constexpr size_t kMost = 1 << 22;  // of text: a bomb is not worth the time

struct Outcome {
  std::string text;
  bool good = false;
};

Outcome unpacked(zonesweep::zone::Compression compression, std::string_view packed, size_t piece,
                 size_t room_size) {
  const auto decompressor = zonesweep::zone::Decompressor::make(compression);
  std::string room(room_size, '\0');
  Outcome outcome;
  std::string_view left;
  while (outcome.text.size() < kMost) {
    const auto progress = decompressor->run(left, room);
    assert(progress.consumed <= left.size() && progress.produced <= room.size());
    left.remove_prefix(progress.consumed);
    outcome.text.append(room, 0, progress.produced);
    if (!progress.error.empty()) return outcome;
    if (progress.consumed != 0 || progress.produced != 0) continue;
    assert(left.empty());
    if (packed.empty()) {
      outcome.good = decompressor->complete();
      return outcome;
    }
    left = packed.substr(0, piece);
    packed.remove_prefix(left.size());
  }
  return outcome;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace zonesweep;
  const fuzz::Cut cut(data, size);
  const auto compression = zone::compression_of(cut.text);
  if (compression == zone::Compression::none) return 0;
  const Outcome whole = unpacked(compression, cut.text, SIZE_MAX, 65'536);
  const Outcome pieces = unpacked(compression, cut.text, cut.piece, 1 + cut.piece * 7);
  if (whole.text.size() >= kMost || pieces.text.size() >= kMost) return 0;
  assert(whole.good == pieces.good);
  assert(!whole.good || whole.text == pieces.text);
  return 0;
}
