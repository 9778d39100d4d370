// Values of image configurations, read and checked once: each error names the file and the key. Private to src/encoder.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "asterism/error.hpp"
#include "base/json.hpp"
#include "encoder/image_settings.hpp"

namespace asterism {

// The value of a key, or nullptr where it is missing or null.
const Json* find_value(const Json& object, std::string_view key);

// An edge in pixels: 1 to kImageResizeSideMax. `key` is for the error.
Result<std::int64_t> image_side(const Json& value, std::string_view key, std::string_view source);

enum class NumberRange : std::uint8_t { kFinite, kPositive };
// A number within the range of float32; kPositive refuses what rounds to 0 in float32 too.
Result<double> image_number(const Json& value, std::string_view key, NumberRange range, std::string_view source);

// One number for all channels, or a list with one a channel; nullopt where the key is missing.
Result<std::optional<std::array<float, 3>>> find_channel_values(const Json& object, std::string_view key,
                                                                std::size_t channel_count, NumberRange range,
                                                                std::string_view source);

// kUnsupported for every key outside `known`.
Result<void> expect_known_keys(const Json& object, std::span<const std::string_view> known, std::string_view source);

// A value as errors show it, cut to a readable length.
std::string value_text(const Json& value);

}  // namespace asterism
