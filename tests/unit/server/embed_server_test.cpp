// The server in this process, so that sanitizers see it: broken HTTP, many clients, clients that go, the end.
#include "server/embed_server.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "http_client.hpp"
#include "server/embed_api.hpp"

namespace asterism::server {
namespace {

using namespace std::chrono_literals;
using testing::RawClient;
using testing::status_of;

EmbedServerOptions small_options() {
  EmbedServerOptions options;
  options.models = {std::string(kBuiltinModel), std::string(kBuiltinImageModel)};
  options.http.port = 0;
  options.http.socket_activation = false;
  options.http.thread_count = 2;
  options.http.header_time_max = 2min;  // a busy machine is no slow client
  options.http.body_time_max = 2min;
  options.body_size_bytes_max = 100'000;
  options.pool.encoder.thread_count = 1;
  options.limits.row_count_max = 16;
  options.cors_origins = {"https://app.example.com"};
  options.compression_size_bytes_min = 1000;
  return options;
}

class EmbedServerTest : public ::testing::Test {
 protected:
  explicit EmbedServerTest(EmbedServerOptions options = small_options()) {
    auto started = EmbedServer::start(std::move(options));
    EXPECT_TRUE(started) << started.error().to_string();
    server_.emplace(*std::move(started));
    const std::string& address = server_->addresses().front();
    port_ = static_cast<std::uint16_t>(std::stoi(address.substr(address.rfind(':') + 1)));
    thread_ = std::thread([this] { EXPECT_TRUE(server_->run()); });
  }
  ~EmbedServerTest() override { end(); }

  void end() {
    server_->stop();
    if (thread_.joinable()) {
      thread_.join();
    }
  }

  static std::string post(std::string_view path, std::string_view body, std::string_view headers = {}) {
    return fmt::format("POST {} HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n{}\r\n{}", path, body.size(), headers,
                       body);
  }
  std::string ask(std::string_view request) const {
    RawClient client(port_);
    EXPECT_TRUE(client.send(request));
    return client.receive_answer();
  }
  bool alive() const { return status_of(ask("GET /health HTTP/1.1\r\nhost: x\r\n\r\n")) == 200; }

