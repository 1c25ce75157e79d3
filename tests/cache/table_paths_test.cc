// get() and put() without the kernel, without a lock and without the heap, shown rather than claimed: in a
// process where any system call but read, write and exit is death, with the mutex functions counted, and
// the heap measured.
#include <dlfcn.h>
#include <gtest/gtest.h>
#include <linux/seccomp.h>
#include <malloc.h>
#include <pthread.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdlib>
#include <mutex>
#include <new>
#include <string>
#include <thread>
#include <vector>

#include "cache/flights.h"
#include "cache/table.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define ZONESWEEP_SANITIZED 1
#else
namespace {
std::atomic<uint64_t> g_allocations{0};
std::atomic<uint64_t> g_locks{0};
}  // namespace

[[gnu::noinline]] void* operator new(size_t size) {
  g_allocations.fetch_add(1, std::memory_order_relaxed);
  if (void* memory = std::malloc(size == 0 ? 1 : size)) return memory;
  throw std::bad_alloc();
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, size_t) noexcept { std::free(memory); }

// Whatever locks in this program, the C++ library included, comes by here.
extern "C" int pthread_mutex_lock(pthread_mutex_t* mutex) noexcept {
  using Lock = int (*)(pthread_mutex_t*);
  static const Lock real = reinterpret_cast<Lock>(dlsym(RTLD_NEXT, "pthread_mutex_lock"));
  g_locks.fetch_add(1, std::memory_order_relaxed);
  return real(mutex);
}
#endif

namespace zonesweep::cache {
namespace {

using namespace std::chrono_literals;

constexpr uint32_t kRounds = 400'000;
constexpr size_t kTableBytes = 4 << 20;  // small: puts evict and reclaim all the time

// Gets, puts of all sizes, claims and releases.
void work(Table& table, Flights& flights, uint32_t thread) {
  std::array<std::byte, limits::kValueBytesMax> buffer{};
  Counters counters;
  uint64_t state = thread + 1;
  for (uint32_t i = 0; i < kRounds; ++i) {
    state = state * 6364136223846793005 + 1442695040888963407;
    const uint64_t number = state >> 40 & 0x3fff;
    Key key;
    if (!key.assign({.type = 1, .name = std::as_bytes(std::span(&number, 1))}, table.seed()))
      std::abort();
    const Instant now = Instant{} + std::chrono::milliseconds(i);
    Hit hit;
    table.prefetch(key);
    table.prefetch_entry(key);
    if (table.get(key, now, buffer, hit, counters)) continue;
    const auto claim = flights.claim(key.hash());
    const size_t size = i % 1'000 == 0 ? buffer.size() : state >> 33 & 0x1ff;
    table.put(key, std::span(buffer).first(size), now + 60s, now, counters);
    if (claim == Flights::Claim::mine) flights.release(key.hash());
  }
  if (counters.hits == 0 || counters.stored == 0) std::abort();
}

TEST(TablePaths, get_and_put_call_no_kernel) {
#ifdef ZONESWEEP_SANITIZED
  GTEST_SKIP() << "a sanitizer calls the kernel itself";
#endif
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    const auto table =
        std::move(*Table::create({.bytes = kTableBytes, .seed = 1, .populate = true}));
    Flights flights(64);
    const auto confined = [&](uint32_t thread) {
      if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT) != 0) syscall(SYS_exit, 2);
      work(*table, flights, thread);
      syscall(SYS_exit, 0);
    };
    std::thread other(confined, 1);
    other.detach();
    confined(0);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status)) << "killed by signal " << WTERMSIG(status);
  if (WEXITSTATUS(status) == 2) GTEST_SKIP() << "no seccomp here";
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST(TablePaths, get_and_put_neither_lock_nor_allocate) {
#ifdef ZONESWEEP_SANITIZED
  GTEST_SKIP() << "a sanitizer has its own heap";
#else
  const auto table = std::move(*Table::create({.bytes = kTableBytes, .seed = 1}));
  Flights flights(64);
  const uint64_t locks = g_locks;
  const uint64_t allocations = g_allocations;
  const size_t heap = mallinfo2().uordblks;
  work(*table, flights, 0);
  EXPECT_EQ(mallinfo2().uordblks, heap);
  EXPECT_EQ(g_allocations, allocations);
  EXPECT_EQ(g_locks, locks);
  EXPECT_GT(table->counters().evicted, 0U);
  const std::vector<int> counted(100);  // the count counts
  EXPECT_GT(g_allocations, allocations);
  std::mutex mutex;
  const std::lock_guard lock(mutex);
  EXPECT_GT(g_locks, locks);
#endif
}

}  // namespace
}  // namespace zonesweep::cache
