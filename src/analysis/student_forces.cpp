#include "analysis/student_forces.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

#include "base/thread_pool.hpp"

namespace asterism {
namespace {

// Sums are made of one part a task, added in order: tasks must not depend on the threads.
constexpr std::size_t kRowsPerTask = 256;

std::size_t task_count(std::size_t row_count) {
  return (row_count + kRowsPerTask - 1) / kRowsPerTask;
}

Place place_of(const PlacesView& places, std::size_t row) {
  Place place = {};
  for (std::size_t c = 0; c < places.dim; ++c) {
    place[c] = places.values[c * places.count + row];
  }
  return place;
}

}  // namespace

StudentForces::StudentForces(const SparseGraph& affinities, std::unique_ptr<PushField> push)
    : affinities_(affinities), push_(std::move(push)) {}

double StudentForces::sum_pushes(const PlacesView& places, ThreadPool& pool) {
  push_->update(places, pool);
  push_forces_.resize(places.count * places.dim);
  std::vector<double> weights(task_count(places.count), 0.0);
  pool.parallel_for(places.count, kRowsPerTask, [&](std::size_t begin, std::size_t end) {
    double sum = 0.0;
    for (std::size_t row = begin; row < end; ++row) {
      const StudentPush push = push_->at(place_of(places, row));
      sum += push.weight - 1.0;  // without the row itself
      for (std::size_t c = 0; c < places.dim; ++c) {
        push_forces_[c * places.count + row] = static_cast<float>(push.force[c]);
      }
    }
    weights[begin / kRowsPerTask] = sum;
  });
  // Places out of each other's reach leave nothing but rounding, which may be negative.
  return std::max(std::accumulate(weights.begin(), weights.end(), 0.0), std::numeric_limits<double>::min());
}

void StudentForces::gradient(const PlacesView& places, double exaggeration, std::span<float> out, ThreadPool& pool) {
  const auto push_scale = static_cast<float>(4.0 / sum_pushes(places, pool));
  const auto pull_scale = static_cast<float>(4.0 * exaggeration);
  pool.parallel_for(places.count, kRowsPerTask, [&](std::size_t begin, std::size_t end) {
    for (std::size_t row = begin; row < end; ++row) {
      const Place pull =
          student_pull(places, place_of(places, row), affinities_.columns_of(row), affinities_.weights_of(row));
      for (std::size_t c = 0; c < places.dim; ++c) {
        const std::size_t at = c * places.count + row;
        out[at] = pull_scale * pull[c] - push_scale * push_forces_[at];
      }
    }
  });
}

double StudentForces::divergence(const PlacesView& places, ThreadPool& pool) {
  const double log_sum = std::log(sum_pushes(places, pool));
  std::vector<double> parts(task_count(places.count), 0.0);
  pool.parallel_for(places.count, kRowsPerTask, [&](std::size_t begin, std::size_t end) {
    double sum = 0.0;
    for (std::size_t row = begin; row < end; ++row) {
      const auto neighbors = affinities_.columns_of(row);
      const auto values = affinities_.weights_of(row);
      for (std::size_t i = 0; i < neighbors.size(); ++i) {
        double square = 0.0;
        for (std::size_t c = 0; c < places.dim; ++c) {
          const double difference = static_cast<double>(places.values[c * places.count + row]) -
                                    static_cast<double>(places.values[c * places.count + neighbors[i]]);
          square += difference * difference;
        }
        const auto p = static_cast<double>(values[i]);
        sum += p > 0.0 ? p * (std::log(p) + std::log1p(square) + log_sum) : 0.0;
      }
    }
    parts[begin / kRowsPerTask] = sum;
  });
  return std::accumulate(parts.begin(), parts.end(), 0.0);
}

}  // namespace asterism
