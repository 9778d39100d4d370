// Pictures: /embed_image, and /classify, which says how well labels in words fit pictures or texts.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "server/embed_answers.hpp"
#include "server/request_body.hpp"
#include "server/routes.hpp"

namespace asterism::server {
namespace {

void embed_image(const RouteContext& context, const Route& route, const std::shared_ptr<Exchange>& exchange) {
  const std::string normalize = query_value(exchange->request().query, "normalize");
  if (!normalize.empty() && normalize != "true" && normalize != "false") {
    return refuse(
        route, exchange,
        {ErrorCode::kInvalidArgument, fmt::format("`normalize`: expected true or false, found \"{}\"", normalize), {}});
  }
  EmbedCall call;
  if (const auto read = read_pictures(exchange->request(), call); !read) {
    return refuse(route, exchange, read.error());
  }
  call.model = query_value(exchange->request().query, "model");
  call.normalize = normalize != "false";
  run(context, route, exchange, std::move(call), rows_response);
}

// What turns cosines into scores: as the model was trained (CLIP, SigLIP), or nothing.
struct Scoring {
  std::optional<float> logit_scale;
  std::optional<float> logit_bias;

  std::string_view name() const noexcept { return !logit_scale ? "cosine" : logit_bias ? "sigmoid" : "softmax"; }
  void apply(std::span<double> cosines) const;
};

void Scoring::apply(std::span<double> cosines) const {
  if (!logit_scale) {
    return;
  }
  for (double& value : cosines) {
    value = value * static_cast<double>(*logit_scale) + static_cast<double>(logit_bias.value_or(0.0F));
  }
  if (logit_bias) {
    std::ranges::transform(cosines, cosines.begin(), [](double logit) { return 1.0 / (1.0 + std::exp(-logit)); });
    return;
  }
  const double top = *std::ranges::max_element(cosines);
  std::ranges::transform(cosines, cosines.begin(), [&](double logit) { return std::exp(logit - top); });
  const double sum = std::reduce(cosines.begin(), cosines.end());
  std::ranges::transform(cosines, cosines.begin(), [&](double value) { return value / sum; });
}

struct Classes {
  std::vector<std::string> labels;
  std::vector<std::string> templates;  // "{}" is the label
  std::size_t top_k = 0;               // 0 = all

  // Every label in every template, label by label.
  std::vector<std::string> texts() const;
};

std::vector<std::string> Classes::texts() const {
  std::vector<std::string> out;
  for (const std::string& label : labels) {
    for (const std::string& form : templates) {
      const std::size_t gap = form.find("{}");
      out.push_back(form.substr(0, gap) + label + form.substr(gap + 2));
    }
  }
  return out;
}

// A label's score is its mean direction's: of one template that is its vector.
Json scores_of(std::span<const float> row, const EmbedAnswer& label_vectors, const Classes& classes,
               const Scoring& scoring) {
  std::vector<double> scores;
  const std::size_t per_label = classes.templates.size();
  for (std::size_t label = 0; label < classes.labels.size(); ++label) {
    std::vector<float> mean(label_vectors.dim, 0.0F);
    for (std::size_t i = 0; i < per_label; ++i) {
      const auto vector = label_vectors.row(label * per_label + i);
      std::ranges::transform(mean, vector, mean.begin(), std::plus<>{});
    }
    const double norm = std::sqrt(inner_product(mean, mean));
    scores.push_back(norm > 0.0 ? inner_product(row, mean) / norm : 0.0);
  }
  scoring.apply(scores);
  std::vector<std::size_t> order(scores.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, std::ranges::greater{}, [&](std::size_t label) { return scores[label]; });
  if (classes.top_k != 0) {
    order.resize(std::min(order.size(), classes.top_k));
  }
  Json out = Json::array();
  for (const std::size_t label : order) {
    out.push_back({{"label", classes.labels[label]}, {"score", scores[label]}});
  }
  return out;
}

Result<Classes> classes_of(const Json& body, const EmbedApiLimits& limits) {
  Classes out;
  auto labels = texts_of(body, "labels");
  const Json top = body.value("top_k", Json());
  const auto top_k = top.is_null() ? std::optional<std::uint32_t>(0) : whole_number(top);
  auto templates = body.contains("template") && !body["template"].is_null()
                       ? texts_of(body, "template")
                       : Result<std::vector<std::string>>(std::vector<std::string>{"{}"});
  if (const auto error = first_error(labels, templates)) {
    return std::unexpected(*error);
  }
  if (!top_k) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("`top_k`: expected an integer >= 0, found {}", json_excerpt(top)));
  }
  if (labels->empty() || templates->empty()) {
    return fail(ErrorCode::kInvalidArgument, "`labels`, `template`: expected labels and a template, found none of one");
  }
  const auto gapless = std::ranges::find_if(*templates, [](const std::string& form) { return !form.contains("{}"); });
  if (gapless != templates->end()) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("`template`: expected {{}} where the label goes, found \"{}\"", *gapless));
  }
  out.labels = *std::move(labels);
  out.templates = *std::move(templates);
  out.top_k = *top_k;
  const auto counted = check_row_count(out.labels.size() * out.templates.size(), limits);
  return counted ? Result<Classes>(std::move(out)) : std::unexpected(counted.error());
}

