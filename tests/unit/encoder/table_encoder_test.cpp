// A tabular autoencoder's folder through the program's own backend, against the sums written out.
#include "encoder/table_encoder.hpp"

#include <gmock/gmock.h>
#include <unistd.h>

#include <cmath>

#include "asterism/encoder.hpp"
#include "base/file.hpp"
#include "scratch_folder.hpp"
#include "weights/safetensors.hpp"

namespace asterism {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;

class TableFolder {
 public:
  std::string path() const { return root_.string(); }

  // One numeric column (missing ones are told) and two categorical ones.
  void write(const char* categories) {
    TableColumns columns;
    columns.numeric = {{.name = "size", .mean = 10.0, .std = 2.0, .missing = true}};
    columns.categorical = {{.name = "colour", .values = {"red", "blue"}, .counts = {1, 5, 4}},
                           {.name = "shape", .values = {"round"}, .counts = {3, 7}}};
    config_ = Json{{"model_type", kTabularType}, {"numeric_size", 2},          {"category_sizes", {3, 2}},
                   {"categories", categories},   {"hidden_sizes", {5, 4}},     {"code_size", 3},
                   {"activation", "tanh"},       {"columns", to_json(columns)}};
    if (std::string_view(categories) == "embedding") {
      config_["embedding_sizes"] = {2, 1};
    }
    tensors_ = initial_tabular_tensors(*read_tabular_plan(config_, "test"), 3);
    save();
  }
  void save() const {
    std::vector<NamedTensor> named;
    for (const auto& [name, tensor] : tensors_) {
      named.push_back({name, tensor});
    }
    ASSERT_TRUE(write_safetensors(root_ / "model.safetensors", named));
    ASSERT_TRUE(write_file_atomic(root_ / "config.json", config_.dump()));
  }
  std::span<const float> tensor(const char* name) const { return tensors_.at(name).as<float>(); }
  Json& config() { return config_; }

  // weight [out, in] x + bias
  std::vector<double> linear(const std::string& path, const std::vector<double>& x) const {
    const auto weight = tensor((path + ".weight").c_str());
    const auto bias = tensor((path + ".bias").c_str());
    std::vector<double> out(bias.begin(), bias.end());
    for (std::size_t o = 0; o < out.size(); ++o) {
      for (std::size_t i = 0; i < x.size(); ++i) {
        out[o] += static_cast<double>(weight[o * x.size() + i]) * x[i];
      }
    }
    return out;
  }

 private:
  ScratchFolder scratch_{"table"};
  fs::path root_ = scratch_.path();
  Json config_;
  std::map<std::string, Tensor> tensors_;
};

std::vector<double> tanh_of(std::vector<double> x) {
  for (double& value : x) {
    value = std::tanh(value);
  }
  return x;
}

void expect_near(std::span<const float> found, const std::vector<double>& wanted) {
  ASSERT_EQ(found.size(), wanted.size());
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    EXPECT_NEAR(static_cast<double>(found[i]), wanted[i], 1e-5);
  }
}

// size = 14 -> 2, not missing; colour blue -> 2; shape never seen -> 0.
const Record kRow{"14", "blue", "star"};

TEST(TableEncoder, one_hot_is_a_row_of_the_matrix) {
  TableFolder folder;
  folder.write("one_hot");
  const auto encoder = Encoder::load(folder.path());
  ASSERT_TRUE(encoder) << encoder.error().to_string();
  EXPECT_TRUE(encoder->info().takes_records);
  EXPECT_EQ(encoder->info().precision, "f32");
  EXPECT_THAT(encoder->info().columns.names, ElementsAre("size", "colour", "shape"));
  const auto vectors = encoder->encode_records(std::vector<Record>{kRow});
  ASSERT_TRUE(vectors) << vectors.error().to_string();
  std::vector<double> hidden(5);
  for (std::size_t i = 0; i < 5; ++i) {
    hidden[i] = static_cast<double>(folder.tensor("encoder.bias")[i]) +
                2.0 * static_cast<double>(folder.tensor("encoder.numeric.weight")[2 * i]) +
                static_cast<double>(folder.tensor("encoder.categories.0.weight")[2 * 5 + i]) +
                static_cast<double>(folder.tensor("encoder.categories.1.weight")[i]);
  }
  expect_near(vectors->row(0),
              folder.linear("encoder.code", tanh_of(folder.linear("encoder.layers.1.dense", tanh_of(hidden)))));
}

