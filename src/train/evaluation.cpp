#include "train/evaluation.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "train/linear_probe.hpp"
#include "train/neighbour_accuracy.hpp"

namespace asterism {
namespace {

Result<void> check_cancel(const CancelFlag* cancel) {
  if (cancel != nullptr && cancel->requested()) {
    return fail(ErrorCode::kCancelled, "stopped while evaluating");
  }
  return {};
}

// Every how many batches one is taken.
std::int64_t stride_of(const BatchSource& source, std::int64_t row_count_max) {
  return std::max<std::int64_t>(1, (source.row_count() + row_count_max - 1) / std::max<std::int64_t>(1, row_count_max));
}

// Calls take(batch, position of its first row in the split) for batches at even distances. Positions are counted from
// the rows that the source itself names, since unreadable rows are left out.
template <typename Take>
Result<void> for_some_batches(const BatchSource& source, std::int64_t row_count_max, const CancelFlag* cancel,
                              const Take& take) {
  const std::int64_t stride = stride_of(source, row_count_max);
  for (std::int64_t index = 0; index < source.batch_count(); index += stride) {
    if (auto go_on = check_cancel(cancel); !go_on) {
      return go_on;
    }
    auto batch = source.batch(0, index);
    if (!batch) {
      return std::unexpected(batch.error());
    }
    if (batch->rows.empty()) {
      continue;
    }
    if (auto taken = take(*batch); !taken) {
      return taken;
    }
  }
  return {};
}

void add_row(SplitVectors& out, const std::vector<std::int32_t>& labels, std::int64_t row) {
  out.rows.push_back(row);
  const auto place = static_cast<std::size_t>(row);
  out.vectors.labels.push_back(place < labels.size() ? labels[place] : -1);
}

// The largest of each row of logits.
void add_predictions(SplitVectors& out, const Tensor& logits) {
  const auto class_count = static_cast<std::size_t>(logits.shape().back());
  for (auto rest = logits.as<float>(); !rest.empty(); rest = rest.subspan(class_count)) {
    const auto row = rest.first(class_count);
    out.predictions.push_back(static_cast<std::int32_t>(std::ranges::max_element(row) - row.begin()));
  }
}

// Of the labelled rows; nothing without a classifier.
std::optional<double> class_accuracy(const SplitVectors& rows) {
  const auto& labels = rows.vectors.labels;
  const auto asked_count = static_cast<std::ptrdiff_t>(labels.size()) - std::ranges::count(labels, -1);
  if (rows.predictions.empty() || asked_count == 0) {
    return std::nullopt;
  }
  std::int64_t right_count = 0;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    right_count += labels[i] == rows.predictions[i] ? 1 : 0;
  }
  return static_cast<double>(right_count) / static_cast<double>(asked_count);
}

}  // namespace

Split final_split(const TrainingTask& task) {
  for (const Split split : {Split::kTest, Split::kValidation}) {
    if (task.plain(split).row_count() > 0) {
      return split;
    }
  }
  return Split::kTrain;
}

Split watched_split(const TrainingTask& task) {
  return task.plain(Split::kValidation).row_count() > 0 ? Split::kValidation : Split::kTrain;
}

Json to_json(const Quality& quality) {
  Json out = Json::object();
  if (quality.neighbour_accuracy) {
    out["neighbour_accuracy"] = *quality.neighbour_accuracy;
  }
  if (quality.probe_accuracy) {
    out["probe_accuracy"] = *quality.probe_accuracy;
  }
  if (quality.class_accuracy) {
    out["class_accuracy"] = *quality.class_accuracy;
  }
  out["rows"] = quality.query_count;
  return out;
}

Quality quality_from_json(const Json& json) {
  const auto value = [&](const char* key) {
    return json.contains(key) ? std::optional(json.at(key).get<double>()) : std::nullopt;
  };
  return {.neighbour_accuracy = value("neighbour_accuracy"),
          .probe_accuracy = value("probe_accuracy"),
          .class_accuracy = value("class_accuracy"),
          .query_count = json.value("rows", std::int64_t{0})};
}

