#include "image/resize.hpp"

#include <algorithm>
#include <cstring>

#include "image/filter_weights.hpp"
#include "image/geometry.hpp"
#include "image/torch_interpolate.hpp"

namespace asterism {
namespace {

constexpr std::size_t kChannels = 3;

std::size_t to_size(std::int64_t value) {
  return static_cast<std::size_t>(value);
}

ConstImageRows rows_of(const Image& image) {
  return {image.pixels.data(), to_size(image.width) * kChannels};
}

const FilterTaps& cached_taps(ResizeScratch::CachedTaps& cache, std::int64_t input_size, std::int64_t output_size,
                              const ResizeOptions& options) {
  if (!cache.taps || cache.input_size != input_size || cache.output_size != output_size ||
      cache.interpolation != options.interpolation || cache.arithmetic != options.arithmetic) {
    cache.taps = make_filter_taps(input_size, output_size, options.interpolation, options.arithmetic);
    cache.input_size = input_size;
    cache.output_size = output_size;
    cache.interpolation = options.interpolation;
    cache.arithmetic = options.arithmetic;
  }
  return *cache.taps;
}

// Where Pillow's affine transform looks for each output position: it adds the step up in double, which drifts, and
// leaves black what falls outside.
std::vector<std::int64_t> nearest_positions(std::int64_t input_size, std::int64_t output_size) {
  const double step = static_cast<double>(static_cast<float>(input_size)) / static_cast<double>(output_size);
  std::vector<std::int64_t> positions(to_size(output_size));
  double at = step * 0.5;
  for (std::int64_t& position : positions) {
    const auto whole = static_cast<std::int64_t>(at);
    position = whole < input_size ? whole : -1;
    at += step;
  }
  return positions;
}

void resize_nearest(const Image& image, ImageSize size, const ImageWindow& window, ImageRows out) {
  const std::vector<std::int64_t> columns = nearest_positions(image.width, size.width);
  const std::vector<std::int64_t> lines = nearest_positions(image.height, size.height);
  const ConstImageRows in = rows_of(image);
  for (std::int64_t y = 0; y < window.height; ++y) {
    std::uint8_t* to = out.data + to_size(y) * out.stride_bytes;
    const std::int64_t line = lines[to_size(window.y + y)];
    for (std::int64_t x = 0; x < window.width; ++x, to += kChannels) {
      const std::int64_t column = columns[to_size(window.x + x)];
      if (line < 0 || column < 0) {
        std::memset(to, 0, kChannels);
      } else {
        std::memcpy(to, in.data + to_size(line) * in.stride_bytes + to_size(column) * kChannels, kChannels);
      }
    }
  }
}

// Rows [first, first + count) filtered along themselves. The image's last rows have too little memory behind them for
// the kernel and go through a copy.
void filter_image_rows(const Image& image, std::size_t first, std::size_t count, const FilterTaps& taps,
                       const ImageWindow& window, ResizeScratch& scratch, ImageRows out) {
  const ConstImageRows in = rows_of(image);
  const std::size_t tail_rows = std::min(kImageRowPaddingBytes / in.stride_bytes + 1, to_size(image.height));
  const std::size_t direct_end = std::max(first, std::min(first + count, to_size(image.height) - tail_rows));
  const std::size_t direct_count = direct_end - first;
  if (direct_count > 0) {
    filter_rgb_rows({in.data + first * in.stride_bytes, in.stride_bytes}, direct_count, taps, to_size(window.x),
                    to_size(window.width), out);
  }
  if (direct_count == count) {
    return;
  }
  const std::size_t rest = count - direct_count;
  const std::size_t stride_bytes = in.stride_bytes + kImageRowPaddingBytes;
  scratch.tail.resize(rest * stride_bytes);
  for (std::size_t row = 0; row < rest; ++row) {
    std::memcpy(scratch.tail.data() + row * stride_bytes, in.data + (direct_end + row) * in.stride_bytes,
                in.stride_bytes);
  }
  filter_rgb_rows({scratch.tail.data(), stride_bytes}, rest, taps, to_size(window.x), to_size(window.width),
                  {out.data + direct_count * out.stride_bytes, out.stride_bytes});
}

std::size_t end_of(const FilterTaps& taps, std::size_t position) {
  return taps.begin(position) + taps.size(position);
}

// Both passes, along the rows first.
void resize_rows_first(const Image& image, const FilterTaps& across, const FilterTaps& along, const ImageWindow& window,
                       ResizeScratch& scratch, ImageRows out) {
  const std::size_t first_row = across.begin(to_size(window.y));
  const std::size_t row_count = end_of(across, to_size(window.y + window.height - 1)) - first_row;
  const std::size_t stride_bytes = padded_stride_bytes(window.width);
  scratch.between.resize(row_count * stride_bytes);
  filter_image_rows(image, first_row, row_count, along, window, scratch, {scratch.between.data(), stride_bytes});
  for (std::size_t y = 0; y < to_size(window.height); ++y) {
    filter_across_rows({scratch.between.data(), stride_bytes}, first_row, across, to_size(window.y) + y,
                       {out.data + y * out.stride_bytes, to_size(window.width) * kChannels});
  }
}

// Both passes, across the rows first; only the columns that the window needs.
void resize_columns_first(const Image& image, const FilterTaps& across, const FilterTaps& along,
                          const ImageWindow& window, ResizeScratch& scratch, ImageRows out) {
  const std::size_t begin = along.begin(to_size(window.x)) * kChannels;
  const std::size_t end = end_of(along, to_size(window.x + window.width - 1)) * kChannels;
  const std::size_t stride_bytes = padded_stride_bytes(image.width);
  const ConstImageRows in = rows_of(image);
  scratch.between.resize(to_size(window.height) * stride_bytes);
  for (std::size_t y = 0; y < to_size(window.height); ++y) {
    filter_across_rows({in.data + begin, in.stride_bytes}, 0, across, to_size(window.y) + y,
                       {scratch.between.data() + y * stride_bytes + begin, end - begin});
  }
  filter_rgb_rows({scratch.between.data(), stride_bytes}, to_size(window.height), along, to_size(window.x),
                  to_size(window.width), out);
}

void copy_window(const Image& image, const ImageWindow& window, ImageRows out) {
  const ConstImageRows in = rows_of(image);
  for (std::size_t y = 0; y < to_size(window.height); ++y) {
    std::memcpy(out.data + y * out.stride_bytes,
                in.data + (to_size(window.y) + y) * in.stride_bytes + to_size(window.x) * kChannels,
                to_size(window.width) * kChannels);
  }
}

void resize_filtered(const Image& image, ImageSize size, const ResizeOptions& options, const ImageWindow& window,
                     ResizeScratch& scratch, ImageRows out) {
  const bool is_wider = size.width != image.width;
  const bool is_taller = size.height != image.height;
  if (!is_wider && !is_taller) {
    return copy_window(image, window, out);
  }
  if (!is_taller) {
    const FilterTaps& along = cached_taps(scratch.horizontal, image.width, size.width, options);
    return filter_image_rows(image, to_size(window.y), to_size(window.height), along, window, scratch, out);
  }
  const FilterTaps& across = cached_taps(scratch.vertical, image.height, size.height, options);
  if (!is_wider) {
    const ConstImageRows in = rows_of(image);
    for (std::size_t y = 0; y < to_size(window.height); ++y) {
      filter_across_rows({in.data + to_size(window.x) * kChannels, in.stride_bytes}, 0, across, to_size(window.y) + y,
                         {out.data + y * out.stride_bytes, to_size(window.width) * kChannels});
    }
    return;
  }
  const FilterTaps& along = cached_taps(scratch.horizontal, image.width, size.width, options);
  // Pillow 13's choice: the order of the passes shows in the rounding between them.
  const std::int64_t height_loss = image.height - size.height;
  const bool columns_first = options.arithmetic == ResizeArithmetic::kPillow && height_loss > 0 &&
                             height_loss > 2 * (image.width - size.width);
  if (columns_first) {
    resize_columns_first(image, across, along, window, scratch, out);
  } else {
    resize_rows_first(image, across, along, window, scratch, out);
  }
}

}  // namespace

std::size_t padded_stride_bytes(std::int64_t width) noexcept {
  const std::size_t size_bytes = to_size(width) * kChannels + kImageRowPaddingBytes;
  return (size_bytes + kImageRowPaddingBytes - 1) / kImageRowPaddingBytes * kImageRowPaddingBytes;
}

void resize_window(const Image& image, ImageSize size, const ResizeOptions& options, const ImageWindow& window,
                   ResizeScratch& scratch, ImageRows out) {
  const bool has_torch_form =
      options.interpolation == Interpolation::kBilinear || options.interpolation == Interpolation::kBicubic;
  if (options.interpolation == Interpolation::kNearest) {
    resize_nearest(image, size, window, out);
  } else if (!options.antialias && has_torch_form) {
    interpolate_window(image, size, options.interpolation, window, scratch.floats, out);
  } else {
    resize_filtered(image, size, options, window, scratch, out);
  }
}

Result<Image> resize_image(const Image& image, ImageSize size, const ResizeOptions& options) {
  if (auto checked = check_resize({image.width, image.height}, size); !checked) {
    return std::unexpected(std::move(checked.error()));
  }
  if (image.pixels.size() != to_size(image.width * image.height) * kChannels) {
    return fail(ErrorCode::kInvalidArgument, "resize: expected three bytes for each pixel, found another number");
  }
  ResizeScratch scratch;
  const std::size_t stride_bytes = padded_stride_bytes(size.width);
  std::vector<std::uint8_t> rows(to_size(size.height) * stride_bytes);
  resize_window(image, size, options, {0, 0, size.width, size.height}, scratch, {rows.data(), stride_bytes});
  Image resized{size.width, size.height, std::vector<std::uint8_t>(to_size(size.width * size.height) * kChannels)};
  for (std::size_t y = 0; y < to_size(size.height); ++y) {
    std::memcpy(resized.pixels.data() + y * to_size(size.width) * kChannels, rows.data() + y * stride_bytes,
                to_size(size.width) * kChannels);
  }
  return resized;
}

}  // namespace asterism
