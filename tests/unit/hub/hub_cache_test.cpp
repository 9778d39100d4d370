// What a download leaves on the disk, and what is asked of whom.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "support.hpp"

namespace asterism {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::IsEmpty;

class HubCacheTest : public testing::Test {
 protected:
  HubCacheTest() { hub_.add_model(); }

  Result<ModelLocation> resolve(const std::string& model = "org/tiny-model") {
    return resolve_model(model, hub_.options(cache_.path()));
  }

  ScratchFolder cache_;
  FakeHub hub_;
};

TEST_F(HubCacheTest, layout_is_that_of_huggingface_hub) {
  const auto location = resolve();
  ASSERT_TRUE(location) << location.error().to_string();
  const std::string commit = hub_.commit();
  EXPECT_EQ(location->folder, cache_ / fmt::format("hub/models--org--tiny-model/snapshots/{}", commit));
  EXPECT_EQ(location->id, "org/tiny-model");
  EXPECT_EQ(location->source, "huggingface:org/tiny-model");
  EXPECT_EQ(location->revision, commit);

  const std::string weights = sha256_of(hub_.large.at("model.safetensors"));
  const auto git = [this](const char* name) { return git_blob_of(hub_.small.at(name)); };
  std::vector<std::string> expected{
      ".locks/",
      ".locks/models--org--tiny-model/",
      "CACHEDIR.TAG",
      "models--org--tiny-model/",
      "models--org--tiny-model/blobs/",
      "models--org--tiny-model/refs/",
      "models--org--tiny-model/refs/main",
      "models--org--tiny-model/snapshots/",
      fmt::format("models--org--tiny-model/snapshots/{}/", commit),
      fmt::format("models--org--tiny-model/snapshots/{}/1_Pooling/", commit),
      fmt::format("models--org--tiny-model/snapshots/{}/model.safetensors -> ../../blobs/{}", commit, weights),
      fmt::format("models--org--tiny-model/snapshots/{}/1_Pooling/config.json -> ../../../blobs/{}", commit,
                  git("1_Pooling/config.json"))};
  for (const char* name : {"config.json", "modules.json", "tokenizer.json"}) {
    expected.push_back(
        fmt::format("models--org--tiny-model/snapshots/{}/{} -> ../../blobs/{}", commit, name, git(name)));
  }
  for (const std::string& etag :
       {weights, git("config.json"), git("modules.json"), git("tokenizer.json"), git("1_Pooling/config.json")}) {
    expected.push_back("models--org--tiny-model/blobs/" + etag);
    expected.push_back(fmt::format(".locks/models--org--tiny-model/{}.lock", etag));
  }
  std::ranges::sort(expected);
  EXPECT_EQ(tree_of(cache_ / "hub"), expected);
  EXPECT_EQ(slurp(cache_ / "hub/models--org--tiny-model/refs/main"), commit);
  EXPECT_EQ(slurp(location->folder / "model.safetensors"), hub_.large.at("model.safetensors"));
  EXPECT_EQ(slurp(location->folder / "1_Pooling/config.json"), hub_.small.at("1_Pooling/config.json"));
}

TEST_F(HubCacheTest, only_what_a_model_needs_is_fetched) {
  ASSERT_TRUE(resolve());
  for (const TestRequest& request : hub_.hub.requests()) {
    for (const char* name : {".bin", ".onnx", ".h5", "README", "escape"}) {
      EXPECT_THAT(request.path, Not(HasSubstr(name)));
    }
  }
  EXPECT_FALSE(fs::exists(cache_ / "hub/models--org--tiny-model/escape"));
}

TEST_F(HubCacheTest, model_that_is_here_asks_nobody) {
  ASSERT_TRUE(resolve());
  hub_.hub.forget();
  hub_.content.forget();
  for (const std::string& model : {std::string("org/tiny-model"), "org/tiny-model@" + hub_.commit()}) {
    const auto again = resolve(model);
    ASSERT_TRUE(again);
    EXPECT_EQ(again->revision, hub_.commit());
  }
  EXPECT_THAT(hub_.hub.requests(), IsEmpty());
  EXPECT_THAT(hub_.content.requests(), IsEmpty());
}

TEST_F(HubCacheTest, pull_fetches_only_what_changed_and_keeps_the_old_snapshot) {
  ASSERT_TRUE(resolve());
  const std::string before = hub_.commit();
  hub_.set_commit('b');
  hub_.small["config.json"] = R"({"model_type":"bert","new":1})";
  hub_.content.forget();
  const auto still_old = resolve();
  ASSERT_TRUE(still_old);
  EXPECT_EQ(still_old->revision, before);
  const auto pulled = pull_model("org/tiny-model", hub_.options(cache_.path()));
  ASSERT_TRUE(pulled) << pulled.error().to_string();
  EXPECT_EQ(pulled->revision, hub_.commit());
  EXPECT_EQ(slurp(pulled->folder / "config.json"), hub_.small.at("config.json"));
  EXPECT_THAT(hub_.content.requests(), IsEmpty()) << "the weights are the same blob";
  EXPECT_EQ(slurp(cache_ / "hub/models--org--tiny-model/refs/main"), hub_.commit());
  EXPECT_TRUE(resolve("org/tiny-model@" + before));
}

TEST_F(HubCacheTest, branch_with_a_slash_is_one_component_of_the_address) {
  const auto location = resolve("org/tiny-model@refs/pr/1");
  ASSERT_TRUE(location) << location.error().to_string();
  EXPECT_EQ(hub_.hub.requests("GET", "/revision/refs%2Fpr%2F1").size(), 1U);
  EXPECT_EQ(slurp(cache_ / "hub/models--org--tiny-model/refs/refs/pr/1"), hub_.commit());
}

TEST_F(HubCacheTest, token_goes_to_the_hub_and_never_to_the_content_server) {
  HubOptions options = hub_.options(cache_.path());
  options.hf_token = "hf_secret";
  ASSERT_TRUE(resolve_model("org/tiny-model", options));
  for (const TestRequest& request : hub_.hub.requests()) {
    EXPECT_EQ(request.header("authorization"), "Bearer hf_secret") << request.path;
  }
  ASSERT_FALSE(hub_.content.requests().empty());
  for (const TestRequest& request : hub_.content.requests()) {
    EXPECT_EQ(request.headers.count("authorization"), 0U) << request.path;
  }
}

TEST_F(HubCacheTest, token_that_would_break_the_request_is_refused) {
  HubOptions options = hub_.options(cache_.path());
  options.hf_token = "hf_x\r\nX-Evil: 1";
  const auto location = resolve_model("org/tiny-model", options);
  ASSERT_FALSE(location);
  EXPECT_EQ(location.error().code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(location.error().to_string(), Not(HasSubstr("hf_x")));
  EXPECT_THAT(hub_.hub.requests(), IsEmpty());
}

TEST_F(HubCacheTest, relative_redirect_is_followed_before_the_file_is_described) {
  hub_.hub_fault = [this](const TestRequest& request, TestReply& reply) {
    if (request.path.find("/resolve/") != std::string::npos && request.path.find("?moved") == std::string::npos) {
      reply = {};
      reply.status = 307;
      reply.headers["Location"] = request.path + "?moved";
    } else if (request.path.ends_with("?moved")) {
      const std::string name = request.path.substr(0, request.path.size() - 6);
      for (const auto& [file, text] : hub_.small) {
        if (name.ends_with("/" + file) && !(file == "config.json" && name.ends_with("1_Pooling/config.json"))) {
          reply = file_reply(request, text, git_blob_of(text));
          reply.headers["X-Repo-Commit"] = hub_.commit();
        }
      }
      if (name.ends_with("model.safetensors")) {
        const std::string& text = hub_.large.at("model.safetensors");
        reply = {};
        reply.status = 302;
        reply.headers = {{"Location", hub_.content.url() + "/lfs/" + sha256_of(text)},
                         {"X-Repo-Commit", hub_.commit()},
                         {"X-Linked-Etag", '"' + sha256_of(text) + '"'},
                         {"X-Linked-Size", std::to_string(text.size())}};
      }
    }
  };
  const auto location = resolve();
  ASSERT_TRUE(location) << location.error().to_string();
  EXPECT_EQ(slurp(location->folder / "model.safetensors"), hub_.large.at("model.safetensors"));
}

TEST_F(HubCacheTest, offline_uses_the_cache_and_says_what_is_missing) {
  HubOptions options = hub_.options(cache_.path());
  options.offline = true;
  const auto nothing = resolve_model("org/tiny-model", options);
  ASSERT_FALSE(nothing);
  EXPECT_EQ(nothing.error().code, ErrorCode::kNetwork);
  EXPECT_THAT(nothing.error().message, HasSubstr("nothing of it in"));
  EXPECT_THAT(nothing.error().hint, HasSubstr("models pull org/tiny-model"));
  EXPECT_THAT(hub_.hub.requests(), IsEmpty());

  ASSERT_TRUE(resolve());
  EXPECT_TRUE(resolve_model("org/tiny-model", options));
  EXPECT_TRUE(pull_model("org/tiny-model", options)) << "what is here is the newest that can be had";

  fs::remove(cache_ / fmt::format("hub/models--org--tiny-model/snapshots/{}/tokenizer.json", hub_.commit()));
  const auto partial = resolve_model("org/tiny-model", options);
  ASSERT_FALSE(partial);
  EXPECT_THAT(partial.error().message, HasSubstr("without tokenizer.json"));
}

TEST_F(HubCacheTest, dangling_link_is_fetched_again) {
  ASSERT_TRUE(resolve());
  fs::remove(cache_ / ("hub/models--org--tiny-model/blobs/" + sha256_of(hub_.large.at("model.safetensors"))));
  const auto location = resolve();
  ASSERT_TRUE(location) << location.error().to_string();
  EXPECT_EQ(slurp(location->folder / "model.safetensors"), hub_.large.at("model.safetensors"));
}

TEST_F(HubCacheTest, truncated_blob_is_fetched_again) {
  ASSERT_TRUE(resolve());
  const fs::path blob = cache_ / ("hub/models--org--tiny-model/blobs/" + sha256_of(hub_.large.at("model.safetensors")));
  fs::resize_file(blob, 1000);
  fs::remove(cache_ / fmt::format("hub/models--org--tiny-model/snapshots/{}/model.safetensors", hub_.commit()));
  const auto location = resolve();
  ASSERT_TRUE(location) << location.error().to_string();
  EXPECT_EQ(slurp(blob), hub_.large.at("model.safetensors"));
}

TEST_F(HubCacheTest, sharded_checkpoint_is_fetched_whole) {
  hub_.large.clear();
  hub_.small["model.safetensors.index.json"] =
      R"({"weight_map":{"a":"model-00001-of-00002.safetensors","b":"model-00002-of-00002.safetensors"}})";
  hub_.large["model-00001-of-00002.safetensors"] = noise(1000, 2);
  hub_.large["model-00002-of-00002.safetensors"] = noise(2000, 3);
  const auto location = resolve();
  ASSERT_TRUE(location) << location.error().to_string();
  EXPECT_EQ(slurp(location->folder / "model-00002-of-00002.safetensors"),
            hub_.large.at("model-00002-of-00002.safetensors"));
  fs::remove(location->folder / "model-00001-of-00002.safetensors");
  HubOptions options = hub_.options(cache_.path());
  options.offline = true;
  const auto partial = resolve_model("org/tiny-model", options);
  ASSERT_FALSE(partial);
  EXPECT_THAT(partial.error().message, HasSubstr("without model-00001-of-00002.safetensors"));
}

TEST_F(HubCacheTest, two_at_once_fetch_each_file_once) {
  std::vector<std::thread> threads;
  std::vector<bool> fine(4);
  std::mutex mutex;
  for (std::size_t i = 0; i < fine.size(); ++i) {
    threads.emplace_back([&, i] {
      const auto location = resolve();
      const std::lock_guard lock(mutex);
      fine[i] = location.has_value();
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(fine, std::vector<bool>(4, true));
  EXPECT_EQ(hub_.content.requests().size(), 1U);
  EXPECT_EQ(hub_.content.sent_bytes(), hub_.large.at("model.safetensors").size());
}

TEST_F(HubCacheTest, cache_that_cannot_be_written_is_named) {
  spill(cache_ / "hub", "a file");
  const auto location = resolve();
  ASSERT_FALSE(location);
  EXPECT_EQ(location.error().code, ErrorCode::kIo);
  EXPECT_THAT(location.error().hint, HasSubstr("HF_HOME"));
}

}  // namespace
}  // namespace asterism
