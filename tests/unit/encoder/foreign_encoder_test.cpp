// Models in files of their own (ONNX, TensorFlow Lite) through the public API.
#include "encoder/foreign_encoder.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <fstream>

#include "asterism/encoder.hpp"
#include "base/json.hpp"
#include "picture_files.hpp"
#include "scratch_folder.hpp"

namespace asterism {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

// A copy of one file of the OpenVINO goldens in a folder of its own.
class ForeignEncoderTest : public testing::Test {
 protected:
  fs::path copy(const std::string& name) const {
    const fs::path target = folder_ / fs::path(name).filename();
    fs::copy_file(goldens_ / name, target, fs::copy_options::overwrite_existing);
    return target;
  }
  void write(const std::string& name, std::string_view text) const {
    std::ofstream(folder_ / name, std::ios::binary | std::ios::trunc) << text;
  }
  struct Recorded {
    std::vector<float> values;
    std::size_t row_count = 0;
  };
  Recorded recorded(const std::string& name, const std::string& value) const {
    const Json json = read_json_file(goldens_ / (name + ".json")).value().at(value);
    return {json.at("values").get<std::vector<float>>(), json.at("shape").at(0).get<std::size_t>()};
  }
  static EncoderOptions exact(EncoderOptions options = {}) {
    options.precision = Precision::kF32;
    return options;
  }
  Error load_error(const fs::path& path, const EncoderOptions& options = {}) const {
    const auto encoder = Encoder::load(path.string(), exact(options));
    return encoder ? Error{} : encoder.error();
  }

