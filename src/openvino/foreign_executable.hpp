// A compiled model from a file as an Executable: images in, one tensor out. Private to src/openvino.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include <openvino/runtime/compiled_model.hpp>
#include <openvino/runtime/infer_request.hpp>

#include "graph/foreign_model.hpp"
#include "openvino/request_pool.hpp"

namespace asterism {

struct ForeignExecutableOptions {
  std::size_t request_count = 1;          // runs at the same time
  std::vector<std::int64_t> image_shape;  // [channels, height, width]
  std::vector<std::int64_t> row_shape;    // of the output, for one image
  bool one_by_one = false;
  std::string source;  // names the model in errors
};

class ForeignExecutable final : public Executable {
 public:
  // `model` takes f32 [rows, channels, height, width] and gives f32.
  ForeignExecutable(ov::CompiledModel model, ForeignExecutableOptions options);
  Result<std::vector<Tensor>> run(const std::vector<Feed>& feeds) const override;

 private:
  Result<const Tensor*> check(const std::vector<Feed>& feeds) const;
  Result<void> infer(const Tensor& images, Tensor& out) const;

  mutable RequestPool requests_;
  ForeignExecutableOptions options_;
};

}  // namespace asterism
