#include "engine/input.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace zonesweep::engine {
namespace {

class InputTest : public ::testing::Test {
 protected:
  InputTest() { std::filesystem::create_directories(folder_); }
  ~InputTest() override { std::filesystem::remove_all(folder_); }

  std::string file(const std::string& name, std::string_view bytes) {
    const auto path = folder_ / name;
    std::ofstream(path, std::ios::binary) << bytes;
    return path;
  }

  struct Outcome {
    std::vector<std::string> names;
    std::string error;
  };

  static Outcome read(const std::vector<std::string>& paths, const InputOptions& options = {},
                      size_t batch = 7) {
    Outcome outcome;
    auto input = Input::open(paths, options);
    if (!input) return {{}, input.error().text()};
    NameBlock block;
    while (true) {
      block.clear();
      const auto more = input->next(block, batch);
      if (!more) outcome.error = more.error().text();
      if (!more || !*more) return outcome;
      for (const InputName& name : block.names) {
        EXPECT_EQ(name.seq, outcome.names.size());
        outcome.names.emplace_back(block.input(name));
      }
    }
  }

  const std::filesystem::path folder_ =
      std::filesystem::temp_directory_path() /
      ("zonesweep-input-" + std::to_string(::getpid()) + "-" +
       ::testing::UnitTest::GetInstance()->current_test_info()->name());
};

using Names = std::vector<std::string>;

TEST_F(InputTest, several_files_are_read_one_after_another_and_seq_goes_on) {
  const auto outcome =
      read({file("a", "a.com\nb.com\n"), file("b", "rank,domain\n1,c.com\n"), file("c", "d.com")});
  EXPECT_EQ(outcome.names, (Names{"a.com", "b.com", "c.com", "d.com"}));
  EXPECT_EQ(outcome.error, "");
}

TEST_F(InputTest, a_missing_file_is_found_before_anything_is_read) {
  const auto outcome = read({file("a", "a.com\n"), (folder_ / "none").string()});
  EXPECT_EQ(outcome.names, Names{});
  EXPECT_EQ(outcome.error,
            (folder_ / "none").string() + ": cannot open: No such file or directory");
}

TEST_F(InputTest, a_folder_is_no_input) {
  EXPECT_EQ(read({folder_.string()}).error,
            folder_.string() + ": is a directory; name the files in it");
}

TEST_F(InputTest, an_empty_file_gives_no_names_and_no_error) {
  const auto outcome = read({file("a", "")});
  EXPECT_EQ(outcome.names, Names{});
  EXPECT_EQ(outcome.error, "");
}

}  // namespace
}  // namespace zonesweep::engine
