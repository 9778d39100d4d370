// Tables to splits, codes and batches, and what a table may lack.
#include "train/table_data.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <set>

#include "table_files.hpp"
#include "train/table_batches.hpp"

namespace asterism {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr const char* kColumns = "numeric_columns = [\"size\"]\ncategorical_columns = [\"colour\"]\n";

// `count` rows of different sizes.
std::string table_of(int count, int first = 0) {
  std::string text = "id,size,colour,kind\n";
  for (int i = first; i < first + count; ++i) {
    text += fmt::format("{},{},{},{}\n", i, i, i % 3 == 0 ? "red" : "blue", i % 2 == 0 ? "even" : "odd");
  }
  return text;
}

std::string message_of(const TableFiles& files, const std::string& data) {
  const auto found = read_table_data(files.recipe(data), {});
  return found ? std::string("no error") : found.error().to_string();
}

std::int64_t count_of(const TableData& data, Split split) {
  return static_cast<std::int64_t>(data.rows(split).size());
}

TEST(TableData, rows_are_split_coded_and_labelled) {
  const TableFiles files;
  files.write("table.csv", table_of(200));
  const auto data = read_table_data(files.recipe(fmt::format("{}label_column = \"kind\"", kColumns)), {});
  ASSERT_TRUE(data) << data.error().to_string();
  EXPECT_EQ(data->row_count, 200);
  EXPECT_EQ(count_of(*data, Split::kTrain) + count_of(*data, Split::kValidation) + count_of(*data, Split::kTest), 200);
  EXPECT_GT(count_of(*data, Split::kTest), 5);
  ASSERT_EQ(data->report.classes.size(), 2U);
  EXPECT_EQ(data->report.classes[0].name, "even");
  EXPECT_EQ(data->labels[1], 1);
  double sum = 0.0;
  for (const std::int64_t row : data->rows(Split::kTrain)) {
    sum += static_cast<double>(data->numeric_of(row)[0]);
  }
  EXPECT_NEAR(sum, 0.0, 1e-4) << "standardised by the rows that are learnt from";
}

TEST(TableData, digests_tell_what_of_the_data_is_another) {
  const TableFiles files;
  const auto digests_of = [&](const std::string& table, const std::string& more = {}) {
    files.write("table.csv", table);
    const auto data = read_table_data(files.recipe(fmt::format("{}label_column = \"kind\"\n{}", kColumns, more)), {});
    EXPECT_TRUE(data) << data.error().to_string();
    return data ? data->report.digests : std::map<std::string, std::string>{};
  };
  const auto before = digests_of(table_of(60));
  EXPECT_EQ(before.size(), 3U);
  EXPECT_EQ(digests_of(table_of(60)), before);
  std::string relabelled = table_of(60);
  relabelled.replace(relabelled.find("7,7,blue,odd"), 12, "7,7,blue,even");
  const auto labels = digests_of(relabelled);
  EXPECT_NE(labels.at("labels"), before.at("labels"));
  EXPECT_EQ(labels.at("cells"), before.at("cells"));
  std::string recoloured = table_of(60);
  recoloured.replace(recoloured.find("8,8,blue"), 8, "8,8,red");
  EXPECT_NE(digests_of(recoloured).at("cells"), before.at("cells"));
  EXPECT_NE(digests_of(table_of(60), "split_seed = 5").at("splits"), before.at("splits"));
}

TEST(TableData, rows_stay_in_their_split_whatever_comes_and_equal_rows_are_together) {
  const TableFiles files;
  const auto split_of_sizes = [&](const std::string& table) {
    files.write("table.csv", table);
    const auto data = read_table_data(files.recipe(kColumns), {});
    EXPECT_TRUE(data);
    std::map<int, std::set<int>> splits;
    for (int s = 0; s < 3; ++s) {
      for (const std::int64_t row : data->splits[static_cast<std::size_t>(s)]) {
        const auto& column = data->columns().numeric[0];
        splits[static_cast<int>(std::lround(static_cast<double>(data->numeric_of(row)[0]) * column.std + column.mean))]
            .insert(s);
      }
    }
    return splits;
  };
  const auto before = split_of_sizes(table_of(60));
  // 30 more in front, and each of the first 60 twice.
  const auto after = split_of_sizes("id,size,colour,kind\n" + table_of(30, 100).substr(20) + table_of(60).substr(20) +
                                    table_of(60).substr(20));
  EXPECT_EQ(after.size(), 90U);
  for (const auto& [size, splits] : before) {
    EXPECT_EQ(after.at(size), splits);
    EXPECT_EQ(splits.size(), 1U);
  }
}

TEST(TableData, groups_stay_together) {
  const TableFiles files;
  files.write("table.csv", table_of(100));
  const auto data = read_table_data(files.recipe(fmt::format("{}group_column = \"kind\"\nlabel_column = \"kind\"\n"
                                                             "validation_share = 0.3\ntest_share = 0.3",
                                                             kColumns)),
                                    {});
  if (data) {
    for (const DataReport::Class& group : data->report.classes) {
      EXPECT_EQ((group.train_count > 0) + (group.validation_count > 0) + (group.test_count > 0), 1);
    }
  } else {
    EXPECT_THAT(data.error().message, HasSubstr("at least two rows"));
  }
}

TEST(TableData, broken_rows_are_counted_and_named) {
  const TableFiles files;
  files.write("table.csv", table_of(50) + "x,tall,red,odd\n1,2\n50,50,red,odd\n");
  const auto data = read_table_data(files.recipe(kColumns), {});
  ASSERT_TRUE(data) << data.error().to_string();
  EXPECT_EQ(data->row_count, 51);
  EXPECT_EQ(data->report.skipped_count, 2);
  EXPECT_THAT(data->report.skipped[0], HasSubstr("table.csv:52: column 'size': expected a number, found 'tall'"));
  EXPECT_THAT(data->report.skipped[1], HasSubstr("table.csv:53: expected 4 fields"));
}

TEST(TableData, rows_max_keeps_the_same_rows) {
  const TableFiles files;
  files.write("table.csv", table_of(100));
  const auto data = read_table_data(files.recipe(fmt::format("{}rows_max = 40", kColumns)), {});
  ASSERT_TRUE(data);
  EXPECT_EQ(data->row_count, 40);
}

TEST(TableData, what_nothing_can_be_learnt_from_is_said) {
  const TableFiles files;
  files.write("table.csv", table_of(1));
  EXPECT_THAT(message_of(files, kColumns), HasSubstr("expected at least two rows to learn from, found"));
  files.write("table.csv", table_of(60));
  EXPECT_THAT(message_of(files, "numeric_columns = [\"sise\"]"), HasSubstr("did you mean \"size\"?"));
  EXPECT_THAT(message_of(files, ""), HasSubstr("expected columns to learn from, found none"));
  EXPECT_THAT(message_of(files, "numeric_columns = [\"colour\"]"), HasSubstr("none of 60 rows can be used; the first"));
  EXPECT_THAT(message_of(files, "numeric_columns = [\"size\"]\ncategorical_columns = [\"size\"]"),
              HasSubstr("expected the column 'size' once"));
  EXPECT_THAT(message_of(files, fmt::format("{}label_column = \"colour\"", kColumns)),
              HasSubstr("label_column 'colour' is among the columns"));
  EXPECT_THAT(message_of(files, fmt::format("{}label_column = \"sort\"", kColumns)), HasSubstr("the column \"sort\""));
  files.write("table.csv", "id,size,colour,kind\n1,1,red,a\n2,1,red,a\n3,1,red,a\n4,1,red,a\n");
  EXPECT_THAT(message_of(files, fmt::format("{}test_share = 0\nvalidation_share = 0", kColumns)),
              HasSubstr("every column has one value only (size, colour)"));
}

TEST(TableData, one_kind_of_columns_is_enough_and_constant_ones_are_named) {
  const TableFiles files;
  files.write("table.csv", "size,colour,same\n1,red,7\n2,blue,7\n3,red,7\n4,blue,7\n");
  const std::string all = "test_share = 0\nvalidation_share = 0\nrare_count_min = 1\n";
  const auto numeric = read_table_data(files.recipe(all + "numeric_columns = [\"size\", \"same\"]"), {});
  ASSERT_TRUE(numeric) << numeric.error().to_string();
  EXPECT_EQ(numeric->columns().numeric_size(), 1);
  EXPECT_THAT(numeric->report.warnings, ElementsAre(HasSubstr("column 'same' has one value")));
  const auto categorical = read_table_data(files.recipe(all + "categorical_columns = [\"colour\"]"), {});
  ASSERT_TRUE(categorical);
  EXPECT_EQ(categorical->columns().numeric_size(), 0);
  EXPECT_THAT(categorical->columns().category_sizes(), ElementsAre(3));
}

std::span<const float> floats(const Batch& batch, std::string_view name) {
  const auto feed = std::ranges::find(batch.feeds, name, &Feed::name);
  EXPECT_NE(feed, batch.feeds.end()) << name;
  return feed->tensor.as<float>();
}

TEST(TableBatches, swap_cells_of_the_input_and_not_of_the_target) {
  const TableFiles files;
  files.write("table.csv", table_of(300));
  const auto data = read_table_data(files.recipe(fmt::format("{}test_share = 0\nvalidation_share = 0", kColumns)), {});
  ASSERT_TRUE(data);
  const TableBatches batches(*data, data->rows(Split::kTrain), {.plan = {.swap_share = 0.5}, .batch_size = 100});
  EXPECT_EQ(batches.batch_count(), 3);
  const auto batch = batches.batch(2, 1);
  ASSERT_TRUE(batch);
  const auto given = floats(*batch, "numeric");
  const auto target = floats(*batch, "target");
  int changed = 0;
  for (std::size_t i = 0; i < 100; ++i) {
    EXPECT_EQ(target[i], data->numeric_of(batch->rows[i])[0]);
    changed += given[i] != target[i] ? 1 : 0;
  }
  EXPECT_GT(changed, 30);
  EXPECT_LT(changed, 70);
  // The same whenever it is asked for; another epoch has other rows.
  const auto again = batches.batch(2, 1);
  EXPECT_TRUE(std::ranges::equal(floats(*again, "numeric"), given));
  EXPECT_NE(batches.batch(3, 1)->rows, batch->rows);
  EXPECT_FALSE(batches.batch(0, 3));
}

TEST(TableBatches, plain_batches_hold_every_row_as_it_is) {
  const TableFiles files;
  files.write("table.csv", table_of(30));
  const auto data = read_table_data(files.recipe(kColumns), {});
  ASSERT_TRUE(data);
  const TableBatches batches(
      *data, data->rows(Split::kTrain),
      {.plan = {.swap_share = 0.9}, .order = BatchOrder::kFixed, .batch_size = 20, .plain = true});
  std::int64_t row_count = 0;
  for (std::int64_t b = 0; b < batches.batch_count(); ++b) {
    const auto batch = batches.batch(0, b);
    ASSERT_TRUE(batch);
    EXPECT_EQ(batch->feeds.size(), 2U);
    for (std::size_t i = 0; i < batch->rows.size(); ++i) {
      const std::int64_t row = data->rows(Split::kTrain)[static_cast<std::size_t>(batch->rows[i])];
      EXPECT_EQ(floats(*batch, "numeric")[i], data->numeric_of(row)[0]);
    }
    row_count += static_cast<std::int64_t>(batch->rows.size());
  }
  EXPECT_EQ(row_count, count_of(*data, Split::kTrain));
}

TEST(TableBatches, missing_numbers_weigh_nothing) {
  const TableFiles files;
  files.write("table.csv", "size,colour\n1,red\n,blue\n3,red\n4,blue\n");
  const auto data = read_table_data(
      files.recipe(fmt::format("{}test_share = 0\nvalidation_share = 0\nrare_count_min = 1", kColumns)), {});
  ASSERT_TRUE(data);
  const TableBatches batches(*data, data->rows(Split::kTrain),
                             {.plan = {}, .order = BatchOrder::kFixed, .batch_size = 4});
  EXPECT_THAT(floats(*batches.batch(0, 0), "target_weights"),
              ElementsAre(1.0F, 1.0F, 0.0F, 1.0F, 1.0F, 1.0F, 1.0F, 1.0F));
}

}  // namespace
}  // namespace asterism
