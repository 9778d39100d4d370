// What a milvus:// URL says. Internal to the module. Thread-safety: pure.
#pragma once

#include <string>

#include "asterism/error.hpp"
#include "store/vector_store.hpp"

namespace asterism {

struct MilvusAddress {
  std::string shown = {};     // the URL without its password, for messages
  std::string target = {};    // "host:19530", as gRPC takes it
  std::string user = {};      // with a password, or alone: a token
  std::string password = {};  //
  std::string database = {};  // empty: the server's default
  std::string collection = {};
  bool tls = false;

  // What Milvus takes as `authorization`; empty without a user.
  std::string authorization() const;
};

// "milvus://[user[:password]@]host[:19530][/database]", milvuss:// for TLS; user, password and database may be
// percent-encoded. kInvalidArgument says what is wrong: no host, a port that is none, an unknown parameter, a name of a
// collection that Milvus does not allow.
Result<MilvusAddress> parse_milvus_address(const StoreLocation& location);

}  // namespace asterism
