// Answers in pieces as a client sees them, over a real socket.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <future>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "server/body_stream.hpp"
#include "server/http_server.hpp"

namespace asterism::server {
namespace {

// Answers every request with the stream that the test holds.
class Streams final : public Application {
 public:
  Admission admit(HttpRequest& /*head*/) override { return {.body_size_bytes_max = 1024}; }
  void handle(const std::shared_ptr<Exchange>& exchange) override {
    stream = std::make_shared<BodyStream>();
    exchange->respond({.content_type = "text/plain", .stream = stream});
    begun.set_value(stream);
  }
  void complete(const HttpRequest& /*request*/, HttpResponse& /*response*/) override {}
  HttpResponse refuse(const HttpRequest& /*head*/, int status, std::string_view reason) override {
    HttpResponse out;
    out.status = status;
    out.body = reason;
    return out;
  }
  void finished(const HttpRequest& /*request*/, const Finished& done) override { ended.set_value(done); }
  void connections_changed(std::ptrdiff_t /*difference*/) override {}

  void expect_another() {
    begun = {};
    ended = {};
  }

  std::shared_ptr<BodyStream> stream;
  std::promise<std::shared_ptr<BodyStream>> begun;
  std::promise<Finished> ended;
};

class Client {
 public:
  explicit Client(const std::string& address) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(static_cast<std::uint16_t>(std::stoi(address.substr(address.rfind(':') + 1))));
    ::inet_pton(AF_INET, "127.0.0.1", &to.sin_addr);
    const timeval time_max{.tv_sec = 120, .tv_usec = 0};
    ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &time_max, sizeof(time_max));
    EXPECT_EQ(::connect(socket_, reinterpret_cast<const sockaddr*>(&to), sizeof(to)), 0);
  }
  ~Client() { ::close(socket_); }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  void send(const std::string& text) const {
    EXPECT_EQ(::send(socket_, text.data(), text.size(), MSG_NOSIGNAL), static_cast<ssize_t>(text.size()));
  }
  // Until `end` has come, or the connection has ended.
  std::string read_until(const std::string& end) {
    while (end.empty() || received_.find(end) == std::string::npos) {
      char buffer[4096];
      const auto size = ::recv(socket_, buffer, sizeof(buffer), 0);
      if (size <= 0) {
        closed = size == 0;
        break;
      }
      received_.append(buffer, static_cast<std::size_t>(size));
    }
    return std::exchange(received_, {});
  }

  bool closed = false;

 private:
  int socket_;
  std::string received_;
};

class HttpStreamTest : public testing::Test {
 protected:
  void SetUp() override {
    auto listening = HttpServer::listen({.port = 0, .socket_activation = false}, streams_);
    ASSERT_TRUE(listening);
    server_.emplace(*std::move(listening));
    thread_ = std::thread([this] { EXPECT_TRUE(server_->run()); });
  }
  void TearDown() override {
    server_->stop();
    thread_.join();
  }
  const std::string& address() const { return server_->addresses().front(); }

  Streams streams_;
  std::optional<HttpServer> server_;
  std::thread thread_;
};

TEST_F(HttpStreamTest, pieces_are_chunks_and_the_connection_goes_on) {
  Client client(address());
  client.send("GET / HTTP/1.1\r\nhost: x\r\n\r\n");
  const auto stream = streams_.begun.get_future().get();
  stream->write("one");
  const std::string head = client.read_until("3\r\none\r\n");
  EXPECT_TRUE(head.starts_with("HTTP/1.1 200 OK\r\n")) << head;
  EXPECT_NE(head.find("transfer-encoding: chunked\r\n"), std::string::npos);
  EXPECT_EQ(head.find("content-length"), std::string::npos);
  std::thread maker([&] {
    stream->write("and two");
    stream->end();
  });
  const std::string rest = client.read_until("\r\n0\r\n\r\n");
  maker.join();
  EXPECT_EQ(rest, "7\r\nand two\r\n0\r\n\r\n");
  const auto done = streams_.ended.get_future().get();
  EXPECT_EQ(done.status, 200);
  EXPECT_EQ(done.body_size_bytes, 10U);
  streams_.expect_another();
  client.send("GET / HTTP/1.1\r\nhost: x\r\n\r\n");
  streams_.begun.get_future().get()->end();
  EXPECT_TRUE(client.read_until("\r\n0\r\n\r\n").ends_with("\r\n\r\n0\r\n\r\n"))
      << "an empty body on the same connection";
}

TEST_F(HttpStreamTest, clients_of_http_1_0_see_the_end_of_the_connection) {
  Client client(address());
  client.send("GET / HTTP/1.0\r\n\r\n");
  const auto stream = streams_.begun.get_future().get();
  stream->write("plain");
  stream->end();
  const std::string all = client.read_until("");
  EXPECT_EQ(all.find("chunked"), std::string::npos);
  EXPECT_TRUE(all.ends_with("\r\n\r\nplain")) << all;
  EXPECT_TRUE(client.closed);
}

TEST_F(HttpStreamTest, head_is_answered_without_a_body) {
  Client client(address());
  client.send("HEAD / HTTP/1.1\r\nhost: x\r\n\r\n");
  const auto stream = streams_.begun.get_future().get();
  EXPECT_TRUE(client.read_until("\r\n\r\n").ends_with("\r\n\r\n"));
  EXPECT_EQ(streams_.ended.get_future().get().status, 200);
  EXPECT_FALSE(stream->write("nobody reads this"));
}

TEST_F(HttpStreamTest, a_client_that_goes_is_told_to_the_maker) {
  std::promise<void> gone;
  {
    Client client(address());
    client.send("GET / HTTP/1.1\r\nhost: x\r\n\r\n");
    const auto stream = streams_.begun.get_future().get();
    stream->on_client_gone([&] { gone.set_value(); });
    stream->write("x");
    client.read_until("1\r\nx\r\n");
  }
  EXPECT_EQ(gone.get_future().wait_for(std::chrono::seconds(120)), std::future_status::ready);
  EXPECT_EQ(streams_.ended.get_future().get().status, 0);
  EXPECT_FALSE(streams_.stream->write("y"));
}

TEST_F(HttpStreamTest, what_cannot_be_finished_ends_without_a_last_chunk) {
  Client client(address());
  client.send("GET / HTTP/1.1\r\nhost: x\r\n\r\n");
  const auto stream = streams_.begun.get_future().get();
  stream->write("half");
  client.read_until("4\r\nhalf\r\n");
  stream->break_off();
  EXPECT_EQ(client.read_until("").find("0\r\n\r\n"), std::string::npos);
  EXPECT_TRUE(client.closed);
}

TEST_F(HttpStreamTest, a_client_that_reads_slowly_gets_everything_and_holds_up_nobody) {
  Client client(address());
  client.send("GET / HTTP/1.1\r\nhost: x\r\n\r\n");
  const auto stream = streams_.begun.get_future().get();
  constexpr std::size_t kPieceSize = 100'000;
  constexpr int kPieceCount = 100;
  int written = 0;
  // Each piece is made when the one before was taken.
  std::function<void()> next = [&] {
    if (written++ < kPieceCount) {
      stream->write(std::string(kPieceSize, 'z'));
      stream->on_room(next);
    } else {
      stream->end();
    }
  };
  next();
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  const std::string all = client.read_until("\r\n0\r\n\r\n");
  // No other 'z' stands in the head or the sizes of chunks.
  EXPECT_EQ(static_cast<std::size_t>(std::ranges::count(all, 'z')), kPieceSize * kPieceCount);
}

}  // namespace
}  // namespace asterism::server
