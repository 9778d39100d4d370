#include "analysis/spectral_vectors.hpp"

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>
#include <span>

#include "analysis/stage_progress.hpp"
#include "base/counter_random.hpp"
#include "base/thread_pool.hpp"

namespace asterism {
namespace {

constexpr std::size_t kBlockRows = 1024;  // of a sum; such a block of the whole basis stays in the second-level cache
constexpr std::uint64_t kStartStream = 0x7370656374726131ULL;

// D^-1/2 W D^-1/2.
class NormalizedGraph {
 public:
  explicit NormalizedGraph(const SparseGraph& graph) : graph_(graph), scale_(graph.row_count()) {
    for (std::size_t row = 0; row < graph.row_count(); ++row) {
      double degree = 0.0;
      for (const float weight : graph.weights_of(row)) {
        degree += static_cast<double>(weight);
      }
      scale_[row] = degree > 0.0 ? 1.0 / std::sqrt(degree) : 0.0;
    }
  }

  std::size_t row_count() const noexcept { return scale_.size(); }
  double entry(std::size_t row, std::size_t edge) const noexcept {
    return static_cast<double>(graph_.weights[edge]) * scale_[row] * scale_[graph_.columns[edge]];
  }
  const SparseGraph& graph() const noexcept { return graph_; }

  // Unit length: the eigenvector of eigenvalue 1.
  std::vector<double> first_vector() const {
    std::vector<double> vector(row_count());
    double square = 0.0;
    for (std::size_t row = 0; row < row_count(); ++row) {
      vector[row] = scale_[row] > 0.0 ? 1.0 / scale_[row] : 0.0;
      square += vector[row] * vector[row];
    }
    for (double& v : vector) {
      v /= std::sqrt(square);
    }
    return vector;
  }

  void multiply(std::span<const double> x, std::span<double> y, ThreadPool& pool) const {
    pool.parallel_for(row_count(), kBlockRows, [&](std::size_t begin, std::size_t end) {
      for (std::size_t row = begin; row < end; ++row) {
        double sum = 0.0;
        for (std::size_t e = graph_.begin[row]; e < graph_.begin[row + 1]; ++e) {
          const std::uint32_t column = graph_.columns[e];
          sum += static_cast<double>(graph_.weights[e]) * scale_[column] * x[column];
        }
        y[row] = scale_[row] * sum;
      }
    });
  }

 private:
  const SparseGraph& graph_;
  std::vector<double> scale_;  // degree^-1/2
};

void fix_sign(std::span<double> vector) {
  const double largest = *std::ranges::max_element(vector, {}, [](double v) { return std::abs(v); });
  if (largest < 0.0) {
    std::ranges::transform(vector, vector.begin(), [](double v) { return -v; });
  }
}

SpectralVectors dense_vectors(const NormalizedGraph& matrix, std::size_t vector_count) {
  const auto n = static_cast<Eigen::Index>(matrix.row_count());
  Eigen::MatrixXd dense = Eigen::MatrixXd::Identity(n, n);
  for (std::size_t row = 0; row < matrix.row_count(); ++row) {
    for (std::size_t e = matrix.graph().begin[row]; e < matrix.graph().begin[row + 1]; ++e) {
      dense(static_cast<Eigen::Index>(row), static_cast<Eigen::Index>(matrix.graph().columns[e])) -=
          matrix.entry(row, e);
    }
  }
  const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(dense);
  SpectralVectors result;
  for (std::size_t v = 0; v < vector_count; ++v) {
    const auto column = static_cast<Eigen::Index>(v + 1);
    result.eigenvalues.push_back(solver.eigenvalues()[column]);
    const Eigen::VectorXd vector = solver.eigenvectors().col(column);
    result.vectors.insert(result.vectors.end(), vector.begin(), vector.end());
  }
  return result;
}

// A basis of orthonormal vectors that grows, beside one that all are orthogonal to.
class Basis {
 public:
  Basis(std::vector<double> locked, std::size_t vector_count_max, ThreadPool& pool)
      : row_count_(locked.size()), locked_(std::move(locked)), values_(vector_count_max * row_count_), pool_(pool) {}

  std::size_t size() const noexcept { return size_; }
  std::span<double> vector(std::size_t v) noexcept { return std::span(values_).subspan(v * row_count_, row_count_); }

  // Takes what lies along the basis out of `x`, twice, since once leaves rounding behind. What was there: [size].
  std::vector<double> orthogonalize(std::span<double> x) {
    std::vector<double> along = take_out(x);
    const std::vector<double> rest = take_out(x);
    std::ranges::transform(along, rest, along.begin(), std::plus<>());
    return along;
  }

  // Appends x, of length `length`, as a unit vector.
  void append(std::span<const double> x, double length) {
    std::ranges::transform(x, vector(size_++).begin(), [&](double v) { return v / length; });
  }

