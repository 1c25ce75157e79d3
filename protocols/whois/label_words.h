// protocols/whois/label_words.h - labels that are not in the dictionary, by the words they are made of.
//
// Threads:    pure functions; the words are built once, at first use.
// Ownership:  what composed_label() returns is static.
#pragma once

#include <string_view>

#include "protocols/whois/labels.h"

namespace zonesweep::whois {

// `folded` as LabelFolder folds it. Null where any word is unknown or the words make no sense
// together. A composed meaning has a higher rank than any of the dictionary's first rows.
[[nodiscard]] const Label* composed_label(std::string_view folded) noexcept;

}  // namespace zonesweep::whois
