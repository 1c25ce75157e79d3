#include "tests/sim/sim_dns.h"

namespace zonesweep::sim {
namespace {

constexpr size_t kHeaderBytes = 12;
constexpr uint16_t kPointerToQuestion = 0xc00c;
constexpr uint16_t kTypeOpt = 41;

void put16(Bytes& out, uint32_t value) {
  out.push_back(static_cast<std::byte>((value >> 8U) & 0xffU));
  out.push_back(static_cast<std::byte>(value & 0xffU));
}

void put32(Bytes& out, uint32_t value) {
  put16(out, value >> 16U);
  put16(out, value);
}

void put(Bytes& out, std::span<const std::byte> bytes) {
  out.insert(out.end(), bytes.begin(), bytes.end());
}

uint16_t get16(std::span<const std::byte> in, size_t at) {
  return static_cast<uint16_t>(std::to_integer<unsigned>(in[at]) << 8U |
                               std::to_integer<unsigned>(in[at + 1]));
}

// One past the question's QCLASS; 0 where there is no whole question.
size_t end_of_question(std::span<const std::byte> query) {
  size_t at = kHeaderBytes;
  while (at < query.size() && query[at] != std::byte{0})
    at += 1 + std::to_integer<size_t>(query[at]);
  return at + 5 <= query.size() ? at + 5 : 0;
}

void put_record(Bytes& out, const SimRecord& record) {
  if (record.owner.empty()) {
    put16(out, kPointerToQuestion);
  } else {
    put(out, wire_name(record.owner));
  }
  put16(out, record.type);
  put16(out, 1);
  put32(out, record.ttl);
  put16(out, static_cast<uint32_t>(record.data.size()));
  put(out, record.data);
}

void put_opt(Bytes& out) {
  out.push_back(std::byte{0});
  put16(out, kTypeOpt);
  put16(out, 1232);
  put32(out, 0);
  put16(out, 0);
}

}  // namespace

SimQuestion question_of(std::span<const std::byte> query) {
  SimQuestion question;
  const size_t end = end_of_question(query);
  if (end == 0) return question;
  question.id = get16(query, 0);
  question.type = get16(query, end - 4);
  question.edns = get16(query, 10) > 0;
  for (size_t at = kHeaderBytes; query[at] != std::byte{0};) {
    const auto length = std::to_integer<size_t>(query[at]);
    if (!question.name.empty()) question.name += '.';
    for (size_t i = 1; i <= length; ++i) question.name += std::to_integer<char>(query[at + i]);
    at += 1 + length;
  }
  return question;
}

Bytes wire_name(std::string_view name) {
  Bytes out;
  while (!name.empty()) {
    const std::string_view label = name.substr(0, name.find('.'));
    out.push_back(static_cast<std::byte>(label.size()));
    put(out, std::as_bytes(std::span(label)));
    name.remove_prefix(std::min(name.size(), label.size() + 1));
  }
  out.push_back(std::byte{0});
  return out;
}

Bytes dns_query(uint16_t id, std::string_view name, uint16_t type) {
  Bytes out;
  put16(out, id);
  put16(out, 0x0100);  // RD
  put16(out, 1);
  for (int i = 0; i < 3; ++i) put16(out, 0);
  put(out, wire_name(name));
  put16(out, type);
  put16(out, 1);
  return out;
}

Bytes dns_reply(std::span<const std::byte> query, const SimReply& reply) {
  const size_t end = end_of_question(query);
  if (end == 0) return {};
  Bytes out;
  put16(out, get16(query, 0));
  put16(out, 0x8180U | (reply.truncated ? 0x0200U : 0U) | (reply.rcode & 0xfU));
  put16(out, 1);
  put16(out, static_cast<uint32_t>(reply.answers.size()));
  put16(out, static_cast<uint32_t>(reply.authorities.size()));
  put16(out, static_cast<uint32_t>(reply.additionals.size() + (reply.edns ? 1 : 0)));
  put(out, query.subspan(kHeaderBytes, end - kHeaderBytes));
  for (const SimRecord& record : reply.answers) put_record(out, record);
  for (const SimRecord& record : reply.authorities) put_record(out, record);
  for (const SimRecord& record : reply.additionals) put_record(out, record);
  if (reply.edns) put_opt(out);
  return out;
}

Bytes with_length(std::span<const std::byte> message) {
  Bytes out;
  put16(out, static_cast<uint32_t>(message.size()));
  put(out, message);
  return out;
}

SimRecord a_record_of(std::string_view name) {
  uint32_t hash = 2'166'136'261U;  // FNV-1a
  for (const char letter : name) {
    const bool upper = letter >= 'A' && letter <= 'Z';
    hash = (hash ^ static_cast<unsigned char>(upper ? letter + 32 : letter)) * 16'777'619U;
  }
  SimRecord record;
  record.data.push_back(std::byte{10});
  for (const unsigned shift : {16U, 8U, 0U}) {
    record.data.push_back(static_cast<std::byte>(hash >> shift & 0xffU));
  }
  return record;
}

}  // namespace zonesweep::sim
