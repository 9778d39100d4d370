// The weights of resampling filters, as Pillow and PyTorch compute them.
#pragma once

#include <cstdint>

#include "image/preprocess.hpp"
#include "kernels/image_rows.hpp"

namespace asterism {

// For `input_size` samples that become `output_size`; not for kNearest.
FilterTaps make_filter_taps(std::int64_t input_size, std::int64_t output_size, Interpolation interpolation,
                            ResizeArithmetic arithmetic);

}  // namespace asterism
