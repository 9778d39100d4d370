#include "support.hpp"

#include <fmt/format.h>
#include <openssl/sha.h>

#include <algorithm>
#include <array>
#include <random>

namespace asterism {

namespace fs = std::filesystem;

std::string git_blob_of(std::string_view text) {
  std::string framed = fmt::format("blob {}", text.size());
  framed.push_back('\0');
  framed += text;
  std::array<unsigned char, SHA_DIGEST_LENGTH> digest{};
  SHA1(reinterpret_cast<const unsigned char*>(framed.data()), framed.size(), digest.data());
  std::string hex;
  for (const unsigned char byte : digest) {
    hex += fmt::format("{:02x}", byte);
  }
  return hex;
}

std::string noise(std::size_t size_bytes, unsigned seed) {
  std::mt19937 random(seed);
  std::string out(size_bytes, '\0');
  std::ranges::generate(out, [&random] { return static_cast<char>(random() & 0xFFU); });
  return out;
}

std::vector<std::string> tree_of(const fs::path& folder) {
  std::vector<std::string> out;
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(folder)) {
    const std::string name = fs::relative(entry.path().parent_path(), folder) / entry.path().filename();
    const std::string shown = name.starts_with("./") ? name.substr(2) : name;
    if (entry.is_symlink()) {
      out.push_back(shown + " -> " + fs::read_symlink(entry.path()).string());
    } else {
      out.push_back(entry.is_directory() ? shown + "/" : shown);
    }
  }
  std::ranges::sort(out);
  return out;
}

HubOptions quick_options(const fs::path& cache) {
  // A proxy that is meant for the world must not get the loopback.
  ::setenv("no_proxy", "127.0.0.1,localhost", 1);
  HubOptions options;
  options.hf_cache = cache / "hub";
  options.asterism_cache = cache / "asterism";
  // Port 9 (discard) of this machine: nobody listens.
  options.hf_endpoint = "http://127.0.0.1:9";
  options.pypi_index = "http://127.0.0.1:9/simple";
  options.limits.connect_timeout_ms = 60'000;  // a busy machine is no server that stalls
  options.limits.stall_timeout_ms = 60'000;
  options.limits.attempt_count_max = 3;
  options.limits.retry_delay_ms = 1;
  options.limits.retry_delay_ms_max = 1500;
  return options;
}

FakeHub::FakeHub()
    : content([this](const TestRequest& request) {
        TestReply reply = answer_content(request);
        if (content_fault) {
          content_fault(request, reply);
        }
        return reply;
      }),
      hub([this](const TestRequest& request) {
        TestReply reply = answer_hub(request);
        if (hub_fault) {
          hub_fault(request, reply);
        }
        return reply;
      }) {}

HubOptions FakeHub::options(const fs::path& cache) const {
  HubOptions options = quick_options(cache);
  options.hf_endpoint = hub.url();
  return options;
}

void FakeHub::add_model(std::size_t weights_size_bytes) {
  small["config.json"] = R"({"model_type":"bert"})";
  small["modules.json"] = R"([{"idx":0,"name":"0","path":"","type":"sentence_transformers.models.Transformer"},
    {"idx":1,"name":"1","path":"1_Pooling","type":"sentence_transformers.models.Pooling"},
    {"idx":2,"name":"2","path":"2_Normalize","type":"sentence_transformers.models.Normalize"}])";
  small["1_Pooling/config.json"] = R"({"pooling_mode_mean_tokens":true})";
  small["tokenizer.json"] = R"({"version":"1.0"})";
  small["README.md"] = "# A model";
  large["model.safetensors"] = noise(weights_size_bytes, 1);
  unserved = {"pytorch_model.bin", "onnx/model.onnx", "tf_model.h5", "../escape/config.json"};
}

TestReply FakeHub::answer_hub(const TestRequest& request) const {
  TestReply reply;
  if (request.path.starts_with("/api/models/" + repository + "/revision/")) {
    std::string siblings;
    const auto add = [&siblings](const std::string& name) {
      siblings += fmt::format("{}{{\"rfilename\":\"{}\"}}", siblings.empty() ? "" : ",", name);
    };
    for (const auto& [name, content_text] : small) {
      add(name);
    }
    for (const auto& [name, content_text] : large) {
      add(name);
    }
    std::ranges::for_each(unserved, add);
    reply.body = fmt::format(R"({{"id":"{}","sha":"{}","siblings":[{}]}})", repository, commit_, siblings);
    return reply;
  }
  const std::string prefix = fmt::format("/{}/resolve/{}/", repository, commit_);
  const std::string name = request.path.starts_with(prefix) ? request.path.substr(prefix.size()) : "";
  if (const auto file = small.find(name); file != small.end()) {
    reply = file_reply(request, file->second, git_blob_of(file->second));
  } else if (const auto linked = large.find(name); linked != large.end()) {
    reply.status = 302;
    reply.body = "Found. Redirecting";
    reply.headers["Location"] = content.url() + "/lfs/" + sha256_of(linked->second) + "?signature=x";
    reply.headers["X-Linked-Etag"] = '"' + sha256_of(linked->second) + '"';
    reply.headers["X-Linked-Size"] = std::to_string(linked->second.size());
    reply.headers["ETag"] = "\"of-the-pointer\"";
  } else {
    reply.status = 404;
    reply.headers["X-Error-Code"] =
        request.path.find(repository) == std::string::npos ? "RepoNotFound" : "EntryNotFound";
  }
  reply.headers["X-Repo-Commit"] = commit_;
  return reply;
}

TestReply FakeHub::answer_content(const TestRequest& request) const {
  for (const auto& [name, content_text] : large) {
    if (request.path.starts_with("/lfs/" + sha256_of(content_text))) {
      return file_reply(request, content_text, "content-" + sha256_of(content_text).substr(0, 8));
    }
  }
  TestReply reply;
  reply.status = 404;
  return reply;
}

}  // namespace asterism
