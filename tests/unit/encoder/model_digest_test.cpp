#include "encoder/model_digest.hpp"

#include <gtest/gtest.h>

#include "model_folder.hpp"

namespace asterism {
namespace {

// What is wrong stands in place of the digest.
std::string text_of(const Result<std::string>& digest) {
  return digest ? *digest : digest.error().message;
}

std::string digest_of_model(const std::string& name) {
  const auto encoder = Encoder::load(name, {});
  return encoder ? text_of(model_digest(encoder->info())) : encoder.error().message;
}

std::string digest_of_files(const std::string& folder) {
  return text_of(files_digest(folder));
}

TEST(ModelDigest, ModelsInsideTheProgramHaveTheDigestOfTheirFiles) {
  const std::string assets = ASTERISM_SOURCE_DIR "/assets/";
  EXPECT_EQ(digest_of_model("builtin"), digest_of_files(assets + "builtin"));
  EXPECT_EQ(digest_of_model("builtin-image"), digest_of_files(assets + "builtin_image"));
  EXPECT_NE(digest_of_model("builtin"), digest_of_model("builtin-image"));
}

TEST(ModelDigest, ChangesWithANameAndWithAByteOfAModelsFiles) {
  const ModelFolder folder("static/f32");
  const std::string before = digest_of_files(folder.string());
  EXPECT_EQ(before.size(), 64U);
  folder.write("README.md", "notes are no part of a model");
  EXPECT_EQ(digest_of_files(folder.string()), before);
  folder.write("more.json", "{}");
  const std::string added = digest_of_files(folder.string());
  EXPECT_NE(added, before);
  folder.write("more.json", "{ }");
  EXPECT_NE(digest_of_files(folder.string()), added);
  folder.write("more.json", "{}");
  std::filesystem::rename(folder.path() / "more.json", folder.path() / "other.json");
  EXPECT_NE(digest_of_files(folder.string()), added);
}

}  // namespace
}  // namespace asterism
