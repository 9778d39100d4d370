#include "weights/pickle_rules.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string>

#include "weights/pickle.hpp"
#include "weights/printable.hpp"

namespace asterism {
namespace {

struct Known {
  std::string_view module;
  std::string_view name;
  PickleRule rule;
  std::optional<DType> dtype = std::nullopt;
};

constexpr std::array kKnown{
    Known{"collections", "OrderedDict", PickleRule::kOrderedDict},
    Known{"collections", "Counter", PickleRule::kCounter},
    Known{"builtins", "set", PickleRule::kSet},
    Known{"__builtin__", "set", PickleRule::kSet},
    Known{"argparse", "Namespace", PickleRule::kNamespace},
    Known{"_codecs", "encode", PickleRule::kEncode},
    Known{"numpy", "dtype", PickleRule::kNumpyType},
    Known{"numpy.core.multiarray", "scalar", PickleRule::kNumpyScalar},
    Known{"numpy._core.multiarray", "scalar", PickleRule::kNumpyScalar},
    Known{"torch", "Size", PickleRule::kSize},
    Known{"torch", "device", PickleRule::kDevice},
    Known{"torch", "Tensor", PickleRule::kTensorClass},
    Known{"torch.nn.parameter", "Parameter", PickleRule::kTensorClass},
    Known{"torch._utils", "_rebuild_tensor", PickleRule::kRebuildTensor},
    Known{"torch._utils", "_rebuild_tensor_v2", PickleRule::kRebuildTensor},
    Known{"torch._utils", "_rebuild_tensor_v3", PickleRule::kRebuildTensorV3},
    Known{"torch._utils", "_rebuild_parameter", PickleRule::kRebuildParameter},
    Known{"torch._utils", "_rebuild_parameter_with_state", PickleRule::kRebuildParameter},
    Known{"torch._tensor", "_rebuild_from_type_v2", PickleRule::kRebuildFromType},
    Known{"torch", "UntypedStorage", PickleRule::kStorageClass},
    Known{"torch.storage", "UntypedStorage", PickleRule::kStorageClass},
    Known{"torch", "DoubleStorage", PickleRule::kStorageClass, DType::kF64},
    Known{"torch", "FloatStorage", PickleRule::kStorageClass, DType::kF32},
    Known{"torch", "HalfStorage", PickleRule::kStorageClass, DType::kF16},
    Known{"torch", "BFloat16Storage", PickleRule::kStorageClass, DType::kBF16},
    Known{"torch", "LongStorage", PickleRule::kStorageClass, DType::kI64},
    Known{"torch", "IntStorage", PickleRule::kStorageClass, DType::kI32},
    Known{"torch", "ShortStorage", PickleRule::kStorageClass, DType::kI16},
    Known{"torch", "CharStorage", PickleRule::kStorageClass, DType::kI8},
    Known{"torch", "ByteStorage", PickleRule::kStorageClass, DType::kU8},
    Known{"torch", "BoolStorage", PickleRule::kStorageClass, DType::kBool},
    Known{"torch", "float64", PickleRule::kDTypeName, DType::kF64},
    Known{"torch", "float32", PickleRule::kDTypeName, DType::kF32},
    Known{"torch", "float16", PickleRule::kDTypeName, DType::kF16},
    Known{"torch", "bfloat16", PickleRule::kDTypeName, DType::kBF16},
    Known{"torch", "int64", PickleRule::kDTypeName, DType::kI64},
    Known{"torch", "int32", PickleRule::kDTypeName, DType::kI32},
    Known{"torch", "int16", PickleRule::kDTypeName, DType::kI16},
    Known{"torch", "int8", PickleRule::kDTypeName, DType::kI8},
    Known{"torch", "uint8", PickleRule::kDTypeName, DType::kU8},
    Known{"torch", "bool", PickleRule::kDTypeName, DType::kBool},
};

// Tensors that torch has and this program does not.
struct Unsupported {
  std::string_view module;
  std::string_view part;  // of the name
  std::string_view what;
};
constexpr std::array kUnsupported{
    Unsupported{"torch._utils", "_rebuild_qtensor", "a quantised tensor"},
    Unsupported{"torch", "QInt", "a quantised tensor"},
    Unsupported{"torch", "QUInt", "a quantised tensor"},
    Unsupported{"torch", "qint", "a quantised tensor"},
    Unsupported{"torch", "quint", "a quantised tensor"},
    Unsupported{"torch", "per_", "a quantised tensor"},
    Unsupported{"torch._utils", "_rebuild_sparse", "a sparse tensor"},
    Unsupported{"torch._utils", "_rebuild_", "a tensor of an unusual kind"},
    Unsupported{"torch", "Complex", "a tensor of complex numbers"},
    Unsupported{"torch", "complex", "a tensor of complex numbers"},
    Unsupported{"torch", "float8", "a tensor of 8-bit floats"},
    Unsupported{"torch", "uint", "a tensor of unsigned integers wider than 8 bits"},
};

std::unexpected<Error> refuse_global(std::string_view module, std::string_view name, std::string_view source) {
  const std::string full = printable(fmt::format("{}.{}", module, name));
  for (const Unsupported& row : kUnsupported) {
    if (module == row.module && name.starts_with(row.part)) {
      return fail(
          ErrorCode::kUnsupported,
          fmt::format("{}: expected tensors of floats, integers or booleans, found {} ({})", source, row.what, full),
          "convert the checkpoint's tensors to float32 in Python and save it again");
    }
  }
  return fail(ErrorCode::kUnsupported,
              fmt::format("{}: expected tensors, dicts and plain values, found the class {}: refused, nothing was run",
                          source, full),
              "if you trust the file: load it in Python, and save model.state_dict() with safetensors");
}

class Application {
 public:
  Application(std::span<const PickleRef> arguments, const PickleDocument& document, std::string_view source)
      : arguments_(arguments), document_(document), source_(source) {}

