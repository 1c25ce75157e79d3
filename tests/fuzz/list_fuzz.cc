// Every line but blank ones and comments gives one row, and the same one however the text is cut.
#include "protocols/zone/list.h"
#include "tests/fuzz/text_fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace zonesweep;
  const fuzz::Cut cut(data, size);
  zone::ListParser whole;
  zone::ListParser pieces(zone::classify_portable);
  const std::string want = fuzz::parsed(whole, cut.text, SIZE_MAX, 10'000);
  assert(fuzz::parsed(pieces, cut.text, cut.piece, 1 + cut.piece % 5) == want);
  const std::string_view text = cut.text;
  const auto lines = static_cast<uint64_t>(std::ranges::count(text, '\n')) +
                     (!text.empty() && text.back() != '\n');
  assert(whole.counts().names + whole.counts().skipped == lines);
  return 0;
}
