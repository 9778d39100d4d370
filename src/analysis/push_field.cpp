#include "analysis/push_field.hpp"

#include "analysis/barnes_hut_push.hpp"
#include "analysis/interpolated_push.hpp"

namespace asterism {
namespace {

constexpr std::size_t kExactPlacesMax = 2048;
// Between grid nodes. Measured against exact sums in tests/unit/analysis/push_field_test.cpp.
constexpr float kNodeSpacing = 0.4F;

class ExactPush final : public PushField {
 public:
  void update(const PlacesView& places, ThreadPool& /*pool*/) override { places_ = places; }
  StudentPush at(const Place& at) const override { return student_push(places_, at); }

 private:
  PlacesView places_;
};

}  // namespace

std::unique_ptr<PushField> make_push_field(PushMethod method, std::size_t place_count, std::size_t dim, float theta) {
  if (method == PushMethod::kExact || (method == PushMethod::kAuto && place_count <= kExactPlacesMax)) {
    return std::make_unique<ExactPush>();
  }
  if (dim == 2 && method != PushMethod::kBarnesHut) {
    return std::make_unique<InterpolatedPush>(kNodeSpacing);
  }
  return std::make_unique<BarnesHutPush>(theta);
}

}  // namespace asterism
