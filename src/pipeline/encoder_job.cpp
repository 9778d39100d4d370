// The job on a real encoder. Apart from the rest, so that programs that bring their own JobEncoder need no encoder.
#include <fmt/format.h>

#include <utility>

#include "encoder/model_digest.hpp"
#include "pipeline/embed_job.hpp"
#include "pipeline/encoder_rows.hpp"

namespace asterism {
namespace {

Result<JobSettings> settings_of(const EncoderInfo& info, bool sharded) {
  JobSettings settings{{"model", info.model},
                       {"source", info.source},
                       {"precision", info.precision},
                       {"pooling", info.pooling},
                       {"preprocess", info.preprocess},
                       {"normalized", info.normalized ? "true" : "false"},
                       {"token_count_max", std::to_string(info.token_count_max)}};
  if (sharded) {
    auto digest = model_digest(info);
    if (!digest) {
      return std::unexpected(digest.error());
    }
    settings.emplace_back("model_sha256", std::move(*digest));
  }
  return settings;
}

}  // namespace

Result<EmbedJobResult> run_embed_job(const Encoder& encoder, const EmbedJobOptions& options) {
  EmbedJobOptions asked = options;
  if (encoder.info().takes_records) {
    read_as_records(asked.input, encoder.info().columns);
  }
  const auto kind = resolve_input_kind(asked.input);
  if (!kind) {
    return std::unexpected(kind.error());
  }
  if (auto expected = expect_kind(encoder, *kind); !expected) {
    return std::unexpected(expected.error());
  }
  auto settings = settings_of(encoder.info(), options.shard_row_count > 0);
  if (!settings) {
    return std::unexpected(settings.error());
  }
  const JobEncoder job_encoder{.encode = [&](std::span<const Payload> rows) { return encode_rows(encoder, rows); },
                               .dim = encoder.dim(),
                               .outputs = encoder.info().outputs,
                               .settings = std::move(*settings)};
  return run_embed_job(job_encoder, asked);
}

JobSettings job_settings(const EncoderOptions& options) {
  return {{"prompt_name", options.prompt_name},
          {"prompt", options.prompt.value_or("")},
          {"layer", fmt::format("{}", fmt::join(options.layers, "+"))},
          {"image_size", fmt::format("{}x{}", options.image_height, options.image_width)},
          {"allow_truncated", options.allow_truncated ? "true" : "false"},
          {"batch_invariant", options.batch_invariant ? "true" : "false"}};
}

}  // namespace asterism
