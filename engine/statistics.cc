#include "engine/statistics.h"

#include <fmt/format.h>

namespace zonesweep::engine {

std::string statuses_json(const Statistics& statistics) {
  std::string json;
  for (size_t i = 0; i < statistics.statuses.size(); ++i) {
    if (statistics.statuses[i] == 0) continue;
    json += fmt::format(R"({}"{}":{})", json.empty() ? "" : ",", name_of(static_cast<Status>(i)),
                        statistics.statuses[i]);
  }
  return '{' + json + '}';
}

}  // namespace zonesweep::engine
