// Calls to a Milvus server. Internal to the module.
//
// Every call has a deadline. What the server calls retriable, and what never reached it, is tried again after a pause
// that doubles; what it refuses is an error at once. Errors name the address and the call.
//
// Ownership: owns its channel. Thread-safety: calls may be made from any number of threads.
#pragma once

#include <grpcpp/grpcpp.h>
#include <milvus_proto/milvus.grpc.pb.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "asterism/cancel.hpp"
#include "asterism/error.hpp"
#include "milvus/milvus_address.hpp"

namespace asterism {

namespace milvus = ::milvus::proto::milvus;
namespace milvus_common = ::milvus::proto::common;
namespace milvus_schema = ::milvus::proto::schema;

inline constexpr std::chrono::seconds kMilvusCallTimeout{60};
inline constexpr int kMilvusAttemptCountMax = 6;

struct MilvusCall {
  std::string_view name;                                   // "Search": for messages
  std::chrono::milliseconds timeout = kMilvusCallTimeout;  // of all attempts together
  // Whether doing it twice is the same as doing it once: only then is it repeated when the answer was lost.
  bool is_repeatable = true;
};

class MilvusConnection {
 public:
  // Greets the server. kNetwork where there is none, kInvalidArgument where it does not let the user in.
  static Result<MilvusConnection> open(const MilvusAddress& address, const CancelFlag* cancel);

  const MilvusAddress& address() const noexcept { return address_; }
  // kCancelled once the caller wants no more.
  Result<void> check_cancelled() const;
  // Waits, unless cancelled meanwhile.
  Result<void> pause(std::chrono::milliseconds duration) const;

  template <typename Request, typename Response>
  using Method = ::grpc::Status (milvus::MilvusService::Stub::*)(::grpc::ClientContext*, const Request&, Response*);

  // The request's database and collection are filled in.
  template <typename Request, typename Response>
  Result<Response> call(Method<Request, Response> method, const MilvusCall& call, Request request) const {
    request.set_db_name(address_.database);
    if constexpr (requires { request.set_collection_name(std::string()); }) {
      request.set_collection_name(address_.collection);
    }
    return send<Request, Response>(method, call, request);
  }

 private:
  MilvusConnection(MilvusAddress address, const CancelFlag* cancel);
  Result<void> greet();

  struct Reply {
    ::grpc::Status transport;
    milvus_common::Status status;
  };
  Result<void> repeat(const MilvusCall& call, const std::function<Reply(::grpc::ClientContext&)>& attempt) const;

  template <typename Request, typename Response>
  Result<Response> send(Method<Request, Response> method, const MilvusCall& call, const Request& request) const {
    Response response;
    auto done = repeat(call, [&](::grpc::ClientContext& context) {
      response.Clear();
      const auto transport = (stub_.get()->*method)(&context, request, &response);
      if constexpr (std::is_same_v<Response, milvus_common::Status>) {
        return Reply{transport, response};
      } else {
        return Reply{transport, response.status()};
      }
    });
    if (!done) {
      return std::unexpected(std::move(done.error()));
    }
    return response;
  }

  MilvusAddress address_;
  const CancelFlag* cancel_;  // borrowed; may be null
  std::string authorization_;
  std::string identifier_;
  std::unique_ptr<milvus::MilvusService::Stub> stub_;
};

}  // namespace asterism
