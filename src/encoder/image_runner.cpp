#include "encoder/image_runner.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>
#include <mutex>
#include <utility>

#include "base/first_error.hpp"
#include "base/thread_pool.hpp"
#include "encoder/executables.hpp"
#include "image/decode.hpp"
#include "image/preprocess.hpp"

namespace asterism {
namespace {

// Working memory of one thread, kept between calls.
struct ImageScratch {
  Image image;
  PreprocessScratch preprocess;
  std::vector<float> pixels;  // of one batch
};

class ImageScratchPool {
 public:
  std::unique_ptr<ImageScratch> take() {
    const std::scoped_lock lock(mutex_);
    if (free_.empty()) {
      return std::make_unique<ImageScratch>();
    }
    auto scratch = std::move(free_.back());
    free_.pop_back();
    return scratch;
  }
  void put(std::unique_ptr<ImageScratch> scratch) {
    const std::scoped_lock lock(mutex_);
    free_.push_back(std::move(scratch));
  }

 private:
  std::mutex mutex_;
  std::vector<std::unique_ptr<ImageScratch>> free_;
};

class ImageRunner final : public Encoder::Impl {
 public:
  ImageRunner(ImageRunnerParts parts, EncoderInfo info) : parts_(std::move(parts)) { info_ = std::move(info); }

  Result<Embeddings> encode_images(std::span<const std::string_view> files) const override {
    return encode_rows(files.size(), [&](std::size_t row, ImageScratch& scratch, std::span<float> pixels,
                                         RowReport& report) { return read_file(files[row], scratch, pixels, report); });
  }

  Result<Embeddings> encode_pixels(const PixelsView& pixels) const override {
    // By division: a product of a stranger's row count could wrap around to the size that is there.
    if (pixels.values.size() % pixel_count() != 0 || pixels.values.size() / pixel_count() != pixels.row_count) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("pixels: expected {} x {} values, found {}", pixels.row_count,
                              shape_to_string(parts_.image_shape), pixels.values.size()));
    }
    return encode_rows(pixels.row_count, [&](std::size_t row, ImageScratch&, std::span<float> out, RowReport& report) {
      return copy_pixels(pixels.values.subspan(row * pixel_count(), pixel_count()), out, report);
    });
  }

 private:
  std::size_t pixel_count() const {
    return static_cast<std::size_t>(parts_.image_shape[0] * parts_.image_shape[1] * parts_.image_shape[2]);
  }

  Result<void> read_file(std::string_view file, ImageScratch& scratch, std::span<float> pixels,
                         RowReport& report) const {
    const std::span bytes(reinterpret_cast<const std::byte*>(file.data()), file.size());
    if (auto decoded = decode_image_into(bytes, parts_.decode, scratch.image); !decoded) {
      return decoded;
    }
    report.image_width = static_cast<std::uint32_t>(scratch.image.width);
    report.image_height = static_cast<std::uint32_t>(scratch.image.height);
    return preprocess_image_into(scratch.image, parts_.preprocess, pixels, scratch.preprocess);
  }

  Result<void> copy_pixels(std::span<const float> values, std::span<float> pixels, RowReport& report) const {
    report.image_width = static_cast<std::uint32_t>(parts_.image_shape[2]);
    report.image_height = static_cast<std::uint32_t>(parts_.image_shape[1]);
    if (!std::ranges::all_of(values, [](float value) { return std::isfinite(value); })) {
      return fail(ErrorCode::kInvalidArgument, "expected finite pixels, found NaN or infinity");
    }
    std::ranges::copy(values, pixels.begin());
    return {};
  }

  // `read` fills the pixels of one row, or says why the row fails.
  template <typename Read>
  Result<Embeddings> encode_rows(std::size_t row_count, const Read& read) const {
    Embeddings out;
    out.row_count = row_count;
    out.dim = parts_.dim;
    out.reports.resize(row_count);
    out.values.assign(row_count * parts_.dim, std::numeric_limits<float>::quiet_NaN());
    Executables::Choice choice;
    if (parts_.executables) {
      auto chosen = parts_.executables->choose(row_count);
      if (!chosen) {
        return std::unexpected(chosen.error());
      }
      choice = *chosen;
    }
    FirstError error;
    const auto run_batch = [&](std::size_t begin, std::size_t end) {
      auto scratch = scratch_.take();
      if (auto done = encode_batch(begin, end, choice, read, *scratch, out); !done) {
        error.set(done.error());
      }
      scratch_.put(std::move(scratch));
    };
    if (choice.executable != nullptr && choice.stream_count == 1) {
      // All threads are the model's: one batch after the other.
      for (std::size_t begin = 0; begin < row_count; begin += parts_.batch_image_count) {
        run_batch(begin, std::min(row_count, begin + parts_.batch_image_count));
      }
    } else if (row_count <= parts_.batch_image_count) {
      run_batch(0, row_count);
    } else {
      const std::scoped_lock lock(pool_mutex_);
      parts_.pool->parallel_for(row_count, parts_.batch_image_count, run_batch);
    }
    if (auto failed = error.take()) {
      return std::unexpected(*std::move(failed));
    }
    return out;
  }

