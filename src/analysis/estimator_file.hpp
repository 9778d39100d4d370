// A fitted estimator as one .safetensors file: its arrays, and in the metadata the method and what it was told.
//
// Metadata: `format` = "asterism.estimator", `format_version` = "1", `method`, `options` (JSON). The file appears whole
// or not at all. The reader trusts nothing: a truncated file, a lying shape, NaN, an unknown method or option and a
// newer version are errors that name the file. Ownership: values. Thread-safety: pure functions. Cost: the arrays'
// size.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>
#include <string_view>

#include "analysis/estimator.hpp"
#include "asterism/error.hpp"

namespace asterism {

inline constexpr std::string_view kEstimatorFileFormat = "asterism.estimator";
inline constexpr int kEstimatorFileVersion = 1;

Result<void> write_estimator(const std::filesystem::path& path, const Estimator& estimator);

// Whether a file says that it is one; false for what cannot be read.
bool is_estimator_file(const std::filesystem::path& path);

// kNotFound, kCorrupt (a lying file), kUnsupported (a newer version, or a method this program does not have).
Result<std::unique_ptr<Estimator>> read_estimator(const std::filesystem::path& path);

// The same of bytes in memory. `source` names them in errors.
Result<std::unique_ptr<Estimator>> parse_estimator(std::span<const std::byte> bytes, std::string_view source);

}  // namespace asterism
