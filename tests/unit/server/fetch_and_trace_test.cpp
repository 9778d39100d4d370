// What leaves the server: fetches of pictures that are allowed, and traces.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "base/json.hpp"
#include "http_client.hpp"
#include "server/picture_fetcher.hpp"
#include "server/public_address.hpp"
#include "server/trace_exporter.hpp"

namespace asterism::server {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

// Answers every request with what `answer` makes of its first line; keeps what it was sent.
class SmallServer {
 public:
  using Answer = std::function<std::string(const std::string& request)>;
  explicit SmallServer(Answer answer) : answer_(std::move(answer)), socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address = testing::local_address(0);
    ::bind(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof(address));
    ::listen(socket_, 16);
    socklen_t size = sizeof(address);
    ::getsockname(socket_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { run(); });
  }
  ~SmallServer() {
    stopping_ = true;
    { const testing::RawClient wake(port_); }
    thread_.join();
    ::close(socket_);
  }
  SmallServer(const SmallServer&) = delete;
  SmallServer& operator=(const SmallServer&) = delete;

  std::string url(std::string_view path) const { return fmt::format("http://127.0.0.1:{}{}", port_, path); }
  std::string host() const { return fmt::format("127.0.0.1:{}", port_); }
  std::vector<std::string> requests() const {
    const std::scoped_lock lock(mutex_);
    return requests_;
  }

 private:
  void run() {
    while (!stopping_) {
      const int client = ::accept(socket_, nullptr, nullptr);
      std::string request;
      std::array<char, 65536> buffer{};
      for (;;) {
        const auto size = ::recv(client, buffer.data(), buffer.size(), 0);
        if (size <= 0) {
          break;
        }
        request.append(buffer.data(), static_cast<std::size_t>(size));
        const std::size_t head_end = request.find("\r\n\r\n");
        const std::size_t length_at = request.find("Content-Length: ");
        const std::size_t length = length_at < head_end ? std::stoul(request.substr(length_at + 16)) : 0;
        if (head_end != std::string::npos && request.size() >= head_end + 4 + length) {
          {
            // Before the answer: whoever has that may ask for the requests at once.
            const std::scoped_lock lock(mutex_);
            requests_.push_back(request);
          }
          const std::string answer = answer_(request);
          ::send(client, answer.data(), answer.size(), MSG_NOSIGNAL);
          break;
        }
      }
      ::close(client);
    }
  }

  Answer answer_;
  int socket_;
  std::uint16_t port_ = 0;
  std::atomic<bool> stopping_ = false;
  mutable std::mutex mutex_;
  std::vector<std::string> requests_;
  std::thread thread_;
};

std::string answer_of(int status, std::string_view body, std::string_view headers = {}) {
  return fmt::format("HTTP/1.1 {} X\r\ncontent-length: {}\r\nconnection: close\r\n{}\r\n{}", status, body.size(),
                     headers, body);
}

PictureFetcher fetcher_for(std::vector<std::string> hosts, std::function<bool(std::string_view)> addresses) {
  return PictureFetcher({.hosts = std::move(hosts), .size_bytes_max = 1000, .address_allowed = std::move(addresses)});
}

bool any_address(std::string_view /*ip_address*/) {
  return true;
}

TEST(PublicAddress, private_local_and_reserved_addresses_are_not) {
  for (const char* address : {"93.184.216.34", "8.8.8.8", "172.32.0.1", "192.169.0.1", "2606:4700::1111", "2a00::1"}) {
    EXPECT_TRUE(is_public_address(address)) << address;
  }
  for (const char* address : {"127.0.0.1",
                              "127.255.0.9",
                              "10.1.2.3",
                              "172.16.0.1",
                              "172.31.255.255",
                              "192.168.1.1",
                              "169.254.169.254",
                              "100.64.0.1",
                              "0.0.0.0",
                              "224.0.0.1",
                              "255.255.255.255",
                              "198.18.0.1",
                              "203.0.113.5",
                              "::1",
                              "::",
                              "fe80::1",
                              "fc00::1",
                              "fd12::1",
                              "::ffff:127.0.0.1",
                              "::ffff:8.8.8.8",
                              "64:ff9b::a00:1",
                              "2002:7f00:1::",
                              "2001:db8::1",
                              "2001::1",
                              "ff02::1",
                              "",
                              "nonsense",
                              "127.1",
                              "0x7f000001"}) {
    EXPECT_FALSE(is_public_address(address)) << address;
  }
}

TEST(PictureFetcher, fetches_what_is_allowed) {
  const SmallServer server([](const std::string& request) {
    return request.starts_with("GET /p.png ") ? answer_of(200, "bytes") : answer_of(404, "no");
  });
  const auto fetcher = fetcher_for({server.host()}, any_address);
  EXPECT_EQ(fetcher.fetch(server.url("/p.png")).value(), "bytes");
  EXPECT_THAT(fetcher.fetch(server.url("/other")).error().message, HasSubstr("status 404"));
}