  Result<PickleValue> tensor(std::optional<DType> dtype) const;
  Result<PickleValue> parameter() const;
  Result<PickleValue> from_type() const;
  Result<PickleValue> ordered_dict() const;
  Result<PickleValue> size() const;
  Result<PickleValue> tensor_v3() const;

 private:
  std::unexpected<Error> unexpected(std::string_view expected, std::size_t index) const {
    const std::string found = index < arguments_.size() ? describe(document_.values[arguments_[index]]) : "nothing";
    return fail(ErrorCode::kCorrupt, fmt::format("{}: expected {}, found {}", source_, expected, found),
                "the file is damaged, or was not written by torch.save");
  }
  template <typename T>
  const T* argument(std::size_t index) const noexcept {
    return index < arguments_.size() ? document_.as<T>(arguments_[index]) : nullptr;
  }
  Result<std::vector<std::int64_t>> integers(std::size_t index, std::string_view what) const;

  std::span<const PickleRef> arguments_;
  const PickleDocument& document_;
  std::string_view source_;
};

Result<std::vector<std::int64_t>> Application::integers(std::size_t index, std::string_view what) const {
  const auto* tuple = argument<PickleTuple>(index);
  if (tuple == nullptr || tuple->items.size() > kPickleTensorRankMax) {
    return unexpected(fmt::format("a tuple of at most {} integers as a tensor's {}", kPickleTensorRankMax, what),
                      index);
  }
  std::vector<std::int64_t> out;
  for (const PickleRef item : tuple->items) {
    const auto* value = document_.as<std::int64_t>(item);
    if (value == nullptr || *value < 0) {
      return fail(ErrorCode::kCorrupt, fmt::format("{}: expected integers from 0 as a tensor's {}, found {}", source_,
                                                   what, describe(document_.values[item])));
    }
    out.push_back(*value);
  }
  return out;
}

Result<PickleValue> Application::tensor(std::optional<DType> dtype) const {
  const auto* storage = argument<PickleStorage>(0);
  if (storage == nullptr) {
    return unexpected("a storage as a tensor's first part", 0);
  }
  const auto* offset = argument<std::int64_t>(1);
  if (offset == nullptr || *offset < 0) {
    return unexpected("an integer from 0 as a tensor's offset", 1);
  }
  auto shape = integers(2, "size");
  if (!shape) {
    return std::unexpected(shape.error());
  }
  auto strides = integers(3, "stride");
  if (!strides) {
    return std::unexpected(strides.error());
  }
  if (shape->size() != strides->size()) {
    return fail(ErrorCode::kCorrupt, fmt::format("{}: expected as many strides as dimensions, found {} and {}", source_,
                                                 strides->size(), shape->size()));
  }
  if (auto count = shape_element_count(*shape); !count) {
    return fail(count.error().code, fmt::format("{}: {}", source_, count.error().message));
  }
  return PickleTensor{arguments_[0], dtype.value_or(storage->dtype.value_or(DType::kU8)), *offset, std::move(*shape),
                      std::move(*strides)};
}

Result<PickleValue> Application::tensor_v3() const {
  const auto* dtype = argument<PickleGlobal>(6);
  if (dtype == nullptr || dtype->rule != PickleRule::kDTypeName) {
    return unexpected("a dtype as a tensor's 7th part", 6);
  }
  return tensor(dtype->dtype);
}

Result<PickleValue> Application::parameter() const {
  const auto* tensor = argument<PickleTensor>(0);
  if (tensor == nullptr) {
    return unexpected("a tensor as a parameter's data", 0);
  }
  return *tensor;
}

// (function, class, arguments, state): a tensor with attributes of its own, which are dropped.
Result<PickleValue> Application::from_type() const {
  const auto* function = argument<PickleGlobal>(0);
  const auto* type = argument<PickleGlobal>(1);
  const auto* arguments = argument<PickleTuple>(2);
  const bool rebuilds = function != nullptr && (function->rule == PickleRule::kRebuildTensor ||
                                                function->rule == PickleRule::kRebuildTensorV3 ||
                                                function->rule == PickleRule::kRebuildParameter);
  if (!rebuilds || type == nullptr || type->rule != PickleRule::kTensorClass || arguments == nullptr) {
    return unexpected("a function that rebuilds a plain tensor", 0);
  }
  return apply_pickle_rule(*function, arguments->items, document_, source_);
}

// Empty, or from a list of pairs.
Result<PickleValue> Application::ordered_dict() const {
  PickleDict dict;
  if (arguments_.empty()) {
    return dict;
  }
  const auto* pairs = argument<PickleList>(0);
  if (pairs == nullptr) {
    return unexpected("a list of pairs for an OrderedDict", 0);
  }
  for (const PickleRef item : pairs->items) {
    const auto* list = document_.as<PickleList>(item);
    const auto* tuple = document_.as<PickleTuple>(item);
    const auto* pair = list != nullptr ? &list->items : (tuple != nullptr ? &tuple->items : nullptr);
    if (pair == nullptr || pair->size() != 2) {
      return unexpected("a list of pairs for an OrderedDict", 0);
    }
    dict.items.emplace_back((*pair)[0], (*pair)[1]);
  }
  return dict;
}

Result<PickleValue> Application::size() const {
  const auto* tuple = argument<PickleTuple>(0);
  if (tuple == nullptr) {
    return unexpected("a tuple for torch.Size", 0);
  }
  return *tuple;
}

}  // namespace

std::string describe(const PickleValue& value) {
  struct Describer {
    std::string operator()(const PickleNone&) const { return "None"; }
    std::string operator()(bool flag) const { return flag ? "True" : "False"; }
    std::string operator()(std::int64_t number) const { return fmt::format("{}", number); }
    std::string operator()(const PickleText& text) const { return fmt::format("the text '{}'", printable(text.text)); }
    std::string operator()(const PickleOpaque& opaque) const { return std::string(opaque.what); }
    std::string operator()(const PickleLong& number) const {
      return fmt::format("an integer of {} bytes", number.bytes.size());
    }
    std::string operator()(const PickleList&) const { return "a list"; }
    std::string operator()(const PickleTuple& tuple) const { return fmt::format("a tuple of {}", tuple.items.size()); }
    std::string operator()(const PickleDict&) const { return "a dict"; }
    std::string operator()(const PickleGlobal&) const { return "a class or function"; }
    std::string operator()(const PickleStorage&) const { return "a storage"; }
    std::string operator()(const PickleTensor&) const { return "a tensor"; }
  };
  return std::visit(Describer{}, value);
}

Result<PickleGlobal> find_pickle_global(std::string_view module, std::string_view name, std::string_view source) {
  const auto found =
      std::ranges::find_if(kKnown, [&](const Known& row) { return row.module == module && row.name == name; });
  if (found == kKnown.end()) {
    return refuse_global(module, name, source);
  }
  return PickleGlobal{found->rule, found->dtype};
}

Result<PickleValue> apply_pickle_rule(const PickleGlobal& global, std::span<const PickleRef> arguments,
                                      const PickleDocument& document, std::string_view source) {
  const Application application(arguments, document, source);
  switch (global.rule) {
    case PickleRule::kOrderedDict:
      return application.ordered_dict();
    case PickleRule::kSize:
      return application.size();
    case PickleRule::kRebuildTensor:
      return application.tensor(std::nullopt);
    case PickleRule::kRebuildTensorV3:
      return application.tensor_v3();
    case PickleRule::kRebuildParameter:
      return application.parameter();
    case PickleRule::kRebuildFromType:
      return application.from_type();
    case PickleRule::kCounter:
      return PickleOpaque{"a Counter"};
    case PickleRule::kSet:
      return PickleOpaque{"a set"};
    case PickleRule::kNamespace:
      return PickleOpaque{"an argparse.Namespace"};
    case PickleRule::kEncode:
      return PickleOpaque{"bytes"};
    case PickleRule::kNumpyType:
      return PickleOpaque{"a numpy dtype"};
    case PickleRule::kNumpyScalar:
      return PickleOpaque{"a numpy scalar"};
    case PickleRule::kDevice:
      return PickleOpaque{"a device"};
    case PickleRule::kTensorClass:
    case PickleRule::kStorageClass:
    case PickleRule::kDTypeName:
      break;
  }
  return fail(ErrorCode::kUnsupported,
              fmt::format("{}: expected tensors as torch.save writes them, found a call of a tensor class", source));
}

Result<PickleStorage> read_storage_id(PickleRef id, const PickleDocument& document, std::string_view source) {
  const auto wrong = [&](std::string_view what) {
    return fail(
        ErrorCode::kCorrupt,
        fmt::format("{}: expected ('storage', class, key, device, count) for a storage, found {}", source, what),
        "the file is damaged, or was not written by torch.save");
  };
  const auto* tuple = document.as<PickleTuple>(id);
  if (tuple == nullptr || tuple->items.size() < 5 || tuple->items.size() > 6) {
    return wrong(describe(document.values[id]));
  }
  const auto& items = tuple->items;
  const auto* word = document.as<PickleText>(items[0]);
  const auto* type = document.as<PickleGlobal>(items[1]);
  const auto* key = document.as<PickleText>(items[2]);
  const auto* count = document.as<std::int64_t>(items[4]);
  if (word == nullptr || word->text != "storage") {
    return wrong(describe(document.values[items[0]]));
  }
  if (type == nullptr || type->rule != PickleRule::kStorageClass) {
    return wrong(fmt::format("{} as its class", describe(document.values[items[1]])));
  }
  if (key == nullptr) {
    return wrong(fmt::format("{} as its key", describe(document.values[items[2]])));
  }
  if (count == nullptr || *count < 0) {
    return wrong(fmt::format("{} as its count", describe(document.values[items[4]])));
  }
  if (items.size() == 6 && document.as<PickleNone>(items[5]) == nullptr) {
    return fail(ErrorCode::kUnsupported, fmt::format("{}: expected whole storages, found a view of one", source),
                "the file is from a torch before 0.4: load it and save it again with a newer one");
  }
  return PickleStorage{type->dtype, key->text, *count};
}

}  // namespace asterism
