// From vectors to answers: in the form that the client asks for, with TEI's headers. And the steps that every handler
// of an embedding route ends with.
//
// Thread-safety: pure functions; run() answers on any thread.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include "server/embed_api.hpp"
#include "server/http_message.hpp"
#include "server/routes.hpp"

namespace asterism::server {

// Times in milliseconds, counts of tokens and characters.
std::vector<Header> tei_headers(const Exchange& exchange, const EmbedAnswer& answer);
// Rows as the client asks by Accept: JSON, float32 bytes, .npy or an Arrow stream.
HttpResponse rows_response(const Exchange& exchange, const EmbedAnswer& answer);
// The same of a vector a token: nested lists, or one array [rows, tokens, dim] where all rows have as many tokens. 406
// for an array where they have not.
HttpResponse token_rows_response(const Exchange& exchange, const EmbedAnswer& answer);

using MakeResponse = std::function<HttpResponse(const Exchange&, const EmbedAnswer&)>;

void run(const RouteContext& context, const Route& route, const std::shared_ptr<Exchange>& exchange, EmbedCall call,
         MakeResponse make);
// Of one request: `on_both` is called once, when both have their answer.
using OnBothEmbedded = std::function<void(const Result<EmbedAnswer>& first, const Result<EmbedAnswer>& second)>;
void run_both(const RouteContext& context, const std::shared_ptr<Exchange>& exchange, std::array<EmbedCall, 2> calls,
              OnBothEmbedded on_both);
void refuse(const Route& route, const std::shared_ptr<Exchange>& exchange, const Error& error);

// What documents of these routes share.
std::vector<int> model_errors(Dialect dialect);
std::vector<std::string_view> tei_header_names();
AnswerDoc rows_answer();

}  // namespace asterism::server
