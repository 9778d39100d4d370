// What a collection is in Milvus. Internal to the module.
//
//   id         VarChar, primary key: the item's id, so it must be text (UTF-8)
//   slot       Int64: grows with every write, so that items have an order; microseconds since 1970 where none was
//   higher kind       VarChar: "vector", "text", "image" content    VarChar or null: the text, or the path of the image
//   digest     VarChar: Item::content_sha256, empty where there is none
//   metadata   JSON
//   vector     FloatVector [dim], with an HNSW index (AUTOINDEX where the server has none)
//
// The settings are JSON in the property kMilvusSettingsProperty and, for servers that forget properties, in the
// description. Thread-safety: pure.
#pragma once

#include <milvus_proto/milvus.pb.h>

#include <cstddef>
#include <string>
#include <string_view>

#include "asterism/collection.hpp"
#include "asterism/error.hpp"
#include "milvus/milvus_connection.hpp"

namespace asterism {

inline constexpr const char* kMilvusSettingsProperty = "asterism.settings";
inline constexpr const char* kMilvusId = "id";
inline constexpr const char* kMilvusSlot = "slot";
inline constexpr const char* kMilvusKind = "kind";
inline constexpr const char* kMilvusContent = "content";
inline constexpr const char* kMilvusDigest = "digest";
inline constexpr const char* kMilvusMetadata = "metadata";
inline constexpr const char* kMilvusVector = "vector";

// Milvus's limits.
inline constexpr std::size_t kMilvusTextSizeBytesMax = 65'535;      // of a VarChar
inline constexpr std::size_t kMilvusMetadataSizeBytesMax = 65'536;  // of JSON
inline constexpr std::size_t kMilvusDigestSizeBytesMax = 64;
inline constexpr std::size_t kMilvusResultCountMax = 16'384;  // hits of one search
// HNSW: links of a node, and candidates while building. pymilvus and VectorDBBench have the same or nearly so.
inline constexpr int kMilvusLinkCount = 16;
inline constexpr int kMilvusBuildExpansion = 200;
inline constexpr std::size_t kMilvusExpansionDefault = 64;

// "COSINE", "IP", "L2".
std::string_view milvus_metric(Metric metric);

// kUnsupported for what Milvus does not keep: vectors that are not f32, columns that keywords are sought in.
Result<void> check_milvus_settings(const CollectionSettings& settings);
milvus::CreateCollectionRequest milvus_create_request(const std::string& name, const CollectionSettings& settings);
// kMismatch for a collection that is not ours; kCorrupt where its fields are not those of its settings.
Result<CollectionSettings> read_milvus_settings(const milvus::DescribeCollectionResponse& description,
                                                std::string_view shown);

// The index on the vectors, "HNSW" or "AUTOINDEX".
milvus::CreateIndexRequest milvus_index_request(Metric metric, std::string_view type);

void add_parameter(google::protobuf::RepeatedPtrField<milvus_common::KeyValuePair>& parameters, std::string_view key,
                   std::string_view value);

}  // namespace asterism
