#include "tools/loopback/registration_faults.h"

#include <charconv>
#include <optional>
#include <utility>

namespace zonesweep::loopback {
namespace {

using enum RegistrationFault;

constexpr std::pair<std::string_view, RegistrationFault> kWords[] = {
    {"wslow", wslow},
    {"wlate", wlate},
    {"wmute", wmute},
    {"wreset", wreset},
    {"wrst", wrst},
    {"wempty", wempty},
    {"wrefuse", wrefuse},
    {"wfirst", wfirst},
    {"wcut", wcut},
    {"wnoclose", wnoclose},
    {"wflaky", wflaky},
    {"whalf", whalf},
    {"wsilent", wsilent},
    {"wflood", wflood},
    {"wline", wline},
    {"wlines", wlines},
    {"wnames", wnames},
    {"wthrottle", wthrottle},
    {"wban", wban},
    {"werror", werror},
    {"wunsupported", wunsupported},
    {"wreserved", wreserved},
    {"wother", wother},
    {"whttp", whttp},
    {"wsmtp", wsmtp},
    {"wbytes", wbytes},
    {"wnul", wnul},
    {"wutf16", wutf16},
    {"wdates", wdates},
    {"wloop", wloop},
    {"wref", wref},
    {"r400", r400},
    {"r401", r401},
    {"r403", r403},
    {"r404", r404},
    {"r404html", r404html},
    {"r404empty", r404empty},
    {"r422", r422},
    {"r429", r429},
    {"r429date", r429date},
    {"r500", r500},
    {"r503", r503},
    {"rflaky", rflaky},
    {"rretry", rretry},
    {"rnotice", rnotice},
    {"rhtml", rhtml},
    {"rempty", rempty},
    {"rarray", rarray},
    {"robject", robject},
    {"rclass", rclass},
    {"rother", rother},
    {"rhalf", rhalf},
    {"rtail", rtail},
    {"rdup", rdup},
    {"rdeep", rdeep},
    {"rhuge", rhuge},
    {"rtypes", rtypes},
    {"rbytes", rbytes},
    {"rredirect", rredirect},
    {"rloop", rloop},
    {"rhttp", rhttp},
    {"rprivate", rprivate},
    {"rbomb", rbomb},
    {"rlayers", rlayers},
    {"rbrotli", rbrotli},
    {"rgzip", rgzip},
    {"rcut", rcut},
    {"rfields", rfields},
    {"rinform", rinform},
    {"rraw", rraw},
    {"rslow", rslow},
    {"rlate", rlate},
    {"rmute", rmute},
    {"rrst", rrst},
    {"rrefused", rrefused},
    {"rgoaway", rgoaway},
    {"rclose", rclose},
    {"rcontinuation", rcontinuation},
    {"rsettings", rsettings},
    {"rping", rping},
    {"rframes", rframes},
    {"rframe", rframe},
    {"rreset", rreset},
    {"rrefuse", rrefuse},
    {"rsilent", rsilent},
    {"rstreams", rstreams},
    {"rslowtls", rslowtls},
    {"rhandshake", rhandshake},
    {"rgarbage", rgarbage},
    {"rexpired", rexpired},
    {"rnotyet", rnotyet},
    {"rname", rname},
    {"rself", rself},
    {"rold", rold},
    {"rh1", rh1},
    {"rh2", rh2},
    {"rnoalpn", rnoalpn},
};

struct Label {
  RegistrationFault fault = none;
  std::optional<uint32_t> numbers[2];
};

// Takes "-<digits>" off the front of `text`.
std::optional<uint32_t> take_number(std::string_view& text) {
  if (text.size() < 2 || text.front() != '-') return std::nullopt;
  uint32_t number = 0;
  const auto [end, error] = std::from_chars(text.begin() + 1, text.end(), number);
  if (error != std::errc{}) return std::nullopt;
  text.remove_prefix(static_cast<size_t>(end - text.begin()));
  return number;
}

Label read_label(std::string_view label) {
  if (!label.starts_with("f-")) return {};
  label.remove_prefix(2);
  const std::string_view word = label.substr(0, label.find('-'));
  Label read;
  for (const auto& [known, fault] : kWords) {
    if (known == word) read.fault = fault;
  }
  std::string_view rest = label.substr(word.size());
  for (auto& number : read.numbers) {
    if (!rest.empty() && !(number = take_number(rest))) return {};
  }
  return rest.empty() ? read : Label{};
}

}  // namespace

bool only_of_zones(RegistrationFault fault) {
  return fault == wrefuse || fault == wsilent || fault >= rreset;
}

RegistrationFaultCall fault_of_name(std::string_view name) {
  const size_t dot = name.find('.');
  if (dot == std::string_view::npos) return {};
  const Label label = read_label(name.substr(0, dot));
  if (only_of_zones(label.fault)) return {};
  return {label.fault, label.numbers[0].value_or(0), label.numbers[0].has_value()};
}

RegistrationFaultCall fault_of_zone(std::string_view label, uint32_t& index) {
  const Label read = read_label(label);
  if (read.fault == none) return {};
  if (read.numbers[1]) {
    index = *read.numbers[1];
    return {read.fault, *read.numbers[0], true};
  }
  index = read.numbers[0].value_or(0);
  return {read.fault, 0, false};
}

std::vector<std::string_view> registration_fault_words() {
  std::vector<std::string_view> words;
  for (const auto& [word, fault] : kWords) words.push_back(word);
  return words;
}

std::string_view word_of(RegistrationFault fault) {
  for (const auto& [word, known] : kWords) {
    if (known == fault) return word;
  }
  return "";
}

}  // namespace zonesweep::loopback
