// What the bodies of embedding requests have in common: texts, token ids and pictures, one or many, and optional
// members (json_body.hpp). Errors name the member, what was expected and what was found.
//
// Thread-safety: pure functions. Cost: the body is held as a document of JSON.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "asterism/error.hpp"
#include "base/json.hpp"
#include "server/embed_api.hpp"
#include "server/http_message.hpp"
#include "server/json_body.hpp"

namespace asterism::server {

// A value as errors show it: cut where it is long.
std::string json_excerpt(const Json& value);

// A text, or a list of texts.
Result<std::vector<std::string>> texts_of(const Json& body, std::string_view key);
// A text or a list of texts into `call.rows`, a list of token ids or a list of such lists into `call.token_ids`.
Result<void> read_inputs(const Json& body, std::string_view key, EmbedCall& call);
// A list of token ids, or a list of such lists.
Result<std::vector<std::vector<std::uint32_t>>> token_ids_of(const Json& body, std::string_view key);

// A row more: "data:image/png;base64,...", bare base64, or an address, which the server may be allowed to fetch.
Result<void> add_picture(std::string_view text, EmbedCall& call);
// The same of a text or a list of texts.
Result<void> read_pictures(const Json& body, std::string_view key, EmbedCall& call);
// Raw bytes of one picture, every part of a form, or JSON with pictures under "inputs".
Result<void> read_pictures(const HttpRequest& request, EmbedCall& call);

// One of a few words.
Result<void> read_choice(const Json& body, std::string_view key, std::initializer_list<std::string_view> choices,
                         std::string& value);
// TEI's `truncation_direction` and `truncate`.
Result<void> read_truncation(const Json& body, EmbedCall& call);
// 25 and 25.0, which JSON's schemas call an integer too; nothing where it is none or too large.
std::optional<std::uint32_t> whole_number(const Json& value);
// The length of vectors to keep: at least 1.
Result<void> read_dim(const Json& body, std::string_view key, EmbedCall& call);

}  // namespace asterism::server
