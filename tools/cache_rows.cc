#include "tools/cache_rows.h"

#include <fmt/format.h>

#include <array>
#include <cstdio>
#include <memory>
#include <vector>

#include "engine/cached_answer.h"
#include "engine/ndjson.h"
#include "engine/shard_reader.h"
#include "protocols/dns/types.h"
#include "protocols/dns/writer.h"
#include "tools/json_cursor.h"
#include "tools/rdata_text.h"
#include "tools/shards_folder.h"

namespace zonesweep::tools {
namespace {

constexpr uint64_t kRunBytesMax = 16 << 20;
constexpr uint32_t kBatch = 20'000;  // entries per transaction

struct TextRecord {
  dns::Section section = dns::Section::answer;
  std::string name, type, klass, data;
  uint32_t ttl = 0;
};

struct TextRow {
  uint64_t seq = 0;
  std::string input, name, type, status, server, transport, error, time;
  std::vector<std::string> flags;
  std::vector<TextRecord> records;
  uint32_t tries = 0;
  uint32_t rtt_us = 0;
  uint16_t rcode = 0;
  bool cached = false;
};

void read_records(JsonCursor& in, dns::Section section, std::vector<TextRecord>& records) {
  std::string key;
  for (in.begin('['); in.item();) {
    TextRecord& record = records.emplace_back();
    record.section = section;
    for (in.begin('{'); in.member(key);) {
      if (key == "name") {
        record.name = in.string();
      } else if (key == "type") {
        record.type = in.string();
      } else if (key == "class") {
        record.klass = in.string();
      } else if (key == "ttl") {
        record.ttl = static_cast<uint32_t>(in.number());
      } else if (key == "data") {
        record.data = in.string();
      } else {
        in.skip();  // typed fields say the same again
      }
    }
  }
}

bool read_row(std::string_view line, TextRow& row) {
  JsonCursor in(line);
  std::string key;
  for (in.begin('{'); in.member(key);) {
    if (key == "seq") {
      row.seq = in.number();
    } else if (key == "input") {
      row.input = in.string();
    } else if (key == "name") {
      row.name = in.string();
    } else if (key == "type") {
      row.type = in.string();
    } else if (key == "status") {
      row.status = in.string();
    } else if (key == "rcode") {
      row.rcode = static_cast<uint16_t>(in.number());
    } else if (key == "flags") {
      for (in.begin('['); in.item();) row.flags.push_back(in.string());
    } else if (key == "answers") {
      read_records(in, dns::Section::answer, row.records);
    } else if (key == "authorities") {
      read_records(in, dns::Section::authority, row.records);
    } else if (key == "additionals") {
      read_records(in, dns::Section::additional, row.records);
    } else if (key == "server") {
      row.server = in.string();
    } else if (key == "transport") {
      row.transport = in.string();
    } else if (key == "tries") {
      row.tries = static_cast<uint32_t>(in.number());
    } else if (key == "rtt_us") {
      row.rtt_us = static_cast<uint32_t>(in.number());
    } else if (key == "cached") {
      row.cached = in.boolean();
    } else if (key == "ts") {
      row.time = in.string();
    } else {
      in.skip();
    }
  }
  return in.ok();
}

// "2026-08-01T12:34:56.123456Z" as microseconds since the Unix epoch.
std::optional<int64_t> microseconds_of(const std::string& text) {
  int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0, micros = 0;
  if (std::sscanf(text.c_str(), "%4d-%2d-%2dT%2d:%2d:%2d.%6dZ", &year, &month, &day, &hour, &minute,
                  &second, &micros) != 7)
    return std::nullopt;
  const auto date = std::chrono::year_month_day(std::chrono::year(year),
                                                std::chrono::month(static_cast<unsigned>(month)),
                                                std::chrono::day(static_cast<unsigned>(day)));
  if (!date.ok()) return std::nullopt;
  const int64_t days = std::chrono::sys_days(date).time_since_epoch().count();
  return ((days * 24 + hour) * 60 + minute) * 60'000'000 + second * 1'000'000LL + micros;
}

bool has(const std::vector<std::string>& flags, std::string_view flag) {
  return std::ranges::find(flags, flag) != flags.end();
}

// The message that the row shows, in `out`; empty if it cannot be told.
std::span<const std::byte> message_of(const TextRow& row, dns::WireName name, uint16_t type,
                                      std::span<std::byte> out) {
  if (row.rcode > 15 || has(row.flags, "tc") || has(row.flags, "z")) return {};
  dns::MessageWriter writer(out);
  writer.header({.rcode = row.rcode,
                 .authoritative = has(row.flags, "aa"),
                 .recursion_desired = has(row.flags, "rd"),
                 .recursion_available = has(row.flags, "ra"),
                 .authentic_data = has(row.flags, "ad"),
                 .checking_disabled = has(row.flags, "cd")});
  if (!writer.question(name, type)) return {};
  for (const TextRecord& record : row.records) {
    const auto record_type = dns::type_from_text(record.type);
    const auto owner = dns::Name::from_text(record.name);
    if (!record_type || !owner || record.klass != "IN") return {};
    const auto rdata = rdata_from_text(*record_type, record.data);
    if (!rdata || !writer.record(record.section, {.owner = owner->wire(),
                                                  .type = *record_type,
                                                  .ttl = record.ttl,
                                                  .rdata = std::as_bytes(std::span(*rdata))}))
      return {};
  }
  return writer.written();
}

class Taker {
 public:
  Taker(cache::FileTier& tier, uint32_t options, int64_t now_s)
      : tier_(tier), options_(options), now_s_(now_s) {}

