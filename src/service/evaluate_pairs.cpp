#include "service/evaluate_pairs.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <span>
#include <utility>

#include "service/evaluation_baselines.hpp"
#include "service/evaluation_data.hpp"

namespace asterism::service {
namespace {

// In double; 0 where one is zero.
double cosine(std::span<const float> a, std::span<const float> b) {
  double product = 0.0;
  double square_a = 0.0;
  double square_b = 0.0;
  for (std::size_t d = 0; d < a.size(); ++d) {
    product += static_cast<double>(a[d]) * b[d];
    square_a += static_cast<double>(a[d]) * a[d];
    square_b += static_cast<double>(b[d]) * b[d];
  }
  const double lengths = std::sqrt(square_a) * std::sqrt(square_b);
  return lengths > 0.0 ? product / lengths : 0.0;
}

// Every text of the pairs once, and which each is.
struct Texts {
  std::vector<std::string> texts;
  std::vector<std::size_t> first;   // [pairs]
  std::vector<std::size_t> second;  // [pairs]
};

Texts different_texts(const PairRows& pairs) {
  Texts out;
  std::map<std::string_view, std::size_t> places;
  const auto place_of = [&](const std::string& text) {
    const auto [at, is_new] = places.emplace(text, out.texts.size());
    if (is_new) {
      out.texts.push_back(text);
    }
    return at->second;
  };
  for (std::size_t i = 0; i < pairs.gold.size(); ++i) {
    out.first.push_back(place_of(pairs.first[i]));
    out.second.push_back(place_of(pairs.second[i]));
  }
  return out;
}

Result<EvaluationData> embed_texts(const PairTaskRequest& request, const Texts& texts) {
  EvaluationData data;
  for (const std::string& model : request.models) {
    if (auto fetched = fetch_model(model, request.fetch); !fetched) {
      return std::unexpected(fetched.error());
    }
    const auto encoder = Encoder::load(model, request.encoder);
    if (!encoder) {
      return std::unexpected(encoder.error());
    }
    auto vectors = encoder->encode(texts.texts);
    if (!vectors) {
      return std::unexpected(vectors.error());
    }
    data.systems.push_back(
        {.name = model, .is_baseline = false, .dim = vectors->dim, .values = std::move(vectors->values)});
  }
  data.texts = texts.texts;
  for (std::size_t i = 0; i < texts.texts.size(); ++i) {
    data.ids.push_back(std::to_string(i));
  }
  return data;
}

std::vector<std::string> measures_of(std::span<const double> gold) {
  const bool is_binary = std::ranges::all_of(gold, [](double g) { return g == 0.0 || g == 1.0; });
  return is_binary ? std::vector<std::string>{"average_precision", "roc_area", "best_f1", "best_accuracy"}
                   : std::vector<std::string>{"spearman", "pearson", "kendall"};
}

}  // namespace

Result<TaskResult> evaluate_pairs(const PairTaskRequest& request, const AnalysisRun& run) {
  auto pairs = read_pairs(request.file);
  if (!pairs) {
    return std::unexpected(pairs.error());
  }
  if (std::ranges::min(pairs->gold) == std::ranges::max(pairs->gold)) {
    return fail(ErrorCode::kInvalidArgument, fmt::format("{}: expected scores that differ, found {} everywhere",
                                                         request.file.path, pairs->gold.front()));
  }
  const Texts texts = different_texts(*pairs);
  auto data = embed_texts(request, texts);
  if (!data) {
    return std::unexpected(data.error());
  }
  if (request.with_baselines) {
    if (auto added = add_baselines(*data, nullptr, data->systems.front().dim, request.seed, run); !added) {
      return std::unexpected(added.error());
    }
  }
  TaskResult task{.task = "pairs"};
  task.settings = {{"score", "cosine"}, {"seed", request.seed}};
  task.rows = std::move(pairs->ids);
  if (pairs->left_out_count > 0) {
    task.notes.push_back(fmt::format("{} pairs without two texts and a score left out", pairs->left_out_count));
  }
  task.columns.push_back({"gold", std::move(pairs->gold)});
  const std::vector<std::string> names = measures_of(task.columns.front().values);
  for (const VectorSystem& vectors : data->systems) {
    SystemResult system{.name = vectors.name, .is_baseline = vectors.is_baseline};
    MeasureColumn scores{"score", {}};
    for (std::size_t i = 0; i < task.rows.size(); ++i) {
      scores.values.push_back(cosine(vectors.view().row(texts.first[i]), vectors.view().row(texts.second[i])));
    }
    system.columns.push_back(std::move(scores));
    if (auto measured = measure_system(task, system, names, request.bootstrap, run); !measured) {
      return std::unexpected(measured.error());
    }
    task.systems.push_back(std::move(system));
  }
  return task;
}

}  // namespace asterism::service
