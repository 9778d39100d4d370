// Bodies that are read while they arrive, over a real socket: room, ends, clients that go or send nonsense.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <future>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "http_client.hpp"
#include "server/body_stream.hpp"
#include "server/http_server.hpp"
#include "server/upload_stream.hpp"

namespace asterism::server {
namespace {

using namespace std::chrono_literals;
using testing::RawClient;
using testing::status_of;

// The connection may take a request back at any time: its body is kept beside it.
struct Begun {
  std::shared_ptr<Exchange> exchange;
  std::shared_ptr<UploadStream> upload;
};

// Streams every body with a content type, and hands each request to the test.
class Uploads final : public Application {
 public:
  Admission admit(HttpRequest& head) override {
    return {.body_size_bytes_max = 1024, .streams_body = !head.header("content-type").empty()};
  }
  void handle(const std::shared_ptr<Exchange>& exchange) override {
    begun.set_value({exchange, exchange->request().upload});
  }
  void complete(const HttpRequest& /*request*/, HttpResponse& /*response*/) override {}
  HttpResponse refuse(const HttpRequest& /*head*/, int status, std::string_view reason) override {
    return {.status = status, .body = std::string(reason)};
  }
  void finished(const HttpRequest& /*request*/, const Finished& done) override { finished_status = done.status; }
  void connections_changed(std::ptrdiff_t difference) override { connection_count += difference; }

  // A client asks again when it has its answer: the next promise is there by then.
  Begun wait_for_request() {
    Begun out = begun.get_future().get();
    begun = {};
    return out;
  }

  std::promise<Begun> begun;
  std::atomic<int> finished_status = -1;
  std::atomic<std::ptrdiff_t> connection_count = 0;
};

class HttpUploadTest : public ::testing::Test {
 protected:
  explicit HttpUploadTest(std::chrono::milliseconds body_time_max = 2min) {
    auto listening =
        HttpServer::listen({.port = 0, .socket_activation = false, .body_time_max = body_time_max}, application_);
    EXPECT_TRUE(listening);
    server_.emplace(*std::move(listening));
    const std::string& address = server_->addresses().front();
    port_ = static_cast<std::uint16_t>(std::stoi(address.substr(address.rfind(':') + 1)));
    thread_ = std::thread([this] { EXPECT_TRUE(server_->run()); });
  }
  ~HttpUploadTest() override {
    server_->stop();
    thread_.join();
  }

