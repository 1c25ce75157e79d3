#include "io/spool_file.h"

#include <gtest/gtest.h>

#include <array>
#include <string>

namespace zonesweep::io {
namespace {

TEST(SpoolFile, gives_back_what_was_written_and_fewer_bytes_at_its_end) {
  auto file = SpoolFile::make(testing::TempDir());
  ASSERT_TRUE(file);
  const std::string text = "what waits";
  ASSERT_TRUE(file->write_at(4'096, text));
  std::array<char, 64> bytes{};
  const auto count = file->read_at(4'096, bytes);
  ASSERT_TRUE(count);
  EXPECT_EQ(std::string(bytes.data(), *count), text);
  EXPECT_EQ(file->read_at(8'192, bytes), 0U);
  EXPECT_EQ(file->read_at(0, bytes), bytes.size());
}

TEST(SpoolFile, is_made_nowhere_but_in_a_folder) {
  EXPECT_FALSE(SpoolFile::make("/proc"));
  EXPECT_FALSE(SpoolFile::make("/no/such/folder"));
  EXPECT_FALSE(SpoolFile::make("/etc/hostname"));
}

}  // namespace
}  // namespace zonesweep::io
