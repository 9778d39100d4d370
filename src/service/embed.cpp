#include "service/embed.hpp"

#include <utility>

namespace asterism::service {

Result<EmbedResponse> embed(const EmbedRequest& request) {
  if (auto readable = open_text_reader(request.job.input); !readable) {
    return std::unexpected(readable.error());
  }
  if (auto fetched = fetch_model(request.model, request.fetch); !fetched) {
    return std::unexpected(fetched.error());
  }
  auto encoder = Encoder::load(request.model, request.encoder);
  if (!encoder) {
    return std::unexpected(encoder.error());
  }
  if (request.on_model) {
    request.on_model(encoder->info());
  }
  EmbedJobOptions options = request.job;
  options.settings = job_settings(request.encoder);
  auto job = run_embed_job(*encoder, options);
  if (!job) {
    return std::unexpected(job.error());
  }
  return EmbedResponse{encoder->info(), std::move(*job)};
}

}  // namespace asterism::service
