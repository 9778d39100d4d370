// The way of images through an encoder: decode, preprocess and run, each thread its own batch from file to result.
//
// While one thread waits for its decoder another runs the model: nothing stands between the two but the number of
// threads. A few images (fewer than a batch a thread) are run by all threads together.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "asterism/encoder.hpp"
#include "base/thread_pool.hpp"
#include "encoder/encoder_impl.hpp"
#include "encoder/executables.hpp"
#include "image/decode.hpp"
#include "image/preprocess.hpp"
#include "tensor/tensor.hpp"

namespace asterism {

// Images of one run: weights are read once for all of them, and their activations still fit the cache.
inline constexpr std::size_t kDefaultBatchImageCount = 8;

struct ImageRunnerParts {
  ImagePreprocess preprocess;
  DecodeOptions decode;
  Shape image_shape;       // channels, height, width
  std::string input_name;  // of the feed
  std::vector<EmbeddingOutput> outputs;
  std::vector<bool> is_input;  // one an output: it is the preprocessed image itself
  std::size_t dim = 0;
  std::unique_ptr<Executables> executables = nullptr;  // its outputs in the order of `outputs`; null: none is computed
  std::unique_ptr<ThreadPool> pool = nullptr;
  std::size_t batch_image_count = 0;
};

std::unique_ptr<Encoder::Impl> make_image_runner(ImageRunnerParts parts, EncoderInfo info);

// Threads and batches as the options say; `compile` is null when nothing is computed.
void set_execution(ImageRunnerParts& parts, Executables::Compile compile, ComputePrecision precision,
                   const EncoderOptions& options);

}  // namespace asterism
