#include "service/evaluate_labels.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <utility>

#include "analysis/kmeans.hpp"
#include "analysis/row_distances.hpp"
#include "analysis/silhouette.hpp"
#include "asterism/neighbors.hpp"
#include "base/thread_pool.hpp"
#include "train/linear_probe.hpp"
#include "train/neighbour_accuracy.hpp"

namespace asterism::service {
namespace {

// A test split below that deserves a word.
constexpr std::size_t kAskedRowCountFew = 30;
const std::vector<std::string> kClassMeasures{"accuracy", "macro_f1", "balanced_accuracy"};

std::vector<double> numbers_of(std::span<const std::int32_t> labels) {
  return {labels.begin(), labels.end()};
}

// Rows of `data`, in the order of `rows`.
EvaluationData take_rows(const EvaluationData& data, std::span<const std::uint32_t> rows) {
  EvaluationData out;
  out.class_names = data.class_names;
  for (const VectorSystem& system : data.systems) {
    VectorSystem& taken = out.systems.emplace_back(VectorSystem{system.name, system.is_baseline, system.dim, {}});
    taken.values.reserve(rows.size() * system.dim);
    for (const std::uint32_t row : rows) {
      const auto from = system.view().row(row);
      taken.values.insert(taken.values.end(), from.begin(), from.end());
    }
  }
  out.categories.resize(data.categories.size());
  const std::size_t pixel_count = data.row_count() > 0 ? data.pixels.size() / data.row_count() : 0;
  for (const std::uint32_t row : rows) {
    out.ids.push_back(data.ids[row]);
    out.labels.push_back(data.labels[row]);
    if (!data.texts.empty()) {
      out.texts.push_back(data.texts[row]);
    }
    const auto pixels = data.pixels.begin() + static_cast<std::ptrdiff_t>(row * pixel_count);
    out.pixels.insert(out.pixels.end(), pixels, pixels + static_cast<std::ptrdiff_t>(pixel_count));
    for (std::size_t c = 0; c < data.categories.size(); ++c) {
      out.categories[c].push_back(data.categories[c][row]);
    }
  }
  return out;
}

Result<std::vector<std::uint32_t>> labelled_rows(const EvaluationData& data, std::string_view task,
                                                 std::int64_t class_count_min = 2) {
  std::vector<std::uint32_t> rows;
  std::vector<bool> seen(data.class_names.size());
  for (std::size_t i = 0; i < data.labels.size(); ++i) {
    if (data.labels[i] >= 0) {
      rows.push_back(static_cast<std::uint32_t>(i));
      seen[static_cast<std::size_t>(data.labels[i])] = true;
    }
  }
  if (const auto count = std::ranges::count(seen, true); count < class_count_min) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{}: expected labels of at least {} class{}, found {}", task, class_count_min,
                            class_count_min == 1 ? "" : "es", count),
                "--labels names the column that holds them");
  }
  return rows;
}

LabelledVectors vectors_of(const EvaluationData& data, std::size_t system) {
  return {.values = data.systems[system].values, .dim = data.systems[system].dim, .labels = data.labels};
}

void note_left_out(TaskResult& task, std::size_t count) {
  if (count > 0) {
    task.notes.push_back(fmt::format("{} row{} without a label left out", count, count == 1 ? "" : "s"));
  }
}

// What makes figures of a split say little, whatever they are.
void note_small_split(TaskResult& task, const EvaluationData& learnt, const EvaluationData& asked) {
  const std::set<std::int32_t> asked_classes(asked.labels.begin(), asked.labels.end());
  if (asked_classes.size() == 1) {
    task.notes.push_back(
        fmt::format("every row that is asked is of one class ({}): a model that always says it would be right",
                    asked.class_names[static_cast<std::size_t>(*asked_classes.begin())]));
  } else if (asked.row_count() < kAskedRowCountFew) {
    task.notes.push_back(
        fmt::format("only {} rows are asked: each is {:.1f} % of the figures, and intervals of so few are too narrow",
                    asked.row_count(), 100.0 / static_cast<double>(asked.row_count())));
  }
  std::set<std::int32_t> unasked(learnt.labels.begin(), learnt.labels.end());
  std::erase_if(unasked, [&](std::int32_t label) { return label < 0 || asked_classes.contains(label); });
  if (!unasked.empty()) {
    task.notes.push_back(fmt::format("{} of {} classes are learnt from and never asked", unasked.size(),
                                     unasked.size() + asked_classes.size()));
  }
}

