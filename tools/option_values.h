// tools/option_values.h - CLI11 options whose values carry their unit.
//
// Threads: start-up. Errors: CLI::ValidationError, which main() turns into one line and exit
// code 2.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <utility>
#include <vector>

#include "tools/units.h"

namespace zonesweep::tools {

// Lets `parse` read the text of `name`; its reason becomes the error.
template <typename Parse>
CLI::Option* add_parsed(CLI::App& command, const std::string& name, const std::string& help,
                        Parse parse) {
  return command.add_option_function<std::string>(
      name,
      [parse, name](const std::string& text) {
        if (auto failed = parse(text); !failed.empty()) throw CLI::ValidationError(name, failed);
      },
      help);
}

inline CLI::Option* add_duration(CLI::App& command, const std::string& name, io::Duration& value,
                                 const std::string& help) {
  return add_parsed(command, name, help,
                    [&value](const std::string& text) {
                      const auto parsed = parse_duration(text);
                      if (!parsed) return parsed.error();
                      value = *parsed;
                      return std::string();
                    })
      ->type_name("TIME");
}

// One word of a few, each standing for a value that `take` gets.
template <typename Value, typename Take>
CLI::Option* add_choice(CLI::App& command, const std::string& name,
                        std::vector<std::pair<std::string, Value>> choices, const std::string& help,
                        Take take) {
  return add_parsed(command, name, help,
                    [choices = std::move(choices), take](const std::string& text) {
                      std::string words;
                      for (const auto& [word, value] : choices) {
                        if (word == text) {
                          take(value);
                          return std::string();
                        }
                        words += (words.empty() ? "" : ", ") + word;
                      }
                      return "'" + text + "' is none of: " + words;
                    });
}

}  // namespace zonesweep::tools
