#include "encoder/table_columns.hpp"

#include <gmock/gmock.h>

#include <cmath>

namespace asterism {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::optional<std::string> cell(const char* text) {
  return std::string(text);
}

TableColumnsFit::Fitted fitted(const std::vector<Record>& rows, std::int64_t rare_count_min = 1) {
  TableColumnsFit fit({"size"}, {"colour"});
  for (const Record& row : rows) {
    EXPECT_TRUE(fit.add(row));
  }
  return fit.finish(rare_count_min);
}

struct Coded {
  std::vector<float> numeric;
  std::vector<std::int32_t> ids;
};

Result<Coded> coded(const TableColumns& columns, const Record& row) {
  const TableCoder coder(columns);
  Coded out{std::vector<float>(static_cast<std::size_t>(columns.numeric_size())),
            std::vector<std::int32_t>(columns.categorical.size())};
  auto ok = coder.encode(row, out.numeric, out.ids);
  return ok ? Result<Coded>(out) : std::unexpected(ok.error());
}

TEST(TableColumns, numbers_are_standardised_and_values_counted) {
  const auto fit = fitted({{cell("1"), cell("red")}, {cell(" 3 "), cell("red")}, {cell("+5"), cell("blue")}});
  ASSERT_EQ(fit.columns.numeric.size(), 1U);
  EXPECT_DOUBLE_EQ(fit.columns.numeric[0].mean, 3.0);
  EXPECT_DOUBLE_EQ(fit.columns.numeric[0].std, std::sqrt(8.0 / 3.0));
  EXPECT_FALSE(fit.columns.numeric[0].missing);
  EXPECT_THAT(fit.columns.categorical[0].values, ElementsAre("red", "blue"));
  EXPECT_THAT(fit.columns.categorical[0].counts, ElementsAre(0, 2, 1));
  const auto row = coded(fit.columns, {cell("5"), cell("blue")});
  ASSERT_TRUE(row);
  EXPECT_FLOAT_EQ(row->numeric[0], static_cast<float>(2.0 / std::sqrt(8.0 / 3.0)));
  EXPECT_THAT(row->ids, ElementsAre(2));
}

TEST(TableColumns, missing_numbers_are_the_mean_and_say_so) {
  const auto fit =
      fitted({{cell("1"), cell("a")}, {cell(""), cell("b")}, {std::nullopt, cell("a")}, {cell("3"), cell("a")}});
  EXPECT_TRUE(fit.columns.numeric[0].missing);
  EXPECT_DOUBLE_EQ(fit.columns.numeric[0].mean, 2.0);
  EXPECT_EQ(fit.columns.numeric_size(), 2);
  EXPECT_THAT(coded(fit.columns, {cell(" "), cell("a")})->numeric, ElementsAre(0.0F, 1.0F));
  EXPECT_THAT(coded(fit.columns, {cell("3"), cell("a")})->numeric, ElementsAre(1.0F, 0.0F));
  // Where no training row missed one there is no column to say it.
  const auto whole = fitted({{cell("1"), cell("a")}, {cell("3"), cell("b")}});
  EXPECT_THAT(coded(whole.columns, {std::nullopt, cell("a")})->numeric, ElementsAre(0.0F));
}

TEST(TableColumns, rare_and_unseen_values_share_a_number_and_empty_is_a_value) {
  const auto fit = fitted({{cell("1"), cell("red")},
                           {cell("2"), cell("red")},
                           {cell("3"), cell("lilac")},
                           {cell("4"), cell("")},
                           {cell("5"), cell("ochre")}},
                          2);
  EXPECT_THAT(fit.columns.categorical[0].values, ElementsAre("red", ""));
  EXPECT_THAT(fit.columns.categorical[0].counts, ElementsAre(2, 2, 1));
  EXPECT_THAT(coded(fit.columns, {cell("1"), cell("ochre")})->ids, ElementsAre(0));
  EXPECT_THAT(coded(fit.columns, {cell("1"), cell("never seen")})->ids, ElementsAre(0));
  EXPECT_THAT(coded(fit.columns, {cell("1"), std::nullopt})->ids, ElementsAre(2));
}

TEST(TableColumns, constant_columns_are_named_and_left_out) {
  const auto fit = fitted({{cell("2"), cell("red")}, {cell("2"), cell("blue")}});
  EXPECT_THAT(fit.constant, ElementsAre("size"));
  EXPECT_THAT(fit.columns.names(), ElementsAre("colour"));
  EXPECT_THAT(fitted({{cell("1"), cell("red")}, {cell("2"), cell("red")}}).constant, ElementsAre("colour"));
  EXPECT_THAT(fitted({{cell("1"), cell("red")}}).columns.names(), IsEmpty());
}

TEST(TableColumns, what_is_no_number_is_named) {
  const auto fit = fitted({{cell("1"), cell("a")}, {cell("2"), cell("b")}});
  for (const char* text : {"12a", "nan", "inf", "1e999", "1,5", "0x10"}) {
    const auto row = coded(fit.columns, {cell(text), cell("a")});
    ASSERT_FALSE(row) << text;
    EXPECT_THAT(row.error().message, HasSubstr("column 'size': expected a number")) << text;
  }
  EXPECT_THAT(coded(fit.columns, {cell("1e30"), cell("a")}).error().message, HasSubstr("like those that were learnt"));
  TableColumnsFit again({"size"}, {"colour"});
  EXPECT_FALSE(again.add(Record{cell("x"), cell("a")}));
}

TEST(TableColumns, config_holds_everything) {
  const auto fit = fitted({{cell("1"), cell("a")}, {cell(""), cell("b\xFF")}, {cell("4"), cell("")}});
  const Json config{{"columns", to_json(fit.columns)}};
  const auto text = parse_json(config.dump(), "test");
  ASSERT_TRUE(text);
  const auto read = read_table_columns(*text, "test");
  ASSERT_TRUE(read) << read.error().to_string();
  EXPECT_EQ(to_json(*read), to_json(fit.columns));
  // A value that is no UTF-8 is found again.
  EXPECT_GT(coded(*read, {cell("1"), cell("b\xFF")})->ids[0], 0);
}

TEST(TableColumns, broken_configs_are_refused) {
  const char* const kBroken[] = {
      R"({})",
      R"({"columns": []})",
      R"({"columns": {"numeric": [], "categorical": []}})",
      R"({"columns": {"numeric": [{"name": "a", "mean": 0, "std": 0}], "categorical": []}})",
      R"({"columns": {"numeric": [{"mean": 0, "std": 1}], "categorical": []}})",
      R"({"columns": {"numeric": [{"name": "a", "mean": 0, "std": 1}, {"name": "a", "mean": 0, "std": 1}], "categorical": []}})",
      R"({"columns": {"numeric": [], "categorical": [{"name": "a", "values": ["x", "x"], "counts": [0, 1, 1]}]}})",
      R"({"columns": {"numeric": [], "categorical": [{"name": "a", "values": ["x"], "counts": [1]}]}})",
      R"({"columns": {"numeric": [], "categorical": [{"name": "a", "values": ["x"], "counts": [-1, 1]}]}})",
      R"({"columns": {"numeric": [1], "categorical": []}})",
  };
  for (const char* text : kBroken) {
    EXPECT_FALSE(read_table_columns(*parse_json(text, "test"), "test")) << text;
  }
}

TEST(TableColumns, one_hot_parts_are_scaled_by_how_often_rows_differ) {
  const auto fit =
      fitted({{cell("1"), cell("a")}, {cell("3"), cell("b")}, {cell("1"), cell("a")}, {cell("3"), cell("b")}});
  const auto row = coded(fit.columns, {cell("3"), cell("b")});
  const auto vector_by = [&](OneHotScale scale) {
    const ColumnVectors vectors(fit.columns, scale);
    std::vector<float> out(vectors.dim());
    vectors.write(row->numeric, row->ids, out);
    return out;
  };
  EXPECT_THAT(vector_by(OneHotScale::kNone), ElementsAre(1.0F, 0.0F, 0.0F, 1.0F));
  // Half of all pairs differ: 2 * scale^2 / 2 is the 2 of two standardised numbers.
  EXPECT_THAT(vector_by(OneHotScale::kEqualColumns), ElementsAre(1.0F, 0.0F, 0.0F, testing::FloatEq(std::sqrt(2.0F))));
  // What is beyond the longest one-hot part shares the first number.
  TableColumns wide;
  wide.categorical.push_back({.name = "id", .values = {}, .counts = {0}});
  for (int i = 0; i < 1000; ++i) {
    wide.categorical[0].values.push_back(std::to_string(i));
    wide.categorical[0].counts.push_back(1);
  }
  const ColumnVectors vectors(wide, OneHotScale::kNone);
  std::vector<float> out(vectors.dim());
  EXPECT_EQ(out.size(), kOneHotSizeMax);
  vectors.write({}, std::vector<std::int32_t>{900}, out);
  EXPECT_EQ(out[0], 1.0F);
}

TEST(TableColumns, cells_are_read_back) {
  const auto fit = fitted({{cell("1"), cell("a")}, {cell(""), cell("b")}, {cell("4"), cell("a")}}, 2);
  const TableCoder coder(fit.columns);
  const auto row = coded(fit.columns, {cell("4"), cell("a")});
  EXPECT_THAT(coder.decode(row->numeric, row->ids), ElementsAre("4", "a"));
  const auto other = coded(fit.columns, {cell(""), cell("b")});
  EXPECT_THAT(coder.decode(other->numeric, other->ids), ElementsAre("", "(other)"));
}

}  // namespace
}  // namespace asterism
