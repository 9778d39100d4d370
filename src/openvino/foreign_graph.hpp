// A model that OpenVINO read from a file: what is in it, what each value costs, and the part that one value needs.
// Private to src/openvino.
//
// All functions may throw ov::Exception: the caller catches.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <openvino/core/model.hpp>

#include "asterism/error.hpp"
#include "graph/foreign_model.hpp"

namespace asterism {

// Operations that compute something: no constants, parameters or results.
std::size_t count_ops(const ov::Model& model);

std::vector<std::int64_t> dims_of(const ov::PartialShape& shape);

// The name that the file gives a value (the first of several, in the order of their bytes); empty when it has none.
std::string name_of(const ov::Output<ov::Node>& output);

// Every named value that depends on an input, in the order of computation, with what it costs.
std::vector<ForeignNode> list_nodes(const ov::Model& model);

// A value by its name, or by the name of its operation.
std::optional<ov::Output<ov::Node>> find_value(const ov::Model& model, std::string_view name);

struct CutModel {
  std::shared_ptr<ov::Model> model;  // one result, f32
  std::size_t op_count = 0;          // before anything was added
  bool dequantised = false;
};

// Only what `value` needs; the operations behind it are gone. Codes of a quantised output become the values they stand
// for. The nodes are shared with the model that `value` is of.
CutModel cut_at(const ov::Output<ov::Node>& value);

}  // namespace asterism
