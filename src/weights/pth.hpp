// PyTorch checkpoints (.pth, .pt, .bin), read without running anything of what they hold.
//
// Both forms of torch.save: the zip archive (torch 1.6 and later) and the stream of pickles before it. The pickle
// inside is read by rules of our own (weights/pickle.hpp): tensors, dicts and plain values; every other class is
// refused and named. Ownership: tensors share the mapping and outlive the file object; those with odd strides, or from
// a deflated archive, have memory of their own. Thread-safety: reads from many threads. Cost: names and shapes are
// parsed; values that lie as a tensor needs them are not touched. Checksums of stored values are not checked, as torch
// does not.
#pragma once

#include <cstddef>
#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "asterism/error.hpp"
#include "tensor/tensor.hpp"

namespace asterism {

// Memory that a file may ask for beyond its own bytes, for inflated members and for tensors that are laid out anew:
// this much, and kPthMemoryPerByteMax bytes more for each byte of the file.
inline constexpr std::size_t kPthMemoryBytesFree = std::size_t{64} << 20;
inline constexpr std::size_t kPthMemoryPerByteMax = 16;

struct PthFile {
  std::map<std::string, Tensor> tensors;
  std::string entry;                 // of the top-level dict that held them; empty when it was the state dict itself
  std::vector<std::string> ignored;  // names in the state dict whose values are no tensors
};

// The state dict of a checkpoint, found as timm finds it: the first of the top-level entries state_dict_ema, model_ema,
// state_dict, model and model_state that is a dict, else the top level itself. All beside it (optimizer, epoch, args)
// is passed over unread, and so are values in it that are no tensors. The prefixes that wrappers put before every name
// ("_orig_mod.", "module.") are taken off.
//
// kNotFound, kCorrupt (a lying file), kUnsupported (a class outside the allowed ones, a dtype that DType does not
// have), kLimitExceeded.
Result<PthFile> read_pth(const std::filesystem::path& path);

// The same on bytes in memory: the tensors may point into `bytes` and keep `owner` alive. `source` names them in
// errors.
Result<PthFile> parse_pth(std::span<const std::byte> bytes, const std::shared_ptr<const void>& owner,
                          std::string_view source);

// Whether these are the first bytes of either form.
bool looks_like_pth(std::span<const std::byte> bytes) noexcept;

}  // namespace asterism
