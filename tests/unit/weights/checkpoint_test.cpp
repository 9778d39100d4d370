#include <gtest/gtest.h>

#include "support.hpp"
#include "weights/checkpoint.hpp"

namespace asterism {
namespace {

namespace fs = std::filesystem;

constexpr const char* kFirst = "model-00001-of-00002.safetensors";
constexpr const char* kSecond = "model-00002-of-00002.safetensors";
constexpr const char* kIndex = "model.safetensors.index.json";

// A copy of the recorded sharded checkpoint, to be spoiled.
class Checkpoint : public testing::Test {
 protected:
  Checkpoint() {
    for (const char* name : {kFirst, kSecond, kIndex}) {
      fs::copy_file(golden_folder() / "sharded" / name, folder_ / name);
    }
  }

  void expect_error(ErrorCode code, const std::string& said) const {
    const auto tensors = read_checkpoint(folder_.path());
    ASSERT_FALSE(tensors) << said;
    EXPECT_EQ(tensors.error().code, code) << tensors.error().message;
    EXPECT_NE(tensors.error().message.find(said), std::string::npos) << tensors.error().message;
    EXPECT_NE(tensors.error().message.find(folder_.path().string()), std::string::npos) << tensors.error().message;
  }

  ScratchFolder folder_;
};

TEST_F(Checkpoint, shards_come_together) {
  const auto tensors = read_checkpoint(folder_.path());
  ASSERT_TRUE(tensors) << tensors.error().to_string();
  ASSERT_EQ(tensors->size(), 3U);
  EXPECT_EQ(tensors->at("embeddings.weight").shape(), (Shape{4, 2}));
  EXPECT_EQ(tensors->at("layer.weight").dtype(), DType::kF16);
}

TEST_F(Checkpoint, single_file_wins_over_an_index) {
  fs::copy_file(golden_folder() / "plain.safetensors", folder_ / "model.safetensors");
  const auto tensors = read_checkpoint(folder_.path());
  ASSERT_TRUE(tensors);
  EXPECT_EQ(tensors->size(), 1U);
  EXPECT_TRUE(tensors->contains("w"));
}

TEST_F(Checkpoint, missing_shard_is_named) {
  fs::remove(folder_ / kSecond);
  expect_error(ErrorCode::kNotFound, kSecond);
}

TEST_F(Checkpoint, tensor_missing_from_its_shard_is_named) {
  spill(folder_ / kIndex, R"({"weight_map":{"embeddings.weight":"model-00001-of-00002.safetensors",
    "layer.bias":"model-00002-of-00002.safetensors","layer.weight":"model-00002-of-00002.safetensors",
    "layer.scale":"model-00002-of-00002.safetensors"}})");
  expect_error(ErrorCode::kMismatch, "expected tensor 'layer.scale'");
}

TEST_F(Checkpoint, tensor_that_the_index_leaves_out_is_named) {
  spill(folder_ / kIndex, R"({"weight_map":{"embeddings.weight":"model-00001-of-00002.safetensors",
    "layer.bias":"model-00002-of-00002.safetensors"}})");
  expect_error(ErrorCode::kMismatch, "holds tensor 'layer.weight', which model.safetensors.index.json does not list");
}

TEST_F(Checkpoint, tensor_in_another_shard_than_the_index_says_is_named) {
  spill(folder_ / kIndex, R"({"weight_map":{"embeddings.weight":"model-00001-of-00002.safetensors",
    "layer.bias":"model-00001-of-00002.safetensors","layer.weight":"model-00002-of-00002.safetensors"}})");
  expect_error(ErrorCode::kMismatch,
               "holds tensor 'layer.bias', which model.safetensors.index.json places in model-00001");
}

TEST_F(Checkpoint, shard_names_that_leave_the_folder_are_refused) {
  for (const char* name : {"../x.safetensors", "/etc/x.safetensors", "sub/x.safetensors", "..", "",
                           "a\\\\b.safetensors", "x\\u0000.safetensors", "pytorch_model.bin"}) {
    spill(folder_ / kIndex, R"({"weight_map":{"w":")" + std::string(name) + "\"}}");
    expect_error(ErrorCode::kCorrupt, "tensor 'w': expected the name of a .safetensors file in the same folder");
  }
}

TEST_F(Checkpoint, index_of_another_kind_is_refused) {
  for (const char* text : {"[]", "{}", R"({"weight_map":[]})", R"({"weight_map":{}})", "null"}) {
    spill(folder_ / kIndex, text);
    expect_error(ErrorCode::kCorrupt, "expected \"weight_map\"");
  }
  spill(folder_ / kIndex, R"({"weight_map":{"w":1}})");
  expect_error(ErrorCode::kCorrupt, "tensor 'w': expected a file name, found number");
  spill(folder_ / kIndex, "{");
  expect_error(ErrorCode::kCorrupt, "expected JSON");
}

TEST(CheckpointMissing, tells_an_empty_folder_from_none) {
  const ScratchFolder folder;
  const auto empty = read_checkpoint(folder.path());
  ASSERT_FALSE(empty);
  EXPECT_EQ(empty.error().code, ErrorCode::kNotFound);
  EXPECT_NE(empty.error().message.find("found none of them"), std::string::npos);
  const auto none = read_checkpoint(folder / "none");
  ASSERT_FALSE(none);
  EXPECT_NE(none.error().message.find("found no such folder"), std::string::npos);
}

}  // namespace
}  // namespace asterism
