#include "io/ring_setup.h"

#include <gmock/gmock.h>
#include <signal.h>

#include <cerrno>
#include <cstdio>
#include <fstream>

#include "io/ring.h"
#include "io/uring_transport.h"
#include "tests/io/child.h"

namespace zonesweep::io {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

std::string file_with(const std::string& text) {
  std::string path = testing::TempDir() + "io_uring_disabled_" + std::to_string(::getpid());
  std::ofstream(path) << text;
  return path;
}

std::string message(int code, const char* sysctl_path, const std::string& release = "6.18.0") {
  return explain_setup_failure(code, {}, {.sysctl_path = sysctl_path, .release = release}).message;
}

TEST(RingSetup, tells_sysctl_from_seccomp_when_it_is_forbidden) {
  for (const char* value : {"1\n", "2\n"}) {
    const std::string path = file_with(value);
    const SetupError error =
        explain_setup_failure(EPERM, {}, {.sysctl_path = path.c_str(), .release = ""});
    EXPECT_EQ(error.reason, SetupError::Reason::sysctl);
    EXPECT_THAT(error.message, HasSubstr("kernel.io_uring_disabled"));
    EXPECT_THAT(error.message, Not(HasSubstr("seccomp")));
  }
  const std::string off = file_with("0\n");
  EXPECT_THAT(message(EPERM, off.c_str()), HasSubstr("seccomp"));
  EXPECT_THAT(message(EPERM, "/no/such/file"), HasSubstr("seccomp"));
  std::remove(off.c_str());
}

TEST(RingSetup, names_an_old_kernel) {
  EXPECT_THAT(message(EINVAL, "", "5.15.0-91-generic"), HasSubstr("6.1 or newer is needed"));
  EXPECT_THAT(message(EINVAL, "", "6.0.19"), HasSubstr("6.0.19"));
  EXPECT_THAT(message(ENOSYS, "", "4.19.0"), HasSubstr("6.1 or newer is needed"));
  EXPECT_THAT(message(ENOSYS, "", "6.1.0-13-amd64"), HasSubstr("sandbox"));
  EXPECT_THAT(message(EINVAL, "", "6.1.0-13-amd64"), Not(HasSubstr("is needed")));
}

TEST(RingSetup, keeps_its_messages_to_one_line) {
  for (const int code : {EPERM, ENOSYS, EINVAL, ENOMEM, EMFILE, EIO}) {
    EXPECT_EQ(message(code, "").find('\n'), std::string::npos);
  }
}

TEST(RingSetup, shrinks_by_halves_down_to_a_floor) {
  RingOptions options;
  uint64_t before = locked_bytes(options);
  int steps = 0;
  while (shrink(options)) {
    EXPECT_LT(locked_bytes(options), before);
    before = locked_bytes(options);
    ASSERT_LT(++steps, 20);
  }
  EXPECT_EQ(options.submissions, limits::kRingEntriesMin);
  EXPECT_EQ(options.buffers, limits::kRingEntriesMin);
  EXPECT_LE(locked_bytes(options), 16U * 1'024);
}

std::string outcome(const RingOptions& options = {}) {
  const auto begin = steady_clock::now();
  const auto ring = Ring::create(options);
  const auto took = std::chrono::duration_cast<milliseconds>(steady_clock::now() - begin);
  const std::string time = took > milliseconds{900} ? " (slowly)" : "";
  if (!ring) return "error: " + ring.error().message + time;
  std::string text = "ring of " + std::to_string(ring->options().submissions) + time;
  for (const std::string& warning : ring->warnings()) text += " warning: " + warning;
  return text;
}

TEST(RingSetup, names_the_container_where_seccomp_forbids_the_ring) {
  const std::string text =
      in_child([] { return forbid(SYS_io_uring_setup, EPERM) ? outcome() : "?"; });
  EXPECT_THAT(text, StartsWith("error: "));
  EXPECT_THAT(text, HasSubstr("seccomp"));
  EXPECT_THAT(text, Not(HasSubstr("slowly")));
}

TEST(RingSetup, names_the_sandbox_where_there_is_no_such_call) {
  const std::string text =
      in_child([] { return forbid(SYS_io_uring_setup, ENOSYS) ? outcome() : "?"; });
  EXPECT_THAT(text, StartsWith("error: "));
  EXPECT_THAT(text, HasSubstr("sandbox"));
}

TEST(RingSetup, names_the_container_where_seccomp_forbids_only_registering) {
  const std::string text =
      in_child([] { return forbid(SYS_io_uring_register, EPERM) ? outcome() : "?"; });
  EXPECT_THAT(text, StartsWith("error: "));
  EXPECT_THAT(text, HasSubstr("io_uring_register"));
}

class LockedMemory : public testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root to become another user";
  }
  static std::string with_limit(rlim_t bytes) {
    return in_child([bytes] {
      return limit_to(RLIMIT_MEMLOCK, bytes) && become_nobody() ? outcome() : std::string("?");
    });
  }
};

