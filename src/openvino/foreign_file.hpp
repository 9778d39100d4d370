// Reading model files by the frontend of their format, whole or as far as one value. Private to src/openvino.
#pragma once

#include <exception>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>

#include <openvino/core/model.hpp>

#include "asterism/error.hpp"
#include "graph/foreign_model.hpp"
#include "openvino/foreign_graph.hpp"

namespace asterism {

// What is wrong in an exception of OpenVINO, which puts places in its own source before it.
std::string exception_text(const std::exception& exception);

// What must be there before a frontend is asked: the file, its beginning, and the files beside it.
Result<void> check_files(const std::filesystem::path& path, ForeignFormat format);

struct ForeignContents {
  std::shared_ptr<ov::Model> model;
  // The same with every value that the file names: TensorFlow Lite's frontend forgets the inner names otherwise.
  std::shared_ptr<ov::Model> with_inner_values;
};

class ForeignFile {
 public:
  ForeignFile(std::filesystem::path path, ForeignFormat format) : path_(std::move(path)), format_(format) {}

  std::string source() const { return path_.string(); }
  // Both may throw ov::Exception.
  ForeignContents read() const;
  // `name`: of a value that list_nodes() gave.
  Result<CutModel> read_cut(const std::string& name) const;

 private:
  std::filesystem::path path_;
  ForeignFormat format_;
};

}  // namespace asterism
