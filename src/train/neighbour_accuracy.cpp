#include "train/neighbour_accuracy.hpp"

#include <fmt/format.h>

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <optional>

namespace asterism {
namespace {

using Matrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
// Queries compared at once: the block of similarities stays small beside the bank.
constexpr Eigen::Index kQueryBlock = 256;

struct Rows {
  Matrix vectors;  // of length 1
  std::vector<std::int32_t> labels;
};

Rows labelled_rows(const LabelledVectors& from) {
  Rows out;
  const std::size_t count = from.row_count() - static_cast<std::size_t>(std::ranges::count(from.labels, -1));
  out.vectors.resize(static_cast<Eigen::Index>(count), static_cast<Eigen::Index>(from.dim));
  for (std::size_t row = 0; row < from.row_count(); ++row) {
    if (from.labels[row] < 0) {
      continue;
    }
    const Eigen::Map<const Eigen::RowVectorXf> vector(from.values.data() + row * from.dim,
                                                      static_cast<Eigen::Index>(from.dim));
    const float length = vector.norm();
    out.vectors.row(static_cast<Eigen::Index>(out.labels.size())) = vector / (length > 0.0F ? length : 1.0F);
    out.labels.push_back(from.labels[row]);
  }
  return out;
}

std::int32_t winner(const Rows& bank, const Eigen::Ref<const Eigen::RowVectorXf>& cosines,
                    std::optional<std::size_t> left_out, const NeighbourOptions& options,
                    std::vector<std::size_t>& order) {
  order.resize(bank.labels.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  if (left_out) {
    order.erase(order.begin() + static_cast<std::ptrdiff_t>(*left_out));
  }
  const std::size_t count = std::min(options.neighbour_count, order.size());
  std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(count), order.end(),
                    [&](std::size_t a, std::size_t b) {
                      const float left = cosines[static_cast<Eigen::Index>(a)];
                      const float right = cosines[static_cast<Eigen::Index>(b)];
                      return left > right || (left == right && a < b);
                    });
  std::map<std::int32_t, double> votes;
  for (std::size_t i = 0; i < count; ++i) {
    votes[bank.labels[order[i]]] += std::exp(cosines[static_cast<Eigen::Index>(order[i])] / options.temperature);
  }
  return std::ranges::max_element(votes, {}, &std::pair<const std::int32_t, double>::second)->first;
}

double accuracy(const Rows& bank, const Rows& queries, bool is_same, const NeighbourOptions& options) {
  std::size_t right = 0;
  std::vector<std::size_t> order;
  for (Eigen::Index begin = 0; begin < queries.vectors.rows(); begin += kQueryBlock) {
    const Eigen::Index count = std::min(kQueryBlock, queries.vectors.rows() - begin);
    const Matrix cosines = queries.vectors.middleRows(begin, count) * bank.vectors.transpose();
    for (Eigen::Index i = 0; i < count; ++i) {
      const auto row = static_cast<std::size_t>(begin + i);
      const auto left_out = is_same ? std::optional(row) : std::nullopt;
      right += winner(bank, cosines.row(i), left_out, options, order) == queries.labels[row] ? 1U : 0U;
    }
  }
  return static_cast<double>(right) / static_cast<double>(queries.labels.size());
}

Result<void> check(std::size_t bank_count, std::size_t query_count, std::size_t bank_dim, std::size_t query_dim) {
  if (bank_count == 0 || query_count == 0 || bank_dim != query_dim) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("neighbour accuracy: expected labelled rows of one dimension on both sides, found {} rows "
                            "of {} dimensions and {} rows of {}",
                            bank_count, bank_dim, query_count, query_dim));
  }
  return {};
}

}  // namespace

Result<double> neighbour_accuracy(const LabelledVectors& bank, const LabelledVectors& queries,
                                  const NeighbourOptions& options) {
  const Rows there = labelled_rows(bank);
  const Rows here = labelled_rows(queries);
  if (auto good = check(there.labels.size(), here.labels.size(), bank.dim, queries.dim); !good) {
    return std::unexpected(good.error());
  }
  return accuracy(there, here, false, options);
}

Result<double> neighbour_accuracy_left_out(const LabelledVectors& rows, const NeighbourOptions& options) {
  const Rows all = labelled_rows(rows);
  if (auto good = check(all.labels.size() < 2 ? 0 : all.labels.size(), all.labels.size(), rows.dim, rows.dim); !good) {
    return std::unexpected(good.error());
  }
  return accuracy(all, all, true, options);
}

}  // namespace asterism