  std::optional<EmbedServer> server_;
  std::uint16_t port_ = 0;
  std::thread thread_;
};

TEST_F(EmbedServerTest, one_connection_serves_many_requests_also_when_they_come_at_once) {
  RawClient client(port_);
  std::string all;
  for (int i = 0; i < 20; ++i) {
    all += post("/embed", fmt::format(R"({{"inputs":"text {}"}})", i), fmt::format("x-request-id: r{}\r\n", i));
  }
  ASSERT_TRUE(client.send(all));
  for (int i = 0; i < 20; ++i) {
    const std::string answer = client.receive_answer();
    ASSERT_EQ(status_of(answer), 200);
    EXPECT_NE(answer.find(fmt::format("x-request-id: r{}\r\n", i)), std::string::npos);
  }
}

TEST_F(EmbedServerTest, a_request_in_single_bytes_and_in_chunks_is_the_same_request) {
  RawClient slow(port_);
  for (const char byte : post("/embed", R"({"inputs":"a"})")) {
    ASSERT_TRUE(slow.send({&byte, 1}));
  }
  EXPECT_EQ(status_of(slow.receive_answer()), 200);
  EXPECT_EQ(status_of(ask("POST /embed HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n"
                          "3\r\n{\"i\r\nb;ext=1\r\nnputs\":\"a\"}\r\n0\r\ntrailer: x\r\n\r\n")),
            200);
}

TEST_F(EmbedServerTest, broken_requests_get_an_answer_or_the_end_and_harm_nobody) {
  const std::vector<std::pair<std::string, int>> cases{
      {"\r\n\r\n\r\n", 400},
      {"GET /health\r\n\r\n", 400},
      {"GET /health HTTP/9.9\r\nhost: x\r\n\r\n", 400},
      {"G@T /health HTTP/1.1\r\nhost: x\r\n\r\n", 400},
      {"GET /health HTTP/1.1\r\nno colon here\r\n\r\n", 400},
      {"GET /health HTTP/1.1\r\nhost: x\r\n folded: y\r\n\r\n", 200},
      {"GET /%zz%00?%%% HTTP/1.1\r\nhost: x\r\n\r\n", 404},
      {"POST /embed HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\na", 400},
      {"POST /embed HTTP/1.1\r\nhost: x\r\ncontent-length: 99999999999999999999\r\n\r\n", 400},
      {"POST /embed HTTP/1.1\r\nhost: x\r\ncontent-length: 200000\r\n\r\n", 413},
      {"POST /embed HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nffffffffffffffffff\r\n", 400},
      {"POST /embed HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n-1\r\n", 400},
      {"TRACE /embed HTTP/1.1\r\nhost: x\r\n\r\n", 405},
      {"GET /health HTTP/1.1\r\nhost: x\r\nx: " + std::string(70'000, 'y') + "\r\n\r\n", 431},
  };
  for (const auto& [request, status] : cases) {
    RawClient client(port_);
    client.send(request);
    EXPECT_EQ(status_of(client.receive_answer()), status) << request.substr(0, 80);
  }
  EXPECT_TRUE(alive());
}

class ImpatientServerTest : public EmbedServerTest {
 protected:
  static EmbedServerOptions options() {
    EmbedServerOptions out = small_options();
    out.http.header_time_max = 2s;
    out.http.body_time_max = 2s;
    return out;
  }
  ImpatientServerTest() : EmbedServerTest(options()) {}
};

TEST_F(ImpatientServerTest, whoever_is_slow_or_goes_costs_only_himself) {
  RawClient no_head(port_);
  RawClient no_body(port_);
  ASSERT_TRUE(no_head.send("POST /embed HT"));
  ASSERT_TRUE(no_body.send("POST /embed HTTP/1.1\r\nhost: x\r\ncontent-length: 50\r\n\r\n{"));
  for (int i = 0; i < 20; ++i) {
    RawClient gone(port_);
    gone.send(post("/embed_image", "not a picture").substr(0, 60));
  }
  EXPECT_TRUE(alive());
  EXPECT_EQ(status_of(no_head.receive_all()), 408);
  EXPECT_EQ(status_of(no_body.receive_all()), 408);
}

TEST_F(EmbedServerTest, clients_at_once_get_their_own_answers) {
  const std::string expected = ask(post("/embed", R"({"inputs":["a red coat","b"]})"));
  const std::string vectors = expected.substr(expected.find("\r\n\r\n"));
  std::atomic<int> wrong_count = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&, i] {
      RawClient client(port_);
      for (int n = 0; n < 50; ++n) {
        client.send(i % 4 == 3 ? post("/embed", "{") : post("/embed", R"({"inputs":["a red coat","b"]})"));
        const std::string answer = client.receive_answer();
        const bool right = i % 4 == 3 ? status_of(answer) == 400 : answer.ends_with(vectors);
        wrong_count += right ? 0 : 1;
      }
    });
  }
  for (auto& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(wrong_count, 0);
}

class OverloadedServerTest : public EmbedServerTest {
 protected:
  static EmbedServerOptions options() {
    EmbedServerOptions out = small_options();
    out.limits.task_row_count_max = 32;
    return out;
  }
  OverloadedServerTest() : EmbedServerTest(options()) {}
};

// The built-in model has no queue: large requests are bounded all the same, and small ones pass them.
TEST_F(OverloadedServerTest, large_requests_to_a_model_without_a_queue_cannot_pile_up) {
  std::string rows;
  for (int row = 0; row < 16; ++row) {
    rows += fmt::format("{}\"{}\"", row == 0 ? "" : ",", std::string(5000, 'a' + static_cast<char>(row)));
  }
  const std::string large = post("/embed", fmt::format(R"({{"inputs":[{}]}})", rows));
  constexpr int kClientCount = 16;
  constexpr int kRequestCount = 20;
  std::atomic<int> answered = 0;
  std::atomic<int> refused = 0;
  std::atomic<bool> over = false;
  std::vector<std::thread> threads;
  for (int i = 0; i < kClientCount; ++i) {
    threads.emplace_back([&] {
      RawClient client(port_);
      for (int n = 0; n < kRequestCount; ++n) {
        client.send(large);
        const std::string answer = client.receive_answer();
        answered += status_of(answer) == 200 ? 1 : 0;
        refused += status_of(answer) == 429 && answer.find("retry-after: ") != std::string::npos ? 1 : 0;
      }
    });
  }
  std::thread small([&] {
    RawClient client(port_);
    while (!over) {
      client.send(post("/embed", R"({"inputs":"a"})"));
      EXPECT_EQ(status_of(client.receive_answer()), 200);
    }
  });
  for (auto& thread : threads) {
    thread.join();
  }
  over = true;
  small.join();
  EXPECT_EQ(answered + refused, kClientCount * kRequestCount);
  EXPECT_GT(answered, 0);
  EXPECT_GT(refused, 0);
  // All is as before once they have gone: nothing is counted that no longer waits.
  EXPECT_EQ(status_of(ask(large)), 200);
}

TEST_F(EmbedServerTest, pages_of_allowed_origins_may_ask_and_no_others) {
  const std::string preflight =
      ask("OPTIONS /embed HTTP/1.1\r\nhost: x\r\norigin: https://app.example.com\r\naccess-control-request-method: "
          "POST\r\n\r\n");
  EXPECT_EQ(status_of(preflight), 204);
  EXPECT_NE(preflight.find("access-control-allow-origin: https://app.example.com\r\n"), std::string::npos);
  EXPECT_NE(preflight.find("access-control-allow-headers: authorization"), std::string::npos);
  const std::string body = R"({"inputs":"a"})";
  EXPECT_NE(ask(post("/embed", body, "origin: https://app.example.com\r\n")).find("access-control-allow-origin"),
            std::string::npos);
  const std::string other = ask(post("/embed", body, "origin: https://evil.example.com\r\n"));
  EXPECT_EQ(other.find("access-control"), std::string::npos);
  EXPECT_EQ(status_of(ask("OPTIONS /embed HTTP/1.1\r\nhost: x\r\norigin: https://evil.example.com\r\n\r\n")), 405);
}

TEST_F(EmbedServerTest, answers_are_compressed_for_who_takes_it) {
  const std::string body = R"({"inputs":["a","b","c"]})";
  const std::string plain = ask(post("/embed", body));
  const std::string coded = ask(post("/embed", body, "accept-encoding: br, gzip\r\n"));
  EXPECT_NE(coded.find("content-encoding: gzip\r\n"), std::string::npos);
  EXPECT_LT(coded.size(), plain.size());
  EXPECT_EQ(plain.find("content-encoding"), std::string::npos);
}

TEST_F(ImpatientServerTest, after_stop_it_ends_whatever_hangs_on_it) {
  RawClient idle(port_);
  RawClient half(port_);
  ASSERT_TRUE(half.send("POST /embed HTTP/1.1\r\nhost: x\r\ncontent-length: 50\r\n\r\n{"));
  ASSERT_TRUE(alive());
  const auto begin = std::chrono::steady_clock::now();
  end();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, small_options().http.drain_time_max);
}

}  // namespace
}  // namespace asterism::server
