// A fusion's folder: what is written is read again, and its vectors are the scaled parts.
#include "encoder/fusion_model.hpp"

#include <gmock/gmock.h>

#include <cmath>

#include "base/file.hpp"
#include "scratch_folder.hpp"

namespace asterism {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;

class FusionModelTest : public testing::Test {
 protected:
  FusionModelTest() {
    fs::remove_all(folder_);
    fs::create_directories(folder_);
    FusionSettings& settings = model_.settings;
    settings.encoder = kBuiltinModel;
    settings.content_column = "note";
    settings.columns.numeric = {{.name = "size", .mean = 1.0, .std = 2.0, .missing = false}};
    settings.columns.categorical = {{.name = "colour", .values = {"red", "blue"}, .counts = {0, 5, 5}}};
    const auto encoder = Encoder::load(kBuiltinModel);
    model_.content = {.centre = std::vector<float>(encoder->dim(), 0.25F), .scale = 3.0};
    model_.columns = {.centre = {0.0F, 0.5F, 0.0F, 0.0F}, .scale = 0.5};
  }

  Json config() const { return *read_json_file(folder_ / "config.json"); }
  ErrorCode code_with(const Json& config) const {
    EXPECT_TRUE(write_file_atomic(folder_ / "config.json", config.dump()));
    const auto read = read_fusion_model(folder_);
    return read ? ErrorCode::kInternal : read.error().code;
  }

  ScratchFolder scratch_{"fusion"};
  fs::path folder_ = scratch_ / "model";
  FusionModel model_;
};

TEST_F(FusionModelTest, vectors_are_both_parts_scaled) {
  ASSERT_TRUE(write_fusion_model(model_, folder_));
  const auto encoder = Encoder::load(folder_.string());
  ASSERT_TRUE(encoder) << encoder.error().to_string();
  EXPECT_THAT(encoder->info().columns.names, ElementsAre("size", "colour", "note"));
  const auto vectors = encoder->encode_records(std::vector<Record>{{"5", "blue", "a red kite"}});
  ASSERT_TRUE(vectors) << vectors.error().to_string();
  const std::vector<std::string> texts{"a red kite"};
  const auto text = Encoder::load(kBuiltinModel)->encode(texts);
  const std::size_t dim = text->dim;
  ASSERT_EQ(encoder->dim(), dim + 4);
  for (std::size_t i = 0; i < dim; ++i) {
    EXPECT_NEAR(vectors->row(0)[i], 3.0F * (text->row(0)[i] - 0.25F), 1e-5F);
  }
  // Half of the pairs differ in colour: its one-hot part is sqrt(2).
  EXPECT_FLOAT_EQ(vectors->row(0)[dim], 1.0F);
  EXPECT_FLOAT_EQ(vectors->row(0)[dim + 1], -0.25F);
  EXPECT_FLOAT_EQ(vectors->row(0)[dim + 2], 0.0F);
  EXPECT_FLOAT_EQ(vectors->row(0)[dim + 3], 0.5F * std::sqrt(2.0F));
}

TEST_F(FusionModelTest, rows_without_a_part_fail_alone) {
  ASSERT_TRUE(write_fusion_model(model_, folder_));
  const auto encoder = Encoder::load(folder_.string());
  const std::vector<Record> rows{{"5", "blue", ""}, {"many", "blue", "text"}, {"5", "text"}, {"", "green", "text"}};
  const auto vectors = encoder->encode_records(rows);
  ASSERT_TRUE(vectors) << vectors.error().to_string();
  EXPECT_THAT(vectors->reports[0].error->message, HasSubstr("found an empty cell"));
  EXPECT_THAT(vectors->reports[1].error->message, HasSubstr("column 'size'"));
  EXPECT_THAT(vectors->reports[2].error->message, HasSubstr("expected 3 cells"));
  EXPECT_FALSE(vectors->reports[3].error);
  for (const float value : vectors->row(0)) {
    EXPECT_TRUE(std::isnan(value));
  }
  EXPECT_TRUE(std::isfinite(vectors->row(3)[0]));
}

TEST_F(FusionModelTest, folders_that_lie_are_refused) {
  ASSERT_TRUE(write_fusion_model(model_, folder_));
  const Json good = config();
  const auto with = [&](const char* key, const Json& value) {
    Json changed = good;
    changed[key] = value;
    return changed;
  };
  EXPECT_EQ(code_with(with("content_kind", "sound")), ErrorCode::kCorrupt);
  EXPECT_EQ(code_with(with("content_scale", 0)), ErrorCode::kCorrupt);
  EXPECT_EQ(code_with(with("columns", Json::object())), ErrorCode::kCorrupt);
  EXPECT_EQ(code_with(with("columns_form", "model")), ErrorCode::kNotFound);
  EXPECT_NE(code_with(with("encoder", 7)), ErrorCode::kInternal);
  model_.content.centre.pop_back();
  ASSERT_TRUE(write_fusion_model(model_, folder_));
  EXPECT_EQ(Encoder::load(folder_.string()).error().code, ErrorCode::kMismatch);
  EXPECT_EQ(Encoder::load(folder_.string(), {.layers = {"x"}}).error().code, ErrorCode::kUnsupported);
}

TEST_F(FusionModelTest, pictures_need_a_model_of_pictures) {
  model_.settings.content_is_file = true;
  model_.settings.image_folder = "photos";
  ASSERT_TRUE(write_fusion_model(model_, folder_));
  const auto inputs = fusion_inputs(config(), folder_);
  ASSERT_TRUE(inputs);
  EXPECT_THAT(inputs->files, ElementsAre("note"));
  EXPECT_EQ(inputs->file_folder, "photos");
  EXPECT_THAT(Encoder::load(folder_.string()).error().message,
              HasSubstr("expected a model of images, found one of texts"));
}

}  // namespace
}  // namespace asterism
