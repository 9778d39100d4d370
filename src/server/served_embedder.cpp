#include "server/served_embedder.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <chrono>
#include <future>
#include <limits>
#include <thread>
#include <utility>

#include "server/embed_api.hpp"
#include "service/collections.hpp"
#include "store/unit_vector.hpp"

namespace asterism::server {
namespace {

// Rows that are handed to the queue at once: enough for full batches, few enough to leave it room for others.
constexpr std::size_t kShareRowCountMax = 512;
// Images are whole files.
constexpr std::size_t kShareImageCountMax = 64;
// One share takes so much of the queue at most, or it would never fit.
constexpr std::size_t kQueueShare = 4;
// How long a bulk row waits before it asks a full queue again.
constexpr std::chrono::milliseconds kQueueRetry{20};

PayloadKind payload_kind(RowKind kind) {
  return kind == RowKind::kText ? PayloadKind::kText : PayloadKind::kImage;
}

Result<void> expect_takes(const EncoderInfo& info, RowKind kind) {
  const bool text = kind == RowKind::kText;
  if (text ? info.takes_texts : info.takes_images) {
    return {};
  }
  return fail(ErrorCode::kUnsupported, fmt::format("the model {} takes no {}", info.model, text ? "texts" : "images"));
}

void append(Embeddings& out, WorkResult&& share, bool normalized) {
  for (RowVector& vector : share.rows) {
    vector.values.resize(out.dim, std::numeric_limits<float>::quiet_NaN());  // a row that failed has none
    const auto unit = normalized ? unit_vector(vector.values) : vector.values;
    out.values.insert(out.values.end(), unit.begin(), unit.end());
    out.reports.push_back(std::move(vector.report));
  }
  out.row_count += share.rows.size();
}

}  // namespace

ServedEmbedder::ServedEmbedder(ModelPool& pool, Scheduler& scheduler, std::size_t queue_row_count_max)
    : pool_(pool),
      scheduler_(scheduler),
      share_row_count_max_(std::max<std::size_t>(1, queue_row_count_max / kQueueShare)) {}

Result<std::shared_ptr<const LoadedModel>> ServedEmbedder::served_model(const std::string& name, RowKind kind) {
  const auto& names = pool_.names();
  const std::string wanted = service::kept_model_id(name, payload_kind(kind));
  const auto found = std::ranges::find_if(names, [&](const std::string& candidate) {
    return candidate == name || service::kept_model_id(candidate, PayloadKind::kText) == wanted;
  });
  if (found == names.end()) {
    return fail(ErrorCode::kNotFound,
                fmt::format("model: expected one of {}, found \"{}\"", fmt::join(names, ", "), name),
                "the models that the server was started with");
  }
  return pool_.get(*found);
}

std::string ServedEmbedder::default_model(RowKind kind) {
  for (const std::string& name : pool_.names()) {
    const auto model = pool_.get(name);
    if (model && expect_takes((*model)->encoder.info(), kind)) {
      return name;
    }
  }
  return {};
}

Result<std::shared_ptr<const LoadedModel>> ServedEmbedder::kept_model(const std::string& id, RowKind kind) {
  auto served = served_model(id, kind);
  const bool is_listed = served || served.error().code != ErrorCode::kNotFound;
  return is_listed ? served : pool_.get(ModelVariant{.name = id, .listed = false});
}

Result<CollectionSettings> ServedEmbedder::complete(CollectionSettings settings) {
  CollectionModel& model = settings.model;
  if (model.id.empty()) {
    return settings;
  }
  const auto loaded = served_model(model.id, model.id == kBuiltinImageModel ? RowKind::kImage : RowKind::kText);
  if (!loaded) {
    return std::unexpected(loaded.error());
  }
  const EncoderInfo& info = (*loaded)->encoder.info();
  for (const std::string& prompt : {model.prompt_name, model.query_prompt_name}) {
    if (const auto found = prompt_of(info, prompt.empty() ? info.default_prompt_name : prompt); !found) {
      return std::unexpected(found.error());
    }
  }
  if (settings.dim > info.dim) {
    return fail(
        ErrorCode::kInvalidArgument,
        fmt::format("dim: expected at most {}, the values of the model's vector, found {}", info.dim, settings.dim));
  }
  settings.dim = settings.dim == 0 ? info.dim : settings.dim;
  model.sha256 = (*loaded)->digest;
  model.revision = info.source;
  return settings;
}

Result<Embeddings> ServedEmbedder::embed(const CollectionSettings& settings, Use use, ItemKind kind,
                                         std::span<const std::string_view> contents) {
  if (auto named = expect_model(settings); !named) {
    return std::unexpected(std::move(named.error()));
  }
  const ServedRows what{
      .model = settings.model.id,
      .kind = kind == ItemKind::kText ? RowKind::kText : RowKind::kImage,
      .prompt_name = use == Use::kItems ? settings.model.prompt_name : settings.model.query_prompt_name,
      .dim = settings.dim,
      .priority = use == Use::kItems ? Priority::kBulk : Priority::kInteractive};
  const auto model = kept_model(what.model, what.kind);
  if (!model) {
    return std::unexpected(model.error());
  }
  const std::size_t dim = std::min(settings.dim, (*model)->encoder.dim());
  if (auto same = expect_same_model(settings, (*model)->digest, dim); !same) {
    return std::unexpected(std::move(same.error()));
  }
  return embed_with(*model, what, contents, {});
}

Result<Embeddings> ServedEmbedder::embed_rows(const ServedRows& what, std::span<const std::string_view> rows,
                                              const std::function<bool()>& cancelled) {
  const auto model = served_model(what.model, what.kind);
  return model ? embed_with(*model, what, rows, cancelled) : std::unexpected(model.error());
}

Result<Embeddings> ServedEmbedder::embed_with(const std::shared_ptr<const LoadedModel>& chosen, const ServedRows& what,
                                              std::span<const std::string_view> rows,
                                              const std::function<bool()>& cancelled) {
  const EncoderInfo& info = chosen->encoder.info();
  const auto takes = expect_takes(info, what.kind);
  const std::string& prompt_name = what.prompt_name.empty() ? info.default_prompt_name : what.prompt_name;
  auto prompt = what.kind == RowKind::kText ? prompt_of(info, prompt_name) : Result<std::string>("");
  if (!takes || !prompt) {
    return std::unexpected(takes ? prompt.error() : takes.error());
  }
  auto model = chosen;
  if (!prompt->empty() && !info.prompt_is_pooled) {
    // Pooling that leaves the prompt out has to know it when the model is loaded.
    auto prompted = pool_.get(ModelVariant{.name = chosen->name, .prompt_name = prompt_name, .listed = false});
    if (!prompted) {
      return std::unexpected(prompted.error());
    }
    model = *std::move(prompted);
    prompt->clear();
  }
  const auto encoder = model_rows(model, what.kind);
  const std::size_t share_row_count =
      std::min(share_row_count_max_, what.kind == RowKind::kText ? kShareRowCountMax : kShareImageCountMax);
  Embeddings out;
  out.dim = what.dim == 0 ? info.dim : what.dim;
  for (std::size_t first = 0; first < rows.size(); first += share_row_count) {
    const auto share_rows = rows.subspan(first, std::min(share_row_count, rows.size() - first));
    auto share = wait_for(
        [&] {
          Work work{.encoder = encoder,
                    .rows = {},
                    .priority = what.priority,
                    .waits_any_time = what.priority == Priority::kBulk};
          for (const std::string_view row : share_rows) {
            work.rows.push_back(*prompt + std::string(row));
          }
          return work;
        },
        cancelled);
    if (!share) {
      return std::unexpected(std::move(share.error()));
    }
    append(out, std::move(*share), model->normalized);
  }
  return out;
}

Result<WorkResult> ServedEmbedder::wait_for(const std::function<Work()>& make_work,
                                            const std::function<bool()>& cancelled) {
  for (;;) {
    if (cancelled && cancelled()) {
      return fail(ErrorCode::kCancelled, "stopped before every row was embedded");
    }
    auto promise = std::make_shared<std::promise<Result<WorkResult>>>();
    auto answer = promise->get_future();
    Work work = make_work();
    const Priority priority = work.priority;
    const auto handle = scheduler_.submit(
        std::move(work), [promise](Result<WorkResult> result) { promise->set_value(std::move(result)); });
    if (handle) {
      return answer.get();
    }
    if (handle.error().code != ErrorCode::kOverloaded || priority != Priority::kBulk) {
      return std::unexpected(handle.error());
    }
    std::this_thread::sleep_for(kQueueRetry);
  }
}

}  // namespace asterism::server
