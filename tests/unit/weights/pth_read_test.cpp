// Checkpoints of torch.save against the tensors that torch itself found in them.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

#include "support.hpp"
#include "weights/checkpoint.hpp"
#include "weights/pth.hpp"
#include "weights/safetensors.hpp"

namespace asterism {
namespace {

namespace fs = std::filesystem;

fs::path pth_folder() {
  return golden_folder() / "pth";
}

std::map<std::string, Tensor> expected(const std::string& name) {
  return read_safetensors(pth_folder() / (name + ".safetensors")).value().tensors;
}

void expect_same(const std::map<std::string, Tensor>& found, const std::map<std::string, Tensor>& wanted) {
  EXPECT_EQ(found.size(), wanted.size());
  for (const auto& [name, tensor] : wanted) {
    const auto at = found.find(name);
    ASSERT_NE(at, found.end()) << name;
    EXPECT_EQ(at->second.dtype(), tensor.dtype()) << name;
    EXPECT_EQ(at->second.shape(), tensor.shape()) << name;
    EXPECT_TRUE(std::ranges::equal(at->second.bytes(), tensor.bytes())) << name;
  }
}

struct Recorded {
  std::string file;
  std::string expected;
  std::string entry;
};

class PthGolden : public testing::TestWithParam<Recorded> {};

TEST_P(PthGolden, tensors_are_those_that_torch_loads) {
  const auto file = read_pth(pth_folder() / (GetParam().file + ".pth"));
  ASSERT_TRUE(file) << file.error().to_string();
  expect_same(file->tensors, expected(GetParam().expected));
  EXPECT_EQ(file->entry, GetParam().entry);
}

INSTANTIATE_TEST_SUITE_P(
    Files, PthGolden,
    testing::Values(
        Recorded{"every_dtype_zip", "every_dtype", ""}, Recorded{"every_dtype_stream", "every_dtype", ""},
        Recorded{"strides_zip", "strides", ""}, Recorded{"strides_stream", "strides", ""},
        Recorded{"training_zip", "training", "state_dict"}, Recorded{"training_stream", "training", "state_dict"},
        Recorded{"deflated_zip", "training", "state_dict"}, Recorded{"averaged_zip", "averaged", "state_dict_ema"},
        Recorded{"averaged_stream", "averaged", "state_dict_ema"},
        Recorded{"model_is_a_name_zip", "averaged", "model_state"}, Recorded{"module_zip", "module", ""},
        Recorded{"module_stream", "module", ""}, Recorded{"parameters_zip", "parameters", ""},
        Recorded{"parameters_stream", "parameters", ""}, Recorded{"protocol3_zip", "training", "state_dict"},
        Recorded{"protocol3_stream", "training", "state_dict"}, Recorded{"protocol4_zip", "training", "state_dict"},
        Recorded{"protocol4_stream", "training", "state_dict"}, Recorded{"protocol5_zip", "training", "state_dict"},
        Recorded{"protocol5_stream", "training", "state_dict"}),
    [](const auto& file) { return file.param.file; });

TEST(PthRead, values_that_are_no_tensors_are_named) {
  const auto file = read_pth(pth_folder() / "parameters_zip.pth");
  ASSERT_TRUE(file);
  EXPECT_EQ(file->ignored, (std::vector<std::string>{"steps", "extra"}));
}

TEST(PthRead, stored_values_are_not_copied) {
  const std::string bytes = slurp(pth_folder() / "strides_zip.pth");
  const auto owner = std::make_shared<std::string>(bytes);
  const auto file = parse_pth(std::as_bytes(std::span(*owner)), owner, "strides.pth");
  ASSERT_TRUE(file);
  const auto inside = [&](const Tensor& tensor) {
    const auto* at = reinterpret_cast<const char*>(tensor.bytes().data());
    return at >= owner->data() && at + tensor.bytes().size() <= owner->data() + owner->size();
  };
  EXPECT_TRUE(inside(file->tensors.at("base")));
  EXPECT_TRUE(inside(file->tensors.at("tail")));
  EXPECT_FALSE(inside(file->tensors.at("transposed")));
  EXPECT_EQ(file->tensors.at("base").bytes().data(), file->tensors.at("shared_again").bytes().data());
}

TEST(PthRead, tensors_outlive_the_file) {
  Tensor tensor;
  {
    auto file = read_pth(pth_folder() / "every_dtype_zip.pth");
    ASSERT_TRUE(file);
    tensor = file->tensors.at("b.f32");
  }
  EXPECT_EQ(tensor.to_f32().as<float>()[5], 5.0F);
}

TEST(PthRead, missing_file_is_named) {
  const auto file = read_pth("/nowhere/x.pth");
  ASSERT_FALSE(file);
  EXPECT_EQ(file.error().code, ErrorCode::kNotFound);
  EXPECT_NE(file.error().message.find("/nowhere/x.pth"), std::string::npos);
}

TEST(CheckpointFile, kind_is_found_by_content_and_ending) {
  const ScratchFolder folder;
  fs::copy_file(pth_folder() / "every_dtype.safetensors", folder / "a.bin");
  fs::copy_file(pth_folder() / "every_dtype_zip.pth", folder / "b.bin");
  fs::copy_file(pth_folder() / "every_dtype_stream.pth", folder / "c");
  fs::copy_file(pth_folder() / "every_dtype.safetensors", folder / "d.safetensors");
  for (const char* name : {"a.bin", "b.bin", "c", "d.safetensors"}) {
    const auto tensors = read_checkpoint_file(folder / name);
    ASSERT_TRUE(tensors) << tensors.error().to_string();
    expect_same(*tensors, expected("every_dtype"));
  }
}

TEST(CheckpointFolder, pytorch_files_are_read_where_no_safetensors_are) {
  for (const char* name : {"pytorch_model.bin", "weights.pth", "weights.pt"}) {
    const ScratchFolder folder;
    fs::copy_file(pth_folder() / "training_stream.pth", folder / name);
    spill(folder / "config.json", "{}");
    const auto tensors = read_checkpoint(folder.path());
    ASSERT_TRUE(tensors) << tensors.error().to_string();
    expect_same(*tensors, expected("training"));
  }
}

TEST(CheckpointFolder, safetensors_win_over_pickles) {
  const ScratchFolder folder;
  spill(folder / "pytorch_model.bin", "not read");
  fs::copy_file(golden_folder() / "plain.safetensors", folder / "model.safetensors");
  const auto tensors = read_checkpoint(folder.path());
  ASSERT_TRUE(tensors) << tensors.error().to_string();
  EXPECT_TRUE(tensors->contains("w"));
}

TEST(CheckpointFolder, sharded_pickles_follow_their_index) {
  const ScratchFolder folder;
  fs::copy_file(pth_folder() / "averaged_zip.pth", folder / "pytorch_model-00001-of-00002.bin");
  fs::copy_file(pth_folder() / "module_zip.pth", folder / "pytorch_model-00002-of-00002.bin");
  const auto write_index = [&](const std::string& last) {
    spill(folder / "pytorch_model.bin.index.json",
          R"({"weight_map":{"w":"pytorch_model-00001-of-00002.bin","weight":"pytorch_model-00002-of-00002.bin",
      "bias":"pytorch_model-00002-of-00002.bin","running_mean":"pytorch_model-00002-of-00002.bin",
      "running_var":"pytorch_model-00002-of-00002.bin","num_batches_tracked":")" +
              last + "\"}}");
  };
  write_index("pytorch_model-00002-of-00002.bin");
  const auto tensors = read_checkpoint(folder.path());
  ASSERT_TRUE(tensors) << tensors.error().to_string();
  EXPECT_EQ(tensors->size(), 6U);
  write_index("model.safetensors");
  const auto wrong = read_checkpoint(folder.path());
  ASSERT_FALSE(wrong);
  EXPECT_NE(wrong.error().message.find("expected the name of a .bin file"), std::string::npos) << wrong.error().message;
}

TEST(CheckpointFolder, several_lone_files_are_a_question) {
  const ScratchFolder folder;
  fs::copy_file(pth_folder() / "averaged_zip.pth", folder / "a.pth");
  fs::copy_file(pth_folder() / "module_zip.pth", folder / "b.pt");
  const auto tensors = read_checkpoint(folder.path());
  ASSERT_FALSE(tensors);
  EXPECT_EQ(tensors.error().code, ErrorCode::kNotFound);
  EXPECT_NE(tensors.error().message.find("found 2 of them: a.pth, b.pt"), std::string::npos) << tensors.error().message;
}

}  // namespace
}  // namespace asterism
