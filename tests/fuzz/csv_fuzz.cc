// The same rows come out however the text is cut. The column is given: what is guessed depends on the first piece.
#include "protocols/zone/csv.h"
#include "protocols/zone/sniff.h"
#include "tests/fuzz/text_fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace zonesweep;
  const fuzz::Cut cut(data, size);
  (void)zone::format_of(cut.text, true);
  zone::CsvParser guessing({});
  (void)fuzz::parsed(guessing, cut.text, SIZE_MAX, 10'000);
  // Both parsers see the same first line, which settles the separator.
  const std::string text = "rank,domain\n" + std::string(cut.text);
  zone::CsvParser whole({.column = "domain"});
  zone::CsvParser pieces({.column = "domain"});
  const std::string want = fuzz::parsed(whole, text, SIZE_MAX, 10'000);
  assert(fuzz::parsed(pieces, text, cut.piece, 1 + cut.piece % 5) == want);
  return 0;
}
