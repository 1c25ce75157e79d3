#include "cache/redis.h"

#include <hiredis/hiredis.h>
#include <hiredis/read.h>

#include <algorithm>
#include <cassert>
#include <charconv>
#include <utility>

namespace zonesweep::cache {
namespace {

constexpr size_t kFeedBytes = 4'096;
constexpr size_t kWordsMax = 8;

struct Named {
  std::string_view prefix;
  RedisError error;
};
constexpr std::array kErrors{
    Named{"MOVED ", RedisError::moved},
    Named{"ASK ", RedisError::ask},
    Named{"TRYAGAIN", RedisError::try_again},
    Named{"LOADING", RedisError::loading},
    Named{"READONLY", RedisError::read_only},
    Named{"OOM", RedisError::out_of_memory},
    Named{"CLUSTERDOWN", RedisError::cluster_down},
    Named{"MASTERDOWN", RedisError::master_down},
    Named{"NOAUTH", RedisError::not_allowed},
    Named{"WRONGPASS", RedisError::not_allowed},
    Named{"NOPERM", RedisError::not_allowed},
    Named{"ERR invalid password", RedisError::not_allowed},
    Named{"ERR AUTH", RedisError::not_allowed},
    Named{"ERR Client sent AUTH", RedisError::not_allowed},
    Named{"BUSY", RedisError::busy},
};

constexpr auto kCrcTable = [] {
  std::array<uint16_t, 256> table{};
  for (uint32_t byte = 0; byte < table.size(); ++byte) {
    uint32_t crc = byte << 8;
    for (int bit = 0; bit < 8; ++bit) crc = crc << 1 ^ ((crc & 0x8000) != 0 ? 0x1021U : 0U);
    table[byte] = static_cast<uint16_t>(crc);
  }
  return table;
}();

template <typename Number>
bool number_from(std::string_view text, Number& number) noexcept {
  const auto* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  return error == std::errc{} && stop == end;
}

// The word in front of the first blank; `text` is what follows.
std::string_view next_word(std::string_view& text) noexcept {
  const size_t blank = std::min(text.find(' '), text.size());
  const auto word = text.substr(0, blank);
  text.remove_prefix(std::min(blank + 1, text.size()));
  return word;
}

}  // namespace

std::string_view name_of(RedisError error) noexcept {
  switch (error) {
    case RedisError::none: return "none";
    case RedisError::moved: return "the slot has moved";
    case RedisError::ask: return "the slot is moving";
    case RedisError::try_again: return "try again";
    case RedisError::loading: return "is loading its data";
    case RedisError::read_only: return "is a read-only replica";
    case RedisError::out_of_memory: return "is out of memory";
    case RedisError::cluster_down: return "the cluster is down";
    case RedisError::master_down: return "its master is down";
    case RedisError::not_allowed: return "does not accept user and password";
    case RedisError::busy: return "is busy";
    case RedisError::other: return "refuses";
  }
  return "refuses";
}

// hiredis builds a reply by calls in the order of the bytes; any pointer but null stands for "done".
struct RedisReader::Hooks {
  static RedisReader& of(const redisReadTask* task) {
    return *static_cast<RedisReader*>(task->privdata);
  }
  static void* add(RedisReader& reader, const Part& part) {
    if (reader.parts_.size() >= limits::kRedisElements) return nullptr;
    reader.parts_.push_back(part);
    return &reader;
  }
  static RedisReply::Kind kind_of(int type) {
    if (type == REDIS_REPLY_ERROR) return RedisReply::Kind::error;
    return type == REDIS_REPLY_STATUS ? RedisReply::Kind::status : RedisReply::Kind::text;
  }
  static void* text(const redisReadTask* task, char* bytes, size_t size) {
    RedisReader& reader = of(task);
    const Part part{.kind = kind_of(task->type),
                    .at = static_cast<uint32_t>(reader.texts_.size()),
                    .size = static_cast<uint32_t>(size)};
    reader.texts_.append(bytes, size);
    return add(reader, part);
  }
  static void* array(const redisReadTask* task, int count) {
    uint32_t depth = 1;
    for (const auto* outer = task->parent; outer != nullptr; outer = outer->parent) depth++;
    if (depth > limits::kRedisNesting || count < 0 ||
        static_cast<uint32_t>(count) > limits::kRedisElements)
      return nullptr;
    return add(of(task), {.kind = RedisReply::Kind::array, .size = static_cast<uint32_t>(count)});
  }
  static void* integer(const redisReadTask* task, long long value) {
    return add(of(task), {.kind = RedisReply::Kind::integer, .integer = value});
  }
  static void* nil(const redisReadTask* task) {
    return add(of(task), {.kind = RedisReply::Kind::nil});
  }
  static void drop(void*) {}
};

void RedisReader::Free::operator()(redisReader* reader) const { redisReaderFree(reader); }

RedisReader::RedisReader() {
  static redisReplyObjectFunctions hooks{.createString = Hooks::text,
                                         .createArray = Hooks::array,
                                         .createInteger = Hooks::integer,
                                         .createNil = Hooks::nil,
                                         .freeObject = Hooks::drop};
  reader_.reset(redisReaderCreateWithFunctions(&hooks));
  broken_ = reader_ == nullptr;
  if (broken_) return;
  reader_->privdata = this;
  reader_->maxbuf = 0;  // its buffer is kept: the limit on replies is ours
}

RedisReader::~RedisReader() = default;

// A piece at a time: hiredis scans an unfinished line anew with each feed, and moves what is left of its
// buffer once it has read a kilobyte.
bool RedisReader::feed(std::span<const std::byte>& bytes) {
  const auto piece = bytes.first(std::min(bytes.size(), kFeedBytes));
  bytes = bytes.subspan(piece.size());
  const auto* text = reinterpret_cast<const char*>(piece.data());
  return redisReaderFeed(reader_.get(), text, piece.size()) == REDIS_OK;
}

bool RedisReader::too_large() const {
  return reader_->len - reader_->pos + texts_.size() > limits::kRedisReplyBytes;
}

RedisReader::Step RedisReader::next(std::span<const std::byte>& bytes) {
  if (std::exchange(told_, false)) {
    parts_.clear();
    texts_.clear();
  }
  while (!broken_) {
    void* whole = nullptr;
    broken_ = redisReaderGetReply(reader_.get(), &whole) != REDIS_OK || too_large();
    told_ = !broken_ && whole != nullptr;
    if (told_) return Step::reply;
    if (broken_) break;
    if (bytes.empty()) return Step::need_bytes;
    broken_ = !feed(bytes);
  }
  return Step::broken;
}

RedisReply RedisReader::at(uint32_t index) const {
  assert(index < parts_.size());
  const Part& part = parts_[index];
  RedisReply reply{.kind = part.kind, .integer = part.integer};
  if (part.kind == RedisReply::Kind::array) {
    reply.elements = part.size;
  } else {
    reply.text = std::string_view(texts_).substr(part.at, part.size);
  }
  return reply;
}

RedisError redis_error(std::string_view error) noexcept {
  const auto* const known = std::ranges::find_if(
      kErrors, [&](const Named& named) { return error.starts_with(named.prefix); });
  return known == kErrors.end() ? RedisError::other : known->error;
}

std::optional<RedisRedirect> redis_redirect(std::string_view error) noexcept {
  RedisRedirect redirect;
  next_word(error);
  const auto slot = next_word(error);
  const auto address = next_word(error);
  const size_t colon = address.rfind(':');  // "::1:6381" is ::1, port 6381
  if (colon == std::string_view::npos || colon > limits::kRedisHostBytes) return std::nullopt;
  redirect.host = address.substr(0, colon);
  if (!number_from(slot, redirect.slot) || redirect.slot >= limits::kRedisSlots ||
      !number_from(address.substr(colon + 1), redirect.port) || redirect.port == 0)
    return std::nullopt;
  return redirect;
}

namespace {

// Reads the parts of a reply in their order; what does not fit makes it wrong once and for all.
class Parts {
 public:
  explicit Parts(const RedisReader& reader) : reader_(reader) {}