  // False when the file cannot be written.
  bool add(std::string_view line) {
    taken.rows++;
    TextRow row;
    if (!read_row(line, row) || !take(row, line)) taken.left_out++;
    return sound_;
  }
  bool finish() { return sound_ && (in_batch_ == 0 || tier_.commit()); }

  RowsTaken taken;

 private:
  bool take(const TextRow& row, std::string_view line) {
    const auto name = dns::Name::from_text(row.name);
    const auto type = dns::type_from_text(row.type);
    const auto ts_us = microseconds_of(row.time);
    if (!name || !type || !ts_us) return false;
    const auto bytes = message_of(row, name->wire(), *type, message_);
    const auto message = dns::Message::parse(bytes);
    const auto summary = message ? message->validate() : std::unexpected(message.error());
    if (bytes.empty() || !summary) return false;
    const engine::DnsRecord record{.seq = row.seq,
                                   .input = row.input,
                                   .name = name->wire(),
                                   .type = *type,
                                   .status = engine::status_of(*message, *summary),
                                   .rcode = row.rcode,
                                   .message = bytes,
                                   .summary = &*summary,
                                   .server = row.server,
                                   .transport = row.transport == "tcp" ? engine::TransportUsed::tcp
                                                : row.transport == "udp"
                                                    ? engine::TransportUsed::udp
                                                    : engine::TransportUsed::none,
                                   .tries = row.tries,
                                   .rtt_us = row.rtt_us,
                                   .cached = row.cached,
                                   .ts_us = *ts_us};
    again_.clear();
    engine::append_ndjson(record, again_);
    if (again_.size() != line.size() + 1 || !again_.starts_with(line)) return false;
    return keep(record, row.name);
  }

  bool keep(const engine::DnsRecord& record, std::string_view name) {
    const auto stored_s = static_cast<uint32_t>(record.ts_us / 1'000'000);
    const auto how = engine::keep_of(record, stored_s);
    if (how.seconds == 0 || how.envelope.only_in_memory) return false;
    const size_t size = engine::encode_answer(record, encoded_);
    if (size == 0) return false;
    if (int64_t{stored_s} + how.seconds <= now_s_) {
      taken.expired++;
      return true;
    }
    std::vector<std::byte> value(engine::Envelope::kBytes + size);
    how.envelope.write(value);
    std::copy_n(encoded_.begin(), size, value.begin() + engine::Envelope::kBytes);
    write({.protocol = static_cast<uint8_t>(cache::Protocol::dns),
           .type = record.type,
           .options = options_,
           .name = name,
           .stored_s = stored_s,
           .expires_s = int64_t{stored_s} + how.seconds,
           .value = value});
    return true;
  }

