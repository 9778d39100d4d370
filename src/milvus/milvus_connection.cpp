#include "milvus/milvus_connection.hpp"

#include <fmt/format.h>
#include <google/protobuf/stubs/logging.h>
#include <grpc/support/log.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <limits>
#include <mutex>
#include <thread>

#include "asterism/version.hpp"

namespace asterism {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kPauseFirst{100};
constexpr milliseconds kPauseMax{2'000};
constexpr milliseconds kCancelPoll{50};

// Codes of common.Status that are acted upon; from Milvus's pkg/util/merr and, for those of old servers, common.proto.
constexpr std::int32_t kCodeRateLimit = 8;
constexpr std::int32_t kCodeCollectionNotFound = 100;
constexpr std::int32_t kCodeDatabaseNotFound = 800;
constexpr std::int32_t kCodeParameterInvalid = 1100;
constexpr std::int32_t kCodeParameterMissing = 1101;
constexpr std::int32_t kCodeParameterTooLarge = 1102;
constexpr std::int32_t kCodePrivilegeNotAuthenticated = 1400;
constexpr std::int32_t kCodePrivilegeNotPermitted = 1401;
constexpr std::int32_t kOldCodePermissionDenied = 3;
constexpr std::int32_t kOldCodeCollectionNotFound = 4;

// The library prints nothing; gRPC and protobuf would, on standard error, what they also return.
void silence_libraries() {
  static std::once_flag once;
  std::call_once(once, [] {
    google::protobuf::SetLogHandler(nullptr);
    if (std::getenv("GRPC_VERBOSITY") == nullptr) {  // NOLINT(concurrency-mt-unsafe)
      ::gpr_set_log_function([](gpr_log_func_args*) {});
    }
  });
}

std::string host_name() {
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "";
}

bool is_success(const milvus_common::Status& status) {
  return status.code() == 0 && status.error_code() == 0;
}

bool is_retriable(const ::grpc::Status& transport, const milvus_common::Status& status, const MilvusCall& call) {
  if (transport.error_code() == ::grpc::StatusCode::UNAVAILABLE) {
    return call.is_repeatable;
  }
  return transport.ok() && (status.code() == kCodeRateLimit || (status.retriable() && call.is_repeatable));
}

Error refused(const MilvusAddress& address, const MilvusCall& call, const std::string& reason) {
  return {ErrorCode::kInvalidArgument,
          fmt::format("{}: {}: expected a user that may do this, found: {}", address.shown, call.name, reason),
          "give user and password in the URL: milvus://user:password@host:19530/database"};
}

Error transport_error(const MilvusAddress& address, const MilvusCall& call, const ::grpc::Status& transport) {
  const auto& reason = transport.error_message();
  switch (transport.error_code()) {
    case ::grpc::StatusCode::UNAVAILABLE:
      return {ErrorCode::kNetwork,
              fmt::format("{}: expected a Milvus server at {}, found none: {}", address.shown, address.target, reason),
              "start it, or mend host and port; a server with TLS has milvuss://"};
    case ::grpc::StatusCode::DEADLINE_EXCEEDED:
      return {ErrorCode::kNetwork,
              fmt::format("{}: {}: expected an answer within {} s, found none", address.shown, call.name,
                          std::chrono::duration_cast<std::chrono::seconds>(call.timeout).count()),
              "the server may be overloaded, or out of reach: look at it, then try again"};
    case ::grpc::StatusCode::UNAUTHENTICATED:
    case ::grpc::StatusCode::PERMISSION_DENIED:
      return refused(address, call, reason);
    case ::grpc::StatusCode::UNIMPLEMENTED:
      return {ErrorCode::kUnsupported,
              fmt::format("{}: {}: the server does not know this call: {}", address.shown, call.name, reason),
              "Milvus 2.5 or newer, or milvus-lite 3, does"};
    case ::grpc::StatusCode::RESOURCE_EXHAUSTED:
      return {ErrorCode::kLimitExceeded,
              fmt::format("{}: {}: more than the server takes: {}", address.shown, call.name, reason),
              {}};
    default:
      return {ErrorCode::kNetwork,
              fmt::format("{}: {}: {} (gRPC code {})", address.shown, call.name, reason,
                          static_cast<int>(transport.error_code())),
              {}};
  }
}

Error status_error(const MilvusAddress& address, const MilvusCall& call, const milvus_common::Status& status) {
  const auto message = fmt::format("{}: {}: {}", address.shown, call.name, status.reason());
  // 4 means something else where there is a code.
  const bool is_old = status.code() == 0;
  if (status.code() == kCodeCollectionNotFound || (is_old && status.error_code() == kOldCodeCollectionNotFound)) {
    return {ErrorCode::kNotFound, fmt::format("{}: there is no collection of that name", address.shown), {}};
  }
  if (is_old && status.error_code() == kOldCodePermissionDenied) {
    return refused(address, call, status.reason());
  }
  switch (status.code()) {
    case kCodeDatabaseNotFound:
      return {ErrorCode::kNotFound, message, "make the database first, or leave it out of the URL"};
    case kCodePrivilegeNotAuthenticated:
    case kCodePrivilegeNotPermitted:
      return refused(address, call, status.reason());
    case kCodeParameterInvalid:
    case kCodeParameterMissing:
      return {ErrorCode::kInvalidArgument, message, {}};
    case kCodeParameterTooLarge:
      return {ErrorCode::kLimitExceeded, message, {}};
    case kCodeRateLimit:
      return {ErrorCode::kNetwork, message, "the server limits how much it is asked: try again later"};
    default:
      return {ErrorCode::kNetwork, fmt::format("{} (Milvus code {})", message, status.code()), {}};
  }
}

}  // namespace

MilvusConnection::MilvusConnection(MilvusAddress address, const CancelFlag* cancel)
    : address_(std::move(address)), cancel_(cancel), authorization_(address_.authorization()) {
  ::grpc::ChannelArguments arguments;
  // What a server sends is bounded by what is asked of it.
  arguments.SetMaxReceiveMessageSize(-1);
  arguments.SetMaxSendMessageSize(-1);
  // Else the channel would not look again before our own pauses are over.
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, static_cast<int>(kPauseFirst.count()));
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, static_cast<int>(kPauseMax.count()));
  const auto credentials =
      address_.tls ? ::grpc::SslCredentials(::grpc::SslCredentialsOptions()) : ::grpc::InsecureChannelCredentials();
  stub_ = milvus::MilvusService::NewStub(::grpc::CreateCustomChannel(address_.target, credentials, arguments));
}

