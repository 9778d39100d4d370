// Use case: rows of text to token ids, with a model's tokenizer and nothing else of the model.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

#include "asterism/encoder.hpp"
#include "asterism/error.hpp"
#include "dataset/text_reader.hpp"
#include "service/model_fetch.hpp"
#include "tokenizer/tokenizer.hpp"

namespace asterism::service {

struct TokenizeRequest {
  std::string model = std::string(kBuiltinModel);
  TextReaderOptions input;
  bool add_special_tokens = true;
  std::size_t token_count_max = 0;  // special tokens included; 0 = no limit
  ModelFetch fetch;
};

// One row; borrowed for the duration of the call. `encoding` is empty when `row.error` is set.
struct TokenizedRow {
  const Row& row;
  const Encoding& encoding;
  const Tokenizer& tokenizer;
};

struct TokenizeResponse {
  std::uint64_t row_count = 0;
  std::uint64_t failed_row_count = 0;
  std::uint64_t truncated_row_count = 0;
  std::uint64_t token_count = 0;
};

// Calls `on_row` for each row in input order, on the calling thread; an error from it ends the job and is returned.
Result<TokenizeResponse> tokenize(const TokenizeRequest& request,
                                  const std::function<Result<void>(const TokenizedRow&)>& on_row);

}  // namespace asterism::service