// A task in which every system says a class of each asked row that has a label.
template <typename Predict>
Result<TaskResult> classify_rows(std::string name, const LabelledSplit& split, const LabelTaskOptions& options,
                                 const AnalysisRun& run, Predict predict) {
  const auto rows = labelled_rows(split.asked, name, 1);  // one is little, which is noted
  if (!rows) {
    return std::unexpected(rows.error());
  }
  const EvaluationData asked = take_rows(split.asked, *rows);
  TaskResult task{.task = std::move(name)};
  task.rows = asked.ids;
  task.class_names = asked.class_names;
  task.columns.push_back({"label", numbers_of(asked.labels)});
  note_left_out(task, split.asked.row_count() - rows->size());
  note_small_split(task, split.learnt, asked);
  for (std::size_t s = 0; s < asked.systems.size(); ++s) {
    if (run.progress) {
      run.progress(task.task, s, asked.systems.size());
    }
    const Result<std::vector<std::int32_t>> said = predict(vectors_of(split.learnt, s), vectors_of(asked, s));
    if (!said) {
      return std::unexpected(said.error());
    }
    SystemResult system{.name = asked.systems[s].name, .is_baseline = asked.systems[s].is_baseline};
    system.columns.push_back({"predicted", numbers_of(*said)});
    if (auto measured = measure_system(task, system, kClassMeasures, options.bootstrap, run); !measured) {
      return std::unexpected(measured.error());
    }
    task.systems.push_back(std::move(system));
  }
  return task;
}

// Rows scaled to length 1; zeros stay.
std::vector<float> unit_rows(const RowsView& rows) {
  std::vector<float> out(rows.values.begin(), rows.values.end());
  for (std::size_t i = 0; i < rows.row_count; ++i) {
    double square = 0.0;
    for (const float value : rows.row(i)) {
      square += static_cast<double>(value) * value;
    }
    const double scale = square > 0.0 ? 1.0 / std::sqrt(square) : 1.0;
    for (std::size_t d = 0; d < rows.dim; ++d) {
      out[i * rows.dim + d] = static_cast<float>(out[i * rows.dim + d] * scale);
    }
  }
  return out;
}

Result<SystemResult> cluster_system(const VectorSystem& rows, std::span<const std::int32_t> labels,
                                    std::size_t cluster_count, const LabelTaskOptions& options,
                                    const AnalysisRun& run) {
  const std::vector<float> unit = unit_rows(rows.view());
  const RowsView view{unit, labels.size(), rows.dim};
  const auto clusters = KMeans::fit(view, {.cluster_count = cluster_count, .seed = options.seed}, run);
  if (!clusters) {
    return std::unexpected(clusters.error());
  }
  const std::vector<std::int32_t> of_rows(clusters->labels().begin(), clusters->labels().end());
  SystemResult system{.name = rows.name, .is_baseline = rows.is_baseline};
  system.columns.push_back({"cluster", numbers_of(of_rows)});
  // How well the true classes hang together in this space; the clusters have no say.
  MeasureColumn shape{"silhouette", std::vector<double>(labels.size(), std::nan(""))};
  const auto silhouettes =
      silhouette(view, labels, {.row_count_max = options.silhouette_row_count_max, .seed = options.seed}, run);
  if (silhouettes) {
    for (std::size_t i = 0; i < silhouettes->rows.size(); ++i) {
      shape.values[silhouettes->rows[i]] = silhouettes->values[i];
    }
  } else if (silhouettes.error().code == ErrorCode::kCancelled) {
    return std::unexpected(silhouettes.error());
  }
  system.columns.push_back(std::move(shape));
  return system;
}

}  // namespace

Result<LabelledSplit> split_by_class(const EvaluationData& data, double asked_share, std::uint64_t seed) {
  if (!(asked_share > 0.0 && asked_share < 1.0)) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("test share: expected a number between 0 and 1, found {}", asked_share));
  }
  const auto rows = labelled_rows(data, "split");
  if (!rows) {
    return std::unexpected(rows.error());
  }
  std::map<std::int32_t, std::vector<std::uint32_t>> of_class;
  for (const std::uint32_t row : *rows) {
    of_class[data.labels[row]].push_back(row);
  }
  std::vector<std::uint32_t> learnt;
  std::vector<std::uint32_t> asked;
  for (const auto& [label, members] : of_class) {
    const auto wanted = static_cast<std::size_t>(std::lround(asked_share * static_cast<double>(members.size())));
    const std::size_t count = members.size() < 2 ? 0 : std::clamp<std::size_t>(wanted, 1, members.size() - 1);
    const auto chosen = sample_rows(members.size(), count, seed + static_cast<std::uint64_t>(label));
    for (std::size_t i = 0; i < members.size(); ++i) {
      const bool is_asked = count > 0 && std::ranges::binary_search(chosen, i);
      (is_asked ? asked : learnt).push_back(members[i]);
    }
  }
  if (asked.empty()) {
    return fail(
        ErrorCode::kInvalidArgument,
        "split: expected a class with at least 2 rows, so that one can be learnt from and one asked, found none");
  }
  std::ranges::sort(learnt);
  std::ranges::sort(asked);
  return LabelledSplit{take_rows(data, learnt), take_rows(data, asked)};
}

