#include "tools/progress.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "tools/say.h"

namespace zonesweep::tools {
namespace {

using namespace std::chrono_literals;

constexpr auto kBarEvery = 200ms;
constexpr auto kJsonEvery = 1s;
constexpr int kWidthUnknown = 100;

std::string count_text(double value) {
  if (value < 10'000) return fmt::format("{:.0f}", value);
  if (value < 1e6) return fmt::format("{:.1f}k", value / 1e3);
  if (value < 1e9) return fmt::format("{:.2f}M", value / 1e6);
  return fmt::format("{:.2f}G", value / 1e9);
}

std::string span_text(double seconds) {
  const auto whole = static_cast<uint64_t>(seconds);
  if (whole < 60) return fmt::format("{}s", whole);
  if (whole < 3'600) return fmt::format("{}m{:02}s", whole / 60, whole % 60);
  return fmt::format("{}h{:02}m", whole / 3'600, whole / 60 % 60);
}

std::string time_text(uint32_t us) {
  return us < 10'000 ? fmt::format("{:.1f}ms", us / 1e3) : fmt::format("{}ms", us / 1'000);
}

// The share of the input that is done, by bytes as stored; below 0 where the size is not known. Names
// that were read and wait for their registry are not done.
double share_of(const engine::ScanProgress& now) {
  if (now.input_bytes_total == 0) return -1;
  const double read = std::min(
      1.0, static_cast<double>(now.input_bytes) / static_cast<double>(now.input_bytes_total));
  if (!now.registration || now.registration->names == 0) return read;
  return read * static_cast<double>(now.registration->rows) /
         static_cast<double>(now.registration->names);
}

size_t terminal_width() {
  winsize size{};
  return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col
                                                                         : kWidthUnknown;
}

// "NOERROR 12, TIMEOUT 1", by the words of the table's statuses.
template <typename Status, typename Counts>
std::string statuses_text(const Counts& counts, std::string_view separator) {
  std::string text;
  for (size_t i = 0; i < counts.size(); ++i) {
    if (counts[i] == 0) continue;
    if (!text.empty()) text += separator;
    text += fmt::format("{} {}", engine::name_of(static_cast<Status>(i)),
                        count_text(static_cast<double>(counts[i])));
  }
  return text;
}

uint64_t rows_of(const engine::ScanProgress& now) {
  return now.lanes.rows + (now.registration ? now.registration->rows : 0);
}

std::string dns_part(const engine::Statistics& lanes) {
  std::string text = fmt::format(" | p50 {} p99 {}", time_text(lanes.latency.percentile(0.5)),
                                 time_text(lanes.latency.percentile(0.99)));
  if (lanes.questions > 0) {
    text += fmt::format(" | {:.2f} tries",
                        static_cast<double>(lanes.sent) / static_cast<double>(lanes.questions));
  }
  if (lanes.cache_hits > 0)
    text += fmt::format(" | cached {}", count_text(static_cast<double>(lanes.cache_hits)));
  return text + " | " + statuses_text<engine::Status>(lanes.statuses, ", ");
}

std::string registration_part(const engine::RegistrationStatistics& all) {
  std::string text =
      fmt::format(" | registration {} waiting", count_text(static_cast<double>(all.waiting)));
  if (all.quarantined > 0) text += fmt::format(", {} servers paused", all.quarantined);
  return text + " | " + statuses_text<engine::RegistrationStatus>(all.statuses, ", ");
}

void summarize_dns(const engine::ScanProgress& now) {
  const engine::Statistics& lanes = now.lanes;
  say(stderr, "  statuses  {}\n", statuses_text<engine::Status>(lanes.statuses, ", "));
  say(stderr,
      "  queries   {} for {} questions ({} again, {} over TCP, {} shared by equal questions)\n",
      lanes.sent, lanes.questions, lanes.retries, lanes.over_tcp, lanes.coalesced);
  if (now.cache_bytes > 0) {
    say(stderr, "  cache     {} hits, {} misses, {} entries, {} evicted, {} expired\n",
        lanes.cache_hits, lanes.cache_misses, now.cache.entries, now.cache.evicted,
        lanes.cache_expired + now.cache.expired);
  }
  if (now.redis) {
    const engine::RedisCounters redis = engine::redis_counters(now);
    say(stderr, "  redis     {} hits, {} misses, {} late, {} errors, {} stored\n", redis.hits,
        redis.misses, redis.late, redis.errors, redis.stored);
  }
  say(stderr, "  latency   p50 {}  p90 {}  p99 {}\n", time_text(lanes.latency.percentile(0.5)),
      time_text(lanes.latency.percentile(0.9)), time_text(lanes.latency.percentile(0.99)));
  if (lanes.datagrams_dropped > 0) {
    say(stderr, "  {} answers were dropped by this machine: raise net.core.rmem_max\n",
        lanes.datagrams_dropped);
  }
}

void summarize_registration(const engine::RegistrationStatistics& all) {
  say(stderr, "  registration  {}\n",
      statuses_text<engine::RegistrationStatus>(all.statuses, ", "));
  say(stderr,
      "  questions {} RDAP, {} WHOIS to {} servers ({} again, {} throttled, {} names given up)\n",
      all.rdap, all.whois, all.backends, all.retries, all.throttled, all.given_up);
  if (all.latency.count() > 0) {
    say(stderr, "  latency   p50 {}  p90 {}  p99 {}\n", time_text(all.latency.percentile(0.5)),
        time_text(all.latency.percentile(0.9)), time_text(all.latency.percentile(0.99)));
  }
}

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

}  // namespace

Progress::Progress(ProgressMode mode) : mode_(mode) {
  if (mode_ == ProgressMode::automatic)
    mode_ = isatty(STDERR_FILENO) ? ProgressMode::bar : ProgressMode::none;
}

void Progress::show(const engine::ScanProgress& now) {
  const auto time = std::chrono::steady_clock::now();
  const double passed = std::chrono::duration<double>(time - drawn_).count();
  if (mode_ == ProgressMode::none) return;
  if (time - drawn_ <
      (mode_ == ProgressMode::bar ? std::chrono::milliseconds{kBarEvery} : kJsonEvery))
    return;
  const double rate = static_cast<double>(rows_of(now) - rows_drawn_) / passed;
  rate_ = rate_ == 0 || mode_ == ProgressMode::json
              ? rate
              : rate_ + (rate - rate_) * std::min(1.0, passed / 3);
  drawn_ = time;
  rows_drawn_ = rows_of(now);
  if (mode_ == ProgressMode::json) {
    say(stderr, "{}\n", json_line(now, seconds_since(start_), rate_));
    return;
  }
  say(stderr, "\r\x1b[K{}", bar(now));
  std::fflush(stderr);
  on_screen_ = true;
}

std::string Progress::bar(const engine::ScanProgress& now) const {
  const size_t width = terminal_width();
  const double share = share_of(now);
  std::string line;
  if (share >= 0) {
    constexpr size_t kCells = 20;
    const auto full = static_cast<size_t>(share * kCells);
    line = fmt::format("[{}{}] {:5.1f}% ", std::string(full, '#'), std::string(kCells - full, '-'),
                       share * 100);
  }
  line +=
      fmt::format("{} rows {}/s", count_text(static_cast<double>(rows_of(now))), count_text(rate_));
  const double elapsed = seconds_since(start_);
  if (share > 0.001 && share < 1)
    line += fmt::format(" ETA {}", span_text(elapsed / share - elapsed));
  if (now.dns) line += dns_part(now.lanes);
  if (now.registration) line += registration_part(*now.registration);
  if (line.size() >= width) line.resize(width - 1);
  return line;
}

void Progress::clear() {
  if (!on_screen_) return;
  say(stderr, "\r\x1b[K");
  std::fflush(stderr);
  on_screen_ = false;
}

std::string Progress::json_line(const engine::ScanProgress& now, double seconds,
                                double rows_per_second) {
  const engine::Statistics& lanes = now.lanes;
  const double share = share_of(now);
  return fmt::format(
      R"({{"elapsed_s":{:.3f},"names":{},"rows":{},"rows_per_s":{:.0f},"rows_resumed":{},"in_flight":{},"questions":{},)"
      R"("queries":{},"retries":{},"timeouts":{},"coalesced":{},"cache":{},"input_bytes":{},"input_bytes_total":{},{})"
      R"("rtt_us":{{"p50":{},"p90":{},"p99":{}}},"statuses":{},"registration":{},"bytes_written":{},"chunks_committed":{}}})",
      seconds, now.dns ? lanes.names : now.registration->names, rows_of(now), rows_per_second,
      now.output.rows_resumed, lanes.in_flight, lanes.questions, lanes.sent, lanes.retries,
      lanes.timeouts, lanes.coalesced, engine::cache_json(now), now.input_bytes,
      now.input_bytes_total,
      share > 0 ? fmt::format(R"("eta_s":{:.0f},)", seconds / share - seconds) : "",
      lanes.latency.percentile(0.5), lanes.latency.percentile(0.9), lanes.latency.percentile(0.99),
      engine::statuses_json(lanes),
      now.registration ? engine::progress_json(*now.registration) : "null",
      now.output.bytes_written, now.output.chunks_committed);
}

void Progress::summary(const engine::ScanProgress& now, double seconds) {
  clear();
  if (mode_ == ProgressMode::json) {
    say(stderr, "{}\n",
        json_line(now, seconds, static_cast<double>(rows_of(now)) / std::max(seconds, 1e-9)));
    return;
  }
  const auto rows = static_cast<double>(rows_of(now));
  say(stderr, "{} names, {} rows in {:.1f} s ({} rows/s)",
      now.dns ? now.lanes.names : now.registration->names, rows_of(now), seconds,
      count_text(rows / std::max(seconds, 1e-9)));
  if (now.output.rows_resumed > 0)
    say(stderr, ", {} rows were there already", now.output.rows_resumed);
  say(stderr, "\n");
  if (now.lanes.rows > 0) summarize_dns(now);
  if (now.registration && now.registration->rows > 0) summarize_registration(*now.registration);
}

}  // namespace zonesweep::tools
