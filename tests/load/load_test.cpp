#include "load/load.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <functional>
#include <string>
#include <thread>
#include <vector>

namespace asterism::load {
namespace {

using std::chrono::milliseconds;

// Answers every request on 127.0.0.1 with what `answer` says of its number; "" is no answer at all, "close" an end.
class SmallServer {
 public:
  explicit SmallServer(std::function<std::string(std::size_t)> answer) : answer_(std::move(answer)) {
    sockaddr_in address{
        .sin_family = AF_INET, .sin_port = 0, .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}, .sin_zero = {}};
    socklen_t size = sizeof(address);
    EXPECT_EQ(::bind(listener_, reinterpret_cast<const sockaddr*>(&address), size), 0);
    EXPECT_EQ(::listen(listener_, 64), 0);
    ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    thread_ = std::jthread([this](const std::stop_token& stop) { serve(stop); });
  }
  ~SmallServer() {
    thread_.request_stop();
    thread_.join();
    ::close(listener_);
  }
  std::uint16_t port() const { return port_; }
  std::size_t request_count() const { return request_count_; }

 private:
  void serve(const std::stop_token& stop) {
    std::vector<pollfd> sockets{{.fd = listener_, .events = POLLIN, .revents = 0}};
    while (!stop.stop_requested()) {
      ::poll(sockets.data(), sockets.size(), 5);
      for (std::size_t i = sockets.size(); i-- > 1;) {
        if (sockets[i].revents != 0 && !serve_one(sockets[i].fd)) {
          ::close(sockets[i].fd);
          sockets.erase(sockets.begin() + static_cast<std::ptrdiff_t>(i));
        }
      }
      if (sockets[0].revents != 0) {
        sockets.push_back({.fd = ::accept(listener_, nullptr, nullptr), .events = POLLIN, .revents = 0});
      }
    }
    for (std::size_t i = 1; i < sockets.size(); ++i) {
      ::close(sockets[i].fd);
    }
  }

  // Small requests come in one piece over the loopback.
  bool serve_one(int socket) {
    char bytes[4096];
    if (::recv(socket, bytes, sizeof(bytes), 0) <= 0) {
      return false;
    }
    const std::string answer = answer_(request_count_++);
    return answer != "close" &&
           ::send(socket, answer.data(), answer.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(answer.size());
  }

  std::function<std::string(std::size_t)> answer_;
  int listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  std::uint16_t port_ = 0;
  std::atomic<std::size_t> request_count_ = 0;
  std::jthread thread_;
};

std::string response(int status, const std::string& body) {
  return "HTTP/1.1 " + std::to_string(status) + " X\r\ncontent-length: " + std::to_string(body.size()) + "\r\n\r\n" +
         body;
}

// Longer than any of these takes: their number of requests ends them.
constexpr milliseconds kByRequests{100'000};

LoadOptions options_for(const SmallServer& server, milliseconds duration) {
  LoadOptions options;
  options.port = server.port();
  options.duration = duration;
  options.patience = milliseconds(300);
  return options;
}

TEST(Load, ClosedLoopCountsEveryAnswerByStatus) {
  const SmallServer server([](std::size_t i) { return i % 4 == 3 ? response(429, "{}") : response(200, "[[1,2]]"); });
  LoadOptions options = options_for(server, kByRequests);
  options.client_count = 3;
  options.request_count_max = 40;
  options.dim = 2;
  const auto report = run_load(options, {"{}"});
  ASSERT_TRUE(report) << report.error().to_string();
  EXPECT_EQ(server.request_count(), 40U);
  EXPECT_EQ(report->statuses.at(200), 30U);
  EXPECT_EQ(report->statuses.at(429), 10U);
  EXPECT_EQ(report->accepted.count(), 30U);
  EXPECT_EQ(report->refused.count(), 10U);
  EXPECT_EQ(report->accepted_in_time_count, 30U);
  EXPECT_EQ(report->answer_count, 40U);
  EXPECT_EQ(report->invalid_count + report->connect_error_count + report->lost_count, 0U);
  EXPECT_LT(report->seconds, 100.0);
}

TEST(Load, CountsAnswersWithoutTheVectors) {
  const SmallServer server([](std::size_t i) { return response(200, i % 2 == 0 ? "[[1,2]]" : "[[1,2,3]]"); });
  LoadOptions options = options_for(server, kByRequests);
  options.request_count_max = 10;
  options.dim = 2;
  const auto report = run_load(options, {"{}"});
  ASSERT_TRUE(report) << report.error().to_string();
  EXPECT_EQ(report->invalid_count, 5U);
}

TEST(Load, OpenLoopSendsAtItsRateAndCountsWhatIsNeverAnswered) {
  const SmallServer server([](std::size_t i) { return i == 7 ? std::string() : response(200, "[]"); });
  LoadOptions options = options_for(server, milliseconds(200));
  options.patience = std::chrono::seconds(3);
  options.client_count = 8;
  options.rate = 500.0;
  const auto report = run_load(options, {"{}"});
  ASSERT_TRUE(report) << report.error().to_string();
  EXPECT_EQ(server.request_count(), 100U);
  EXPECT_EQ(report->accepted.count(), 99U);
  EXPECT_EQ(report->lost_count, 1U);
}

// One client and a server that takes 20 ms: requests that are due every 5 ms are late, and the report says so.
TEST(Load, OpenLoopCountsFromWhenARequestWasDue) {
  const SmallServer server([](std::size_t) {
    std::this_thread::sleep_for(milliseconds(20));
    return response(200, "[]");
  });
  LoadOptions options = options_for(server, milliseconds(100));
  options.patience = std::chrono::seconds(30);
  options.rate = 200.0;
  const auto report = run_load(options, {"{}"});
  ASSERT_TRUE(report) << report.error().to_string();
  EXPECT_EQ(report->accepted.count(), 20U);
  EXPECT_GT(report->accepted.max(), milliseconds(250));
}

TEST(Load, ComesBackAfterAConnectionThatEnds) {
  const SmallServer server([](std::size_t i) { return i == 2 ? std::string("close") : response(200, "[]"); });
  LoadOptions options = options_for(server, kByRequests);
  options.request_count_max = 6;
  const auto report = run_load(options, {"{}"});
  ASSERT_TRUE(report) << report.error().to_string();
  EXPECT_EQ(report->accepted.count(), 5U);
  EXPECT_EQ(report->lost_count, 1U);
  EXPECT_EQ(report->connect_error_count, 1U);
}

// One answer at once (within half of the time), then none: its rate is that of the whole time, not of the moment until
// it came.
TEST(Load, CountsTheWholeTimeWhereAnswersAreRare) {
  const SmallServer server([](std::size_t i) { return i == 0 ? response(200, "[]") : std::string(); });
  const auto report = run_load(options_for(server, milliseconds(4000)), {"{}"});
  ASSERT_TRUE(report) << report.error().to_string();
  EXPECT_EQ(report->accepted_in_time_count, 1U);
  EXPECT_EQ(report->lost_count, 1U);
  EXPECT_DOUBLE_EQ(report->seconds, 4.0);
}

TEST(Load, SaysThatNobodyIsThere) {
  std::uint16_t port = 0;
  {
    const SmallServer server([](std::size_t) { return std::string(); });
    port = server.port();
  }
  LoadOptions options;
  options.port = port;
  const auto report = run_load(options, {"{}"});
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().code, ErrorCode::kNetwork);
  EXPECT_EQ(run_load(options, {}).error().code, ErrorCode::kInvalidArgument);
  options.host = "somewhere";
  EXPECT_EQ(run_load(options, {"{}"}).error().code, ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace asterism::load
