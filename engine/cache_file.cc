#include "engine/cache_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "cache/ttl.h"
#include "engine/lane_cache.h"
#include "protocols/dns/name.h"

namespace zonesweep::engine {
namespace {

int64_t wall_now_s() {
  return std::chrono::duration_cast<std::chrono::seconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

bool may_be_stored(std::span<const std::byte> value) {
  const auto envelope = Envelope::read(value);
  return envelope && !envelope->only_in_memory;
}

}  // namespace

std::unique_ptr<CacheFile> CacheFile::open(const std::string& path, AnswerCache& cache,
                                           std::vector<std::string>& warnings) {
  std::string aside;
  auto tier = cache::FileTier::open(path, cache::FileTier::Missing::create, &aside);
  if (!aside.empty()) {
    warnings.push_back(fmt::format(
        "cache file {}: damaged, or not of this version; set aside as {}", path, aside));
  }
  if (!tier) {
    warnings.push_back(
        fmt::format("cache file {}; the run goes on without it", tier.error().message));
    return nullptr;
  }
  std::unique_ptr<CacheFile> file(new CacheFile(std::move(*tier), cache));
  if (!file->load()) {
    warnings.push_back(fmt::format("cache file {}: {}; the run goes on without the rest", path,
                                   file->tier_->problem()));
    return nullptr;
  }
  file->thread_ = std::jthread([raw = file.get()] { raw->write_behind(); });
  return file;
}

CacheFile::CacheFile(std::unique_ptr<cache::FileTier> tier, AnswerCache& cache)
    : tier_(std::move(tier)),
      cache_(cache),
      harvest_(cache.table()),
      opened_(std::chrono::steady_clock::now()),
      opened_s_(wall_now_s()) {}

CacheFile::~CacheFile() { end_thread(); }

int64_t CacheFile::wall_s(io::Instant when) const {
  return opened_s_ + std::chrono::duration_cast<std::chrono::seconds>(when - opened_).count();
}

// What the file calls a name: of DNS its text, of other protocols what it is in the key.
bool CacheFile::question_of(const cache::Stored& entry, std::span<std::byte> wire,
                            cache::Question& question) const {
  question = {.protocol = static_cast<cache::Protocol>(entry.protocol),
              .type = entry.type,
              .options = entry.options,
              .name = std::as_bytes(std::span(entry.name))};
  if (question.protocol != cache::Protocol::dns) return true;
  const auto size = dns::name_from_text(entry.name, wire);
  if (!size) return false;
  question.name = wire.first(*size);
  return true;
}

bool CacheFile::load() {
  cache::Counters counters;
  cache::Key key;
  std::array<std::byte, dns::limits::kNameBytes> wire;
  const bool sound = tier_->load(opened_s_, [&](const cache::Stored& entry) {
    cache::Question question;
    if (!may_be_stored(entry.value) || !question_of(entry, wire, question) ||
        !key.assign(question, cache_.table().seed()))
      return true;
    if (question.protocol == cache::Protocol::dns && question.options != cache_.dns_options()) {
      useful_++;  // to a run with other resolvers
      return true;
    }
    // A clock that was wrong must not make an answer live longer than any answer may.
    const auto seconds = std::min<int64_t>(entry.expires_s - opened_s_, cache::limits::kTtlMax);
    const auto put = cache_.table().put(key, entry.value, opened_ + std::chrono::seconds{seconds},
                                        opened_, counters);
    loaded_ += put == cache::PutResult::stored;
    return true;
  });
  harvest_.skip();
  const cache::TableCounters table = cache_.table().counters();
  useful_ += table.evicted == 0 ? table.entries : loaded_;
  return sound;
}

void CacheFile::write_behind() {
  std::unique_lock lock(mutex_);
  while (sound_ && !ending_) {
    wake_.wait_for(lock, limits::kCacheFileEvery, [this] { return ending_; });
    lock.unlock();
    sound_ = write_new();
    lock.lock();
  }
}

bool CacheFile::write_new() {
  bool sound = true;
  in_batch_ = 0;
  harvest_.collect([&](const cache::Entry& entry) {
    if (may_be_stored(entry.value)) sound = append(entry);
    return sound;
  });
  return sound && (in_batch_ == 0 || tier_->commit());
}

bool CacheFile::append(const cache::Entry& entry) {
  if (in_batch_ == 0 && !tier_->begin()) return false;
  text_.clear();
  if (entry.question.protocol == cache::Protocol::dns) {
    dns::append_lower_name_text(entry.question.name, text_, dns::FinalDot::dropped);
  } else {
    const auto* name = reinterpret_cast<const char*>(entry.question.name.data());
    text_.assign(name, entry.question.name.size());
  }
  if (!tier_->append({.protocol = static_cast<uint8_t>(entry.question.protocol),
                      .type = entry.question.type,
                      .options = entry.question.options,
                      .name = text_,
                      .stored_s = Envelope::read(entry.value)->stored_s,
                      .expires_s = wall_s(entry.expires),
                      .value = entry.value}))
    return false;
  written_++;
  if (++in_batch_ < limits::kCacheFileBatch) return true;
  in_batch_ = 0;
  return tier_->commit();
}

void CacheFile::end_thread() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  wake_.notify_one();
  if (thread_.joinable()) thread_.join();
}

void CacheFile::close(cache::RunHistory run, std::vector<std::string>& warnings) {
  end_thread();
  run.started_s = opened_s_;
  run.finished_s = wall_now_s();
  run.loaded = loaded_;
  // The thread wrote last after it was told to end, so nothing is left but a stripe that was busy then.
  sound_ = sound_ && write_new();
  run.written = written_;
  sound_ = sound_ && tier_->add_run(run);
  if (sound_ && tier_->rows() > limits::kCacheFileSlack * (useful_ + written_ + 1))
    sound_ = tier_->tidy(run.finished_s);
  if (!sound_)
    warnings.push_back(fmt::format("cache file: {}; it is not complete", tier_->problem()));
  tier_.reset();
}

}  // namespace zonesweep::engine
