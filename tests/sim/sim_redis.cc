#include "tests/sim/sim_redis.h"

#include <optional>

namespace zonesweep::sim {
namespace {

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text));
}

// Takes one whole command off the front of `bytes`.
std::optional<SimRedis::Words> take_command(std::string& bytes) {
  size_t at = 0;
  const auto number = [&](char mark) -> std::optional<size_t> {
    const size_t end = bytes.find("\r\n", at);
    if (end == std::string::npos || bytes[at] != mark) return std::nullopt;
    const size_t value = std::stoul(bytes.substr(at + 1, end - at - 1));
    at = end + 2;
    return value;
  };
  if (bytes.empty()) return std::nullopt;
  const auto count = number('*');
  if (!count) return std::nullopt;
  SimRedis::Words words;
  for (size_t i = 0; i < *count; ++i) {
    if (at >= bytes.size()) return std::nullopt;
    const auto size = number('$');
    if (!size || bytes.size() < at + *size + 2) return std::nullopt;
    words.push_back(bytes.substr(at, *size));
    at += *size + 2;
  }
  bytes.erase(0, at);
  return words;
}

}  // namespace

SimServer::Welcome SimRedis::on_connect(const SimConnection& from) {
  connects++;
  if (welcome == Welcome::open) unread_[key(from)].connection = from;
  return welcome;
}

void SimRedis::on_bytes(const SimConnection& from, std::span<const std::byte> bytes) {
  Inbox& inbox = unread_[key(from)];
  inbox.bytes.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  while (const auto words = take_command(inbox.bytes)) {
    heard[(*words)[0]]++;
    commands.push_back(*words);
    std::string reply = instead ? instead(*words) : std::string();
    if (reply.empty()) reply = reply_to(*words, inbox);
    if (!mute) from.send(bytes_of(reply), think);
  }
}

std::string SimRedis::reply_to(const Words& words, Inbox& inbox) {
  if (words[0] == "AUTH") {
    inbox.allowed = words.back() == password;
    return inbox.allowed ? "+OK\r\n" : "-WRONGPASS invalid username-password pair\r\n";
  }
  if (!password.empty() && !inbox.allowed) return "-NOAUTH Authentication required.\r\n";
  if (words[0] == "CLUSTER")
    return slots.empty() ? "-ERR This instance has cluster support disabled\r\n" : slots;
  if (loading) return "-LOADING Redis is loading the dataset in memory\r\n";
  if (words[0] == "PING") return "+PONG\r\n";
  if (words[0] == "SELECT" || words[0] == "ASKING") return "+OK\r\n";
  if (words[0] == "SET") {
    if (!set_error.empty()) return set_error;
    values[words[1]] = words[2];
    return "+OK\r\n";
  }
  if (words[0] != "GET") return "-ERR unknown command\r\n";
  const auto found = values.find(words[1]);
  if (found == values.end()) return "$-1\r\n";
  return '$' + std::to_string(found->second.size()) + "\r\n" + found->second + "\r\n";
}

void SimRedis::drop_all() {
  for (const auto& [id, inbox] : unread_) inbox.connection.reset();
}

void SimRedis::say(std::string_view text) {
  for (const auto& [id, inbox] : unread_) inbox.connection.send(bytes_of(text));
}

}  // namespace zonesweep::sim
