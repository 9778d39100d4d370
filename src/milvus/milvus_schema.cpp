#include "milvus/milvus_schema.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "store/schema.hpp"

namespace asterism {
namespace {

using Parameters = google::protobuf::RepeatedPtrField<milvus_common::KeyValuePair>;

constexpr std::size_t kKindSizeBytesMax = 16;

std::string_view find_parameter(const Parameters& parameters, std::string_view key) {
  const auto found = std::ranges::find(parameters, key, &milvus_common::KeyValuePair::key);
  return found == parameters.end() ? std::string_view() : std::string_view(found->value());
}

milvus_schema::FieldSchema& add_field(milvus_schema::CollectionSchema& schema, const char* name,
                                      milvus_schema::DataType type) {
  auto& field = *schema.add_fields();
  field.set_name(name);
  field.set_data_type(type);
  return field;
}

milvus_schema::FieldSchema& add_text(milvus_schema::CollectionSchema& schema, const char* name,
                                     std::size_t size_bytes_max) {
  auto& field = add_field(schema, name, milvus_schema::VarChar);
  add_parameter(*field.mutable_type_params(), "max_length", std::to_string(size_bytes_max));
  return field;
}

}  // namespace

void add_parameter(Parameters& parameters, std::string_view key, std::string_view value) {
  auto& parameter = *parameters.Add();
  parameter.set_key(std::string(key));
  parameter.set_value(std::string(value));
}

std::string_view milvus_metric(Metric metric) {
  switch (metric) {
    case Metric::kDot:
      return "IP";
    case Metric::kEuclidean:
      return "L2";
    case Metric::kCosine:
      break;
  }
  return "COSINE";
}

Result<void> check_milvus_settings(const CollectionSettings& settings) {
  if (auto checked = check_settings(settings); !checked) {
    return checked;
  }
  if (settings.vector_type != VectorType::kF32) {
    return fail(
        ErrorCode::kUnsupported,
        fmt::format("a milvus collection keeps vectors as f32, found {}", vector_type_name(settings.vector_type)),
        "make it with f32, or keep it in a folder");
  }
  if (!settings.text_columns.empty()) {
    return fail(ErrorCode::kUnsupported, "a milvus collection has no search by keywords, so no text columns",
                "leave them out, or keep it in a folder");
  }
  return {};
}

milvus::CreateCollectionRequest milvus_create_request(const std::string& name, const CollectionSettings& settings) {
  const auto json = settings_json(settings);
  milvus_schema::CollectionSchema schema;
  schema.set_name(name);
  schema.set_description(json);
  add_text(schema, kMilvusId, kItemIdSizeBytesMax).set_is_primary_key(true);
  add_field(schema, kMilvusSlot, milvus_schema::Int64);
  add_text(schema, kMilvusKind, kKindSizeBytesMax);
  add_text(schema, kMilvusContent, kMilvusTextSizeBytesMax).set_nullable(true);
  add_text(schema, kMilvusDigest, kMilvusDigestSizeBytesMax);
  add_field(schema, kMilvusMetadata, milvus_schema::JSON);
  auto& vector = add_field(schema, kMilvusVector, milvus_schema::FloatVector);
  add_parameter(*vector.mutable_type_params(), "dim", std::to_string(settings.dim));

  milvus::CreateCollectionRequest request;
  request.set_schema(schema.SerializeAsString());
  request.set_consistency_level(milvus_common::Strong);
  add_parameter(*request.mutable_properties(), kMilvusSettingsProperty, json);
  return request;
}

Result<CollectionSettings> read_milvus_settings(const milvus::DescribeCollectionResponse& description,
                                                std::string_view shown) {
  const auto property = find_parameter(description.properties(), kMilvusSettingsProperty);
  const auto& text = description.schema().description();
  if (property.empty() && !text.starts_with('{')) {
    return fail(ErrorCode::kMismatch,
                fmt::format("{}: expected a collection made by Asterism, found one without its settings", shown),
                "give it another name, or make it with `asterism collection create`");
  }
  auto settings = parse_settings(property.empty() ? std::string_view(text) : property, shown);
  if (!settings) {
    return settings;
  }
  if (auto checked = check_milvus_settings(*settings); !checked) {
    return std::unexpected(std::move(checked.error()));
  }
  for (const char* name : {kMilvusId, kMilvusSlot, kMilvusKind, kMilvusContent, kMilvusDigest, kMilvusMetadata}) {
    if (std::ranges::find(description.schema().fields(), name, &milvus_schema::FieldSchema::name) ==
        description.schema().fields().end()) {
      return fail(ErrorCode::kCorrupt, fmt::format("{}: expected the field '{}', found none", shown, name));
    }
  }
  const auto& fields = description.schema().fields();
  const auto vector = std::ranges::find(fields, kMilvusVector, &milvus_schema::FieldSchema::name);
  const auto dim = vector == fields.end() ? std::string_view() : find_parameter(vector->type_params(), "dim");
  if (dim != std::to_string(settings->dim)) {
    return fail(ErrorCode::kCorrupt, fmt::format("{}: expected vectors of {} components, as its settings say, found {}",
                                                 shown, settings->dim, dim.empty() ? "none" : dim));
  }
  return settings;
}

milvus::CreateIndexRequest milvus_index_request(Metric metric, std::string_view type) {
  milvus::CreateIndexRequest request;
  request.set_field_name(kMilvusVector);
  request.set_index_name(kMilvusVector);
  auto& parameters = *request.mutable_extra_params();
  add_parameter(parameters, "index_type", type);
  add_parameter(parameters, "metric_type", milvus_metric(metric));
  if (type == "HNSW") {
    add_parameter(parameters, "params",
                  fmt::format(R"({{"M":{},"efConstruction":{}}})", kMilvusLinkCount, kMilvusBuildExpansion));
  }
  return request;
}

}  // namespace asterism
