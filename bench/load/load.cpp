#include "load/load.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <deque>
#include <optional>
#include <utility>

#include "load/answer_reader.hpp"

namespace asterism::load {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::nanoseconds;

constexpr std::size_t kFirstCount = 64;
constexpr std::size_t kReadSizeBytes = std::size_t{256} << 10;
constexpr std::size_t kEventCount = 256;
// So many failed connections in a row, without one answer between them: nobody is there.
constexpr std::size_t kConnectFailureCountMax = 256;

double processor_seconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

class Descriptor {
 public:
  explicit Descriptor(int value = -1) : value_(value) {}
  ~Descriptor() { close(); }
  Descriptor(Descriptor&& other) noexcept : value_(std::exchange(other.value_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(value_, other.value_);
    return *this;
  }
  void close() {
    if (value_ >= 0) {
      ::close(std::exchange(value_, -1));
    }
  }
  int get() const noexcept { return value_; }

 private:
  int value_;
};

struct Client {
  Descriptor socket;
  bool connected = false;
  bool counted = false;                  // its request is
  std::optional<Clock::time_point> due;  // of the request in flight
  std::string_view unsent;
  AnswerReader answer;
};

class Run {
 public:
  Run(const LoadOptions& options, const std::vector<std::string>& bodies, const sockaddr_in& address)
      : options_(options), address_(address), poll_(::epoll_create1(EPOLL_CLOEXEC)), buffer_(kReadSizeBytes) {
    std::string headers;
    for (const std::string& header : options.headers) {
      headers += header + "\r\n";
    }
    for (const std::string& body : bodies) {
      requests_.push_back(
          fmt::format("POST {} HTTP/1.1\r\nhost: {}:{}\r\ncontent-type: application/json\r\n{}"
                      "content-length: {}\r\n\r\n{}",
                      options.path, options.host, options.port, headers, body.size(), body));
    }
    clients_.resize(options.client_count);
    if (options.rate > 0.0) {
      interval_ = nanoseconds(std::max<std::int64_t>(1, static_cast<std::int64_t>(1e9 / options.rate)));
    }
  }

  Result<LoadReport> run();

 private:
  bool open_loop() const { return interval_.count() > 0; }
  bool sending(Clock::time_point now) const {
    return now < end_ && (options_.request_count_max == 0 || sent_count_ < options_.request_count_max);
  }
  Result<void> connect(Client& client);
  void reconnect(Client& client);
  void begin(Client& client, Clock::time_point due);
  void write(Client& client);
  void read(Client& client);
  void finish(Client& client);
  void fail_connection(Client& client);
  void watch(Client& client, std::uint32_t events, int operation);
  void take_due(Clock::time_point now);
  nanoseconds time_to_wait(Clock::time_point now) const;
  void handle(const epoll_event& event);
  Result<void> loop();

