// Runs a parser over text cut into pieces, and shows what came out as lines of text.
#pragma once

#include <functional>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "protocols/zone/parser.h"

namespace zonesweep::zone::testing {

struct Parsed {
  std::vector<std::string> rows;  // "input wire" | "input wire address" | "input !reason"
  uint64_t error_line = 0;
  std::string error;
  uint64_t skipped = 0;
  uint64_t duplicates = 0;
  uint64_t out_of_zone = 0;

  friend bool operator==(const Parsed&, const Parsed&) = default;
};

// Presentation form, everything but letters, digits and `-_*` as \DDD, with the final dot.
std::string wire_text(std::span<const std::byte> wire);

// `piece()` is the size of the next piece; `names` the limit of each block.
Parsed parse(Parser& parser, std::string_view text, const std::function<size_t()>& piece,
             size_t names = 1'000'000);
Parsed parse(Parser& parser, std::string_view text, size_t piece = SIZE_MAX,
             size_t names = 1'000'000);

std::vector<std::string> inputs(const Parsed& parsed);

}  // namespace zonesweep::zone::testing
