#include "protocols/zone/decompress.h"

#include <gtest/gtest.h>

#include "tests/protocols/zone/compress.h"

namespace zonesweep::zone {
namespace {

using testing::gzip;
using testing::text_like;
using testing::zstd;
using testing::zstd_skippable;

struct Unpacked {
  std::string text;
  std::string error;
  friend bool operator==(const Unpacked&, const Unpacked&) = default;
};

// In pieces of `in` bytes into room of `out` bytes, as a reader of a file does it.
Unpacked unpack(std::string_view packed, size_t in, size_t out) {
  Unpacked result;
  const auto decompressor = Decompressor::make(compression_of(packed));
  std::string room(out, '\0');
  size_t given = 0;
  std::string_view left;
  while (true) {
    const auto progress = decompressor->run(left, room);
    left.remove_prefix(progress.consumed);
    result.text.append(room, 0, progress.produced);
    if (!progress.error.empty()) {
      result.error = progress.error;
      return result;
    }
    if (progress.consumed != 0 || progress.produced != 0) continue;
    EXPECT_TRUE(left.empty());
    if (given == packed.size()) break;
    left = packed.substr(given, in);
    given += left.size();
  }
  if (!decompressor->complete()) result.error = "truncated";
  return result;
}

TEST(Decompress, recognises_gzip_zstd_and_skippable_frames_by_their_magic) {
  EXPECT_EQ(compression_of(gzip("x")), Compression::gzip);
  EXPECT_EQ(compression_of(zstd("x")), Compression::zstd);
  EXPECT_EQ(compression_of(zstd_skippable("index")), Compression::zstd);
  EXPECT_EQ(compression_of("example.com\n"), Compression::none);
  EXPECT_EQ(compression_of(""), Compression::none);
}

TEST(Decompress, gives_the_same_text_whatever_the_pieces) {
  const std::string text = text_like(100'000, 1);
  for (const std::string& packed : {gzip(text), zstd(text)}) {
    for (const size_t in :
         {size_t{1}, size_t{2}, size_t{7}, size_t{64}, size_t{4'096}, packed.size()}) {
      for (const size_t out : {size_t{1}, size_t{100}, size_t{65'536}}) {
        EXPECT_EQ(unpack(packed, in, out), (Unpacked{text, ""})) << in << ' ' << out;
      }
    }
  }
}

TEST(Decompress, reads_many_members_and_many_frames) {
  std::string text;
  std::string members;
  std::string frames = zstd_skippable("first");
  for (uint32_t i = 0; i < 60; ++i) {
    const std::string part = text_like(i * 37, i);
    text += part;
    members += gzip(part, i % 2 != 0);
    frames += zstd(part) + zstd_skippable("between");
  }
  for (const size_t in : {size_t{1}, size_t{3}, size_t{13}, size_t{1'000}, size_t{1} << 20}) {
    EXPECT_EQ(unpack(members, in, 4'096), (Unpacked{text, ""})) << in;
    EXPECT_EQ(unpack(frames, in, 4'096), (Unpacked{text, ""})) << in;
  }
}

TEST(Decompress, accepts_zeros_behind_the_last_gzip_member_and_nothing_else) {
  const std::string packed = gzip("example.com\n");
  EXPECT_EQ(unpack(packed + std::string(1'000, '\0'), 64, 4'096), (Unpacked{"example.com\n", ""}));
  for (const std::string_view junk : {"x", "junk junk junk"}) {
    const auto result = unpack(packed + std::string(2, '\0') + std::string(junk), 64, 4'096);
    EXPECT_EQ(result,
              (Unpacked{"example.com\n", "unexpected data after the end of the gzip data"}));
  }
  EXPECT_EQ(unpack(packed + "example.org\n", 64, 4'096).error,
            "unexpected data after the end of the gzip data");
  EXPECT_EQ(unpack(zstd("a\n") + "example.org\n", 64, 4'096).error,
            "unexpected data after the end of the zstd data");
}

TEST(Decompress, every_cut_is_truncated_and_loses_nothing_that_was_there) {
  const std::string text = text_like(3'000, 3);
  for (const std::string& packed :
       {gzip(text) + gzip(text, true), zstd(text) + zstd_skippable("end") + zstd(text)}) {
    const std::string whole = text + text;
    for (size_t size = limits::kMagicBytes; size < packed.size(); ++size) {
      const auto result = unpack(packed.substr(0, size), 512, 4'096);
      EXPECT_EQ(result.text, whole.substr(0, result.text.size()));
      // It may end only between two members or frames.
      EXPECT_TRUE(!result.error.empty() || result.text == text) << size;
    }
  }
}

TEST(Decompress, every_flipped_bit_is_an_error_or_changes_nothing) {
  const std::string text = text_like(400, 4);
  for (const std::string& packed : {gzip(text), zstd(text)}) {
    size_t unnoticed = 0;
    for (size_t bit = 32; bit < packed.size() * 8; ++bit) {
      std::string damaged = packed;
      damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ 1 << bit % 8);
      const auto result = unpack(damaged, 64, 4'096);
      if (result.error.empty()) {
        EXPECT_EQ(result.text, text) << bit;
        ++unnoticed;
      }
    }
    EXPECT_LT(unnoticed, 8u * 8u);  // time, flags and system of the gzip header
  }
}

TEST(Decompress, refuses_a_zstd_window_over_128_MiB) {
  const auto result = unpack(testing::zstd_window(28), 64, 4'096);
  EXPECT_TRUE(result.error.starts_with("zstd window over 128 MiB")) << result.error;
  EXPECT_EQ(unpack(testing::zstd_window(27), 64, 4'096).error, "");
}

}  // namespace
}  // namespace zonesweep::zone
