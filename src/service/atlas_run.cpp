#include "service/atlas_run.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <optional>
#include <span>
#include <utility>

#include "service/collections.hpp"
#include "train/evaluation_vectors.hpp"

namespace asterism::service {
namespace {

// A vector that has no direction, or that was never made.
bool has_direction(std::span<const float> vector) {
  return std::ranges::all_of(vector, [](float value) { return std::isfinite(value); }) &&
         std::ranges::any_of(vector, [](float value) { return value != 0.0F; });
}

Item item_of(const EvaluationRow& row) {
  Json metadata = row.cells.is_object() ? row.cells : Json::object();
  if (!row.label.empty()) {
    metadata["label"] = row.label;
  }
  metadata["split"] = row.split;
  Item out{.id = row.id, .kind = row.picture.empty() ? ItemKind::kText : ItemKind::kImage, .content = row.id};
  if (row.picture.empty() && row.cells.is_object()) {
    out.content.clear();
    for (const auto& [name, value] : row.cells.items()) {
      const std::string text = value.is_string() ? value.get<std::string>() : value.dump();
      out.content += fmt::format("{}{}: {}", out.content.empty() ? "" : ", ", name, text);
    }
  }
  out.data = row.picture;
  out.metadata = metadata.dump(-1, ' ', false, Json::error_handler_t::replace);
  return out;
}

Result<void> put(Collection& collection, std::span<const Item> rows, const KeptEvaluation& evaluation) {
  std::vector<Item> items;
  std::vector<std::string> absent;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const auto vector = std::span(evaluation.vectors).subspan(i * evaluation.dim, evaluation.dim);
    if (!has_direction(vector)) {
      absent.push_back(rows[i].id);
      continue;
    }
    items.push_back(rows[i]);
    items.back().vector.assign(vector.begin(), vector.end());
  }
  const auto erased = collection.erase(absent);
  const auto added = erased ? collection.add(items) : std::unexpected(erased.error());
  return added ? Result<void>{} : std::unexpected(added.error());
}

}  // namespace

bool is_run_folder(const std::filesystem::path& folder) {
  return is_training_run(folder);
}

Result<RunCollection> collect_run(const std::filesystem::path& run, const std::string& location,
                                  const CancelFlag* cancel, const ProgressSink& progress) {
  const auto rows = read_evaluation_rows(run);
  if (!rows) {
    return std::unexpected(rows.error());
  }
  const auto files = list_evaluations(run);
  if (files.size() < 2) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{}: expected vectors of two evaluations at least, found {}", run.string(), files.size()),
                "let the run come to the end of its first epoch");
  }
  std::vector<Item> items;
  std::ranges::transform(*rows, std::back_inserter(items), item_of);
  RunCollection out{.versions = {}, .row_count = items.size()};
  std::optional<Collection> collection;
  for (std::size_t i = 0; i < files.size(); ++i) {
    if (cancel != nullptr && cancel->requested()) {
      return fail(ErrorCode::kCancelled, "evaluations: stopped");
    }
    const auto evaluation = read_evaluation(files[i], items.size());
    if (!evaluation) {
      return std::unexpected(evaluation.error());
    }
    if (!collection) {
      auto created =
          Collection::create(location, {.dim = evaluation->dim, .text_columns = {std::string(kNoTextColumns)}});
      if (!created) {
        return std::unexpected(std::move(created.error()));
      }
      collection.emplace(*std::move(created));
    }
    const auto added = put(*collection, items, *evaluation);
    auto version =
        added ? collection->create_version(fmt::format("epoch {}", evaluation->epoch)) : std::unexpected(added.error());
    if (!version) {
      return std::unexpected(std::move(version.error()));
    }
    out.versions.push_back(version->name);
    if (progress) {
      progress({.done = i + 1, .total = files.size(), .stage = "evaluations"});
    }
  }
  return out;
}

}  // namespace asterism::service
