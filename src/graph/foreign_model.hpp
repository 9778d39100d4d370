// Models that nobody here builds a graph for: whole networks in files of their own (ONNX, TensorFlow Lite, OpenVINO
// IR), opened by a backend, cut at any named value and run as an Executable.
//
// Images only, for now: one input of rank 4 with 1 or 3 channels. Whatever the file's layout and element type, the
// executable takes one feed, kForeignInputName, f32 [rows, channels, height, width] of preprocessed pixels, and gives
// one tensor, f32 [rows, row_shape...]. Ownership: values; executables outlive the model they came from. Thread-safety:
// a ForeignModel may be used from many threads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "asterism/error.hpp"
#include "graph/backend.hpp"

namespace asterism {

inline constexpr std::string_view kForeignInputName = "input";
// A dimension that the file leaves open.
inline constexpr std::int64_t kFreeDim = -1;

enum class ForeignFormat : std::uint8_t { kOnnx, kTfLite, kOpenVinoIr };
// By the file's ending: .onnx, .tflite, .xml.
std::optional<ForeignFormat> foreign_format(const std::filesystem::path& path);
std::string_view foreign_format_name(ForeignFormat format) noexcept;

enum class ImageLayout : std::uint8_t { kChannelsFirst, kChannelsLast };

// An input or output as the file has it.
struct ForeignPort {
  std::string name;
  std::vector<std::int64_t> shape;
  std::string element_type;  // "f32", "u8"
};

// A value inside the model at which it can be cut.
struct ForeignNode {
  std::string name;
  std::string op;                        // OpenVINO's word
  std::vector<std::int64_t> shape;       // for one image, in the file's layout
  std::uint64_t multiply_add_count = 0;  // for one image, of all that this value needs; an estimate (convolutions and
                                         // matrix products only)
};

struct ForeignModelInfo {
  ForeignFormat format = ForeignFormat::kOnnx;
  std::vector<ForeignPort> inputs;
  std::vector<ForeignPort> outputs;
  std::vector<ForeignNode> nodes;  // in the order of computation, outputs among them
  std::size_t op_count = 0;        // of the whole model, constants apart
};

struct ForeignImageInput {
  std::string name;
  ImageLayout layout = ImageLayout::kChannelsFirst;
  std::int64_t channels = 3;
  std::int64_t height = 0;  // 0: the file leaves it open
  std::int64_t width = 0;
  bool quantised = false;  // takes bytes: pixels are fed from 0 to 255
};

struct ForeignCompileOptions {
  CompileOptions compile{};
  std::string output{};                 // of ForeignModelInfo::nodes or outputs; empty: the first output
  std::optional<ImageLayout> layout{};  // where the shape does not tell
  std::int64_t height = 0;              // where the file leaves the size open; 0: what the file says
  std::int64_t width = 0;
};

struct ForeignCompiled {
  std::unique_ptr<Executable> executable;
  std::string output;
  std::vector<std::int64_t> row_shape;  // of one image
  ForeignImageInput input;              // with the size that runs
  std::size_t op_count = 0;             // what is left after the cut
  std::size_t op_count_whole = 0;
  bool one_by_one = false;   // the file fixes the batch: images run one at a time
  bool dequantised = false;  // the output was quantised: its codes are turned into the values they stand for
  ComputePrecision precision = ComputePrecision::kF32;  // what the processor really runs
};

class ForeignModel {
 public:
  virtual ~ForeignModel() = default;
  virtual const ForeignModelInfo& info() const noexcept = 0;
  // kUnsupported when the model takes anything but one image, or when the shape does not tell the layout.
  virtual Result<ForeignImageInput> image_input(std::optional<ImageLayout> layout) const = 0;
  // kNotFound names the nearest values.
  virtual Result<ForeignCompiled> compile(const ForeignCompileOptions& options) const = 0;
};

}  // namespace asterism
