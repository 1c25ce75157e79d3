#include "io/ring_setup.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <optional>
#include <string_view>

namespace zonesweep::io {
namespace {

constexpr uint64_t kPageBytes = 4'096;
constexpr uint64_t kSubmissionBytes = 64 + 4;  // the entry and its index
constexpr uint64_t kCompletionBytes = 16;
constexpr uint64_t kBufferEntryBytes = 16;
constexpr uint64_t kHeadBytes = 320;  // heads, tails and flags before the arrays

uint64_t pages(uint64_t bytes) { return (bytes + kPageBytes - 1) / kPageBytes * kPageBytes; }

// 0, 1 or 2; nothing where the kernel has no such switch.
std::optional<int> read_sysctl(const char* path) {
  const int fd = ::open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return std::nullopt;
  char text[16];
  const ssize_t got = ::read(fd, text, sizeof text);
  ::close(fd);
  int value = 0;
  if (got <= 0 || std::from_chars(text, text + got, value).ec != std::errc{}) return std::nullopt;
  return value;
}

std::string release_of(const SetupProbe& probe) {
  if (!probe.release.empty()) return probe.release;
  utsname name{};
  return ::uname(&name) == 0 ? name.release : "unknown";
}

bool older_than_6_1(std::string_view release) {
  int major = 0;
  int minor = 0;
  const char* const end = release.data() + release.size();
  const auto [dot, error] = std::from_chars(release.data(), end, major);
  if (error != std::errc{}) return false;
  if (dot != end && *dot == '.') std::from_chars(dot + 1, end, minor);
  return major < 6 || (major == 6 && minor < 1);
}

std::string kib(uint64_t bytes) { return std::to_string((bytes + 1'023) / 1'024); }

SetupError locked_memory_error(int code, const RingOptions& options) {
  rlimit limit{};
  ::getrlimit(RLIMIT_MEMLOCK, &limit);
  const uint64_t need = locked_bytes(options);
  return {SetupError::Reason::locked_memory, code,
          "not enough locked memory for io_uring: a ring needs " + kib(need) +
              " KiB, the limit over all processes of this user is " + kib(limit.rlim_cur) +
              " KiB; raise it (`ulimit -l " + kib(std::max(need * 2, uint64_t{8} << 20)) +
              "` or LimitMEMLOCK=) or use fewer lanes"};
}

SetupError too_old_error(int code, const std::string& release) {
  return {SetupError::Reason::too_old, code,
          "io_uring of Linux 6.1 or newer is needed, and this kernel is " + release +
              ": run on a newer kernel"};
}

// EPERM: who forbids it? The switch is readable by everybody, seccomp leaves no trace.
SetupError forbidden_error(int code, const SetupProbe& probe) {
  const std::optional<int> disabled = read_sysctl(probe.sysctl_path);
  if (disabled.value_or(0) != 0) {
    return {SetupError::Reason::sysctl, code,
            "io_uring is switched off by sysctl: kernel.io_uring_disabled is " +
                std::to_string(*disabled) + "; set it to 0 (`sysctl kernel.io_uring_disabled=0`)"};
  }
  return {SetupError::Reason::blocked, code,
          "io_uring is blocked by seccomp, as containers do by default: allow io_uring_setup, "
          "io_uring_enter and io_uring_register (Docker: `--security-opt seccomp=unconfined` or a "
          "profile with them)"};
}

bool may_lock_all_memory() noexcept {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[2]{};
  if (::syscall(SYS_capget, &header, data) != 0) return false;
  return (data[0].effective & (1U << CAP_IPC_LOCK)) != 0;
}

}  // namespace

uint64_t locked_bytes(const RingOptions& options) noexcept {
  return pages(options.submissions * uint64_t{64}) +
         pages(kHeadBytes + options.submissions * (kSubmissionBytes - 64) +
               options.completions * kCompletionBytes) +
         pages(options.buffers * kBufferEntryBytes);
}

bool shrink(RingOptions& options) noexcept {
  if (options.submissions <= limits::kRingEntriesMin &&
      options.buffers <= limits::kRingEntriesMin &&
      options.completions <= 2 * limits::kRingEntriesMin) {
    return false;
  }
  const auto halve = [](uint32_t& value, uint32_t floor) {
    if (value > floor) value = std::max(std::bit_floor(value / 2), floor);
  };
  halve(options.submissions, limits::kRingEntriesMin);
  halve(options.completions, 2 * limits::kRingEntriesMin);
  halve(options.buffers, limits::kRingEntriesMin);
  return true;
}

bool exceeds_locked_limit(uint64_t bytes) noexcept {
  rlimit limit{};
  if (::getrlimit(RLIMIT_MEMLOCK, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return false;
  return bytes > limit.rlim_cur && !may_lock_all_memory();
}

uint32_t raise_file_limit() noexcept {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
  if (limit.rlim_cur < limit.rlim_max) {
    rlimit raised = limit;
    raised.rlim_cur = limit.rlim_max;
    if (::setrlimit(RLIMIT_NOFILE, &raised) == 0) limit = raised;
  }
  return static_cast<uint32_t>(std::min<rlim_t>(limit.rlim_cur, UINT32_MAX));
}

SetupError explain_setup_failure(int code, const RingOptions& options, const SetupProbe& probe) {
  const std::string release = release_of(probe);
  switch (code) {
    case EPERM:
    case EACCES: return forbidden_error(code, probe);
    case ENOSYS:
      if (older_than_6_1(release)) return too_old_error(code, release);
      return {
          SetupError::Reason::too_old, code,
          "this system has no io_uring (kernel " + release +
              "): the kernel is too old or built without it, or a sandbox such as gVisor hides it"};
    case EINVAL:
      if (older_than_6_1(release)) return too_old_error(code, release);
      break;
    case ENOMEM:
    case EAGAIN: return locked_memory_error(code, options);
    case EMFILE:
    case ENFILE:
      return {SetupError::Reason::files, code,
              "too few open files for io_uring: at least " +
                  std::to_string(limits::kFilesMin + limits::kFilesReserved) +
                  " are needed; raise the limit (`ulimit -n 1024`)"};
    default: break;
  }
  return {SetupError::Reason::other, code,
          std::string("io_uring cannot be set up: ") + std::strerror(code) + " (kernel " + release +
              ")"};
}

}  // namespace zonesweep::io