TEST(TableEncoder, embeddings_stand_beside_the_numbers) {
  TableFolder folder;
  folder.write("embedding");
  const auto encoder = Encoder::load(folder.path());
  ASSERT_TRUE(encoder) << encoder.error().to_string();
  const auto vectors = encoder->encode_records(std::vector<Record>{kRow});
  ASSERT_TRUE(vectors) << vectors.error().to_string();
  const auto colours = folder.tensor("encoder.categories.0.weight");
  const std::vector<double> features{2.0, 0.0, static_cast<double>(colours[4]), static_cast<double>(colours[5]),
                                     static_cast<double>(folder.tensor("encoder.categories.1.weight")[0])};
  const auto hidden = tanh_of(folder.linear("encoder.input", features));
  expect_near(vectors->row(0), folder.linear("encoder.code", tanh_of(folder.linear("encoder.layers.1.dense", hidden))));
}

TEST(TableEncoder, values_never_seen_begin_at_nothing) {
  TableFolder folder;
  folder.write("embedding");
  EXPECT_THAT(folder.tensor("encoder.categories.0.weight").first(2), ElementsAre(0.0F, 0.0F));
}

TEST(TableEncoder, rows_that_do_not_fit_fail_alone) {
  TableFolder folder;
  folder.write("one_hot");
  const auto encoder = Encoder::load(folder.path());
  ASSERT_TRUE(encoder);
  const std::vector<Record> rows{
      kRow, {"tall", "red", "round"}, {std::nullopt, std::nullopt, std::nullopt}, {"", "red", std::nullopt}, {"1"}};
  const auto vectors = encoder->encode_records(rows);
  ASSERT_TRUE(vectors) << vectors.error().to_string();
  EXPECT_FALSE(vectors->reports[0].error);
  EXPECT_THAT(vectors->reports[1].error->message, HasSubstr("column 'size': expected a number, found 'tall'"));
  EXPECT_TRUE(std::isnan(vectors->row(1)[0]));
  EXPECT_THAT(vectors->reports[2].error->message, HasSubstr("expected a value of size, colour, shape, found none"));
  EXPECT_FALSE(vectors->reports[3].error);
  EXPECT_TRUE(std::isfinite(vectors->row(3)[0]));
  EXPECT_THAT(vectors->reports[4].error->message, HasSubstr("expected 3 cells"));
  // What stands beside it changes nothing.
  const auto alone = encoder->encode_records(std::vector<Record>{rows[3]});
  EXPECT_EQ(alone->row(0)[0], vectors->row(3)[0]);
}

TEST(TableEncoder, takes_nothing_else_and_ends_where_it_is_told) {
  TableFolder folder;
  folder.write("one_hot");
  const auto encoder = Encoder::load(folder.path());
  const std::vector<std::string_view> texts{"a"};
  EXPECT_EQ(encoder->encode(texts).error().code, ErrorCode::kUnsupported);
  EXPECT_THAT(encoder->encode_images(texts).error().message, HasSubstr("takes rows of a table, not images"));
  const auto layers = Encoder::load(folder.path(), {.layers = {"reconstruction.numeric", "encoder.layers.0"}});
  ASSERT_TRUE(layers) << layers.error().to_string();
  EXPECT_EQ(layers->dim(), 7U);
  EXPECT_TRUE(layers->encode_records(std::vector<Record>{kRow}));
  EXPECT_EQ(Encoder::load(folder.path(), {.layers = {"numeric"}}).error().code, ErrorCode::kInvalidArgument);
  const auto cut = Encoder::load(folder.path(), {.normalize = true, .dim = 2});
  ASSERT_TRUE(cut);
  const auto vectors = cut->encode_records(std::vector<Record>{kRow});
  EXPECT_NEAR(std::hypot(vectors->row(0)[0], vectors->row(0)[1]), 1.0F, 1e-5F);
}

TEST(TableEncoder, folders_that_lie_are_refused) {
  TableFolder folder;
  folder.write("one_hot");
  folder.config()["columns"]["categorical"].erase(1);
  folder.save();
  EXPECT_EQ(Encoder::load(folder.path()).error().code, ErrorCode::kCorrupt);
  folder.write("one_hot");
  folder.config()["hidden_sizes"] = {6, 4};
  folder.save();
  EXPECT_EQ(Encoder::load(folder.path()).error().code, ErrorCode::kMismatch);
  folder.write("one_hot");
  folder.config()["categories"] = "embedding";
  folder.save();
  EXPECT_FALSE(Encoder::load(folder.path()));
}

TEST(TableEncoder, inputs_are_told_before_the_model_is_loaded) {
  TableFolder folder;
  folder.write("one_hot");
  const auto inputs = table_inputs(folder.path());
  ASSERT_TRUE(inputs && *inputs);
  EXPECT_THAT((*inputs)->names, ElementsAre("size", "colour", "shape"));
  EXPECT_FALSE(*table_inputs("all-MiniLM-L6-v2"));
}

}  // namespace
}  // namespace asterism
