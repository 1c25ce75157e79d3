#include "engine/input.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <thread>

#include "tests/protocols/zone/compress.h"

namespace zonesweep::engine {
namespace {

using zone::testing::gzip;
using zone::testing::text_like;
using zone::testing::zstd;
using zone::testing::zstd_skippable;

class InputTest : public ::testing::Test {
 protected:
  InputTest() { std::filesystem::create_directories(folder_); }
  ~InputTest() override { std::filesystem::remove_all(folder_); }

  std::string file(const std::string& name, std::string_view bytes) const {
    std::ofstream(folder_ / name, std::ios::binary) << bytes;
    return at(name);
  }
  std::string at(const std::string& name) const { return (folder_ / name).string(); }

  struct Outcome {
    std::vector<std::string> names;
    std::string error;
    InputCounts counts;
    friend bool operator==(const Outcome& a, const Outcome& b) {
      return a.names == b.names && a.error == b.error;
    }
  };

  static Outcome drain(Input& input, size_t batch, uint64_t seq = 0) {
    Outcome outcome;
    NameBlock block;
    uint64_t position = 0;
    while (true) {
      block.clear();
      const auto more = input.next(block, batch);
      outcome.counts = input.counts();
      if (!more) outcome.error = more.error().text();
      if (!more || !*more) return outcome;
      EXPECT_LE(block.names.size(), batch);
      EXPECT_GE(block.bytes_read, position);
      position = block.bytes_read;
      for (const InputName& name : block.names) {
        EXPECT_EQ(name.seq, seq++);
        outcome.names.emplace_back(block.input(name));
      }
    }
  }

  static Outcome read(const std::vector<std::string>& paths, const InputOptions& options = {},
                      size_t batch = 100) {
    auto input = Input::open(paths, options);
    if (!input) return {{}, input.error().text(), {}};
    return drain(*input, batch);
  }

