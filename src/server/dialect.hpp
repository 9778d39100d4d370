// How each family of routes says what went wrong: the same error, in the words that its clients look for.
//
// Thread-safety: pure functions. Facts: text-embeddings-inference router/src/http/{server,types}.rs; the reference of
// OpenAI's and Cohere's APIs.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "asterism/error.hpp"
#include "server/http_message.hpp"

namespace asterism::server {

enum class Dialect : std::uint8_t {
  kAsterism,   // {"error": {"code", "message", "hint"}}
  kTei,        // {"error": message, "error_type": "Validation"}
  kTeiOpenAi,  // {"message", "code": 422, "type": "Validation"}: TEI's own of OpenAI's routes
  kOpenAi,     // {"error": {"message", "type", "param", "code"}}
  kCohere,     // {"message"}
};

// TEI calls an empty request 400 "Empty"; everywhere else it is 422 or 400 like other invalid values.
inline constexpr std::string_view kEmptyInputMessage = "`inputs` cannot be empty";

HttpResponse error_response(Dialect dialect, const Error& error);
// Of what has no error code of its own: 401, 404 of a path, 405, 408, 431.
HttpResponse error_response(Dialect dialect, int status, std::string_view message, std::string_view hint = {});

}  // namespace asterism::server
