#include "service/tokenize.hpp"

#include <utility>

#include "service/model_tokenizer.hpp"

namespace asterism::service {

Result<TokenizeResponse> tokenize(const TokenizeRequest& request,
                                  const std::function<Result<void>(const TokenizedRow&)>& on_row) {
  TextReaderOptions input = request.input;
  input.interrupted = [cancel = request.fetch.cancel] { return cancel != nullptr && cancel->requested(); };
  auto reader = open_text_reader(std::move(input));
  if (!reader) {
    return std::unexpected(reader.error());
  }
  auto tokenizer = load_model_tokenizer(request.model, request.fetch);
  if (!tokenizer) {
    return std::unexpected(tokenizer.error());
  }
  const EncodingOptions options{.add_special_tokens = request.add_special_tokens,
                                .token_count_max = request.token_count_max,
                                .with_offsets = true};
  TokenizeResponse response;
  TokenizerScratch scratch;
  Encoding encoding;
  while (true) {
    if (request.fetch.cancel != nullptr && request.fetch.cancel->requested()) {
      return fail(ErrorCode::kCancelled, "stopped before the end of the input");
    }
    auto row = (*reader)->next();
    if (!row) {
      return std::unexpected(row.error());
    }
    if (!*row) {
      return response;
    }
    ++response.row_count;
    if ((*row)->error) {
      ++response.failed_row_count;
      encoding = {};
    } else {
      tokenizer->encode((*row)->payload.bytes, options, scratch, encoding);
      response.token_count += encoding.ids.size();
      response.truncated_row_count += encoding.truncated() ? 1U : 0U;
    }
    if (auto taken = on_row({**row, encoding, *tokenizer}); !taken) {
      return std::unexpected(taken.error());
    }
  }
}

}  // namespace asterism::service
