#include "hub/model_id.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support.hpp"

namespace asterism {
namespace {

using testing::HasSubstr;

TEST(ModelId, org_name_and_revision_are_told_apart) {
  const auto plain = parse_hub_id("BAAI/bge-small-en-v1.5");
  ASSERT_TRUE(plain);
  EXPECT_EQ(plain->repository, "BAAI/bge-small-en-v1.5");
  EXPECT_EQ(plain->revision, "main");
  const auto pinned = parse_hub_id("org/name@refs/pr/3");
  ASSERT_TRUE(pinned);
  EXPECT_EQ(pinned->repository, "org/name");
  EXPECT_EQ(pinned->revision, "refs/pr/3");
}

TEST(ModelId, names_that_would_leave_their_place_are_refused) {
  const ScratchFolder cache;
  for (const std::string& id : {std::string("org/.."),
                                std::string("a/../b"),
                                std::string("org//name"),
                                std::string("org/"),
                                std::string("org/a/b"),
                                std::string("org/a\\b"),
                                std::string("org\\..\\name"),
                                std::string("org/a\nb"),
                                std::string("org/a\0b", 7),
                                std::string("org/%2e%2e"),
                                std::string("org/na me"),
                                std::string("org/-name"),
                                std::string("org/name."),
                                std::string("org/a--b"),
                                std::string("org/n\xC3\xA4me"),
                                std::string("org/name@"),
                                std::string("org/name@../x"),
                                std::string("org/name@a//b"),
                                std::string("org/name@/abs"),
                                std::string("org/name@a\tb"),
                                std::string("name@main"),
                                std::string("c:\\models\\x"),
                                std::string("http://host/x"),
                                std::string("org/") + std::string(kModelIdPartLengthMax + 1, 'x'),
                                std::string(kModelIdPartLengthMax + 1, 'x'),
                                "org/name@" + std::string(kModelIdPartLengthMax + 1, 'x'),
                                std::string("")}) {
    const auto location = resolve_model(id, quick_options(cache.path()));
    ASSERT_FALSE(location) << id;
    EXPECT_EQ(location.error().code, ErrorCode::kInvalidArgument) << id << ": " << location.error().message;
    EXPECT_THAT(location.error().message, HasSubstr("model '"));
    EXPECT_FALSE(location.error().hint.empty());
  }
  EXPECT_TRUE(std::filesystem::is_empty(cache.path())) << "no folder is made for a refused name";
  EXPECT_TRUE(parse_hub_id("org/" + std::string(kModelIdPartLengthMax, 'x')));
}

TEST(ModelId, control_characters_do_not_reach_the_terminal) {
  const ScratchFolder cache;
  const auto location = resolve_model("org/\x1B[31mred", quick_options(cache.path()));
  ASSERT_FALSE(location);
  EXPECT_EQ(location.error().message.find('\x1B'), std::string::npos);
}

TEST(ModelId, folders_come_before_names) {
  const ScratchFolder cache;
  const auto options = quick_options(cache.path());
  std::filesystem::create_directories(cache / "model");
  const auto folder = resolve_model((cache / "model").string(), options);
  ASSERT_TRUE(folder);
  EXPECT_EQ(folder->folder, cache / "model");
  EXPECT_EQ(folder->source, "folder");
  EXPECT_TRUE(resolve_model(".", options));
  const auto missing = resolve_model("./no-such-folder", options);
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, ErrorCode::kNotFound);
  spill(cache / "file", "x");
  const auto file = resolve_model((cache / "file").string(), options);
  ASSERT_FALSE(file);
  EXPECT_EQ(file.error().code, ErrorCode::kInvalidArgument);
}

TEST(ModelId, safe_paths_stay_below_their_folder) {
  for (const char* path : {"a", "a/b.json", "1_Pooling/config.json", "a..b", "..."}) {
    EXPECT_TRUE(is_safe_relative_path(path)) << path;
  }
  for (const char* path :
       {"", "/a", "a/", "a//b", "..", "../a", "a/..", "a/../b", ".", "./a", "a\\b", "a\nb", "a/\x7F"}) {
    EXPECT_FALSE(is_safe_relative_path(path)) << path;
  }
}

TEST(ModelId, addresses_are_encoded) {
  EXPECT_EQ(url_encode_component("refs/pr/1"), "refs%2Fpr%2F1");
  EXPECT_EQ(url_encode_path("1_Pooling/a b#?.json"), "1_Pooling/a%20b%23%3F.json");
  EXPECT_EQ(repository_folder_name("org/name"), "models--org--name");
}

}  // namespace
}  // namespace asterism
