#include "engine/registration_statistics.h"

#include <fmt/format.h>

namespace zonesweep::engine {

std::string statuses_json(const RegistrationStatistics& statistics) {
  std::string out = "{";
  for (size_t i = 0; i < statistics.statuses.size(); ++i) {
    if (statistics.statuses[i] == 0) continue;
    if (out.size() > 1) out += ',';
    out += fmt::format(R"("{}":{})", name_of(static_cast<RegistrationStatus>(i)),
                       statistics.statuses[i]);
  }
  return out + '}';
}

std::string progress_json(const RegistrationStatistics& now) {
  return fmt::format(
      R"({{"rows":{},"cached":{},"whois":{},"rdap":{},"retries":{},"throttled":{},"given_up":{},"waiting":{},"in_flight":{},)"
      R"("parked_on_disk":{},"servers":{},"quarantined":{},"statuses":{}}})",
      now.rows, now.cache.hits, now.whois, now.rdap, now.retries, now.throttled, now.given_up,
      now.waiting, now.in_flight, now.parked_on_disk, now.backends, now.quarantined,
      statuses_json(now));
}

std::string totals_json(const RegistrationStatistics& all) {
  return fmt::format(
      R"({{"names":{},"rows":{},"whois":{},"rdap":{},"retries":{},"throttled":{},"shared":{},"cached":{},"given_up":{},)"
      R"("servers":{},"statuses":{},"rtt_us":{{"p50":{},"p90":{},"p99":{}}}}})",
      all.names, all.rows, all.whois, all.rdap, all.retries, all.throttled, all.shared,
      all.cache.hits, all.given_up, all.backends, statuses_json(all), all.latency.percentile(0.5),
      all.latency.percentile(0.9), all.latency.percentile(0.99));
}

}  // namespace zonesweep::engine
