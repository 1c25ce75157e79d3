// tools/loopback/expect.h - what the world answers to a question, printed for people and test
// scripts.
//
// Threads: pure. Errors: a line of text.
#pragma once

#include <expected>
#include <string>
#include <string_view>

#include "tools/loopback/world.h"

namespace zonesweep::loopback {

// First line the rcode as a number, then one line per record of the answer and authority sections:
// section, owner, TTL, type, data; tab-separated. Answers come as over TCP, so nothing is
// truncated.
[[nodiscard]] std::expected<std::string, std::string> expected_answer(const World& world,
                                                                      std::string_view name,
                                                                      std::string_view type);

}  // namespace zonesweep::loopback
