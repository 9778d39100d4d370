#include "dataset/text_reader.hpp"
#include "scratch_folder.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>

namespace asterism {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

class TextReaderTest : public testing::Test {
 protected:
  std::string write(const std::string& name, const std::string& text) const {
    std::ofstream(folder / name, std::ios::binary) << text;
    return (folder / name).string();
  }

  static std::vector<std::string> read_all(RowReader& reader) {
    std::vector<std::string> texts;
    for (;;) {
      auto row = reader.next();
      if (!row) {
        texts.push_back("<" + row.error().message + ">");
        return texts;
      }
      if (!*row) {
        return texts;
      }
      texts.push_back((*row)->error ? "<" + (*row)->error->message + ">" : (*row)->payload.bytes);
    }
  }

  ScratchFolder scratch_{"reader"};
  fs::path folder = scratch_.path();
};

TEST_F(TextReaderTest, inputs_follow_one_another_each_in_its_format) {
  auto reader = open_text_reader({.inputs = {write("a.txt", "one\ntwo"), write("b.jsonl", "{\"text\":\"three\"}\n"),
                                             write("empty", ""), write("c.csv", "text\nfour\n"),
                                             write("d.tsv", "n\ttext\n1\tfive\n"), write("e.CSV", "text\nsix\n")}});
  ASSERT_TRUE(reader) << reader.error().to_string();
  EXPECT_THAT(read_all(**reader), ElementsAre("one", "two", "three", "four", "five", "six"));
  EXPECT_EQ((*reader)->position().done, (*reader)->position().total);
  EXPECT_EQ((*reader)->position().total, 7.0 + 17.0 + 0.0 + 10.0 + 14.0 + 9.0);
}

TEST_F(TextReaderTest, texts_of_another_encoding_are_counted) {
  const std::string lines = write("a.txt", "abcdefgh caf\xC3\xA9\nabcdefgh caf\xE9\n\xF0\x9F\x98\x80\n");
  const std::string table = write("b.csv", "text,id\nna\xEFve,1\nplain,2\n");
  auto reader = open_text_reader({.inputs = {lines, table}});
  ASSERT_TRUE(reader) << reader.error().to_string();
  EXPECT_THAT(read_all(**reader), testing::SizeIs(5));
  EXPECT_EQ((*reader)->ill_formed_texts().row_count, 2U);
  EXPECT_EQ((*reader)->ill_formed_texts().first_place, lines + ":2");
}

TEST_F(TextReaderTest, format_may_be_forced) {
  auto reader = open_text_reader({.inputs = {write("a.csv", "text\none\n")}, .format = TextFormat::kLines});
  EXPECT_THAT(read_all(**reader), ElementsAre("text", "one"));
}

TEST_F(TextReaderTest, every_input_is_checked_before_the_first_row) {
  const std::string good = write("a.txt", "one\n");
  const auto missing = open_text_reader({.inputs = {good, (folder / "none.txt").string()}});
  EXPECT_EQ(missing.error().code, ErrorCode::kNotFound);
  EXPECT_THAT(missing.error().message, HasSubstr("none.txt"));
  const auto directory = open_text_reader({.inputs = {good, folder.string()}});
  EXPECT_EQ(directory.error().code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(directory.error().message, HasSubstr("directory"));
  const auto column = open_text_reader({.inputs = {good, write("b.csv", "title\nx\n")}});
  EXPECT_EQ(column.error().code, ErrorCode::kNotFound);
  EXPECT_THAT(column.error().message, AllOf(HasSubstr("b.csv"), HasSubstr("\"title\"")));
  EXPECT_EQ(open_text_reader({}).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(open_text_reader({.inputs = {"-", "-"}}).error().code, ErrorCode::kInvalidArgument);
}

TEST_F(TextReaderTest, unreadable_file_is_refused) {
  const std::string path = write("secret.txt", "one\n");
  fs::permissions(path, fs::perms::none);
  if (::access(path.c_str(), R_OK) == 0) {
    GTEST_SKIP() << "this user may read every file";
  }
  EXPECT_EQ(open_text_reader({.inputs = {path}}).error().code, ErrorCode::kIo);
}

TEST_F(TextReaderTest, file_that_shrinks_is_an_error) {
  const std::string path = write("a.txt", "one\ntwo\nthree\n");
  auto reader = open_text_reader({.inputs = {path}});
  ASSERT_TRUE(reader);
  fs::resize_file(path, 8);
  EXPECT_THAT(read_all(**reader), ElementsAre("one", "two", HasSubstr("shrank")));
}

TEST_F(TextReaderTest, read_error_of_the_system_is_reported) {
  // Address 0 of a process is never mapped: reading it is the one portable way to EIO without a broken disk.
  const auto reader = open_text_reader({.inputs = {"/proc/self/mem"}});
  ASSERT_FALSE(reader);
  EXPECT_EQ(reader.error().code, ErrorCode::kIo);
  EXPECT_THAT(reader.error().message, AllOf(HasSubstr("/proc/self/mem"), HasSubstr("cannot read")));
}

TEST_F(TextReaderTest, file_that_vanishes_is_an_error) {
  const std::string path = write("a.txt", "one\n");
  auto reader = open_text_reader({.inputs = {path}});
  fs::remove(path);
  EXPECT_EQ((*reader)->next().error().code, ErrorCode::kNotFound);
}

TEST_F(TextReaderTest, reading_goes_on_at_a_mark) {
  const TextReaderOptions options{.inputs = {write("a.txt", "\xEF\xBB\xBFone\r\ntwo\r\n"),
                                             write("b.csv", "text,n\n\"three\n3\",1\nfour,2\n"),
                                             write("c.jsonl", "\n{\"text\":\"five\"}\n")}};
  auto first = open_text_reader(options);
  ASSERT_TRUE(first);
  std::vector<RowMark> marks{(*first)->mark()};
  std::vector<Row> rows;
  while (auto row = (*first)->next().value()) {
    rows.push_back(*row);
    marks.push_back((*first)->mark());
  }
  ASSERT_EQ(rows.size(), 5U);
  for (std::size_t i = 0; i <= rows.size(); ++i) {
    auto reader = open_text_reader(options);
    ASSERT_TRUE((*reader)->skip_to(marks[i]).value()) << i;
    EXPECT_EQ((*reader)->position().done > 0.0, i > 0);
    for (std::size_t k = i; k < rows.size(); ++k) {
      const auto row = (*reader)->next().value();
      ASSERT_TRUE(row);
      EXPECT_EQ(row->payload.bytes, rows[k].payload.bytes);
      EXPECT_EQ(row->line, rows[k].line);
      EXPECT_EQ(row->source, rows[k].source);
    }
    EXPECT_FALSE((*reader)->next().value());
  }
}

TEST_F(TextReaderTest, pipe_is_read_but_not_skipped) {
  const std::string path = (folder / "pipe").string();
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  auto reader = open_text_reader({.inputs = {path}});
  ASSERT_TRUE(reader);
  EXPECT_EQ((*reader)->position().total, 0.0);
  std::jthread writer([&] {
    std::ofstream pipe(path);
    pipe << "one\n" << std::flush;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    pipe << "two\n";
  });
  EXPECT_FALSE((*reader)->skip_to({.input = 0, .byte_offset = 4, .line = 2}).value());
  EXPECT_THAT(read_all(**reader), ElementsAre("one", "two"));
}

TEST_F(TextReaderTest, wait_for_a_silent_pipe_can_be_interrupted) {
  const std::string path = (folder / "pipe").string();
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  std::atomic<bool> stop{false};
  auto reader = open_text_reader({.inputs = {path}, .interrupted = [&] { return stop.load(); }});
  ASSERT_TRUE(reader);
  std::jthread other([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(30));
    stop = true;
  });
  EXPECT_EQ((*reader)->next().error().code, ErrorCode::kCancelled);
}

}  // namespace
}  // namespace asterism
