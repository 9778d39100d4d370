// A network and servers that misbehave: what must continue, what must fail, and that nothing wrong is ever handed out.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <thread>

#include "support.hpp"

namespace asterism {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::IsEmpty;
using Clock = std::chrono::steady_clock;

class HubFaults : public testing::Test {
 protected:
  HubFaults() {
    hub_.add_model();
    weights_ = hub_.large.at("model.safetensors");
    blob_ = cache_ / ("hub/models--org--tiny-model/blobs/" + sha256_of(weights_));
    partial_ = blob_.string() + ".incomplete";
  }

  Result<ModelLocation> resolve() { return resolve_model("org/tiny-model", hub_.options(cache_.path())); }

  void expect_right() {
    const auto location = resolve();
    ASSERT_TRUE(location) << location.error().to_string();
    EXPECT_EQ(slurp(location->folder / "model.safetensors"), weights_);
    EXPECT_FALSE(fs::exists(partial_));
  }

  void expect_failure(ErrorCode code, const std::string& said) {
    const auto location = resolve();
    ASSERT_FALSE(location);
    EXPECT_EQ(location.error().code, code) << location.error().message;
    EXPECT_THAT(location.error().to_string(), HasSubstr(said));
    // Nothing to be found later, with or without the network.
    EXPECT_FALSE(fs::exists(blob_));
    HubOptions offline = hub_.options(cache_.path());
    offline.offline = true;
    EXPECT_FALSE(resolve_model("org/tiny-model", offline));
  }

