#include "analysis/typical_rows.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "analysis_support.hpp"
#include "base/thread_pool.hpp"

namespace asterism {
namespace {

TEST(TypicalRows, are_those_nearest_to_the_mean_of_their_cluster) {
  const std::vector<float> data{0.0F, 3.0F, 9.0F, 100.0F, 101.0F, 500.0F};
  const std::vector<std::int32_t> labels{0, 0, 0, 1, 1, -1};
  ThreadPool pool(2);
  const ClusterCenters centers = cluster_centers(view_of(data, 1), labels, 2, pool);
  EXPECT_EQ(centers.means, (std::vector<float>{4.0F, 100.5F}));
  EXPECT_EQ(centers.distances, (std::vector<float>{4.0F, 1.0F, 5.0F, 0.5F, 0.5F, 0.0F}));
  const auto typical = rows_by_typicality(centers.distances, labels, 2);
  EXPECT_EQ(typical[0], (std::vector<std::uint32_t>{1, 0, 2}));
  EXPECT_EQ(typical[1], (std::vector<std::uint32_t>{3, 4}));
}

}  // namespace
}  // namespace asterism
