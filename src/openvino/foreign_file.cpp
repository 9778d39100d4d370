#include "openvino/foreign_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <vector>

#include <openvino/frontend/manager.hpp>

#include "base/file.hpp"
#include "openvino/onnx_external.hpp"

namespace asterism {
namespace {

namespace fs = std::filesystem;

const char* frontend_name(ForeignFormat format) noexcept {
  switch (format) {
    case ForeignFormat::kOnnx:
      return "onnx";
    case ForeignFormat::kTfLite:
      return "tflite";
    case ForeignFormat::kOpenVinoIr:
      break;
  }
  return "ir";
}

// One frontend and the file that it opened. Frontends are asked by name: to try them all makes some write to the
// standard error.
class OpenFile {
 public:
  OpenFile(const fs::path& path, ForeignFormat format) : frontend_(manager_.load_by_framework(frontend_name(format))) {
    input_ = format == ForeignFormat::kOpenVinoIr
                 ? frontend_->load(path.string(), fs::path(path).replace_extension(".bin").string())
                 : frontend_->load(path.string());
  }

  std::shared_ptr<ov::Model> convert() { return frontend_->convert(input_); }

  // Every value that an operation of the file gives, constants apart.
  std::vector<std::string> inner_names() {
    std::vector<std::string> out;
    for (const auto& node : frontend_->decode(input_)->get_ordered_ops()) {
      const std::string_view type = node->get_type_name();
      if (type == "Constant" || type == "Parameter" || type == "Result") {
        continue;
      }
      for (const auto& output : node->outputs()) {
        if (const std::string name = name_of(output); !name.empty()) {
          out.push_back(name);
        }
      }
    }
    return out;
  }

  void set_outputs(const std::vector<std::string>& names) {
    std::vector<ov::frontend::Place::Ptr> places;
    for (const std::string& name : names) {
      if (const auto place = input_->get_place_by_tensor_name(name)) {
        places.push_back(place);
      }
    }
    input_->override_all_outputs(places);
  }

 private:
  ov::frontend::FrontEndManager manager_;
  ov::frontend::FrontEnd::Ptr frontend_;
  ov::frontend::InputModel::Ptr input_;
};

Result<void> check_tflite(const fs::path& path) {
  const auto file = MappedFile::open(path);
  if (!file) {
    return std::unexpected(file.error());
  }
  constexpr std::size_t kIdentifierAt = 4;
  const std::string_view text(reinterpret_cast<const char*>(file->bytes().data()), file->bytes().size());
  if (text.size() <= kIdentifierAt || !text.substr(kIdentifierAt).starts_with("TFL3")) {
    return fail(ErrorCode::kCorrupt,
                fmt::format("{}: expected a TensorFlow Lite model (TFL3), found other bytes", path.string()),
                "the file is damaged or cut short: download it again");
  }
  return {};
}

Result<void> check_ir(const fs::path& path) {
  if (const auto file = MappedFile::open(path); !file) {
    return std::unexpected(file.error());
  }
  std::error_code ec;
  const fs::path weights = fs::path(path).replace_extension(".bin");
  if (!fs::is_regular_file(weights, ec)) {
    return fail(ErrorCode::kNotFound,
                fmt::format("{}: expected its weights in {} beside it, found no such file", path.string(),
                            weights.filename().string()),
                "copy the file into the model's folder: an OpenVINO model is two files");
  }
  return {};
}

}  // namespace

std::string exception_text(const std::exception& exception) {
  constexpr std::size_t kTextSizeBytesMax = 400;
  std::string_view rest = exception.what();
  std::string out;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    const std::string_view line = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (line.empty() || line.starts_with("Exception from ") || line.starts_with("Check '")) {
      continue;
    }
    out += fmt::format("{}{}", out.empty() ? "" : "; ", line);
    if (out.size() > kTextSizeBytesMax) {
      return out.substr(0, kTextSizeBytesMax) + "...";
    }
  }
  return out.empty() ? std::string(exception.what()) : out;
}

Result<void> check_files(const fs::path& path, ForeignFormat format) {
  switch (format) {
    case ForeignFormat::kOnnx:
      return check_onnx_external(path);
    case ForeignFormat::kTfLite:
      return check_tflite(path);
    case ForeignFormat::kOpenVinoIr:
      break;
  }
  return check_ir(path);
}

ForeignContents ForeignFile::read() const {
  ForeignContents contents;
  contents.model = OpenFile(path_, format_).convert();
  contents.with_inner_values = contents.model;
  if (format_ == ForeignFormat::kTfLite) {
    OpenFile file(path_, format_);
    file.set_outputs(OpenFile(path_, format_).inner_names());
    contents.with_inner_values = file.convert();
  }
  return contents;
}

Result<CutModel> ForeignFile::read_cut(const std::string& name) const {
  OpenFile file(path_, format_);
  if (format_ == ForeignFormat::kTfLite) {
    file.set_outputs({name});
  }
  const std::shared_ptr<ov::Model> model = file.convert();
  const auto value = find_value(*model, name);
  if (!value) {
    return fail(ErrorCode::kUnsupported,
                fmt::format("{}: the value '{}' is gone once OpenVINO has converted the model", source(), name));
  }
  return cut_at(*value);
}

}  // namespace asterism
