// The job on a real encoder. Apart from the rest, so that programs that bring their own JobEncoder need no encoder.
#include "pipeline/embed_job.hpp"

namespace asterism {
namespace {

JobSettings settings_of(const EncoderInfo& info) {
  return {{"model", info.model},
          {"source", info.source},
          {"precision", info.precision},
          {"pooling", info.pooling},
          {"normalized", info.normalized ? "true" : "false"},
          {"token_count_max", std::to_string(info.token_count_max)}};
}

}  // namespace

Result<EmbedJobResult> run_embed_job(const Encoder& encoder, const EmbedJobOptions& options) {
  const JobEncoder job_encoder{.encode = [&](std::span<const std::string_view> texts) { return encoder.encode(texts); },
                               .dim = encoder.dim(),
                               .settings = settings_of(encoder.info())};
  return run_embed_job(job_encoder, options);
}

JobSettings job_settings(const EncoderOptions& options) {
  return {{"prompt_name", options.prompt_name},
          {"prompt", options.prompt.value_or("")},
          {"layer", options.layer},
          {"batch_invariant", options.batch_invariant ? "true" : "false"}};
}

}  // namespace asterism
