#include "analysis/binary_scores.hpp"

#include <algorithm>
#include <cstddef>
#include <limits>
#include <numeric>
#include <vector>

namespace asterism {
namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

// Rows with at least a score: how many of them belong, and how many do not.
struct Step {
  double threshold = 0.0;
  double belonging = 0.0;
  double others = 0.0;
};

struct Curve {
  std::vector<Step> steps;  // one a different score, from the largest
  double belonging = 0.0;
  double others = 0.0;

  bool has_both() const { return belonging > 0.0 && others > 0.0; }
};

Curve curve_of(std::span<const double> scores, std::span<const double> labels) {
  std::vector<std::size_t> order(scores.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::sort(order, {}, [&](std::size_t i) { return std::pair(-scores[i], i); });
  Curve curve;
  for (std::size_t i = 0; i < order.size(); ++i) {
    const double label = labels[order[i]];
    curve.belonging += label;
    curve.others += 1.0 - label;
    if (i + 1 == order.size()) {
      curve.steps.push_back({scores[order[i]], curve.belonging, curve.others});
    } else if (scores[order[i + 1]] != scores[order[i]]) {
      const double midway = 0.5 * (scores[order[i]] + scores[order[i + 1]]);
      curve.steps.push_back({midway, curve.belonging, curve.others});
    }
  }
  return curve;
}

}  // namespace

double average_precision(std::span<const double> scores, std::span<const double> labels) {
  const Curve curve = curve_of(scores, labels);
  if (!curve.has_both()) {
    return kNone;
  }
  double sum = 0.0;
  double before = 0.0;
  for (const Step& step : curve.steps) {
    sum += (step.belonging - before) * step.belonging / (step.belonging + step.others);
    before = step.belonging;
  }
  return sum / curve.belonging;
}

double roc_area(std::span<const double> scores, std::span<const double> labels) {
  const Curve curve = curve_of(scores, labels);
  if (!curve.has_both()) {
    return kNone;
  }
  double area = 0.0;
  Step before;
  for (const Step& step : curve.steps) {
    area += (step.others - before.others) * 0.5 * (step.belonging + before.belonging);
    before = step;
  }
  return area / (curve.belonging * curve.others);
}

ThresholdScore best_accuracy(std::span<const double> scores, std::span<const double> labels) {
  const Curve curve = curve_of(scores, labels);
  if (!curve.has_both()) {
    return {kNone, kNone};
  }
  const double count = curve.belonging + curve.others;
  // No row at all is said to belong.
  ThresholdScore best{curve.others / count, std::numeric_limits<double>::infinity()};
  for (const Step& step : curve.steps) {
    const double accuracy = (step.belonging + curve.others - step.others) / count;
    if (accuracy > best.score) {
      best = {accuracy, step.threshold};
    }
  }
  return best;
}

ThresholdScore best_f1(std::span<const double> scores, std::span<const double> labels) {
  const Curve curve = curve_of(scores, labels);
  if (!curve.has_both()) {
    return {kNone, kNone};
  }
  ThresholdScore best{0.0, std::numeric_limits<double>::infinity()};
  for (const Step& step : curve.steps) {
    const double f1 = 2.0 * step.belonging / (step.belonging + step.others + curve.belonging);
    if (f1 > best.score) {
      best = {f1, step.threshold};
    }
  }
  return best;
}

}  // namespace asterism