Result<MilvusConnection> MilvusConnection::open(const MilvusAddress& address, const CancelFlag* cancel) {
  silence_libraries();
  MilvusConnection connection(address, cancel);
  if (auto greeted = connection.greet(); !greeted) {
    return std::unexpected(std::move(greeted.error()));
  }
  return connection;
}

Result<void> MilvusConnection::greet() {
  milvus::ConnectRequest request;
  auto& client = *request.mutable_client_info();
  client.set_sdk_type("asterism");
  client.set_sdk_version(std::string(kVersion));
  client.set_user(address_.user);
  client.set_host(host_name());
  const auto answer =
      send(&milvus::MilvusService::Stub::Connect, {.name = "Connect", .timeout = std::chrono::seconds(10)}, request);
  if (answer) {
    identifier_ = std::to_string(answer->identifier());
    return {};
  }
  // Small servers need no greeting.
  return answer.error().code == ErrorCode::kUnsupported ? Result<void>{} : std::unexpected(answer.error());
}

Result<void> MilvusConnection::check_cancelled() const {
  if (cancel_ != nullptr && cancel_->requested()) {
    return fail(ErrorCode::kCancelled, fmt::format("{}: stopped", address_.shown));
  }
  return {};
}

Result<void> MilvusConnection::pause(milliseconds duration) const {
  for (auto left = duration; left.count() > 0; left -= kCancelPoll) {
    if (auto checked = check_cancelled(); !checked) {
      return checked;
    }
    std::this_thread::sleep_for(std::min(left, kCancelPoll));
  }
  return check_cancelled();
}

Result<void> MilvusConnection::repeat(const MilvusCall& call,
                                      const std::function<Reply(::grpc::ClientContext&)>& attempt) const {
  const auto deadline = std::chrono::system_clock::now() + call.timeout;
  auto pause_duration = kPauseFirst;
  for (int attempt_count = 1;; ++attempt_count) {
    if (auto checked = check_cancelled(); !checked) {
      return checked;
    }
    ::grpc::ClientContext context;
    context.set_deadline(deadline);
    if (!authorization_.empty()) {
      context.AddMetadata("authorization", authorization_);
    }
    if (!identifier_.empty()) {
      context.AddMetadata("identifier", identifier_);
    }
    if (!address_.database.empty()) {
      context.AddMetadata("dbname", address_.database);
    }
    const auto reply = attempt(context);
    if (reply.transport.ok() && is_success(reply.status)) {
      return {};
    }
    if (!is_retriable(reply.transport, reply.status, call) || attempt_count == kMilvusAttemptCountMax ||
        std::chrono::system_clock::now() + pause_duration >= deadline) {
      return std::unexpected(reply.transport.ok() ? status_error(address_, call, reply.status)
                                                  : transport_error(address_, call, reply.transport));
    }
    if (auto paused = pause(pause_duration); !paused) {
      return paused;
    }
    pause_duration = std::min(pause_duration * 2, kPauseMax);
  }
}

}  // namespace asterism
