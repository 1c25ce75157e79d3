// Names in: from the queue into lookups and questions.
#include <algorithm>
#include <cassert>

#include "engine/dns_lane.h"
#include "protocols/dns/types.h"

namespace zonesweep::engine {
namespace {

constexpr uint16_t kTypePtr = 12;

}  // namespace

// Takes one name. False when there is none, or no room for it.
bool DnsLane::pull() {
  if (draining_ || lookups_.room() == 0 ||
      questions_.room() < options_.types.size() + servers_.size())
    return false;
  if (writer_.full() || hits_of_turn_ >= limits::kHitsPerTurn) return false;
  if (redis_ && (redis_->settling() || !redis_->has_room())) return false;
  if (!next_name()) return false;
  if (answers_) foresee();
  const size_t at = batch_at_++;
  admit(batch_->block.names[at], batch_->done.empty() ? 0 : batch_->done[at]);
  return true;
}

// Makes batch_at_ point to a name, taking the next batch if need be.
bool DnsLane::next_name() {
  while (!batch_ || batch_at_ == batch_->block.names.size()) {
    auto next = queue_.take();
    if (!next) return false;
    if (batch_) queue_.recycle(std::move(batch_));
    batch_ = std::move(next);
    batch_at_ = 0;
    statistics_.input_bytes = batch_->block.bytes_read;
    load_chunk(batch_->chunk);
    unload_chunk(batch_->chunk);  // known now, even if none of its names needs a lookup
  }
  return true;
}

void DnsLane::admit(const InputName& name, uint64_t done) {
  statistics_.names++;
  if (name.kind == InputName::Kind::illegal) return write_illegal(name, done);
  const uint32_t slot = lookups_.take();
  Lookup& lookup = lookups_[slot];
  lookup.seq = name.seq;
  lookup.chunk = batch_->chunk;
  lookup.set(batch_->block.input(name), batch_->block.wire(name));
  load_chunk(lookup.chunk);

  const bool address = name.kind == InputName::Kind::address;
  const auto count = address ? size_t{1} : options_.types.size();
  lookup.questions_open = 1;  // held until all are planned: the first may be done at once
  for (uint32_t number = 0; number < count; ++number) {
    if ((done >> number & 1) != 0) continue;
    lookup.questions_open++;
    plan(slot, number, address ? kTypePtr : options_.types[number]);
  }
  if (--lookup.questions_open == 0) lookup_ended(slot);
}

// What the cache needs for a name that comes a little later is on its way meanwhile.
void DnsLane::foresee() {
  const size_t ahead = batch_at_ + limits::kForeseen;
  if (ahead >= batch_->block.names.size()) return;
  const InputName& name = batch_->block.names[ahead];
  if (name.kind != InputName::Kind::name) return;
  for (uint32_t number = 0; number < options_.types.size(); ++number) {
    answers_->foresee(name.seq, number, batch_->block.wire(name), options_.types[number]);
  }
}

void DnsLane::write_illegal(const InputName& name, uint64_t done) {
  DnsRecord record{.seq = name.seq,
                   .input = batch_->block.input(name),
                   .status = Status::illegal_input,
                   .ts_us = wall_us_,
                   .error = name_of(name.reason)};
  for (uint32_t number = 0; number < options_.types.size(); ++number) {
    if ((done >> number & 1) != 0) continue;
    record.type = options_.types[number];
    writer_.write(batch_->chunk, number, record);
    statistics_.rows++;
    statistics_.statuses[static_cast<size_t>(Status::illegal_input)]++;
  }
  writer_.name_done(batch_->chunk, name.seq);
}

// Writes the row from the cache, if the answer is there. If not, `hash` is that of the question.
bool DnsLane::known(uint32_t lookup, uint32_t number, uint16_t type, uint64_t& hash) {
  DnsRecord record{.name = lookups_[lookup].wire(), .type = type, .ts_us = wall_us_};
  const auto found = answers_->find(lookups_[lookup].seq, number, now_, wall_us_, record);
  hash = found.hash;
  if (!found.hit) return false;
  hits_of_turn_++;
  write_row(lookup, number, type, record);
  lookups_[lookup].questions_open--;  // never the last: admit() holds one
  return true;
}

void DnsLane::plan(uint32_t lookup, uint32_t number, uint16_t type) {
  uint64_t hash = 0;
  if (answers_ && known(lookup, number, type, hash)) return;
  const uint32_t slot = questions_.take();
  Question& question = questions_[slot];
  question = Question{};
  question.lookup = lookup;
  question.number = static_cast<uint8_t>(number);
  question.type = type;
  question.key_hash = hash;
  const dns::WireName name = lookups_[lookup].wire();
  question.flight = flights_.hash(name, type);
  const uint32_t leader = flights_.find(question.flight, [&](uint32_t other) {
    return questions_[other].type == type &&
           dns::equal_names(name_of_question(questions_[other]), name);
  });
  if (leader != SingleFlight::kNone) {
    question.state = Question::State::following;
    question.next = questions_[leader].followers;
    questions_[leader].followers = slot;
    statistics_.coalesced++;
    return;
  }
  flights_.insert(question.flight, slot);
  fly(slot);
}

// Into the queue, unless another lane asks the same right now, or has just done so.
void DnsLane::fly(uint32_t slot) {
  Question& question = questions_[slot];
  if (answers_) {
    if (answers_->claim(question.key_hash, question.ticket) == DnsAnswers::Claim::elsewhere) {
      question.state = Question::State::waiting;
      return waiting_.push(questions_, slot);
    }
    DnsRecord record;
    if (question.ticket.tracked && known_by_now(slot, record)) return conclude(slot, record);
  }
  if (redis_) {
    question.fetch = answers_->fetch(name_of_question(question), question.type, slot);
    if (question.fetch != RedisTier::kNone) {
      question.state = Question::State::fetching;
      fetching_++;
      return;
    }
  }
  ask_upstream(slot);
}

bool DnsLane::on_fetched(uint32_t slot, std::string_view sealed) {
  Question& question = questions_[slot];
  end_fetch(question);
  DnsRecord record{.name = name_of_question(question), .type = question.type, .ts_us = wall_us_};
  const bool known = !sealed.empty() && answers_->receive(sealed, now_, wall_us_, record);
  known ? conclude(slot, record) : ask_upstream(slot);
  return known;
}

void DnsLane::end_fetch(Question& question) {
  question.fetch = RedisTier::kNone;
  question.state = Question::State::between;
  fetching_--;
}

void DnsLane::ask_upstream(uint32_t slot) {
  Question& question = questions_[slot];
  statistics_.questions++;
  question.state = Question::State::ready;
  fresh_.push(questions_, slot);
}

bool DnsLane::known_by_now(uint32_t slot, DnsRecord& record) {
  const Question& question = questions_[slot];
  record = {.name = name_of_question(question), .type = question.type, .ts_us = wall_us_};
  if (!answers_->find_again(now_, wall_us_, record)) return false;
  statistics_.coalesced++;
  return true;
}

// The questions that other lanes were asking: those are done when the answer is in the cache, or when
// nobody asks any more.
void DnsLane::look_again() {
  hits_of_turn_ = 0;
  for (uint32_t left = waiting_.size(); left > 0; --left) {
    const uint32_t slot = waiting_.pop(questions_);
    Question& question = questions_[slot];
    if (question.state == Question::State::spent) {
      free_slot(slot);
      continue;
    }
    question.state = Question::State::between;  // it stands in no queue any more
    DnsRecord record;
    if (known_by_now(slot, record)) {
      conclude(slot, record);
    } else {
      fly(slot);
    }
  }
}

void DnsLane::lookup_ended(uint32_t slot) {
  Lookup& lookup = lookups_[slot];
  writer_.name_done(lookup.chunk, lookup.seq);
  unload_chunk(lookup.chunk);
  lookup.clear();
  lookups_.give_back(slot);
}

void DnsLane::load_chunk(uint64_t chunk) {
  const auto load = std::ranges::find(chunks_, chunk, &ChunkLoad::chunk);
  if (load != chunks_.end()) {
    load->lookups++;
  } else {
    chunks_.push_back({chunk, 1});
  }
}

void DnsLane::unload_chunk(uint64_t chunk) {
  const auto load = std::ranges::find(chunks_, chunk, &ChunkLoad::chunk);
  assert(load != chunks_.end() && load->lookups > 0);
  if (--load->lookups == 0) chunk_ran_dry_ = true;
}

// Tells the writer of chunks that this lane has nothing more for, so that they need not wait for a
// flush.
void DnsLane::settle_chunks() {
  if (!chunk_ran_dry_) return;
  uint64_t lowest = queue_.lowest_chunk();
  if (batch_ && batch_at_ < batch_->block.names.size()) lowest = std::min(lowest, batch_->chunk);
  chunk_ran_dry_ = false;
  std::erase_if(chunks_, [&](const ChunkLoad& load) {
    if (load.lookups > 0) return false;
    if (load.chunk >= lowest) {
      chunk_ran_dry_ = true;  // looked at again next turn
      return false;
    }
    writer_.chunk_idle(load.chunk);
    return true;
  });
}

}  // namespace zonesweep::engine
