// What a restricted pickle may hold: plain values, containers, and tensors as descriptions of bytes elsewhere.
//
// Values refer to each other by number, so that shared and even circular ones need no ownership. Text points into the
// pickle's bytes. Thread-safety: immutable once read. Internal to the module.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "tensor/dtype.hpp"
#include "tensor/tensor.hpp"

namespace asterism {

using PickleRef = std::uint32_t;

// What the reader knows of a class or function that a pickle names. Nothing of it is ever called: each stands for a
// rule of this reader.
enum class PickleRule : std::uint8_t {
  kOrderedDict,
  kCounter,
  kSet,
  kNamespace,
  kEncode,     // _codecs.encode: how Python 3 writes bytes into old pickles
  kNumpyType,  // numpy.dtype
  kNumpyScalar,
  kSize,    // torch.Size
  kDevice,  // torch.device
  kTensorClass,
  kStorageClass,
  kDTypeName,
  kRebuildTensor,    // storage, offset, size, stride and more
  kRebuildTensorV3,  // the same with the dtype as the 7th argument
  kRebuildParameter,
  kRebuildFromType,
};

struct PickleNone {};
struct PickleText {
  std::string_view text;
};
// A value whose content nothing here needs: numbers with a fraction, bytes, sets, devices, numpy scalars, settings.
struct PickleOpaque {
  std::string_view what;
};
// An integer too wide for 64 bits, as its little-endian bytes.
struct PickleLong {
  std::string_view bytes;
};
struct PickleList {
  std::vector<PickleRef> items;
};
struct PickleTuple {
  std::vector<PickleRef> items;
};
struct PickleDict {
  std::vector<std::pair<PickleRef, PickleRef>> items;
};
struct PickleGlobal {
  PickleRule rule = PickleRule::kOrderedDict;
  std::optional<DType> dtype;  // of a storage class; none for untyped bytes
};
struct PickleStorage {
  std::optional<DType> dtype;  // none: bytes
  std::string_view key;
  std::int64_t element_count = 0;
};
struct PickleTensor {
  PickleRef storage = 0;
  DType dtype = DType::kF32;
  std::int64_t offset = 0;  // in elements
  Shape shape;
  std::vector<std::int64_t> strides;  // in elements
};

using PickleValue = std::variant<PickleNone, bool, std::int64_t, PickleText, PickleOpaque, PickleLong, PickleList,
                                 PickleTuple, PickleDict, PickleGlobal, PickleStorage, PickleTensor>;

struct PickleDocument {
  std::vector<PickleValue> values;
  PickleRef root = 0;
  std::size_t size_bytes = 0;  // of the pickle itself: more may follow it

  // Null when the value is of another kind.
  template <typename T>
  const T* as(PickleRef ref) const noexcept {
    return std::get_if<T>(&values[ref]);
  }
};

// "a list", "a tensor", "the text 'resnet50'": for messages.
std::string describe(const PickleValue& value);

}  // namespace asterism