  const LoadOptions& options_;
  sockaddr_in address_;
  Descriptor poll_;
  std::vector<char> buffer_;
  std::vector<std::string> requests_;
  std::vector<Client> clients_;
  std::vector<Client*> idle_;
  std::deque<Clock::time_point> waiting_;  // due, and no client was free
  nanoseconds interval_{0};
  Clock::time_point counted_from_, end_, next_due_;
  Clock::time_point first_edge_, last_edge_;  // the last answers before the counted time, and within it
  std::size_t sent_count_ = 0;
  std::size_t due_count_ = 0;
  std::size_t busy_count_ = 0;
  std::size_t connect_failure_count_ = 0;  // in a row
  LoadReport report_;
};

void Run::watch(Client& client, std::uint32_t events, int operation) {
  epoll_event event{.events = events, .data = {.ptr = &client}};
  ::epoll_ctl(poll_.get(), operation, client.socket.get(), &event);
}

Result<void> Run::connect(Client& client) {
  client.socket = Descriptor(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (client.socket.get() < 0) {
    return fail(ErrorCode::kLimitExceeded,
                fmt::format("{} clients: expected a socket for each, found: {}", clients_.size(), std::strerror(errno)),
                "raise the limit of open files (ulimit -n)");
  }
  const int on = 1;
  ::setsockopt(client.socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  client.connected = false;
  const int connected = ::connect(client.socket.get(), reinterpret_cast<const sockaddr*>(&address_), sizeof(address_));
  if (connected != 0 && errno != EINPROGRESS) {
    return fail(ErrorCode::kNetwork,
                fmt::format("{}:{}: expected a server, found: {}", options_.host, options_.port, std::strerror(errno)));
  }
  watch(client, EPOLLIN | EPOLLOUT | EPOLLRDHUP, EPOLL_CTL_ADD);
  return {};
}

void Run::reconnect(Client& client) {
  client.socket.close();
  if (!connect(client)) {
    ++connect_failure_count_;
    ++report_.connect_error_count;
  }
}

void Run::begin(Client& client, Clock::time_point due) {
  client.due = due;
  client.counted = due >= counted_from_;
  client.answer.reset();
  client.unsent = requests_[sent_count_ % requests_.size()];
  ++sent_count_;
  report_.busy_client_count_max = std::max(report_.busy_client_count_max, ++busy_count_);
  write(client);
}

void Run::write(Client& client) {
  while (!client.unsent.empty()) {
    const ssize_t size = ::send(client.socket.get(), client.unsent.data(), client.unsent.size(), MSG_NOSIGNAL);
    if (size < 0) {
      if (errno == EAGAIN) {
        watch(client, EPOLLIN | EPOLLOUT | EPOLLRDHUP, EPOLL_CTL_MOD);
      } else if (errno != EINTR) {
        fail_connection(client);
        return;
      }
      return;
    }
    client.unsent.remove_prefix(static_cast<std::size_t>(size));
  }
}

void Run::read(Client& client) {
  const ssize_t size = ::recv(client.socket.get(), buffer_.data(), buffer_.size(), 0);
  if (size < 0 && (errno == EAGAIN || errno == EINTR)) {
    return;
  }
  if (size <= 0 || !client.due) {
    fail_connection(client);
    return;
  }
  switch (client.answer.take({buffer_.data(), static_cast<std::size_t>(size)})) {
    case AnswerState::kPartial:
      return;
    case AnswerState::kBroken:
      ++report_.invalid_count;
      fail_connection(client);
      return;
    case AnswerState::kWhole:
      finish(client);
  }
}

void Run::finish(Client& client) {
  const auto now = Clock::now();
  const int status = client.answer.status();
  ++report_.answer_count;
  if (now < counted_from_) {
    first_edge_ = now;
  } else if (now < end_) {
    last_edge_ = now;
    report_.accepted_in_time_count += status == 200 ? 1U : 0U;
  }
  if (client.counted) {
    ++report_.statuses[status];
    (status == 200 ? report_.accepted : report_.refused).record(now - *client.due);
    if (report_.first_ms.size() < kFirstCount) {
      report_.first_ms.push_back(milliseconds(now - *client.due));
    }
  }
  if (status == 200 && options_.dim > 0 && count_vectors(client.answer.body(), options_.dim) != options_.vector_count) {
    ++report_.invalid_count;
  }
  client.due.reset();
  --busy_count_;
  connect_failure_count_ = 0;
  if (!client.answer.keeps_alive()) {
    reconnect(client);
  } else if (open_loop()) {
    idle_.push_back(&client);
  } else if (sending(now)) {
    begin(client, now);
  }
}

void Run::fail_connection(Client& client) {
  if (client.due) {
    ++report_.connect_error_count;
    report_.lost_count += client.counted ? 1 : 0;
    client.due.reset();
    --busy_count_;
  } else if (!client.connected) {
    ++report_.connect_error_count;
    ++connect_failure_count_;
  }
  std::erase(idle_, &client);
  if (sending(Clock::now())) {
    reconnect(client);
  } else {
    client.socket.close();
  }
}

// Requests whose time has come, to clients that are free.
void Run::take_due(Clock::time_point now) {
  while (next_due_ <= now && next_due_ < end_ &&
         (options_.request_count_max == 0 || due_count_ < options_.request_count_max)) {
    waiting_.push_back(next_due_);
    next_due_ += interval_;
    ++due_count_;
  }
  while (!waiting_.empty() && !idle_.empty()) {
    Client& client = *idle_.back();
    idle_.pop_back();
    const auto due = waiting_.front();
    waiting_.pop_front();
    begin(client, due);
  }
}

nanoseconds Run::time_to_wait(Clock::time_point now) const {
  const auto end = now < end_ ? end_ : end_ + options_.patience;
  const auto until = open_loop() && now < end_ ? std::min(next_due_, end) : end;
  return std::max(nanoseconds(0), nanoseconds(until - now));
}

void Run::handle(const epoll_event& event) {
  Client& client = *static_cast<Client*>(event.data.ptr);
  if ((event.events & (EPOLLERR | EPOLLHUP)) != 0) {
    fail_connection(client);
    return;
  }
  if ((event.events & EPOLLOUT) != 0) {
    watch(client, EPOLLIN | EPOLLRDHUP, EPOLL_CTL_MOD);
    if (!std::exchange(client.connected, true)) {
      if (open_loop()) {
        idle_.push_back(&client);
      } else if (const auto now = Clock::now(); sending(now)) {
        begin(client, now);
      }
    } else {
      write(client);
    }
  }
  if ((event.events & (EPOLLIN | EPOLLRDHUP)) != 0) {
    read(client);
  }
}

Result<void> Run::loop() {
  std::array<epoll_event, kEventCount> events;
  for (;;) {
    const auto now = Clock::now();
    if (open_loop()) {
      take_due(now);
    }
    const bool over = !sending(now) && (!open_loop() || waiting_.empty());
    if ((over && busy_count_ == 0) || now >= end_ + options_.patience) {
      return {};
    }
    if (connect_failure_count_ > kConnectFailureCountMax) {
      return fail(ErrorCode::kNetwork, fmt::format("{}:{}: expected a server that answers, found {} failed connections",
                                                   options_.host, options_.port, connect_failure_count_));
    }
    const nanoseconds wait = time_to_wait(now);
    const timespec timeout{.tv_sec = wait.count() / 1'000'000'000, .tv_nsec = wait.count() % 1'000'000'000};
    const int count = ::epoll_pwait2(poll_.get(), events.data(), static_cast<int>(events.size()), &timeout, nullptr);
    for (int i = 0; i < count; ++i) {
      handle(events[static_cast<std::size_t>(i)]);
    }
  }
}

Result<LoadReport> Run::run() {
  const double processor_before = processor_seconds();
  const auto start = Clock::now();
  counted_from_ = start + options_.warm_up;
  end_ = counted_from_ + options_.duration;
  next_due_ = start;
  first_edge_ = last_edge_ = counted_from_;
  for (Client& client : clients_) {
    if (auto connected = connect(client); !connected) {
      return std::unexpected(connected.error());
    }
  }
  if (auto done = loop(); !done) {
    return std::unexpected(done.error());
  }
  for (const Client& client : clients_) {
    report_.lost_count += client.due && client.counted ? 1U : 0U;
  }
  report_.lost_count += static_cast<std::uint64_t>(
      std::ranges::count_if(waiting_, [this](Clock::time_point due) { return due >= counted_from_; }));
  // A server whose answers come more seldom than that is cut within its batch: then the whole time counts.
  const bool by_requests = options_.request_count_max > 0 && sent_count_ == options_.request_count_max;
  const auto over = by_requests || last_edge_ > counted_from_ + options_.duration / 2 ? last_edge_ : end_;
  report_.seconds = std::chrono::duration<double>(over - first_edge_).count();
  report_.processor_seconds = processor_seconds() - processor_before;
  return std::move(report_);
}

}  // namespace

Result<LoadReport> run_load(const LoadOptions& options, const std::vector<std::string>& bodies) {
  if (bodies.empty() || options.client_count == 0) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("load: expected bodies and clients, found {} and {}", bodies.size(), options.client_count));
  }
  sockaddr_in address{.sin_family = AF_INET, .sin_port = htons(options.port), .sin_addr = {}, .sin_zero = {}};
  if (::inet_pton(AF_INET, options.host.c_str(), &address.sin_addr) != 1) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("load: expected the IPv4 address of a server, found \"{}\"", options.host));
  }
  return Run(options, bodies, address).run();
}

}  // namespace asterism::load
