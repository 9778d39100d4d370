// Image checkpoints that are not what they should be, and sizes that the user asks for.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "golden_image_model.hpp"
#include "picture_files.hpp"
#include "weights/checkpoint.hpp"

namespace asterism {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;

Error load_error(const fs::path& path, const EncoderOptions& options = {}) {
  const auto encoder = Encoder::load(path.string(), options);
  return encoder ? Error{} : encoder.error();
}

std::string file_of(const GoldenImageModel& golden, const std::string& name) {
  return (golden.folder().path() / name).string();
}

TEST(ImageCheckpoint, another_number_of_classes_than_the_configuration_says) {
  const GoldenImageModel golden("resnet_timm_basic");
  Json config = read_json_file(file_of(golden, "config.json")).value();
  config["num_classes"] = 9;
  config["model_args"]["num_classes"] = 9;
  golden.folder().write("config.json", config.dump());
  const Error error = load_error(golden.folder().path());
  EXPECT_EQ(error.code, ErrorCode::kMismatch) << error.to_string();
  EXPECT_THAT(error.message, HasSubstr("fc.weight"));
}

TEST(ImageCheckpoint, the_configuration_of_another_model) {
  const GoldenImageModel golden("resnet_timm_basic");
  const GoldenImageModel other("vit_timm");
  golden.folder().write("config.json", file_bytes(file_of(other, "config.json")));
  const Error error = load_error(golden.folder().path());
  EXPECT_EQ(error.code, ErrorCode::kMismatch) << error.to_string();
  EXPECT_THAT(error.message, HasSubstr("missing"));
  EXPECT_FALSE(error.hint.empty());
}

TEST(ImageCheckpoint, without_its_preprocessing) {
  const GoldenImageModel golden("vit_hf");
  golden.folder().remove("preprocessor_config.json");
  const Error error = load_error(golden.folder().path());
  EXPECT_EQ(error.code, ErrorCode::kNotFound);
  EXPECT_THAT(error.message, AllOf(HasSubstr(golden.folder().string()), HasSubstr("preprocessor_config.json")));
}

TEST(ImageCheckpoint, without_its_weights) {
  const GoldenImageModel golden("vit_hf");
  golden.folder().remove("model.safetensors");
  const Error error = load_error(golden.folder().path());
  EXPECT_EQ(error.code, ErrorCode::kNotFound);
  EXPECT_THAT(error.message, HasSubstr("model.safetensors"));
}

TEST(ImageCheckpoint, preprocessing_with_another_number_of_channels) {
  const GoldenImageModel golden("lenet_tanh");
  Json config = read_json_file(file_of(golden, "config.json")).value();
  config["pretrained_cfg"]["input_size"] = {3, 28, 28};
  golden.folder().write("config.json", config.dump());
  const Error error = load_error(golden.folder().path());
  EXPECT_EQ(error.code, ErrorCode::kMismatch) << error.to_string();
  EXPECT_THAT(error.message, HasSubstr("gives 3 channels"));
}

TEST(ImageCheckpoint, weights_that_are_no_numbers) {
  const GoldenImageModel golden("resnet_timm_basic");
  for (const float bad : {std::numeric_limits<float>::quiet_NaN(), -std::numeric_limits<float>::infinity()}) {
    auto tensors = read_checkpoint(golden.folder().path()).value();
    Tensor weight(DType::kF32, tensors.at("layer2.0.conv1.weight").shape());
    weight.mutable_as<float>()[3] = bad;
    tensors["layer2.0.conv1.weight"] = weight;
    std::vector<NamedTensor> named;
    for (const auto& [name, tensor] : tensors) {
      named.push_back({name, tensor});
    }
    ASSERT_TRUE(write_safetensors(golden.folder().path() / "model.safetensors", named));
    const Error error = load_error(golden.folder().path());
    EXPECT_EQ(error.code, ErrorCode::kCorrupt);
    EXPECT_THAT(error.message, HasSubstr("layer2.0.conv1.weight"));
  }
}

TEST(ImageCheckpoint, a_folder_with_a_weight_file_alone_is_that_file) {
  const GoldenImageModel golden("resnet_torchvision_basic");
  const Encoder folder = golden.load();
  const auto file = Encoder::load(file_of(golden, "resnet18-f37072fd.pth"), golden.options());
  ASSERT_TRUE(file) << file.error().to_string();
  EXPECT_EQ(folder.encode_pixels(golden.pixels()).value().values, file->encode_pixels(golden.pixels()).value().values);
}

TEST(ImageCheckpoint, a_folder_with_two_weight_files_is_asked_about) {
  const GoldenImageModel golden("resnet_torchvision_basic");
  golden.folder().write("resnet34-b627a593.pth", file_bytes(file_of(golden, "resnet18-f37072fd.pth")));
  const Error error = load_error(golden.folder().path());
  EXPECT_EQ(error.code, ErrorCode::kNotFound) << error.to_string();
  EXPECT_THAT(error.message + error.hint, HasSubstr(".pth"));
}

TEST(ImageCheckpoint, a_pickle_that_runs_code_is_not_run) {
  const GoldenImageModel golden("resnet_torchvision_basic");
  const std::string ran = (golden.folder().path() / "ran").string();
  // torch.save's old form: magic number, protocol, system, and where the state would be, a call of os.system.
  const std::string magic("\x80\x02\x8A\x0A\x6C\xFC\x9C\x46\xF9\x20\x6A\xA8\x50\x19.\x80\x02M\xE9\x03.\x80\x02}.", 25);
  golden.folder().write("resnet18-f37072fd.pth", magic + "\x80\x02" + "cposix\nsystem\n(Vtouch " + ran + "\ntR.");
  const Error error = load_error(file_of(golden, "resnet18-f37072fd.pth"));
  EXPECT_THAT(error.code, testing::AnyOf(ErrorCode::kUnsupported, ErrorCode::kCorrupt)) << error.to_string();
  EXPECT_THAT(error.message, HasSubstr("posix"));
  EXPECT_FALSE(fs::exists(ran));
}

TEST(ImageCheckpoint, every_cut_of_the_weights_is_an_error) {
  const GoldenImageModel golden("resnet_torchvision_basic");
  const std::string whole = file_bytes(file_of(golden, "resnet18-f37072fd.pth"));
  for (std::size_t size = 0; size < whole.size(); size += whole.size() / 23 + 1) {
    golden.folder().write("resnet18-f37072fd.pth", whole.substr(0, size));
    const Error error = load_error(file_of(golden, "resnet18-f37072fd.pth"));
    EXPECT_THAT(error.message, HasSubstr("resnet18-f37072fd.pth")) << size;
  }
}

TEST(ImageSize, convolutional_networks_and_transformers_take_another_one) {
  for (const char* name : {"resnet_timm_basic", "vit_timm", "vit_hf", "swin_timm"}) {
    const GoldenImageModel golden(name);
    const Encoder encoder = golden.load({.image_height = 64, .image_width = 48});
    EXPECT_EQ(encoder.info().image_shape, (std::array<std::int64_t, 3>{3, 64, 48})) << name;
    const std::string picture = file_bytes(example_path("data/images/car/000.jpg"));
    const std::vector<std::string_view> files{picture};
    const auto rows = encoder.encode_images(files);
    ASSERT_TRUE(rows) << name;
    EXPECT_FALSE(rows->reports[0].error) << name;
    EXPECT_EQ(rows->dim, golden.load().dim()) << name;
  }
}

struct BadSize {
  std::string golden;
  std::int64_t height = 0;
  std::int64_t width = 0;
  std::string message;
};

class ImageSizeRefused : public testing::TestWithParam<BadSize> {};

TEST_P(ImageSizeRefused, before_anything_runs) {
  const GoldenImageModel golden(GetParam().golden);
  const Error error =
      load_error(golden.folder().path(), {.image_height = GetParam().height, .image_width = GetParam().width});
  EXPECT_NE(error.code, ErrorCode::kInternal) << error.to_string();
  EXPECT_THAT(error.message, HasSubstr(GetParam().message));
}

INSTANTIATE_TEST_SUITE_P(Sizes, ImageSizeRefused,
                         testing::Values(BadSize{"resnet_timm_basic", -1, -1, "found -1x-1"},
                                         BadSize{"resnet_timm_basic", 64, 0, "found 64x0"},
                                         BadSize{"resnet_timm_basic", 8193, 8193, "found 8193x8193"},
                                         BadSize{"vgg_timm", 1, 1, "window reaches over 2 positions"},
                                         BadSize{"alexnet_torchvision", 8, 8, "window reaches over 3 positions"},
                                         BadSize{"vit_timm", 4, 4, "found 4 x 4"},
                                         BadSize{"lenet_tanh", 32, 32, "fc1.weight"}),
                         [](const auto& test) { return test.param.golden + "_" + std::to_string(test.index); });

}  // namespace
}  // namespace asterism