  double length_of(std::span<const double> x) const {
    std::vector<double> sums(block_count());
    pool_.parallel_for(row_count_, kBlockRows, [&](std::size_t begin, std::size_t end) {
      double sum = 0.0;
      for (std::size_t row = begin; row < end; ++row) {
        sum += x[row] * x[row];
      }
      sums[begin / kBlockRows] = sum;
    });
    double sum = 0.0;
    for (const double s : sums) {
      sum += s;
    }
    return std::sqrt(sum);
  }

  // The first `size` vectors become sums of all by the columns of `weights` [size(), kept]; then the last one stays.
  void rotate(const Eigen::MatrixXd& weights) {
    const auto old_size = static_cast<std::size_t>(weights.rows());
    const auto kept = static_cast<std::size_t>(weights.cols());
    pool_.parallel_for(row_count_, kBlockRows, [&](std::size_t begin, std::size_t end) {
      std::vector<double> rotated(kept);
      for (std::size_t row = begin; row < end; ++row) {
        std::ranges::fill(rotated, 0.0);
        for (std::size_t v = 0; v < old_size; ++v) {
          const double value = values_[v * row_count_ + row];
          for (std::size_t k = 0; k < kept; ++k) {
            rotated[k] += value * weights(static_cast<Eigen::Index>(v), static_cast<Eigen::Index>(k));
          }
        }
        for (std::size_t k = 0; k < kept; ++k) {
          values_[k * row_count_ + row] = rotated[k];
        }
      }
    });
    size_ = kept;
  }

 private:
  std::size_t block_count() const noexcept { return (row_count_ + kBlockRows - 1) / kBlockRows; }

  std::vector<double> take_out(std::span<double> x) {
    const std::size_t count = size_ + 1;  // the locked one last
    std::vector<double> sums(block_count() * count);
    pool_.parallel_for(row_count_, kBlockRows, [&](std::size_t begin, std::size_t end) {
      for (std::size_t v = 0; v < count; ++v) {
        const double* const vector = v < size_ ? values_.data() + v * row_count_ : locked_.data();
        // Four sums at once: the additions of one would wait for each other.
        double sum[4] = {};
        for (std::size_t row = begin; row < end; ++row) {
          sum[row % 4] += vector[row] * x[row];
        }
        sums[begin / kBlockRows * count + v] = (sum[0] + sum[1]) + (sum[2] + sum[3]);
      }
    });
    std::vector<double> along(count, 0.0);
    for (std::size_t at = 0; at < sums.size(); ++at) {
      along[at % count] += sums[at];
    }
    pool_.parallel_for(row_count_, kBlockRows, [&](std::size_t begin, std::size_t end) {
      for (std::size_t v = 0; v < count; ++v) {
        const double* const vector = v < size_ ? values_.data() + v * row_count_ : locked_.data();
        for (std::size_t row = begin; row < end; ++row) {
          x[row] -= along[v] * vector[row];
        }
      }
    });
    along.pop_back();
    return along;
  }

  std::size_t row_count_;
  std::size_t size_ = 0;
  std::vector<double> locked_;
  std::vector<double> values_;  // [vector_count_max, row_count]
  ThreadPool& pool_;
};

// Fills `x` with a vector that leads on where the basis has come to an end, or to begin with.
void draw_vector(std::span<double> x, std::uint64_t seed, std::uint64_t stream) {
  const CounterRandom random(seed, kStartStream + stream);
  for (std::size_t row = 0; row < x.size(); ++row) {
    x[row] = 2.0 * random.uniform(row) - 1.0;
  }
}

Eigen::Index to_index(std::size_t value) {
  return static_cast<Eigen::Index>(value);
}

// Up to so many rows.
constexpr std::size_t kBlockedRowsMax = 10'000;

// Small graphs may be regular, and one vector alone finds but one of several of one eigenvalue, as a ring has them:
// they are solved in blocks of as many vectors as are wanted. Of large ones no two eigenvalues are equal to the last
// bit, and blocks would take twice the products.
class ThickRestartLanczos {
 public:
  ThickRestartLanczos(const NormalizedGraph& matrix, const SpectralOptions& options, const AnalysisRun& run)
      : matrix_(matrix),
        options_(options),
        run_(run),
        block_(matrix.row_count() <= kBlockedRowsMax ? options.vector_count : 1),
        step_count_(2 * options.vector_count + 28),
        basis_(matrix.first_vector(), step_count_ + block_, run.pool),
        projected_(Eigen::MatrixXd::Zero(to_index(step_count_ + block_), to_index(step_count_ + block_))),
        next_(matrix.row_count()) {}

