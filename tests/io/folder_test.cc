#include "io/folder.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <cstdlib>

#include "tests/io/child.h"

namespace zonesweep::io {
namespace {

class FolderTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string made = testing::TempDir() + "folder_XXXXXX";
    ASSERT_NE(::mkdtemp(made.data()), nullptr);
    path_ = made;
    auto opened = Folder::open(path_);
    ASSERT_TRUE(opened);
    folder_ = std::move(*opened);
  }
  void TearDown() override { ASSERT_EQ(::system(("rm -rf " + path_).c_str()), 0); }

  mode_t mode_of(const std::string& name) const {
    struct stat status {};
    EXPECT_EQ(::stat((path_ + "/" + name).c_str(), &status), 0);
    return status.st_mode & 0777;
  }
  std::string content_of(const std::string& name) const {
    const auto file = folder_.open_read(name);
    return file ? read_all(*file, 1 << 20).value_or("?") : "no file";
  }

  std::string path_;
  Folder folder_;
};

TEST_F(FolderTest, appends_and_renames_within_the_folder) {
  auto file = folder_.create(".part.tmp");
  ASSERT_TRUE(file);
  EXPECT_TRUE(file->append("one "));
  EXPECT_TRUE(file->append(""));
  EXPECT_TRUE(file->append("two"));
  EXPECT_TRUE(file->sync_data());
  EXPECT_TRUE(folder_.rename(".part.tmp", "part"));
  EXPECT_TRUE(folder_.sync());
  EXPECT_EQ(content_of("part"), "one two");
  EXPECT_EQ(*folder_.names(), std::vector<std::string>{"part"});
}

TEST_F(FolderTest, makes_files_that_the_group_may_read_and_others_may_not) {
  const mode_t old = ::umask(0);
  EXPECT_TRUE(folder_.create("file"));
  EXPECT_TRUE(folder_.make_folder("sub"));
  ::umask(old);
  EXPECT_EQ(mode_of("file"), 0640U);
  EXPECT_EQ(mode_of("sub"), 0750U);
}

TEST_F(FolderTest, overwrites_nothing_that_exists) {
  ASSERT_TRUE(folder_.create("a")->append("old"));
  EXPECT_EQ(folder_.create("a").error(), std::errc::file_exists);
  ASSERT_TRUE(folder_.create("b")->append("new"));
  EXPECT_EQ(folder_.rename("b", "a").error(), std::errc::file_exists);
  EXPECT_EQ(content_of("a"), "old");
  EXPECT_TRUE(folder_.replace("b", "a"));
  EXPECT_EQ(content_of("a"), "new");
}

TEST_F(FolderTest, follows_no_link_and_opens_nothing_but_files) {
  ASSERT_EQ(::symlink("/etc/passwd", (path_ + "/link").c_str()), 0);
  ASSERT_EQ(::mkfifo((path_ + "/fifo").c_str(), 0600), 0);
  EXPECT_FALSE(folder_.open_read("link"));
  EXPECT_FALSE(folder_.open_append("link"));
  EXPECT_FALSE(folder_.open_or_create("link"));
  EXPECT_FALSE(folder_.create("link"));
  EXPECT_FALSE(folder_.open_read("fifo"));
  EXPECT_FALSE(folder_.open_read("."));
  ASSERT_EQ(::symlink("/tmp", (path_ + "/there").c_str()), 0);
  EXPECT_FALSE(folder_.open_folder("there"));
}

TEST_F(FolderTest, reads_at_an_offset_and_cuts_off_a_torn_tail) {
  auto file = folder_.create("a");
  ASSERT_TRUE(file->append("0123456789"));
  std::array<char, 4> out{};
  EXPECT_EQ(file->read_at(3, out), 4U);
  EXPECT_EQ(std::string_view(out.data(), 4), "3456");
  EXPECT_EQ(file->read_at(8, out), 2U);
  EXPECT_EQ(file->read_at(100, out), 0U);
  EXPECT_TRUE(file->truncate(4));
  EXPECT_EQ(file->size(), 4U);
  EXPECT_TRUE(file->append("x"));
  EXPECT_EQ(content_of("a"), "0123x");
}