TEST(PictureFetcher, other_hosts_ports_schemes_and_private_addresses_are_never_asked) {
  const SmallServer server([](const std::string&) { return answer_of(200, "secret"); });
  EXPECT_EQ(fetcher_for({}, any_address).fetch(server.url("/")).error().code, ErrorCode::kUnsupported);
  EXPECT_FALSE(fetcher_for({"example.com"}, any_address).fetch(server.url("/")));
  EXPECT_FALSE(fetcher_for({"127.0.0.1"}, any_address).fetch(server.url("/")));  // another port
  EXPECT_FALSE(fetcher_for({server.host()}, any_address).fetch("file:///etc/passwd"));
  EXPECT_FALSE(fetcher_for({server.host()}, any_address).fetch("http://user@evil@" + server.host() + "/"));
  const auto error = fetcher_for({server.host()}, is_public_address).fetch(server.url("/")).error();
  EXPECT_EQ(error.code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(error.message, HasSubstr("expected a public address, found 127.0.0.1"));
  EXPECT_THAT(server.requests(), ::testing::IsEmpty());
}

TEST(PictureFetcher, redirects_are_checked_like_the_first_address) {
  const SmallServer secret([](const std::string&) { return answer_of(200, "secret"); });
  const SmallServer server([&](const std::string& request) {
    return request.starts_with("GET /in ")    ? answer_of(302, "", "location: /p.png\r\n")
           : request.starts_with("GET /out ") ? answer_of(302, "", fmt::format("location: {}\r\n", secret.url("/")))
                                              : answer_of(200, "bytes");
  });
  const auto fetcher = fetcher_for({server.host()}, any_address);
  EXPECT_EQ(fetcher.fetch(server.url("/in")).value(), "bytes");
  EXPECT_THAT(fetcher.fetch(server.url("/out")).error().message, HasSubstr("address that is allowed here"));
  EXPECT_THAT(secret.requests(), ::testing::IsEmpty());
}

TEST(PictureFetcher, large_files_are_broken_off) {
  const SmallServer server([](const std::string&) { return answer_of(200, std::string(5000, 'x')); });
  EXPECT_THAT(fetcher_for({server.host()}, any_address).fetch(server.url("/")).error().message,
              HasSubstr("at most 1000 bytes"));
}

TEST(TraceContext, reads_what_is_well_formed_and_begins_anew_otherwise) {
  const auto parent = read_traceparent("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
  ASSERT_TRUE(parent);
  EXPECT_EQ(parent->span_id, "00f067aa0ba902b7");
  EXPECT_TRUE(parent->sampled);
  EXPECT_FALSE(read_traceparent("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00")->sampled);
  for (const char* header : {"", "00", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
                             "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
                             "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
                             "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
                             "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
                             "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-x"}) {
    EXPECT_FALSE(read_traceparent(header)) << header;
  }
  const TraceContext child = begin_trace(parent);
  EXPECT_EQ(child.trace_id, parent->trace_id);
  EXPECT_EQ(child.parent_id, parent->span_id);
  EXPECT_NE(child.span_id, parent->span_id);
  EXPECT_NE(begin_trace(std::nullopt).trace_id, begin_trace(std::nullopt).trace_id);
}

TEST(TraceExporter, spans_reach_the_collector_in_its_form) {
  const SmallServer collector([](const std::string&) { return answer_of(200, "{}"); });
  const auto begin = std::chrono::system_clock::time_point(1s);
  {
    TraceExporter exporter({.endpoint = collector.url("/"), .service_name = "s"});
    const TraceContext context = begin_trace(std::nullopt);
    exporter.record({.context = context,
                     .name = "POST /embed",
                     .is_server = true,
                     .begin = begin,
                     .end = begin + 5ms,
                     .attributes = {{"http.response.status_code", std::int64_t{500}}, {"text", std::string("\xff")}},
                     .failed = true});
    TraceContext quiet = context;
    quiet.sampled = false;
    exporter.record({.context = quiet, .name = "not sampled", .begin = begin, .end = begin});
  }
  const auto requests = collector.requests();
  ASSERT_EQ(requests.size(), 1U);
  EXPECT_TRUE(requests[0].starts_with("POST /v1/traces HTTP/1.1\r\n"));
  EXPECT_THAT(requests[0], HasSubstr("Content-Type: application/json"));
  const auto body = parse_json(requests[0].substr(requests[0].find("\r\n\r\n") + 4), "body");
  ASSERT_TRUE(body);
  const Json& spans = body->at("resourceSpans").at(0).at("scopeSpans").at(0).at("spans");
  ASSERT_EQ(spans.size(), 1U);
  EXPECT_EQ(spans[0].at("kind"), 2);
  EXPECT_EQ(spans[0].at("startTimeUnixNano"), "1000000000");
  EXPECT_EQ(spans[0].at("endTimeUnixNano"), "1005000000");
  EXPECT_EQ(spans[0].at("status").at("code"), 2);
  EXPECT_EQ(spans[0].at("attributes").at(0).at("value").at("intValue"), "500");
  EXPECT_FALSE(spans[0].contains("parentSpanId"));
}

TEST(TraceExporter, without_a_collector_spans_are_counted_and_nobody_waits) {
  TraceExporter exporter({.endpoint = "http://127.0.0.1:1", .span_count_max = 2, .interval = 50ms});
  const auto now = std::chrono::system_clock::now();
  for (int i = 0; i < 5; ++i) {
    exporter.record({.context = begin_trace(std::nullopt), .name = "x", .begin = now, .end = now});
  }
  const auto end = std::chrono::steady_clock::now() + 120s;
  while (exporter.dropped_count() < 5 && std::chrono::steady_clock::now() < end) {
    std::this_thread::sleep_for(10ms);
  }
  EXPECT_EQ(exporter.dropped_count(), 5U);
}

}  // namespace
}  // namespace asterism::server