namespace {

Result<SplitVectors> encode(const TrainingTask& task, Learner& learner, WeightsOf weights, const BatchSource& source,
                            const std::vector<std::int32_t>& labels, std::int64_t row_count_max,
                            const CancelFlag* cancel) {
  SplitVectors out;
  std::vector<std::string> outputs{task.network().embedding};
  const std::string& classifier = task.network().classifier;
  if (!classifier.empty() && classifier != outputs[0]) {
    outputs.push_back(classifier);
  }
  out.vectors.dim = static_cast<std::size_t>(task.network().dim);
  const auto taken = for_some_batches(source, row_count_max, cancel, [&](const Batch& batch) -> Result<void> {
    auto made = learner.run(kEvaluateGraph, batch.feeds, outputs, weights);
    if (!made) {
      return std::unexpected(made.error());
    }
    const auto values = made->front().as<float>();
    if (values.size() != batch.rows.size() * out.vectors.dim) {
      return fail(ErrorCode::kInternal, fmt::format("evaluation: expected {} rows of {} values, found {} values",
                                                    batch.rows.size(), out.vectors.dim, values.size()));
    }
    out.vectors.values.insert(out.vectors.values.end(), values.begin(), values.end());
    if (!classifier.empty()) {
      add_predictions(out, made->back());
    }
    for (const std::int64_t row : batch.rows) {
      add_row(out, labels, row);
    }
    return {};
  });
  if (!taken) {
    return std::unexpected(taken.error());
  }
  return out;
}

}  // namespace

Result<SplitVectors> encode_split(const TrainingTask& task, Learner& learner, WeightsOf weights, Split split,
                                  std::int64_t row_count_max, const CancelFlag* cancel) {
  return encode(task, learner, weights, task.plain(split), task.labels(split), row_count_max, cancel);
}

Result<SplitVectors> raw_split(const TrainingTask& task, Split split, std::int64_t row_count_max,
                               const CancelFlag* cancel) {
  SplitVectors out;
  const auto taken =
      for_some_batches(task.plain(split), row_count_max, cancel, [&](const Batch& batch) -> Result<void> {
        for (const std::int64_t row : batch.rows) {
          const auto vector = task.raw_vector(split, row);
          if (!vector) {
            return std::unexpected(vector.error());
          }
          out.vectors.dim = vector->size();
          out.vectors.values.insert(out.vectors.values.end(), vector->begin(), vector->end());
          add_row(out, task.labels(split), row);
        }
        return {};
      });
  if (!taken) {
    return std::unexpected(taken.error());
  }
  return out;
}

Result<Quality> measure_quality(const SplitVectors& bank, const SplitVectors& queries, std::size_t thread_count) {
  Quality quality;
  std::set<std::int32_t> classes(bank.vectors.labels.begin(), bank.vectors.labels.end());
  classes.erase(-1);
  const bool alone = queries.rows.empty();
  quality.query_count = static_cast<std::int64_t>(alone ? bank.rows.size() : queries.rows.size());
  const auto& asked = alone ? bank.vectors.labels : queries.vectors.labels;
  quality.class_accuracy = class_accuracy(alone ? bank : queries);
  const auto is_labelled = [](std::int32_t label) { return label >= 0; };
  if (classes.size() < 2 || std::ranges::none_of(asked, is_labelled)) {
    return quality;
  }
  const NeighbourOptions neighbours{.thread_count = thread_count};
  const auto near = alone ? neighbour_accuracy_left_out(bank.vectors, neighbours)
                          : neighbour_accuracy(bank.vectors, queries.vectors, neighbours);
  if (!near) {
    return std::unexpected(near.error());
  }
  quality.neighbour_accuracy = *near;
  if (!alone) {
    const auto probe = linear_probe(bank.vectors, queries.vectors, {.thread_count = thread_count});
    if (!probe) {
      return std::unexpected(probe.error());
    }
    quality.probe_accuracy = probe->accuracy;
  }
  return quality;
}

