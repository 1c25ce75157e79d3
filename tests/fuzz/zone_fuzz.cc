// The plain and the long way give the same names from the same text, however it is cut.
#include "protocols/zone/zone_file.h"
#include "tests/fuzz/text_fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace zonesweep;
  const fuzz::Cut cut(data, size);
  zone::ZoneParser slow({.plain = false, .seen_buckets = 4});
  zone::ZoneParser plain({.seen_buckets = 4});
  zone::ZoneParser portable({.classify = zone::classify_portable, .seen_buckets = 4});
  const std::string want = fuzz::parsed(slow, cut.text, SIZE_MAX, 10'000);
  assert(fuzz::parsed(plain, cut.text, SIZE_MAX, 10'000) == want);
  assert(fuzz::parsed(portable, cut.text, cut.piece, 1 + cut.piece % 5) == want);
  return 0;
}
