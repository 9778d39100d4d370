#include "torch/far_device.hpp"

#include <ATen/Functions.h>
#include <ATen/TensorUtils.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <c10/core/impl/DeviceGuardImplInterface.h>
#include <torch/library.h>

#include <array>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

namespace asterism {
namespace {

constexpr at::DeviceType kType = at::DeviceType::PrivateUse1;
// Added to an address, it gives one that no process can have.
constexpr std::uintptr_t kFar = std::uintptr_t{1} << 62U;

void* moved(void* address, std::uintptr_t by) {
  return address == nullptr ? nullptr : reinterpret_cast<void*>(reinterpret_cast<std::uintptr_t>(address) + by);
}

void free_far(void* address) {
  std::free(address);
}

at::Tensor on_storage(c10::Storage storage, c10::DispatchKeySet keys, caffe2::TypeMeta type, at::IntArrayRef sizes,
                      at::IntArrayRef strides, std::int64_t offset) {
  auto tensor = c10::make_intrusive<c10::TensorImpl>(std::move(storage), keys, type);
  tensor->set_sizes_and_strides(sizes, strides);
  tensor->set_storage_offset(offset);
  return at::Tensor(std::move(tensor));
}

at::Tensor empty_strided(at::IntArrayRef sizes, at::IntArrayRef strides, c10::optional<at::ScalarType> dtype,
                         c10::optional<at::Layout> /*layout*/, c10::optional<at::Device> /*device*/,
                         c10::optional<bool> /*pinned*/) {
  const auto type = c10::scalarTypeToTypeMeta(dtype.value_or(at::kFloat));
  const std::size_t bytes = at::detail::computeStorageNbytes(sizes, strides, type.itemsize());
  void* memory = bytes == 0 ? nullptr : std::malloc(bytes);
  c10::DataPtr pointer(moved(memory, kFar), memory, &free_far, far_device());
  c10::Storage storage(c10::Storage::use_byte_size_t(), bytes, std::move(pointer), nullptr, false);
  return on_storage(std::move(storage), c10::DispatchKeySet(c10::DispatchKey::PrivateUse1), type, sizes, strides, 0);
}

at::Tensor empty(at::IntArrayRef sizes, c10::optional<at::ScalarType> dtype, c10::optional<at::Layout> layout,
                 c10::optional<at::Device> device, c10::optional<bool> pinned, c10::optional<at::MemoryFormat> format) {
  const at::Tensor like = at::empty(sizes, at::TensorOptions(at::kMeta).dtype(dtype), format);
  return empty_strided(sizes, like.strides(), dtype, layout, device, pinned);
}

at::Tensor strided_view(const at::Tensor& self, at::IntArrayRef sizes, at::IntArrayRef strides,
                        c10::optional<std::int64_t> offset) {
  return on_storage(self.storage(), self.key_set(), self.dtype(), sizes, strides,
                    offset.value_or(self.storage_offset()));
}

at::Tensor reshape_alias(const at::Tensor& self, at::IntArrayRef sizes, at::IntArrayRef strides) {
  return strided_view(self, sizes, strides, c10::nullopt);
}

// One dim of -1 is what is left of the elements.
std::vector<std::int64_t> filled_in(at::IntArrayRef sizes, std::int64_t element_count) {
  std::vector<std::int64_t> out(sizes.begin(), sizes.end());
  std::int64_t known = 1;
  for (const std::int64_t size : out) {
    known *= size == -1 ? 1 : size;
  }
  for (std::int64_t& size : out) {
    size = size == -1 ? element_count / known : size;
  }
  return out;
}

at::Tensor view(const at::Tensor& self, at::IntArrayRef wanted) {
  const std::vector<std::int64_t> sizes = filled_in(wanted, self.numel());
  const auto strides = at::detail::computeStride(self.sizes(), self.strides(), at::IntArrayRef(sizes));
  TORCH_CHECK(strides, "far device: this view needs a copy");
  return strided_view(self, sizes, *strides, c10::nullopt);
}

// The same memory as the host sees it.
at::Tensor host_view(const at::Tensor& tensor) {
  if (!tensor.defined() || tensor.device().type() != kType) {
    return tensor;
  }
  void* data = tensor.numel() == 0 ? nullptr : moved(tensor.data_ptr(), std::uintptr_t{0} - kFar);
  return at::from_blob(data, tensor.sizes(), tensor.strides(), at::TensorOptions(tensor.scalar_type()));
}

at::Tensor far_copy(const at::Tensor& tensor) {
  if (!tensor.defined() || tensor.device().type() == kType) {
    return tensor;
  }
  at::Tensor out = empty_strided(tensor.sizes(), tensor.strides(), tensor.scalar_type(), {}, {}, {});
  host_view(out).copy_(tensor);
  return out;
}

at::Tensor& copy(at::Tensor& self, const at::Tensor& source, bool /*non_blocking*/) {
  host_view(self).copy_(host_view(source));
  return self;
}

at::Tensor copy_from(const at::Tensor& self, const at::Tensor& target, bool /*non_blocking*/) {
  host_view(target).copy_(host_view(self));
  return target;
}

at::Tensor checked_host_view(const at::Tensor& tensor, const std::string& op) {
  TORCH_CHECK(!tensor.defined() || tensor.device().type() == kType || tensor.dim() == 0, "far device: ", op,
              " was given a tensor of the host beside those of the device");
  return host_view(tensor);
}

c10::IValue on_host(const c10::IValue& value, const std::string& op) {
  if (value.isTensor()) {
    return checked_host_view(value.toTensor(), op);
  }
  if (value.isTensorList()) {
    c10::List<at::Tensor> out;
    for (const at::Tensor& tensor : value.toTensorVector()) {
      out.push_back(checked_host_view(tensor, op));
    }
    return out;
  }
  return value;
}

c10::IValue on_device(const c10::IValue& value) {
  if (value.isTensor()) {
    return far_copy(value.toTensor());
  }
  if (value.isTensorList()) {
    c10::List<at::Tensor> out;
    for (const at::Tensor& tensor : value.toTensorVector()) {
      out.push_back(far_copy(tensor));
    }
    return out;
  }
  return value;
}

// An argument that the op writes to and returns, by its place; none where the result is new.
std::optional<std::size_t> returned_argument(const c10::FunctionSchema& schema, std::size_t result) {
  const auto* alias = schema.returns()[result].alias_info();
  for (std::size_t i = 0; alias != nullptr && alias->isWrite() && i < schema.arguments().size(); ++i) {
    const auto* other = schema.arguments()[i].alias_info();
    if (other != nullptr && *other == *alias) {
      return i;
    }
  }
  return std::nullopt;
}

// "out = ..." of an op, which gives it its size.
bool is_out(const c10::Argument& argument) {
  return argument.kwarg_only() && argument.alias_info() != nullptr && argument.alias_info()->isWrite();
}

// What an op wrote to: the argument itself.
c10::IValue written(const c10::IValue& argument, const c10::IValue& result) {
  const at::Tensor far = argument.toTensor();
  const at::Tensor host = result.toTensor();
  if (far.sizes() != host.sizes()) {
    const at::Tensor sized = far_copy(host);
    far.unsafeGetTensorImpl()->set_storage_keep_dtype(sized.storage());
    far.unsafeGetTensorImpl()->set_sizes_and_strides(sized.sizes(), sized.strides());
  } else if (far.numel() > 0 && host_view(far).data_ptr() != host.data_ptr()) {
    host_view(far).copy_(host);
  }
  return argument;
}

// Every op that has no function of its own here.
void run_on_host(const c10::OperatorHandle& op, torch::jit::Stack* stack) {
  const c10::FunctionSchema& schema = op.schema();
  const std::size_t count = schema.arguments().size();
  const std::vector<c10::IValue> arguments(stack->end() - static_cast<std::ptrdiff_t>(count), stack->end());
  stack->resize(stack->size() - count);
  std::vector<c10::IValue> kept;  // torch returns references to what it was given, which the stack alone would end
  for (std::size_t i = 0; i < count; ++i) {
    kept.push_back(is_out(schema.arguments()[i])
                       ? at::empty({0}, at::TensorOptions(arguments[i].toTensor().scalar_type()))
                       : on_host(arguments[i], schema.name()));
    stack->push_back(kept.back());
  }
  op.redispatchBoxed(c10::DispatchKeySet(c10::DispatchKey::CPU), stack);
  const std::size_t first = stack->size() - schema.returns().size();
  for (std::size_t i = 0; i < schema.returns().size(); ++i) {
    const auto argument = returned_argument(schema, i);
    c10::IValue& result = (*stack)[first + i];
    result = argument ? written(arguments[*argument], result) : on_device(result);
  }
}

// Convolutions ask for functions of the device by name.
at::Tensor convolution(const at::Tensor& x, const at::Tensor& weight, const c10::optional<at::Tensor>& bias,
                       at::IntArrayRef stride, at::IntArrayRef padding, at::IntArrayRef dilation, bool transposed,
                       at::IntArrayRef out_padding, std::int64_t groups) {
  const std::string op = "convolution";
  return far_copy(at::convolution(checked_host_view(x, op), checked_host_view(weight, op),
                                  checked_host_view(bias.value_or(at::Tensor()), op), stride, padding, dilation,
                                  transposed, out_padding, groups));
}

using ThreeTensors = std::tuple<at::Tensor, at::Tensor, at::Tensor>;

ThreeTensors convolution_backward(const at::Tensor& gradient, const at::Tensor& x, const at::Tensor& weight,
                                  at::IntArrayRef stride, at::IntArrayRef padding, at::IntArrayRef dilation,
                                  bool transposed, at::IntArrayRef out_padding, std::int64_t groups,
                                  std::array<bool, 3> wanted) {
  const std::string op = "convolution_backward";
  const std::vector<std::int64_t> bias_size{weight.size(0)};
  const auto [to_x, to_weight, to_bias] = at::convolution_backward(
      checked_host_view(gradient, op), checked_host_view(x, op), checked_host_view(weight, op),
      at::IntArrayRef(bias_size), stride, padding, dilation, transposed, out_padding, groups, wanted);
  return {far_copy(to_x), far_copy(to_weight), far_copy(to_bias)};
}

struct FarGuard final : public c10::impl::DeviceGuardImplInterface {
  at::DeviceType type() const override { return kType; }
  at::Device exchangeDevice(at::Device /*device*/) const override { return far_device(); }
  at::Device getDevice() const override { return far_device(); }
  void setDevice(at::Device /*device*/) const override {}
  void uncheckedSetDevice(at::Device /*device*/) const noexcept override {}
  c10::Stream getStream(at::Device device) const noexcept override { return c10::Stream(c10::Stream::DEFAULT, device); }
  c10::Stream exchangeStream(c10::Stream stream) const noexcept override { return stream; }
  c10::DeviceIndex deviceCount() const noexcept override { return 1; }
};

}  // namespace

C10_REGISTER_GUARD_IMPL(PrivateUse1, FarGuard);

TORCH_LIBRARY_IMPL(_, PrivateUse1, m) {
  m.fallback(torch::CppFunction::makeFromBoxedFunction<&run_on_host>());
}

TORCH_LIBRARY_IMPL(aten, PrivateUse1, m) {
  m.impl("empty.memory_format", &empty);
  m.impl("empty_strided", &empty_strided);
  m.impl("as_strided", &strided_view);
  m.impl("_reshape_alias", &reshape_alias);
  m.impl("view", &view);
  m.impl("copy_", &copy);
  m.impl("_copy_from", &copy_from);
  m.impl("convolution_overrideable", &convolution);
  m.impl("convolution_backward_overrideable", &convolution_backward);
}

at::Device far_device() {
  return {kType, 0};
}

}  // namespace asterism
