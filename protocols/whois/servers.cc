#include "protocols/whois/servers.h"

#include <cassert>
#include <unordered_map>

#include "protocols/whois/outcome.h"
#include "protocols/whois/tables.h"

namespace zonesweep::whois {
namespace {

using registration::DateOrder;

constexpr std::string_view kZoneMark = "{zone}";
constexpr std::string_view kDomainMark = "{domain}";

using ServerTable = std::unordered_map<std::string_view, std::string_view>;

[[nodiscard]] const ServerTable& servers() {
  static const ServerTable table = [] {
    ServerTable built;
    TableReader rows{data::k_servers_tsv};
    while (rows.next()) {
      assert(rows.columns() == 2);
      for (Pieces zones{rows.column(1), ' '}; zones.next();) {
        built.emplace(zones.piece(), rows.column(0));
      }
    }
    return built;
  }();
  return table;
}

struct Convention {
  std::string_view charset, order, query;
};
using ConventionTable = std::unordered_map<std::string_view, Convention>;

[[nodiscard]] const ConventionTable& conventions() {
  static const ConventionTable table = [] {
    ConventionTable built;
    TableReader rows{data::k_conventions_tsv};
    while (rows.next()) {
      assert(rows.columns() == 4);
      // A zone may have a row for its charset and one for its dates.
      Convention& row = built[rows.column(0)];
      const auto fill = [&](std::string_view& into, size_t column) {
        if (rows.column(column) != "-") into = rows.column(column);
      };
      fill(row.charset, 1);
      fill(row.order, 2);
      fill(row.query, 3);
    }
    return built;
  }();
  return table;
}

[[nodiscard]] Convention convention_of(std::string_view key) noexcept {
  const auto row = conventions().find(key);
  return row == conventions().end() ? Convention{} : row->second;
}

[[nodiscard]] DateOrder order_from(std::string_view word, std::string_view zone) noexcept {
  if (word == "day") return DateOrder::day_first;
  if (word == "month") return DateOrder::month_first;
  if (word == "unknown") return DateOrder::unknown;
  return zone.size() == 2 ? DateOrder::day_first : DateOrder::unknown;
}

}  // namespace

ServerOfZone server_for(std::string_view name) {
  for (std::string_view zone = name;;) {
    if (const auto row = servers().find(zone); row != servers().end()) {
      ServerOfZone found{std::string{row->second}, zone};
      if (const size_t mark = found.server.find(kZoneMark); mark != std::string::npos) {
        found.server.replace(mark, kZoneMark.size(), zone);
      }
      return found;
    }
    const size_t dot = zone.find('.');
    if (dot == std::string_view::npos) return {};
    zone.remove_prefix(dot + 1);
  }
}

Conventions conventions_of(std::string_view server, std::string_view zone) noexcept {
  const Convention of_server = convention_of(server);
  const Convention of_zone = convention_of(zone);
  const std::string_view order = of_server.order.empty() ? of_zone.order : of_server.order;
  return {.charset = of_server.charset.empty() ? of_zone.charset : of_server.charset,
          .order = order_from(order, zone),
          .query = of_server.query};
}

void append_query(std::string_view server, std::string_view name, std::string& out) {
  const std::string_view pattern = convention_of(server).query;
  const size_t mark = pattern.find(kDomainMark);
  if (mark == std::string_view::npos) {
    out.append(name);
  } else {
    out.append(pattern.substr(0, mark))
        .append(name)
        .append(pattern.substr(mark + kDomainMark.size()));
  }
  out += "\r\n";
}

}  // namespace zonesweep::whois