// "inputs" are texts, "images" pictures: one of the two.
Result<EmbedCall> inputs_of(const Json& body) {
  EmbedCall call;
  call.normalize = true;
  const auto given = [&](const char* key) { return body.contains(key) && !body[key].is_null(); };
  const bool has_images = given("images");
  if (has_images && given("inputs")) {
    return fail(ErrorCode::kInvalidArgument, "expected `inputs` or `images`, found both", "leave one out");
  }
  if (has_images) {
    if (const auto read = read_pictures(body, "images", call); !read) {
      return std::unexpected(read.error());
    }
  } else {
    auto texts = texts_of(body, "inputs");
    if (!texts) {
      return std::unexpected(texts.error());
    }
    call.rows = *std::move(texts);
  }
  const auto read = read_field(body, "model", call.model);
  return read ? Result<EmbedCall>(std::move(call)) : std::unexpected(read.error());
}

void classify(const RouteContext& context, const Route& route, const std::shared_ptr<Exchange>& exchange) {
  const auto body = parse_object(exchange->request().body);
  if (!body) {
    return refuse(route, exchange, body.error());
  }
  auto classes = classes_of(*body, context.limits);
  auto inputs = inputs_of(*body);
  if (const auto error = first_error(classes, inputs)) {
    return refuse(route, exchange, *error);
  }
  const auto answer = [exchange, dialect = route.dialect](const Classes& known, const Scoring& scoring,
                                                          const Result<EmbedAnswer>& rows,
                                                          const Result<EmbedAnswer>& labels) {
    if (!rows || !labels) {
      return exchange->respond(error_response(dialect, rows ? labels.error() : rows.error()));
    }
    Json out = Json::array();
    for (std::size_t i = 0; i < rows->row_count; ++i) {
      out.push_back(scores_of(rows->row(i), *labels, known, scoring));
    }
    HttpResponse response{.headers = {{"x-score", std::string(scoring.name())}},
                          .body = out.dump(-1, ' ', false, Json::error_handler_t::replace)};
    exchange->respond(std::move(response));
  };
  const std::string model_name = inputs->model;
  const RowKind kind = inputs->kind;
  context.api.choose_model(model_name, kind,
                           [context, &route, exchange, answer, inputs = *std::move(inputs),
                            classes = *std::move(classes)](const ModelPool::Loaded& model) mutable {
                             if (!model) {
                               return refuse(route, exchange, model.error());
                             }
                             const EncoderInfo& info = (*model)->encoder.info();
                             const bool pairs = inputs.kind == RowKind::kImage;
                             const Scoring scoring{.logit_scale = pairs ? info.logit_scale : std::nullopt,
                                                   .logit_bias = pairs ? info.logit_bias : std::nullopt};
                             inputs.model = (*model)->name;
                             EmbedCall labels{.model = (*model)->name, .rows = classes.texts(), .normalize = true};
                             run_both(context, exchange, {std::move(inputs), std::move(labels)},
                                      [answer, scoring, classes = std::move(classes)](
                                          const Result<EmbedAnswer>& rows, const Result<EmbedAnswer>& of_labels) {
                                        answer(classes, scoring, rows, of_labels);
                                      });
                           });
}

RouteDoc embed_image_doc() {
  return {.tag = "Pictures",
          .summary = "Vectors of pictures",
          .description = "One picture as the body, several in a form, or JSON with data URIs.",
          .parameters = {"QueryModel", "QueryNormalize", "Priority", "TimeoutMs"},
          .bodies = {{"application/json", "PictureRequest"},
                     {"image/jpeg", "Picture"},
                     {"image/png", "Picture"},
                     {"image/webp", "Picture"},
                     {"application/octet-stream", "Picture"},
                     {"multipart/form-data", "PictureForm"}},
          .answers = {rows_answer()},
          .errors = model_errors(Dialect::kTei)};
}

RouteDoc classify_doc() {
  return {
      .tag = "Pictures",
      .summary = "Which labels fit",
      .description =
          "Zero-shot: labels in words, put into a template, beside pictures (a model of both, as CLIP) or texts. "
          "Scores are probabilities where the model was trained for that (softmax of CLIP, sigmoid of SigLIP), "
          "else cosines: x-score says which.",
      .parameters = {"Priority", "TimeoutMs"},
      .bodies = {{"application/json", "ClassifyRequest"}},
      .answers = {{200, "For each input its labels, the best first", {{"application/json", "Classes"}}, {"x-score"}}},
      .errors = model_errors(Dialect::kTei)};
}

}  // namespace

std::vector<Route> picture_routes() {
  return {{Method::kPost, "/embed_image", Dialect::kTei, Scope::kRead, embed_image, embed_image_doc()},
          {Method::kPost, "/classify", Dialect::kTei, Scope::kRead, classify, classify_doc()}};
}

}  // namespace asterism::server
