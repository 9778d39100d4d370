#include "pipeline/row_windows.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pipeline/embed_job.hpp"

namespace asterism {
namespace {

// `count` short rows out of nothing; a mark's line is the number of the next row.
class CountingReader final : public RowReader {
 public:
  explicit CountingReader(std::uint64_t count) : count_(count) {}
  Result<std::optional<Row>> next() override {
    if (row_ == count_) {
      return std::nullopt;
    }
    ++row_;
    return Row{.source = "s", .line = row_, .payload = {.bytes = std::to_string(row_)}};
  }
  Position position() const noexcept override {
    return {.done = static_cast<double>(row_), .total = static_cast<double>(count_)};
  }
  PayloadKind kind() const noexcept override { return PayloadKind::kText; }
  std::uint64_t ignored_file_count() const noexcept override { return 0; }
  const IllFormedTexts& ill_formed_texts() const noexcept override { return ill_formed_texts_; }
  std::span<const InputInfo> inputs() const noexcept override { return {}; }
  RowMark mark() const noexcept override { return {.input = 0, .byte_offset = row_, .line = row_ + 1}; }
  Result<bool> skip_to(const RowMark& mark) override {
    row_ = mark.byte_offset;
    return true;
  }

 private:
  std::uint64_t count_;
  std::uint64_t row_ = 0;
  IllFormedTexts ill_formed_texts_;
};

RowWindowsOptions windows_of(std::size_t window_row_count, std::uint64_t shard_row_count) {
  return {.window_row_count = window_row_count,
          .window_size_bytes_max = 1 << 20,
          .shard_row_count = shard_row_count,
          .stop_at_failed_row = false,
          .interrupted = {},
          .before = nullptr,
          .kept = {},
          .marks_trusted = false};
}

std::vector<RowWindow> all_windows(RowWindows& windows) {
  std::vector<RowWindow> all;
  while (auto window = windows.next().value()) {
    all.push_back(std::move(*window));
  }
  return all;
}

TEST(RowWindows, end_at_the_border_of_a_shard) {
  CountingReader reader(25);
  RowWindows windows(reader, windows_of(4, 10));
  std::vector<std::size_t> sizes;
  for (const RowWindow& window : all_windows(windows)) {
    sizes.push_back(window.rows.size());
    EXPECT_EQ(window.shard, window.row_first / 10);
    const bool at_end = window.row_first + window.rows.size() == 25;
    EXPECT_EQ(window.shard_end.has_value(), (window.row_first + window.rows.size()) % 10 == 0 || at_end);
    EXPECT_TRUE(!window.shard_end || window.shard_end->last == at_end);
  }
  EXPECT_THAT(sizes, testing::ElementsAre(4, 4, 2, 4, 4, 2, 4, 1));
}

TEST(RowWindows, rows_that_fill_the_last_shard_leave_no_empty_one) {
  CountingReader reader(20);
  RowWindows windows(reader, windows_of(5, 10));
  const auto all = all_windows(windows);
  ASSERT_EQ(all.size(), 4U);
  EXPECT_TRUE(all.back().shard_end);
  EXPECT_FALSE(all.back().shard_end->last);
}

TEST(RowWindows, without_shards_the_last_window_may_be_empty) {
  CountingReader reader(8);
  RowWindows windows(reader, windows_of(4, 0));
  const auto all = all_windows(windows);
  ASSERT_EQ(all.size(), 3U);
  EXPECT_TRUE(all[2].rows.empty());
  EXPECT_TRUE(all[2].shard_end->last);
  EXPECT_DOUBLE_EQ(all[2].fraction, 1.0);
}

TEST(RowWindows, shards_are_bounded_in_number) {
  CountingReader exact(kShardCountMax);
  RowWindows enough(exact, windows_of(1, 1));
  for (std::uint64_t i = 0; i < kShardCountMax; ++i) {
    ASSERT_TRUE(enough.next().value());
  }
  EXPECT_FALSE(enough.next().value());
  CountingReader reader(kShardCountMax + 1);
  RowWindows windows(reader, windows_of(1, 1));
  for (std::uint64_t i = 0; i < kShardCountMax; ++i) {
    ASSERT_TRUE(windows.next().value());
  }
  const auto past = windows.next();
  ASSERT_FALSE(past);
  EXPECT_EQ(past.error().code, ErrorCode::kLimitExceeded);
}

TEST(RowsHash, text_id_and_failure_all_count_and_do_not_run_together) {
  const auto digest = [](const std::vector<Row>& rows) {
    RowsHash hash;
    for (const Row& row : rows) {
      hash.update(row);
    }
    return hash.hex();
  };
  const auto row = [](std::string id, std::string text) {
    return Row{.source = "s", .line = 1, .id = std::move(id), .payload = {.bytes = std::move(text)}};
  };
  Row failed = row("", "");
  failed.error = Error{};
  const std::vector<std::string> digests{digest({}),
                                         digest({row("", "ab")}),
                                         digest({row("", "a"), row("", "b")}),
                                         digest({row("a", "b")}),
                                         digest({row("b", "a")}),
                                         digest({row("", "")}),
                                         digest({failed})};
  for (std::size_t i = 0; i < digests.size(); ++i) {
    for (std::size_t k = 0; k < i; ++k) {
      EXPECT_NE(digests[i], digests[k]) << i << " and " << k;
    }
  }
  EXPECT_EQ(digest({row("a", "b")}), digest({row("a", "b")}));
}

}  // namespace
}  // namespace asterism