Result<TaskResult> evaluate_probe(const LabelledSplit& split, const LabelTaskOptions& options, const AnalysisRun& run) {
  auto task = classify_rows(
      "probe", split, options, run,
      [&](const LabelledVectors& learnt, const LabelledVectors& asked) -> Result<std::vector<std::int32_t>> {
        auto probe = linear_probe(
            learnt, asked, {.inverse_penalty = options.inverse_penalty, .thread_count = run.pool.thread_count()});
        if (!probe) {
          return std::unexpected(probe.error());
        }
        return std::move(probe->predicted);
      });
  if (task) {
    task->settings = {{"C", options.inverse_penalty}, {"learnt_rows", split.learnt.row_count()}};
  }
  return task;
}

Result<TaskResult> evaluate_knn(const LabelledSplit& split, const LabelTaskOptions& options, const AnalysisRun& run) {
  const std::size_t k = std::min(options.neighbor_count, split.learnt.row_count());
  auto task =
      classify_rows("knn", split, options, run, [&](const LabelledVectors& learnt, const LabelledVectors& asked) {
        return neighbour_labels(learnt, asked, {.neighbour_count = k, .thread_count = run.pool.thread_count()});
      });
  if (task) {
    task->settings = {{"k", k}, {"learnt_rows", split.learnt.row_count()}};
    if (k < options.neighbor_count) {
      task->notes.push_back(
          fmt::format("k is {}: there are no more rows to learn from than that", split.learnt.row_count()));
    }
  }
  return task;
}

Result<TaskResult> evaluate_clustering(const EvaluationData& data, const LabelTaskOptions& options,
                                       const AnalysisRun& run) {
  const auto rows = labelled_rows(data, "clustering");
  if (!rows) {
    return std::unexpected(rows.error());
  }
  const EvaluationData labelled = take_rows(data, *rows);
  std::vector<bool> seen(data.class_names.size());
  for (const std::int32_t label : labelled.labels) {
    seen[static_cast<std::size_t>(label)] = true;
  }
  const auto class_count = static_cast<std::size_t>(std::ranges::count(seen, true));
  const std::size_t cluster_count = options.cluster_count > 0 ? options.cluster_count : class_count;
  TaskResult task{.task = "clustering"};
  task.settings = {{"k", cluster_count}, {"method", "k-means"}, {"seed", options.seed}};
  task.rows = labelled.ids;
  task.class_names = labelled.class_names;
  task.columns.push_back({"label", numbers_of(labelled.labels)});
  note_left_out(task, data.row_count() - rows->size());
  if (labelled.row_count() > options.silhouette_row_count_max) {
    task.notes.push_back(fmt::format("silhouette is that of {} rows by chance", options.silhouette_row_count_max));
  }
  for (const VectorSystem& vectors : labelled.systems) {
    auto system = cluster_system(vectors, labelled.labels, cluster_count, options, run);
    if (!system) {
      return std::unexpected(system.error());
    }
    if (auto measured = measure_system(task, *system,
                                       {"v_measure", "homogeneity", "completeness", "nmi", "ami", "ari", "silhouette"},
                                       options.bootstrap, run);
        !measured) {
      return std::unexpected(measured.error());
    }
    task.systems.push_back(*std::move(system));
  }
  return task;
}

Result<TaskResult> evaluate_zero_shot(const EvaluationData& data, const Embeddings& class_texts,
                                      const std::string& prompt_template, const LabelTaskOptions& options,
                                      const AnalysisRun& run) {
  const auto rows = labelled_rows(data, "zero-shot");
  if (!rows) {
    return std::unexpected(rows.error());
  }
  const EvaluationData labelled = take_rows(data, *rows);
  TaskResult task{.task = "zero-shot"};
  task.settings = {{"template", prompt_template}};
  task.rows = labelled.ids;
  task.class_names = labelled.class_names;
  task.columns.push_back({"label", numbers_of(labelled.labels)});
  note_left_out(task, data.row_count() - rows->size());
  const VectorSystem& vectors = labelled.systems.front();
  if (class_texts.dim != vectors.dim) {
    return fail(ErrorCode::kMismatch, fmt::format("zero-shot: expected class names and rows of one dimension, found {} "
                                                  "and {}",
                                                  class_texts.dim, vectors.dim));
  }
  SystemResult system{.name = vectors.name, .is_baseline = false};
  MeasureColumn said{"predicted", {}};
  for (std::size_t i = 0; i < labelled.row_count(); ++i) {
    const auto nearest =
        nearest_neighbors({class_texts.values, class_texts.row_count, class_texts.dim}, vectors.view().row(i), 1);
    if (!nearest) {
      return std::unexpected(nearest.error());
    }
    said.values.push_back(nearest->empty() ? 0.0 : static_cast<double>(nearest->front().row));
  }
  system.columns.push_back(std::move(said));
  if (auto measured = measure_system(task, system, kClassMeasures, options.bootstrap, run); !measured) {
    return std::unexpected(measured.error());
  }
  task.systems.push_back(std::move(system));
  return task;
}

}  // namespace asterism::service
