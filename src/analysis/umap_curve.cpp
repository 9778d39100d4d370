#include "analysis/umap_curve.hpp"

#include <array>
#include <cmath>
#include <cstddef>

namespace asterism {
namespace {

constexpr std::size_t kPoints = 300;
constexpr int kIterationsMax = 200;

struct Samples {
  std::array<double, kPoints> x{};
  std::array<double, kPoints> y{};
};

Samples samples_of(double min_dist, double spread) {
  Samples samples;
  for (std::size_t i = 0; i < kPoints; ++i) {
    const double x = 3.0 * spread * static_cast<double>(i) / static_cast<double>(kPoints - 1);
    samples.x[i] = x;
    samples.y[i] = x < min_dist ? 1.0 : std::exp(-(x - min_dist) / spread);
  }
  return samples;
}

// The normal equations of one step: J^T J, J^T r and r^T r.
struct Normal {
  double aa = 0.0;
  double ab = 0.0;
  double bb = 0.0;
  double ra = 0.0;
  double rb = 0.0;
  double cost = 0.0;
};

Normal normal_at(const Samples& samples, const UmapCurve& curve) {
  Normal normal;
  for (std::size_t i = 0; i < kPoints; ++i) {
    const double x = samples.x[i];
    const double power = x > 0.0 ? std::pow(x, 2.0 * curve.b) : 0.0;
    const double value = 1.0 / (1.0 + curve.a * power);
    const double residual = samples.y[i] - value;
    const double by_a = -power * value * value;
    const double by_b = x > 0.0 ? curve.a * by_a * 2.0 * std::log(x) : 0.0;
    normal.aa += by_a * by_a;
    normal.ab += by_a * by_b;
    normal.bb += by_b * by_b;
    normal.ra += by_a * residual;
    normal.rb += by_b * residual;
    normal.cost += residual * residual;
  }
  return normal;
}

}  // namespace

UmapCurve fit_umap_curve(double min_dist, double spread) {
  const Samples samples = samples_of(min_dist, spread);
  UmapCurve curve;
  Normal normal = normal_at(samples, curve);
  double damping = 1e-3;
  // Levenberg and Marquardt.
  for (int i = 0; i < kIterationsMax && damping < 1e12; ++i) {
    const double aa = normal.aa * (1.0 + damping);
    const double bb = normal.bb * (1.0 + damping);
    const double determinant = aa * bb - normal.ab * normal.ab;
    const double step_a = (bb * normal.ra - normal.ab * normal.rb) / determinant;
    const double step_b = (aa * normal.rb - normal.ab * normal.ra) / determinant;
    const UmapCurve tried{curve.a + step_a, curve.b + step_b};
    const Normal next = normal_at(samples, tried);
    if (tried.a > 0.0 && tried.b > 0.0 && next.cost <= normal.cost) {
      const bool has_converged = std::abs(step_a) < 1e-12 * curve.a && std::abs(step_b) < 1e-12 * curve.b;
      curve = tried;
      normal = next;
      damping /= 10.0;
      if (has_converged) {
        break;
      }
    } else {
      damping *= 10.0;
    }
  }
  return curve;
}

}  // namespace asterism
