// A web server inside the test: answers from a function, remembers what was asked, and can misbehave on purpose.
//
// One thread accepts, one thread a connection; every answer closes its connection. Listens on 127.0.0.1 only.
#pragma once

#include <atomic>
#include <cstddef>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace asterism {

struct TestRequest {
  std::string method;
  std::string path;                            // with the query
  std::map<std::string, std::string> headers;  // names in lower case
  std::string header(const std::string& name) const {
    const auto found = headers.find(name);
    return found == headers.end() ? std::string() : found->second;
  }
};

struct TestReply {
  int status = 200;
  std::map<std::string, std::string> headers;
  std::string body;
  // Close the connection after so many bytes of the body; Content-Length promises all of it.
  std::optional<std::size_t> drop_after;
  // Instead of closing it then, say nothing more until the server goes down.
  bool stall = false;
  // Content-Length to claim instead of the true one; "" = none.
  std::optional<std::string> length_claim;
};

class TestServer {
 public:
  using Handler = std::function<TestReply(const TestRequest&)>;

  explicit TestServer(Handler handler);
  ~TestServer();
  TestServer(const TestServer&) = delete;
  TestServer& operator=(const TestServer&) = delete;

  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }
  std::vector<TestRequest> requests() const;
  // Requests whose path contains `text`.
  std::vector<TestRequest> requests(const std::string& method, const std::string& text) const;
  // Bytes of bodies that were sent.
  std::size_t sent_bytes() const noexcept { return sent_bytes_; }
  void forget();

 private:
  void accept_loop();
  void serve(int fd);

  Handler handler_;
  int listener_ = -1;
  int port_ = 0;
  std::atomic<bool> stopping_{false};
  std::atomic<std::size_t> sent_bytes_{0};
  mutable std::mutex mutex_;
  std::vector<TestRequest> log_;
  std::vector<std::thread> connections_;
  std::thread acceptor_;
};

// The answer of a well-behaved file server: whole, or from where Range says.
TestReply file_reply(const TestRequest& request, const std::string& content, const std::string& etag);

}  // namespace asterism
