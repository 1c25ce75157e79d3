// io/ring_setup.h - why an io_uring could not be made, in words that say what to do.
//
// Threads:    free functions; raise_file_limit() changes the process.
// Units:      KiB where the name says so, otherwise bytes and counts.
// Errors:     SetupError. The caller prints `message` as its one line and exits with the
//             environment code.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace zonesweep::io {

struct SetupError {
  enum class Reason : uint8_t {
    sysctl,         // kernel.io_uring_disabled
    blocked,        // seccomp, as containers set it
    too_old,        // kernel or sandbox without the system call or a feature
    locked_memory,  // RLIMIT_MEMLOCK
    files,          // RLIMIT_NOFILE
    other,
  };
  Reason reason = Reason::other;
  int code = 0;  // errno
  std::string message;
};

namespace limits {
// A killed predecessor's rings are gone within 60 ms, measured over 40 restarts.
inline constexpr auto kSetupPatience = std::chrono::milliseconds{2'000};
inline constexpr auto kSetupStep = std::chrono::milliseconds{10};
inline constexpr auto kShrinkPatience = std::chrono::milliseconds{50};  // for our own last attempt
inline constexpr uint32_t kRingEntriesMin = 64;  // where shrinking for want of locked memory ends
inline constexpr uint32_t kFilesMin = 16;        // of the fixed-file table
inline constexpr uint32_t kFilesReserved = 16;   // stdio, input, shards, manifest, lock, ring
}  // namespace limits

struct RingOptions {
  uint32_t submissions = 1'024;  // entries; a full queue is submitted, never refused
  uint32_t completions = 8'192;  // entries; at least submissions
  uint32_t buffers = 2'048;      // provided receive buffers; power of two, at most 32'768
  uint32_t buffer_bytes = 4'096;
  uint32_t files = 8'192;       // entries of the fixed-file table; cut down to RLIMIT_NOFILE
  uint32_t accepted_files = 0;  // its last ones: the kernel gives them to accept_multishot()
  bool newer_features = true;   // false: only what Linux 6.1 has, to test what stands in for them
};

// Locked memory that a ring of this size is charged with. Kernels from 6.13 on charge all of it.
[[nodiscard]] uint64_t locked_bytes(const RingOptions& options) noexcept;

// Halves what is charged. False when the floor is reached; then nothing is changed.
[[nodiscard]] bool shrink(RingOptions& options) noexcept;

// True where RLIMIT_MEMLOCK alone makes `bytes` impossible for this user.
[[nodiscard]] bool exceeds_locked_limit(uint64_t bytes) noexcept;

// Raises the soft RLIMIT_NOFILE to the hard one and returns it.
uint32_t raise_file_limit() noexcept;

struct SetupProbe {  // what the message depends on; tests put their own in
  const char* sysctl_path = "/proc/sys/kernel/io_uring_disabled";
  std::string release;  // of uname(2); empty: ask
};

// `code` is the errno of io_uring_setup(2) or io_uring_register(2).
[[nodiscard]] SetupError explain_setup_failure(int code, const RingOptions& options,
                                               const SetupProbe& probe = {});

}  // namespace zonesweep::io
