#include "protocols/zone/scan.h"

#include <gtest/gtest.h>

#include <cstring>
#include <random>
#include <vector>

namespace zonesweep::zone {
namespace {

Classes some_classes(bool rest_is_special) {
  Classes classes{};
  classes.low.fill(0xff);
  for (size_t i = 0; i < 16; ++i) {
    classes.low[i] = static_cast<uint8_t>(i * 37 + 1);
    classes.high[i] = static_cast<uint8_t>(i * 91 + 7);
  }
  classes.newline = 0x0c;
  classes.blank = 0x41;
  classes.ordinary_or_special = 0xb2;
  classes.rest_is_special = rest_is_special;
  return classes;
}

bool equal(const Masks& a, const Masks& b) {
  return a.newline == b.newline && a.blank == b.blank && a.special == b.special && a.dot == b.dot;
}

TEST(Scan, the_fast_and_the_portable_way_agree_on_every_byte_at_every_place) {
  for (const bool rest : {false, true}) {
    const Classes classes = some_classes(rest);
    std::vector<char> text(64 * 256);
    for (size_t i = 0; i < text.size(); ++i) text[i] = static_cast<char>(i / 64 + i % 64);
    std::vector<Masks> fast(256);
    std::vector<Masks> slow(256);
    best_classify()(text.data(), 256, classes, fast.data());
    classify_portable(text.data(), 256, classes, slow.data());
    for (size_t i = 0; i < 256; ++i) EXPECT_TRUE(equal(fast[i], slow[i])) << i;
  }
}

TEST(Scan, a_window_shows_the_64_bytes_from_where_it_is_asked) {
  const Classes classes = some_classes(false);
  std::mt19937 random(1);
  std::vector<char> text(40'000 + 128);
  for (char& c : text) c = static_cast<char>(random());
  const char* const end = text.data() + 40'000;
  MaskWindow window(classes, best_classify());
  for (const char* at = text.data(); at < end; at += random() % 200) {
    window.seek(at, end);
    Masks want;
    std::vector<char> block(64);
    std::memcpy(block.data(), at, 64);
    classify_portable(block.data(), 1, classes, &want);
    const auto known = static_cast<size_t>(end - at);
    const Masks got = window.at(at);
    const uint64_t keep = known >= 64 ? ~uint64_t{0} : below(static_cast<unsigned>(known));
    EXPECT_EQ(got.newline & keep, want.newline & keep);
    EXPECT_EQ(got.special & keep, want.special & keep);
    EXPECT_EQ(got.blank & keep, want.blank & keep);
    EXPECT_EQ(got.dot & keep, want.dot & keep);
  }
}

}  // namespace
}  // namespace zonesweep::zone
