#include "engine/claim.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <thread>
#include <vector>

#include "engine/output_error.h"

namespace zonesweep::engine {
namespace {

// A process that was just killed may still be torn down by the kernel: within 62 ms even where a ring
// holds the lock (FAULTS section 0). A second process is told within a second (FAULTS O10).
constexpr auto kLockPatience = std::chrono::milliseconds{700};
constexpr auto kLockRetry = std::chrono::milliseconds{20};
constexpr uint64_t kStateBytes = 1 << 20;

std::unexpected<OutputError> problem(OutputError::Kind kind, std::string message) {
  return std::unexpected(OutputError{kind, std::move(message)});
}

class Claiming {
 public:
  Claiming(const OutputOptions& options, const Layout& layout)
      : options_(options), layout_(layout), directory_(options.directory) {}

  std::expected<Claim, OutputError> run() {
    auto root = io::Folder::make(directory_);
    if (!root) return std::unexpected(disk_error("open", directory_, root.error()));
    claim_.root = std::move(*root);
    if (const Outcome ours = refuse_foreign(); !ours) return std::unexpected(ours.error());
    if (const Outcome locked = take_lock(); !locked) return std::unexpected(locked.error());
    if (const Outcome agreed = agree_with_state(); !agreed) return std::unexpected(agreed.error());
    if (const Outcome agreed = agree_with_splits(); !agreed) return std::unexpected(agreed.error());
    if (!claim_.resumed) {
      if (const Outcome written = write_state(); !written) return std::unexpected(written.error());
    }
    return std::move(claim_);
  }

 private:
  Outcome take_lock() {
    const std::string path = directory_ + "/" + layout_.lock();
    auto file = claim_.root.open_or_create(layout_.lock());
    if (!file) return std::unexpected(disk_error("open", path, file.error()));
    const auto give_up = std::chrono::steady_clock::now() + kLockPatience;
    for (;;) {
      const auto locked = file->try_lock();
      if (!locked) return std::unexpected(disk_error("lock", path, locked.error()));
      if (*locked) break;
      if (std::chrono::steady_clock::now() >= give_up) {
        return problem(
            OutputError::Kind::in_use,
            fmt::format("{} is in use by another process; wait for it, or choose another "
                        "folder",
                        directory_));
      }
      std::this_thread::sleep_for(kLockRetry);
    }
    claim_.lock = std::move(*file);
    return {};
  }

  // A folder that was never ours is not even given a lock file.
  Outcome refuse_foreign() {
    const bool ours = claim_.root.open_read(layout_.lock()).has_value();
    return ours ? Outcome{} : agree_with_state();
  }

  Outcome agree_with_state() {
    const auto state = read_state(layout_.state());
    if (!state) return std::unexpected(state.error());
    const auto foreign = first_foreign_entry();
    if (!foreign) return std::unexpected(foreign.error());
    if (!*state && foreign->empty()) return {};
    if (!options_.resume) {
      return problem(OutputError::Kind::usage,
                     fmt::format("{} is not empty ({}); give --resume to go on with its run, or "
                                 "another folder",
                                 directory_, *state ? layout_.state() : *foreign));
    }
    if (!*state) {
      return problem(OutputError::Kind::state,
                     fmt::format("{} holds {} but no run to resume ({} is missing); choose another "
                                 "folder",
                                 directory_, *foreign, layout_.state()));
    }
    return agree_with_options(**state);
  }

  Outcome agree_with_options(const RunState& state) {
    const auto differs = difference(state.options, options_that_change_rows(options_));
    if (differs) {
      return problem(OutputError::Kind::state,
                     fmt::format("cannot resume {}: {}; give the same options, or another folder",
                                 directory_, *differs));
    }
    claim_.started = state.started;
    claim_.resumed = true;
    return {};
  }

  // Machines that share a folder must agree in all but their split.
  Outcome agree_with_splits() {
    for (uint32_t i = 0; i < layout_.split_count; ++i) {
      if (i == layout_.split_index) continue;
      const Layout other = layout_.of_split(i);
      const auto state = read_state(other.state());
      if (!state) return std::unexpected(state.error());
      if (!*state) continue;
      const auto differs =
          difference((*state)->options, options_that_change_rows(options_), "split");
      if (!differs) continue;
      return problem(OutputError::Kind::state,
                     fmt::format("{}: split {} of {} was begun with other options: {}; give all "
                                 "splits the same",
                                 directory_, i, layout_.split_count, *differs));
    }
    return {};
  }

  std::expected<std::optional<RunState>, OutputError> read_state(const std::string& name) const {
    const std::string path = directory_ + "/" + name;
    const auto file = claim_.root.open_read(name);
    if (!file && file.error() == std::errc::no_such_file_or_directory) return std::nullopt;
    if (!file) return std::unexpected(damage(path, std::make_error_code(file.error()).message()));
    const auto text = io::read_all(*file, kStateBytes);
    if (!text) return std::unexpected(disk_error("read", path, text.error()));
    std::optional<RunState> state = parse_run_state(*text);
    if (!state) return std::unexpected(damage(path, "is damaged; choose another folder"));
    return state;
  }

  Outcome write_state() {
    claim_.started = utc_now();
    const std::string text = format(RunState{claim_.started, options_that_change_rows(options_)});
    return replace_file(DiskSteps(options_.fault), claim_.root, directory_, layout_.state_draft(),
                        layout_.state(), text);
  }

  // What stands in the folder and is not of another split, a lock, or an empty table folder; "" if
  // nothing does.
  std::expected<std::string, OutputError> first_foreign_entry() const {
    const auto names = claim_.root.names();
    if (!names) return std::unexpected(disk_error("read", directory_, names.error()));
    for (const std::string& name : *names) {
      if (is_neutral(name)) continue;
      if (name != name_of(Table::dns) && name != name_of(Table::registration)) return name;
      const auto inside = first_own_part(name);
      if (!inside) return std::unexpected(inside.error());
      if (!inside->empty()) return name + "/" + *inside;
    }
    return std::string();
  }

  std::expected<std::string, OutputError> first_own_part(const std::string& folder_name) const {
    const std::string path = directory_ + "/" + folder_name;
    const auto folder = claim_.root.open_folder(folder_name);
    if (!folder) return folder_name;
    const auto names = folder->names();
    if (!names) return std::unexpected(disk_error("read", path, names.error()));
    for (const std::string& name : *names) {
      const auto part = parse_part_name(layout_, name);
      if (!part || layout_.owns(part->chunk)) return name;
    }
    return std::string();
  }

  bool is_neutral(const std::string& name) const {
    if (name == layout_.lock() || name == layout_.state_draft() || name == "lost+found")
      return true;
    if (layout_.split_count == 1) return false;
    if (name == kSuccessOfAll) return true;
    for (uint32_t i = 0; i < layout_.split_count; ++i) {
      if (i == layout_.split_index) continue;
      const Layout other = layout_.of_split(i);
      const auto of_other = {other.lock(),     other.state(),    other.state_draft(),
                             other.manifest(), other.run(),      other.run_draft(),
                             other.success(),  other.backends(), other.backends_draft()};
      if (std::ranges::find(of_other, name) != of_other.end()) return true;
    }
    return false;
  }

  const OutputOptions& options_;
  const Layout& layout_;
  const std::string& directory_;
  Claim claim_;
};

}  // namespace

std::expected<Claim, OutputError> claim_folder(const OutputOptions& options, const Layout& layout) {
  return Claiming(options, layout).run();
}

std::string utc_now() {
  const auto now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(now));
}

}  // namespace zonesweep::engine
