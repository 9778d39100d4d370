// Snappy's raw format, uncompressed: what Parquet packs its pages with. Internal to the module.
//
// Format: https://github.com/google/snappy/blob/main/format_description.txt. Thread-safety: pure function.
// Cost: one pass; memory is what is asked for, whatever the bytes say.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace asterism {

// Nothing unless `packed` is well formed and holds exactly `size_bytes`.
std::optional<std::string> snappy_uncompress(std::string_view packed, std::size_t size_bytes);

}  // namespace asterism
