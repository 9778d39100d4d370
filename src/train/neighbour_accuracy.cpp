#include "train/neighbour_accuracy.hpp"

#include <fmt/format.h>

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <map>
#include <span>

#include "base/thread_pool.hpp"
#include "kernels/linear.hpp"
#include "kernels/topk.hpp"

namespace asterism {
namespace {

using Matrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
// Queries compared at once: the block of similarities stays small beside the bank.
constexpr std::size_t kQueryBlock = 384;
constexpr std::size_t kQueryChunk = 16;  // that a thread takes

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

// The label that wins among the rows of `bank`, of which row `left_out` does not vote (none, if it is past the end); -1
// where no cosine is a number.
std::int32_t winner(const Rows& bank, std::span<const float> cosines, std::size_t left_out,
                    const NeighbourOptions& options) {
  TopK nearest(options.neighbour_count);
  for (std::size_t i = 0; i < cosines.size(); ++i) {
    if (i != left_out) {
      nearest.offer(i, cosines[i]);
    }
  }
  std::map<std::int32_t, double> votes;
  for (const auto& [index, cosine] : nearest.take()) {
    votes[bank.labels[index]] += std::exp(cosine / options.temperature);
  }
  const auto most = std::ranges::max_element(votes, {}, &std::pair<const std::int32_t, double>::second);
  return most == votes.end() ? -1 : most->first;
}

// What the neighbours of each query say.
std::vector<std::int32_t> winners(const Rows& bank, const Rows& queries, bool is_same,
                                  const NeighbourOptions& options) {
  const auto dim = static_cast<std::size_t>(bank.vectors.cols());
  const LinearPart part{.weight = {bank.vectors.data(), bank.labels.size() * dim}, .bias = {}};
  const LinearWeight weight({&part, 1}, dim);
  ThreadPool pool(options.thread_count);
  std::vector<float> cosines(std::min(kQueryBlock, queries.labels.size()) * bank.labels.size());
  std::vector<std::int32_t> said(queries.labels.size());
  for (std::size_t first = 0; first < queries.labels.size(); first += kQueryBlock) {
    const std::size_t count = std::min(kQueryBlock, queries.labels.size() - first);
    linear({.weight = &weight, .x = queries.vectors.data() + first * dim, .residual = nullptr, .y = cosines.data()},
           count, pool);
    pool.parallel_for(count, kQueryChunk, [&](std::size_t begin, std::size_t end) {
      for (std::size_t i = begin; i < end; ++i) {
        const std::span<const float> own(cosines.data() + i * bank.labels.size(), bank.labels.size());
        const auto left_out = is_same ? first + i : bank.labels.size();
        said[first + i] = winner(bank, own, left_out, options);
      }
    });
  }
  return said;
}

double share_right(const Rows& queries, const std::vector<std::int32_t>& said) {
  std::size_t right_count = 0;
  for (std::size_t i = 0; i < said.size(); ++i) {
    right_count += said[i] == queries.labels[i] ? 1U : 0U;
  }
  return static_cast<double>(right_count) / static_cast<double>(said.size());
}

// In the place of each query that has a label what is said of it, else -1.
std::vector<std::int32_t> in_place(const LabelledVectors& queries, const std::vector<std::int32_t>& said) {
  std::vector<std::int32_t> out(queries.row_count(), -1);
  std::size_t next = 0;
  for (std::size_t row = 0; row < out.size(); ++row) {
    out[row] = queries.labels[row] >= 0 ? said[next++] : -1;
  }
  return out;
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

Result<std::vector<std::int32_t>> neighbour_labels(const LabelledVectors& bank, const LabelledVectors& queries,
                                                   const NeighbourOptions& options) {
  const Rows there = labelled_rows(bank);
  const Rows here = labelled_rows(queries);
  if (auto good = check(there.labels.size(), here.labels.size(), bank.dim, queries.dim); !good) {
    return std::unexpected(good.error());
  }
  return in_place(queries, winners(there, here, false, options));
}

Result<double> neighbour_accuracy(const LabelledVectors& bank, const LabelledVectors& queries,
                                  const NeighbourOptions& options) {
  const Rows there = labelled_rows(bank);
  const Rows here = labelled_rows(queries);
  if (auto good = check(there.labels.size(), here.labels.size(), bank.dim, queries.dim); !good) {
    return std::unexpected(good.error());
  }
  return share_right(here, winners(there, here, false, options));
}

Result<double> neighbour_accuracy_left_out(const LabelledVectors& rows, const NeighbourOptions& options) {
  const Rows all = labelled_rows(rows);
  if (auto good = check(all.labels.size() < 2 ? 0 : all.labels.size(), all.labels.size(), rows.dim, rows.dim); !good) {
    return std::unexpected(good.error());
  }
  return share_right(all, winners(all, all, true, options));
}

}  // namespace asterism