  Result<SpectralVectors> solve() {
    while (basis_.size() < block_) {
      append_drawn();
    }
    StageProgress progress(run_, "spectral", options_.restart_count_max);
    for (std::size_t restart = 0;; ++restart) {
      if (auto going = progress.at(restart); !going) {
        return std::unexpected(going.error());
      }
      extend();
      const auto size = to_index(step_count_);
      const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(projected_.topLeftCorner(size, size));
      const bool is_done = restart + 1 >= options_.restart_count_max || has_converged(solver);
      const std::size_t count = is_done ? options_.vector_count : options_.vector_count + 12;
      // The solver sorts ascending; wanted are the largest.
      const Eigen::MatrixXd weights = solver.eigenvectors().rightCols(to_index(count)).rowwise().reverse();
      const Eigen::VectorXd values = solver.eigenvalues().tail(to_index(count)).reverse();
      if (is_done) {
        basis_.rotate(weights);
        return result(values);
      }
      restart_from(weights, values);
    }
  }

 private:
  void append_drawn() {
    draw_vector(next_, options_.seed, draw_count_++);
    basis_.orthogonalize(next_);
    basis_.append(next_, basis_.length_of(next_));
  }

  // Grows the basis by the product of each vector that has none yet, until step_count_ have. projected_ becomes the
  // matrix as seen in the basis; its last `block_` rows are what the steps left over.
  void extend() {
    for (; step_ < step_count_; ++step_) {
      matrix_.multiply(basis_.vector(step_), next_, run_.pool);
      const std::vector<double> along = basis_.orthogonalize(next_);
      for (std::size_t v = 0; v < along.size(); ++v) {
        projected_(to_index(v), to_index(step_)) = along[v];
        projected_(to_index(step_), to_index(v)) = along[v];
      }
      const double length = basis_.length_of(next_);
      const std::size_t added = basis_.size();
      if (length > 1e-12) {
        basis_.append(next_, length);
        projected_(to_index(added), to_index(step_)) = length;
        projected_(to_index(step_), to_index(added)) = length;
      } else {
        append_drawn();
      }
    }
  }

  void restart_from(const Eigen::MatrixXd& weights, const Eigen::VectorXd& values) {
    const auto count = static_cast<std::size_t>(values.size());
    std::vector<std::vector<double>> last;
    for (std::size_t v = step_count_; v < step_count_ + block_; ++v) {
      last.emplace_back(basis_.vector(v).begin(), basis_.vector(v).end());
    }
    basis_.rotate(weights);
    for (const auto& vector : last) {
      basis_.append(vector, 1.0);
    }
    projected_.setZero();
    projected_.diagonal().head(values.size()) = values;
    step_ = count;
  }

  bool has_converged(const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd>& solver) const {
    const auto left_over = projected_.bottomLeftCorner(to_index(block_), to_index(step_count_));
    for (std::size_t v = 0; v < options_.vector_count; ++v) {
      const auto column = to_index(step_count_ - 1 - v);
      // No smaller than what rounding leaves.
      const double eigenvalue = std::max(1e-12, 1.0 - solver.eigenvalues()[column]);
      if ((left_over * solver.eigenvectors().col(column)).norm() > options_.tolerance * eigenvalue) {
        return false;
      }
    }
    return true;
  }

  SpectralVectors result(const Eigen::VectorXd& values) {
    SpectralVectors result;
    for (std::size_t v = 0; v < options_.vector_count; ++v) {
      result.eigenvalues.push_back(1.0 - values[to_index(v)]);
      const auto vector = basis_.vector(v);
      result.vectors.insert(result.vectors.end(), vector.begin(), vector.end());
    }
    return result;
  }

  const NormalizedGraph& matrix_;
  const SpectralOptions& options_;
  const AnalysisRun& run_;
  std::size_t block_;
  std::size_t step_count_;
  std::size_t step_ = 0;  // vectors of the basis whose product is in projected_
  Basis basis_;
  Eigen::MatrixXd projected_;
  std::vector<double> next_;
  std::uint64_t draw_count_ = 0;
};

}  // namespace

Result<SpectralVectors> spectral_vectors(const SparseGraph& graph, const SpectralOptions& options,
                                         const AnalysisRun& run) {
  const NormalizedGraph matrix(graph);
  const bool is_small = graph.row_count() <= std::max(options.dense_row_count_max, 4 * options.vector_count + 32);
  Result<SpectralVectors> result = is_small ? Result<SpectralVectors>(dense_vectors(matrix, options.vector_count))
                                            : ThickRestartLanczos(matrix, options, run).solve();
  if (result) {
    for (std::size_t v = 0; v < options.vector_count; ++v) {
      fix_sign(std::span(result->vectors).subspan(v * graph.row_count(), graph.row_count()));
    }
  }
  return result;
}

}  // namespace asterism