namespace {

bool has_queries(const TrainingTask& task, Split queries) {
  return queries != Split::kTrain && task.plain(queries).row_count() > 0;
}

RowsView rows_of(const SplitVectors& encoded) {
  return {.values = encoded.vectors.values, .row_count = encoded.rows.size(), .dim = encoded.vectors.dim};
}

Result<void> whiten(const Whitening& whitening, SplitVectors& encoded) {
  if (encoded.rows.empty()) {
    return {};
  }
  auto values = whitening.transform(rows_of(encoded));
  if (!values) {
    return std::unexpected(values.error());
  }
  encoded.vectors.values = *std::move(values);
  encoded.vectors.dim = whitening.direction_count();
  return {};
}

// By the vectors of the rows that are learnt from, which mostly are those of the bank.
Result<Whitening> fit_whitening(const TrainingTask& task, Learner& learner, WeightsOf weights, const SplitVectors& bank,
                                const EvaluationOptions& options) {
  const auto count = static_cast<std::size_t>(options.whitening);
  if (&task.learnt() == &task.plain(Split::kTrain)) {
    return Whitening::fit(rows_of(bank), count);
  }
  const auto learnt = encode(task, learner, weights, task.learnt(), {}, options.bank_row_count_max, options.cancel);
  return learnt ? Whitening::fit(rows_of(*learnt), count) : std::unexpected(learnt.error());
}

}  // namespace

Result<EncodedRows> encode_rows(const TrainingTask& task, Learner& learner, WeightsOf weights, Split queries,
                                const EvaluationOptions& options) {
  EncodedRows out;
  auto bank = encode_split(task, learner, weights, Split::kTrain, options.bank_row_count_max, options.cancel);
  if (!bank) {
    return std::unexpected(bank.error());
  }
  out.bank = *std::move(bank);
  if (has_queries(task, queries)) {
    auto asked = encode_split(task, learner, weights, queries, options.query_row_count_max, options.cancel);
    if (!asked) {
      return std::unexpected(asked.error());
    }
    out.queries = *std::move(asked);
  }
  if (options.whitening == 0) {
    return out;
  }
  auto whitening = fit_whitening(task, learner, weights, out.bank, options);
  if (!whitening) {
    return std::unexpected(whitening.error());
  }
  for (SplitVectors* const side : {&out.bank, &out.queries}) {
    if (auto done = whiten(*whitening, *side); !done) {
      return std::unexpected(done.error());
    }
  }
  out.whitening = *std::move(whitening);
  return out;
}

Result<Quality> evaluate_encoder(const TrainingTask& task, Learner& learner, WeightsOf weights, Split queries,
                                 const EvaluationOptions& options) {
  if (task.labels(Split::kTrain).empty()) {
    return Quality{};
  }
  const auto encoded = encode_rows(task, learner, weights, queries, options);
  return encoded ? measure_quality(encoded->bank, encoded->queries, options.thread_count)
                 : std::unexpected(encoded.error());
}

Result<Quality> evaluate_raw(const TrainingTask& task, Split queries, const EvaluationOptions& options) {
  if (task.labels(Split::kTrain).empty()) {
    return Quality{};
  }
  const auto bank = raw_split(task, Split::kTrain, options.bank_row_count_max, options.cancel);
  const auto asked = bank && has_queries(task, queries)
                         ? raw_split(task, queries, options.query_row_count_max, options.cancel)
                         : Result<SplitVectors>(SplitVectors{});
  if (!bank || !asked) {
    return std::unexpected(bank ? asked.error() : bank.error());
  }
  return measure_quality(*bank, *asked, options.thread_count);
}

Result<std::optional<double>> held_out_loss(const TrainingTask& task, Learner& learner, const CancelFlag* cancel) {
  double sum = 0.0;
  double weight = 0.0;
  const BatchSource& source = task.held_out();
  const auto taken = for_some_batches(source, std::max<std::int64_t>(1, source.row_count()), cancel,
                                      [&](const Batch& batch) -> Result<void> {
                                        const auto report = learner.losses(batch.feeds);
                                        if (!report) {
                                          return std::unexpected(report.error());
                                        }
                                        const auto rows = static_cast<double>(batch.rows.size());
                                        sum += rows * report->loss;
                                        weight += rows;
                                        return {};
                                      });
  if (!taken) {
    return std::unexpected(taken.error());
  }
  return weight > 0.0 ? std::optional(sum / weight) : std::nullopt;
}

}  // namespace asterism