TEST_F(FolderTest, lets_one_holder_lock_a_file_until_it_is_gone) {
  auto first = folder_.open_or_create("lock");
  auto second = folder_.open_or_create("lock");
  EXPECT_EQ(first->try_lock(), true);
  EXPECT_EQ(second->try_lock(), false);
  first = File{};
  EXPECT_EQ(second->try_lock(), true);
}

TEST_F(FolderTest, tells_a_full_disk_and_leaves_the_rest_to_be_cut) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root to mount";
  if (::mount("none", path_.c_str(), "tmpfs", 0, "size=64k") != 0) GTEST_SKIP() << "no tmpfs";
  {
    const auto small = Folder::open(path_);
    auto file = small->create("a");
    const auto result = file->append(std::string(100'000, 'x'));
    EXPECT_FALSE(result);
    EXPECT_EQ(result.error(), std::errc::no_space_on_device);
    EXPECT_EQ(file->size(), 64U * 1'024);  // the short write that came before
    EXPECT_TRUE(file->truncate(10));
    EXPECT_TRUE(file->append(std::string(20'000, 'y')));
    EXPECT_EQ(file->size(), 20'010U);
  }
  EXPECT_EQ(::umount(path_.c_str()), 0);
}

TEST_F(FolderTest, tells_a_file_that_may_not_grow) {
  const std::string said = in_child([&] {
    ::signal(SIGXFSZ, SIG_IGN);
    if (!limit_to(RLIMIT_FSIZE, 10'000)) return std::string("?");
    auto file = folder_.create("a");
    const auto result = file->append(std::string(30'000, 'x'));
    if (result || result.error() != std::errc::file_too_large) return std::string("not told");
    return std::to_string(*file->size());
  });
  EXPECT_EQ(said, "10000");
}

TEST_F(FolderTest, takes_a_failed_sync_as_final) {
  for (const unsigned call : {unsigned{SYS_fdatasync}, unsigned{SYS_fsync}}) {
    const std::string said = in_child([&] {
      auto file = folder_.create("a" + std::to_string(call));
      if (!file->append("x") || !forbid(call, EIO)) return std::string("?");
      const auto first = call == SYS_fsync ? file->sync() : file->sync_data();
      const auto other = call == SYS_fsync ? file->sync_data() : file->sync();  // would succeed
      if (first || other || file->append("y")) return std::string("believed");
      return std::string(first.error() == std::errc::io_error ? "final" : "odd");
    });
    EXPECT_EQ(said, "final");
  }
}

TEST_F(FolderTest, tells_a_read_only_folder) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root to mount";
  if (::mount("none", path_.c_str(), "tmpfs", MS_RDONLY, "size=64k") != 0)
    GTEST_SKIP() << "no tmpfs";
  EXPECT_EQ(Folder::open(path_)->create("a").error(), std::errc::read_only_file_system);
  EXPECT_EQ(::umount(path_.c_str()), 0);
}

TEST_F(FolderTest, makes_a_path_with_its_parents_and_tells_what_is_in_the_way) {
  EXPECT_TRUE(Folder::make(path_ + "/x/y/z"));
  EXPECT_TRUE(Folder::make(path_ + "/x/y/z"));
  EXPECT_TRUE(folder_.create("file"));
  EXPECT_EQ(Folder::make(path_ + "/file/y").error(), std::errc::not_a_directory);
  EXPECT_EQ(Folder::open(path_ + "/none").error(), std::errc::no_such_file_or_directory);
}

TEST_F(FolderTest, reads_a_whole_file_only_up_to_a_bound) {
  ASSERT_TRUE(folder_.create("a")->append("12345"));
  EXPECT_EQ(read_all(*folder_.open_read("a"), 5), "12345");
  EXPECT_EQ(read_all(*folder_.open_read("a"), 4).error(), std::errc::file_too_large);
}

}  // namespace
}  // namespace zonesweep::io