  uint32_t array() { return take(RedisReply::Kind::array).elements; }
  uint16_t number(int64_t most) {
    const int64_t value = take(RedisReply::Kind::integer).integer;
    if (value < 0 || value > most) sound_ = false;
    return sound_ ? static_cast<uint16_t>(value) : uint16_t{0};
  }
  // nil and "?" stand for "the one that you asked", too.
  std::string_view host() {
    if (at_ < reader_.size() && reader_.at(at_).kind == RedisReply::Kind::nil)
      return skip(), std::string_view{};
    const auto text = take(RedisReply::Kind::text).text;
    if (text.size() > limits::kRedisHostBytes) sound_ = false;
    return text == "?" ? std::string_view{} : text;
  }
  // One value, with all that is in it.
  void skip() {
    for (uint32_t left = 1; left > 0 && at_ < reader_.size(); ++at_)
      left += reader_.at(at_).elements - 1;
  }
  [[nodiscard]] bool sound() const { return sound_; }

 private:
  RedisReply take(RedisReply::Kind kind) {
    if (at_ >= reader_.size() || reader_.at(at_).kind != kind) sound_ = false;
    return sound_ ? reader_.at(at_++) : RedisReply{};
  }

  const RedisReader& reader_;
  uint32_t at_ = 0;
  bool sound_ = true;
};

}  // namespace

std::optional<std::vector<RedisSlotRange>> redis_slot_ranges(const RedisReader& reader) {
  constexpr uint32_t kBounds = 2;  // in front of the nodes
  Parts parts(reader);
  std::vector<RedisSlotRange> ranges;
  for (uint32_t left = parts.array(); left > 0 && parts.sound(); --left) {
    const uint32_t members = parts.array();
    RedisSlotRange range;
    range.first = parts.number(limits::kRedisSlots - 1);
    range.last = parts.number(limits::kRedisSlots - 1);
    const uint32_t facts = parts.array();  // of the master, which comes first
    range.host = parts.host();
    range.port = parts.number(UINT16_MAX);
    if (!parts.sound() || members <= kBounds || facts < 2 || range.first > range.last)
      return std::nullopt;
    for (uint32_t more = facts - 2; more > 0; --more) parts.skip();
    for (uint32_t more = members - kBounds - 1; more > 0; --more) parts.skip();
    if (range.port != 0) ranges.push_back(range);  // 0: no plain port, or none known yet
  }
  if (!parts.sound()) return std::nullopt;
  return ranges;
}

uint16_t redis_slot(std::string_view key) noexcept {
  const size_t open = key.find('{');
  if (open != std::string_view::npos) {
    const size_t close = key.find('}', open + 1);
    if (close != std::string_view::npos && close > open + 1)
      key = key.substr(open + 1, close - open - 1);
  }
  uint16_t crc = 0;
  for (const char c : key) {
    const auto index = static_cast<uint8_t>(crc >> 8 ^ static_cast<uint8_t>(c));
    crc = static_cast<uint16_t>(static_cast<uint32_t>(crc) << 8 ^ kCrcTable[index]);
  }
  return crc % limits::kRedisSlots;
}

bool append_redis_command(std::initializer_list<std::string_view> words, std::string& out) {
  assert(words.size() <= kWordsMax);
  std::array<const char*, kWordsMax> texts;
  std::array<size_t, kWordsMax> sizes;
  size_t count = 0;
  for (const std::string_view word : words) {
    texts[count] = word.data();
    sizes[count++] = word.size();
  }
  char* command = nullptr;
  const int size =
      redisFormatCommandArgv(&command, static_cast<int>(count), texts.data(), sizes.data());
  if (size < 0) return false;
  out.append(command, static_cast<size_t>(size));
  redisFreeCommand(command);
  return true;
}

}  // namespace zonesweep::cache