  template <typename Read>
  Result<void> encode_batch(std::size_t begin, std::size_t end, const Executables::Choice& choice, const Read& read,
                            ImageScratch& scratch, Embeddings& out) const {
    scratch.pixels.resize(parts_.batch_image_count * pixel_count());
    std::vector<std::size_t> rows;  // that have pixels
    for (std::size_t row = begin; row < end; ++row) {
      const auto pixels = std::span(scratch.pixels).subspan(rows.size() * pixel_count(), pixel_count());
      if (auto done = read(row, scratch, pixels, out.reports[row]); done) {
        rows.push_back(row);
      } else {
        out.reports[row].error = done.error();
      }
    }
    if (rows.empty()) {
      return {};
    }
    std::vector<Tensor> results;
    if (choice.executable != nullptr) {
      auto ran = choice.executable->run({{parts_.input_name, batch_of(scratch.pixels, rows.size())}});
      if (!ran) {
        return std::unexpected(ran.error());
      }
      results = *std::move(ran);
    }
    place_results(rows, scratch.pixels, results, out);
    return {};
  }

  // Borrows the pixels: the tensor does not outlive the run.
  Tensor batch_of(std::span<const float> pixels, std::size_t row_count) const {
    Shape shape = parts_.image_shape;
    shape.insert(shape.begin(), static_cast<std::int64_t>(row_count));
    return {DType::kF32, std::move(shape), std::as_bytes(pixels.first(row_count * pixel_count())), nullptr};
  }

  void place_results(std::span<const std::size_t> rows, std::span<const float> pixels,
                     const std::vector<Tensor>& results, Embeddings& out) const {
    std::size_t computed = 0;
    for (std::size_t i = 0; i < parts_.outputs.size(); ++i) {
      const EmbeddingOutput& output = parts_.outputs[i];
      const std::span<const float> values = parts_.is_input[i] ? pixels : results[computed].as<float>();
      computed += parts_.is_input[i] ? std::size_t{0} : std::size_t{1};
      for (std::size_t j = 0; j < rows.size(); ++j) {
        std::ranges::copy(values.subspan(j * output.size, output.size),
                          out.values.begin() + static_cast<std::ptrdiff_t>(rows[j] * parts_.dim + output.offset));
      }
    }
  }

  ImageRunnerParts parts_;
  mutable ImageScratchPool scratch_;
  mutable std::mutex pool_mutex_;  // the pool runs one loop at a time
};

}  // namespace

void set_execution(ImageRunnerParts& parts, Executables::Compile compile, ComputePrecision precision,
                   const EncoderOptions& options) {
  const std::size_t thread_count = options.thread_count != 0 ? options.thread_count : available_processor_count();
  const std::size_t batch = options.batch_image_count != 0 ? options.batch_image_count : kDefaultBatchImageCount;
  parts.batch_image_count = options.batch_invariant ? 1 : batch;
  parts.pool = std::make_unique<ThreadPool>(thread_count);
  if (compile) {
    parts.executables = std::make_unique<Executables>(
        std::move(compile), Executables::Options{.precision = precision,
                                                 .thread_count = thread_count,
                                                 .bulk_only = options.batch_invariant,
                                                 .small_size_per_thread = parts.batch_image_count,
                                                 .compile_size = 4 * parts.batch_image_count,
                                                 .bulk_row_count = parts.batch_image_count});
  }
}

std::unique_ptr<Encoder::Impl> make_image_runner(ImageRunnerParts parts, EncoderInfo info) {
  return std::make_unique<ImageRunner>(std::move(parts), std::move(info));
}

}  // namespace asterism
