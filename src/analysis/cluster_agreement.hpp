// How far two ways to put the same rows into groups agree: homogeneity, completeness, V-measure, NMI, AMI, ARI.
//
// As scikit-learn's functions of these names: NMI and AMI with the arithmetic mean as normaliser, V-measure with
// beta 1. Names of groups do not matter. Degenerate cases as there: one group on both sides, or every row its own,
// agree (1). Thread-safety: pure function. Cost: one pass over the rows; AMI's expected value takes groups x groups x
// the size of the smaller (Vinh, Epps, Bailey 2010, "Information Theoretic Measures for Clusterings Comparison").
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace asterism {

class ContingencyTable {
 public:
  // Labels are 0...; the spans have one length. Groups without rows are left out.
  ContingencyTable(std::span<const std::int32_t> truth, std::span<const std::int32_t> groups);

  double homogeneity() const;
  double completeness() const;
  double v_measure() const;
  double normalized_mutual_information() const;
  double adjusted_mutual_information() const;
  double adjusted_rand_index() const;

 private:
  double mutual_information() const;
  double expected_mutual_information() const;

  double row_count_ = 0.0;
  std::vector<double> cells_;   // [truth, groups]
  std::vector<double> truth_;   // rows of each
  std::vector<double> groups_;  // rows of each
};

}  // namespace asterism