  ScratchFolder cache_;
  FakeHub hub_;
  std::string weights_;
  fs::path blob_;
  fs::path partial_;
};

TEST_F(HubFaults, dropped_connections_continue_where_they_stopped) {
  hub_.content_fault = [](const TestRequest&, TestReply& reply) {
    if (reply.body.size() > 100'000) {
      reply.drop_after = 100'000;
    }
  };
  expect_right();
  const auto requests = hub_.content.requests();
  ASSERT_EQ(requests.size(), 3U);
  EXPECT_EQ(requests[0].header("range"), "");
  EXPECT_EQ(requests[1].header("range"), "bytes=100000-");
  EXPECT_EQ(requests[2].header("range"), "bytes=200000-");
  EXPECT_EQ(hub_.content.sent_bytes(), weights_.size()) << "no byte twice";
}

TEST_F(HubFaults, cancelled_download_continues_in_the_next_run) {
  CancelFlag cancel;
  hub_.content_fault = [](const TestRequest&, TestReply& reply) {
    reply.drop_after = 120'000;
    reply.stall = true;
  };
  HubOptions options = hub_.options(cache_.path());
  options.cancel = &cancel;
  std::thread user([this, &cancel] {
    std::error_code ec;
    while (fs::file_size(partial_, ec) != 120'000 || ec) {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    cancel.request();
  });
  const auto begin = Clock::now();
  const auto cancelled = resolve_model("org/tiny-model", options);
  user.join();
  EXPECT_LT(Clock::now() - begin, std::chrono::seconds(30)) << "it waited for the stalled server";
  ASSERT_FALSE(cancelled);
  EXPECT_EQ(cancelled.error().code, ErrorCode::kCancelled);
  EXPECT_FALSE(fs::exists(blob_));
  ASSERT_TRUE(fs::exists(partial_));
  const auto kept_bytes = fs::file_size(partial_);
  EXPECT_EQ(kept_bytes, 120'000U);

  hub_.content_fault = nullptr;
  hub_.content.forget();
  expect_right();
  ASSERT_EQ(hub_.content.requests().size(), 1U);
  EXPECT_EQ(hub_.content.requests()[0].header("range"), fmt::format("bytes={}-", kept_bytes));
  EXPECT_EQ(hub_.content.sent_bytes(), weights_.size() - kept_bytes);
}

TEST_F(HubFaults, silent_connection_counts_as_dropped) {
  hub_.content_fault = [](const TestRequest& request, TestReply& reply) {
    if (request.header("range").empty()) {
      reply.drop_after = 50'000;
      reply.stall = true;
    }
  };
  HubOptions options = hub_.options(cache_.path());
  options.limits.stall_timeout_ms = 1000;
  // Where the machine stalls as well, the next attempts go on from what the first one wrote.
  options.limits.attempt_count_max = 20;
  const auto begin = Clock::now();
  const auto location = resolve_model("org/tiny-model", options);
  EXPECT_LT(Clock::now() - begin, std::chrono::seconds(30));
  ASSERT_TRUE(location) << location.error().to_string();
  EXPECT_EQ(slurp(location->folder / "model.safetensors"), weights_);
  EXPECT_FALSE(fs::exists(partial_));
  EXPECT_EQ(hub_.content.requests().back().header("range"), "bytes=50000-");
}

TEST_F(HubFaults, server_without_ranges_starts_over) {
  int count = 0;
  hub_.content_fault = [&](const TestRequest&, TestReply& reply) {
    reply.status = 200;
    reply.headers.erase("Content-Range");
    reply.body = weights_;
    if (++count == 1) {
      reply.drop_after = 100'000;
    }
  };
  expect_right();
  EXPECT_EQ(hub_.content.requests().size(), 2U);
}

TEST_F(HubFaults, another_file_under_the_same_address_is_not_joined_on) {
  // The second answer continues other bytes and says so by its ETag; the third is whole again.
  int count = 0;
  hub_.content_fault = [&](const TestRequest& request, TestReply& reply) {
    ++count;
    if (count == 1) {
      reply.drop_after = 100'000;
    } else if (count == 2) {
      EXPECT_EQ(request.header("range"), "bytes=100000-");
      reply.headers["ETag"] = "\"another\"";
      std::ranges::fill(reply.body, 'x');
    }
  };
  expect_right();
  ASSERT_EQ(hub_.content.requests().size(), 3U);
  EXPECT_EQ(hub_.content.requests()[2].header("range"), "");
}

TEST_F(HubFaults, wrong_range_in_the_answer_starts_over) {
  int count = 0;
  hub_.content_fault = [&](const TestRequest&, TestReply& reply) {
    ++count;
    if (count == 1) {
      reply.drop_after = 100'000;
    } else if (count == 2) {
      reply.headers["Content-Range"] = "bytes 5-299999/300000";
    }
  };
  expect_right();
  EXPECT_EQ(hub_.content.requests()[2].header("range"), "");
}

TEST_F(HubFaults, damaged_partial_file_of_an_earlier_run_is_fetched_anew) {
  spill(partial_, std::string(100'000, 'x'));
  expect_right();
  ASSERT_EQ(hub_.content.requests().size(), 2U);
  EXPECT_EQ(hub_.content.requests()[0].header("range"), "bytes=100000-");
  EXPECT_EQ(hub_.content.requests()[1].header("range"), "");
}

TEST_F(HubFaults, partial_file_longer_than_the_file_is_fetched_anew) {
  spill(partial_, std::string(400'000, 'x'));
  expect_right();
  EXPECT_EQ(hub_.content.requests()[0].header("range"), "");
}

TEST_F(HubFaults, complete_partial_file_is_checked_and_used) {
  spill(partial_, weights_);
  expect_right();
  EXPECT_THAT(hub_.content.requests(), IsEmpty());
}

TEST_F(HubFaults, wrong_bytes_are_thrown_away) {
  hub_.content_fault = [](const TestRequest&, TestReply& reply) { reply.body[150'000] ^= 1; };
  expect_failure(ErrorCode::kMismatch, "model.safetensors: expected SHA-256");
  EXPECT_FALSE(fs::exists(partial_));
  hub_.content_fault = nullptr;
  expect_right();
}

TEST_F(HubFaults, wrong_bytes_of_a_small_file_are_thrown_away) {
  hub_.hub_fault = [](const TestRequest& request, TestReply& reply) {
    if (request.method == "GET" && request.path.ends_with("/tokenizer.json")) {
      reply.body[3] ^= 1;
    }
  };
  expect_failure(ErrorCode::kMismatch, "tokenizer.json: expected git hash");
}

TEST_F(HubFaults, wrong_length_is_refused) {
  hub_.content_fault = [](const TestRequest&, TestReply& reply) { reply.body += "more"; };
  expect_failure(ErrorCode::kMismatch, "expected 300000 bytes from");
  hub_.content_fault = [](const TestRequest&, TestReply& reply) {
    reply.body += std::string(1 << 20, 'x');
    reply.length_claim = "";  // until the connection ends
  };
  expect_failure(ErrorCode::kMismatch, "expected 300000 bytes, found more");
  hub_.content_fault = [](const TestRequest&, TestReply& reply) {
    reply.body.resize(reply.body.size() / 2);
    reply.length_claim = "";
  };
  expect_failure(ErrorCode::kNetwork, "before the connection ended");
}

TEST_F(HubFaults, busy_server_is_asked_again) {
  int count = 0;
  hub_.hub_fault = [&count](const TestRequest& request, TestReply& reply) {
    if (request.path.starts_with("/api/") && ++count <= 2) {
      reply = {};
      reply.status = count == 1 ? 500 : 503;
    }
  };
  int content_count = 0;
  hub_.content_fault = [&content_count](const TestRequest&, TestReply& reply) {
    if (++content_count == 1) {
      reply = {};
      reply.status = 502;
    }
  };
  expect_right();
  EXPECT_EQ(count, 3);
  EXPECT_EQ(content_count, 2);
}

TEST_F(HubFaults, retry_after_is_honoured) {
  int count = 0;
  hub_.hub_fault = [&count](const TestRequest& request, TestReply& reply) {
    if (request.path.starts_with("/api/") && ++count == 1) {
      reply = {};
      reply.status = 429;
      reply.headers["Retry-After"] = "1";
    }
  };
  const auto begin = Clock::now();
  expect_right();
  EXPECT_GE(Clock::now() - begin, std::chrono::milliseconds(1000));
}

TEST_F(HubFaults, patience_has_an_end) {
  hub_.hub_fault = [](const TestRequest&, TestReply& reply) {
    reply = {};
    reply.status = 500;
  };
  expect_failure(ErrorCode::kNetwork, "expected status 200, found 500");
  EXPECT_EQ(hub_.hub.requests().size(), 3U);
}

TEST_F(HubFaults, connection_that_always_drops_at_once_has_an_end) {
  hub_.content_fault = [](const TestRequest&, TestReply& reply) { reply.drop_after = 0; };
  expect_failure(ErrorCode::kNetwork, "/lfs/");
  EXPECT_EQ(hub_.content.requests().size(), 3U);
}

TEST_F(HubFaults, connection_that_trickles_has_an_end) {
  hub_.content_fault = [](const TestRequest&, TestReply& reply) { reply.drop_after = 1; };
  HubOptions options = hub_.options(cache_.path());
  options.limits.attempt_count_total_max = 10;
  const auto location = resolve_model("org/tiny-model", options);
  ASSERT_FALSE(location);
  EXPECT_EQ(location.error().code, ErrorCode::kNetwork);
  EXPECT_EQ(hub_.content.requests().size(), 10U);
}

TEST_F(HubFaults, nobody_listening_fails_at_once) {
  HubOptions options = quick_options(cache_.path());
  options.limits.attempt_count_max = 100;
  options.limits.retry_delay_ms = 1000;
  const auto begin = Clock::now();
  const auto location = resolve_model("org/tiny-model", options);
  EXPECT_LT(Clock::now() - begin, std::chrono::seconds(30)) << "it tried again, which would take 100 seconds";
  ASSERT_FALSE(location);
  EXPECT_EQ(location.error().code, ErrorCode::kNetwork);
  EXPECT_THAT(location.error().message, HasSubstr("http://127.0.0.1:9/api/models/org/tiny-model"));
}

TEST_F(HubFaults, refusals_have_their_own_words) {
  struct Case {
    int status;
    std::string error_code;
    std::string token;
    ErrorCode code;
    std::string said;
  };
  for (const Case& c : {Case{404, "RepoNotFound", "", ErrorCode::kNotFound, "org/tiny-model@main"},
                        Case{404, "RevisionNotFound", "", ErrorCode::kNotFound, "no such revision"},
                        Case{401, "", "", ErrorCode::kNotFound, "no such model, or a private one"},
                        Case{401, "", "hf_x", ErrorCode::kNetwork, "does not accept the token"},
                        Case{403, "GatedRepo", "hf_x", ErrorCode::kNetwork, "gated"},
                        Case{401, "GatedRepo", "", ErrorCode::kNetwork, "accept its terms"},
                        Case{418, "", "", ErrorCode::kNetwork, "expected status 200, found 418"}}) {
    hub_.hub_fault = [&c](const TestRequest&, TestReply& reply) {
      reply = {};
      reply.status = c.status;
      reply.headers["X-Error-Code"] = c.error_code;
    };
    HubOptions options = hub_.options(cache_.path());
    options.hf_token = c.token;
    const auto location = resolve_model("org/tiny-model", options);
    ASSERT_FALSE(location) << c.said;
    EXPECT_EQ(location.error().code, c.code) << location.error().message;
    EXPECT_THAT(location.error().to_string(), HasSubstr(c.said));
  }
}

TEST_F(HubFaults, answers_of_something_else_than_a_hub_are_refused) {
  for (const std::string& body :
       {std::string("<html>"), std::string("{}"), std::string("[]"), std::string(R"({"sha":"../../x","siblings":[]})"),
        R"({"sha":")" + std::string(40, 'a') + "\"}", R"({"sha":")" + std::string(40, 'a') + R"(","siblings":[{}]})"}) {
    hub_.hub_fault = [&body](const TestRequest&, TestReply& reply) { reply.body = body; };
    expect_failure(ErrorCode::kCorrupt, "/api/models/org/tiny-model/revision/main");
  }
}

TEST_F(HubFaults, etag_that_would_be_a_path_is_refused) {
  for (const char* etag : {"../../../../evil", "", "a b", ".."}) {
    hub_.hub_fault = [etag](const TestRequest& request, TestReply& reply) {
      if (request.method == "HEAD") {
        reply.headers["ETag"] = etag;
      }
    };
    expect_failure(ErrorCode::kNetwork, "expected X-Repo-Commit");
  }
  EXPECT_FALSE(fs::exists(cache_ / "evil"));
}

TEST_F(HubFaults, proxy_page_in_place_of_a_file_is_refused) {
  hub_.hub_fault = [](const TestRequest& request, TestReply& reply) {
    if (request.method == "HEAD") {
      reply.headers.erase("X-Repo-Commit");
    }
  };
  expect_failure(ErrorCode::kNetwork, "a proxy may have answered in its place");
}

TEST_F(HubFaults, redirects_have_an_end) {
  hub_.hub_fault = [](const TestRequest& request, TestReply& reply) {
    reply.status = 302;
    reply.headers["Location"] = request.path;
  };
  expect_failure(ErrorCode::kNetwork, "at most 10 redirects");
  hub_.hub_fault = [](const TestRequest&, TestReply& reply) {
    reply.status = 302;
    reply.headers["Location"] = "file:///etc/passwd";
  };
  expect_failure(ErrorCode::kCorrupt, "expected an http or https address");
}

TEST_F(HubFaults, weights_in_other_formats_only_are_named) {
  hub_.large.clear();
  expect_failure(ErrorCode::kNotFound,
                 "expected weights in model.safetensors, found only pytorch_model.bin, onnx/model.onnx, tf_model.h5");
}

TEST_F(HubFaults, bad_endpoint_is_named) {
  HubOptions options = hub_.options(cache_.path());
  options.hf_endpoint = "ftp://example";
  const auto location = resolve_model("org/tiny-model", options);
  ASSERT_FALSE(location);
  EXPECT_EQ(location.error().code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(location.error().message, HasSubstr("HF_ENDPOINT"));
}

}  // namespace
}  // namespace asterism
