#include "tools/shards_command.h"

#include <fmt/format.h>
#include <signal.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>

#include "engine/shard_reader.h"
#include "io/stream_out.h"
#include "tools/say.h"
#include "tools/shards_folder.h"
#include "tools/shards_verify.h"

namespace zonesweep::tools {
namespace {

using engine::ManifestFile;
using engine::ManifestLine;

constexpr int kExitOk = 0;
constexpr int kExitOutput = 5;
constexpr int kExitState = 7;

// Standard output whose reader may go away: that is an end like any other.
class Printer {
 public:
  explicit Printer(int fd) : out_(fd) { ::signal(SIGPIPE, SIG_IGN); }

  bool print(std::string_view bytes) {
    while (!bytes.empty() && !ended()) {
      if (!out_.wait(std::chrono::seconds{60})) continue;
      const auto count = out_.write_some(bytes);
      if (!count) {
        error_ = count.error();
        break;
      }
      bytes.remove_prefix(*count);
    }
    return !ended();
  }

  [[nodiscard]] bool ended() const { return error_ != std::errc{}; }
  [[nodiscard]] int exit_code() const {
    if (!ended() || error_ == std::errc::broken_pipe) return kExitOk;
    say(stderr, "zonesweep: cannot write standard output: {}\n",
        std::make_error_code(error_).message());
    return kExitOutput;
  }

 private:
  io::StreamOut out_;
  std::errc error_{};
};

int report_problems(const std::vector<std::string>& problems) {
  for (const std::string& problem : problems) say(stderr, "zonesweep: {}\n", problem);
  return problems.empty() ? kExitOk : kExitState;
}

std::string words(const engine::StatusWords& statuses) {
  std::string out;
  for (const auto& [word, count] : statuses) {
    out += fmt::format("{}{} {}", out.empty() ? "" : ", ", word, count);
  }
  return out;
}

int list(const ShardsFolder& folder, Printer& out) {
  uint64_t files = 0;
  uint64_t rows = 0;
  uint64_t bytes = 0;
  out.print(fmt::format("{:>7} {:<36} {:>12} {:>14}  {}\n", "chunk", "file", "rows", "bytes",
                        "statuses"));
  for (const ManifestLine* line : folder.chunks()) {
    for (const ManifestFile& file : line->files) {
      ++files;
      rows += file.rows;
      bytes += file.bytes;
      out.print(fmt::format("{:>7} {:<36} {:>12} {:>14}  {}\n", line->chunk, file.path, file.rows,
                            file.bytes, words(file.statuses)));
    }
  }
  out.print(fmt::format("{:>7} {:<36} {:>12} {:>14}\n", "total", fmt::format("{} files", files),
                        rows, bytes));
  const int code = report_problems(folder.problems);
  return code == kExitOk ? out.exit_code() : code;
}

int print_shard(const ShardsFolder& folder, const ManifestLine& line, const ManifestFile& file,
                Printer& out) {
  auto opened = open_shard(folder, line, file);
  if (!opened) return report_problems({fmt::format("{}: {}", file.path, opened.error())});
  engine::ShardReader reader(std::move(*opened), compression_of(file));
  for (;;) {
    const auto piece = reader.next();
    if (!piece) return report_problems({fmt::format("{}: {}", file.path, piece.error())});
    if (piece->empty() || !out.print(*piece)) return kExitOk;
  }
}

int cat(const ShardsFolder& folder, const std::string& table, Printer& out) {
  int code = report_problems(folder.problems);
  for (const ManifestLine* line : folder.chunks()) {
    for (const ManifestFile& file : line->files) {
      if (!table.empty() && engine::name_of(file.table) != table) continue;
      code = std::max(code, print_shard(folder, *line, file, out));
      if (out.ended()) return std::max(code, out.exit_code());
    }
  }
  return code;
}

int check(const ShardsFolder& folder, bool unfinished, Printer& out) {
  const VerifyReport report = verify(folder, unfinished);
  const int code = report_problems(report.problems);
  out.print(fmt::format(
      "{}: {} chunks, {} files, {} names, {} rows, {} bytes: {}\n", folder.directory, report.chunks,
      report.files, report.names, report.rows, report.bytes,
      report.problems.empty() ? "sound" : fmt::format("{} problems", report.problems.size())));
  return code;
}

}  // namespace

void add_options(CLI::App& command, ShardsOptions& options) {
  using Action = ShardsOptions::Action;
  const auto add = [&](const char* name, const char* text, Action action) {
    CLI::App* const each = command.add_subcommand(name, text);
    each->add_option("DIR", options.directory, "Output folder of a scan")->required();
    each->callback([&options, action] { options.action = action; });
    return each;
  };
  command.require_subcommand(1);
  add("ls", "Lists the committed shards: chunk, file, rows, bytes, statuses", Action::ls);
  add("verify", "Checks every file against the manifest: sizes, checksums, one row per question",
      Action::verify)
      ->add_flag("--unfinished", options.unfinished, "A run that has not ended is no problem");
  add("cat", "Prints the rows of all shards, in the order of chunks", Action::cat)
      ->add_option("--table", options.table, "Only this table")
      ->check(CLI::IsMember({"dns", "registration"}));
}

int run_shards(const ShardsOptions& options) {
  const auto folder = open_shards_folder(options.directory);
  if (!folder) return report_problems({folder.error()});
  Printer out(options.stdout_fd);
  switch (options.action) {
    case ShardsOptions::Action::ls: return list(*folder, out);
    case ShardsOptions::Action::verify: return check(*folder, options.unfinished, out);
    case ShardsOptions::Action::cat: break;
  }
  return cat(*folder, options.table, out);
}

}  // namespace zonesweep::tools
