// bench/make_zone - writes a zone of com_zone.h to standard output.
//
//   make_zone [--names N] [--seed S] [--style czds|dump] [--origin com] [--glue PERCENT] [--signed PERCENT]
#include <charconv>
#include <cstdio>

#include "bench/com_zone.h"

namespace {

using zonesweep::bench::ComZone;
using zonesweep::bench::ComZoneWriter;

bool number_of(std::string_view text, uint64_t& value) {
  return std::from_chars(text.data(), text.data() + text.size(), value).ptr ==
         text.data() + text.size();
}

bool parse(int argc, char** argv, ComZone& options) {
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string_view option = argv[i];
    const std::string_view value = argv[i + 1];
    bool good = true;
    if (option == "--names")
      good = number_of(value, options.names);
    else if (option == "--seed")
      good = number_of(value, options.seed);
    else if (option == "--glue")
      good = number_of(value, options.glue_percent);
    else if (option == "--signed")
      good = number_of(value, options.signed_percent);
    else if (option == "--origin")
      options.origin = value;
    else if (option == "--style")
      good = value == "czds" || value == "dump", options.czds = value == "czds";
    else
      good = false;
    if (!good) return false;
  }
  return argc % 2 == 1;
}

}  // namespace

int main(int argc, char** argv) {
  ComZone options;
  if (!parse(argc, argv, options)) {
    std::fputs(
        "make_zone [--names N] [--seed S] [--style czds|dump] [--origin com] [--glue PERCENT] "
        "[--signed PERCENT]\n",
        stderr);
    return 2;
  }
  constexpr size_t flush = 1 << 20;
  ComZoneWriter writer(options);
  writer.head();
  for (uint64_t i = 0; i < options.names; ++i) {
    writer.name(i);
    if (writer.text().size() < flush && i + 1 != options.names) continue;
    if (std::fwrite(writer.text().data(), 1, writer.text().size(), stdout) != writer.text().size())
      return 5;
    writer.clear();
  }
}
