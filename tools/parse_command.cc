#include "tools/parse_command.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <expected>
#include <span>

#include "engine/ndjson.h"
#include "engine/registration_verdict.h"
#include "engine/scan.h"
#include "protocols/dns/name.h"
#include "protocols/whois/session.h"
#include "protocols/zone/name_text.h"
#include "tools/say.h"
#include "tools/units.h"

namespace zonesweep::tools {
namespace {

using engine::RegistrationRecord;
using engine::RegistrationSource;
using engine::RegistrationStatus;

constexpr size_t kFlushBytes = 1024 * 1024;
constexpr size_t kDnsBytes = 65'535;  // RFC 1035 section 4.2.2

int fail(int code, const std::string& message) {
  say(stderr, "zonesweep: {}\n", printable(message));
  return code;
}

struct Item {
  std::string file, name, server;
};

// At most `limit` + 1 bytes: enough to know that it is too much.
[[nodiscard]] std::expected<int64_t, std::string> read_file(const std::string& path, size_t limit,
                                                            std::string& out) {
  out.clear();
  const int fd = path == "-" ? STDIN_FILENO : open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return std::unexpected(fmt::format("{}: {}", path, std::strerror(errno)));
  struct stat about {};
  (void)fstat(fd, &about);
  std::string problem;
  std::array<char, 64 * 1024> piece;
  while (out.size() <= limit) {
    const ssize_t got = read(fd, piece.data(), piece.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) problem = fmt::format("{}: {}", path, std::strerror(errno));
    if (got <= 0) break;
    out.append(piece.data(), static_cast<size_t>(got));
  }
  if (fd != STDIN_FILENO) close(fd);
  if (!problem.empty()) return std::unexpected(problem);
  return int64_t{about.st_mtim.tv_sec} * 1'000'000 + about.st_mtim.tv_nsec / 1000;
}

[[nodiscard]] bool write_all(int fd, std::string& rows) {
  std::string_view left = rows;
  while (!left.empty()) {
    const ssize_t put = write(fd, left.data(), left.size());
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return false;
    left.remove_prefix(static_cast<size_t>(put));
  }
  rows.clear();
  return true;
}

// One recorded answer to one row.
class Reader {
 public:
  explicit Reader(const ParseOptions& options) : options_(options) {}

  [[nodiscard]] std::expected<void, std::string> add(const Item& item, std::string& rows) {
    const auto recorded_us = read_file(item.file, limit(), bytes_);
    if (!recorded_us) return std::unexpected(recorded_us.error());
    if (options_.protocol == "dns") {
      dns_row(item, *recorded_us, rows);
    } else {
      registration_row(item, *recorded_us, rows);
    }
    ++seq_;
    return {};
  }

 private:
  [[nodiscard]] size_t limit() const noexcept {
    if (options_.protocol == "whois") return whois::limits::kAnswerBytes;
    return options_.protocol == "rdap" ? rdap::limits::kBodyBytes : kDnsBytes;
  }

  // The wire form in wire_, the A-labels in name_. False for what is no name.
  [[nodiscard]] bool take_name(const std::string& text) {
    name_.clear();
    wire_size_ = 0;
    if (text.empty()) return true;
    if (text.size() > zone::limits::kLineBytes) return false;
    const zone::Verdict verdict = names_.read(text, wire_);
    if (verdict.kind == zone::InputName::Kind::illegal) return false;
    wire_size_ = verdict.wire_size;
    dns::append_lower_name_text(wire(), name_, dns::FinalDot::dropped);
    return true;
  }
  [[nodiscard]] dns::WireName wire() const noexcept {
    return std::as_bytes(std::span{wire_}.first(wire_size_));
  }

  void registration_row(const Item& item, int64_t ts_us, std::string& rows) {
    RegistrationRecord record{.seq = seq_, .input = item.name, .ts_us = ts_us};
    record.server = item.server;
    record.source =
        options_.protocol == "rdap" ? RegistrationSource::rdap : RegistrationSource::whois;
    if (options_.raw) record.raw = bytes_;
    if (!take_name(item.name)) {
      record.status = RegistrationStatus::illegal_input;
      return append_ndjson(record, rows);
    }
    record.name = name_;
    record.domain = name_;
    const engine::RegistrationVerdict verdict =
        record.source == RegistrationSource::rdap ? read_rdap() : read_whois(item);
    record.status = verdict.status;
    record.error = verdict.error;
    record.answer = &answer_;
    append_ndjson(record, rows);
  }
  [[nodiscard]] engine::RegistrationVerdict read_rdap() {
    return engine::verdict_of(rdap_.parse(bytes_, name_, answer_), answer_);
  }
  [[nodiscard]] engine::RegistrationVerdict read_whois(const Item& item) {
    const whois::Question question{.name = name_, .server = item.server};
    if (options_.feed_bytes == 0) {
      return engine::verdict_of(whois_.parse(bytes_, question, answer_), answer_, /*cut=*/false);
    }
    (void)session_.start(item.server, name_);
    auto left = std::as_bytes(std::span{bytes_});
    auto step = whois::Session::Step::need_bytes;
    while (!left.empty() && step == whois::Session::Step::need_bytes) {
      const size_t size = std::min(left.size(), options_.feed_bytes);
      step = session_.received(left.first(size));
      left = left.subspan(size);
    }
    if (step == whois::Session::Step::too_large) {
      answer_.clear();
      return {RegistrationStatus::too_large, whois::name_of(whois::Problem::answer_too_long)};
    }
    (void)session_.peer_closed();
    return engine::verdict_of(whois_.parse(session_.answer(), question, answer_), answer_, false);
  }

