#include "io/error.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <set>

namespace zonesweep::io {
namespace {

TEST(Error, tells_local_shortage_from_the_network) {
  for (const int code : {EAGAIN, ENOBUFS, ENOMEM, EMFILE, ENFILE})
    EXPECT_TRUE(is_local(error_from_errno(code)));
  for (const int code : {ECONNREFUSED, EHOSTUNREACH, EACCES, ECONNRESET, ETIMEDOUT, 12'345}) {
    EXPECT_FALSE(is_local(error_from_errno(code)));
    EXPECT_NE(error_from_errno(code), Error::none);
  }
  EXPECT_EQ(error_from_errno(0), Error::none);
}

TEST(Error, has_a_name_of_its_own_for_each_value) {
  std::set<std::string_view> names;
  for (int i = 0; i <= static_cast<int>(Error::other); ++i)
    names.insert(name_of(static_cast<Error>(i)));
  EXPECT_EQ(names.size(), static_cast<size_t>(Error::other) + 1);
}

}  // namespace
}  // namespace zonesweep::io