TEST_F(LockedMemory, of_8_MiB_is_enough_for_a_ring_of_full_size) {
  EXPECT_EQ(with_limit(8U << 20), "ring of 1024");
}

TEST_F(LockedMemory, of_8_MiB_is_enough_for_a_ring_on_each_of_32_cores) {
  const std::string text = in_child([] {
    if (!limit_to(RLIMIT_MEMLOCK, 8U << 20) || !become_nobody()) return std::string("?");
    std::vector<Ring> rings;
    for (int i = 0; i < 32; ++i) {
      auto ring = Ring::create({});
      if (!ring || !ring->warnings().empty()) return "only " + std::to_string(i);
      rings.push_back(std::move(*ring));
    }
    return std::string("all");
  });
  EXPECT_EQ(text, "all");
}

TEST_F(LockedMemory, that_is_short_shrinks_the_ring_with_a_warning) {
  for (const rlim_t bytes : {128U << 10, 64U << 10, 32U << 10}) {
    const std::string text = with_limit(bytes);
    EXPECT_THAT(text, StartsWith("ring of ")) << bytes;
    EXPECT_THAT(text, HasSubstr("ulimit -l")) << bytes;
  }
}

TEST_F(LockedMemory, below_the_floor_is_an_error_that_names_the_need) {
  const std::string text = with_limit(0);
  EXPECT_THAT(text, StartsWith("error: "));
  EXPECT_THAT(text, HasSubstr("ulimit -l "));
  EXPECT_THAT(text, Not(HasSubstr("slowly")));
}

// The kernel takes a killed process's rings down behind its back; for some milliseconds their
// memory counts against the successor.
TEST_F(LockedMemory, of_a_killed_predecessor_is_waited_for) {
  const auto start = [](int report) {
    RingOptions big;
    const auto ring = Ring::create(big);
    const bool whole = ring && ring->warnings().empty();
    const char result = whole ? 'y' : 'n';
    if (::write(report, &result, 1) != 1) ::_exit(1);
    ::pause();
  };
  const rlim_t just_one = locked_bytes({}) * 3 / 2;
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  for (int round = 0; round < 10; ++round) {
    const pid_t child = ::fork();
    if (child == 0) {
      if (limit_to(RLIMIT_MEMLOCK, just_one) && become_nobody()) start(ends[1]);
      ::_exit(1);
    }
    char result = '?';
    ASSERT_EQ(::read(ends[0], &result, 1), 1);
    EXPECT_EQ(result, 'y') << "round " << round;
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
  }
  ::close(ends[0]);
  ::close(ends[1]);
}

TEST(RingSetup, makes_do_with_few_files_and_says_so) {
  const std::string text = in_child([] {
    if (!limit_to(RLIMIT_NOFILE, 64)) return std::string("?");
    const auto transport = UringTransport::create({});
    if (!transport) return "error: " + transport.error().message;
    std::string said = std::to_string((*transport)->options().sockets) + " sockets;";
    for (const std::string& warning : (*transport)->warnings()) said += " warning: " + warning;
    const Endpoint server = *Endpoint::parse("127.0.0.1", 53);
    return said + ((*transport)->open_channel(server, {}) ? " open" : " shut");
  });
  EXPECT_THAT(text, HasSubstr("16 sockets; warning:"));
  EXPECT_THAT(text, HasSubstr("ulimit -n"));
  EXPECT_THAT(text, HasSubstr("open"));
}

TEST(RingSetup, refuses_too_few_files_by_number) {
  const std::string text = in_child([] {
    if (!limit_to(RLIMIT_NOFILE, 12)) return std::string("?");
    const auto transport = UringTransport::create({});
    return transport ? "no error" : transport.error().message;
  });
  EXPECT_THAT(text, HasSubstr("too few open files"));
  EXPECT_THAT(text, HasSubstr("ulimit -n"));
}

TEST(RingSetup, raises_the_soft_limit_of_files_to_the_hard_one) {
  const std::string text = in_child([] {
    const rlimit low{64, 4'096};
    if (::setrlimit(RLIMIT_NOFILE, &low) != 0) return std::string("?");
    const auto transport = UringTransport::create({});
    return transport ? std::to_string((*transport)->options().sockets) : transport.error().message;
  });
  EXPECT_EQ(text, "1024");
}

}  // namespace
}  // namespace zonesweep::io
