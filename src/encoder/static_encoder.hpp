// A static text model as encoder: the mean of its tokens' rows. No graph, no backend.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "asterism/encoder.hpp"
#include "base/json.hpp"
#include "encoder/encoder_impl.hpp"
#include "encoder/model_layout.hpp"
#include "tensor/tensor.hpp"
#include "tokenizer/tokenizer.hpp"

namespace asterism {

// A static model's parts, wherever they come from.
struct StaticModel {
  Tokenizer tokenizer;
  std::map<std::string, Tensor> tensors;
  Json config;         // model2vec's config.json; null when there is none
  std::string source;  // names the model in errors
};

Result<StaticModel> read_static_model(const ModelLayout& layout);
Result<std::unique_ptr<Encoder::Impl>> make_static_encoder(StaticModel model, const ModelLayout& layout,
                                                           const EncoderOptions& options);

}  // namespace asterism