  void dns_row(const Item& item, int64_t ts_us, std::string& rows) {
    engine::DnsRecord record;
    record.seq = seq_;
    record.input = item.name;
    record.server = item.server;
    record.ts_us = ts_us;
    record.status = engine::Status::bad_answer;
    const bool named = take_name(item.name);
    record.name = wire();
    const auto bytes = std::as_bytes(std::span{bytes_});
    const auto message = dns::Message::parse(bytes);
    const auto summary = message ? message->validate() : std::unexpected(message.error());
    if (!named) {
      record.status = engine::Status::illegal_input;
    } else if (!summary) {
      record.error = dns::name_of(summary.error());
    } else if (!item.name.empty() && !dns::equal_names(wire(), message->question_name())) {
      record.error = "other_name";
    } else {
      record.name = message->question_name();
      record.type = message->question_type();
      record.rcode = summary->rcode;
      record.message = bytes;
      record.summary = &*summary;
      record.status =
          message->truncated() ? engine::Status::truncated : engine::status_of(*message, *summary);
    }
    append_ndjson(record, rows);
  }

  const ParseOptions& options_;
  uint64_t seq_ = 0;
  std::string bytes_;
  std::string name_;
  std::array<char, zone::limits::kWireName> wire_{};
  size_t wire_size_ = 0;
  zone::NameReader names_;
  whois::Parser whois_;
  whois::Session session_;
  rdap::Parser rdap_;
  registration::Registration answer_;
};

[[nodiscard]] Item item_of(std::string_view line) {
  std::array<std::string_view, 3> cells;
  for (std::string_view& cell : cells) {
    const size_t tab = std::min(line.find('\t'), line.size());
    cell = line.substr(0, tab);
    line.remove_prefix(std::min(tab + 1, line.size()));
  }
  return {std::string{cells[0]}, std::string{cells[1]}, std::string{cells[2]}};
}

[[nodiscard]] std::expected<std::vector<Item>, std::string> items_of(const ParseOptions& options) {
  if (options.list.empty()) return std::vector<Item>{{options.file, options.name, options.server}};
  constexpr size_t kListBytes = size_t{1} << 30;
  std::string text;
  if (const auto read = read_file(options.list, kListBytes, text); !read)
    return std::unexpected(read.error());
  std::vector<Item> items;
  for (std::string_view left = text; !left.empty();) {
    const size_t end = std::min(left.find('\n'), left.size());
    std::string_view line = left.substr(0, end);
    left.remove_prefix(std::min(end + 1, left.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (!line.empty()) items.push_back(item_of(line));
  }
  return items;
}

}  // namespace

void add_options(CLI::App& command, ParseOptions& options) {
  command
      .add_option("PROTOCOL", options.protocol,
                  "what the answers are: whois, rdap or dns (a raw message)")
      ->required()
      ->check(CLI::IsMember({"whois", "rdap", "dns"}));
  auto* file = command.add_option("FILE", options.file, "a recorded answer; - is stdin");
  command.add_option("--name", options.name, "the name that was asked");
  command.add_option("--server", options.server, "the server that answered");
  command
      .add_option("--list", options.list,
                  "many: a TSV file (file, name, server); rows in that order")
      ->excludes(file);
  command.add_flag("--raw", options.raw, "the answer itself into the row");
  command
      .add_option("--feed-bytes", options.feed_bytes,
                  "whois: hand the answer over in pieces of this size")
      ->group("Testing");
}

int run_parse(const ParseOptions& options) {
  using namespace engine::exit_code;
  if (options.file.empty() && options.list.empty())
    return fail(kUsage, "parse: give a FILE or --list");
  const auto items = items_of(options);
  if (!items) return fail(kInput, items.error());
  Reader reader{options};
  std::string rows;
  for (const Item& item : *items) {
    if (const auto added = reader.add(item, rows); !added) {
      (void)write_all(options.stdout_fd, rows);
      return fail(kInput, added.error());
    }
    if (rows.size() >= kFlushBytes && !write_all(options.stdout_fd, rows)) {
      return fail(kOutput, fmt::format("cannot write rows: {}", std::strerror(errno)));
    }
  }
  if (!write_all(options.stdout_fd, rows)) {
    return fail(kOutput, fmt::format("cannot write rows: {}", std::strerror(errno)));
  }
  return kOk;
}

}  // namespace zonesweep::tools
