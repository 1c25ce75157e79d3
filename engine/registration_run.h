// engine/registration_run.h - the registration part of a scan: its tables, its lane and its thread.
//
// Threads:    everything here belongs to the control thread, but for queue(); the lane has its own.
// Invariants: nothing is asked before start().
// Ownership:  the output and the stop level outlive it; the destructor joins the thread.
// Errors:     a line that says what to do.
#pragma once

#include <atomic>
#include <chrono>
#include <expected>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/backends_file.h"
#include "engine/name_queue.h"
#include "engine/output.h"
#include "engine/registration_lane.h"

namespace zonesweep::engine {

struct RegistrationSetup {
  RegistrationOptions lane;
  RegistryFiles files;
  std::string ca_file;      // beside the system's certificates
  std::string refresh_url;  // of files.bootstrap; empty: it is used as it is
  size_t parking_bytes = limits::kParkingBytes;
};

// Refreshes the copy of the bootstrap file, if that is asked for. Not empty: why it could not; then
// setup.files names no file that is not there.
[[nodiscard]] std::string refresh_files(RegistrationSetup& setup,
                                        std::span<const io::Endpoint> resolvers,
                                        io::TlsContext& tls);

// FAULTS W21: servers move, and tables that are compiled in do not.
inline constexpr auto kTablesAge = std::chrono::days{90};
// A line for each table that is asked of, is compiled in, and is older than that at `today`.
[[nodiscard]] std::vector<std::string> warnings_of_age(const RegistrationSetup& setup,
                                                       std::chrono::sys_days today);

class RegistrationRun {
 public:
  // Reads the tables. The resolvers are asked only where one of them is refreshed.
  [[nodiscard]] static std::expected<std::unique_ptr<RegistrationRun>, std::string> prepare(
      const RegistrationSetup& setup, std::span<const io::Endpoint> resolvers);
  ~RegistrationRun();

  struct Place {
    Output* output = nullptr;
    AnswerCache* cache = nullptr;  // null: none
    std::optional<RedisOptions> redis;
    uint32_t sink = 0;      // the lane's
    uint32_t question = 0;  // the registration's number
    std::string directory;  // of the output; "-" is standard output
    Layout layout;
    bool resume = false;
  };
  // Empty: the lane runs, and `ended` is called by its thread when it does no longer.
  [[nodiscard]] std::string start(const Place& place, std::span<const io::Endpoint> resolvers,
                                  const std::atomic<StopLevel>& stop, std::function<void()> ended);
  void join();
  void remember();  // writes what the lane has learnt of its servers; now and then

  [[nodiscard]] NameQueue& queue() { return queue_; }
  [[nodiscard]] RegistrationStatistics statistics() const;
  [[nodiscard]] std::string_view failure() const;   // after join()
  [[nodiscard]] std::string redis_problem() const;  // the same
  [[nodiscard]] const std::vector<std::string>& warnings() const { return warnings_; }

 private:
  struct Lane;
  explicit RegistrationRun(const RegistrationSetup& setup);
  void run(const Place& place, std::span<const io::Endpoint> resolvers,
           const std::atomic<StopLevel>& stop);

  RegistrationSetup setup_;
  std::vector<std::string> warnings_;
  std::unique_ptr<Registries> registries_;
  std::unique_ptr<io::TlsContext> tls_;
  NameQueue queue_;
  BackendsFile backends_file_;
  std::unique_ptr<Lane> lane_;
};

}  // namespace zonesweep::engine
