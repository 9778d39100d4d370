// JSON for configuration files and reports: nlohmann's document type behind a parser that reports instead of throwing.
//
// Keys keep their file order. Readers below say which file, which key, what was expected and what was found, so that
// no module repeats those checks. Streams of rows (jsonl) do not come through here: src/dataset reads them with
// simdjson.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <initializer_list>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "asterism/error.hpp"

namespace asterism {

using Json = nlohmann::ordered_json;

// Largest configuration file read whole. A tokenizer.json of a 250k-word multilingual model is about 17 MB.
inline constexpr std::size_t kJsonFileSizeBytesMax = std::size_t{256} << 20;
// Deepest nesting accepted: a parser that recurses must not be driven out of its stack.
inline constexpr int kJsonDepthMax = 128;

// `source` names the text in errors (a path, "request body").
Result<Json> parse_json(std::string_view text, std::string_view source);
Result<Json> read_json_file(const std::filesystem::path& path);

// Typed access to one member. A missing key is an error in `get` and nullopt in `find`; null counts as missing;
// a value of another type is an error in both. Integers must fit.
template <typename T>
Result<T> json_get(const Json& object, std::string_view key, std::string_view source);
template <typename T>
Result<std::optional<T>> json_find(const Json& object, std::string_view key, std::string_view source);

// An error that lists the keys of `object` outside `known`; nothing when all are known.
Result<void> json_expect_only(const Json& object, std::initializer_list<std::string_view> known,
                              std::string_view source);

// A float with the fewest digits that give it back (0.7 and not 0.699999988079071); null when it is not finite.
Json json_number(float value);

}  // namespace asterism
