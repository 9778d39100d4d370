#include "http_server.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <chrono>
#include <sstream>

namespace asterism {
namespace {

constexpr int kPollMs = 20;

bool wait_readable(int fd, const std::atomic<bool>& stopping) {
  while (!stopping) {
    pollfd entry{fd, POLLIN, 0};
    if (::poll(&entry, 1, kPollMs) > 0) {
      return true;
    }
  }
  return false;
}

std::string read_head(int fd, const std::atomic<bool>& stopping) {
  std::string text;
  char c = 0;
  while (!text.ends_with("\r\n\r\n") && wait_readable(fd, stopping) && ::recv(fd, &c, 1, 0) == 1) {
    text.push_back(c);
  }
  return text;
}

TestRequest parse_request(const std::string& text) {
  TestRequest request;
  std::istringstream in(text);
  std::string line;
  in >> request.method >> request.path;
  std::getline(in, line);
  while (std::getline(in, line) && line != "\r") {
    const auto colon = line.find(':');
    if (colon == std::string::npos) {
      continue;
    }
    std::string name = line.substr(0, colon);
    std::ranges::transform(name, name.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    std::string value = line.substr(colon + 1);
    value.erase(0, value.find_first_not_of(' '));
    value.erase(value.find_last_not_of(" \r\n") + 1);
    request.headers[name] = value;
  }
  return request;
}

std::size_t send_all(int fd, std::string_view bytes) {
  std::size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t n = ::send(fd, bytes.data() + done, bytes.size() - done, MSG_NOSIGNAL);
    if (n <= 0) {
      break;
    }
    done += static_cast<std::size_t>(n);
  }
  return done;
}

}  // namespace

TestServer::TestServer(Handler handler) : handler_(std::move(handler)) {
  listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  ::bind(listener_, reinterpret_cast<const sockaddr*>(&address), size);
  ::listen(listener_, 16);
  ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
  port_ = ntohs(address.sin_port);
  acceptor_ = std::thread([this] { accept_loop(); });
}

TestServer::~TestServer() {
  stopping_ = true;
  acceptor_.join();
  for (std::thread& connection : connections_) {
    connection.join();
  }
  ::close(listener_);
}

void TestServer::accept_loop() {
  while (wait_readable(listener_, stopping_)) {
    const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd >= 0) {
      connections_.emplace_back([this, fd] {
        serve(fd);
        ::close(fd);
      });
    }
  }
}

void TestServer::serve(int fd) {
  const TestRequest request = parse_request(read_head(fd, stopping_));
  if (request.method.empty()) {
    return;
  }
  {
    const std::lock_guard lock(mutex_);
    log_.push_back(request);
  }
  const TestReply reply = handler_(request);
  std::string head = fmt::format("HTTP/1.1 {} Test\r\nConnection: close\r\n", reply.status);
  for (const auto& [name, value] : reply.headers) {
    head += fmt::format("{}: {}\r\n", name, value);
  }
  const std::string length = reply.length_claim.value_or(std::to_string(reply.body.size()));
  if (!length.empty()) {
    head += fmt::format("Content-Length: {}\r\n", length);
  }
  send_all(fd, head + "\r\n");
  if (request.method == "HEAD") {
    return;
  }
  sent_bytes_ += send_all(fd, std::string_view(reply.body).substr(0, reply.drop_after.value_or(reply.body.size())));
  while (reply.stall && !stopping_) {
    std::this_thread::sleep_for(std::chrono::milliseconds(kPollMs));
  }
}

std::vector<TestRequest> TestServer::requests() const {
  const std::lock_guard lock(mutex_);
  return log_;
}

std::vector<TestRequest> TestServer::requests(const std::string& method, const std::string& text) const {
  std::vector<TestRequest> out = requests();
  std::erase_if(out,
                [&](const TestRequest& r) { return r.method != method || r.path.find(text) == std::string::npos; });
  return out;
}

void TestServer::forget() {
  const std::lock_guard lock(mutex_);
  log_.clear();
  sent_bytes_ = 0;
}

TestReply file_reply(const TestRequest& request, const std::string& content, const std::string& etag) {
  TestReply reply;
  reply.headers["ETag"] = '"' + etag + '"';
  reply.body = content;
  const std::string range = request.header("range");
  if (range.starts_with("bytes=")) {
    const std::size_t begin = std::stoul(range.substr(6));
    if (begin >= content.size()) {
      reply.status = 416;
      reply.body.clear();
      return reply;
    }
    reply.status = 206;
    reply.headers["Content-Range"] = fmt::format("bytes {}-{}/{}", begin, content.size() - 1, content.size());
    reply.body = content.substr(begin);
  }
  return reply;
}

}  // namespace asterism
