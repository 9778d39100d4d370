#include "analysis/measure.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>

#include "analysis/binary_scores.hpp"
#include "analysis/cluster_agreement.hpp"
#include "analysis/confusion_matrix.hpp"
#include "analysis/correlation.hpp"

namespace asterism {
namespace {

using Columns = std::span<const std::span<const double>>;

std::vector<std::int32_t> labels_of(std::span<const double> values) {
  std::vector<std::int32_t> labels;
  labels.reserve(values.size());
  for (const double value : values) {
    labels.push_back(static_cast<std::int32_t>(value));
  }
  return labels;
}

template <double (ConfusionMatrix::*kScore)() const noexcept>
double of_classes(Columns columns) {
  return (ConfusionMatrix(labels_of(columns[0]), labels_of(columns[1])).*kScore)();
}

template <double (ContingencyTable::*kScore)() const>
double of_groups(Columns columns) {
  return (ContingencyTable(labels_of(columns[0]), labels_of(columns[1])).*kScore)();
}

template <double (*kScore)(std::span<const double>, std::span<const double>)>
double of_two(Columns columns) {
  return kScore(columns[0], columns[1]);
}

// Rows without a value count nowhere.
double mean(Columns columns) {
  double sum = 0.0;
  double count = 0.0;
  for (const double value : columns[0]) {
    if (!std::isnan(value)) {
      sum += value;
      count += 1.0;
    }
  }
  return count > 0.0 ? sum / count : std::numeric_limits<double>::quiet_NaN();
}

struct TableRow {
  std::string_view name;
  std::string_view title;
  std::array<std::string_view, 2> columns;
  bool is_exchangeable;
  double (*value)(Columns);
};

// Scores of two systems are on scales of their own, and so are the names of their clusters.
constexpr std::array kTable{
    TableRow{"accuracy", "accuracy", {"label", "predicted"}, true, of_classes<&ConfusionMatrix::accuracy>},
    TableRow{"macro_f1", "macro F1", {"label", "predicted"}, true, of_classes<&ConfusionMatrix::macro_f1>},
    TableRow{"balanced_accuracy",
             "balanced accuracy",
             {"label", "predicted"},
             true,
             of_classes<&ConfusionMatrix::balanced_accuracy>},
    TableRow{"v_measure", "V-measure", {"label", "cluster"}, false, of_groups<&ContingencyTable::v_measure>},
    TableRow{"homogeneity", "homogeneity", {"label", "cluster"}, false, of_groups<&ContingencyTable::homogeneity>},
    TableRow{"completeness", "completeness", {"label", "cluster"}, false, of_groups<&ContingencyTable::completeness>},
    TableRow{"nmi", "NMI", {"label", "cluster"}, false, of_groups<&ContingencyTable::normalized_mutual_information>},
    TableRow{"ami", "AMI", {"label", "cluster"}, false, of_groups<&ContingencyTable::adjusted_mutual_information>},
    TableRow{"ari", "ARI", {"label", "cluster"}, false, of_groups<&ContingencyTable::adjusted_rand_index>},
    TableRow{"spearman", "Spearman", {"score", "gold"}, false, of_two<spearman_correlation>},
    TableRow{"pearson", "Pearson", {"score", "gold"}, false, of_two<pearson_correlation>},
    TableRow{"kendall", "Kendall", {"score", "gold"}, false, of_two<kendall_correlation>},
    TableRow{"average_precision", "average precision", {"score", "gold"}, false, of_two<average_precision>},
    TableRow{"roc_area", "ROC area", {"score", "gold"}, false, of_two<roc_area>},
    TableRow{"best_f1",
             "best F1",
             {"score", "gold"},
             false,
             [](Columns columns) { return best_f1(columns[0], columns[1]).score; }},
    TableRow{"best_accuracy",
             "best accuracy",
             {"score", "gold"},
             false,
             [](Columns columns) { return best_accuracy(columns[0], columns[1]).score; }},
};

}  // namespace

Measure find_measure(std::string_view name) {
  for (const TableRow& row : kTable) {
    if (row.name == name) {
      return {.name = std::string(name),
              .title = std::string(row.title),
              .columns = {row.columns.begin(), row.columns.end()},
              .higher_is_better = true,
              .is_exchangeable = row.is_exchangeable,
              .value = row.value};
    }
  }
  return {.name = std::string(name),
          .title = std::string(name),
          .columns = {std::string(name)},
          .higher_is_better = !name.starts_with("mrre_"),
          .is_exchangeable = true,
          .value = mean};
}

Result<std::vector<std::span<const double>>> columns_of(const Measure& measure,
                                                        std::span<const MeasureColumn> columns) {
  std::vector<std::span<const double>> out;
  for (const std::string& wanted : measure.columns) {
    const auto found = std::ranges::find(columns, wanted, &MeasureColumn::name);
    if (found == columns.end()) {
      return fail(ErrorCode::kNotFound,
                  fmt::format("measure '{}': expected the column '{}', found none", measure.name, wanted));
    }
    out.emplace_back(found->values);
  }
  return out;
}

double measure_over(const Measure& measure, std::span<const std::span<const double>> columns,
                    std::span<const std::uint32_t> rows) {
  std::vector<std::vector<double>> taken(columns.size());
  std::vector<std::span<const double>> views;
  for (std::size_t c = 0; c < columns.size(); ++c) {
    taken[c].reserve(rows.size());
    for (const std::uint32_t row : rows) {
      taken[c].push_back(columns[c][row]);
    }
    views.emplace_back(taken[c]);
  }
  return measure.value(views);
}

}  // namespace asterism
