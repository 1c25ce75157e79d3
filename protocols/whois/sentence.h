// protocols/whois/sentence.h - sentences about whether a name is there, in any order of their words.
//
// Servers say "no match" in hundreds of ways. A line is read only when each of its words is known:
// the name that was asked, its zone, a number in its place, or a word of
// protocols/whois/data/words.tsv. One word more, and it says nothing: terms of use, limits and other
// objects ("no name servers found") have words of their own.
//
// Threads:    pure functions; the words are built once, at first use.
// Invariants: Outcome::available only for a denial of something that a register holds, or for a
//             subject called free; a sentence that also says the name is registered says nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "protocols/registration/registration.h"

namespace zonesweep::whois {

// A word of a folded line. See protocols/whois/outcome.h.
struct Word {
  std::string_view text;
  uint32_t hash = 0;  // FNV-1a, 32 bits
};

// Where the sentence stands: as a line of its own, or as the value of a status.
enum class Stand : uint8_t { line, status };

// `name`: what was asked; empty: any host name is taken for it.
[[nodiscard]] registration::Outcome outcome_of_sentence(std::span<const Word> words,
                                                        std::string_view name,
                                                        Stand stand) noexcept;

}  // namespace zonesweep::whois
