#include "engine/run_summary.h"

#include <fmt/format.h>

#include <iterator>

namespace zonesweep::engine {
namespace {

void append_table(Table table, const TableTotals& totals, std::string& out) {
  if (totals.files == 0) return;
  fmt::format_to(std::back_inserter(out), R"({}"{}":{{"files":{},"rows":{},"bytes":{},"statuses":)",
                 out.back() == '{' ? "" : ",", name_of(table), totals.files, totals.rows,
                 totals.bytes);
  append_json(totals.statuses, out);
  out += '}';
}

io::FileResult<void> make_empty(const io::Folder& folder, const std::string& name) {
  const auto made = folder.create(name);
  if (!made && made.error() != std::errc::file_exists) return std::unexpected(made.error());
  return folder.sync();
}

bool every_split_is_done(const Layout& layout, const io::Folder& root) {
  for (uint32_t i = 0; i < layout.split_count; ++i) {
    if (!root.open_read(layout.of_split(i).success())) return false;
  }
  return true;
}

}  // namespace

std::string format_run(const OutputOptions& options, const Claim& claim, const Totals& totals,
                       std::string_view totals_json) {
  uint64_t rows = 0;
  uint64_t bytes = 0;
  for (const TableTotals& table : totals.tables) {
    rows += table.rows;
    bytes += table.bytes;
  }
  std::string out = fmt::format(
      R"({{"program":"zonesweep","version":"{}","started":"{}","finished":"{}","resumed":{},)"
      R"("split":"{}/{}","configuration":{},"chunks":{},"names":{},"rows":{},"bytes":{},"tables":{{)",
      options.version, claim.started, utc_now(), claim.resumed, options.split_index,
      options.split_count, options.configuration_json, totals.chunks, totals.names, rows, bytes);
  append_table(Table::dns, totals.tables[0], out);
  append_table(Table::registration, totals.tables[1], out);
  const std::string_view run_totals = totals_json.empty() ? "{}" : totals_json;
  fmt::format_to(std::back_inserter(out), "}},\"totals\":{}}}\n", run_totals);
  return out;
}

Outcome write_summary(const OutputOptions& options, const Layout& layout, const Claim& claim,
                      const Totals& totals, std::string_view totals_json) {
  const DiskSteps steps(options.fault);
  const Outcome run = replace_file(steps, claim.root, options.directory, layout.run_draft(),
                                   layout.run(), format_run(options, claim, totals, totals_json));
  if (!run) return run;
  const std::string path = options.directory + "/" + layout.success();
  const Outcome done =
      steps.run("create", path, [&] { return make_empty(claim.root, layout.success()); });
  if (!done || layout.split_count == 1 || !every_split_is_done(layout, claim.root)) return done;
  return steps.run("create", options.directory + "/_SUCCESS",
                   [&] { return make_empty(claim.root, std::string(kSuccessOfAll)); });
}

}  // namespace zonesweep::engine
