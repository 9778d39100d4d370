// What the tests of this module share: a folder that goes away, files as text, digests, a hub and its content server.
#pragma once

#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/sha256.hpp"
#include "http_server.hpp"
#include "hub/hub.hpp"
#include "scratch_folder.hpp"

namespace asterism {

inline std::string slurp(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

inline void spill(const std::filesystem::path& path, std::string_view text) {
  std::filesystem::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << text;
}

inline std::string sha256_of(std::string_view text) {
  return sha256_hex(std::as_bytes(std::span(text)));
}

// The name git gives to this content.
std::string git_blob_of(std::string_view text);

// Bytes without a pattern that a shifted copy would repeat.
std::string noise(std::size_t size_bytes, unsigned seed);

// Every entry below `folder`, sorted: "path", "path -> target" for a symbolic link, "path/" for a folder.
std::vector<std::string> tree_of(const std::filesystem::path& folder);

// Options that talk to nobody but the servers named later, and lose no time.
HubOptions quick_options(const std::filesystem::path& cache);

// One repository, served as the hub serves it: small files from git, large ones by redirect to a content server.
class FakeHub {
 public:
  FakeHub();

  HubOptions options(const std::filesystem::path& cache) const;
  // A commit is 40 times this digit.
  void set_commit(char digit) { commit_ = std::string(40, digit); }
  const std::string& commit() const noexcept { return commit_; }
  // A small model: configuration, tokenizer, weights of `weights_size_bytes`, and files that nobody needs.
  void add_model(std::size_t weights_size_bytes = 300'000);

  std::map<std::string, std::string> small;  // kept in git: ETag is the git hash
  std::map<std::string, std::string> large;  // LFS: ETag is the SHA-256
  std::vector<std::string> unserved;         // listed only
  std::string repository = "org/tiny-model";
  // May change or replace any answer of either server.
  std::function<void(const TestRequest&, TestReply&)> hub_fault;
  std::function<void(const TestRequest&, TestReply&)> content_fault;

 private:
  TestReply answer_hub(const TestRequest& request) const;
  TestReply answer_content(const TestRequest& request) const;
  std::string commit_ = std::string(40, 'a');

 public:
  // Last, so that they end before what they serve does.
  TestServer content;
  TestServer hub;
};

}  // namespace asterism