  static std::string head(std::string_view length) {
    return "POST / HTTP/1.1\r\nhost: x\r\ncontent-type: text/plain\r\n" + std::string(length) + "\r\n\r\n";
  }
  // All of it, or the error that it ended with.
  Result<std::string> read_all(UploadStream& upload) const {
    std::string out;
    std::string piece(10'000, '\0');
    for (;;) {
      const auto size = upload.read(piece, cancel_);
      if (!size || *size == 0) {
        return size ? Result<std::string>(out) : std::unexpected(size.error());
      }
      out.append(piece, 0, *size);
    }
  }

  Uploads application_;
  CancelFlag cancel_;
  std::optional<HttpServer> server_;
  std::uint16_t port_ = 0;
  std::thread thread_;
};

TEST_F(HttpUploadTest, a_client_waits_while_nobody_reads_and_the_connection_goes_on) {
  constexpr std::size_t kSize = std::size_t{64} << 20;
  RawClient client(port_);
  std::atomic<std::size_t> sent = 0;
  std::string answers;
  std::thread sender([&] {
    client.send(head("content-length: " + std::to_string(kSize)));
    const std::string piece(1 << 20, 'p');
    for (std::size_t i = 0; i < kSize >> 20U; ++i) {
      client.send(piece);
      sent += piece.size();
    }
    answers = client.receive_answer();
    client.send("GET / HTTP/1.1\r\nhost: x\r\n\r\n");
    answers += client.receive_answer();
  });
  const auto [exchange, upload] = application_.wait_for_request();
  ASSERT_TRUE(upload);
  std::this_thread::sleep_for(1s);
  // What is not here lies in the buffers of both sockets.
  EXPECT_LT(sent, kSize / 2);
  const auto body = read_all(*upload);
  ASSERT_TRUE(body);
  EXPECT_EQ(*body, std::string(kSize, 'p'));
  EXPECT_EQ(upload->size_bytes(), kSize);
  exchange->respond({.body = "read"});
  application_.wait_for_request().exchange->respond({.body = "next"});
  sender.join();
  EXPECT_NE(answers.find("\r\n\r\nread"), std::string::npos);
  EXPECT_NE(answers.find("\r\n\r\nnext"), std::string::npos);
}

TEST_F(HttpUploadTest, chunks_are_read_one_by_one_and_answered_meanwhile) {
  RawClient client(port_);
  client.send(head("transfer-encoding: chunked") + "5\r\nfirst\r\n");
  const auto [exchange, upload] = application_.wait_for_request();
  const auto stream = std::make_shared<BodyStream>();
  exchange->respond({.content_type = "text/plain", .stream = stream});
  stream->write("begun");
  EXPECT_NE(client.receive_until("begun").find("transfer-encoding: chunked"), std::string::npos);
  client.send("6\r\nsecond\r\n0\r\n\r\n");
  EXPECT_EQ(read_all(*upload).value_or("?"), "firstsecond");
  stream->write("done");
  stream->end();
  EXPECT_NE(client.receive_until("0\r\n\r\n").find("4\r\ndone"), std::string::npos);
  client.send(head("content-length: 0"));
  const auto next = application_.wait_for_request();
  EXPECT_EQ(read_all(*next.upload).value_or("?"), "");
  next.exchange->respond({.body = "x"});
  EXPECT_EQ(status_of(client.receive_answer()), 200);
}

TEST_F(HttpUploadTest, whoever_reads_is_told_that_the_client_has_gone) {
  std::promise<void> gone;
  {
    RawClient client(port_);
    client.send(head("content-length: 100") + "half");
    const auto [exchange, upload] = application_.wait_for_request();
    exchange->on_client_gone([&] { gone.set_value(); });
    std::string piece(4, '\0');
    ASSERT_EQ(upload->read(piece, cancel_).value_or(0), 4U);
    client.end_sending();
    EXPECT_EQ(gone.get_future().wait_for(120s), std::future_status::ready);
    const auto rest = read_all(*upload);
    ASSERT_FALSE(rest);
    EXPECT_NE(rest.error().message.find("the client has gone"), std::string::npos);
    exchange->respond({.status = 400});
  }
  for (int i = 0; i < 12000 && application_.connection_count != 0; ++i) {
    std::this_thread::sleep_for(10ms);
  }
  EXPECT_EQ(application_.connection_count, 0);
}

class LateUploadTest : public HttpUploadTest {
 protected:
  LateUploadTest() : HttpUploadTest(1500ms) {}
};

TEST_F(LateUploadTest, nonsense_and_late_bodies_are_refused_and_end_the_reading) {
  const std::vector<std::pair<std::string, int>> cases{
      {head("transfer-encoding: chunked") + "4\r\ngood\r\nzz\r\n", 400},
      {head("transfer-encoding: chunked") + "fffffffffffffffff\r\n", 400},
      {head("content-length: 100") + "late", 408},
  };
  for (const auto& [request, status] : cases) {
    RawClient client(port_);
    client.send(request);
    EXPECT_FALSE(read_all(*application_.wait_for_request().upload)) << request;
    EXPECT_EQ(status_of(client.receive_all()), status) << request;
  }
}

TEST_F(HttpUploadTest, an_answer_before_the_body_s_end_is_seen_and_ends_the_connection) {
  RawClient client(port_);
  client.send(head("content-length: 1000000000") + "some");
  const auto [exchange, upload] = application_.wait_for_request();
  exchange->respond({.status = 404, .body = "no"});
  const std::string all = client.receive_all();
  EXPECT_EQ(status_of(all), 404);
  EXPECT_NE(all.find("connection: close"), std::string::npos);
  EXPECT_TRUE(upload->closed());
  // The same where the answer is a stream that has begun.
  RawClient other(port_);
  other.send(head("content-length: 1000000000") + "some");
  const auto second = application_.wait_for_request().exchange;
  const auto stream = std::make_shared<BodyStream>();
  second->respond({.content_type = "text/plain", .stream = stream});
  stream->write("broken");
  stream->end();
  EXPECT_NE(other.receive_all().find("6\r\nbroken\r\n0\r\n\r\n"), std::string::npos);
}

TEST(UploadStream, a_reader_that_waits_sees_that_it_was_cancelled) {
  UploadStream upload;
  CancelFlag cancel;
  std::string out(10, '\0');
  std::thread canceller([&] {
    std::this_thread::sleep_for(20ms);
    cancel.request();
  });
  const auto size = upload.read(out, cancel);
  canceller.join();
  ASSERT_FALSE(size);
  EXPECT_EQ(size.error().code, ErrorCode::kCancelled);
}

TEST(UploadStream, asks_for_more_when_there_is_room_or_nobody_reads) {
  CancelFlag cancel;
  std::string out(8, '\0');
  int woken = 0;
  UploadStream upload(10);
  EXPECT_TRUE(upload.write("12345", [&] { ++woken; }));
  EXPECT_FALSE(upload.write("67890", [&] { ++woken; }));
  EXPECT_EQ(woken, 0);
  EXPECT_EQ(upload.read(out, cancel).value_or(0), 8U);
  EXPECT_EQ(out, "12345678");
  EXPECT_EQ(woken, 1);
  EXPECT_FALSE(upload.write("12345678", [&] { ++woken; }));
  upload.close();
  EXPECT_EQ(woken, 2);
  EXPECT_TRUE(upload.write("is dropped, however much", [&] { ++woken; }));
  EXPECT_EQ(woken, 2);
}

}  // namespace
}  // namespace asterism::server