  void write(const cache::Stored& entry) {
    sound_ = sound_ && (in_batch_ > 0 || tier_.begin()) && tier_.append(entry);
    if (!sound_) return;
    taken.kept++;
    if (++in_batch_ < kBatch) return;
    in_batch_ = 0;
    sound_ = tier_.commit();
  }

  cache::FileTier& tier_;
  uint32_t options_;
  int64_t now_s_;
  bool sound_ = true;
  uint32_t in_batch_ = 0;
  std::array<std::byte, engine::Envelope::kValueBytes> message_;
  engine::CachedBytes encoded_;
  std::string again_;
};

void read_configuration(JsonCursor& in, engine::AskedHow& how) {
  std::string key;
  for (in.begin('{'); in.member(key);) {
    if (key == "resolvers") {
      for (in.begin('['); in.item();)
        if (const auto at = io::Endpoint::parse(in.string(), 53)) how.resolvers.push_back(*at);
    } else if (key == "dnssec") {
      how.dnssec_ok = in.boolean();
    } else if (key == "recursion") {
      how.recursion_desired = in.boolean();
    } else {
      in.skip();
    }
  }
}

// Whom the run asked, and how: part of what its answers are answers to.
std::optional<engine::AskedHow> asked_how(const ShardsFolder& folder, const Manifest& manifest) {
  const auto file = folder.root.open_read(manifest.layout.run());
  if (!file) return std::nullopt;
  const auto text = io::read_all(*file, kRunBytesMax);
  if (!text) return std::nullopt;
  engine::AskedHow how;
  JsonCursor in(*text);
  std::string key;
  for (in.begin('{'); in.member(key);) {
    if (key == "configuration") {
      read_configuration(in, how);
    } else {
      in.skip();
    }
  }
  return in.ok() && !how.resolvers.empty() ? std::optional(how) : std::nullopt;
}

// Every whole line of the shard. The text is a reason.
std::expected<void, std::string> take_shard(const ShardsFolder& folder,
                                            const engine::ManifestLine& line,
                                            const engine::ManifestFile& file, Taker& taker) {
  auto opened = open_shard(folder, line, file);
  if (!opened) return std::unexpected(opened.error());
  const auto reader =
      std::make_unique<engine::ShardReader>(std::move(*opened), compression_of(file));
  std::string pending;
  while (true) {
    const auto piece = reader->next();
    if (!piece) return std::unexpected(piece.error());
    if (piece->empty()) return {};
    pending += *piece;
    size_t from = 0;
    for (size_t end; (end = pending.find('\n', from)) != std::string::npos; from = end + 1)
      if (!taker.add(std::string_view(pending).substr(from, end - from)))
        return std::unexpected("the cache's file cannot be written");
    pending.erase(0, from);
  }
}

}  // namespace

std::expected<RowsTaken, std::string> take_rows(const std::string& folder, cache::FileTier& tier,
                                                int64_t now_s) {
  const auto run = open_shards_folder(folder);
  if (!run) return std::unexpected(run.error());
  if (!run->problems.empty()) return std::unexpected(run->problems.front());
  RowsTaken all;
  for (const Manifest& manifest : run->manifests) {
    const auto how = asked_how(*run, manifest);
    if (!how) {
      return std::unexpected(
          fmt::format("{}/{}: not there or not readable: only finished runs can be taken", folder,
                      manifest.layout.run()));
    }
    const auto taker = std::make_unique<Taker>(tier, engine::dns_key_options(*how), now_s);
    for (const engine::ManifestLine& line : manifest.lines) {
      for (const engine::ManifestFile& file : line.files) {
        if (file.table != engine::Table::dns) continue;
        if (auto taken = take_shard(*run, line, file, *taker); !taken)
          return std::unexpected(fmt::format("{}/{}: {}", folder, file.path, taken.error()));
      }
    }
    if (!taker->finish()) return std::unexpected(tier.problem());
    all.rows += taker->taken.rows;
    all.kept += taker->taken.kept;
    all.expired += taker->taken.expired;
    all.left_out += taker->taken.left_out;
  }
  return all;
}

}  // namespace zonesweep::tools
