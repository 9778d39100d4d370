#include "analysis/cluster_agreement.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace asterism {
namespace {

// Labels to 0... without gaps; how many there are.
std::size_t close_gaps(std::span<const std::int32_t> labels, std::vector<std::size_t>& out) {
  constexpr std::size_t kUnused = std::numeric_limits<std::size_t>::max();
  std::vector<std::size_t> place(labels.empty() ? 0 : static_cast<std::size_t>(std::ranges::max(labels)) + 1, kUnused);
  std::size_t count = 0;
  for (const std::int32_t label : labels) {
    std::size_t& at = place[static_cast<std::size_t>(label)];
    if (at == kUnused) {
      at = count++;
    }
    out.push_back(at);
  }
  return count;
}

double entropy(std::span<const double> sizes, double all) {
  double sum = 0.0;
  for (const double size : sizes) {
    sum -= size / all * (std::log(size) - std::log(all));
  }
  return sum;
}

double choose_two(double count) {
  return 0.5 * count * (count - 1.0);
}

}  // namespace

ContingencyTable::ContingencyTable(std::span<const std::int32_t> truth, std::span<const std::int32_t> groups)
    : row_count_(static_cast<double>(truth.size())) {
  std::vector<std::size_t> truth_places;
  std::vector<std::size_t> group_places;
  truth_.resize(close_gaps(truth, truth_places));
  groups_.resize(close_gaps(groups, group_places));
  cells_.resize(truth_.size() * groups_.size());
  for (std::size_t i = 0; i < truth.size(); ++i) {
    cells_[truth_places[i] * groups_.size() + group_places[i]] += 1.0;
    truth_[truth_places[i]] += 1.0;
    groups_[group_places[i]] += 1.0;
  }
}

double ContingencyTable::mutual_information() const {
  double sum = 0.0;
  for (std::size_t t = 0; t < truth_.size(); ++t) {
    for (std::size_t g = 0; g < groups_.size(); ++g) {
      if (const double cell = cells_[t * groups_.size() + g]; cell > 0.0) {
        sum += cell / row_count_ *
               (std::log(cell) - std::log(row_count_) - std::log(truth_[t]) - std::log(groups_[g]) +
                2.0 * std::log(row_count_));
      }
    }
  }
  return std::max(sum, 0.0);
}

double ContingencyTable::homogeneity() const {
  const double all = entropy(truth_, row_count_);
  return all > 0.0 ? mutual_information() / all : 1.0;
}

double ContingencyTable::completeness() const {
  const double all = entropy(groups_, row_count_);
  return all > 0.0 ? mutual_information() / all : 1.0;
}

double ContingencyTable::v_measure() const {
  const double first = homogeneity();
  const double second = completeness();
  return first + second > 0.0 ? 2.0 * first * second / (first + second) : 0.0;
}

double ContingencyTable::normalized_mutual_information() const {
  if (truth_.size() == groups_.size() && truth_.size() <= 1) {
    return 1.0;
  }
  const double mutual = mutual_information();
  if (mutual <= std::numeric_limits<double>::epsilon()) {
    return 0.0;
  }
  return 2.0 * mutual / (entropy(truth_, row_count_) + entropy(groups_, row_count_));
}

// Of the hypergeometric model: each cell over the sizes that it may have.
double ContingencyTable::expected_mutual_information() const {
  const auto count = static_cast<std::size_t>(row_count_);
  std::vector<double> log_factorial(count + 1);
  std::vector<double> log_of(count + 1);
  for (std::size_t i = 1; i <= count; ++i) {
    log_of[i] = std::log(static_cast<double>(i));
    log_factorial[i] = log_factorial[i - 1] + log_of[i];
  }
  double sum = 0.0;
  for (const double of_truth : truth_) {
    for (const double of_group : groups_) {
      const auto a = static_cast<std::size_t>(of_truth);
      const auto b = static_cast<std::size_t>(of_group);
      const double constant = log_factorial[a] + log_factorial[b] + log_factorial[count - a] +
                              log_factorial[count - b] - log_factorial[count];
      const std::size_t first = a + b > count ? a + b - count : 1;
      for (std::size_t n = std::max<std::size_t>(first, 1); n <= std::min(a, b); ++n) {
        const double information = log_of[count] + log_of[n] - log_of[a] - log_of[b];
        const double log_chance = constant - log_factorial[n] - log_factorial[a - n] - log_factorial[b - n] -
                                  log_factorial[count - a - b + n];
        sum += static_cast<double>(n) / row_count_ * information * std::exp(log_chance);
      }
    }
  }
  return sum;
}

double ContingencyTable::adjusted_mutual_information() const {
  if (truth_.size() == groups_.size() && truth_.size() <= 1) {
    return 1.0;
  }
  const double expected = expected_mutual_information();
  const double normalizer = 0.5 * (entropy(truth_, row_count_) + entropy(groups_, row_count_));
  constexpr double kEpsilon = std::numeric_limits<double>::epsilon();
  double difference = normalizer - expected;
  difference = difference < 0.0 ? std::min(difference, -kEpsilon) : std::max(difference, kEpsilon);
  return (mutual_information() - expected) / difference;
}

double ContingencyTable::adjusted_rand_index() const {
  double together = 0.0;
  for (const double cell : cells_) {
    together += choose_two(cell);
  }
  double in_truth = 0.0;
  for (const double size : truth_) {
    in_truth += choose_two(size);
  }
  double in_groups = 0.0;
  for (const double size : groups_) {
    in_groups += choose_two(size);
  }
  const double all = choose_two(row_count_);
  if (together == in_truth && together == in_groups) {
    return 1.0;
  }
  const double expected = in_truth * in_groups / all;
  return (together - expected) / (0.5 * (in_truth + in_groups) - expected);
}

}  // namespace asterism
