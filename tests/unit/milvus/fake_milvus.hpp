// A Milvus inside the test: answers what it was told to, fails as it was told to, and remembers what it was asked.
#pragma once

#include <grpcpp/grpcpp.h>
#include <milvus_proto/milvus.grpc.pb.h>

#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "milvus/milvus_connection.hpp"

namespace asterism {

class FakeMilvus final : public milvus::MilvusService::Service {
 public:
  FakeMilvus() {
    ::grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", ::grpc::InsecureServerCredentials(), &port_);
    builder.RegisterService(this);
    server_ = builder.BuildAndStart();
  }
  ~FakeMilvus() override { server_->Shutdown(std::chrono::system_clock::now()); }

  StoreLocation location(const std::string& user = {}) const {
    return *parse_location("milvus://" + user + "127.0.0.1:" + std::to_string(port_) + "/things?collection=fake");
  }

  // The next call of that name ends so.
  struct Failure {
    ::grpc::Status transport = ::grpc::Status::OK;
    std::int32_t code = 0;
    bool is_retriable = false;
    std::int32_t error_code = 0;
  };
  void fail_next(const std::string& call, const Failure& failure) { failures_[call].push_back(failure); }
  int count(const std::string& call) { return counts_[call]; }
  const std::multimap<std::string, std::string>& metadata() const { return metadata_; }

  // Answers of Query in their order, then empty ones; the answer of Search.
  std::deque<milvus::QueryResults> queries;
  milvus::SearchResults search;
  // What came.
  std::vector<milvus::QueryRequest> asked_queries;
  std::vector<milvus::SearchRequest> asked_searches;
  std::vector<milvus::UpsertRequest> upserts;
  std::vector<std::string> index_types;
  std::optional<milvus::CreateCollectionRequest> created;

 private:
  using Context = ::grpc::ServerContext;

  ::grpc::Status next(const std::string& call, const Context& context, milvus_common::Status& status) {
    ++counts_[call];
    metadata_.clear();
    for (const auto& [key, value] : context.client_metadata()) {
      metadata_.emplace(std::string(key.data(), key.size()), std::string(value.data(), value.size()));
    }
    auto& failures = failures_[call];
    if (failures.empty()) {
      return ::grpc::Status::OK;
    }
    const auto failure = failures.front();
    failures.pop_front();
    status.set_code(failure.code);
    status.set_error_code(failure.error_code);
    status.set_retriable(failure.is_retriable);
    status.set_reason("as told");
    return failure.transport;
  }

  ::grpc::Status Connect(Context* context, const milvus::ConnectRequest*, milvus::ConnectResponse* answer) override {
    answer->set_identifier(77);
    return next("Connect", *context, *answer->mutable_status());
  }
  ::grpc::Status CreateCollection(Context* context, const milvus::CreateCollectionRequest* request,
                                  milvus_common::Status* answer) override {
    const auto status = next("CreateCollection", *context, *answer);
    if (status.ok() && answer->code() == 0) {
      created = *request;
    }
    return status;
  }
  ::grpc::Status DescribeCollection(Context* context, const milvus::DescribeCollectionRequest*,
                                    milvus::DescribeCollectionResponse* answer) override {
    if (!created) {
      answer->mutable_status()->set_code(100);
    } else {
      answer->mutable_schema()->ParseFromString(created->schema());
      *answer->mutable_properties() = created->properties();
    }
    return next("DescribeCollection", *context, *answer->mutable_status());
  }
  ::grpc::Status DropCollection(Context* context, const milvus::DropCollectionRequest*,
                                milvus_common::Status* answer) override {
    created.reset();
    return next("DropCollection", *context, *answer);
  }
  ::grpc::Status CreateIndex(Context* context, const milvus::CreateIndexRequest* request,
                             milvus_common::Status* answer) override {
    index_types.push_back(request->extra_params(0).value());
    return next("CreateIndex", *context, *answer);
  }
  ::grpc::Status LoadCollection(Context* context, const milvus::LoadCollectionRequest*,
                                milvus_common::Status* answer) override {
    return next("LoadCollection", *context, *answer);
  }
  ::grpc::Status GetLoadState(Context* context, const milvus::GetLoadStateRequest*,
                              milvus::GetLoadStateResponse* answer) override {
    // Loaded when asked for the second time.
    answer->set_state(counts_["GetLoadState"] == 0 ? milvus_common::LoadStateLoading : milvus_common::LoadStateLoaded);
    return next("GetLoadState", *context, *answer->mutable_status());
  }
  ::grpc::Status Upsert(Context* context, const milvus::UpsertRequest* request,
                        milvus::MutationResult* answer) override {
    upserts.push_back(*request);
    return next("Upsert", *context, *answer->mutable_status());
  }
  ::grpc::Status Query(Context* context, const milvus::QueryRequest* request, milvus::QueryResults* answer) override {
    asked_queries.push_back(*request);
    if (!queries.empty()) {
      *answer = queries.front();
      queries.pop_front();
    }
    return next("Query", *context, *answer->mutable_status());
  }
  ::grpc::Status Search(Context* context, const milvus::SearchRequest* request,
                        milvus::SearchResults* answer) override {
    asked_searches.push_back(*request);
    *answer = search;
    return next("Search", *context, *answer->mutable_status());
  }

  int port_ = 0;
  std::map<std::string, std::deque<Failure>> failures_;
  std::map<std::string, int> counts_;
  std::multimap<std::string, std::string> metadata_;
  std::unique_ptr<::grpc::Server> server_;
};

}  // namespace asterism
