#include "protocols/dns/stream.h"

#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "tests/protocols/dns/message_bytes.h"

namespace zonesweep::dns {
namespace {

using testing::Bytes;

Bytes framed(const std::vector<std::string>& messages) {
  Bytes bytes;
  for (const std::string& message : messages) {
    bytes.u16(static_cast<unsigned>(message.size())).raw(message);
  }
  return bytes;
}

std::string text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// Feeds `bytes` in pieces of `step` octets.
std::vector<std::string> read_in_steps(const Bytes& bytes, size_t step) {
  const auto reader = std::make_unique<StreamReader>();
  std::vector<std::string> messages;
  for (size_t at = 0; at < bytes.size(); at += step) {
    reader->feed(bytes.span().subspan(at, std::min(step, bytes.size() - at)));
    while (const auto message = reader->next()) messages.push_back(text(*message));
  }
  EXPECT_FALSE(reader->unfinished());
  return messages;
}

TEST(Stream, gives_the_same_messages_however_they_are_cut) {
  const std::vector<std::string> messages = {"first", "", std::string(300, 'x'), "last"};
  const Bytes bytes = framed(messages);
  for (size_t step = 1; step <= bytes.size(); ++step) {
    ASSERT_EQ(read_in_steps(bytes, step), messages) << step;
  }
}

TEST(Stream, lends_whole_messages_from_the_fed_bytes) {
  const Bytes bytes = framed({"one", "two"});
  const auto reader = std::make_unique<StreamReader>();
  reader->feed(bytes.span());
  EXPECT_EQ(reader->next()->data(), bytes.span().data() + 2);
  EXPECT_EQ(reader->next()->data(), bytes.span().data() + 7);
  EXPECT_FALSE(reader->next());
}

TEST(Stream, holds_the_largest_message) {
  const std::string largest(65'535, 'm');
  EXPECT_EQ(read_in_steps(framed({largest, "next"}), 1'000),
            (std::vector<std::string>{largest, "next"}));
}

TEST(Stream, knows_that_it_is_in_the_middle_of_a_message) {
  const Bytes bytes = framed({"message"});
  const auto reader = std::make_unique<StreamReader>();
  reader->feed(bytes.span().first(1));
  EXPECT_FALSE(reader->next());
  EXPECT_TRUE(reader->unfinished());
  reader->feed(bytes.span().subspan(1, 4));
  EXPECT_FALSE(reader->next());
  EXPECT_TRUE(reader->unfinished());
  reader->reset();
  EXPECT_FALSE(reader->unfinished());
}

TEST(Stream, prefix_is_the_length_in_network_order) {
  EXPECT_EQ(stream_prefix(0x0102), (std::array{std::byte{1}, std::byte{2}}));
}

}  // namespace
}  // namespace zonesweep::dns
