// Collections' vectors by the server's own models and queue: rows that are kept wait behind questions, equal ones are
// computed once, and no model is in memory twice.
//
// Ownership: borrows pool and scheduler. Thread-safety: any thread; a call waits for its vectors, so it belongs on a
// thread that may wait.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "scheduler/model_pool.hpp"
#include "scheduler/model_rows.hpp"
#include "scheduler/scheduler.hpp"
#include "store/collection_embedder.hpp"

namespace asterism::server {

// One call of models and queue, for work that is no request of its own: rows of a collection, of a job.
struct ServedRows {
  std::string model;
  RowKind kind = RowKind::kText;
  std::string prompt_name = {};  // of texts; empty = the model's default
  std::size_t dim = 0;           // keep the first so many, before normalising; 0 = all
  Priority priority = Priority::kBulk;
};

class ServedEmbedder final : public CollectionEmbedder {
 public:
  // A collection that was there before may name a model that the pool does not list: it is loaded beside the others,
  // within their memory, and its vectors are kept apart by its files.
  ServedEmbedder(ModelPool& pool, Scheduler& scheduler, std::size_t queue_row_count_max);

  // kNotFound for a model that the server does not serve: clients load no others.
  Result<CollectionSettings> complete(CollectionSettings settings) override;
  Result<Embeddings> embed(const CollectionSettings& settings, Use use, ItemKind kind,
                           std::span<const std::string_view> contents) override;

  // [rows, dim], normalised where the model does that. A full queue is waited for where the rows are bulk, and
  // kOverloaded where they are not. `cancelled` is asked between shares of the rows.
  Result<Embeddings> embed_rows(const ServedRows& what, std::span<const std::string_view> rows,
                                const std::function<bool()>& cancelled = {});
  // One of the server's, by its name or as a collection keeps it.
  Result<std::shared_ptr<const LoadedModel>> served_model(const std::string& name, RowKind kind);

  // The first that takes such rows; empty where none does.
  std::string default_model(RowKind kind);

 private:
  Result<std::shared_ptr<const LoadedModel>> kept_model(const std::string& id, RowKind kind);
  Result<Embeddings> embed_with(const std::shared_ptr<const LoadedModel>& chosen, const ServedRows& what,
                                std::span<const std::string_view> rows, const std::function<bool()>& cancelled);
  // `make_work` is called once a try: what was handed over is gone, and rows may be whole files.
  Result<WorkResult> wait_for(const std::function<Work()>& make_work, const std::function<bool()>& cancelled);

  ModelPool& pool_;
  Scheduler& scheduler_;
  const std::size_t share_row_count_max_;
};

}  // namespace asterism::server
