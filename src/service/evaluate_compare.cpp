#include "service/evaluate_compare.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

namespace asterism::service {
namespace {

using Columns = std::vector<std::span<const double>>;

std::string number(double value) {
  return fmt::format("{:.4f}", value);
}

std::string chance(double p_value, std::size_t replicate_count) {
  const double least = 2.0 / (static_cast<double>(replicate_count) + 1.0);
  return p_value <= least ? fmt::format("p < {:.2g}", std::nextafter(least, 1.0)) : fmt::format("p = {:.2g}", p_value);
}

std::string sentence_of(const MeasureComparison& c, bool higher_is_better, double level, std::size_t replicate_count) {
  const std::string title = find_measure(c.measure).title;
  if (std::isnan(c.difference)) {
    return fmt::format("{}: {} has no value for one of the two", c.task, title);
  }
  const bool a_is_better = (c.difference > 0.0) == higher_is_better;
  const std::string& better = a_is_better ? c.name_a : c.name_b;
  const std::string& worse = a_is_better ? c.name_b : c.name_a;
  const std::string tail = fmt::format("{} {} against {}, difference {:+.4f}, {:.0f} % interval {:+.4f} to {:+.4f}, {}",
                                       title, number(c.value_a), number(c.value_b), c.difference, 100.0 * level,
                                       c.interval.low, c.interval.high, chance(c.p_value, replicate_count));
  if (c.difference == 0.0) {
    return fmt::format("{}: {} and {} are equal ({})", c.task, c.name_a, c.name_b, tail);
  }
  if (c.p_value < kSignificance) {
    return fmt::format("{}: {} is better than {}, by more than chance ({})", c.task, better, worse, tail);
  }
  return fmt::format("{}: no difference between {} and {} beyond chance ({})", c.task, c.name_a, c.name_b, tail);
}

class Comparer {
 public:
  Comparer(const BootstrapOptions& options, const AnalysisRun& run) : options_(options), run_(run) {}

  Result<void> compare(const Measure& measure, const Columns& a, const Columns& b, MeasureComparison& out) const {
    std::vector<std::uint32_t> all(out.row_count);
    std::iota(all.begin(), all.end(), 0U);
    out.value_a = measure_over(measure, a, all);
    out.value_b = measure_over(measure, b, all);
    out.difference = out.value_a - out.value_b;
    const RowStatistic difference = [&](std::span<const std::uint32_t> rows) {
      return measure_over(measure, a, rows) - measure_over(measure, b, rows);
    };
    const auto interval = interval_of(measure, out.row_count, difference, options_, run_);
    if (!interval) {
      return std::unexpected(interval.error());
    }
    out.interval = *interval;
    const auto p_value = !measure.is_resampled     ? left_out_chance(difference, out.row_count)
                         : measure.is_exchangeable ? swap_chance(measure, a, b, out.row_count)
                                                   : resampled_chance(difference, out.row_count);
    if (!p_value) {
      return std::unexpected(p_value.error());
    }
    out.p_value = *p_value;
    out.sentence = sentence_of(out, measure.higher_is_better, options_.level, options_.replicate_count);
    return {};
  }

 private:
  Result<double> left_out_chance(const RowStatistic& difference, std::size_t row_count) const {
    const auto estimate = jackknife_estimate(row_count, difference, options_.seed, run_);
    if (!estimate) {
      return std::unexpected(estimate.error());
    }
    return estimate->p_value();
  }

  Result<double> resampled_chance(const RowStatistic& difference, std::size_t row_count) const {
    const auto replicates = bootstrap_replicates(row_count, difference, options_, run_);
    if (!replicates) {
      return std::unexpected(replicates.error());
    }
    return bootstrap_p_value(*replicates);
  }

  Result<double> swap_chance(const Measure& measure, const Columns& a, const Columns& b, std::size_t row_count) const {
    return permutation_p_value(
        row_count,
        [&](std::span<const std::uint8_t> swapped) {
          const auto value = [&](const Columns& own, const Columns& other) {
            std::vector<std::vector<double>> mixed(own.size());
            Columns views;
            for (std::size_t c = 0; c < own.size(); ++c) {
              mixed[c].assign(own[c].begin(), own[c].end());
              for (std::size_t i = 0; i < row_count; ++i) {
                mixed[c][i] = swapped[i] != 0 ? other[c][i] : own[c][i];
              }
              views.emplace_back(mixed[c]);
            }
            return measure.value(views);
          };
          return value(a, b) - value(b, a);
        },
        options_, run_);
  }

