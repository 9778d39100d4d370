// The ops that see texts inside packed rows. Texts are laid side by side in one length for the time of the op.
#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <span>
#include <utility>
#include <vector>

#include "torch/op_lowering.hpp"

namespace asterism {
namespace {

std::span<const std::int32_t> integers_of(const at::Tensor& tensor) {
  return {tensor.data_ptr<std::int32_t>(), static_cast<std::size_t>(tensor.numel())};
}

at::Tensor indices(const std::vector<std::int64_t>& values, const at::Tensor& like) {
  return at::tensor(values, at::TensorOptions(at::kLong)).to(like.device());
}

// Begin and end of each text, empty ones left out.
using TextRanges = std::vector<std::pair<std::int64_t, std::int64_t>>;

PaddedTexts lay_out(const TextRanges& texts, const at::Tensor& rows) {
  PaddedTexts out;
  out.text_count = static_cast<std::int64_t>(texts.size());
  for (const auto& [begin, end] : texts) {
    out.length = std::max(out.length, end - begin);
  }
  std::vector<std::int64_t> gather;
  std::vector<std::int64_t> scatter(static_cast<std::size_t>(rows.size(0)), 0);
  at::Tensor absent = at::zeros({out.text_count, out.length}, at::TensorOptions(at::kBool));
  for (std::size_t text = 0; text < texts.size(); ++text) {
    const auto [begin, end] = texts[text];
    for (std::int64_t i = 0; i < out.length; ++i) {
      const bool present = begin + i < end;
      if (present) {
        scatter[static_cast<std::size_t>(begin + i)] = static_cast<std::int64_t>(gather.size());
      }
      gather.push_back(present ? begin + i : begin);
    }
    absent.select(0, static_cast<std::int64_t>(text)).slice(0, end - begin).fill_(true);
  }
  out.gather = indices(gather, rows);
  out.scatter = indices(scatter, rows);
  out.absent = absent.to(rows.device());
  return out;
}

const PaddedTexts& texts_of(const OpCall& call) {
  const at::Tensor& offsets = call.inputs[3];
  const auto it = call.texts.find(offsets.data_ptr());
  if (it != call.texts.end()) {
    return it->second;
  }
  TextRanges ranges;
  const auto values = integers_of(offsets);
  for (std::size_t i = 0; i + 1 < values.size(); ++i) {
    if (values[i] < values[i + 1]) {
      ranges.emplace_back(values[i], values[i + 1]);
    }
  }
  return call.texts.emplace(offsets.data_ptr(), lay_out(ranges, call.inputs[0])).first->second;
}

}  // namespace

at::Tensor lower_attention(const OpCall& call) {
  const Attributes& attributes = call.value.attributes;
  const PaddedTexts& texts = texts_of(call);
  if (texts.text_count == 0) {
    return at::zeros_like(call.inputs[0]);
  }
  const std::int64_t heads = attributes.head_count;
  const std::int64_t hidden = call.inputs[0].size(1);
  const auto split = [&](const at::Tensor& rows) {
    return rows.index_select(0, texts.gather)
        .view({texts.text_count, texts.length, heads, hidden / heads})
        .transpose(1, 2);
  };
  at::Tensor hide = texts.absent.unsqueeze(1).unsqueeze(1);
  if (attributes.causal) {
    const auto options = at::TensorOptions(at::kBool).device(hide.device());
    hide = hide.logical_or(at::ones({texts.length, texts.length}, options).triu(1));
  }
  const at::Tensor mixed =
      attention_of({split(call.inputs[0]), split(call.inputs[1]), split(call.inputs[2]), {}, hide}, call);
  return mixed.transpose(1, 2).reshape({texts.text_count * texts.length, hidden}).index_select(0, texts.scatter);
}

at::Tensor lower_pool(const OpCall& call) {
  const at::Tensor& x = call.inputs[0];
  const auto ranges = integers_of(call.inputs[1]);
  TextRanges texts;
  std::vector<std::int64_t> rows;  // of the result, one a text that is not empty
  for (std::size_t i = 0; i + 1 < ranges.size(); i += 2) {
    if (ranges[i] < ranges[i + 1]) {
      texts.emplace_back(ranges[i], ranges[i + 1]);
      rows.push_back(static_cast<std::int64_t>(i / 2));
    }
  }
  at::Tensor out = at::zeros({static_cast<std::int64_t>(ranges.size() / 2), x.size(1)}, x.options());
  if (texts.empty()) {
    return out;
  }
  const PaddedTexts padded = lay_out(texts, x);
  const at::Tensor tokens = x.index_select(0, padded.gather).view({padded.text_count, padded.length, x.size(1)});
  const at::Tensor present = padded.absent.logical_not().to(x.scalar_type()).unsqueeze(2);
  const at::Tensor counts = present.sum(1);
  at::Tensor pooled;
  switch (call.value.attributes.pooling) {
    case Pooling::kCls:
      pooled = tokens.select(1, 0);
      break;
    case Pooling::kMax:
      pooled =
          std::get<0>(tokens.masked_fill(padded.absent.unsqueeze(2), -std::numeric_limits<double>::infinity()).max(1));
      break;
    case Pooling::kMean:
      pooled = (tokens * present).sum(1) / counts;
      break;
    case Pooling::kMeanSqrtLen:
      pooled = (tokens * present).sum(1) / counts.sqrt();
      break;
    case Pooling::kWeightedMean: {
      const at::Tensor weights = present.cumsum(1) * present;
      pooled = (tokens * weights).sum(1) / weights.sum(1);
      break;
    }
    case Pooling::kLastToken: {
      std::vector<std::int64_t> last;
      std::ranges::transform(texts, std::back_inserter(last), [](const auto& text) { return text.second - 1; });
      pooled = x.index_select(0, indices(last, x));
      break;
    }
  }
  return out.index_add(0, indices(rows, x), pooled.to(out.scalar_type()));
}

}  // namespace asterism
