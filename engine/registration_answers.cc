#include "engine/registration_answers.h"

#include <algorithm>
#include <cstring>

namespace zonesweep::engine {
namespace {

constexpr uint8_t kFormat = 1;
constexpr size_t kHeadBytes =
    4;  // status, source, tries, length of the server; then server and answer

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text));
}

std::string_view text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace

bool RegistrationAnswers::assign(const Question& question) {
  const bool rdap = question.first == RegistrationSource::rdap;
  server_.assign(question.host).append(1, ':').append(std::to_string(question.port));
  return registration_key(key_, cache_.shared(),
                          rdap ? cache::Protocol::rdap : cache::Protocol::whois, server_,
                          question.domain, static_cast<uint32_t>(question.probe));
}

cache::Counters RegistrationAnswers::counters() const {
  cache::Counters counters = cache_.counters();
  counters.hits = hits_;
  return counters;
}

std::optional<RegistrationAnswers::Known> RegistrationAnswers::find(const Question& question,
                                                                    io::Instant now, bool again,
                                                                    RegistrationReader& reader) {
  if (!assign(question)) return std::nullopt;
  const auto hit = cache_.find(key_, now, again);
  auto known = hit ? read(*hit, question, reader) : std::nullopt;
  if (known) hits_++;
  return known;
}

uint32_t RegistrationAnswers::fetch(const Question& question, uint32_t token) {
  return assign(question) ? cache_.fetch(key_, token) : RedisTier::kNone;
}

std::optional<RegistrationAnswers::Known> RegistrationAnswers::receive(const Question& question,
                                                                       std::string_view sealed,
                                                                       io::Instant now,
                                                                       int64_t wall_us,
                                                                       RegistrationReader& reader) {
  if (!assign(question)) return std::nullopt;
  const auto now_s = static_cast<uint32_t>(wall_us / 1'000'000);
  const auto hit = LaneCache::received(key_, sealed, now, now_s);
  auto known = hit ? read(*hit, question, reader) : std::nullopt;
  if (known) cache_.keep_received(key_, *hit, now);
  return known;
}

// The reader judges the text anew: whoever stored it is not asked what it says.
std::optional<RegistrationAnswers::Known> RegistrationAnswers::read(const LaneCache::Hit& hit,
                                                                    const Question& question,
                                                                    RegistrationReader& reader) {
  if (hit.envelope.format != kFormat || hit.value.size() < kHeadBytes) return std::nullopt;
  const auto status = static_cast<RegistrationStatus>(hit.value[0]);
  const auto source = static_cast<RegistrationSource>(hit.value[1]);
  const auto server_size = std::to_integer<size_t>(hit.value[3]);
  if (source != RegistrationSource::rdap && source != RegistrationSource::whois)
    return std::nullopt;
  if (hit.value.size() - kHeadBytes < server_size) return std::nullopt;
  const auto texts = text_of(hit.value.subspan(kHeadBytes));
  Known known{.source = source,
              .server = texts.substr(0, server_size),
              .tries = std::to_integer<uint32_t>(hit.value[2])};
  known.reading =
      reader.read_again(source, texts.substr(server_size), question.domain, known.server);
  if (known.reading.verdict.status != status) return std::nullopt;
  return known;
}

void RegistrationAnswers::keep(const Question& question, const Known& known, io::Instant now,
                               int64_t wall_us) {
  const RegistrationStatus status = known.reading.verdict.status;
  const bool plain = status == RegistrationStatus::ok || status == RegistrationStatus::not_found;
  const std::string_view raw = known.reading.raw;
  // An empty 404 has no text that could be read again.
  if (!plain || raw.empty() || known.server.size() > UINT8_MAX || !assign(question)) return;
  value_.clear();
  value_.push_back(static_cast<std::byte>(status));
  value_.push_back(static_cast<std::byte>(known.source));
  value_.push_back(static_cast<std::byte>(std::min(known.tries, 255U)));
  value_.push_back(static_cast<std::byte>(known.server.size()));
  std::ranges::copy(bytes_of(known.server), std::back_inserter(value_));
  std::ranges::copy(bytes_of(raw), std::back_inserter(value_));
  cache_.keep(
      key_, value_,
      {.seconds =
           status == RegistrationStatus::ok ? limits::kRegisteredKept : limits::kNotRegisteredKept,
       .envelope = {.stored_s = static_cast<uint32_t>(wall_us / 1'000'000), .format = kFormat}},
      now);
}

}  // namespace zonesweep::engine