  const BootstrapOptions& options_;
  const AnalysisRun& run_;
};

}  // namespace

Result<std::vector<MeasureComparison>> compare_systems(const TaskResult& task_a, const SystemResult& a,
                                                       const TaskResult& task_b, const SystemResult& b,
                                                       const BootstrapOptions& options, const AnalysisRun& run) {
  if (task_a.rows != task_b.rows) {
    return fail(ErrorCode::kMismatch,
                fmt::format("task {}: expected figures of the same rows in the same order, found {} and {} rows that "
                            "differ",
                            task_a.task, task_a.rows.size(), task_b.rows.size()),
                "evaluate both on the same input, with the same seed and split");
  }
  for (const MeasureColumn& shared : task_a.columns) {
    const auto other = std::ranges::find(task_b.columns, shared.name, &MeasureColumn::name);
    if (other == task_b.columns.end() || other->values != shared.values) {
      return fail(ErrorCode::kMismatch,
                  fmt::format("task {}: expected the same '{}' of every row in both reports, found others", task_a.task,
                              shared.name),
                  "evaluate both on the same input, with the same labels");
    }
  }
  const auto columns_a = all_columns(task_a, a);
  const auto columns_b = all_columns(task_b, b);
  const Comparer comparer(options, run);
  std::vector<MeasureComparison> out;
  for (const MeasuredValue& value : a.measures) {
    if (std::ranges::none_of(b.measures, [&](const auto& other) { return other.name == value.name; })) {
      continue;
    }
    const Measure measure = find_measure(value.name);
    const auto used_a = columns_of(measure, columns_a);
    const auto used_b = columns_of(measure, columns_b);
    if (!used_a || !used_b) {
      return std::unexpected(used_a ? used_b.error() : used_a.error());
    }
    MeasureComparison comparison{.task = task_a.task,
                                 .measure = value.name,
                                 .name_a = a.name,
                                 .name_b = b.name,
                                 .value_a = 0.0,
                                 .value_b = 0.0,
                                 .difference = 0.0,
                                 .interval = {},
                                 .p_value = 1.0,
                                 .row_count = task_a.rows.size(),
                                 .sentence = {}};
    if (auto compared = comparer.compare(measure, *used_a, *used_b, comparison); !compared) {
      return std::unexpected(compared.error());
    }
    out.push_back(std::move(comparison));
  }
  return out;
}

Result<std::vector<MeasureComparison>> compare_reports(const EvaluationReport& a, const EvaluationReport& b,
                                                       const BootstrapOptions& options, const AnalysisRun& run) {
  std::vector<MeasureComparison> out;
  for (const TaskResult& task_a : a.tasks) {
    const auto task_b = std::ranges::find(b.tasks, task_a.task, &TaskResult::task);
    if (task_b == b.tasks.end() || task_a.systems.empty() || task_b->systems.empty()) {
      continue;
    }
    SystemResult system_a = task_a.systems.front();
    SystemResult system_b = task_b->systems.front();
    if (system_a.name == system_b.name) {
      system_a.name += " (first report)";
      system_b.name += " (second report)";
    }
    auto compared = compare_systems(task_a, system_a, *task_b, system_b, options, run);
    if (!compared) {
      return std::unexpected(compared.error());
    }
    std::ranges::move(*compared, std::back_inserter(out));
  }
  if (out.empty()) {
    return fail(ErrorCode::kMismatch, "compare: expected a task that both reports hold, found none in common");
  }
  return out;
}

Result<std::vector<MeasureComparison>> compare_models(const EvaluationReport& report, const AnalysisRun& run) {
  std::vector<MeasureComparison> out;
  for (const TaskResult& task : report.tasks) {
    for (std::size_t s = 1; s < task.systems.size(); ++s) {
      if (task.systems[s].is_baseline || task.systems[0].is_baseline || task.systems[0].measures.empty()) {
        continue;
      }
      SystemResult first = task.systems[0];
      first.measures.resize(1);
      auto compared = compare_systems(task, first, task, task.systems[s], report.bootstrap, run);
      if (!compared) {
        return std::unexpected(compared.error());
      }
      std::ranges::move(*compared, std::back_inserter(out));
    }
  }
  return out;
}

Json comparisons_json(const std::vector<MeasureComparison>& comparisons) {
  const auto finite = [](double value) { return std::isfinite(value) ? Json(value) : Json(nullptr); };
  Json json = Json::array();
  for (const MeasureComparison& c : comparisons) {
    json.push_back({{"task", c.task},
                    {"measure", c.measure},
                    {"a", c.name_a},
                    {"b", c.name_b},
                    {"value_a", finite(c.value_a)},
                    {"value_b", finite(c.value_b)},
                    {"difference", finite(c.difference)},
                    {"low", finite(c.interval.low)},
                    {"high", finite(c.interval.high)},
                    {"p_value", finite(c.p_value)},
                    {"rows", c.row_count},
                    {"sentence", c.sentence}});
  }
  return json;
}

}  // namespace asterism::service
