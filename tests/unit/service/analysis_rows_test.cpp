#include "service/analysis_rows.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <limits>
#include <string>
#include <vector>

#include "base/file.hpp"
#include "weights/npy.hpp"
#include "weights/safetensors.hpp"

namespace asterism::service {
namespace {

class AnalysisRowsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ =
        std::filesystem::path(::testing::TempDir()) / ::testing::UnitTest::GetInstance()->current_test_info()->name();
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string path(const std::string& name) const { return (folder_ / name).string(); }
  std::string text_file(const std::string& name, std::string_view text) const {
    EXPECT_TRUE(write_file_atomic(path(name), text));
    return path(name);
  }
  std::string array_file(const std::string& name, const std::vector<float>& values, std::int64_t dim) const {
    auto writer = NpyRowsWriter::create(path(name), {dim});
    EXPECT_TRUE(writer && writer->append(values) && writer->commit());
    return path(name);
  }

  std::filesystem::path folder_;
};

std::vector<float> values_of(const AnalysisRows& rows) {
  const auto values = rows.view().values;
  return {values.begin(), values.end()};
}

constexpr float kNone = std::numeric_limits<float>::quiet_NaN();

TEST_F(AnalysisRowsTest, of_an_array_with_texts_and_columns_beside_it) {
  const auto rows =
      open_analysis_rows({.input = array_file("v.npy", {1, 2, 3, 4, 5, 6}, 2),
                          .texts = true,
                          .texts_file = text_file("t.csv", "text,kind,price\nred,a,3\n\"blue, dark\",,4\ngreen,b,\n"),
                          .columns = {"kind", "price"}});
  ASSERT_TRUE(rows) << rows.error().to_string();
  EXPECT_EQ(rows->row_count, 3U);
  EXPECT_EQ(rows->dim, 2U);
  EXPECT_EQ(values_of(*rows), (std::vector<float>{1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(rows->ids, (std::vector<std::string>{"0", "1", "2"}));
  EXPECT_EQ(rows->texts, (std::vector<std::string>{"red", "blue, dark", "green"}));
  EXPECT_EQ(rows->columns[0].values[0], "a");
  EXPECT_FALSE(rows->columns[0].values[1].value_or("").size() > 0);
  EXPECT_EQ(rows->columns[1].values[1], "4");
}

TEST_F(AnalysisRowsTest, rows_without_a_vector_are_left_out_with_their_texts) {
  const auto rows = open_analysis_rows({.input = array_file("v.npy", {1, 2, kNone, kNone, 5, 6}, 2),
                                        .texts = true,
                                        .texts_file = text_file("t.txt", "red\nblue\ngreen\n")});
  ASSERT_TRUE(rows) << rows.error().to_string();
  EXPECT_EQ(rows->left_out_count, 1U);
  EXPECT_EQ(values_of(*rows), (std::vector<float>{1, 2, 5, 6}));
  EXPECT_EQ(rows->numbers, (std::vector<std::uint64_t>{0, 2}));
  EXPECT_EQ(rows->ids, (std::vector<std::string>{"0", "2"}));
  EXPECT_EQ(rows->texts, (std::vector<std::string>{"red", "green"}));
}

TEST_F(AnalysisRowsTest, ids_of_an_array_come_from_the_rows_file_that_embed_wrote) {
  const std::string input = array_file("v.npy", {1, 2, 3}, 1);
  text_file("v.npy.rows.jsonl",
            "{\"row\":0,\"source\":\"a.txt\",\"line\":1}\n{\"row\":1,\"source\":\"a.csv\",\"line\":2,\"id\":\"x\"}\n"
            "{\"row\":2,\"source\":\"p/a.jpg\"}\n{\"summary\":{\"rows\":3}}\n");
  const auto rows = open_analysis_rows({.input = input});
  ASSERT_TRUE(rows);
  EXPECT_EQ(rows->ids, (std::vector<std::string>{"a.txt:1", "x", "p/a.jpg"}));
}

TEST_F(AnalysisRowsTest, of_jsonl_as_embed_and_export_write_it) {
  const auto embedded = open_analysis_rows(
      {.input = text_file("e.jsonl",
                          "{\"row\":0,\"id\":\"x\",\"text\":\"red\",\"embedding\":[1,-2.5e-1],\"kind\":\"a\"}\n"
                          "{\"row\":1,\"embedding\":null,\"error\":{}}\n{\"row\":2,\"embedding\":[3,4]}\n"),
       .texts = true,
       .columns = {"kind"}});
  ASSERT_TRUE(embedded) << embedded.error().to_string();
  EXPECT_EQ(values_of(*embedded), (std::vector<float>{1, -0.25F, 3, 4}));
  EXPECT_EQ(embedded->ids, (std::vector<std::string>{"x", "2"}));
  EXPECT_EQ(embedded->texts, (std::vector<std::string>{"red", ""}));
  EXPECT_EQ(embedded->columns[0].values, (std::vector<std::optional<std::string>>{"a", std::nullopt}));
  EXPECT_EQ(embedded->left_out_count, 1U);
  const auto exported = open_analysis_rows(
      {.input = text_file("c.jsonl",
                          "{\"id\":\"x\",\"kind\":\"text\",\"content\":\"red\",\"metadata\":{\"maker\":"
                          "{\"country\":\"FR\"}},\"vector\":[1,2]}\n"),
       .texts = true,
       .columns = {"metadata.maker.country"}});
  ASSERT_TRUE(exported) << exported.error().to_string();
  EXPECT_EQ(exported->texts.front(), "red");
  EXPECT_EQ(exported->columns[0].values[0], "FR");
}

TEST_F(AnalysisRowsTest, of_a_collection) {
  auto collection = Collection::create(path("c"), {.dim = 2, .metric = Metric::kEuclidean});
  ASSERT_TRUE(collection);
  const std::vector<Item> items{
      {.id = "a", .kind = ItemKind::kText, .content = "red", .metadata = R"({"n":1,"m":{"c":"x"}})", .vector = {1, 2}},
      {.id = "b", .metadata = R"({"n":2})", .vector = {3, 4}}};
  ASSERT_TRUE(collection->add(items));
  const auto rows = open_analysis_rows({.input = path("c"), .texts = true, .columns = {"n", "m.c"}});
  ASSERT_TRUE(rows) << rows.error().to_string();
  EXPECT_EQ(values_of(*rows), (std::vector<float>{1, 2, 3, 4}));
  EXPECT_EQ(rows->ids, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(rows->texts, (std::vector<std::string>{"red", ""}));
  EXPECT_EQ(rows->columns[0].values, (std::vector<std::optional<std::string>>{"1", "2"}));
  EXPECT_EQ(rows->columns[1].values, (std::vector<std::optional<std::string>>{"x", std::nullopt}));
  EXPECT_EQ(rows->collection->metric, Metric::kEuclidean);
  const auto some = open_analysis_rows({.input = path("c"), .filter = "n = 2"});
  ASSERT_TRUE(some);
  EXPECT_EQ(some->ids, (std::vector<std::string>{"b"}));
}

TEST_F(AnalysisRowsTest, of_a_safetensors_file) {
  Tensor values(DType::kF32, {2, 2});
  std::ranges::copy(std::vector<float>{1, 2, 3, 4}, values.mutable_as<float>().begin());
  const std::vector<NamedTensor> tensors{{.name = "embeddings", .tensor = values},
                                         {.name = "layer3", .tensor = values}};
  ASSERT_TRUE(write_safetensors(path("v.safetensors"), tensors));
  const auto rows = open_analysis_rows({.input = path("v.safetensors")});
  ASSERT_TRUE(rows);
  EXPECT_EQ(values_of(*rows), (std::vector<float>{1, 2, 3, 4}));
  const auto missing = open_analysis_rows({.input = path("v.safetensors"), .tensor_name = "layer4"});
  ASSERT_FALSE(missing);
  EXPECT_NE(missing.error().message.find("expected the tensor 'layer4', found embeddings, layer3"), std::string::npos);
}

TEST_F(AnalysisRowsTest, says_what_is_wrong_with_the_input) {
  const std::string array = array_file("v.npy", {1, 2}, 1);
  const auto code = [](const AnalysisRowsRequest& request) {
    const auto rows = open_analysis_rows(request);
    return rows ? ErrorCode::kInternal : rows.error().code;
  };
  EXPECT_EQ(code({.input = path("none.npy")}), ErrorCode::kNotFound);
  EXPECT_EQ(code({.input = path("none")}), ErrorCode::kNotFound);
  EXPECT_EQ(code({.input = text_file("t.txt", "red\n")}), ErrorCode::kInvalidArgument);
  EXPECT_EQ(code({.input = array, .texts = true, .texts_file = text_file("one.txt", "red\n")}), ErrorCode::kMismatch);
  EXPECT_EQ(code({.input = array, .columns = {"kind"}}), ErrorCode::kInvalidArgument);
  EXPECT_EQ(code({.input = array_file("nan.npy", {kNone}, 1)}), ErrorCode::kInvalidArgument);
  EXPECT_EQ(code({.input = text_file("a.jsonl", "{\"embedding\":[1,2]}\n{\"embedding\":[1]}\n")}),
            ErrorCode::kMismatch);
  EXPECT_EQ(code({.input = text_file("b.jsonl", "{\"embedding\":[1,\"x\"]}\n")}), ErrorCode::kCorrupt);
  EXPECT_EQ(code({.input = text_file("c.jsonl", "{\"embedding\":[1]}\n"), .columns = {"kind"}}), ErrorCode::kNotFound);
}

}  // namespace
}  // namespace asterism::service
