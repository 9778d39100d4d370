#include "service/embed.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "encoder/image_graph.hpp"
#include "encoder/table_encoder.hpp"
#include "pipeline/encoder_rows.hpp"

namespace asterism::service {
namespace {

// The first option given that is about pictures; empty when there is none.
std::string_view image_option(const EncoderOptions& options) {
  const std::array<std::pair<bool, std::string_view>, 6> given{
      {{options.image_height > 0 || options.image_width > 0, "--image-size"},
       {!options.interpolation.empty(), "--interpolation"},
       {!options.crop_mode.empty(), "--crop-mode"},
       {!options.mean.empty(), "--mean"},
       {!options.std.empty(), "--std"},
       {options.allow_truncated, "--allow-truncated"}}};
  const auto* const found = std::ranges::find(given, true, &std::pair<bool, std::string_view>::first);
  return found == given.end() ? std::string_view() : found->second;
}

// What means nothing for rows of this kind is an error, not something to pass over. The encoder says which poolings it
// has for texts.
Result<void> check_options(PayloadKind kind, const EncoderOptions& options) {
  if (kind == PayloadKind::kText || kind == PayloadKind::kRecord) {
    const std::string_view asked = image_option(options);
    if (!asked.empty()) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("{}: expected images as inputs, found {}s", asked, payload_kind_name(kind)),
                  "name image files or folders, or say --kind image");
    }
    if (kind == PayloadKind::kText) {
      return {};
    }
  }
  if (!options.pooling.empty()) {
    if (const auto pooling = parse_image_pooling(options.pooling); !pooling) {
      return std::unexpected(pooling.error());
    }
  }
  if (options.prompt || !options.prompt_name.empty() || options.token_count_max > 0) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{}: expected texts as inputs, found {}s",
                            options.token_count_max > 0 ? "--max-length"
                            : options.prompt            ? "--prompt-text"
                                                        : "--prompt",
                            payload_kind_name(kind)),
                "leave the option out");
  }
  return {};
}

}  // namespace

Result<EmbedResponse> embed(const EmbedRequest& request) {
  EmbedJobOptions options = request.job;
  const auto table = table_inputs(request.model);
  if (!table) {
    return std::unexpected(table.error());
  }
  if (*table) {
    read_as_records(options.input, **table);
  }
  const auto readable = open_row_source(options.input);
  if (!readable) {
    return std::unexpected(readable.error());
  }
  const PayloadKind kind = (*readable)->kind();
  if (auto checked = check_options(kind, request.encoder); !checked) {
    return std::unexpected(checked.error());
  }
  const std::string model = model_for(request.model, kind);
  if (auto fetched = fetch_model(model, request.fetch); !fetched) {
    return std::unexpected(fetched.error());
  }
  auto encoder = Encoder::load(model, request.encoder);
  if (!encoder) {
    return std::unexpected(encoder.error());
  }
  if (request.on_model) {
    request.on_model(encoder->info());
  }
  options.settings = job_settings(request.encoder);
  auto job = run_embed_job(*encoder, options);
  if (!job) {
    return std::unexpected(job.error());
  }
  return EmbedResponse{encoder->info(), std::move(*job)};
}

}  // namespace asterism::service
