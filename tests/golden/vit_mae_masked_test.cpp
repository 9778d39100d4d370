// A masked autoencoder's encoder on the patches that "ids_keep" names, against transformers' own, on both backends
// (tools/goldens/vit_mae_masked_record.py).
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <filesystem>
#include <memory>
#include <string>

#include "base/json.hpp"
#include "models/image_family.hpp"
#include "openvino/openvino_backend.hpp"
#include "reference/reference_backend.hpp"
#include "weights/checkpoint.hpp"
#include "weights/safetensors.hpp"

namespace asterism {
namespace {

const std::filesystem::path kFolder = std::filesystem::path(ASTERISM_SOURCE_DIR) / "tests/golden/vit_mae_masked";

Result<ImageModel> build(std::int64_t kept_patch_count) {
  auto tensors = read_checkpoint(kFolder);
  if (!tensors) {
    return std::unexpected(tensors.error());
  }
  ImageModelOptions options;
  options.kept_patch_count = kept_patch_count;
  return build_image_model(
      {read_json_file(kFolder / "config.json").value(), std::move(*tensors), kFolder.string(), "model.safetensors"},
      options);
}

TEST(VitMaeMasked, gives_the_original_s_hidden_states_of_the_kept_patches) {
  const auto expected = read_safetensors(kFolder / "expected.safetensors").value().tensors;
  const double tolerance = read_json_file(kFolder / "manifest.json").value()["tolerance"].get<double>();
  const Tensor& ids = expected.at("ids_keep");
  const Tensor& wanted = expected.at("last_hidden_state");
  const auto model = build(ids.shape()[1]);
  ASSERT_TRUE(model) << model.error().to_string();
  const std::array<std::string, 1> names{"last_hidden_state"};
  const Graph graph = model->graph.cut(names).value();
  const std::array backends{make_reference_backend(), make_openvino_backend()};
  for (const auto& backend : backends) {
    const auto executable = backend->compile(graph, model->parameters, {});
    ASSERT_TRUE(executable) << executable.error().to_string();
    const auto outputs =
        (*executable)->run({{std::string(kImageInput), expected.at("input")}, {std::string(kIdsKeepInput), ids}});
    ASSERT_TRUE(outputs) << outputs.error().to_string();
    ASSERT_EQ(outputs->front().shape(), wanted.shape());
    double worst = 0.0;
    for (std::size_t i = 0; i < wanted.element_count(); ++i) {
      worst = std::max(worst, std::abs(static_cast<double>(outputs->front().as<float>()[i]) -
                                       static_cast<double>(wanted.as<float>()[i])));
    }
    EXPECT_LE(worst, tolerance) << backend->name();
  }
}

TEST(VitMaeMasked, keeps_at_most_all_patches) {
  constexpr std::int64_t kPatchCount = 16;
  EXPECT_TRUE(build(kPatchCount));
  for (const std::int64_t wrong : {kPatchCount + 1, std::int64_t{-1}}) {
    const auto model = build(wrong);
    ASSERT_FALSE(model) << wrong;
    EXPECT_EQ(model.error().code, ErrorCode::kInvalidArgument);
  }
}

}  // namespace
}  // namespace asterism
