// engine/run_summary.h - _run.json and _SUCCESS: what a run that is complete leaves last.
//
// Threads:    the control thread, after the writer.
#pragma once

#include <string>
#include <string_view>

#include "engine/claim.h"
#include "engine/output_error.h"
#include "engine/recovery.h"

namespace zonesweep::engine {

// Members are described in docs/formats/output.md.
[[nodiscard]] std::string format_run(const OutputOptions& options, const Claim& claim,
                                     const Totals& totals, std::string_view totals_json);

// _run.json, then _SUCCESS; with --split also the _SUCCESS of all, by the one that ends last.
[[nodiscard]] Outcome write_summary(const OutputOptions& options, const Layout& layout,
                                    const Claim& claim, const Totals& totals,
                                    std::string_view totals_json);

}  // namespace zonesweep::engine
