#include "service/evaluate.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "service/classify.hpp"
#include "service/evaluate_neighbors.hpp"
#include "service/evaluation_baselines.hpp"

namespace asterism::service {
namespace {

std::string_view name_of(LabelTask task) {
  switch (task) {
    case LabelTask::kProbe:
      return "probe";
    case LabelTask::kKnn:
      return "knn";
    case LabelTask::kClustering:
      return "clustering";
    case LabelTask::kNeighbors:
      return "neighbors";
    case LabelTask::kZeroShot:
      return "zero-shot";
  }
  return {};
}

class Evaluation {
 public:
  Evaluation(const EvaluateRequest& request, const AnalysisRun& run) : request_(request), run_(run) {}

  Result<EvaluationReport> evaluate() {
    if (auto read = read_rows(); !read) {
      return std::unexpected(read.error());
    }
    EvaluationReport report;
    report.input = fmt::format("{}", fmt::join(request_.data.input.inputs, ", "));
    report.bootstrap = request_.labels.bootstrap;
    const bool all = request_.tasks.empty();
    const std::vector<LabelTask> tasks = all ? possible_tasks() : request_.tasks;
    if (tasks.empty()) {
      return nothing_to_measure();
    }
    for (const LabelTask task : tasks) {
      auto result = run_task(task);
      if (!result) {
        return std::unexpected(result.error());
      }
      if (data_.failed_row_count > 0) {
        result->notes.push_back(
            fmt::format("{} rows could not be read or embedded and are left out", data_.failed_row_count));
      }
      report.tasks.push_back(*std::move(result));
    }
    return report;
  }

 private:
  Result<void> read_rows() {
    auto data = read_evaluation_data(request_.data);
    if (!data) {
      return std::unexpected(data.error());
    }
    data_ = *std::move(data);
    if (!data_.labels.empty()) {
      if (auto split = read_split(); !split) {
        return split;
      }
    }
    if (!request_.with_baselines) {
      return {};
    }
    return add_baselines(data_, nullptr, data_.systems.front().dim, request_.labels.seed, run_);
  }

  // What is learnt from and what is asked, with baselines of their own.
  Result<void> read_split() {
    if (request_.asked) {
      EvaluationDataRequest asked_request = request_.data;
      asked_request.input = *request_.asked;
      auto asked = read_evaluation_data(asked_request);
      if (!asked) {
        return std::unexpected(asked.error());
      }
      split_ = {.learnt = data_, .asked = *std::move(asked)};
      data_.failed_row_count += split_.asked.failed_row_count;
      unite_classes(split_.learnt, split_.asked);
    } else {
      auto split = split_by_class(data_, request_.asked_share, request_.labels.seed);
      if (!split) {
        return std::unexpected(split.error());
      }
      split_ = *std::move(split);
    }
    if (!request_.with_baselines) {
      return {};
    }
    return add_baselines(split_.learnt, &split_.asked, data_.systems.front().dim, request_.labels.seed, run_);
  }

  std::vector<LabelTask> possible_tasks() const {
    std::vector<LabelTask> tasks;
    if (!data_.labels.empty()) {
      tasks = {LabelTask::kProbe, LabelTask::kKnn, LabelTask::kClustering};
    }
    if (2 * request_.neighborhood.neighbor_count < data_.row_count()) {
      tasks.push_back(LabelTask::kNeighbors);
    }
    return tasks;
  }

  std::unexpected<Error> nothing_to_measure() const {
    return fail(
        ErrorCode::kInvalidArgument,
        fmt::format("evaluate: expected labels, or more than {} rows whose neighbours can be compared, found {} "
                    "without labels",
                    2 * request_.neighborhood.neighbor_count, data_.row_count()),
        "--labels COLUMN names the classes, --labels-file FILE a file that has them; -k takes fewer neighbours");
  }

  Result<TaskResult> run_task(LabelTask task) {
    if (data_.labels.empty() && task != LabelTask::kNeighbors) {
      return fail(
          ErrorCode::kInvalidArgument, fmt::format("{}: expected labels, found none", name_of(task)),
          "--labels COLUMN names the column of the csv or jsonl; --labels folder takes the folder of a picture; for "
          "vectors --labels-file FILE has a label a line");
    }
    switch (task) {
      case LabelTask::kProbe:
        return with_split_note(evaluate_probe(split_, request_.labels, run_));
      case LabelTask::kKnn:
        return with_split_note(evaluate_knn(split_, request_.labels, run_));
      case LabelTask::kClustering:
        return evaluate_clustering(data_, request_.labels, run_);
      case LabelTask::kNeighbors:
        return neighbors();
      case LabelTask::kZeroShot:
        return zero_shot();
    }
    return fail(ErrorCode::kInternal, "evaluate: an unknown task");
  }

  Result<TaskResult> with_split_note(Result<TaskResult> task) const {
    if (task && !request_.asked) {
      task->notes.push_back(fmt::format("{} rows by chance (seed {}) are asked, {} are learnt from",
                                        split_.asked.row_count(), request_.labels.seed, split_.learnt.row_count()));
    }
    return task;
  }

  // Against the raw data where there is some, else against the vectors themselves.
  Result<TaskResult> neighbors() {
    const auto raw = std::ranges::find_if(data_.systems, [](const VectorSystem& s) {
      return s.is_baseline && s.name != "random" && !s.name.ends_with("+pca");
    });
    const VectorSystem& original = raw != data_.systems.end() ? *raw : data_.systems.front();
    std::vector<VectorSystem> others;
    std::ranges::copy_if(data_.systems, std::back_inserter(others), [&](const auto& s) { return &s != &original; });
    if (others.empty()) {
      return fail(ErrorCode::kInvalidArgument,
                  "neighbors: expected something to hold beside the vectors, found nothing",
                  "`asterism evaluate neighbors A B` compares two sets of vectors; without --no-baselines random "
                  "vectors stand beside one");
    }
    return evaluate_neighbors(original, others, data_.ids, data_.labels,
                              {.bootstrap = request_.labels.bootstrap, .neighborhood = request_.neighborhood}, run_);
  }

  Result<TaskResult> zero_shot() {
    const std::string& model = data_.systems.front().name;
    if (request_.data.models.empty()) {
      return fail(ErrorCode::kInvalidArgument,
                  "zero-shot: expected a model that embeds the names of the classes, found "
                  "vectors alone",
                  "give the texts or pictures themselves and -m MODEL");
    }
    const auto encoder = Encoder::load(model, request_.data.encoder);
    if (!encoder) {
      return std::unexpected(encoder.error());
    }
    if (!encoder->info().takes_texts) {
      return fail(
          ErrorCode::kUnsupported,
          fmt::format("zero-shot: expected a model that takes texts, found '{}', which takes images alone", model));
    }
    std::vector<std::string> texts;
    for (const std::string& name : data_.class_names) {
      texts.push_back(fill_template(request_.prompt_template, name));
    }
    const auto vectors = encoder->encode(texts);
    if (!vectors) {
      return std::unexpected(vectors.error());
    }
    return evaluate_zero_shot(data_, *vectors, request_.prompt_template, request_.labels, run_);
  }

  const EvaluateRequest& request_;
  const AnalysisRun& run_;
  EvaluationData data_;
  LabelledSplit split_;
};

}  // namespace

Result<EvaluationReport> evaluate(const EvaluateRequest& request, const AnalysisRun& run) {
  return Evaluation(request, run).evaluate();
}

}  // namespace asterism::service
