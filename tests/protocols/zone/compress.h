// Compressed texts for tests.
#pragma once

#include <string>
#include <string_view>

namespace zonesweep::zone::testing {

std::string gzip(std::string_view text, bool with_name = false);
std::string zstd(std::string_view text);
std::string zstd_skippable(std::string_view payload);
std::string zstd_window(int log);  // a frame of a few bytes that asks for a window of 2^log

// Lines that look like names.
std::string text_like(size_t bytes, uint32_t seed);

}  // namespace zonesweep::zone::testing
