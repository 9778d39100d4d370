#include <gtest/gtest.h>
#include <stdlib.h>

#include <map>
#include <optional>

#include "support.hpp"

namespace asterism {
namespace {

// Sets variables, unsets all others that hub_options_from_environment() reads, and puts everything back.
class Environment {
 public:
  explicit Environment(const std::map<std::string, std::string>& values) {
    for (const char* name :
         {"HF_HOME",        "HF_HUB_CACHE",           "HUGGINGFACE_HUB_CACHE", "HF_ENDPOINT",
          "HF_TOKEN",       "HUGGING_FACE_HUB_TOKEN", "HF_TOKEN_PATH",         "HF_HUB_DISABLE_IMPLICIT_TOKEN",
          "HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE",   "HF_HUB_ETAG_TIMEOUT",   "HF_HUB_DOWNLOAD_TIMEOUT",
          "XDG_CACHE_HOME", "ASTERISM_PYPI_INDEX",    "PIP_INDEX_URL",         "ASTERISM_CATALOG",
          "SSL_CERT_FILE",  "REQUESTS_CA_BUNDLE",     "CURL_CA_BUNDLE",        "HOME"}) {
      const char* value = ::getenv(name);
      before_[name] = value == nullptr ? std::nullopt : std::optional<std::string>(value);
      ::unsetenv(name);
    }
    for (const auto& [name, value] : values) {
      ::setenv(name.c_str(), value.c_str(), 1);
    }
  }
  ~Environment() {
    for (const auto& [name, value] : before_) {
      if (value) {
        ::setenv(name.c_str(), value->c_str(), 1);
      } else {
        ::unsetenv(name.c_str());
      }
    }
  }
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;

 private:
  std::map<std::string, std::optional<std::string>> before_;
};

HubOptions with(const std::map<std::string, std::string>& values) {
  const Environment environment(values);
  return hub_options_from_environment();
}

TEST(HubOptions, defaults_are_those_of_the_hub_and_pip) {
  const HubOptions options = with({{"HOME", "/home/u"}});
  EXPECT_EQ(options.hf_cache, "/home/u/.cache/huggingface/hub");
  EXPECT_EQ(options.asterism_cache, "/home/u/.cache/asterism");
  EXPECT_EQ(options.hf_endpoint, "https://huggingface.co");
  EXPECT_EQ(options.pypi_index, "https://pypi.org/simple");
  EXPECT_TRUE(options.hf_token.empty());
  EXPECT_FALSE(options.offline);
  EXPECT_TRUE(options.catalogue_extension.empty());
}

TEST(HubOptions, nearer_variables_win) {
  EXPECT_EQ(with({{"HOME", "/h"}, {"XDG_CACHE_HOME", "/x"}}).hf_cache, "/x/huggingface/hub");
  EXPECT_EQ(with({{"HOME", "/h"}, {"XDG_CACHE_HOME", "/x"}}).asterism_cache, "/x/asterism");
  EXPECT_EQ(with({{"XDG_CACHE_HOME", "/x"}, {"HF_HOME", "/hf"}}).hf_cache, "/hf/hub");
  EXPECT_EQ(with({{"HF_HOME", "/hf"}, {"HUGGINGFACE_HUB_CACHE", "/old"}}).hf_cache, "/old");
  EXPECT_EQ(with({{"HF_HOME", "/hf"}, {"HUGGINGFACE_HUB_CACHE", "/old"}, {"HF_HUB_CACHE", "/new"}}).hf_cache, "/new");
  EXPECT_EQ(with({{"HOME", "/h"}, {"HF_HOME", "~/models"}}).hf_cache, "/h/models/hub");
  EXPECT_EQ(with({{"HF_HOME", ""}, {"HOME", "/h"}}).hf_cache, "/h/.cache/huggingface/hub");
}

TEST(HubOptions, endpoint_and_index_lose_their_last_slash) {
  EXPECT_EQ(with({{"HF_ENDPOINT", "https://mirror.example/"}}).hf_endpoint, "https://mirror.example");
  EXPECT_EQ(with({{"PIP_INDEX_URL", "https://index.example/simple/"}}).pypi_index, "https://index.example/simple");
  EXPECT_EQ(with({{"PIP_INDEX_URL", "https://a"}, {"ASTERISM_PYPI_INDEX", "https://b"}}).pypi_index, "https://b");
}

TEST(HubOptions, offline_words_are_those_of_the_hub) {
  for (const char* word : {"1", "ON", "on", "Yes", "TRUE", "true"}) {
    EXPECT_TRUE(with({{"HF_HUB_OFFLINE", word}}).offline) << word;
  }
  for (const char* word : {"0", "", "off", "no", "false", "2"}) {
    EXPECT_FALSE(with({{"HF_HUB_OFFLINE", word}}).offline) << word;
  }
  EXPECT_TRUE(with({{"TRANSFORMERS_OFFLINE", "1"}}).offline);
}

TEST(HubOptions, token_comes_from_variable_or_file) {
  const ScratchFolder home;
  spill(home / "token", "  hf_file\n");
  EXPECT_EQ(with({{"HF_HOME", home.path().string()}}).hf_token, "hf_file");
  EXPECT_EQ(with({{"HF_HOME", home.path().string()}, {"HF_TOKEN", "hf_variable\n"}}).hf_token, "hf_variable");
  EXPECT_EQ(with({{"HF_HOME", home.path().string()}, {"HF_HUB_DISABLE_IMPLICIT_TOKEN", "1"}}).hf_token, "");
  EXPECT_EQ(with({{"HF_TOKEN_PATH", (home / "token").string()}}).hf_token, "hf_file");
}

TEST(HubOptions, timeouts_are_whole_seconds) {
  EXPECT_EQ(with({{"HF_HUB_ETAG_TIMEOUT", "7"}}).limits.connect_timeout_ms, 7000);
  EXPECT_EQ(with({{"HF_HUB_DOWNLOAD_TIMEOUT", "60"}}).limits.stall_timeout_ms, 60000);
  const NetworkLimits defaults;
  for (const char* word : {"x", "-1", "0", "1.5", "99999999999999999999"}) {
    EXPECT_EQ(with({{"HF_HUB_ETAG_TIMEOUT", word}}).limits.connect_timeout_ms, defaults.connect_timeout_ms) << word;
  }
}

}  // namespace
}  // namespace asterism