  const std::filesystem::path folder_ =
      std::filesystem::temp_directory_path() /
      ("zonesweep-input-" + std::to_string(getpid()) + "-" +
       ::testing::UnitTest::GetInstance()->current_test_info()->name());
};

using Names = std::vector<std::string>;

Names lines_of(std::string_view text) {
  Names lines;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    lines.emplace_back(text.substr(at, end - at));
    at = end + 1;
  }
  return lines;
}

TEST_F(InputTest, several_files_are_read_one_after_another_and_seq_goes_on) {
  const auto outcome = read(
      {file("a", "a.com\nb.com\n"), file("b", "rank,domain\n1,c.com\n"), file("c", gzip("d.com")),
       file("d", "$ORIGIN com.\n@ SOA a. b. 1 2 3 4 5\ne NS x.\n"), file("e", zstd("f.com\n"))});
  EXPECT_EQ(outcome.names, (Names{"a.com", "b.com", "c.com", "d.com", "e.com.", "f.com"}));
  EXPECT_EQ(outcome.error, "");
  EXPECT_EQ(outcome.counts.names, 6u);
  EXPECT_EQ(outcome.counts.skipped, 1u);
}

TEST_F(InputTest, a_missing_file_is_found_before_anything_is_read) {
  const auto outcome = read({file("a", "a.com\n"), at("none")});
  EXPECT_EQ(outcome.names, Names{});
  EXPECT_EQ(outcome.error, at("none") + ": cannot open: No such file or directory");
}

TEST_F(InputTest, what_is_no_file_of_names_is_refused) {
  EXPECT_EQ(read({folder_.string()}).error,
            folder_.string() + ": is a directory; name the files in it");
  EXPECT_EQ(read({"/dev/zero"}).error, "/dev/zero: binary data, not a list of names");
  EXPECT_EQ(read({"/proc/self/exe"}).error, "/proc/self/exe: a program, not a list of names");
  EXPECT_EQ(read({file("utf16", std::string("\xff\xfe"
                                            "a\0\n\0",
                                            6))})
                .error,
            at("utf16") + ": UTF-16 text; convert it first: iconv -f UTF-16 -t UTF-8");
  EXPECT_EQ(read({file("twice", gzip(gzip("a.com\n")))}).error,
            at("twice") + ": compressed twice; unpack it once first");
  EXPECT_EQ(read({"-", "-"}).error, "standard input: standard input can be read only once");
  EXPECT_EQ(read({"/dev/null"}), Outcome{});
}

TEST_F(InputTest, an_unreadable_file_is_refused) {
  if (geteuid() == 0) GTEST_SKIP() << "root may read everything";
  const std::string path = file("a", "a.com\n");
  chmod(path.c_str(), 0);
  EXPECT_EQ(read({path}).error, path + ": cannot open: Permission denied");
}

TEST_F(InputTest, an_empty_file_gives_no_names_and_no_error) {
  EXPECT_EQ(read({file("a", "")}), Outcome{});
  EXPECT_EQ(read({file("b", gzip(""))}), Outcome{});
  EXPECT_EQ(read({file("c", zstd(""))}), Outcome{});
}

TEST_F(InputTest, the_format_may_be_given) {
  const std::string path = file("a", "a.com,b.com\nc.com,d.com\n");
  EXPECT_EQ(read({path}).names, (Names{"a.com", "c.com"}));
  EXPECT_EQ(read({path}, {.column = "2"}).names, (Names{"b.com", "d.com"}));
  EXPECT_EQ(read({path}, {.format = InputFormat::list}).names,
            (Names{"a.com,b.com", "c.com,d.com"}));
  EXPECT_EQ(read({path}, {.format = InputFormat::zone}).error,
            path + ":1: 'a.com,b.com' is relative and there is no $ORIGIN; give one with --origin");
  EXPECT_EQ(read({file("z", "a NS x.\n")}, {.origin = "com"}).names, (Names{"a.com."}));
  EXPECT_EQ(read({file("l", "a.com\n")}, {.column = "1"}).names, (Names{"a.com"}));
}

TEST_F(InputTest, compressed_files_give_the_names_of_the_plain_one) {
  const std::string text = text_like(2'000'000, 1);
  const auto plain = read({file("plain", text)}, {}, 4'096);
  EXPECT_EQ(plain.names, lines_of(text));
  EXPECT_EQ(read({file("gz", gzip(text))}), plain);
  EXPECT_EQ(read({file("zst", zstd(text))}), plain);
  const std::string_view half = std::string_view(text).substr(0, 1'000'003);
  const std::string_view rest = std::string_view(text).substr(1'000'003);
  EXPECT_EQ(read({file("gz2", gzip(half, true) + gzip("") + gzip(rest) + std::string(512, '\0'))}),
            plain);
  EXPECT_EQ(read({file("zst2",
                       zstd_skippable("index") + zstd(half) + zstd(rest) + zstd_skippable("end"))}),
            plain);
}

TEST_F(InputTest, a_truncated_file_gives_its_names_and_then_the_error_at_every_cut) {
  const std::string text = text_like(20'000, 2);
  const Names all = lines_of(text + text);
  for (const std::string& packed :
       {gzip(text, true), zstd(text), gzip(text) + gzip(text), zstd(text) + zstd(text)}) {
    for (size_t left = 1; left <= 60; ++left) {
      for (const size_t size : {packed.size() - left, packed.size() / 2 - left, left + 3}) {
        const auto outcome = read({file("cut", packed.substr(0, size))});
        ASSERT_LE(outcome.names.size(), all.size());
        EXPECT_TRUE(std::ranges::equal(outcome.names, std::span(all).first(outcome.names.size())));
        EXPECT_EQ(outcome.error, at("cut") + ": the compressed data is truncated (at byte " +
                                     std::to_string(size) + ")");
      }
    }
  }
}

TEST_F(InputTest, damaged_data_is_an_error_after_the_names_before_it) {
  const std::string text = text_like(3'000'000, 3);
  for (std::string packed : {gzip(text), zstd(text)}) {
    for (size_t i = packed.size() / 2; i < packed.size() / 2 + 64; ++i)
      packed[i] = static_cast<char>(~packed[i]);
    const auto outcome = read({file("damaged", packed)}, {}, 4'096);
    EXPECT_GT(outcome.names.size(), 10'000u);
    EXPECT_NE(outcome.error.find(": damaged "), std::string::npos) << outcome.error;
    EXPECT_NE(outcome.error.find(" (at byte "), std::string::npos) << outcome.error;
  }
  EXPECT_EQ(read({file("junk", gzip("a.com\n") + "junk")}).names, (Names{"a.com"}));
  EXPECT_EQ(read({file("junk", gzip("a.com\n") + "junk")}).error.substr(at("junk").size()),
            ": unexpected data after the end of the gzip data (at byte " +
                std::to_string(gzip("a.com\n").size() + 4) + ")");
}

TEST_F(InputTest, malformed_zone_text_is_an_error_with_file_and_line_after_the_names_before_it) {
  std::string text = "$ORIGIN com.\n@ SOA a. b. 1 2 3 4 5\n";
  for (int i = 0; i < 1'000; ++i) text += "n" + std::to_string(i) + " NS x.\n";
  const auto outcome =
      read({file("zone", text + "bad\\999 NS x.\nmore NS x.\n"), file("next", "a.com\n")});
  EXPECT_EQ(outcome.names.size(), 1'000u);
  EXPECT_EQ(outcome.error,
            at("zone") + ":1003: bad escape '\\999': \\000 to \\255, or \\ and a character");
}

TEST_F(InputTest, the_position_reaches_the_size_of_all_files) {
  const std::vector<std::string> paths{file("a", text_like(500'000, 1)),
                                       file("b", gzip(text_like(500'000, 2))), file("c", "x.com")};
  uint64_t size = 0;
  for (const auto& path : paths) size += std::filesystem::file_size(path);
  auto input = Input::open(paths, {});
  ASSERT_TRUE(input);
  EXPECT_EQ(input->bytes_total(), size);
  EXPECT_EQ(input->bytes_read(), 0u);
  NameBlock block;
  ASSERT_TRUE(*input->next(block, 100));
  EXPECT_LT(block.bytes_read, 10'000u);
  drain(*input, 1'000'000'000, 100);
  EXPECT_EQ(input->bytes_read(), size);
}

// Standard input from a pipe for the time of a test.
class Piped {
 public:
  Piped() : saved_(dup(STDIN_FILENO)) {
    std::array<int, 2> ends;
    EXPECT_EQ(pipe2(ends.data(), O_CLOEXEC), 0);
    dup2(ends[0], STDIN_FILENO);
    close(ends[0]);
    writer_ = ends[1];
  }
  ~Piped() {
    end();
    dup2(saved_, STDIN_FILENO);
    close(saved_);
  }
  void write(std::string_view text) const {
    EXPECT_EQ(::write(writer_, text.data(), text.size()), std::ssize(text));
  }
  void end() {
    if (writer_ >= 0) close(writer_);
    writer_ = -1;
  }

 private:
  int saved_;
  int writer_ = -1;
};

TEST_F(InputTest, a_pipe_that_pauses_gives_what_is_there) {
  Piped pipe;
  auto input = Input::open({"-"}, {});
  ASSERT_TRUE(input);
  EXPECT_EQ(input->bytes_total(), 0u);
  pipe.write("a.com\nb.com\nc.c");
  NameBlock block;
  EXPECT_TRUE(*input->next(block, 100));
  EXPECT_EQ(block.names.size(), 2u);
  pipe.write("om\n");
  EXPECT_TRUE(*input->next(block, 100));
  EXPECT_EQ(block.names.size(), 3u);
  EXPECT_EQ(block.input(block.names[2]), "c.com");
  EXPECT_EQ(block.names[2].seq, 2u);
  pipe.write("d.com");
  pipe.end();
  EXPECT_EQ(drain(*input, 10, 3).names.size() + block.names.size(), 4u);
}

TEST_F(InputTest, the_same_names_come_out_of_a_pipe_that_gives_one_byte_at_a_time) {
  const std::string text = text_like(3'000, 5);
  for (const std::string& bytes : {text, gzip(text), zstd(text)}) {
    Piped pipe;
    std::thread writer([&] {
      for (const char c : bytes) pipe.write({&c, 1});
      pipe.end();
    });
    EXPECT_EQ(read({"-"}).names, lines_of(text));
    writer.join();
  }
}

TEST_F(InputTest, a_waiting_next_can_be_interrupted) {
  Piped pipe;
  auto input = Input::open({"-"}, {});
  pipe.write("a.com\n");
  NameBlock block;
  EXPECT_TRUE(*input->next(block, 1));
  std::thread other([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(30));
    input->interrupt();
  });
  EXPECT_FALSE(*input->next(block, 1));
  EXPECT_FALSE(*input->next(block, 1));
  other.join();
}

TEST_F(InputTest, a_fifo_is_read_like_a_pipe) {
  ASSERT_EQ(mkfifo(at("fifo").c_str(), 0600), 0);
  std::thread writer([&] { std::ofstream(at("fifo")) << "a.com\nb.com\n"; });
  EXPECT_EQ(read({at("fifo")}).names, (Names{"a.com", "b.com"}));
  writer.join();
}

TEST_F(InputTest, a_file_cut_while_it_is_read_ends_there) {
  const std::string path = file("shrinks", text_like(2'000'000, 6));
  auto input = Input::open({path}, {});
  NameBlock block;
  ASSERT_TRUE(*input->next(block, 10));
  std::filesystem::resize_file(path, 100);
  const auto rest = input->next(block, 1'000'000'000);
  ASSERT_TRUE(rest);
  EXPECT_LT(block.names.size(), 50'000u);
}

uint64_t peak_kib() {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;) {
    if (word == "VmHWM:") {
      status >> word;
      return std::stoull(word);
    }
  }
  return 0;
}

TEST_F(InputTest, memory_does_not_grow_with_the_input) {
  const std::string line(100'000'000, 'x');
  const std::string bomb =
      file("bomb", gzip("a.com\n" + line + "\nb.com\n" + std::string(50'000'000, '\n')));
  std::ofstream("/proc/self/clear_refs") << "5";
  const uint64_t before = peak_kib();
  const auto outcome = read({bomb}, {}, 4'096);
  EXPECT_EQ(outcome.names.size(), 3u);
  EXPECT_LT(peak_kib() - before, 8u * 1'024);
}

}  // namespace
}  // namespace zonesweep::engine
