// The two forms in which torch.save writes a file. Internal to the module.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>

#include "asterism/error.hpp"
#include "weights/pth_storage.hpp"

namespace asterism {

// torch 1.6 and later: a zip archive with NAME/data.pkl and NAME/data/KEY.
Result<PthContents> read_pth_zip(std::span<const std::byte> bytes, const std::shared_ptr<const void>& owner,
                                 MemoryBudget& budget, std::string_view source);

// Before: pickles one after another (magic number, version, system, the object, the keys of its storages), then each
// storage as a count and its values.
Result<PthContents> read_pth_stream(std::span<const std::byte> bytes, const std::shared_ptr<const void>& owner,
                                    std::string_view source);

}  // namespace asterism
