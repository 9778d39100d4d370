// The curve 1 / (1 + a x^(2 b)) by which UMAP turns distances on the map into nearness.
//
// As umap-learn's find_ab_params: least squares to 1 up to min_dist and exp(-(x - min_dist) / spread) beyond, over 300
// points of [0, 3 spread]. Cost: microseconds. Parity: tests/golden/umap.
#pragma once

namespace asterism {

struct UmapCurve {
  double a = 1.0;
  double b = 1.0;
};

// spread > 0, 0 <= min_dist <= spread.
UmapCurve fit_umap_curve(double min_dist, double spread);

}  // namespace asterism
