// What tests of the server need of a client: raw bytes over a socket, and nothing that would mend them.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace asterism::server::testing {

inline sockaddr_in local_address(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

class RawClient {
 public:
  explicit RawClient(std::uint16_t port) : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const timeval limit{.tv_sec = 120, .tv_usec = 0};
    ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    const sockaddr_in address = local_address(port);
    connected_ = ::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
  }
  ~RawClient() { ::close(socket_); }
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;

  bool send(std::string_view bytes) {
    while (connected_ && !bytes.empty()) {
      const auto sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) {
        return false;
      }
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return connected_;
  }
  void end_sending() { ::shutdown(socket_, SHUT_WR); }

  // One answer with a content-length; empty where the connection ended before it was whole.
  std::string receive_answer() {
    for (;;) {
      if (const auto size = answer_size(); size != 0 && kept_.size() >= size) {
        std::string answer = kept_.substr(0, size);
        kept_.erase(0, size);
        return answer;
      }
      if (!receive_more()) {
        return {};
      }
    }
  }
  // All that has come, as soon as `end` is in it; it is not given again.
  std::string receive_until(std::string_view end) {
    while (kept_.find(end) == std::string::npos && receive_more()) {
    }
    return std::exchange(kept_, {});
  }
  // All until the server ends the connection.
  std::string receive_all() {
    while (receive_more()) {
    }
    return kept_;
  }

 private:
  bool receive_more() {
    std::array<char, 65536> buffer{};
    const auto size = ::recv(socket_, buffer.data(), buffer.size(), 0);
    if (size <= 0) {
      return false;
    }
    kept_.append(buffer.data(), static_cast<std::size_t>(size));
    return true;
  }
  std::size_t answer_size() const {
    const std::size_t head_end = kept_.find("\r\n\r\n");
    const std::size_t length_at = kept_.find("content-length: ");
    if (head_end == std::string::npos || length_at > head_end) {
      return 0;
    }
    std::size_t length = 0;
    std::from_chars(kept_.data() + length_at + 16, kept_.data() + head_end, length);
    return head_end + 4 + length;
  }

  int socket_;
  bool connected_ = false;
  std::string kept_;
};

// 0 where it is no answer.
inline int status_of(std::string_view answer) {
  int status = 0;
  if (answer.starts_with("HTTP/1.1 ")) {
    std::from_chars(answer.data() + 9, answer.data() + answer.size(), status);
  }
  return status;
}

}  // namespace asterism::server::testing
