#include "analysis/aligned_places.hpp"

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>

namespace asterism {
namespace {

using Row = Eigen::VectorXd;

Row row_of(std::span<const float> places, std::size_t component_count, std::size_t row) {
  Row out(static_cast<Eigen::Index>(component_count));
  for (std::size_t c = 0; c < component_count; ++c) {
    out[static_cast<Eigen::Index>(c)] = static_cast<double>(places[row * component_count + c]);
  }
  return out;
}

}  // namespace

std::vector<float> aligned_places(std::span<const float> places, std::span<const float> reference,
                                  std::size_t component_count) {
  std::vector<float> out(places.begin(), places.end());
  const auto dim = static_cast<Eigen::Index>(component_count);
  Row mean = Row::Zero(dim);
  Row reference_mean = Row::Zero(dim);
  std::vector<std::size_t> shared;
  for (std::size_t row = 0; row * component_count < places.size(); ++row) {
    const Row here = row_of(places, component_count, row);
    const Row there = row_of(reference, component_count, row);
    if (here.allFinite() && there.allFinite()) {
      mean += here;
      reference_mean += there;
      shared.push_back(row);
    }
  }
  if (shared.size() < 2) {
    return out;
  }
  mean /= static_cast<double>(shared.size());
  reference_mean /= static_cast<double>(shared.size());
  Eigen::MatrixXd products = Eigen::MatrixXd::Zero(dim, dim);
  for (const std::size_t row : shared) {
    products += (row_of(reference, component_count, row) - reference_mean) *
                (row_of(places, component_count, row) - mean).transpose();
  }
  const Eigen::JacobiSVD<Eigen::MatrixXd> svd(products, Eigen::ComputeFullU | Eigen::ComputeFullV);
  const Eigen::MatrixXd turn = svd.matrixU() * svd.matrixV().transpose();
  for (std::size_t row = 0; row * component_count < places.size(); ++row) {
    const Row moved = turn * (row_of(places, component_count, row) - mean) + reference_mean;
    for (std::size_t c = 0; c < component_count; ++c) {
      out[row * component_count + c] = static_cast<float>(moved[static_cast<Eigen::Index>(c)]);
    }
  }
  return out;
}

}  // namespace asterism