  const fs::path goldens_ = fs::path(ASTERISM_SOURCE_DIR) / "tests/unit/openvino/golden";
  ScratchFolder scratch_{"foreign"};
  fs::path folder_ = scratch_.path();
};

TEST_F(ForeignEncoderTest, gives_what_the_formats_own_runtime_gives) {
  struct Case {
    std::string file;
    std::string golden;
    std::string layer;
    std::string pooling;
  };
  for (const Case& one :
       {Case{"free_batch.onnx", "free_batch", "", ""}, Case{"batch_of_one.onnx", "batch_of_one", "", ""},
        Case{"free_batch.onnx", "free_batch", "/ReduceMean_output_0", ""},
        Case{"free_batch.onnx", "free_batch", "/Relu_output_0", "none"},
        Case{"channels_last.onnx", "channels_last", "", ""}, Case{"float.tflite", "float", "", "flatten"}}) {
    const auto encoder =
        Encoder::load((goldens_ / one.file).string(),
                      exact({.layers = {one.layer}, .pooling = one.pooling, .image_height = 8, .image_width = 8}));
    ASSERT_TRUE(encoder) << one.file << ": " << encoder.error().to_string();
    const Recorded input = recorded(one.golden, "input");
    const auto rows = encoder->encode_pixels({.values = input.values, .row_count = input.row_count});
    ASSERT_TRUE(rows) << one.file << ": " << rows.error().to_string();
    const std::string name = !one.layer.empty()                                           ? one.layer
                             : one.file.contains("onnx") && one.golden != "channels_last" ? "logits"
                                                                                          : "vector";
    const Recorded wanted = recorded(one.golden, name);
    ASSERT_EQ(rows->values.size(), wanted.values.size()) << one.file;
    for (std::size_t i = 0; i < wanted.values.size(); ++i) {
      ASSERT_NEAR(rows->values[i], wanted.values[i], 1e-5 * std::max(1.0F, std::abs(wanted.values[i]))) << one.file;
    }
  }
}

TEST_F(ForeignEncoderTest, pools_a_map) {
  const Recorded input = recorded("free_batch", "input");
  const Recorded map = recorded("free_batch", "/Relu_output_0");
  const auto encoder =
      Encoder::load((goldens_ / "free_batch.onnx").string(), exact({.layers = {"/Relu_output_0"}, .pooling = "max"}));
  ASSERT_TRUE(encoder) << encoder.error().to_string();
  const auto rows = encoder->encode_pixels({.values = input.values, .row_count = input.row_count});
  ASSERT_TRUE(rows);
  ASSERT_EQ(rows->dim, 8U);
  for (std::size_t i = 0; i < rows->values.size(); ++i) {
    const auto begin = map.values.begin() + static_cast<std::ptrdiff_t>(i * 16);
    EXPECT_NEAR(rows->values[i], *std::max_element(begin, begin + 16), 1e-5);
  }
}

TEST_F(ForeignEncoderTest, pictures_go_through_the_sidecars_preprocessing) {
  const fs::path model = copy("free_batch.onnx");
  const std::vector<std::string> pictures{file_bytes(example_path("data/images/car/000.jpg"))};
  const auto plain = Encoder::load(model.string(), exact());
  ASSERT_TRUE(plain) << plain.error().to_string();
  EXPECT_FALSE(plain->info().warnings.empty());  // the defaults are guesses, and said to be
  write("free_batch.onnx.toml", "[preprocess]\nmean = [0.5, 0.5, 0.5]\nstd = [0.25, 0.25, 0.25]\n");
  const auto with = Encoder::load(model.string(), exact());
  ASSERT_TRUE(with) << with.error().to_string();
  EXPECT_NE(with->info().preprocess, plain->info().preprocess);
  const auto a = plain->encode_images(views_of(pictures));
  const auto b = with->encode_images(views_of(pictures));
  ASSERT_TRUE(a && b);
  EXPECT_NE(a->values, b->values);
}

TEST_F(ForeignEncoderTest, a_sidecar_with_an_unknown_key_is_refused) {
  const fs::path model = copy("free_batch.onnx");
  write("free_batch.onnx.toml", "[preprocess]\nmeen = 0.5\n");
  const Error error = load_error(model);
  EXPECT_EQ(error.code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(error.message, HasSubstr("free_batch.onnx.toml"));
  EXPECT_THAT(error.message + error.hint, HasSubstr("mean"));
}

TEST_F(ForeignEncoderTest, weights_in_a_file_that_is_missing_are_named) {
  const Error error = load_error(copy("external/model.onnx"));
  EXPECT_FALSE(error.message.empty());
  EXPECT_NE(error.code, ErrorCode::kInternal) << error.to_string();
  EXPECT_THAT(error.message, HasSubstr("model.onnx_data"));
}

TEST_F(ForeignEncoderTest, several_layers_are_refused_in_words) {
  const Error error = load_error(goldens_ / "free_batch.onnx", {.layers = {"logits", "/Relu_output_0"}});
  EXPECT_EQ(error.code, ErrorCode::kUnsupported);
  EXPECT_THAT(error.hint, HasSubstr("one layer"));
}

TEST_F(ForeignEncoderTest, an_unknown_layer_is_answered_with_near_ones) {
  const Error error = load_error(goldens_ / "free_batch.onnx", {.layers = {"logit"}});
  EXPECT_EQ(error.code, ErrorCode::kNotFound);
  EXPECT_THAT(error.message + error.hint, HasSubstr("logits"));
}

TEST_F(ForeignEncoderTest, the_input_is_a_layer_too) {
  const Recorded input = recorded("free_batch", "input");
  const auto encoder = Encoder::load((goldens_ / "free_batch.onnx").string(), exact({.layers = {"input"}}));
  ASSERT_TRUE(encoder) << encoder.error().to_string();
  const auto rows = encoder->encode_pixels({.values = input.values, .row_count = input.row_count});
  ASSERT_TRUE(rows);
  EXPECT_EQ(rows->values, input.values);
}

TEST_F(ForeignEncoderTest, another_size_than_the_file_fixes_is_refused) {
  const Error error = load_error(goldens_ / "free_batch.onnx", {.image_height = 16, .image_width = 16});
  EXPECT_EQ(error.code, ErrorCode::kMismatch) << error.to_string();
  EXPECT_THAT(error.message, HasSubstr("16"));
}

TEST_F(ForeignEncoderTest, a_text_under_the_name_of_a_model_is_damaged) {
  write("page.onnx", "<html>404</html>");
  write("page.tflite", "<html>404</html>");
  for (const char* name : {"page.onnx", "page.tflite"}) {
    const Error error = load_error(folder_ / name);
    EXPECT_EQ(error.code, ErrorCode::kCorrupt) << error.to_string();
    EXPECT_THAT(error.message, HasSubstr(name));
  }
}

}  // namespace
}  // namespace asterism
