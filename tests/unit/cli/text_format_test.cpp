#include "cli/text_format.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace asterism::cli {
namespace {

TEST(FormatCount, thousands_are_separated) {
  EXPECT_EQ(format_count(0), "0");
  EXPECT_EQ(format_count(999), "999");
  EXPECT_EQ(format_count(1'000), "1,000");
  EXPECT_EQ(format_count(1'234'567), "1,234,567");
  EXPECT_EQ(format_count(std::numeric_limits<std::uint64_t>::max()), "18,446,744,073,709,551,615");
}

TEST(FormatRate, three_figures_or_so) {
  EXPECT_EQ(format_rate(0.0), "0");
  EXPECT_EQ(format_rate(-1.0), "0");
  EXPECT_EQ(format_rate(std::numeric_limits<double>::infinity()), "0");
  EXPECT_EQ(format_rate(0.524), "0.52");
  EXPECT_EQ(format_rate(987.4), "987");
  EXPECT_EQ(format_rate(13'400.0), "13.4k");
  EXPECT_EQ(format_rate(2'500'000.0), "2.5M");
}

TEST(FormatDuration, unit_fits_the_length) {
  EXPECT_EQ(format_duration(0.424), "0.42 s");
  EXPECT_EQ(format_duration(12.34), "12.3 s");
  EXPECT_EQ(format_duration(187.0), "3:07");
  EXPECT_EQ(format_duration(3723.0), "1:02:03");
  EXPECT_EQ(format_duration(-1.0), "?");
}

TEST(FormatSize, decimal_units) {
  EXPECT_EQ(format_size(812), "812 B");
  EXPECT_EQ(format_size(1'000), "1.0 kB");
  EXPECT_EQ(format_size(7'600'000), "7.6 MB");
  EXPECT_EQ(format_size(999'999), "1.0 MB");
}

TEST(TextFormat, multiply_adds_have_a_unit) {
  EXPECT_EQ(format_multiply_adds(0), "0");
  EXPECT_EQ(format_multiply_adds(768), "0.77 k");
  EXPECT_EQ(format_multiply_adds(4'610'000), "4.61 M");
  EXPECT_EQ(format_multiply_adds(390'000'000), "0.39 G");
}

TEST(Counted, plural_only_for_other_than_one) {
  EXPECT_EQ(counted(1, "row"), "1 row");
  EXPECT_EQ(counted(0, "row"), "0 rows");
  EXPECT_EQ(counted(1'000, "row"), "1,000 rows");
}

TEST(OneLine, control_characters_become_spaces) {
  EXPECT_EQ(one_line("a\nb\tc", 10), "a b c");
}

TEST(OneLine, cut_counts_characters_and_keeps_them_whole) {
  EXPECT_EQ(one_line("abcdef", 6), "abcdef");
  EXPECT_EQ(one_line("abcdefg", 6), "abc...");
  EXPECT_EQ(one_line("äöüäöüä", 6), "äöü...");
  EXPECT_EQ(one_line("", 6), "");
}

TEST(Wrap, breaks_at_spaces_and_indents_what_follows) {
  EXPECT_EQ(wrap("one two three", 7, 2), "one two\n  three");
  EXPECT_EQ(wrap("unbreakable", 4, 2), "unbreakable");
  EXPECT_EQ(wrap("", 4, 2), "");
}

TEST(Table, columns_are_as_wide_as_their_widest_cell) {
  Table table({"a", "bb"});
  table.add({"ccc", "d"});
  table.add({"é", "e"});
  EXPECT_EQ(table.to_string(), "a    bb\nccc  d\né    e\n");
}

TEST(Table, lines_end_with_their_last_word) {
  Table table({"a", "b"});
  table.add({"c", ""});
  EXPECT_EQ(table.to_string(), "a  b\nc\n");
}

TEST(Fields, values_stand_under_each_other) {
  Fields fields;
  fields.add("a", "1");
  fields.add("long", "2");
  EXPECT_EQ(fields.to_string(), "a     1\nlong  2\n");
}

}  // namespace
}  // namespace asterism::cli
