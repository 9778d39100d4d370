#include "service/collection_json.hpp"

#include <utility>

#include "base/base64.hpp"

namespace asterism::service {

Json item_json(const Item& item, const ItemParts& parts) {
  Json json;
  json["id"] = item.id;
  json["kind"] = item_kind_name(item.kind);
  if (parts.content) {
    json["content"] = item.content.empty() && item.kind == ItemKind::kVector ? Json(nullptr) : Json(item.content);
  }
  if (parts.metadata) {
    auto metadata = parse_json(item.metadata.empty() ? "{}" : item.metadata, "metadata");
    json["metadata"] = metadata ? std::move(*metadata) : Json(nullptr);
  }
  if (parts.data) {
    json["file_base64"] = item.data.empty() ? Json(nullptr) : Json(base64(item.data));
  }
  if (parts.vector) {
    json["vector"] = Json::array();
    for (const float component : item.vector) {
      json["vector"].push_back(json_number(component));
    }
  }
  return json;
}

Json version_json(const CollectionVersion& version) {
  return {{"name", version.name},
          {"created_at", version.created_at},
          {"version", version.number},
          {"items", version.item_count}};
}

Json status_json(std::string_view name, const CollectionStatus& status) {
  const CollectionSettings& settings = status.settings;
  const CollectionModel& model = settings.model;
  Json json;
  json["collection"] = name;
  json["backend"] = status.backend;
  json["items"] = status.item_count;
  json["dim"] = settings.dim;
  json["metric"] = metric_name(settings.metric);
  json["vector_type"] = vector_type_name(settings.vector_type);
  json["model"] = model.id.empty() ? Json(nullptr)
                                   : Json({{"id", model.id},
                                           {"revision", model.revision},
                                           {"sha256", model.sha256},
                                           {"prompt", model.prompt_name},
                                           {"query_prompt", model.query_prompt_name}});
  json["columns"] = settings.columns;
  json["text_columns"] = settings.text_columns;
  json["version"] = status.version_number;
  json["versions"] = Json::array();
  for (const CollectionVersion& version : status.versions) {
    json["versions"].push_back(version_json(version));
  }
  json["size_bytes"] = status.size_bytes;
  json["index_size_bytes"] = status.index_size_bytes;
  json["index"] = status.index;
  json["recall"] = nullptr;
  if (const auto& recall = status.recall) {
    json["recall"] = {{"k", recall->k},
                      {"queries", recall->query_count},
                      {"recall", recall->recall},
                      {"expansion", recall->expansion},
                      {"checked_at", recall->checked_at}};
  }
  json["served_recall"] = nullptr;
  if (const auto& served = status.served_recall) {
    json["served_recall"] = {
        {"recall", served->recall}, {"queries", served->query_count}, {"checked_at", served->checked_at}};
  }
  return json;
}

Json explanation_json(const SearchExplanation& explanation) {
  return {{"plan", explanation.plan},
          {"reason", explanation.reason},
          {"kernel", explanation.kernel},
          {"rows", explanation.row_count},
          {"rows_filtered", explanation.filtered_row_count},
          {"nodes_visited", explanation.node_visited_count},
          {"distances", explanation.distance_count},
          {"expansion", explanation.expansion},
          {"latency_ms", explanation.latency_ms}};
}

Json search_json(const SearchResult& result, const ItemParts& parts, bool explain) {
  Json json;
  json["score"] = result.score_name;
  json["larger_is_nearer"] = result.larger_is_nearer;
  json["hits"] = Json::array();
  for (const SearchHit& hit : result.hits) {
    Json entry{{"score", json_number(hit.score)}};
    entry.update(item_json(hit.item, parts));
    json["hits"].push_back(std::move(entry));
  }
  if (explain) {
    json["explanation"] = explanation_json(result.explanation);
  }
  return json;
}

}  // namespace asterism::service
